"""One's own webhooks on the account page: made there, each with a page of what it was told."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from runs.services import webhooks
from runs.services.refused import Unfit
from runs.web.door import page, person
from runs.web.hooks import WebhookForm, hooks_of
from runs.web.views.account import show

SHOWN = 100  # deliveries; REST has 200


@page
@never_cache
@require_POST
def create(request: HttpRequest) -> HttpResponseBase:
    """Answers with the page that shows the secret, once: it is kept sealed, so there is nothing to go back to."""
    form, user = WebhookForm(request.POST), person(request)
    if form.is_valid():
        try:
            made, secret = webhooks.create(by=user, **form.cleaned_data)
            return show(request, hooks=hooks_of(user, fresh=made, secret=secret))
        except Unfit as refused:
            form.add_error("url", refused.message)
    return show(request, wrong=True, hooks=hooks_of(user, webhook_form=form))


@page
@never_cache
def index(request: HttpRequest, pk: int) -> HttpResponseBase:
    webhook = webhooks.find(by=person(request), key=str(pk))
    told = webhook.deliveries.all()[:SHOWN]
    return render(request, "account/webhook.html", {"webhook": webhook, "deliveries": told, "most": SHOWN})


@page
@require_POST
def test(request: HttpRequest, pk: int) -> HttpResponseBase:
    webhooks.ping(webhook=webhooks.find(by=person(request), key=str(pk)), by=person(request))
    messages.success(request, "A message of type ping is on its way. Load this page again in a moment to see what came of it.")
    return redirect("webhook", pk)


@page
@require_POST
def retry(request: HttpRequest, pk: int, delivery: UUID) -> HttpResponseBase:
    webhooks.retry(webhook=webhooks.find(by=person(request), key=str(pk)), by=person(request), key=delivery)
    messages.success(request, "The message is sent again, under the same id.")
    return redirect("webhook", pk)


@page
@require_POST
def switch(request: HttpRequest, pk: int) -> HttpResponseBase:
    """On or off: `active` says which it shall be."""
    webhook, active = webhooks.find(by=person(request), key=str(pk)), request.POST.get("active") == "on"
    webhooks.change(webhook=webhook, by=person(request), active=active)
    messages.success(request, "The webhook is on." if active else "The webhook is off: nothing is sent to it.")
    return redirect("webhook", pk)


@page
def delete(request: HttpRequest, pk: int) -> HttpResponseBase:
    webhook = webhooks.find(by=person(request), key=str(pk))
    if request.method != "POST":
        return render(request, "account/webhook_delete.html", {"webhook": webhook})
    webhooks.delete(webhook=webhook, by=person(request))
    messages.success(request, "The webhook is deleted. Nothing more is sent there.")
    return redirect("account")
