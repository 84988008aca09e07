"""`manage.py export_audit > audit.jsonl`: the whole audit log, or what is new since a number, one JSON object a line."""

from argparse import ArgumentParser

from django.core.management.base import BaseCommand

from runs.models import AuditEntry
from runs.services.history import lines


class Command(BaseCommand):
    help = "Write the audit log as JSON lines, oldest first."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--after", type=int, default=0, metavar="NUMBER", help="only entries behind this one")

    def handle(self, *, after: int, **options: object) -> None:
        for line in lines(AuditEntry.objects.filter(number__gt=after)):
            self.stdout.write(line, ending="")
