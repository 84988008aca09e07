"""What REST does for programs that repeat themselves, ask too often, or want their lists in another order."""

import json
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import close_old_connections, connection
from django.test import Client
from django.utils import timezone

from runs import wiring
from runs.models import Allowance, ApiToken, BaseModel, DataSet, KeptAnswer, ModelVersion, Run, RunStatus, User
from runs.services import access, limits, once
from tests import scenes
from tests.app.conftest import ROWS, Call, caller

JSONL = b"".join(json.dumps(row).encode() + b"\n" for row in ROWS)


def test_a_key_creates_once_and_gets_the_same_answer_again(api: Call) -> None:
    first, second = (api("POST", "tokens", {"name": "nightly"}, **{"Idempotency-Key": "night-1"}) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
    assert ApiToken.objects.filter(name="nightly").count() == 1
    assert first.json()["token"] not in KeptAnswer.objects.values_list("body", flat=True).get().ciphertext


def test_a_key_is_for_one_request_of_one_person(api: Call, colleague: User) -> None:
    api("POST", "tokens", {"name": "nightly"}, **{"Idempotency-Key": "k"})
    other = api("POST", "tokens", {"name": "daily"}, **{"Idempotency-Key": "k"})
    assert (other.status_code, other.json()["code"]) == (409, "key_reused")
    assert caller(colleague)("POST", "tokens", {"name": "daily"}, **{"Idempotency-Key": "k"}).status_code == 201


def test_what_was_refused_leaves_its_key_free(api: Call) -> None:
    assert api("POST", "tokens", {"name": " "}, **{"Idempotency-Key": "k"}).status_code == 400
    assert api("POST", "tokens", {"name": "nightly"}, **{"Idempotency-Key": "k"}).status_code == 201


def test_what_was_deleted_frees_its_key(api: Call) -> None:
    first = api("POST", "tokens", {"name": "nightly"}, **{"Idempotency-Key": "k"})
    assert api("DELETE", first.headers["Location"]).status_code == 204
    second = api("POST", "tokens", {"name": "nightly"}, **{"Idempotency-Key": "k"})
    assert second.json()["id"] != first.json()["id"]
    assert api("GET", second.headers["Location"]).status_code == 200


def upload(browser: Client, content: bytes, key: str, *, raw: bool) -> Any:
    if raw:
        url = "/api/v1/datasets?task_type=CHAT_COMPLETION&name=more"
        return browser.post(url, content, content_type="application/jsonl", headers={"Idempotency-Key": key})
    fields = {"file": SimpleUploadedFile("more.jsonl", content), "task_type": "CHAT_COMPLETION"}
    return browser.post("/api/v1/datasets", fields, headers={"Idempotency-Key": key})


@pytest.mark.parametrize("raw", [True, False], ids=["as bytes", "as a form"])
def test_an_upload_sent_again_is_the_same_data_set(owner: User, raw: bool) -> None:
    browser = Client()
    browser.force_login(owner)
    first, second = (upload(browser, JSONL, "u", raw=raw) for _ in range(2))
    assert (first.status_code, second.status_code, first.json()) == (201, 201, second.json())
    assert second.headers["Location"] == first.headers["Location"]
    assert DataSet.objects.count() == 1
    assert upload(browser, JSONL.replace(b"What", b"Want"), "u", raw=raw).json()["code"] == "key_reused"


def test_a_key_is_free_again_when_its_answer_is_forgotten(api: Call) -> None:
    api("POST", "tokens", {"name": "nightly"}, **{"Idempotency-Key": "k"})
    KeptAnswer.objects.update(created_at=timezone.now() - once.KEPT - timedelta(minutes=1))
    assert api("POST", "tokens", {"name": "daily"}, **{"Idempotency-Key": "k"}).status_code == 201
    KeptAnswer.objects.update(created_at=timezone.now() - once.KEPT - timedelta(minutes=1))
    assert (once.forget(), KeptAnswer.objects.count()) == (1, 0)


@pytest.mark.django_db(transaction=True)
def test_two_at_the_same_moment_make_one(owner: User) -> None:
    call, answers = caller(owner), []

    def send() -> None:
        answers.append(call("POST", "tokens", {"name": "nightly"}, **{"Idempotency-Key": "k"}).json())
        close_old_connections()
        connection.close()

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer == answers[0] for answer in answers] == [True] * 4
    assert ApiToken.objects.filter(name="nightly").count() == 1


def test_every_answer_says_how_many_requests_are_left(api: Call, settings: Any) -> None:
    settings.REQUESTS_PER_MINUTE = 10
    left = [api("GET", path).headers["RateLimit-Remaining"] for path in ("whoami", "runs", "runs/none")]
    assert left == ["9", "8", "7"]
    answer = api("GET", "whoami")
    assert answer.headers["RateLimit-Limit"] == "10"
    assert answer.headers["RateLimit-Policy"] == '"requests";q=10;w=60'
    assert answer.headers["RateLimit"] == f'"requests";r=6;t={answer.headers["RateLimit-Reset"]}'


def test_each_token_has_its_own_allowance_which_fills_up_again(owner: User, settings: Any) -> None:
    settings.REQUESTS_PER_MINUTE = 2
    one, other = caller(owner), caller(owner)
    assert [one("GET", "whoami").status_code for _ in range(3)] == [200, 200, 429]
    assert other("GET", "whoami").status_code == 200
    Allowance.objects.update(time=timezone.now() - timedelta(seconds=31))
    assert [one("GET", "whoami").status_code for _ in range(2)] == [200, 429]


@pytest.mark.django_db(transaction=True)
def test_processes_count_together(settings: Any) -> None:
    """As many connections as processes would have, all taking from the same bucket: none grants what another has granted."""
    settings.REQUESTS_PER_MINUTE = 20
    granted: list[bool] = []

    def ask() -> None:
        granted.extend(limits.take("somebody").granted for _ in range(10))
        connection.close()

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 20 <= sum(granted) <= 22  # it fills up by one each three seconds
    assert len(granted) == 40


@pytest.fixture
def three(owner: User, base_model: BaseModel, dataset: DataSet) -> list[Run]:
    made = zip("bca", (RunStatus.FAILED, RunStatus.COMPLETED, RunStatus.PENDING), (20, 30, 10), strict=True)
    return [
        scenes.make_run(name=name, owner=owner, base_model=base_model, dataset=dataset, status=status, tokens=tokens)
        for name, status, tokens in made
    ]


def names(call: Call, path: str) -> list[str]:
    """All names, page by page."""
    found, following = [], path
    while following:
        page = call("GET", following).json()
        found += [row["name"] for row in page["data"]]
        following = page["next"]
    return found


@pytest.mark.parametrize(
    ("order", "expected"),
    [("newest", "acb"), ("oldest", "bca"), ("name", "abc"), ("-name", "cba"), ("tokens", "abc"), ("-tokens", "cba")],
)
def test_runs_in_the_wanted_order_on_pages_of_one(api: Call, three: list[Run], order: str, expected: str) -> None:
    assert "".join(names(api, f"runs?limit=1&order={order}")) == expected


def test_equal_values_are_neither_lost_nor_repeated(api: Call, three: list[Run]) -> None:
    Run.objects.update(tokens=5)
    assert "".join(names(api, "runs?limit=1&order=-tokens")) == "acb"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("status=FAILED,PENDING", "ab"), ("dataset=sums", "acb"), ("dataset=other", ""), ("search=B", "b"),
        ("task_type=CHAT_COMPLETION", "acb"), ("task_type=CONTINUED_PRETRAIN", ""), ("before=2020-01-01", ""),
    ],
)  # fmt: skip
def test_runs_are_filtered(api: Call, three: list[Run], query: str, expected: str) -> None:
    assert "".join(names(api, f"runs?{query}")) == expected


def test_a_page_behind_a_row_that_is_gone_says_so(api: Call, dataset: DataSet) -> None:
    problem = api("GET", "datasets?order=name&cursor=999999").json()
    assert (problem["status"], problem["field"]) == (404, "cursor")
    assert api("GET", "datasets?cursor=999999").status_code == 200


def test_lists_have_an_etag(api: Call, three: list[Run]) -> None:
    tag = api("GET", "runs").headers["ETag"]
    assert api("GET", "runs", **{"If-None-Match": tag}).status_code == 304
    Run.objects.filter(name="a").update(tokens=11)
    assert api("GET", "runs", **{"If-None-Match": tag}).status_code == 200


def test_a_version_and_its_filters(api: Call, three: list[Run], stranger: User) -> None:
    ModelVersion.objects.create(run=three[1], name="main.default.c", version=1, uri="models:/main.default.c/1")
    assert api("GET", "registered-models/main.default.c/versions/1").json()["run"] == "c"
    assert api("GET", "registered-models/main.default.c/versions/2").status_code == 404
    assert len(api("GET", "registered-models?name=main.default.c&run=c").json()["data"]) == 1
    assert api("GET", "registered-models?run=a").json()["data"] == []
    assert caller(stranger)("GET", "registered-models/main.default.c/versions/1").status_code == 404


def test_base_models_licences_and_tokens_one_by_one(api: Call, base_model: BaseModel, colleague: User) -> None:
    assert api("GET", "base-models?state=active&available=true&family=Tiny").json()["data"][0]["name"] == base_model.name
    assert api("GET", "base-models?available=false").json()["data"] == []
    assert api("GET", "licences/open").json()["accepted"] is False
    assert api("GET", "licences/none").status_code == 404
    row, _ = access.create_token(by=colleague, name="hers")
    assert caller(colleague)("GET", f"tokens/{row.pk}").json()["name"] == "hers"
    assert api("GET", f"tokens/{row.pk}").status_code == 404


@pytest.mark.parametrize(("lines", "expected"), [(2, "8\n9\n"), (100, "".join(f"{n}\n" for n in range(10)))])
def test_the_end_of_a_log(api: Call, run: Run, lines: int, expected: str) -> None:
    folder = wiring.run_folder(run.name)
    folder.create()
    folder.log.write_text("".join(f"{n}\n" for n in range(10)))
    assert api("GET", f"runs/{run.name}/log?lines={lines}").content.decode() == expected


def test_the_end_of_a_long_log_is_read_from_its_end(api: Call, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = wiring.run_folder(run.name)
    folder.create()
    folder.log.write_text("".join(f"{'x' * 99}{n}\n" for n in range(5_000)))
    assert api("GET", f"runs/{run.name}/log?lines=1500").content.decode() == "".join(
        f"{'x' * 99}{n}\n" for n in range(3_500, 5_000)
    )


def test_a_repeated_key_in_a_body(api: Callable[..., Any]) -> None:
    problem = api("POST", "tokens", '{"name": "a", "name": "b"}').json()
    assert (problem["code"], "more than once" in problem["detail"]) == ("unreadable_body", True)
    assert not ApiToken.objects.filter(name__in="ab").exists()
