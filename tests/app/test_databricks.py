"""The original client's calls, as databricks-genai 1.1.8 sends them, and the traps in what it accepts as an answer."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from runs.models import DataSet, ModelVersion, Run, User
from runs.services import access, pausing
from tests.app.conftest import ROWS, Submit

GRAPHQL = "/api/2.0/genai-mapi/graphql"
TRAIN = "dbfs:/Volumes/main/sch/vol/train.jsonl"
KNOWN_DETAILS = {
    "model", "trainDataPath", "saveFolder", "taskType", "evalDataPath", "evalPrompts", "customWeightsPath", "trainingDuration",
    "learningRate", "contextLength", "experimentTracker", "formattedFinetuningEvents",
}  # fmt: skip
Ask = Callable[..., Any]


def asking(user: User) -> Ask:
    """`ask("query Models { getFinetuneConstants { ... } }", variables)` with a token of this person's."""
    _, token = access.create_token(by=user, name="databricks")

    def ask(query: str, variables: dict[str, Any] | None = None) -> Any:
        body = json.dumps({"query": query, "variables": variables or {}})
        headers = {"HTTP_AUTHORIZATION": f"Bearer {token}"}
        return Client().post(GRAPHQL, body, content_type="application/json", **headers).json()

    return ask


def fetching(user: User) -> Callable[..., Any]:
    """`fetch("PUT", "/api/2.0/fs/files/...", b"...")` with a token of this person's."""
    _, token = access.create_token(by=user, name="files")

    def fetch(method: str, path: str, body: bytes = b"") -> Any:
        headers = {"HTTP_AUTHORIZATION": f"Bearer {token}"}
        return Client().generic(method, path, body, content_type="application/octet-stream", **headers)

    return fetch


@pytest.fixture
def ask(owner: User) -> Ask:
    return asking(owner)


@pytest.fixture
def fetch(owner: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    monkeypatch.setattr(settings, "VOLUMES_ROOT", tmp_path / "volumes")
    (tmp_path / "volumes").mkdir()
    return fetching(owner)


def config(**changes: Any) -> dict[str, Any]:
    """What `fm.create` sends, with the keys that are not null."""
    mlflow = {"experimentPath": "/Users/owner@example.org/{}", "modelRegistryPath": "main.sch", "createExperimentAndRun": True}
    sent = {"model": "test/tiny-chat", "trainDataPath": "sums", "taskType": "CHAT_COMPLETION", "disableCredentialsCheck": False}
    return {**sent, "experimentTracker": {"mlflow": mlflow}, **changes}


def create(ask: Ask, **changes: Any) -> Any:
    query = "mutation CreateFinetune($createFinetuneData: X) { createFinetune(x: $createFinetuneData) { id } }"
    return ask(query, {"createFinetuneData": {"config": config(**changes)}})


def listed(ask: Ask, filters: dict[str, Any] | None = None, **more: Any) -> Any:
    wanted = {"filters": filters or {}, "includeDeleted": False, "limit": 100, **more}
    return ask("query GetFinetunesPaginated { getFinetunesPaginated { cursor } }", {"getFinetunesPaginatedData": wanted})


def test_create_takes_every_parameter_and_a_learning_rate_as_text(ask: Ask, accepted: None, dataset: DataSet) -> None:
    answer = create(ask, learningRate="5e-7", trainingDuration="3ep", contextLength=512, evalPrompts=["hi"])
    shown = answer["data"]["createFinetune"]
    run = Run.objects.get(name=shown["name"])
    assert run.asked.learning_rate == 5e-7
    assert (run.asked.training_duration, run.asked.context_length, run.asked.eval_prompts) == ("3ep", 512, ("hi",))
    assert run.experiment_path == f"/Users/owner@example.org/{run.name}"
    assert shown["details"]["trainingDuration"] == "3ep"


def test_an_answer_has_nothing_in_it_that_breaks_the_client(ask: Ask, accepted: None, dataset: DataSet) -> None:
    shown = create(ask)["data"]["createFinetune"]
    assert {"id", "name", "status", "createdByEmail", "createdAt", "updatedAt"} <= set(shown)
    details = shown["details"]
    assert set(details) <= KNOWN_DETAILS, "an unknown key raises in the client"
    assert None not in details.values(), "so does a null"
    assert details["experimentTracker"]["mlflow"]["modelRegistryPath"] == "main.sch"
    assert details["formattedFinetuningEvents"][0]["eventType"] == "CREATED", "follow needs at least one event"
    assert shown["createdAt"].endswith("Z"), "times are compared with an aware now"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model": "no/such"}, "There is no base model"),
        ({"trainingDuration": "banana"}, "is not a duration"),
        ({"learningRate": -1}, "learning_rate: This must be more than 0"),
        ({"learningRate": "fast"}, "learning_rate"),
        ({"contextLength": -5}, "context_length"),
        ({"contextLength": 1_000_000}, "reads at most 2,048 tokens"),
        ({"taskType": "DANCE"}, "task_type"),
        ({"trainDataPath": "dbfs:/Volumes/main/sch/vol/none.jsonl"}, "train_data_path"),
    ],
)
def test_what_the_client_does_not_check_is_refused_in_its_shape(
    ask: Ask, accepted: None, dataset: DataSet, changes: dict[str, Any], words: str
) -> None:
    (error,) = create(ask, **changes)["errors"]
    assert words in error["message"]
    assert error["extensions"]["code"] == 400, "other codes are repeated ten times"
    assert not Run.objects.exists()


def test_lists_are_filtered_and_paged(ask: Ask, submit: Submit) -> None:
    names = [submit().name for _ in range(3)]
    first = listed(ask, limit=2)["data"]["getFinetunesPaginated"]
    assert set(first) == {"cursor", "hasNextPage", "finetunes"}, "one key more breaks the client"
    assert [run["name"] for run in first["finetunes"]] == names[:0:-1]
    last = listed(ask, limit=2, cursor=first["cursor"])["data"]["getFinetunesPaginated"]
    assert ([run["name"] for run in last["finetunes"]], last["hasNextPage"], last["cursor"]) == (names[:1], False, None)
    only = listed(ask, {"name": {"in": names[:1]}, "status": {"in": ["PENDING"]}})["data"]["getFinetunesPaginated"]
    assert [run["name"] for run in only["finetunes"]] == names[:1]
    none = listed(ask, {"createdAt": {"lt": "2020-01-01T00:00:00+00:00"}})["data"]["getFinetunesPaginated"]
    assert none["finetunes"] == []


def test_a_paused_run_is_pending_to_a_client_that_knows_no_pause(ask: Ask, submit: Submit, owner: User) -> None:
    run = pausing.pause(run=submit(), by=owner)
    (shown,) = listed(ask, {"status": {"in": ["PENDING"]}})["data"]["getFinetunesPaginated"]["finetunes"]
    assert (shown["name"], shown["status"], shown["reason"]) == (run.name, "PENDING", "Paused before its first batch.")


def test_canceling_names_the_runs_that_were(ask: Ask, submit: Submit) -> None:
    name = submit().name
    query, filters = "mutation StopFinetunes { stopFinetunes { id } }", {"filters": {"name": {"in": [name]}}}
    stopped = ask(query, {"getFinetunesData": filters, "stopFinetunesData": {"reason": "Canceled by user."}})
    assert [(run["name"], run["status"], "details" in run) for run in stopped["data"]["stopFinetunes"]] == [
        (name, "STOPPED", False)
    ]
    assert ask(query, {"getFinetunesData": filters})["data"]["stopFinetunes"] == [], "it has stopped already"
    assert "errors" in ask(query, {"getFinetunesData": {"filters": {}}}), "all runs at once is never meant"


def test_what_a_stranger_may_not_see_is_not_there(run: Run, stranger: User) -> None:
    ask = asking(stranger)
    assert listed(ask)["data"]["getFinetunesPaginated"]["finetunes"] == []
    (error,) = ask("query E { getFinetuneEvents { x } }", {"getFinetuneEventsData": {"name": run.name}})["errors"]
    assert error["extensions"]["code"] == 404


def test_a_colleague_sees_a_run_and_cannot_cancel_it(run: Run, colleague: User) -> None:
    ask = asking(colleague)
    assert len(listed(ask)["data"]["getFinetunesPaginated"]["finetunes"]) == 1
    variables = {"getFinetunesData": {"filters": {"name": {"in": [run.name]}}}}
    assert ask("mutation StopFinetunes { stopFinetunes { id } }", variables)["data"]["stopFinetunes"] == []


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"nonsense", b'{"query": 3}', b'{"query": "{ other }"}', b'{"query": "x", "variables": []}']
)
def test_a_body_that_is_none_of_the_known_operations_is_a_clear_error(owner: User, body: bytes) -> None:
    _, token = access.create_token(by=owner, name="x")
    answer = Client().post(GRAPHQL, body, content_type="application/json", HTTP_AUTHORIZATION=f"Bearer {token}")
    assert answer.json()["errors"][0]["extensions"]["code"] == 400


def test_without_a_token_the_client_reads_its_own_form_of_401(db: None) -> None:
    answer = Client().post(GRAPHQL, b"{}", content_type="application/json")
    assert (answer.status_code, answer.json()["error_code"]) == (401, 401)


def test_files_go_up_are_asked_for_come_down_and_are_trained_on(fetch: Callable[..., Any], accepted: None, ask: Ask) -> None:
    data = "".join(json.dumps(row) + "\n" for row in ROWS).encode()
    path = "/api/2.0/fs/files/Volumes/main/sch/vol/train.jsonl"
    assert fetch("HEAD", path).status_code == 404
    assert fetch("PUT", f"{path}?overwrite=false", data).status_code == 204
    assert fetch("PUT", f"{path}?overwrite=false", b"other").status_code == 409
    assert fetch("HEAD", path).status_code == 200
    assert b"".join(fetch("GET", path)) == data
    files = fetch("GET", "/api/2.0/fs/list", b'{"path": "/Volumes/main/sch/vol"}').json()["files"]
    assert [(file["path"], file["is_dir"]) for file in files] == [("/Volumes/main/sch/vol/train.jsonl", False)]
    run = create(ask, trainDataPath=TRAIN)["data"]["createFinetune"]
    assert Run.objects.get(name=run["name"]).dataset.source == TRAIN
    assert fetch("DELETE", path).status_code == 204


@pytest.mark.parametrize(
    "path", ["main/sch/vol/../../../../etc/passwd", "main/sch/vol/%2e%2e/%2e%2e/x", "main/sch", "main/sch/vol/a%00b"]
)
def test_no_path_leads_out_of_a_volume(fetch: Callable[..., Any], path: str) -> None:
    for method in ("GET", "PUT", "DELETE"):
        assert fetch(method, f"/api/2.0/fs/files/Volumes/{path}", b"x").status_code in (400, 404)


def test_a_link_out_of_a_volume_is_not_followed(fetch: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    volume = tmp_path / "volumes" / "main" / "sch" / "vol"
    volume.mkdir(parents=True)
    (volume / "link").symlink_to(tmp_path / "secret")
    answer = fetch("GET", "/api/2.0/fs/files/Volumes/main/sch/vol/link")
    assert answer.status_code == 400
    assert "leads out" in answer.json()["message"]


def test_a_viewer_reads_volumes_and_changes_nothing(fetch: Callable[..., Any], viewer: User) -> None:
    fetch("PUT", "/api/2.0/fs/files/Volumes/main/sch/vol/a.txt", b"a")
    look = fetching(viewer)
    assert look("GET", "/api/2.0/fs/files/Volumes/main/sch/vol/a.txt").status_code == 200
    assert look("DELETE", "/api/2.0/fs/files/Volumes/main/sch/vol/a.txt").json()["error_code"] == "PERMISSION_DENIED"


def test_the_calls_around_a_run_are_answered(fetch: Callable[..., Any], run: Run, stranger: User) -> None:
    assert fetch("GET", "/api/2.0/preview/scim/v2/Me").json()["userName"] == "owner@example.org"
    body = json.dumps({"catalog_name": "main", "schema_name": "sch", "name": "databricks-training-credentials-test-1"}).encode()
    made = fetch("POST", "/api/2.1/unity-catalog/models", body).json()
    assert made["full_name"] == "main.sch.databricks-training-credentials-test-1"
    assert fetch("DELETE", f"/api/2.1/unity-catalog/models/{made['full_name']}").status_code == 200
    missing = fetch("GET", "/api/2.1/unity-catalog/models/main.sch.none")
    assert (missing.status_code, missing.json()["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")
    ModelVersion.objects.create(run=run, name="main.sch.sums", version=1, uri="models:/main.sch.sums/1")
    assert fetch("GET", "/api/2.1/unity-catalog/models/main.sch.sums").json()["owner"] == "owner@example.org"
    assert fetching(stranger)("GET", "/api/2.1/unity-catalog/models/main.sch.sums").status_code == 404
    rights = fetch("GET", "/api/2.1/unity-catalog/effective-permissions/schema/main.sch?principal=me").json()
    assert rights["privilege_assignments"][0]["privileges"] == [{"privilege": "ALL_PRIVILEGES"}]
    cluster = fetch("GET", "/api/2.1/clusters/list").json()["clusters"][0]
    assert fetch("GET", f"/api/2.1/clusters/get?cluster_id={cluster['cluster_id']}").json()["spark_version"].startswith("15.4")
