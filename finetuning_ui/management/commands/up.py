"""`manage.py up`: the whole product on this machine, until Ctrl-C."""

from contextlib import suppress

from django.core.management.base import BaseCommand, CommandError

from finetuning_ui.services import CannotStart, up
from finetuning_ui.stack.lock import AlreadyRunning
from finetuning_ui.stack.postgres import CannotPrepare
from finetuning_ui.stack.supervisor import DidNotStart


class Command(BaseCommand):
    help = "Start PostgreSQL, Valkey, MLflow, web, worker and beat as one group, and keep them running until Ctrl-C."
    requires_system_checks = ()

    def handle(self, *_: object, **__: object) -> None:
        try:
            up(self._say)
        except (CannotStart, AlreadyRunning, CannotPrepare, DidNotStart) as error:
            raise CommandError(str(error)) from None

    def _say(self, name: str, text: str) -> None:
        """Whoever listened may be gone, with the terminal for one: that must not keep anything from being stopped in order."""
        with suppress(OSError):
            self.stdout.write(f"{name:>8} | {text}")
            self.stdout.flush()
