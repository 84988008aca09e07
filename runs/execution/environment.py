"""The environment of child processes: everything but our secrets, which neither the engine nor the packer needs."""

import os

SECRETS = ("DATABASE_URL", "BROKER_URL", "SECRET_KEY", "EMAIL_URL", "DJANGO_SETTINGS_MODULE")


def without_secrets() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if key not in SECRETS}
