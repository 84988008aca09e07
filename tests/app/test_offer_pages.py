"""Pages of base models and registered models: what is on offer, what leaves, what a run became."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from django.utils.html import escape

from runs.models import AuditEntry, BaseModel, LicenceAcceptance, ModelVersion, Run, User
from tests.app.conftest import Submit
from tests.offer import tiny_offer


def text(answer: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


@pytest.fixture
def browser(client: Client, owner: User) -> Client:
    client.force_login(owner)
    return client


@pytest.fixture
def model(db: None) -> BaseModel:
    return tiny_offer()


@pytest.fixture
def version(run: Run) -> ModelVersion:
    return ModelVersion.objects.create(run=run, name="main.default.sums", version=1, uri="models:/main.default.sums/1")


def test_models_are_listed_as_on_offer_leaving_and_retired(browser: Client, model: BaseModel) -> None:
    today = timezone.localdate()
    tiny_offer("tiny/Leaving", display_name="Leaving soon", retires_on=today + timedelta(days=9), replacement=model)
    tiny_offer("tiny/Gone", display_name="Long gone", retires_on=today - timedelta(days=9), replacement=model)
    tiny_offer("tiny/Hidden", display_name="Never shown", enabled=False)
    page = text(browser.get("/base-models/"))
    assert page.index("Leaving soon") < page.index("On offer") < page.index("Tiny Instruct", page.index("On offer"))
    assert page.index("Retired") < page.index("Long gone")
    assert "Never shown" not in page


def test_no_models_at_all_says_what_to_do(browser: Client) -> None:
    assert "manage.py load_catalog" in text(browser.get("/base-models/"))


def test_a_model_page_shows_its_licence_with_duties_and_links(browser: Client, model: BaseModel) -> None:
    page = browser.get(f"/base-models/{model.name}/")
    assert model.licence.notice in text(page)
    assert all(escape(duty) in text(page) for duty in model.licence.obligations)
    assert model.licence.url in page.content.decode()
    assert model.licence.policy_url in page.content.decode()


def test_the_licence_is_accepted_on_the_models_page_and_recorded_once(browser: Client, model: BaseModel, owner: User) -> None:
    for _ in range(2):
        assert browser.post(f"/base-models/{model.name}/accept/")["Location"] == f"/base-models/{model.name}/"
    assert LicenceAcceptance.objects.get().user == owner
    assert AuditEntry.objects.filter(action="licence.accept").count() == 1
    assert "You accepted it on" in text(browser.get(f"/base-models/{model.name}/"))


def test_a_viewer_cannot_accept_and_is_told_why(client: Client, viewer: User, model: BaseModel) -> None:
    client.force_login(viewer)
    assert "Viewers may not accept a licence" in text(client.get(f"/base-models/{model.name}/"))
    assert client.post(f"/base-models/{model.name}/accept/").status_code == 403
    assert not LicenceAcceptance.objects.exists()


def test_only_admins_get_the_link_to_the_console(client: Client, owner: User, admin: User, model: BaseModel) -> None:
    client.force_login(owner)
    assert "Change in the console" not in text(client.get(f"/base-models/{model.name}/"))
    client.force_login(admin)
    page = client.get(f"/base-models/{model.name}/").content.decode()
    link = re.search(r'href="([^"]+)">Change in the console', page)
    assert link
    assert client.get(link[1]).status_code == 200


@pytest.mark.parametrize("name", ["no/such", "tiny/Hidden", "..", "%00"])
def test_an_unknown_or_hidden_model_is_not_found(browser: Client, name: str) -> None:
    tiny_offer("tiny/Hidden", enabled=False)
    assert browser.get(f"/base-models/{name}/").status_code == 404


def test_a_shape_that_an_admin_has_mistyped_breaks_no_page(browser: Client, model: BaseModel) -> None:
    BaseModel.objects.update(architecture={"layers": "many"})
    assert browser.get("/base-models/").status_code == 200
    assert browser.get("/runs/new/").status_code == 200


def test_registered_models_start_empty_and_say_how_one_gets_there(browser: Client) -> None:
    assert "Every run that completes registers its model here" in text(browser.get("/registered-models/"))


def test_a_registered_model_shows_lineage_and_how_to_load_it(browser: Client, version: ModelVersion, run: Run) -> None:
    assert version.name in text(browser.get("/registered-models/"))
    page = browser.get(f"/registered-models/{version.name}/")
    shown = text(page)
    assert run.name in shown
    assert run.base_model.display_name in shown
    assert run.base_model.licence.name in shown
    assert run.dataset.digest in page.content.decode()
    assert "mlflow.pyfunc.load_model(&#x27;models:/main.default.sums/1&#x27;)" in shown


def test_the_list_has_one_line_a_name_with_the_newest_version(browser: Client, version: ModelVersion, submit: Submit) -> None:
    ModelVersion.objects.create(run=submit(), name=version.name, version=2, uri="models:/main.default.sums/2")
    page = browser.get("/registered-models/").content.decode()
    assert page.count("<tr data-href") == 1
    assert re.search(r'<td class="num">\s*2\s*</td>', page)


def test_a_stranger_sees_no_model_of_another_team(client: Client, stranger: User, version: ModelVersion) -> None:
    client.force_login(stranger)
    assert version.name not in text(client.get("/registered-models/"))
    assert client.get(f"/registered-models/{version.name}/").status_code == 404


def test_a_deleted_run_leaves_its_registered_model(browser: Client, version: ModelVersion, run: Run) -> None:
    Run.objects.update(deleted_at=timezone.now())
    page = browser.get(f"/registered-models/{version.name}/")
    assert page.status_code == 200
    assert f'href="/runs/{run.name}/"' not in page.content.decode()
