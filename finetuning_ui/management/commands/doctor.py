"""`manage.py doctor`: what is wrong with this installation, and how to mend it."""

import sys

from django.core.management.base import BaseCommand
from rich.console import Console
from rich.text import Text

from finetuning_ui.diagnosis import findings


class Command(BaseCommand):
    help = "Look at everything the product needs; say what is wrong and how to mend it. Ends with status 1 if something is."
    requires_system_checks = ()

    def handle(self, *_: object, **__: object) -> None:
        console, wrong = Console(file=self.stdout, highlight=False), 0  # type: ignore[arg-type]
        for finding in findings():
            wrong += not finding.ok
            console.print(Text("✓ " if finding.ok else "✗ ", "green" if finding.ok else "bold red") + Text(finding.what))
            if not finding.ok:
                console.print(Text(f"  {finding.mend}", "yellow"))
        console.print(f"{wrong} to mend." if wrong else "All is well.")
        if wrong:
            sys.exit(1)
