"""Scripts written for other services, with those services' own packages, against a live server.

The server is a process of its own; the test plays worker and engine, on the same database and folder.
"""

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


def token_of(user: User) -> str:
    return access.create_token(by=user, name="script")[1]


@pytest.fixture
def token(owner: User) -> str:  # noqa: F811
    return token_of(owner)
