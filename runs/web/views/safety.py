"""What keeps one's account safe: the second factor, and the sessions that are open."""

import segno
from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from runs.models.login import SecondFactor
from runs.services import factors, visits
from runs.services.refused import Invalid, Refused
from runs.web.door import page, person


@page
@never_cache
def factor(request: HttpRequest) -> HttpResponseBase:
    """GET says how it stands; POST begins, confirms with `code`, or with `remove` and the password ends it."""
    user = person(request)
    if request.method != "POST":
        return render(request, "account/factor.html", {"there": factors.has_one(user)})
    if "remove" in request.POST:
        try:
            factors.check_password(user=user, password=request.POST.get("password", ""))
        except Refused as refused:
            return render(request, "account/factor.html", {"there": True, "wrong": refused.message}, status=422)
        factors.remove(user=user, by=user)
        messages.success(request, "A password alone lets you in again.")
        return redirect("account")
    if "code" not in request.POST:
        return _shown(request, factors.begin(by=user))
    try:
        codes = factors.confirm(by=user, code=request.POST["code"])
    except Invalid as refused:
        pending = SecondFactor.objects.filter(user=user, confirmed_at=None).first()
        return _shown(request, pending, refused.message) if pending else redirect("factor")
    return render(request, "account/recovery.html", {"codes": codes})


def _shown(request: HttpRequest, pending: SecondFactor, wrong: str = "") -> HttpResponseBase:
    picture = segno.make(factors.address(pending), error="m").svg_data_uri(scale=5, border=3, light="white")
    secret = pending.secret.open()
    shown = " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))
    context = {"pending": True, "picture": picture, "secret": shown, "wrong": wrong}
    return render(request, "account/factor.html", context, status=422 if wrong else 200)


@page
@require_POST
def end_session(request: HttpRequest, pk: int) -> HttpResponseBase:
    visits.end(by=person(request), pk=pk)
    messages.success(request, "That session is ended.")
    return redirect("account")


@page
@require_POST
def end_others(request: HttpRequest) -> HttpResponseBase:
    visits.end_others(by=person(request), key=request.session.session_key)
    messages.success(request, "All your other sessions are ended.")
    return redirect("account")
