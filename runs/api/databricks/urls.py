"""Addresses of the original service, without trailing slashes."""

from django.urls import path, re_path

from runs.api.databricks import files, workspace
from runs.api.databricks.graphql import graphql

CATALOG = "api/2.1/unity-catalog"

urlpatterns = [
    path("api/2.0/genai-mapi/graphql", graphql),
    path("api/2.0/preview/scim/v2/Me", workspace.me),
    path("api/2.0/fs/list", files.listing),
    re_path(r"^api/2\.0/fs/files/(?P<path>Volumes/.*)$", files.file),
    re_path(r"^api/2\.0/fs/directories/(?P<path>Volumes/.*)$", files.directory),
    path(f"{CATALOG}/models", workspace.models),
    path(f"{CATALOG}/models/<str:name>", workspace.model),
    path(f"{CATALOG}/models/<str:name>/versions", workspace.versions),
    path(f"{CATALOG}/effective-permissions/<str:kind>/<str:name>", workspace.permissions),
    path("api/2.1/clusters/list", workspace.clusters),
    path("api/2.1/clusters/get", workspace.cluster),
    path(f"{CATALOG}/tables/<str:name>", workspace.table),
    path(f"{CATALOG}/volumes/<str:name>", workspace.volume),
    re_path(r"^(?:api/[2-9]\.\d|ajax-api|serving-endpoints)/(?P<rest>.*)$", workspace.nowhere),
]
