"""Licences as objects: brought up to date without overwriting, accepted and exported, and travelling with what is made."""

import csv
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from runs import wiring
from runs.catalog.entries import load_licences
from runs.models import BaseModel, Licence, ModelVersion, Run, User
from runs.registry import papers
from runs.services import access, catalog, publishing, specification
from tests.app.conftest import caller, text

LLAMA = next(entry for entry in load_licences() if entry.key == "llama-3-2")


def test_the_shipped_licences_have_their_obligations_one_by_one(db: None) -> None:
    catalog.load()
    licence = Licence.objects.get(key="llama-3-2")
    assert (licence.attribution, licence.name_prefix) == ("Built with Llama", "Llama")
    assert (licence.notice_file, licence.user_threshold) == (True, 700_000_000)
    assert licence.shipped["key"] == "llama-3-2"


@pytest.mark.parametrize("changed_by_an_admin", [False, True])
def test_news_of_a_licence_arrive_unless_an_admin_has_changed_it(
    db: None, monkeypatch: pytest.MonkeyPatch, changed_by_an_admin: bool
) -> None:
    catalog.load()
    if changed_by_an_admin:
        Licence.objects.filter(key="llama-3-2").update(notice="Ask our lawyers first.")
    news = [entry.model_copy(update={"notice": "A new notice."}) if entry == LLAMA else entry for entry in load_licences()]
    monkeypatch.setattr(catalog, "load_licences", lambda: news)
    catalog.load()
    wanted = "Ask our lawyers first." if changed_by_an_admin else "A new notice."
    assert Licence.objects.get(key="llama-3-2").notice == wanted


def test_a_changed_text_is_asked_for_again(licence: Licence, owner: User) -> None:
    access.accept_licence(licence=licence, by=owner)
    licence.text = "The whole text, which nobody had here before."
    licence.save()
    assert not access.has_accepted(user=owner, licence=licence)


def test_acceptances_are_exported_as_the_list_shows_them(console: Client, licence: Licence, owner: User) -> None:
    access.accept_licence(licence=licence, by=owner)
    rows = list(csv.reader(text(console.get("/admin/runs/licenceacceptance/export/?q=owner")).splitlines()))
    assert rows[0] == ["person", "licence", "text digest", "accepted at"]
    assert [row[:3] for row in rows[1:]] == [["owner", "open", access.text_digest(licence)]]
    assert len(list(csv.reader(text(console.get("/admin/runs/licenceacceptance/export/?q=nobody")).splitlines()))) == 1


@pytest.fixture
def tuned(run: Run, licence: Licence) -> Run:
    """A run under a licence that asks for much, with its specification written."""
    fields = LLAMA.model_dump(exclude={"key", "obligations"}) | {"obligations": list(LLAMA.obligations)}
    Licence.objects.filter(pk=licence.pk).update(**fields)
    run.refresh_from_db()
    folder = wiring.run_folder(run.name)
    folder.create()
    folder.write_spec(specification.specification(run, folder))
    return Run.objects.for_page().get(pk=run.pk)


def test_obligations_travel_with_the_registered_model(tuned: Run, tmp_path: Path) -> None:
    publication, folder = publishing._publication(tuned), wiring.run_folder(tuned.name)
    tags = papers.tags(publication, folder.read_spec())
    assert tags["licence_attribution"] == "Built with Llama"
    assert "700 million" in tags["licence_obligations"]
    assert tags["licence_name_breaks"].endswith("does not begin with Llama")
    papers.write(tmp_path, publication, folder.read_spec(), folder)
    assert (tmp_path / "NOTICE.txt").read_text().startswith("Built with Llama\n")
    card = (tmp_path / "README.md").read_text()
    for part in (
        "## Licence",
        "Attribution: **Built with Llama**",
        "700,000,000",
        "## Data",
        "sha256:",
        "## Training",
        "## Limits",
    ):
        assert part in card


def test_a_name_that_the_licence_forbids_is_marked_beside_the_card(tuned: Run, client: Client, owner: User) -> None:
    client.force_login(owner)
    for name in ("main.default.helper", "main.default.Llama-helper"):
        ModelVersion.objects.filter(run=tuned).delete()
        ModelVersion.objects.create(run=tuned, name=name, version=1, uri=f"models:/{name}/1")
        page = text(client.get(f"/registered-models/{name}/"))
        assert ("The licence does not allow this name" in page) is (name == "main.default.helper")
        assert "Model card of version 1" in page
        assert "digest" in page


def test_the_card_has_the_curve(tuned: Run) -> None:
    folder = wiring.run_folder(tuned.name)
    steps = [_step(number, 3 - number / 10) for number in range(1, 25)]
    folder.events.write_text("".join(steps))
    card = publishing.card_of(tuned)
    assert "| 1 to 2 | 2.8500 |" in card
    assert "| 23 to 24 | 0.6500 |" in card


def _step(number: int, loss: float) -> str:
    from runs.contract.events import Step

    known: dict[str, Any] = {"step": number, "epoch": 0.1, "tokens": number * 10, "loss": loss, "learning_rate": 1e-4}
    fields = {name: 0 for name in Step.model_fields if name not in known and Step.model_fields[name].is_required()}
    fields["time"] = "2026-01-01T00:00:00Z"
    return Step.model_validate({**fields, **known}).model_dump_json() + "\n"


def test_acceptances_are_listed_to_each_and_exported_by_admins(base_model: BaseModel, owner: User, admin: User) -> None:
    for one in (owner, admin):
        access.accept_licence(licence=base_model.licence, by=one)
    own = caller(owner)("GET", "acceptances").json()["data"]
    assert [(row["person"], row["licence"], row["current"]) for row in own] == [("owner", "open", True)]
    assert caller(owner)("GET", "acceptances?person=admin").json()["data"] == []
    everybody = caller(admin)("GET", "acceptances").json()["data"]
    assert {row["person"] for row in everybody} == {"owner", "admin"}
    Licence.objects.update(notice="Another text.")
    assert not caller(owner)("GET", "acceptances").json()["data"][0]["current"], "asked again when the text changes"
    assert caller(owner)("GET", "acceptances.csv").status_code == 403
    lines = caller(admin)("GET", "acceptances.csv?person=owner").content.decode().splitlines()
    assert lines[0] == "person,licence,text digest,accepted at"
    assert [line.split(",")[:2] for line in lines[1:]] == [["owner", "open"]]
