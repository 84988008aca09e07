"""The environment of child processes: everything but secrets that they have no use for."""

import os

SECRETS = frozenset({
    "DATABASE_URL", "BROKER_URL", "SECRET_KEY", "SECRET_KEY_FALLBACKS", "SECRETS_KEY", "EMAIL_URL", "HF_TOKEN",
    "OIDC_CLIENT_SECRET", "DJANGO_SETTINGS_MODULE",
})  # fmt: skip
STORES = ("AWS_", "AZURE_", "GOOGLE_", "MLFLOW_")  # credentials of object stores and of MLflow begin with these


def without_secrets(*, stores: bool = False) -> dict[str, str]:
    """For the engine and for measurements, which read files of this machine alone; who speaks to MLflow keeps `stores`."""
    kept = {key: value for key, value in os.environ.items() if key not in SECRETS}
    return kept if stores else {key: value for key, value in kept.items() if not key.startswith(STORES)}
