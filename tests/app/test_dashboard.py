"""The list of runs: everything about them at a glance, found by its address alone."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from runs.models import BaseModel, DataSet, Run, RunStatus, User
from tests import scenes

Make = Callable[..., Run]


@pytest.fixture
def make(owner: User, base_model: BaseModel, dataset: DataSet) -> Make:
    def made(name: str, status: RunStatus = RunStatus.COMPLETED, **fields: object) -> Run:
        fields = {"owner": owner, "base_model": base_model, "dataset": dataset, **fields}
        return scenes.make_run(name=name, status=status, **fields)  # type: ignore[arg-type]

    return made


@pytest.fixture
def page(client: Client, owner: User) -> Callable[[str], str]:
    """`page("?q=x")` is the dashboard's HTML as the owner sees it."""
    client.force_login(owner)

    def get(query: str = "") -> str:
        answer = client.get("/" + query)
        assert answer.status_code == 200
        return answer.content.decode()

    return get


def names(html: str) -> list[str]:
    return [part.split("/")[0] for part in html.split('data-href="/runs/')[1:]]


def test_it_is_behind_the_login(client: Client, db: None) -> None:
    assert client.get("/").headers["Location"] == "/login/?next=/"


def test_an_empty_one_explains_the_first_step(page: Callable[[str], str]) -> None:
    html = page("")
    assert "No runs yet" in html
    assert "Start the first run" in html


def test_a_viewer_is_offered_no_button_that_would_refuse(client: Client, viewer: User) -> None:
    client.force_login(viewer)
    html = client.get("/").content.decode()
    assert "Start the first run" not in html
    assert 'data-key="n"' not in html


def test_a_row_says_status_in_a_word_and_what_stands_behind(page: Callable[[str], str], make: Make) -> None:
    run = make("chat-one", RunStatus.RUNNING, estimated_end_at=timezone.now() + timedelta(seconds=90))
    scenes.train_points(run, range(1, 31), of=40)
    html = page("")
    for said in ("Running", "chat-one", "Tiny chat", "sums", "75%", "1 min", run.owner.username):
        assert said in html
    assert '<path d="M' in html, "the loss as a small curve"


def test_a_failed_run_says_why(page: Callable[[str], str], make: Make) -> None:
    make("cpt-broken", RunStatus.FAILED, details="Out of memory.", step=12)
    assert "Out of memory." in page("")


def test_counters_filter_and_count_what_the_other_filters_leave(page: Callable[[str], str], make: Make) -> None:
    make("one", RunStatus.RUNNING)
    make("two", RunStatus.FAILED)
    make("three", RunStatus.FAILED)
    html = page("")
    assert "<span>Failed</span> <b>2</b>" in html
    assert names(page("?status=failed")) == ["three", "two"]
    assert "<span>Failed</span> <b>1</b>" in page("?q=two")


def test_the_queue_says_who_is_next(page: Callable[[str], str], make: Make) -> None:
    first, second = make("first", RunStatus.QUEUED), make("second", RunStatus.QUEUED)
    html = page("")
    assert (first.queue_position, second.queue_position) == (1, 2)
    assert "2 in the queue" in html
    assert "1 in the queue" in html


def test_search_looks_into_name_model_data_and_reason(page: Callable[[str], str], make: Make) -> None:
    make("alpha")
    make("beta", RunStatus.FAILED, details="The disk is full.")
    assert names(page("?q=ALPH")) == ["alpha"]
    assert names(page("?q=disk+is")) == ["beta"]
    assert names(page("?q=tiny+chat")) == ["beta", "alpha"]


def test_filters_by_model_data_person_and_time(page: Callable[[str], str], make: Make, colleague: User) -> None:
    make("mine")
    make("theirs", owner=colleague)
    make("old", created_at=timezone.now() - timedelta(days=20))
    assert names(page("?person=colleague")) == ["theirs"]
    assert names(page("?since=7")) == ["theirs", "mine"]
    assert names(page("?model=test/tiny-chat&data=sums&person=owner&since=30")) == ["mine", "old"]
    assert "No run matches" in page("?model=other")


@pytest.mark.parametrize("key", ["status", "name", "model", "data", "loss", "duration", "created", "owner"])
def test_every_column_sorts_both_ways(page: Callable[[str], str], make: Make, key: str) -> None:
    make("a", last_loss=0.1)
    make("b", last_loss=0.2)
    up, down = names(page(f"?sort={key}")), names(page(f"?sort=-{key}"))
    assert sorted(up) == sorted(down) == ["a", "b"]
    if key in ("name", "loss"):
        assert (up, down) == (["a", "b"], ["b", "a"])


def test_runs_without_a_loss_come_last_whichever_way(page: Callable[[str], str], make: Make) -> None:
    make("none")
    make("some", last_loss=0.5)
    assert names(page("?sort=loss")) == names(page("?sort=-loss")) == ["some", "none"]


def test_pages_keep_the_filters_in_their_address(page: Callable[[str], str], make: Make) -> None:
    for number in range(30):
        make(f"run-{number:02}")
    first = page("?q=run&sort=name")
    assert names(first)[0] == "run-00"
    assert len(names(first)) == 25
    assert "?q=run&amp;sort=name&amp;page=2" in first
    assert names(page("?q=run&sort=name&page=2")) == [f"run-{number}" for number in range(25, 30)]


@pytest.mark.parametrize("query", ["?sort=banana", "?page=banana", "?page=-1", "?status=x&since=x", "?q=%00", "?model=%00"])
def test_nonsense_in_an_address_is_ignored(page: Callable[[str], str], make: Make, query: str) -> None:
    make("alpha")
    assert names(page(query)) == ["alpha"]


def test_strangers_runs_and_deleted_ones_are_not_there(page: Callable[[str], str], make: Make, stranger: User) -> None:
    make("secret", owner=stranger)
    make("gone", deleted_at=timezone.now())
    html = page("")
    assert "secret" not in html
    assert "gone" not in html
    assert "stranger" not in html, "nor is a person offered as a filter of whom one sees nothing"


def test_the_number_of_queries_does_not_grow_with_the_runs(
    client: Client, owner: User, make: Make, django_assert_max_num_queries: Callable[..., object]
) -> None:
    client.force_login(owner)
    for number in range(20):
        status = [RunStatus.RUNNING, RunStatus.QUEUED, RunStatus.COMPLETED, RunStatus.FAILED][number % 4]
        run = make(f"run-{number}", status)
        if status != RunStatus.QUEUED:
            scenes.train_points(run, range(1, 11), of=20)
    with django_assert_max_num_queries(14):  # type: ignore[attr-defined]
        client.get("/")


def test_a_live_page_asks_for_one_row_or_for_the_list_alone(client: Client, owner: User, make: Make) -> None:
    run = make("alpha")
    client.force_login(owner)
    row = client.get("/runs/alpha/row/").content.decode().split()
    assert row[:2] == ["<tr", f'id="run-{run.pk}"']
    part = client.get("/", headers={"HX-Request": "true"}).content.decode().strip()
    assert part.startswith('<div id="list"')
    assert "<html" not in part


def test_a_strangers_row_is_not_found(client: Client, stranger: User, make: Make) -> None:
    make("alpha")
    client.force_login(stranger)
    assert client.get("/runs/alpha/row/").status_code == 404
