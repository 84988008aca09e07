"""`manage.py reseal`: encrypt all stored secrets with the newest of SECRETS_KEY, so that older keys can go."""

from argparse import ArgumentParser
from typing import Any

from cryptography.fernet import Fernet
from django.core.management.base import BaseCommand, CommandError

from runs.models.sealed import CannotOpen
from runs.services import secrets


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--new-key", action="store_true", help="print a fresh key and change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["new_key"]:
            self.stdout.write(Fernet.generate_key().decode())
            return
        try:
            count = secrets.reseal()
        except CannotOpen as error:
            raise CommandError(f"{error} Nothing was changed.") from None
        self.stdout.write(f"{count} secrets are sealed with the newest key.")
