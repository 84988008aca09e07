"""What comes in and goes out about webhooks."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from runs.api.native.shapes import Shape
from runs.models import Delivery, RunStatus, Webhook

ADDRESS = r"^https?://[!-~]+$"


class WebhookShape(Shape):
    """Where status changes are sent."""

    id: int
    url: str
    statuses: list[RunStatus] = Field(description="Which changes; empty: all of them")
    only_mine: bool
    active: bool
    created_at: datetime

    @classmethod
    def of(cls, webhook: Webhook) -> "WebhookShape":
        return cls.model_validate(webhook)


class NewWebhookShape(WebhookShape):
    secret: str = Field(description="Signs its messages, as Standard Webhooks says: shown now and never again")


class WebhookBody(BaseModel):
    model_config = ConfigDict(extra="forbid")
    url: str = Field(max_length=1_000, pattern=ADDRESS, description="On a host that the operator allows")
    statuses: list[RunStatus] = Field(default=[], max_length=20, description="Which changes; empty: all of them")
    only_mine: bool = Field(default=True, description="Not those of others' runs that you see")


class WebhookChange(BaseModel):
    model_config = ConfigDict(extra="forbid")
    url: str = Field(default="", max_length=1_000, pattern=ADDRESS)
    statuses: list[RunStatus] = Field(default=[], max_length=20)
    only_mine: bool = True
    active: bool = Field(default=True, description="False: nothing is sent until it is true again")


class DeliveryShape(Shape):
    """A message and what came of it."""

    id: UUID = Field(description="The message's webhook-id")
    type: str = Field(description="As in run.completed")
    state: str = Field(description="waiting, delivered or given_up")
    attempts: int
    created_at: datetime
    due_at: datetime = Field(description="When it is tried next, while it waits")
    delivered_at: datetime | None
    answer_status: int | None = Field(description="HTTP's, of the last attempt")
    answer: str = Field(description="Its beginning, or why there was none")
    payload: dict[str, Any]

    @classmethod
    def of(cls, delivery: Delivery) -> "DeliveryShape":
        return cls.model_validate(delivery)


class WebhookPage(BaseModel):
    data: list[WebhookShape]
    next: str | None


class DeliveryPage(BaseModel):
    data: list[DeliveryShape]
    next: None
