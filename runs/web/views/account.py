"""One's own account: role, API tokens, accepted licences, password."""

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from runs.models import ApiToken, LicenceAcceptance, Right
from runs.services import access, factors, secrets, visits
from runs.services.quotas import allowances
from runs.services.refused import Invalid, NotFound
from runs.services.spending import COUNTED
from runs.web.door import page, person
from runs.web.forms import PasswordForm, TokenForm
from runs.web.hooks import hooks_of
from runs.web.own import own_secrets


@page
@never_cache
def index(request: HttpRequest) -> HttpResponseBase:
    return show(request)


def show(request: HttpRequest, *, wrong: bool = False, **more: object) -> HttpResponseBase:
    user = person(request)
    quotas = allowances(user)
    context = {
        "tokens": ApiToken.objects.filter(user=user),
        "accepted": LicenceAcceptance.objects.filter(user=user).select_related("licence").order_by("-accepted_at"),
        "token_form": TokenForm(user=user),
        "password_form": PasswordForm(user),
        "visits": visits.open_visits(user),
        "session_key": request.session.session_key,
        "has_factor": factors.has_one(user),
        "quotas": quotas,
        "counted": COUNTED if any(one.key == "storage" for one in quotas) else "",
        "secrets": own_secrets(user),
        "hooks": hooks_of(user),
        "now": timezone.now(),
    }
    return render(request, "account/index.html", {**context, **more}, status=422 if wrong else 200)


@page
@never_cache
@require_POST
def create_token(request: HttpRequest) -> HttpResponseBase:
    """Answers with the page that shows the token, once: nothing keeps it, so there is nothing to go back to."""
    form = TokenForm(request.POST, user=person(request))
    if not form.is_valid():
        return show(request, wrong=True, token_form=form)
    try:
        row, token = access.create_token(
            by=person(request),
            name=form.cleaned_data["name"],
            expires_at=form.expires_at,
            scopes=form.cleaned_data["scopes"] or [Right.READ],
        )
    except Invalid as refused:
        form.add_error("name", refused.message)
        return show(request, wrong=True, token_form=form)
    return show(request, fresh=row, token=token)


@page
def revoke_token(request: HttpRequest, pk: int) -> HttpResponseBase:
    token = get_object_or_404(ApiToken, pk=pk, user=person(request))
    if request.method != "POST":
        return render(request, "account/revoke.html", {"token": token})
    access.revoke_token(token=token, by=person(request))
    messages.success(request, f"The token “{token.name}” is revoked. Whatever uses it is refused from now on.")
    return redirect("account")


@page
@require_POST
def password(request: HttpRequest) -> HttpResponseBase:
    form = PasswordForm(person(request), request.POST)
    if not form.is_valid():
        return show(request, wrong=True, password_form=form)
    old, user = request.session.session_key, form.save()
    update_session_auth_hash(request, user)
    visits.moved(user=user, old=old, new=request.session.session_key)
    visits.end_others(by=user, key=request.session.session_key)
    messages.success(request, "Your password is changed, and your other sessions are ended.")
    return redirect("account")


@page
@require_POST
def secret(request: HttpRequest, name: str) -> HttpResponseBase:
    """Keep a secret of this person's own, or with `remove` forget it. It is never shown again."""
    if name not in secrets.KNOWN:
        raise NotFound("There is no such secret.")
    known, user = secrets.Name(name), person(request)
    title = secrets.KNOWN[known].title
    if "remove" in request.POST:
        secrets.remove(name=known, by=user, owner=user)
        messages.success(request, f"Your {title} is forgotten.")
        return redirect("account")
    try:
        secrets.put(name=known, value=request.POST.get("value", ""), by=user, owner=user)
    except Invalid as refused:
        return show(request, wrong=True, secrets=own_secrets(user, wrong={known: refused.message}))
    messages.success(request, f"Your {title} is kept, encrypted.")
    return redirect("account")
