"""REST v1 as a script meets it: it says who it is, creates, lists, cancels, deletes."""

from datetime import timedelta
from typing import Any

from django.test import Client
from django.utils import timezone

from runs.models import ApiToken, Run, User
from runs.services import access, lifecycle
from tests.app.conftest import PASSWORD, Call, Submit


def test_a_stranger_to_the_server_is_told_to_bring_a_token(client: Client, db: None) -> None:
    answer = client.get("/api/v1/runs")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "unauthenticated"


def test_unknown_revoked_and_expired_tokens_are_told_apart_by_nobody(client: Client, owner: User) -> None:
    revoked, one = access.create_token(by=owner, name="one")
    access.revoke_token(token=revoked, by=owner)
    expired, two = access.create_token(by=owner, name="two")
    ApiToken.objects.filter(pk=expired.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    answers = [client.get("/api/v1/whoami", HTTP_AUTHORIZATION=f"Bearer {token}") for token in (one, two, "ftui_nothing", "")]
    assert [answer.status_code for answer in answers] == [401] * 4
    assert len({answer.content for answer in answers}) == 1


def test_who_am_i(api: Call) -> None:
    assert api("GET", "whoami").json() == {
        "username": "owner",
        "email": "owner@example.org",
        "role": "scientist",
        "team": "research",
        "may_train": True,
        "may_deploy": True,
        "rights": ["read", "train", "deploy"],
        "is_admin": False,
    }


def test_a_browsers_session_reads_and_writes_only_with_its_csrf_token(owner: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.login(username="owner", password=PASSWORD)
    assert browser.get("/api/v1/whoami").json()["username"] == "owner"
    refused = browser.post("/api/v1/tokens", {"name": "x"}, content_type="application/json")
    assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")
    assert not ApiToken.objects.exists()


def test_a_run_is_created_shown_listed_canceled_and_deleted(api: Call, asked: dict[str, Any], accepted: None) -> None:
    created = api("POST", "runs", {**asked, "training_duration": "2ep"})
    assert created.status_code == 201
    run = created.json()
    assert created.headers["Location"].endswith(f"/api/v1/runs/{run['name']}")
    assert (run["status"], run["model"], run["dataset"], run["owner"]) == ("PENDING", "test/tiny-chat", "sums", "owner")
    assert run["request"]["training_duration"] == "2ep"
    assert api("GET", f"runs/{run['name']}").json() == run
    assert api("GET", "runs").json() == {"data": [run], "next": None}
    assert api("DELETE", f"runs/{run['name']}").json()["code"] == "cannot_delete"
    canceled = api("POST", f"runs/{run['name']}/cancel", {"reason": "changed my mind"})
    assert (canceled.status_code, canceled.json()["status"]) == (200, "STOPPED")
    again = api("POST", f"runs/{run['name']}/cancel")
    assert (again.status_code, again.json()["code"]) == (409, "cannot_cancel")
    assert api("DELETE", f"runs/{run['name']}").status_code == 204
    assert api("GET", f"runs/{run['name']}").status_code == 404


def test_the_same_idempotency_key_makes_one_run(api: Call, asked: dict[str, Any], accepted: None) -> None:
    names = {api("POST", "runs", asked, **{"Idempotency-Key": "k1"}).json()["name"] for _ in range(3)}
    assert len(names) == Run.objects.count() == 1
    other = api("POST", "runs", {**asked, "seed": 2}, **{"Idempotency-Key": "k1"})
    assert (other.status_code, other.json()["code"], other.json()["field"]) == (409, "key_reused", "Idempotency-Key")
    assert api("POST", "runs", asked, **{"Idempotency-Key": "k" * 201}).status_code == 400


def test_pages_follow_one_another_while_runs_are_added(api: Call, submit: Submit) -> None:
    made = [submit().name for _ in range(5)]
    first = api("GET", "runs?limit=2").json()
    submit()
    second = api("GET", first["next"]).json()
    third = api("GET", second["next"]).json()
    assert [run["name"] for page in (first, second, third) for run in page["data"]] == made[::-1]
    assert third["next"] is None
    oldest = api("GET", "runs?order=oldest&limit=3").json()
    assert [run["name"] for run in oldest["data"]] == made[:3]
    assert [run["name"] for run in api("GET", oldest["next"]).json()["data"]][:2] == made[3:]


def test_runs_are_filtered_by_status_model_person_and_time(api: Call, submit: Submit, colleague: User, owner: User) -> None:
    mine, theirs = submit(), submit(by=colleague)
    lifecycle.cancel(run=mine, by=owner)
    Run.objects.filter(pk=theirs.pk).update(created_at=timezone.now() - timedelta(days=2))

    def names(query: str) -> list[str]:
        return [run["name"] for run in api("GET", f"runs?{query}").json()["data"]]

    assert names("status=STOPPED") == [mine.name]
    assert names("owner=colleague") == [theirs.name]
    assert names("model=test/tiny-chat") == [theirs.name, mine.name]
    assert names("model=other") == []
    assert names(f"since={(timezone.now() - timedelta(days=1)):%Y-%m-%dT%H:%M:%SZ}") == [mine.name]
