"""`manage.py verify_audit`: whether the audit log is as it was written. Exit status 1, and the first broken entry, when not."""

from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError

from runs.services import chain


class Command(BaseCommand):
    help = "Verify the chain of the audit log and print its head, to be kept somewhere else."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--expect", default="", metavar="NUMBER:HASH", help="a head that this command printed earlier")

    def handle(self, *, expect: str, **options: object) -> None:
        verdict = chain.verify(expected=expect)
        if verdict.broken:
            where = f"at entry {verdict.broken.number}" if verdict.broken.number else "at its seals"
            raise CommandError(f"The audit log is broken {where}. {verdict.broken.what}")
        self.stderr.write(f"{verdict.entries:,} entries follow from one another; {verdict.seals:,} seals agree. The head:")
        self.stdout.write(verdict.head)
