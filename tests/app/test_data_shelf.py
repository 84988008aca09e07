"""Files of rows are shared by digest: one is there as long as a data set has its bytes, whoever adds and deletes meanwhile."""

import json
from collections.abc import Callable
from io import BytesIO
from threading import Event, Thread

import pytest
from django.db import connection

from runs import wiring
from runs.contract.spec import TaskType
from runs.models import DataSet, User
from runs.services import datasets, keeping, shelf

pytestmark = pytest.mark.django_db(transaction=True)
ROWS = b"".join(
    json.dumps({"messages": [{"role": "user", "content": f"Shelf {n}?"}, {"role": "assistant", "content": "There."}]}).encode()
    + b"\n"
    for n in range(5)
)


def add(by: User) -> DataSet:
    return datasets.add_upload(
        by=by, file=BytesIO(ROWS), filename="shelf.jsonl", task=TaskType.CHAT_COMPLETION, keep_original=True
    )


def started(work: Callable[[], object]) -> Thread:
    def run() -> None:
        try:
            work()
        finally:
            connection.close()

    thread = Thread(target=run)
    thread.start()
    return thread


def test_bytes_that_somebody_adds_while_they_are_deleted_stay(
    owner: User, colleague: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = add(owner)
    seen, go = Event(), Event()
    create = keeping.create

    def slowly(**asked: object) -> DataSet:
        """The file is found on the shelf; before there is a row for it, somebody deletes the other one."""
        seen.set()
        assert go.wait(60)
        return create(**asked)  # type: ignore[arg-type]

    monkeypatch.setattr(keeping, "create", slowly)
    adding = started(lambda: add(colleague))
    assert seen.wait(60)
    deleting = started(lambda: datasets.delete(dataset=first, by=owner))
    deleting.join(1)  # without a lock it is over by now, and the file with it
    assert wiring.dataset_file(first.digest).is_file()
    go.set()
    for thread in (adding, deleting):
        thread.join(60)
        assert not thread.is_alive()
    kept = DataSet.objects.get()
    assert (kept.owner, kept.digest) == (colleague, first.digest)
    assert wiring.dataset_file(kept.digest).is_file()
    assert wiring.original_file(kept.original).read_bytes() == ROWS


def test_with_the_last_data_set_its_files_go(owner: User, colleague: User) -> None:
    one, other = add(owner), add(colleague)
    datasets.delete(dataset=one, by=owner)
    assert wiring.dataset_file(other.digest).is_file()
    datasets.delete(dataset=other, by=colleague)
    assert not wiring.dataset_file(other.digest).exists()
    assert not wiring.original_file(other.original).exists()


def test_many_add_and_delete_the_same_bytes(owner: User, colleague: User) -> None:
    lost: list[str] = []
    seen: set[str] = set()

    def work(by: User) -> Callable[[], None]:
        def rounds() -> None:
            for _ in range(6):
                made = add(by)
                seen.add(made.digest)
                if not wiring.dataset_file(made.digest).is_file():
                    lost.append(made.name)
                datasets.delete(dataset=made, by=by)

        return rounds

    threads = [started(work(by)) for by in (owner, colleague)]
    for thread in threads:
        thread.join(120)
    assert (lost, DataSet.objects.count()) == ([], 0)
    assert not [digest for digest in seen if wiring.dataset_file(digest).exists()]


def test_what_a_data_set_has_is_not_cleared(owner: User) -> None:
    kept = add(owner)
    shelf.clear(kept.digest, kept.original)
    assert wiring.dataset_file(kept.digest).is_file()
    assert wiring.original_file(kept.original).is_file()
