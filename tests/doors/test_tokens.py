"""Tokens that are none: expired, revoked, wrong, empty, of somebody locked out, in another scheme. One answer at every door."""

import re
import uuid
from datetime import timedelta
from typing import Any

import httpx
import openai
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import Unauthenticated
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from finetuning_ui.client.errors import ApiError
from finetuning_ui.client.rest import Client
from runs.models import ApiToken, Run, User
from runs.models.token import token_hash
from runs.services import access
from tests.doors.conftest import token_of
from tests.doors.packages import Driver
from tests.serving import Web

pytestmark = pytest.mark.django_db(transaction=True)
DOORS: list[tuple[str, str, dict[str, Any]]] = [
    ("GET", "/api/v1/runs", {}),
    ("POST", "/api/v1/runs", {"json": {"model": "x"}}),
    ("GET", "/api/v1/runs/{run}/log", {}),
    ("GET", "/api/v1/runs/{run}/stream", {"headers": {"Accept": "text/event-stream"}}),
    ("GET", "/api/v1/stream", {}),
    ("GET", "/api/v1/audit.jsonl", {}),
    ("POST", "/api/2.0/genai-mapi/graphql", {"json": {"query": "{ getFinetuneConstants { models } }"}}),
    ("GET", "/api/2.0/preview/scim/v2/Me", {}),
    ("GET", "/api/2.0/fs/files/Volumes/main/default/x/a.txt", {}),
    ("PUT", "/api/2.0/fs/files/Volumes/main/default/x/a.txt", {"content": b"x"}),
    ("GET", "/api/2.0/fs/directories/Volumes/main/default/x", {}),
    ("GET", "/api/2.0/fs/list?path=/Volumes/main/default", {}),
    ("GET", "/api/2.1/unity-catalog/models/main.default.x", {}),
    ("GET", "/api/2.1/unity-catalog/tables/main.default.x", {}),
    ("GET", "/api/2.1/clusters/list", {}),
    ("GET", "/api/2.0/mlflow/runs/get?run_id={mlflow}", {}),
    ("POST", "/api/2.0/mlflow/runs/search", {"json": {"experiment_ids": ["0"]}}),
    ("GET", "/api/2.0/mlflow-artifacts/artifacts?path=0/{mlflow}/artifacts", {}),
    ("GET", "/api/2.0/mlflow-artifacts/artifacts/0/{mlflow}/artifacts/a.txt", {}),
    ("GET", "/get-artifact?run_uuid={mlflow}&path=a.txt", {}),
    ("GET", "/api/2.0/fs/files/Models/main/default/x/1/a", {}),
    ("GET", "/api/2.0/fs/files/WorkspaceInternal/Mlflow/Artifacts/0/Runs/{mlflow}/a", {}),
    ("GET", "/v1/models", {}),
    ("POST", "/v1/files", {"files": {"file": ("a.jsonl", b"{}")}}),
    ("GET", "/v1/files/file-{data}/content", {}),
    ("GET", "/v1/fine_tuning/jobs/ftjob-{run}", {}),
]  # fmt: skip


@pytest.fixture
def bad(owner: User, colleague: User) -> dict[str, str]:
    """What is wrong with each, and what the header Authorization says."""
    expired, revoked, locked, good = token_of(owner), token_of(owner), token_of(colleague), token_of(owner)
    rows = ApiToken.objects.all()
    rows.filter(hash=token_hash(expired)).update(expires_at=timezone.now() - timedelta(seconds=1))
    access.revoke_token(token=rows.get(hash=token_hash(revoked)), by=owner)
    User.objects.filter(pk=colleague.pk).update(is_active=False)
    return {
        "expired": f"Bearer {expired}",
        "revoked": f"Bearer {revoked}",
        "locked out": f"Bearer {locked}",
        "wrong": "Bearer ftui_" + "x" * 43,
        "cut off": f"Bearer {good[:-1]}",
        "in capitals": f"Bearer {good.upper()}",
        "odd": "Bearer %00'\"; --",
        "empty": "Bearer",
        "no scheme": good,
        "basic": f"Basic {good}",
        "another scheme": f"Token {good}",
        "none": "",
    }


def without_number(text: str) -> str:
    """An answer without what is new in each."""
    return re.sub(r"\b[0-9a-f]{16,}\b", "X", text)


def test_every_door_answers_all_of_them_alike_and_tells_nothing(web: Web, bad: dict[str, str], token: str, run: Run) -> None:
    """What is there and what is not, too: nobody without a token learns which runs there are."""
    there = {"run": run.name, "mlflow": uuid.uuid4().hex, "data": run.dataset.name}
    nowhere = {"run": "no-such-run", "mlflow": "0" * 32, "data": "none"}
    with httpx.Client(base_url=web.url, timeout=30) as client:
        for method, path, sent in DOORS:
            answers = {}
            for kind, header in bad.items():
                headers = {**sent.get("headers", {}), **({"Authorization": header} if header else {})}
                for things in (there, nowhere) if kind in ("wrong", "none") else (there,):
                    answer = client.request(method, path.format(**things), **{**sent, "headers": headers})
                    assert answer.status_code == 401, (method, path, kind, answer.text)
                    told = without_number(answer.text.replace(things["run"], "X").replace(things["data"], "X"))
                    assert "owner" not in told
                    answers[kind, things["run"]] = told
            # REST alone says whether there was a token at all
            assert len(set(answers.values())) <= (2 if path.startswith("/api/v1") else 1), (method, path, answers)
    assert run.events.count() == 1
    assert not ApiToken.objects.filter(last_used_at__isnull=False).exists()


def test_each_client_raises_its_own_error(web: Web, bad: dict[str, str], databricks: Driver) -> None:
    for kind in ("expired", "revoked", "locked out", "wrong"):
        token = bad[kind].removeprefix("Bearer ")
        with openai.OpenAI(base_url=f"{web.url}/v1", api_key=token) as client, pytest.raises(openai.AuthenticationError):
            client.models.list()
        with Client(web.url, token) as ours, pytest.raises(ApiError) as error:
            ours.whoami()
        assert error.value.status == 401
        workspace = WorkspaceClient(host=web.url, token=token)
        for ask, *about in (
            (workspace.current_user.me,),
            (workspace.files.download, "/Volumes/main/default/x/a.txt"),
            (workspace.registered_models.get, "main.default.x"),
            (workspace.clusters.get, "x"),
        ):
            with pytest.raises(Unauthenticated):
                ask(*about)
    expired = bad["expired"].removeprefix("Bearer ")
    databricks.env |= {"DATABRICKS_TOKEN": expired, "MLFLOW_TRACKING_TOKEN": expired}
    told = databricks.run("from databricks.model_training import foundation_model as fm\nfm.list()")
    assert (told.error, "Error 401" in told.text) == ("MAPIException", True), told.trace
    for uri in ("databricks", web.url):
        told = databricks.run("from mlflow import MlflowClient\nMlflowClient().search_experiments()", MLFLOW_TRACKING_URI=uri)
        assert (told.error, "UNAUTHENTICATED" in told.text) == ("RestException", True), told.trace


def test_whether_a_token_is_known_takes_no_other_time(bad: dict[str, str]) -> None:
    """The same statement for each, which finds a row or none: counted, as times are noise."""
    counts = {}
    for kind in ("expired", "revoked", "locked out", "wrong", "cut off"):
        with CaptureQueriesContext(connection) as seen:
            assert access.user_for_token(bad[kind].removeprefix("Bearer ")) is None
        counts[kind] = [re.sub(r"'[^']*'", "?", query["sql"]) for query in seen.captured_queries]
    assert len({*map(tuple, counts.values())}) == 1
    assert len(counts["wrong"]) == 1
