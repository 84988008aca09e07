"""Which dialect answers where."""

from django.urls import include, path

urlpatterns = [
    path("api/v1/", include("runs.api.native.urls")),
    path("v1/", include("runs.api.openai.urls")),
    path("", include("runs.api.mlflow.urls")),
    path("", include("runs.api.databricks.urls")),
]
