"""`manage.py load_catalog`: base models and licences that ship with the product, into the database."""

from django.core.management.base import BaseCommand

from runs.services import catalog


class Command(BaseCommand):
    help = "Bring the shipped catalog up to date. What an admin has changed stays."

    def handle(self, **options: object) -> None:
        written = catalog.load()
        self.stdout.write(f"{written} base models written." if written else "The catalog is up to date.")
