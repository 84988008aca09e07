"""Scripts written for other services, with those services' own packages, against a live server.

The server is a process of its own; the test plays worker and engine, on the same database and folder.
"""

from collections.abc import Iterator

import pytest

from runs.models import User
from runs.services import access
from tests.app.conftest import (  # noqa: F401  fixtures
    _fresh_cache,
    accepted,
    admin,
    asked,
    base_model,
    colleague,
    dataset,
    launcher,
    licence,
    owner,
    research,
    run,
    stranger,
    submit,
    trained,
    viewer,
)
from tests.doors.packages import HERE, Driver, python_with
from tests.serving import Web


def token_of(user: User) -> str:
    return access.create_token(by=user, name="script")[1]


@pytest.fixture
def token(owner: User) -> str:  # noqa: F811
    return token_of(owner)


@pytest.fixture(scope="session")
def _driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    driver = Driver(
        python_with(HERE / "databricks.txt"),
        tmp_path_factory.mktemp("home"),
        "databricks.model_training",
        "mlflow",
    )
    yield driver
    driver.end()


@pytest.fixture
def databricks(_driver: Driver, web: Web, token: str) -> Driver:
    """Give it a script of the original service: it has databricks-genai 1.1.8, two variables, and nothing of ours."""
    _driver.env = {"DATABRICKS_HOST": web.url, "DATABRICKS_TOKEN": token}
    return _driver
