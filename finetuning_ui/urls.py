"""Every address: the pages, the REST doors, the admin console, and two questions for machines."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path

from finetuning_ui import health

handler400 = "runs.web.door.unreadable"

# Without a provider there is no address of its.
oidc = [path("login/", include("allauth.socialaccount.providers.openid_connect.urls"))] if settings.OIDC_ISSUER else []
urlpatterns = [
    path("healthz", health.alive),
    path("readyz", health.ready),
    path("admin/", admin.site.urls),
    *oidc,
    path("", include("runs.api.urls")),
    path("", include("runs.web.urls")),
]
