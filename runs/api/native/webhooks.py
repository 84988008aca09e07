"""Webhooks: where your runs' status changes are sent, and what came of each message."""

from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from runs.api.native.answers import shown, tagged
from runs.api.native.auth import person
from runs.api.native.bodies import read_body
from runs.api.native.endpoint import operation, resource
from runs.api.native.hooks import (
    DeliveryPage,
    DeliveryShape,
    NewWebhookShape,
    WebhookBody,
    WebhookChange,
    WebhookPage,
    WebhookShape,
)
from runs.api.native.paging import page
from runs.api.native.query import PageQuery, read
from runs.models import Webhook
from runs.services import once, webhooks


@operation("List your webhooks", answer=WebhookPage, query=PageQuery, tag="webhooks")
def list_webhooks(request: Request) -> Response:
    """Newest first, without their secrets."""
    return page(request, Webhook.objects.filter(owner=person(request)), read(request, PageQuery), WebhookShape.of)


@operation("Create a webhook", answer=NewWebhookShape, status=201, body=WebhookBody, creates=True, tag="webhooks")
def create_webhook(request: Request) -> Response:
    """The answer has the secret, once. Messages are signed with it and tried seven times, with growing pauses."""
    body = read_body(WebhookBody, request)
    webhook, secret = webhooks.create(by=person(request), **body.model_dump())
    response = shown(NewWebhookShape(secret=secret, **WebhookShape.of(webhook).model_dump()), 201)
    response.headers["Location"] = request.build_absolute_uri(f"/api/v1/webhooks/{webhook.pk}")
    response.headers["Cache-Control"] = "no-store"
    return response


@operation("Show a webhook", answer=WebhookShape, tag="webhooks")
def show_webhook(request: Request, key: str) -> Response:
    """Without its secret."""
    return tagged(request, WebhookShape.of(webhooks.find(by=person(request), key=key)).model_dump(mode="json"))


@operation("Change a webhook", answer=WebhookShape, body=WebhookChange, tag="webhooks")
def change_webhook(request: Request, key: str) -> Response:
    """What is not in the body stays as it is."""
    body = read_body(WebhookChange, request)
    webhook = webhooks.find(by=person(request), key=key)
    return shown(WebhookShape.of(webhooks.change(webhook=webhook, by=person(request), **body.model_dump(exclude_unset=True))))


@operation("Delete a webhook", status=204, tag="webhooks")
def delete_webhook(request: Request, key: str) -> Response:
    """Nothing more is sent, and its log is gone."""
    webhooks.delete(webhook=webhooks.find(by=person(request), key=key), by=person(request))
    once.release(by=person(request), location=request.path)
    return Response(status=204)


@operation("Test a webhook", answer=DeliveryShape, status=202, tag="webhooks")
def test_webhook(request: Request, key: str) -> Response:
    """Sends a message of type `ping`. Look at its delivery a moment later."""
    return shown(DeliveryShape.of(webhooks.ping(webhook=webhooks.find(by=person(request), key=key), by=person(request))), 202)


@operation("List a webhook's deliveries", answer=DeliveryPage, tag="webhooks")
def list_deliveries(request: Request, key: str) -> Response:
    """The newest 200, newest first. They are kept for 30 days."""
    rows = webhooks.find(by=person(request), key=key).deliveries.all()[:200]
    return tagged(request, {"data": [DeliveryShape.of(row).model_dump(mode="json") for row in rows], "next": None})


@operation("Retry a delivery", answer=DeliveryShape, status=202, tag="webhooks")
def retry_delivery(request: Request, key: str, delivery: UUID) -> Response:
    """Of what was given up, under the same id."""
    webhook = webhooks.find(by=person(request), key=key)
    return shown(DeliveryShape.of(webhooks.retry(webhook=webhook, by=person(request), key=delivery)), 202)


collection = resource(get=list_webhooks, post=create_webhook)
item = resource(get=show_webhook, patch=change_webhook, delete=delete_webhook)
test = resource(post=test_webhook)
deliveries = resource(get=list_deliveries)
retry = resource(post=retry_delivery)
