"""`manage.py permissions > docs/permissions.md`: the table of permissions as a document."""

from django.core.management.base import BaseCommand

from runs.services.permissions.document import markdown


class Command(BaseCommand):
    help = __doc__ or ""

    def handle(self, *args: object, **options: object) -> None:
        self.stdout.write(markdown(), ending="")
