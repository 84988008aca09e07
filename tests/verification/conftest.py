"""A registry on a real MLflow server, and what a run of one test is called and keeps."""

import secrets
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from runs.registry.mlflow import MlflowRegistry


@pytest.fixture
def registry(mlflow_server: str) -> MlflowRegistry:
    return MlflowRegistry(mlflow_server)


@pytest.fixture
def run_name() -> str:
    return f"ft-tiny-{secrets.token_hex(3)}"


@pytest.fixture
def place() -> Iterator[Path]:
    with TemporaryDirectory(prefix="finetuning-ui-registry-") as folder:
        yield Path(folder)
