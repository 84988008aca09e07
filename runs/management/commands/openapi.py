"""`manage.py openapi`: the OpenAPI document of REST v1, as committed in docs/openapi.json."""

import json
from typing import Any

from django.core.management.base import BaseCommand

from runs.api.native.openapi import document


class Command(BaseCommand):
    help = "Print the OpenAPI document of REST v1."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(json.dumps(document(), indent=1, ensure_ascii=False))
