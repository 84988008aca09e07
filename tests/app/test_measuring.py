"""Measurements: at once when small, by a child that tasks follow when not; kept once, and taken up again after anything."""

import json
import os
import signal
import time
from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO

import psutil
import pytest
from django.utils import timezone

from runs import wiring
from runs.contract.spec import TaskType
from runs.data.measuring import Measure
from runs.data.preview import Settings
from runs.data.remedies import Remedy
from runs.execution import measuring as children
from runs.models import BaseModel, DataSet, Measurement, User
from runs.models.measurement import State
from runs.services import datasets, leases, measuring, profiling, remedying
from runs.services.refused import StillCounting
from tests.chats import write_style
from tests.offer import tiny_offer
from tests.tiny import write_tiny_model


@pytest.fixture
def model(db: None) -> BaseModel:
    return tiny_offer()


@pytest.fixture
def nudges(monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    """Tasks that were sent, instead of sending them."""
    sent: list[tuple[object, ...]] = []
    for sender in (measuring, leases):
        monkeypatch.setattr(sender, "after_commit", lambda *task, **_: sent.append(task))
    return sent


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch, nudges: list[tuple[object, ...]]) -> Iterator[None]:
    """Every data set is too large to be measured while a person waits."""
    monkeypatch.setattr(measuring, "INLINE", 0)
    yield
    for pk in Measurement.objects.values_list("pk", flat=True):
        assert not children.is_alive(wiring.measuring_folder(pk)) or kill(pk)


def kill(pk: int) -> bool:
    """End the child of a measurement, as the out-of-memory killer would."""
    for process in psutil.process_iter(["cmdline"]):
        if str(wiring.measuring_folder(pk)) in (process.info["cmdline"] or []):
            os.kill(process.pid, signal.SIGKILL)
            process.wait(10)
            return True
    return False


def worked(pk: int, token: str = "") -> Measurement:
    """Follow a measurement to its end, as tasks do."""
    until = time.monotonic() + 120
    while (token := measuring.work(pk, token)) and time.monotonic() < until:
        pass
    return Measurement.objects.get(pk=pk)


def test_few_rows_are_measured_at_once_and_only_once(
    dataset: DataSet, model: BaseModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = profiling.assess(dataset=dataset, model=model, context_length=512)
    assert first.is_ready
    assert first.profile
    assert first.contents
    assert (first.profile.rows, first.contents.rows, first.profile.turns) == (20, 20, 40)
    monkeypatch.setattr(measuring, "measure", lambda *_, **__: pytest.fail("measured twice"))
    again = profiling.assess(dataset=dataset, model=model, context_length=64)
    assert again.profile
    assert again.profile.context_length == 64
    assert Measurement.objects.count() == 2


def test_another_template_or_other_rows_are_another_measurement(
    dataset: DataSet, model: BaseModel, owner: User, tmp_path_factory: pytest.TempPathFactory
) -> None:
    profiling.tokens(dataset, model)
    folder = write_tiny_model(tmp_path_factory.mktemp("other") / "model")
    other = tiny_offer("tiny/Same", folder=str(folder))
    assert profiling.tokens(dataset, other) == profiling.tokens(dataset, model), "equal files, one measurement"
    template = folder / "chat_template.jinja"
    template.write_text(template.read_text().replace("<|im_start|>", "<|im_start|>Hello there, "))
    longer = profiling.profile(dataset=dataset, model=other, context_length=512)
    assert longer.tokens > profiling.profile(dataset=dataset, model=model, context_length=512).tokens


def test_many_rows_are_measured_by_a_child_and_the_page_is_told_how_far_it_is(
    dataset: DataSet, model: BaseModel, large: None, nudges: list[tuple[object, ...]]
) -> None:
    with pytest.raises(StillCounting, match="being counted: 0 of 20 rows"):
        profiling.profile(dataset=dataset, model=model, context_length=512)
    found = Measurement.objects.get()
    assert nudges == [("runs.tasks.measure", found.pk, "")]
    done = worked(found.pk)
    assert (done.state, done.done, done.lease_token) == (State.READY, 20, "")
    assert not wiring.measuring_folder(found.pk).exists()
    assert profiling.profile(dataset=dataset, model=model, context_length=512).rows == 20
    assert len(nudges) == 1, "asking again sends nothing"


def test_a_child_that_is_killed_is_started_again(
    dataset: DataSet, model: BaseModel, large: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = profiling.tokens(dataset, model)
    monkeypatch.setattr(leases, "SPELL", 0)
    token = measuring.work(found.pk, "")
    assert token, "a spell of no length hands over"
    kill(found.pk)
    (wiring.measuring_folder(found.pk) / "result.json").unlink(missing_ok=True)
    done = worked(found.pk, token)
    assert done.state == State.READY
    assert done.attempts == 2


def test_a_follower_that_went_silent_is_replaced_and_its_token_is_void(
    dataset: DataSet, model: BaseModel, large: None, nudges: list[tuple[object, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = profiling.tokens(dataset, model)
    monkeypatch.setattr(leases, "SPELL", 0)
    old = measuring.work(found.pk, "")
    Measurement.objects.update(lease_heartbeat=timezone.now() - timedelta(seconds=60))
    measuring.reap()
    _, pk, new = nudges[-1]
    assert (pk, new != old) == (found.pk, True)
    assert measuring.work(found.pk, old) == ""
    assert worked(found.pk, str(new)).state == State.READY


def test_two_tasks_for_one_measurement_do_the_work_once(dataset: DataSet, model: BaseModel, large: None) -> None:
    found = profiling.tokens(dataset, model)
    assert worked(found.pk).state == State.READY
    assert measuring.work(found.pk, "") == ""
    assert Measurement.objects.get().attempts == 1


def test_only_so_many_are_measured_together_and_the_next_follows(
    dataset: DataSet, model: BaseModel, large: None, nudges: list[tuple[object, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measuring, "TOGETHER", 1)
    first, second = profiling.tokens(dataset, model), profiling._contents(dataset)
    monkeypatch.setattr(leases, "SPELL", 0)
    token = measuring.work(first.pk, "")
    assert measuring.work(second.pk, "") == "", "there is no room"
    worked(first.pk, token)
    assert nudges[-1] == ("runs.tasks.measure", second.pk, "")
    assert worked(second.pk).state == State.READY


def test_what_never_ends_well_is_given_up_in_words(
    dataset: DataSet, model: BaseModel, large: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(children, "start", lambda *_: None)
    found = worked(profiling.tokens(dataset, model).pk)
    assert found.is_refused
    assert "three times" in found.reason


def test_rows_that_a_template_refuses_are_named(owner: User, model: BaseModel, large: None) -> None:
    folder = write_style("mistral", wiring.scratch() / "mistral")
    strict = tiny_offer("tiny/Strict", folder=str(folder))
    row = {"messages": [{"role": role, "content": "Hi"} for role in ("system", "user", "assistant")]}
    made = upload(owner, [row])
    found = worked(profiling.tokens(made, strict).pk)
    assert found.is_refused
    assert "Row 1: " in found.reason
    assert "accepts no system message" in profiling.assess(dataset=made, model=strict, context_length=64).trouble


def upload(by: User, rows: list[dict[str, object]], name: str = "faulty", task: TaskType = TaskType.CHAT_COMPLETION) -> DataSet:
    file = BytesIO("".join(json.dumps(row) + "\n" for row in rows).encode())
    return datasets.add_upload(by=by, file=file, filename=f"{name}.jsonl", task=task)


def chat(question: str, answer: str) -> dict[str, object]:
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}


@pytest.fixture
def faulty(owner: User) -> DataSet:
    rows = [chat(f"Where is shelf {number} of hall {number * 7}?", f"Behind door {number * 3}.") for number in range(40)]
    return upload(owner, [*rows, rows[0], chat("Whom do I mail?", "Mail mario.rossi@example.org.")])


def test_a_remedy_makes_a_data_set_of_its_own_with_its_lineage(owner: User, faulty: DataSet) -> None:
    (made,) = remedying.result_of(remedying.derive(by=owner, dataset=faulty, remedy=Remedy(kind="drop_duplicates")))
    assert (made.name, made.rows, made.derived_from, made.owner) == ("faulty-no-duplicates", 41, faulty, owner)
    assert made.derivation["from_digest"] == faulty.digest
    assert (made.derivation["kind"], made.derivation["changed"], made.derivation["rows_before"]) == ("drop_duplicates", 1, 42)
    assert (made.source, made.visibility, made.task_type) == (faulty.source, faulty.visibility, faulty.task_type)
    assert wiring.dataset_file(made.digest).read_bytes().count(b"\n") == 41
    faulty.refresh_from_db()
    assert faulty.rows == 42


def test_the_same_remedy_again_is_the_same_data_set_and_has_the_same_digest_by_any_name(owner: User, faulty: DataSet) -> None:
    mask = Remedy(kind="mask")
    (first,) = remedying.result_of(remedying.derive(by=owner, dataset=faulty, remedy=mask))
    (again,) = remedying.result_of(remedying.derive(by=owner, dataset=faulty, remedy=mask))
    (named,) = remedying.result_of(remedying.derive(by=owner, dataset=faulty, remedy=mask, name="Clean rows"))
    assert again == first
    assert (named.name, named.digest) == ("clean-rows", first.digest)
    datasets.delete(dataset=first, by=owner)
    (anew,) = remedying.result_of(remedying.derive(by=owner, dataset=faulty, remedy=mask))
    assert anew.digest == first.digest


def test_a_split_makes_two_and_a_child_makes_the_same_ones(
    owner: User, colleague: User, faulty: DataSet, monkeypatch: pytest.MonkeyPatch, nudges: list[tuple[object, ...]]
) -> None:
    split = Remedy(kind="split", share=0.1, seed=3)
    train, held_out = remedying.result_of(remedying.derive(by=owner, dataset=faulty, remedy=split))
    assert (train.name, held_out.name) == ("faulty-train", "faulty-eval")
    assert train.rows + held_out.rows == 42
    monkeypatch.setattr(measuring, "INLINE", 0)
    slow = remedying.derive(by=colleague, dataset=faulty, remedy=split)
    assert remedying.under_way(faulty) == [slow]
    theirs = remedying.result_of(worked(slow.pk))
    assert [one.digest for one in theirs] == [train.digest, held_out.digest]
    assert [one.name for one in theirs] == ["faulty-train-2", "faulty-eval-2"]
    assert {one.owner for one in theirs} == {colleague}


@pytest.mark.parametrize(
    ("rows", "remedy", "said"),
    [
        ([chat("Hi?", "Yes.")], {"kind": "drop_duplicates"}, "nothing to mend"),
        ([chat("Hi?", "...")], {"kind": "drop_empty_answers"}, "No row would be left"),
        ([chat("Hi?", "Yes.")] * 3, {"kind": "split"}, "copies of one another"),
    ],
)
def test_a_remedy_that_makes_no_sense_here_makes_nothing(
    rows: list[dict[str, object]], remedy: dict[str, str], said: str, owner: User
) -> None:
    made = upload(owner, rows)
    assert said in remedying.derive(by=owner, dataset=made, remedy=Remedy.model_validate(remedy)).reason
    assert DataSet.objects.count() == 1


def test_deleting_the_original_leaves_the_record_of_where_the_derived_one_came_from(owner: User, faulty: DataSet) -> None:
    (made,) = remedying.result_of(remedying.derive(by=owner, dataset=faulty, remedy=Remedy(kind="mask")))
    datasets.delete(dataset=faulty, by=owner)
    made.refresh_from_db()
    assert made.derived_from is None
    assert made.derivation["from"] == "faulty"


def test_overlap_is_measured_for_a_pair_of_data_sets(owner: User, faulty: DataSet) -> None:
    held_out = upload(owner, [chat("Whom do I mail?", "Nobody."), chat("Something else entirely, is it?", "It is.")], "heldout")
    found = profiling.assess(dataset=faulty, model=None, context_length=64, evaluation=held_out)
    assert found.overlap
    assert (found.overlap.question.count, found.overlap.asked, found.overlap.evaluation_rows) == (1, 1, 2)
    assert "leaked_question" in {one.kind for one in found.findings}
    (clean,) = remedying.result_of(
        remedying.derive(by=owner, dataset=faulty, remedy=Remedy(kind="drop_leaked"), evaluation=held_out)
    )
    assert (clean.rows, clean.derivation["evaluation_digest"]) == (41, held_out.digest)
    assert Measurement.objects.filter(measure=Measure.OVERLAP).count() == 1


def test_first_batches_of_any_number_of_settings_take_neither_the_queue_nor_the_database(
    dataset: DataSet, model: BaseModel, large: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = [Settings(context_length=64, batch_size=2, seed=seed) for seed in range(profiling.MOST_BATCHES + 1)]
    for one in settings[:-1]:
        profiling.first_batch(dataset=dataset, model=model, settings=one)
    with pytest.raises(StillCounting, match="Ask again"):
        profiling.first_batch(dataset=dataset, model=model, settings=settings[-1])
    assert not profiling.first_batch(dataset=dataset, model=model, settings=settings[0]).is_ready, (
        "one that waits may be asked for"
    )
    Measurement.objects.all().delete()
    monkeypatch.setattr(measuring, "INLINE", 500_000)
    monkeypatch.setattr(measuring, "BATCHES_KEPT", 2)
    made = [profiling.first_batch(dataset=dataset, model=model, settings=one).pk for one in settings[:4]]
    assert [*Measurement.objects.order_by("pk").values_list("pk", flat=True)] == made[-2:]
