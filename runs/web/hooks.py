"""The account page's part about webhooks: the form, and what there is to show."""

from typing import Any

from django import forms
from django.conf import settings

from runs.models import RunStatus, User, Webhook


class WebhookForm(forms.Form):
    """Where to tell about which changes. What an address may be is the service's to say."""

    url = forms.CharField(
        max_length=1_000,
        label="Address",
        widget=forms.URLInput(attrs={"autocomplete": "off", "placeholder": "https://hooks.example.org/runs"}),
        error_messages={"required": "Say where to."},
    )
    statuses = forms.TypedMultipleChoiceField(
        choices=RunStatus.choices,
        coerce=RunStatus,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label="When a run becomes",
        help_text="None of them ticked: at every change.",
    )
    only_mine = forms.TypedChoiceField(
        choices=[("mine", "my own runs"), ("all", "every run that I may see")],
        coerce=lambda text: text == "mine",
        initial="mine",
        label="Of",
    )


def hooks_of(user: User, **more: Any) -> dict[str, Any]:
    """The section's context. With no hosts to send to there is no form, only the reason."""
    return {
        "webhooks": Webhook.objects.filter(owner=user),
        "webhook_hosts": settings.WEBHOOK_HOSTS,
        "webhook_form": WebhookForm(),
        "may_hook": user.may_train,
        **more,
    }
