"""Which dialect answers where."""

from django.urls import include, path

urlpatterns = [
    path("api/v1/", include("runs.api.native.urls")),
    path("", include("runs.api.databricks.urls")),
]
