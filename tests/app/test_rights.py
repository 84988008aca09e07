"""What a token's scopes, a role and single rights leave of what a person may do."""

import pytest
from django.test import Client

from runs.models import BaseModel, Right, Role, Run, User
from runs.services import access
from runs.services.refused import NotAllowed
from tests.app.conftest import PASSWORD, caller


@pytest.mark.parametrize(
    ("scopes", "allowed"),
    [
        (["read"], {"whoami": 200, "runs": 403, "licence": 403, "models": 403}),
        (["read", "train"], {"whoami": 200, "runs": 400, "licence": 200, "models": 403}),
        (["deploy"], {"whoami": 200, "runs": 403, "licence": 403, "models": 400}),
    ],
)
def test_a_token_does_what_its_scopes_name(
    owner: User, base_model: BaseModel, scopes: list[str], allowed: dict[str, int]
) -> None:
    _, token = access.create_token(by=owner, name="narrow", scopes=scopes)
    client = Client(HTTP_AUTHORIZATION=f"Bearer {token}")
    json = {"data": "{}", "content_type": "application/json"}
    assert {
        "whoami": client.get("/api/v1/whoami").status_code,
        "runs": client.post("/api/v1/runs", **json).status_code,
        "licence": client.post(f"/api/v1/licences/{base_model.licence.key}/accept", **json).status_code,
        "models": client.post("/api/2.1/unity-catalog/models", **json).status_code,
    } == allowed


def test_scopes_hold_for_what_comes_through_one_address(owner: User, run: Run) -> None:
    _, token = access.create_token(by=owner, name="narrow", scopes=["read"])
    call = Client(HTTP_AUTHORIZATION=f"Bearer {token}")
    for field in ("createFinetune", "stopFinetunes"):
        variables = {
            "createFinetuneData": {
                "config": {"model": run.base_model.name, "trainDataPath": "sums", "taskType": "CHAT_COMPLETION"}
            },
            "getFinetunesData": {"filters": {"name": {"equals": run.name}}},
        }
        answer = call.post(
            "/api/2.0/genai-mapi/graphql",
            {"query": f"mutation {{ {field} {{ id }} }}", "variables": variables},
            content_type="application/json",
        )
        stopped = answer.json().get("data", {}).get("stopFinetunes")
        assert stopped == [] or answer.json()["errors"][0]["extensions"]["code"] in (400, 403)
    run.refresh_from_db()
    assert not run.is_terminal
    assert Run.objects.count() == 1


def test_a_narrow_token_makes_no_wider_one(owner: User) -> None:
    _, token = access.create_token(by=owner, name="narrow", scopes=["read"])
    call = Client(HTTP_AUTHORIZATION=f"Bearer {token}")
    wide = call.post("/api/v1/tokens", {"name": "wide", "scopes": ["read", "train"]}, content_type="application/json")
    assert (wide.status_code, wide.json()["code"]) == (403, "not_allowed")
    same = call.post("/api/v1/tokens", {"name": "same"}, content_type="application/json")
    assert same.json()["scopes"] == ["read"]


def test_a_token_has_no_more_scopes_than_its_person_may(viewer: User, owner: User, admin: User) -> None:
    """Else it would grow with the first promotion, and nobody would remember it."""
    with pytest.raises(NotAllowed, match="no more scopes than its person may: read"):
        access.create_token(by=viewer, name="wide", scopes=["read", "admin"])
    assert caller(viewer)("POST", "tokens", {"name": "all"}).json()["scopes"] == ["read"]
    row, _ = access.create_token(by=owner, name="script")
    assert row.scopes == ["read", "train", "deploy"]
    robot = User.objects.create_user("robot", "", "a long and private sentence", role=Role.SERVICE)
    assert access.create_token(by=admin, name="robot's", owner=robot)[0].scopes == ["read", "train", "deploy"]


def test_training_and_deploying_are_taken_one_by_one(owner: User) -> None:
    assert owner.rights == {Right.READ, Right.TRAIN, Right.DEPLOY}
    owner.deploying = False
    assert (owner.may_train, owner.may_deploy) == (True, False)
    owner.training, owner.deploying = False, True
    owner.save()
    assert (owner.may_train, owner.may_deploy) == (False, True)
    answer = caller(owner)("POST", "runs", {})
    assert (answer.status_code, "right to train" in answer.json()["detail"]) == (403, True)


def test_an_admins_rights_are_not_taken_and_nobody_who_is_switched_off_has_any(admin: User) -> None:
    admin.training = admin.deploying = False
    assert admin.rights == set(Right)
    admin.is_active = False
    assert admin.rights == set()


def test_a_service_account_comes_with_tokens_alone(admin: User, owner: User) -> None:
    robot = User.objects.create_user("robot", "", PASSWORD, role=Role.SERVICE)
    assert not Client().login(username="robot", password=PASSWORD)
    _, token = access.create_token(by=admin, name="nightly", owner=robot)
    assert access.user_for_token(token) == robot
    for by, whose in ((owner, robot), (admin, owner)):
        with pytest.raises(access.NotAllowed):
            access.create_token(by=by, name="x", owner=whose)
