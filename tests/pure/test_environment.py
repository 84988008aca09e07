"""What child processes inherit, and what they do not."""

import pytest

from finetuning_ui.env import Environment
from runs.execution.environment import without_secrets


def test_a_training_process_inherits_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """It renders people's templates and reads people's files: the less it holds, the better."""
    hidden = [name for name in Environment.model_fields if name.endswith(("_KEY", "_FALLBACKS", "_TOKEN", "_SECRET", "_URL"))]
    stores = ["AWS_SECRET_ACCESS_KEY", "AZURE_STORAGE_KEY", "GOOGLE_SERVICE_ACCOUNT_KEY", "MLFLOW_TRACKING_TOKEN"]
    for name in [*hidden, *stores, "CUDA_VISIBLE_DEVICES"]:
        monkeypatch.setenv(name, f"planted in {name}")
    assert {"SECRETS_KEY", "HF_TOKEN", "OIDC_CLIENT_SECRET", "DATABASE_URL"} <= set(hidden)
    left = {name for name, value in without_secrets().items() if value.startswith("planted")}
    assert left == {"CUDA_VISIBLE_DEVICES"}
    registering = {name for name, value in without_secrets(stores=True).items() if value.startswith("planted")}
    assert registering == {"CUDA_VISIBLE_DEVICES", *stores}, "who registers models speaks to MLflow and its store"
