"""`manage.py create_token USER --name X`: prints a bearer token and nothing else on standard output."""

from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError

from runs.models import Right, User
from runs.services.access import create_token
from runs.services.refused import Refused


class Command(BaseCommand):
    help = "Make an API token for a person and print it, once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", help="user name, as at the login")
        parser.add_argument("--name", required=True, help="what will use the token")
        parser.add_argument(
            "--scope", action="append", choices=Right.values, help="what it may do; all the person may if unsaid"
        )

    def handle(self, *, user: str, name: str, scope: list[str] | None, **options: object) -> None:
        person = User.objects.filter(username=user, is_active=True).first()
        if person is None:
            known = ", ".join(User.objects.filter(is_active=True).values_list("username", flat=True)[:10]) or "nobody yet"
            raise CommandError(f"There is no active user “{user}”. There are: {known}.")
        try:
            _, token = create_token(by=person, name=name, scopes=scope)
        except Refused as refused:
            raise CommandError(refused.message) from None
        self.stdout.write(token)
