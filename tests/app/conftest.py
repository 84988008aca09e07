"""The people and things that the stories are about."""

import hashlib
import html
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from runs import wiring
from runs.contract.spec import TaskType
from runs.models import BaseModel, DataSet, Licence, Role, Run, Team, User
from runs.services import access, dispatch, lifecycle, progress, retirement
from tests.fakes import FakeEngine, FakeLauncher

PASSWORD = "a long and private sentence"


@pytest.fixture(autouse=True)
def _fresh_cache() -> None:
    """Request rates are counted in the cache."""
    cache.clear()


@pytest.fixture
def research(db: None) -> Team:
    return Team.objects.create(name="research")


@pytest.fixture
def owner(research: Team) -> User:
    """A data scientist, whose runs the stories are about."""
    return User.objects.create_user("owner", "owner@example.org", PASSWORD, team=research)


@pytest.fixture
def colleague(research: Team) -> User:
    """A data scientist of the same team."""
    return User.objects.create_user("colleague", "", PASSWORD, team=research)


@pytest.fixture
def stranger(db: None) -> User:
    """A data scientist of another team."""
    return User.objects.create_user("stranger", "", PASSWORD, team=Team.objects.create(name="elsewhere"))


@pytest.fixture
def viewer(research: Team) -> User:
    return User.objects.create_user("viewer", "", PASSWORD, role=Role.VIEWER, team=research)


@pytest.fixture
def admin(db: None) -> User:
    return User.objects.create_user("admin", "admin@example.org", PASSWORD, role=Role.ADMIN)


@pytest.fixture
def licence(db: None) -> Licence:
    return Licence.objects.create(key="open", name="Open licence 1.0", notice="Say where from.", obligations=["Name us."])


@pytest.fixture
def base_model(licence: Licence) -> BaseModel:
    """A small model whose weights are on this machine, as far as a folder with a config.json says so."""
    model = BaseModel.objects.create(
        name="test/tiny-chat",
        display_name="Tiny chat",
        family="Tiny",
        parameters=1_000_000,
        max_context_length=2_048,
        task_types=[task.value for task in TaskType],
        licence=licence,
        defaults={"learning_rate": 0.001},
    )
    folder = Path(settings.MODELS_DIR / model.name)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text("{}")
    return model


@pytest.fixture
def newer(base_model: BaseModel) -> BaseModel:
    """What replaces it."""
    copy = BaseModel.objects.get(pk=base_model.pk)
    copy.pk, copy.name, copy.folder = None, "test/tiny-chat-2", str(wiring.model_folder(base_model))
    copy.save()
    return copy


def retire(
    model: BaseModel, by: User, days: int = 0, replacement: BaseModel | None = None, reason: str = "Too old."
) -> BaseModel:
    """Say that the model leaves in so many days."""
    on = timezone.localdate() + timedelta(days=days)
    return retirement.retire(model=model, by=by, on=on, replacement=replacement, reason=reason)


def day_comes(model: BaseModel) -> None:
    """The calendar moves on: what was tomorrow is today."""
    BaseModel.objects.filter(pk=model.pk).update(retires_on=timezone.localdate())


ROWS = [
    {"messages": [{"role": "user", "content": f"What is {n} + {n}?"}, {"role": "assistant", "content": str(2 * n)}]}
    for n in range(20)
]


@pytest.fixture
def dataset(owner: User) -> DataSet:
    text = "".join(json.dumps(row) + "\n" for row in ROWS)
    digest = "sha256:" + hashlib.sha256(text.encode()).hexdigest()
    path = wiring.dataset_file(digest)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return DataSet.objects.create(
        name="sums",
        owner=owner,
        task_type=TaskType.CHAT_COMPLETION,
        source="sums.jsonl",
        digest=digest,
        rows=len(ROWS),
        bytes=len(text),
        report={},
    )


@pytest.fixture
def accepted(base_model: BaseModel, owner: User, colleague: User, admin: User) -> None:
    """Those who may train have accepted the model's licence."""
    for person in (owner, colleague, admin):
        access.accept_licence(licence=base_model.licence, by=person)


@pytest.fixture
def asked(base_model: BaseModel, dataset: DataSet) -> dict[str, Any]:
    """The least that a person must say to get a run."""
    return {"model": base_model.name, "train_data_path": dataset.name, "register_to": "main.default"}


Submit = Callable[..., Run]
Call = Callable[..., Any]


@pytest.fixture
def submit(asked: dict[str, Any], owner: User, accepted: None) -> Submit:
    """`submit()` makes a run of the owner's; keywords change what is asked for."""

    def make(by: User = owner, **changes: Any) -> Run:
        return lifecycle.submit(by=by, asked=lifecycle.read_request({**asked, **changes}))

    return make


@pytest.fixture
def run(submit: Submit) -> Run:
    """A pending run of the owner's."""
    return submit()


@pytest.fixture
def launcher(monkeypatch: pytest.MonkeyPatch) -> FakeLauncher:
    """Engines that do what the test says."""
    fake = FakeLauncher()
    monkeypatch.setattr(wiring, "launcher", lambda: fake)
    return fake


def caller(user: User) -> Call:
    """`call("GET", "runs")` with a token of this person's."""
    _, token = access.create_token(by=user, name="script")
    client = Client(raise_request_exception=False)

    def call(method: str, path: str, body: object = None, **headers: str) -> Any:
        send = getattr(client, method.lower())
        names = {"HTTP_" + name.upper().replace("-", "_"): value for name, value in headers.items()}
        url = path if path.startswith("http") else f"/api/v1/{path}"
        data = {} if method == "GET" else {"data": "" if body is None else body, "content_type": "application/json"}
        return send(url, **data, **{"HTTP_AUTHORIZATION": f"Bearer {token}", **names})

    return call


@pytest.fixture
def api(owner: User) -> Call:
    return caller(owner)


@pytest.fixture
def trained(run: Run, launcher: FakeLauncher) -> tuple[Run, FakeEngine]:
    """A run in training, three steps in, with a checkpoint and what the engine said absorbed."""
    dispatch.start_waiting()
    engine = launcher.engines[run.name]
    engine.trains(first=1, last=3)
    engine.keeps_checkpoint("ep1-ba2", 2)
    run.refresh_from_db()
    progress.advance(run.pk, run.lease_token)
    run.refresh_from_db()
    return run, engine


@pytest.fixture
def console(admin: User) -> Client:
    """A browser in which an admin is logged in."""
    browser = Client()
    browser.force_login(admin)
    return browser


def text(answer: Any) -> str:
    """A page as one reads its source, without entities."""
    return html.unescape(answer.content.decode())
