"""The way in: log-in in one or two steps, forgotten passwords, invitations."""

import time
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.forms import SetPasswordForm
from django.contrib.auth.views import LoginView, PasswordResetConfirmView
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render, resolve_url
from django.urls import reverse_lazy
from django.utils.crypto import constant_time_compare
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from runs.models import User
from runs.services import factors, invitations, resetting, throttle, visits
from runs.services.refused import NotFound, Refused
from runs.web.entry import CodeForm, ForgottenForm, InvitedForm, LoginForm

HALF_WAY = "half-way-in"  # session: who has given a password and owes a code, and where to go then
HALF_WAY_SECONDS = 600


class Login(LoginView):
    """Password first. Who has a second factor is not in before its code."""

    form_class = LoginForm
    redirect_authenticated_user = True

    def form_valid(self, form: Any) -> HttpResponse:
        user = form.get_user()
        if not factors.has_one(user):
            return super().form_valid(form)
        proof = {"user": user.pk, "password": user.get_session_auth_hash(), "until": time.time() + HALF_WAY_SECONDS}
        self.request.session[HALF_WAY] = {**proof, "next": self.get_success_url()}
        return redirect("login-code")

    def form_invalid(self, form: Any) -> HttpResponse:
        response = super().form_invalid(form)
        response.status_code = 429 if form.too_often else 200
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**kwargs, oidc_name=settings.OIDC_NAME if settings.OIDC_ISSUER else "")


@never_cache
@require_http_methods(["GET", "POST"])
def code(request: HttpRequest) -> HttpResponseBase:
    """The second step. The session has its new key only once both are done."""
    user = _half_way(request)
    if user is None:
        return redirect("login")
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            factors.check(user=user, code=form.cleaned_data["code"])
        except Refused as refused:
            form.add_error("code", refused.message)
        else:
            owed = request.session.pop(HALF_WAY)
            login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
            return redirect(_inside(request, owed["next"]))
    return render(request, "registration/code.html", {"form": form}, status=422 if form.errors else 200)


def _half_way(request: HttpRequest) -> User | None:
    """Who has just given their password, if it is theirs still."""
    owed = request.session.get(HALF_WAY)
    if not owed or time.time() > owed.get("until", 0):
        return None
    user = User.objects.filter(pk=owed["user"], is_active=True).first()
    return user if user and constant_time_compare(owed["password"], user.get_session_auth_hash()) else None


def _inside(request: HttpRequest, address: str) -> str:
    """Only ever an address of ours."""
    good = url_has_allowed_host_and_scheme(address, allowed_hosts={request.get_host()}, require_https=request.is_secure())
    return address if good else resolve_url(settings.LOGIN_REDIRECT_URL)


@never_cache
@require_http_methods(["GET", "POST"])
def forgotten(request: HttpRequest) -> HttpResponseBase:
    form = ForgottenForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        base = request.build_absolute_uri("/").rstrip("/")
        try:
            resetting.ask(email=form.cleaned_data["email"], base=base, address=str(request.META.get("REMOTE_ADDR", "")))
        except throttle.TooOften as refused:
            form.add_error("email", refused.message)
            return render(request, "registration/forgotten.html", {"form": form}, status=429)
        return render(request, "registration/sent.html")
    return render(request, "registration/forgotten.html", {"form": form}, status=422 if form.errors else 200)


class Reset(PasswordResetConfirmView):
    """Behind the mailed link. It ends all sessions, and does not touch a second factor."""

    template_name = "registration/reset.html"
    success_url = reverse_lazy("login")

    def form_valid(self, form: "SetPasswordForm[User]") -> HttpResponse:
        response = super().form_valid(form)
        visits.end_others(by=form.user, key=None)
        messages.success(self.request, "Your password is changed. Log in with it.")
        return response


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def invited(request: HttpRequest, token: str) -> HttpResponseBase:
    form = InvitedForm(request.POST or None)
    try:
        throttle.attempt({f"invitation from {request.META.get('REMOTE_ADDR', '')}": throttle.PER_ADDRESS})
        invitation = invitations.find(token)
        if request.method == "POST" and form.is_valid():
            given = form.cleaned_data
            invitations.accept(token=token, username=given["username"], password=given["password"])
            messages.success(request, "Your account is made. Log in with it.")
            return redirect("login")
    except (NotFound, throttle.TooOften) as refused:
        status = 404 if isinstance(refused, NotFound) else 429
        return render(request, "registration/gone.html", {"message": refused.message}, status=status)
    except Refused as refused:
        for problem in refused.problems:
            form.add_error(problem.field if problem.field in form.fields else None, problem.message)
    context = {"form": form, "invitation": invitation}
    return render(request, "registration/invited.html", context, status=422 if form.errors else 200)
