"""Talk to a Finetuning UI server from Python. Needs httpx and nothing else of this project."""

from finetuning_ui.client.errors import ApiError, ConnectionFailed
from finetuning_ui.client.rest import Client

__all__ = ["ApiError", "Client", "ConnectionFailed"]
