"""Every address: the pages, the REST doors, the admin console, and two questions for machines."""

from importlib.util import find_spec

from django.contrib import admin
from django.urls import include, path

from finetuning_ui import health

urlpatterns = [
    path("healthz", health.alive),
    path("readyz", health.ready),
    path("admin/", admin.site.urls),
]
# TODO while the doors are being built: plain includes once both exist.
if find_spec("runs.api.urls"):
    urlpatterns.append(path("", include("runs.api.urls")))
if find_spec("runs.web.urls"):
    urlpatterns.append(path("", include("runs.web.urls")))
