"""Base models are verified before they are offered, say most of themselves, and may be kept for roles and teams."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from runs import wiring
from runs.models import AuditEntry, BaseModel, Licence, Team, User
from runs.services import access, verifying
from tests.app.conftest import caller
from tests.tiny import write_tiny_model

CONFIG = {
    "model_type": "llama", "num_hidden_layers": 2, "hidden_size": 64, "num_attention_heads": 4, "num_key_value_heads": 2,
    "intermediate_size": 128, "vocab_size": 500, "max_position_embeddings": 4_096,
}  # fmt: skip


def addition(licence: Licence, **changes: Any) -> dict[str, Any]:
    return {"name": "acme/small-1", "licence": licence.key, **changes}


def test_a_folder_says_the_rest_and_is_offered_at_once(admin: User, licence: Licence, tmp_path: Path) -> None:
    folder = write_tiny_model(tmp_path / "model")
    made = caller(admin)("POST", "base-models", addition(licence, folder=str(folder)))
    assert made.status_code == 201, made.json()
    shown, model = made.json(), BaseModel.objects.get(name="acme/small-1")
    assert (shown["state"], shown["health"], shown["display_name"], shown["family"]) == ("active", "here", "small 1", "small")
    assert shown["parameters"] == model.parameters > 0
    assert model.max_context_length == json.loads((folder / "config.json").read_text())["max_position_embeddings"]
    assert model.architecture["layers"] >= 1
    assert model.verification["memory_bytes"] > 0
    assert AuditEntry.objects.get(action="model.add").who == admin


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (lambda folder: (folder / "config.json").unlink(), "There is no config.json"),
        (lambda folder: [path.unlink() for path in folder.glob("*.safetensors")], "There are no weights"),
        (lambda folder: (folder / "tokenizer.json").unlink(), "There is no tokenizer.json"),
        (lambda folder: _set(folder / "config.json", model_type="mystery"), "is not one that the engine knows"),
        (lambda folder: _set(folder / "tokenizer_config.json", chat_template="{{ nothing( }}"), "template"),
    ],
)
def test_a_folder_with_a_fault_is_refused_in_words(
    admin: User, licence: Licence, tmp_path: Path, fault: Any, words: str
) -> None:
    folder = write_tiny_model(tmp_path / "model")
    fault(folder)
    made = caller(admin)("POST", "base-models", addition(licence, folder=str(folder)))
    assert made.status_code in (400, 409, 422)
    assert words in made.json()["detail"]
    assert not BaseModel.objects.exists()


def _set(path: Path, **values: Any) -> None:
    for beside in path.parent.glob("*.jinja"):
        beside.unlink()
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


class FakeHub(BaseHTTPRequestHandler):
    """The two addresses of a hub that are asked."""

    gated = False

    def do_GET(self) -> None:
        body = {"/api/models/acme/small-1": {"sha": "c0ffee", "safetensors": {"total": 1234}}}.get(self.path)
        if self.path == "/acme/small-1/resolve/c0ffee/config.json":
            body = CONFIG
        status = 403 if self.gated and self.path.endswith("config.json") else 200 if body else 404
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body or {}).encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Any:
    handler = type("Handler", (FakeHub,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(wiring, "hub_endpoint", lambda: f"http://127.0.0.1:{server.server_port}")
    yield handler
    server.shutdown()
    server.server_close()


def test_a_model_of_the_hub_is_read_there_and_switched_off_until_its_weights_are_here(
    admin: User, licence: Licence, hub: Any
) -> None:
    made = caller(admin)("POST", "base-models", addition(licence, hub_id="acme/small-1"))
    assert (made.status_code, made.json()["state"], made.json()["health"]) == (201, "disabled", "at the hub")
    model = BaseModel.objects.get()
    assert (model.parameters, model.max_context_length, model.revision) == (1234, 4_096, "c0ffee")


def test_gated_and_unreachable_are_told_apart(admin: User, base_model: BaseModel, licence: Licence, hub: Any) -> None:
    hub.gated = True
    refused = caller(admin)("POST", "base-models", addition(licence, hub_id="acme/small-1"))
    assert "gated" in refused.json()["detail"]
    BaseModel.objects.filter(pk=base_model.pk).update(folder="/nowhere", hub_id="acme/small-1")
    base_model.refresh_from_db()
    verifying.verify(model=base_model, by=admin)
    assert verifying.health(base_model) == "gated"


def test_a_hub_that_is_away_is_said(admin: User, base_model: BaseModel) -> None:
    BaseModel.objects.filter(pk=base_model.pk).update(folder="/nowhere")
    assert caller(admin)("POST", f"base-models/{base_model.name}/verify", {}).json()["health"] == "not reachable"


def test_verifying_a_model_that_is_here_names_what_is_wrong(admin: User, base_model: BaseModel) -> None:
    assert verifying.health(base_model) == "not verified"
    found = caller(admin)("POST", f"base-models/{base_model.name}/verify", {}).json()
    assert found["health"] == "faulty"
    assert any("weights" in problem for problem in found["problems"])


@pytest.mark.parametrize("kept_for", ["role", "team"])
def test_a_model_that_is_kept_for_others_is_used_through_no_door(
    base_model: BaseModel, asked: dict[str, Any], owner: User, admin: User, client: Any, kept_for: str
) -> None:
    for person in (owner, admin):
        access.accept_licence(licence=base_model.licence, by=person)
    if kept_for == "role":
        BaseModel.objects.update(roles=["service"])
    else:
        base_model.teams.add(Team.objects.create(name="others"))
    call = caller(owner)
    refused = call("POST", "runs", asked)
    assert (refused.status_code >= 400, refused.json()["code"]) == (True, "model_reserved")
    assert call("GET", "base-models").json()["data"] == []
    body = {"query": "query M { getFinetuneConstants { models { name } } }"}
    offered = call("POST", "http://testserver/api/2.0/genai-mapi/graphql", body).json()["data"]["getFinetuneConstants"]
    assert offered["models"] == []
    client.force_login(owner)
    assert base_model.name not in client.get("/runs/new/").content.decode()
    assert client.get(f"/base-models/{base_model.name}/").status_code == 404
    assert caller(admin)("POST", "runs", asked).json().get("code") != "model_reserved"
