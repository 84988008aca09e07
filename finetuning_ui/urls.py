"""Every address: the pages, the REST doors, the admin console, and two questions for machines."""

from django.contrib import admin
from django.urls import include, path

from finetuning_ui import health

urlpatterns = [
    path("healthz", health.alive),
    path("readyz", health.ready),
    path("admin/", admin.site.urls),
    path("", include("runs.api.urls")),
    path("", include("runs.web.urls")),
]
