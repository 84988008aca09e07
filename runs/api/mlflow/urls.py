"""Addresses of MLflow's REST interface."""

from django.urls import path

from runs.api.mlflow import artifacts, door, versions

urlpatterns = [
    path("api/2.0/mlflow/<path:rest>", door.passed),
    path("api/2.0/mlflow-artifacts/artifacts", artifacts.listing),
    path("api/2.0/mlflow-artifacts/artifacts/<path:path>", artifacts.artifact),
    path("api/2.0/mlflow-artifacts/signed/<str:token>", artifacts.signed, name="mlflow-signed"),
    path("get-artifact", artifacts.by_run),
    path("api/2.0/fs/files/Models/<path:path>", versions.file),
    path("api/2.0/fs/directories/Models/<path:path>", versions.directory),
    path("api/2.0/fs/files/WorkspaceInternal/Mlflow/Artifacts/<path:path>", artifacts.workspace_file),
    path("api/2.0/fs/directories/WorkspaceInternal/Mlflow/Artifacts/<path:path>", artifacts.workspace_directory),
]
