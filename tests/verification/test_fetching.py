"""Weights of base models from a real hub process: gated, broken off, resumed, forged, and in place at the end."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from runs import wiring
from runs.models import AuditEntry, BaseModel, Download, Licence, Role, User
from runs.models.download import Stage
from runs.services import adding, fetching, verifying
from runs.services.refused import Invalid
from tests.app.conftest import caller
from tests.tiny import write_tiny_model

NAME, SHA = "org/tiny", "c0ffee" + "0" * 34


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hub")
    home = write_tiny_model(folder / NAME)
    (home / "modeling_tiny.py").write_text("raise SystemExit('code of a model was run')")
    (home / "pytorch_model.bin").write_bytes(b"a pickle")
    return folder


@pytest.fixture(scope="module")
def hub(files: Path) -> Iterator[str]:
    command = [sys.executable, str(Path(__file__).parent / "hub.py"), str(files)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        process.terminate()


@pytest.fixture
def boss(db: None) -> User:
    return User.objects.create_user("boss", "", "a long and private sentence", role=Role.ADMIN)


@pytest.fixture
def model(hub: str, files: Path, boss: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BaseModel:
    """Added by its id alone; nothing of it is here yet."""
    monkeypatch.setattr(settings, "HF_ENDPOINT", hub)
    monkeypatch.setattr(settings, "HF_TOKEN", None)
    monkeypatch.setattr(settings, "MODELS_DIR", tmp_path / "models")
    tell(files)
    Licence.objects.create(key="open", name="Open licence", notice="Say where from.")
    return adding.add(wish=adding.Wish(name="acme/tiny", licence="open", hub_id=NAME), by=boss)


def tell(files: Path, **more: object) -> None:
    (files / f"{NAME}.json").write_text(json.dumps({"sha": SHA, **more}))


def fetched(model: BaseModel, by: User) -> Download:
    download = fetching.ask(model=model, by=by)
    token = ""
    while token := fetching.work(download.pk, token):
        pass
    download.refresh_from_db()
    return download


def test_weights_come_whole_are_verified_and_switched_on(model: BaseModel, boss: User) -> None:
    assert (model.enabled, model.revision) == (False, SHA)
    download = fetched(model, boss)
    assert (download.stage, download.reason, download.done) == (Stage.DONE, "", download.total)
    model.refresh_from_db()
    home = wiring.model_folder(model)
    assert model.enabled
    assert verifying.health(model) == verifying.Health.HERE
    assert not list(home.glob("*.py")) + list(home.glob("*.bin")) + list(home.glob("*.part"))
    assert AuditEntry.objects.filter(action__in=["model.fetch", "model.fetched"]).count() == 2


def test_what_broke_off_goes_on_by_byte_range(model: BaseModel, boss: User, files: Path) -> None:
    tell(files, half=True)
    broken = fetched(model, boss)
    assert broken.stage == Stage.FAILED
    assert "broke" in broken.reason
    part = next(wiring.fetching_folder(model.pk).glob("*.safetensors.part"))
    assert 0 < part.stat().st_size <= broken.done < broken.total
    assert fetched(model, boss).stage == Stage.DONE, "with a hub that sends only halves, the rest came by range"


def test_a_file_that_is_not_what_the_hub_says_is_not_kept(model: BaseModel, boss: User, files: Path) -> None:
    download = fetching.ask(model=model, by=boss)
    download.files = [{**file, "sha256": "0" * 64} if file["sha256"] else file for file in download.files]
    download.save()
    assert fetching.work(download.pk, "") == ""
    download.refresh_from_db()
    assert "is not what the hub says it is" in download.reason
    assert not list(wiring.fetching_folder(model.pk).glob("*.safetensors*"))
    assert verifying.health(model) != verifying.Health.HERE


def test_gated_weights_and_a_full_disk_are_said_in_words(
    model: BaseModel, boss: User, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(files, gated="manual")
    gated = fetched(model, boss)
    assert gated.stage == Stage.FAILED
    assert f"Accept its terms at {settings.HF_ENDPOINT}/{NAME}" in gated.reason
    monkeypatch.setattr(settings, "HF_TOKEN", "hf_good")
    monkeypatch.setattr(fetching, "SPARE", 1 << 60)
    with pytest.raises(Invalid, match="GB for them on the disk"):
        fetching.ask(model=model, by=boss)
    monkeypatch.setattr(fetching, "SPARE", 0)
    assert fetched(model, boss).stage == Stage.DONE


def test_the_console_asks_shows_how_far_it_is_and_a_worker_does_it(model: BaseModel, boss: User) -> None:
    console = Client()
    console.force_login(boss)
    url = f"/admin/runs/basemodel/{model.pk}"
    assert "Fetch weights" in console.get(f"{url}/change/").content.decode()
    question = console.get(f"{url}/fetch/").content.decode()
    assert "model.safetensors" in question
    assert "modeling_tiny.py" not in question
    console.post(f"{url}/fetch/")
    download = Download.objects.get()
    assert (download.stage, download.by) == (Stage.WAITING, boss)
    assert "are being fetched" in console.get(f"{url}/change/").content.decode()
    page = console.get(f"/base-models/{model.name}/").content.decode()
    assert "are being fetched" in page
    assert 'hx-trigger="every 2s"' in page
    assert "<noscript>" in page
    assert fetching.work(download.pk, "") == ""
    assert "Fetch weights" not in console.get(f"{url}/change/").content.decode()


def test_programs_start_look_stop_and_start_again(
    model: BaseModel, boss: User, django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    """Stopped, what had come is thrown away, and whoever was working on it leaves without a word."""
    call, address = caller(boss), f"base-models/{model.name}/weights"
    assert call("GET", address).json()["stage"] == "none"
    asked = call("POST", address)
    assert (asked.status_code, asked.json()["stage"], asked.json()["here"]) == (202, "waiting", False)
    assert call("POST", address).json()["asked_at"] == asked.json()["asked_at"], "one that is under way stays as it is"
    download, looks = Download.objects.get(), list[int]()

    def stop_at_the_second_look() -> bool:
        looks.append(1)
        if len(looks) == 2:
            with django_capture_on_commit_callbacks(execute=True):
                stopped = call("DELETE", address)
            assert (stopped.status_code, stopped.json()["stage"]) == (200, "stopped")
        return len(looks) > 1

    assert fetching.work(download.pk, "", stop_at_the_second_look) == ""
    assert not wiring.fetching_folder(model.pk).exists()
    assert not AuditEntry.objects.filter(action="model.fetch.fail").exists()
    again = call("DELETE", address)
    assert (again.status_code, again.json()["code"]) == (409, "cannot_stop")
    call("POST", address)
    fetching.work(download.pk, "")
    state = call("GET", address).json()
    assert (state["stage"], state["here"], state["done_bytes"]) == ("done", True, state["total_bytes"])
    refused = call("POST", address)
    assert (refused.status_code, refused.json()["detail"]) == (400, "The weights are here already.")


def test_one_that_is_stopped_at_its_last_byte_is_not_put_in_place(
    model: BaseModel, boss: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    download = fetching.ask(model=model, by=boss)
    finish = fetching._finish

    def too_late(download: Download, folder: Path) -> None:
        fetching.stop(model=model, by=boss)
        finish(download, folder)

    monkeypatch.setattr(fetching, "_finish", too_late)
    assert fetching.work(download.pk, "") == ""
    assert Download.objects.get().stage == Stage.STOPPED
    assert not wiring.model_folder(model).exists()


def test_the_picker_says_before_the_start_that_weights_are_missing_and_an_admin_fetches_with_one_click(
    model: BaseModel, boss: User
) -> None:
    BaseModel.objects.update(enabled=True)  # as the models that ship are
    scientist = User.objects.create_user("scientist", "", "a long and private sentence")
    admin, person = Client(), Client()
    admin.force_login(boss)
    person.force_login(scientist)
    fetch = f"/base-models/{model.name}/weights/fetch/"
    seen, theirs = (one.get("/runs/new/").content.decode() for one in (admin, person))
    assert "weights not here yet" in seen
    assert f'formaction="{fetch}"' in seen
    assert "once an admin has fetched its weights" in theirs
    assert fetch not in theirs
    assert person.post(fetch).status_code == 403
    assert caller(scientist)("POST", f"base-models/{model.name}/weights").status_code == 403
    answer = admin.post(fetch, {"task_type": "CHAT_COMPLETION", "draft": ""}, follow=True)
    assert answer.redirect_chain == [(f"/base-models/{model.name}/", 302)]
    assert "of weights are being fetched" in answer.content.decode()
    assert "weights on their way" in person.get("/runs/new/").content.decode()
    asked = {"model": model.name, "train_data_path": "x", "register_to": "main.default"}
    refused = caller(scientist)("POST", "runs", asked).json()
    assert any("are being fetched: 0% are here" in problem["message"] for problem in refused["problems"])
    fragment = f"/base-models/{model.name}/weights/"
    assert "hx-get" in person.get(fragment).content.decode()
    assert "Stop and throw away" not in person.get(fragment).content.decode()
    fetching.work(Download.objects.get().pk, "")
    assert "Its weights are here." in person.get(fragment).content.decode()
    assert 'value="acme/tiny"' in person.get("/runs/new/").content.decode()


def test_without_a_hub_an_admin_is_told_at_the_click(model: BaseModel, boss: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "HF_ENDPOINT", "http://127.0.0.1:9")
    admin = Client()
    admin.force_login(boss)
    page = admin.post(f"/base-models/{model.name}/weights/fetch/", follow=True).content.decode()
    assert "http://127.0.0.1:9 cannot be reached" in page
    assert not Download.objects.exists()
    assert admin.post(f"/base-models/{model.name}/weights/stop/").status_code == 409


def test_what_came_and_is_not_what_the_catalog_says_is_not_on_offer(model: BaseModel, boss: User) -> None:
    """A model that ships is switched on from the start; its files have the last word."""
    BaseModel.objects.update(enabled=True, max_context_length=8_192)
    fetched(model, boss)
    model.refresh_from_db()
    assert (model.enabled, verifying.health(model)) == (False, verifying.Health.FAULTY)
    assert "the catalog offers 8,192" in model.verification["problems"][0]
