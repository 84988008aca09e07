"""`manage.py demo`: set up, fine-tune, register, compare, and stay up until Ctrl-C."""

import signal
import subprocess
import sys
import threading
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from finetuning_ui.client import Client
from finetuning_ui.client.errors import ClientError
from finetuning_ui.demo.screen import Screen
from finetuning_ui.demo.story import MODEL, DemoFailed, tell
from finetuning_ui.stack import programs
from finetuning_ui.stack.background import running_stack
from finetuning_ui.stack.supervisor import DidNotStart
from runs.catalog.smollm import FetchFailed, fetch_smollm2


class Command(BaseCommand):
    help = "Fine-tune a real model on sample data through the product's own path, and show what it has learnt."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--exit", action="store_true", help="end after the run instead of staying up until Ctrl-C")

    def handle(self, *_: object, **options: Any) -> None:
        screen = Screen()
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends like Ctrl-C: the stack first, in order
        try:
            with running_stack(screen.say):
                self._tell(screen)
                if not options["exit"]:
                    screen.say("\nEverything stays up. Ctrl-C stops it.")
                    threading.Event().wait()
        except KeyboardInterrupt:
            screen.say("Stopping.")
        except (DidNotStart, FetchFailed, DemoFailed, ClientError) as error:
            raise CommandError(str(error)) from None

    def _tell(self, screen: Screen) -> None:
        url = programs.web_url()
        model = fetch_smollm2(Path(settings.MODELS_DIR), say=screen.say)
        with Client(url, _token()) as client:
            run = tell(client, model_folder=model, runs_folder=settings.DATA_DIR / "runs", screen=screen)
        version = run["registered_model"]
        screen.title("4. Where to look")
        for name, address in (
            ("the run", f"{url}/runs/{run['name']}/"),
            ("all runs", f"{url}/"),
            ("the model", f"{url}/registered-models/{version['name']}/"),
            ("MLflow", settings.MLFLOW_TRACKING_URI),
        ):
            screen.say(f"  {name:<10} {address}")
        screen.say(f"  registered as {version['uri']}, trained from {MODEL}")


def _token() -> str:
    """A token of the first admin, made by the command that people use."""
    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "create_token", "admin", "--name", "demo"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise DemoFailed(f"No token could be made: {done.stderr.strip()}")
    return done.stdout.strip()
