"""Talk to a Finetuning UI server from Python. Needs httpx and nothing else of this project."""

from finetuning_ui.client.connection import connect
from finetuning_ui.client.errors import ApiError, ClientError, ConnectionFailed, NotConfigured, NotMeasured, WaitedTooLong
from finetuning_ui.client.rest import Client
from finetuning_ui.client.run import RunStatus, TrainingEvent, TrainingRun

__all__ = [
    "ApiError",
    "Client",
    "ClientError",
    "ConnectionFailed",
    "NotConfigured",
    "NotMeasured",
    "RunStatus",
    "TrainingEvent",
    "TrainingRun",
    "WaitedTooLong",
    "connect",
]
