"""Who sees a thing is said for each, by its owner or an admin, and holds at every door; a name belongs to a team."""

from typing import Any

import pytest
from django.test import Client

from runs.models import AuditEntry, DataSet, ModelVersion, RegisteredModel, Run, RunStatus, Team, User, Visibility
from runs.services import publishing, sharing
from runs.services.refused import Invalid, NotAllowed, NotFound
from tests.app.conftest import Submit, caller, text

NAME = "main.default.helper"


@pytest.fixture
def model(run: Run) -> RegisteredModel:
    run.register_to = NAME
    run.save()
    ModelVersion.objects.create(run=run, name=NAME, version=1, uri=f"models:/{NAME}/1")
    return sharing.claim(run)


def test_a_thing_stays_with_the_team_it_was_made_in(owner: User, colleague: User, run: Run, dataset: DataSet) -> None:
    owner.team = Team.objects.create(name="next")
    owner.save()
    for rows in (Run, DataSet):
        assert rows.objects.visible_to(colleague).exists()
        assert rows.objects.visible_to(owner).exists()


def test_a_registered_model_is_seen_apart_from_its_run(
    model: RegisteredModel, run: Run, owner: User, stranger: User, colleague: User
) -> None:
    sharing.share(thing=model, by=owner, visibility="everyone")
    sharing.share(thing=run, by=owner, visibility="private")
    for person in (stranger, colleague):
        assert [row["name"] for row in caller(person)("GET", "registered-models").json()["data"]] == [NAME]
        assert caller(person)("GET", f"runs/{run.name}").status_code == 404
    sharing.share(thing=model, by=owner, visibility="private")
    for person in (stranger, colleague):
        assert caller(person)("GET", "registered-models").json()["data"] == []
        with pytest.raises(NotFound):
            sharing.registered(by=person, name=NAME)


def test_pages_and_rest_set_it_and_the_log_has_before_and_after(
    client: Client, model: RegisteredModel, run: Run, dataset: DataSet, owner: User
) -> None:
    client.force_login(owner)
    for path in (f"runs/{run.name}", f"data/{dataset.name}", f"registered-models/{NAME}"):
        assert "the team research" in text(client.get(f"/{path}/"))
        assert client.post(f"/{path}/share/", {"visibility": "everyone"}).status_code == 302
        assert client.post(f"/{path}/share/", {"visibility": "all"}).status_code == 422
    for thing in (model, run, dataset):
        thing.refresh_from_db()
        assert thing.visibility == Visibility.EVERYONE
    rest = caller(owner)
    for path in (f"runs/{run.name}", f"datasets/{dataset.name}", f"registered-models/{NAME}"):
        answer = rest("PUT", f"{path}/visibility", {"visibility": "private"})
        assert (answer.status_code, answer.json()) == (200, {"visibility": "private"})
    entry = AuditEntry.objects.filter(action="dataset.share").latest("pk")
    assert (entry.before, entry.after) == ({"visibility": "everyone"}, {"visibility": "private"})


def test_a_colleague_may_look_and_not_say_who_sees(colleague: User, admin: User, run: Run, client: Client) -> None:
    with pytest.raises(NotAllowed, match="Only its owner or an admin"):
        sharing.share(thing=run, by=colleague, visibility="everyone")
    client.force_login(colleague)
    page = text(client.get(f"/runs/{run.name}/"))
    assert f"/runs/{run.name}/share/" not in page
    assert "Visible to the team research" in page
    sharing.share(thing=run, by=admin, visibility="everyone")


def test_a_name_of_another_team_is_refused_before_anything_is_trained(
    model: RegisteredModel, submit: Submit, colleague: User, stranger: User, admin: User, dataset: DataSet, licence: Any
) -> None:
    assert submit(by=colleague, register_to=NAME)
    assert submit(by=admin, register_to=NAME)
    with pytest.raises(Invalid, match="belongs to others"):
        sharing.check_name(NAME, stranger)


def test_who_may_not_deploy_trains_and_somebody_who_may_registers(
    trained: tuple[Run, Any], owner: User, colleague: User, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, _ = trained
    owner.deploying = False
    owner.save()
    run.refresh_from_db()
    Run.objects.filter(pk=run.pk).update(phase="registering")
    publishing.publish(run.pk, run.lease_token)
    run.refresh_from_db()
    assert (run.status, "may not deploy" in run.details) == (RunStatus.COMPLETED, True)
    with pytest.raises(NotAllowed, match="right to deploy"):
        publishing.register(run=run, by=owner)
    client.force_login(colleague)
    assert f"Register as {run.register_to}" in text(client.get(f"/runs/{run.name}/"))
    asked: list[Any] = []
    monkeypatch.setattr(publishing, "after_commit", lambda *task: asked.append(task))
    assert caller(colleague)("POST", f"runs/{run.name}/registration").status_code == 202
    assert asked == [("runs.tasks.register", run.pk)]
