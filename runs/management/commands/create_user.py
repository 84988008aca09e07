"""`manage.py create_user NAME --role scientist`: an account, with a password that is asked for or made and shown once."""

import secrets
import sys
from argparse import ArgumentParser
from getpass import getpass

from django.core.management.base import BaseCommand, CommandError

from runs.models import Role
from runs.services.people import create_user
from runs.services.refused import Refused


class Command(BaseCommand):
    help = "Create an account. Without --ask-password one is made and printed, once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", help="user name, for the login")
        parser.add_argument("--role", choices=Role.values, default=Role.SCIENTIST.value)
        parser.add_argument("--email", default="")
        parser.add_argument("--team", default="", help="name of a team; made when it is new")
        parser.add_argument("--ask-password", action="store_true", help="ask for it, or read a line of standard input")

    def handle(self, *, user: str, role: str, email: str, team: str, ask_password: bool, **options: object) -> None:
        made = "" if ask_password else secrets.token_urlsafe(12)
        password = made or (getpass() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n"))
        try:
            create_user(by=None, username=user, role=Role(role), email=email, team=team, password=password)
        except Refused as refused:
            raise CommandError("\n".join(problem.message for problem in refused.problems)) from None
        if made:
            self.stdout.write(made)
        self.stderr.write(f"{user} is here now, as {Role(role).label.lower()}.")
