"""The addresses of the original service's dialect."""

CATALOG = "api/2.1/unity-catalog"
WORKSPACE = "WorkspaceInternal/Mlflow/Artifacts/<path:path>"
RECORD = {"GET": "record.see", "PUT": "record.change", "DELETE": "record.change"}
DATABRICKS: dict[str, dict[str, str]] = {
    # one address for six operations: each asks for its own right in the service that it calls
    "api/2.0/genai-mapi/graphql": {"POST": "run.list"},
    "api/2.0/preview/scim/v2/Me": {"GET": "account.see"},
    "api/2.0/fs/list": {"GET": "volume.read"},
    "^api/2\\.0/fs/files/(?P<path>Volumes/.*)$": {"GET": "volume.read", "PUT": "volume.write", "DELETE": "volume.write"},
    "^api/2\\.0/fs/directories/(?P<path>Volumes/.*)$": {"GET": "volume.read", "PUT": "volume.write", "DELETE": "volume.write"},
    # one address for all calls: each is behind its own rule (services.sight)
    "api/2.0/mlflow/<path:rest>": dict.fromkeys(("GET", "POST", "PATCH", "DELETE"), "record.see"),
    "api/2.0/mlflow-artifacts/artifacts": {"GET": "record.see"},
    "api/2.0/mlflow-artifacts/artifacts/<path:path>": RECORD,
    "api/2.0/mlflow-artifacts/signed/<str:token>": {"GET": "record.signed", "PUT": "record.signed"},
    "get-artifact": {"GET": "record.see"},
    "api/2.0/fs/files/Models/<path:path>": {"GET": "record.see", "PUT": "record.see"},
    "api/2.0/fs/directories/Models/<path:path>": {"GET": "record.see"},
    f"api/2.0/fs/files/{WORKSPACE}": RECORD,
    f"api/2.0/fs/directories/{WORKSPACE}": {"GET": "record.see", "PUT": "record.change"},
    f"{CATALOG}/models": {"GET": "registered.see", "POST": "registered.create"},
    f"{CATALOG}/models/<str:name>": {"GET": "registered.see", "DELETE": "registered.delete"},
    f"{CATALOG}/models/<str:name>/versions": {"GET": "registered.see"},
    f"{CATALOG}/effective-permissions/<str:kind>/<str:name>": {"GET": "account.see"},
    f"{CATALOG}/tables/<str:name>": {"GET": "volume.read"},
    f"{CATALOG}/volumes/<str:name>": {"GET": "volume.read"},
    "api/2.1/clusters/list": {"GET": "help.read"},
    "api/2.1/clusters/get": {"GET": "help.read"},
}
