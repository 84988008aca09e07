"""mlflow's own client on our address, as a plain server and as a workspace, and what each person finds there."""

import uuid
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from runs.models import ModelVersion, Run, User
from runs.services import mirroring
from tests.doors.conftest import token_of
from tests.doors.packages import Driver
from tests.serving import Web

pytestmark = pytest.mark.django_db(transaction=True)
Ask = Callable[..., httpx.Response]

STORY = """
import mlflow, os, pathlib, tempfile
from mlflow import MlflowClient
client = MlflowClient()
experiment = client.create_experiment('/Shared/%(name)s')
run = client.create_run(experiment, run_name='mine')
client.log_metric(run.info.run_id, 'loss', 1.5, step=1)
client.log_metric(run.info.run_id, 'loss', 0.5, step=2)
client.log_param(run.info.run_id, 'lr', '1e-4')
client.set_tag(run.info.run_id, 'stage', 'first')
folder = pathlib.Path(tempfile.mkdtemp())
(folder / 'notes.txt').write_text('Written elsewhere.')
(folder / 'large.bin').write_bytes(b'0123456789abcdef' * 200_000)
client.log_artifacts(run.info.run_id, str(folder), 'report')
client.set_terminated(run.info.run_id)
back = pathlib.Path(client.download_artifacts(run.info.run_id, 'report', tempfile.mkdtemp()))
name = 'main.default.%(name)s'
client.create_registered_model(name)
version = client.create_model_version(name, f'runs:/{run.info.run_id}/report', run.info.run_id)
answer = dict(
    found=[r.info.run_id for r in client.search_runs([experiment], "metrics.loss < 1")] == [run.info.run_id],
    none=len(client.search_runs([experiment], "metrics.loss > 1")),
    history=[m.value for m in client.get_metric_history(run.info.run_id, 'loss')],
    data=[client.get_run(run.info.run_id).data.params, client.get_run(run.info.run_id).data.tags.get('stage')],
    files=sorted(f.path for f in client.list_artifacts(run.info.run_id, 'report')),
    same=all((back / f.name).read_bytes() == f.read_bytes() for f in folder.iterdir()),
    experiments=[e.name for e in client.search_experiments()],
    models=[m.name for m in client.search_registered_models()],
    versions=[str(v.version) for v in client.search_model_versions(f"name='{name}'")],
    experiment=client.get_experiment_by_name('/Shared/%(name)s').experiment_id == experiment,
)
"""


@pytest.fixture(autouse=True)
def _server(mlflow_server: str) -> None:
    """MLflow is there."""


@pytest.mark.parametrize("as_workspace", [False, True], ids=["plain", "workspace"])
def test_a_script_tracks_its_run_keeps_artifacts_and_registers_a_model(
    databricks: Driver, web: Web, token: str, as_workspace: bool
) -> None:
    """It sees what it made, and nothing that other tests left in the same MLflow."""
    plain = {"MLFLOW_TRACKING_URI": web.url, "MLFLOW_REGISTRY_URI": web.url, "MLFLOW_TRACKING_TOKEN": token}
    workspace = {"MLFLOW_TRACKING_URI": "databricks", "MLFLOW_REGISTRY_URI": "databricks"}
    name = f"s{uuid.uuid4().hex[:8]}"
    told = databricks(STORY % {"name": name}, **(workspace if as_workspace else plain))
    assert told == {
        "found": True,
        "none": 0,
        "history": [1.5, 0.5],
        "data": [{"lr": "1e-4"}, "first"],
        "files": ["report/large.bin", "report/notes.txt"],
        "same": True,
        "experiments": [f"/Shared/{name}"],
        "models": [f"main.default.{name}"],
        "versions": ["1"],
        "experiment": True,
    }


@pytest.fixture
def as_person(web: Web) -> Callable[[User], Ask]:
    """`ask("POST", "runs/search", {...})` as this person."""

    def make(user: User) -> Ask:
        headers = {"Authorization": f"Bearer {token_of(user)}"}

        def ask(method: str, path: str, body: dict[str, Any] | None = None, **sent: Any) -> httpx.Response:
            url = f"{web.url}{path}" if path.startswith("/") else f"{web.url}/api/2.0/mlflow/{path}"
            sent |= {"params" if method == "GET" else "json": body} if body is not None else {}
            return httpx.request(method, url, headers=headers, timeout=30, **sent)

        return ask

    return make


@pytest.fixture
def mirrored(run: Run) -> Run:
    """A run of the owner's, with its record in MLflow and a version in the registry."""
    run.experiment_path = f"/Users/owner/{uuid.uuid4().hex[:8]}"
    run.save()
    mirroring.ensure_mirrored(run)
    ModelVersion.objects.create(run=run, name=f"main.default.{run.name}", version=1, uri="models:/x/1")
    return run


def seen(ask: Ask, run: Run) -> dict[str, int]:
    """The status of every way to look at a run's record; for searches, how many they find."""
    key, experiment = run.mlflow_run_id, run.mlflow_experiment_id
    searched = ask("POST", "runs/search", {"experiment_ids": [experiment]}).json()
    home = f"{experiment}/{key}/artifacts"
    return {
        "run": ask("GET", "runs/get", {"run_id": key}).status_code,
        "experiment": ask("GET", "experiments/get", {"experiment_id": experiment}).status_code,
        "name": ask("GET", "experiments/get-by-name", {"experiment_name": run.experiment_path}).status_code,
        "history": ask("GET", "metrics/get-history", {"run_id": key, "metric_key": "x"}).status_code,
        "files": ask("GET", "artifacts/list", {"run_id": key}).status_code,
        "artifacts": ask("GET", "/api/2.0/mlflow-artifacts/artifacts", {"path": home}).status_code,
        "model": ask("GET", "registered-models/get", {"name": f"main.default.{run.name}"}).status_code,
        "runs": len(searched.get("runs", [])),
        "experiments": sum(
            row["experiment_id"] == experiment
            for row in ask("POST", "experiments/search", {"max_results": 5_000}).json()["experiments"]
        ),
    }


def test_the_team_sees_a_runs_record_and_a_stranger_sees_nothing_at_all(
    as_person: Callable[[User], Ask], mirrored: Run, owner: User, colleague: User, viewer: User, stranger: User, admin: User
) -> None:
    there = {
        "run": 200, "experiment": 200, "name": 200, "history": 200, "files": 200, "artifacts": 200, "runs": 1, "experiments": 1,
        "model": 404,  # nobody registered it in MLflow
    }  # fmt: skip
    for person in (owner, colleague, viewer, admin):
        assert seen(as_person(person), mirrored) == there, person
    nothing = {key: 0 if key in ("runs", "experiments") else 404 for key in there}
    assert seen(as_person(stranger), mirrored) == nothing
    missing = as_person(stranger)("GET", "runs/get", {"run_id": "0" * 32}).json()
    hidden = as_person(stranger)("GET", "runs/get", {"run_id": mirrored.mlflow_run_id}).json()
    assert missing["message"].replace("0" * 32, "X") == hidden["message"].replace(mirrored.mlflow_run_id, "X")


def test_only_the_owner_writes_and_the_record_of_our_runs_stays(
    as_person: Callable[[User], Ask], mirrored: Run, owner: User, colleague: User, viewer: User, stranger: User
) -> None:
    point = {"run_id": mirrored.mlflow_run_id, "key": "precision", "value": 0.9, "timestamp": 1, "step": 0}
    expected = {owner: 200, colleague: 403, viewer: 403, stranger: 404}
    for person, status in expected.items():
        ask = as_person(person)
        assert ask("POST", "runs/log-metric", point).status_code == status, person
        path = f"/api/2.0/mlflow-artifacts/artifacts/{mirrored.mlflow_experiment_id}/{mirrored.mlflow_run_id}/artifacts/a.txt"
        assert ask("PUT", path, content=b"x").status_code == status, person
    ask = as_person(owner)
    assert ask("POST", "runs/delete", {"run_id": mirrored.mlflow_run_id}).status_code == 403
    assert ask("POST", "experiments/delete", {"experiment_id": mirrored.mlflow_experiment_id}).status_code == 403
    tag = {"run_id": mirrored.mlflow_run_id, "key": "finetuning.run", "value": "another"}
    assert ask("POST", "runs/set-tag", tag).json()["error_code"] == "PERMISSION_DENIED"
    assert as_person(viewer)("POST", "experiments/create", {"name": "/mine"}).status_code == 403


def test_a_shared_experiment_shows_each_person_their_own_runs(
    as_person: Callable[[User], Ask], mirrored: Run, owner: User, stranger: User
) -> None:
    """Nothing of the other's is even compared with what a filter asks for."""
    mine = as_person(owner)
    experiment = mine("POST", "experiments/create", {"name": f"/Shared/{uuid.uuid4().hex}"}).json()["experiment_id"]
    run = mine("POST", "runs/create", {"experiment_id": experiment}).json()["run"]["info"]["run_id"]
    mine("POST", "runs/log-metric", {"run_id": run, "key": "secret", "value": 7, "timestamp": 1, "step": 0})
    other = as_person(stranger)
    assert other("POST", "runs/create", {"experiment_id": experiment}).status_code == 404
    for wanted in ("metrics.secret > 1", "attributes.run_id IN ('x') or metrics.secret > 1", "metrics.secret > 1 --"):
        answer = other("POST", "runs/search", {"experiment_ids": [experiment], "filter": wanted}).json()
        assert not answer.get("runs")
        assert "next_page_token" not in answer
    assert (
        len(mine("POST", "runs/search", {"experiment_ids": [experiment], "filter": "metrics.secret > 1"}).json()["runs"]) == 1
    )


def test_a_versions_files_are_read_as_those_of_a_unity_catalog_and_sent_again_in_vain(
    as_person: Callable[[User], Ask], owner: User, stranger: User
) -> None:
    """mlflow 3 copies a model into the catalog; here it is already there, and nothing else is taken for it."""
    ask, name = as_person(owner), f"main.default.u{uuid.uuid4().hex[:8]}"
    experiment = ask("POST", "experiments/create", {"name": f"/Shared/{name}"}).json()["experiment_id"]
    run = ask("POST", "runs/create", {"experiment_id": experiment}).json()["run"]["info"]["run_id"]
    home = f"/api/2.0/mlflow-artifacts/artifacts/{experiment}/{run}/artifacts/model"
    content = b"weights" * 200_000
    assert ask("PUT", f"{home}/data/w.bin", content=content).status_code == 200
    ask("POST", "unity-catalog/registered-models/create", {"name": name})
    made = ask("POST", "unity-catalog/model-versions/create", {"name": name, "source": f"runs:/{run}/model", "run_id": run})
    assert made.json()["model_version"]["version"] == "1"
    asked = "unity-catalog/registered-models:is-databricks-sdk-models-artifact-repository-enabled"
    assert ask("GET", asked).json() == {"is_databricks_sdk_models_artifact_repository_enabled": True}
    place = f"Models/{name.replace('.', '/')}/1"
    file, folder = f"/api/2.0/fs/files/{place}/data/w.bin", f"/api/2.0/fs/directories/{place}/data"
    statuses = [ask("PUT", file, content=sent).status_code for sent in (content, content + b"!", content[:-1], b"other")]
    assert statuses == [204, 409, 409, 409]
    assert ask("PUT", f"/api/2.0/fs/files/{place}/registered_model_meta", content=b"name").status_code == 204
    finished = ask("POST", "unity-catalog/model-versions/finalize", {"name": name, "version": "1"}).json()
    assert finished["model_version"]["status"] == "READY"
    assert ask("GET", file).content == content
    assert [entry["path"] for entry in ask("GET", folder).json()["contents"]] == [f"/{place}/data/w.bin"]
    assert ask("GET", f"/get-artifact?run_uuid={run}&path=model/data/w.bin").content == content
    other = as_person(stranger)
    for path in (file, folder, f"/get-artifact?run_uuid={run}&path=model/data/w.bin"):
        assert other("GET", path).json()["error_code"] == "RESOURCE_DOES_NOT_EXIST", path
    assert other("PUT", file, content=content).status_code in (403, 404)


TRICKS = [
    ("GET", "/api/2.0/mlflow-artifacts/artifacts?path=../../etc", 400),
    ("GET", "/api/2.0/mlflow-artifacts/artifacts/1/%2e%2e/2/artifacts/x", 400),
    ("GET", "/api/2.0/mlflow-artifacts/artifacts/1%2F..%2F2", 400),
    ("GET", "/api/2.0/mlflow-artifacts/artifacts/1/{run}/artifacts/%252e%252e/x", 400),
    ("GET", "/api/2.0/mlflow-artifacts/artifacts/1/{run}/artifacts/..%5cx", 400),
    ("GET", "/api/2.0/mlflow-artifacts/artifacts/http:%2F%2F127.0.0.1:1/x", 400),
    ("GET", "/api/2.0/mlflow/traces/search", 501),
    ("GET", "/api/3.0/mlflow/traces/x", 404),
    ("GET", "/api/2.0/fs/files/Models/main/default/x/1/%2e%2e/y", 400),
    ("GET", "/get-artifact?run_uuid={run}&path=../x", 400),
    ("GET", "/get-artifact?run_uuid=../x&path=a", 404),
    ("GET", "/api/2.0/mlflow/runs/get?run_id=a&run_uuid=b", 400),
    ("GET", "/api/2.0/mlflow/runs/get?runId={run}", 400),
    ("GET", "/api/2.0/mlflow-artifacts/signed/forged", 400),
]


def test_no_path_and_no_parameter_leads_round_the_rules(
    web: Web, as_person: Callable[[User], Ask], mirrored: Run, owner: User, colleague: User
) -> None:
    ask = as_person(owner)
    for method, path, status in TRICKS:
        answer = ask(method, path.format(run=mirrored.mlflow_run_id))
        assert answer.status_code == status, (path, answer.text)
    for body in ({"name": "/x", "artifact_location": "file:///etc"}, {"name": "/x", "artifactLocation": "file:///etc"}):
        assert ask("POST", "experiments/create", body).status_code == 400
    name = f"main.default.{uuid.uuid4().hex}"
    assert ask("POST", "registered-models/create", {"name": name}).status_code == 200
    for source in ("file:///etc", "http://127.0.0.1:1/x", "mlflow-artifacts:/../x", f"runs:/{'0' * 32}/x"):
        assert ask("POST", "model-versions/create", {"name": name, "source": source}).status_code in (400, 404), source
    assert as_person(colleague)("GET", "registered-models/get", {"name": name}).status_code == 404
    assert httpx.get(f"{web.url}/api/2.0/mlflow/experiments/search").json()["error_code"] == "UNAUTHENTICATED"
