"""Webhooks of everybody and what they were told. Read-only: they are their owners', who change them through REST."""

from runs.console.table import ReadOnly
from runs.models import Delivery, Webhook


class WebhookAdmin(ReadOnly[Webhook]):
    empty_words = "People make webhooks on their account page, to the hosts that WEBHOOK_HOSTS lists."
    list_display = ("url", "owner", "statuses", "only_mine", "active", "created_at")
    list_filter = ("active",)
    search_fields = ("url", "owner__username")
    list_select_related = ("owner",)
    fields = ("url", "owner", "statuses", ("only_mine", "active"), "created_at")


class DeliveryAdmin(ReadOnly[Delivery]):
    empty_words = "What webhooks were told stands here, with what they answered."
    list_display = ("type", "webhook", "state", "attempts", "answer_status", "created_at", "delivered_at")
    list_filter = ("state", "created_at")
    search_fields = ("webhook__url", "type", "answer")
    list_select_related = ("webhook",)
