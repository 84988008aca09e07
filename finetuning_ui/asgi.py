"""The web application as ASGI; `uvicorn finetuning_ui.asgi:application` serves it."""

import os
import resource

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "finetuning_ui.settings")

django = get_asgi_application()

from django.conf import settings  # noqa: E402  settings are ready now

from finetuning_ui.intake import Intake  # noqa: E402
from runs.api.intake import is_known  # noqa: E402

OPEN_FILES = 65_536  # each open page, upload and idle connection is one; where a system gives 1,024 it mostly allows more

now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (max(now, min(most, OPEN_FILES)), most))

application = Intake(
    django,
    small=settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1,  # one byte more: Django's own answer for its own limit
    large=settings.LARGEST_UPLOAD,
    patience=settings.BODY_PATIENCE,
    knows=is_known,
)
