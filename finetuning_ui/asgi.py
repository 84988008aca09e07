"""The web application as ASGI; `uvicorn finetuning_ui.asgi:application` serves it."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "finetuning_ui.settings")

application = get_asgi_application()
