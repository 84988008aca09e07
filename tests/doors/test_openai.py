"""The `openai` package, as it comes, on our `/v1`."""

import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any

import openai
import pytest

from runs import wiring
from runs.contract.events import Evaluation, Fault, Outcome
from runs.models import BaseModel, DataSet, ModelVersion, Run, RunStatus, Taking, User
from runs.services import access, dispatch, lifecycle, progress, taking
from tests.app.conftest import ROWS
from tests.doors.conftest import token_of
from tests.fakes import FakeEngine, FakeLauncher
from tests.serving import Web

pytestmark = pytest.mark.django_db(transaction=True)
CHAT = "".join(json.dumps({"messages": row["messages"]}, indent=None, separators=(", ", ":  ")) + "\n" for row in ROWS).encode()
Connect = Callable[[User], openai.OpenAI]


@pytest.fixture
def connect(web: Web) -> Iterator[Connect]:
    """A client of this person's, as `openai.OpenAI(base_url=..., api_key=...)` makes it."""
    made = []

    def make(user: User) -> openai.OpenAI:
        made.append(openai.OpenAI(base_url=f"{web.url}/v1", api_key=token_of(user), max_retries=0))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture
def client(connect: Connect, owner: User) -> openai.OpenAI:
    return connect(owner)


@pytest.fixture
def file(client: openai.OpenAI) -> Any:
    return client.files.create(file=("sums.jsonl", CHAT), purpose="fine-tune")


def finish(run: Run, launcher: FakeLauncher) -> None:
    """Worker and engine, from the queue to a registered model."""
    dispatch.start_waiting()
    engine = launcher.engines[run.name]
    engine.trains(first=1, last=4)
    follow(run)
    measured = Evaluation(time=run.updated_at, step=4, epoch=1.0, tokens=400, loss=0.5, perplexity=1.6, token_accuracy=0.9)
    engine.says(measured)
    engine.keeps_checkpoint("ep1-ba2", 2)
    engine.keeps_checkpoint("ep2-ba4", 4)
    engine.ends(Outcome.COMPLETED, step=4)
    follow(run)
    follow(run)
    run.move_to(RunStatus.COMPLETED)
    run.save()
    ModelVersion.objects.create(run=run, name=run.register_to, version=1, uri=f"models:/{run.register_to}/1")


def follow(run: Run) -> None:
    run.refresh_from_db()
    progress.advance(run.pk, run.lease_token)
    run.refresh_from_db()


def run_of(job: Any) -> Run:
    return Run.objects.get(name=job.id.removeprefix("ftjob-"))


def test_a_file_comes_back_to_the_byte_and_is_a_data_set(client: openai.OpenAI, file: Any) -> None:
    assert (file.object, file.purpose, file.filename, file.status) == ("file", "fine-tune", "sums.jsonl", "processed")
    assert file.bytes == len(CHAT)
    assert client.files.wait_for_processing(file.id).id == file.id
    assert client.files.content(file.id).read() == CHAT
    assert client.files.retrieve(file.id).created_at == file.created_at
    dataset = DataSet.objects.get()
    assert (dataset.rows, dataset.task_type) == (len(ROWS), "CHAT_COMPLETION")
    kept = wiring.original_file(dataset.original)
    assert kept.read_bytes() == CHAT
    gone = client.files.delete(file.id)
    assert (gone.deleted, gone.id, kept.exists()) == (True, file.id, False)
    with pytest.raises(openai.NotFoundError) as told:
        client.files.retrieve(file.id)
    assert (told.value.type, told.value.param) == ("invalid_request_error", "id")


def test_files_are_listed_by_page_in_both_orders(client: openai.OpenAI) -> None:
    made = [client.files.create(file=(f"f{number}.jsonl", CHAT), purpose="fine-tune").id for number in range(3)]
    assert [file.id for file in client.files.list(limit=2)] == made[::-1], "iterating goes from page to page"
    first = client.files.list(limit=2, order="asc")
    assert (first.has_more, [file.id for file in first.data]) == (True, made[:2])
    assert client.files.list(purpose="assistants").data == []


def test_completions_are_another_task(client: openai.OpenAI) -> None:
    rows = b'{"prompt": "2 + 2 =", "completion": " 4"}\n' * 3
    client.files.create(file=("pairs.jsonl", rows), purpose="fine-tune")
    assert DataSet.objects.get().task_type == "INSTRUCTION_FINETUNE"


BAD_FILES: list[tuple[bytes, Any, str, str]] = [
    (CHAT + b"oops\n", "fine-tune", "file", "Line 21"),
    (b"", "fine-tune", "file", "no bytes"),
    (b'{"messages": [{"role": "user", "content": "Hi"}]}\n', "fine-tune", "file", "Line 1"),
    (CHAT, "assistants", "purpose", "fine-tune"),
]


def test_a_file_that_cannot_be_trained_on_is_refused_with_its_line(client: openai.OpenAI) -> None:
    for content, purpose, param, words in BAD_FILES:
        with pytest.raises(openai.BadRequestError) as told:
            client.files.create(file=("bad.jsonl", content), purpose=purpose)
        assert told.value.param == param
        assert words in told.value.message
    assert not DataSet.objects.exists()


LARGE = CHAT * (taking.MOST // len(CHAT) + 1)


def test_a_large_file_is_checked_in_the_background_and_its_job_waits(
    client: openai.OpenAI, stranger: User, connect: Connect, base_model: BaseModel, accepted: None, launcher: FakeLauncher
) -> None:
    small = client.files.create(file=("small.jsonl", CHAT), purpose="fine-tune")
    file = client.files.create(file=("big.jsonl", LARGE), purpose="fine-tune")
    assert (file.status, file.bytes, file.filename) == ("uploaded", len(LARGE), "big.jsonl")
    assert client.files.retrieve(file.id) == file
    assert [one.id for one in client.files.list(limit=1)] == [file.id, small.id]
    assert [one.id for one in client.files.list(order="asc", limit=1)] == [small.id, file.id]
    assert connect(stranger).files.list().data == []
    assert hashlib.sha256(client.files.content(file.id).read()).digest() == hashlib.sha256(LARGE).digest()
    job = client.fine_tuning.jobs.create(model=base_model.name, training_file=file.id, validation_file=small.id)
    assert (job.status, job.training_file, job.validation_file) == ("validating_files", file.id, small.id)
    dispatch.start_waiting()
    assert client.fine_tuning.jobs.retrieve(job.id).status == "validating_files"
    taking.work(Taking.objects.get().pk, "")
    ready = client.files.wait_for_processing(file.id)
    assert (ready.status, ready.id, ready.bytes) == ("processed", file.id, len(LARGE))
    dispatch.start_waiting()
    begun = client.fine_tuning.jobs.retrieve(job.id)
    assert (begun.status, begun.training_file) == ("running", file.id)
    assert client.files.content(file.id).read() == LARGE
    assert [one.id for one in client.files.list()] == [file.id, small.id]


def test_a_job_with_everything_is_the_run_it_asks_for(
    client: openai.OpenAI, file: Any, base_model: BaseModel, accepted: None
) -> None:
    held_out = client.files.create(file=("held-out.jsonl", CHAT), purpose="fine-tune")
    settings: Any = {"n_epochs": 3, "batch_size": 4, "learning_rate_multiplier": 0.1}
    job = client.fine_tuning.jobs.create(
        model=base_model.name,
        training_file=file.id,
        validation_file=held_out.id,
        suffix="My Sums",
        seed=42,
        metadata={"project": "sums"},
        method={"type": "supervised", "supervised": {"hyperparameters": settings}},
    )
    run = run_of(job)
    assert (run.asked.training_duration, run.asked.batch_size, run.asked.seed) == ("3ep", 4, 42)
    assert run.asked.learning_rate == pytest.approx(0.1 * 0.001), "a tenth of the model's own rate"
    assert (run.register_to, run.eval_dataset and run.eval_dataset.name) == ("main.default.my-sums", "held-out")
    assert (job.object, job.status, job.seed, job.metadata) == ("fine_tuning.job", "queued", 42, {"project": "sums"})
    assert (job.training_file, job.validation_file, job.fine_tuned_model) == (file.id, held_out.id, None)
    assert job.method is not None
    assert job.method.supervised is not None
    assert job.method.supervised.hyperparameters is not None
    assert job.method.supervised.hyperparameters.model_dump() == settings
    assert client.fine_tuning.jobs.retrieve(job.id) == job


def test_auto_is_ours_to_choose_and_settled_when_the_run_starts(
    client: openai.OpenAI, file: Any, base_model: BaseModel, accepted: None, launcher: FakeLauncher
) -> None:
    auto: Any = {"n_epochs": "auto", "batch_size": "auto", "learning_rate_multiplier": "auto"}
    job = client.fine_tuning.jobs.create(model=base_model.name, training_file=file.id, hyperparameters=auto)
    assert job.hyperparameters.model_dump() == auto
    assert not {"training_duration", "batch_size", "learning_rate"} & run_of(job).asked.model_fields_set
    dispatch.start_waiting()
    launcher.engines[run_of(job).name].trains(last=1)
    follow(run_of(job))
    settled = client.fine_tuning.jobs.retrieve(job.id)
    assert settled.status == "running"
    assert settled.hyperparameters.model_dump() == {"n_epochs": 1, "batch_size": 8, "learning_rate_multiplier": 1.0}


BAD_JOBS: list[tuple[dict[str, Any], str, str]] = [
    ({"model": "gpt-9"}, "model", "There is no base model"),
    ({"training_file": "file-none"}, "training_file", "No such File object"),
    ({"method": {"type": "dpo"}}, "method.type", "supervised"),
    ({"hyperparameters": {"n_epochs": 0}}, "hyperparameters.n_epochs", "This must be at least 1, or “auto”."),
    ({"hyperparameters": {"n_epochs": "many"}}, "hyperparameters.n_epochs", "This must be a whole number, or “auto”."),
    ({"suffix": "x" * 65}, "suffix", "at most 64"),
    ({"seed": -1}, "seed", "at least 0"),
    ({"metadata": {"key": 3}}, "metadata.key", "text"),
    ({"integrations": [{"type": "wandb", "wandb": {"project": "x"}}]}, "integrations", "no integrations"),
    ({"extra_body": {"epochs": 3}}, "epochs", "no such"),
]


def test_what_is_wrong_with_a_job_is_said_at_its_parameter(
    client: openai.OpenAI, file: Any, base_model: BaseModel, accepted: None
) -> None:
    for changes, param, words in BAD_JOBS:
        asked: dict[str, Any] = {"model": base_model.name, "training_file": file.id, **changes}
        with pytest.raises((openai.BadRequestError, openai.NotFoundError)) as told:
            client.fine_tuning.jobs.create(**asked)
        assert told.value.param == param, changes
        assert words in told.value.message, changes
    assert not Run.objects.exists()


def test_a_finished_job_has_a_model_events_checkpoints_and_results(
    client: openai.OpenAI, file: Any, base_model: BaseModel, accepted: None, launcher: FakeLauncher
) -> None:
    job = client.fine_tuning.jobs.create(model=base_model.name, training_file=file.id, suffix="sums")
    finish(run_of(job), launcher)
    done = client.fine_tuning.jobs.retrieve(job.id)
    assert (done.status, done.trained_tokens, done.error) == ("succeeded", 400, None)
    assert done.fine_tuned_model is not None
    assert done.fine_tuned_model.startswith(f"ft:{base_model.name}:research:sums:")
    assert client.models.retrieve(done.fine_tuned_model).owned_by == "research"
    assert {model.id for model in client.models.list()} == {base_model.name, done.fine_tuned_model}

    events = list(client.fine_tuning.jobs.list_events(job.id, limit=3))
    assert len({event.id for event in events}) == len(events), "iterating pages shows each once"
    assert events[-1].message == "Run created."
    losses = [event.data for event in events if event.type == "metrics" and "train_loss" in event.data]  # type: ignore[operator]
    assert losses == [{"step": step, "train_loss": 2.0 / step} for step in (4, 3, 2, 1)], "newest first"

    kept = client.fine_tuning.jobs.checkpoints.list(job.id)
    assert [checkpoint.step_number for checkpoint in kept.data] == [4, 2]
    assert kept.data[0].fine_tuned_model_checkpoint == f"{done.fine_tuned_model}:ckpt-step-4"
    assert kept.data[0].metrics.model_dump(exclude_none=True) == {
        "step": 4, "train_loss": 0.5, "full_valid_loss": 0.5, "full_valid_mean_token_accuracy": 0.9
    }  # fmt: skip
    assert [checkpoint.step_number for checkpoint in client.fine_tuning.jobs.checkpoints.list(job.id, limit=1)] == [4, 2]

    (results,) = done.result_files
    table = client.files.content(results).text.splitlines()
    assert (table[0], len(table)) == ("step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy", 5)
    assert client.files.retrieve(results).bytes == len(client.files.content(results).read())


def test_a_tuned_model_is_trained_further(
    client: openai.OpenAI, file: Any, base_model: BaseModel, accepted: None, launcher: FakeLauncher
) -> None:
    first = client.fine_tuning.jobs.create(model=base_model.name, training_file=file.id)
    finish(run_of(first), launcher)
    weights = wiring.run_folder(run_of(first).name).model
    weights.mkdir()
    (weights / "config.json").write_text("{}")
    tuned = client.fine_tuning.jobs.retrieve(first.id).fine_tuned_model
    assert tuned is not None
    second = client.fine_tuning.jobs.create(model=tuned, training_file=file.id)
    assert run_of(second).asked.custom_weights_path == run_of(first).name


def test_jobs_are_paused_resumed_and_canceled(
    client: openai.OpenAI, file: Any, base_model: BaseModel, accepted: None, launcher: FakeLauncher
) -> None:
    job = client.fine_tuning.jobs.create(model=base_model.name, training_file=file.id)
    assert client.fine_tuning.jobs.pause(job.id).status == "paused"  # type: ignore[comparison-overlap]  # they left it out
    assert dispatch.start_waiting() == [], "a paused job starts nothing"
    assert client.fine_tuning.jobs.resume(job.id).status == "queued"
    assert client.fine_tuning.jobs.cancel(job.id).status == "cancelled"
    for refused in (client.fine_tuning.jobs.cancel, client.fine_tuning.jobs.pause, client.fine_tuning.jobs.resume):
        with pytest.raises(openai.BadRequestError, match="stopped"):
            refused(job.id)


def test_a_failed_job_says_why(client: openai.OpenAI, trained: tuple[Run, FakeEngine]) -> None:
    run, engine = trained
    engine.ends(Outcome.FAILED, fault=Fault.MEMORY, message="Out of memory.", advice="Use a shorter context.")
    follow(run)
    job = client.fine_tuning.jobs.retrieve(f"ftjob-{run.name}")
    assert job.status == "failed"
    assert job.error is not None
    assert (job.error.code, job.error.message) == ("memory", "Out of memory. Use a shorter context.")


def test_jobs_are_listed_by_page_and_by_metadata(
    client: openai.OpenAI, file: Any, base_model: BaseModel, accepted: None
) -> None:
    made = [
        client.fine_tuning.jobs.create(model=base_model.name, training_file=file.id, metadata={"n": str(number)}).id
        for number in range(3)
    ]
    assert [job.id for job in client.fine_tuning.jobs.list(limit=2)] == made[::-1]
    assert [job.id for job in client.fine_tuning.jobs.list(metadata={"n": "1"})] == [made[1]]
    with pytest.raises(openai.BadRequestError, match="limit"):
        client.fine_tuning.jobs.list(limit=0)


def test_a_colleague_reads_a_stranger_finds_nothing_and_a_viewer_changes_nothing(
    connect: Connect,
    client: openai.OpenAI,
    file: Any,
    base_model: BaseModel,
    accepted: None,
    colleague: User,
    stranger: User,
    viewer: User,
) -> None:
    job = client.fine_tuning.jobs.create(model=base_model.name, training_file=file.id)
    team, other, look = connect(colleague), connect(stranger), connect(viewer)
    assert team.fine_tuning.jobs.retrieve(job.id).id == job.id
    for denied in (
        lambda: team.fine_tuning.jobs.cancel(job.id),
        lambda: look.fine_tuning.jobs.create(model=base_model.name, training_file=file.id),
        lambda: look.files.create(file=("a.jsonl", CHAT), purpose="fine-tune"),
        lambda: look.files.delete(file.id),
        lambda: look.fine_tuning.jobs.pause(job.id),
    ):
        with pytest.raises(openai.PermissionDeniedError):
            denied()
    told = []
    for key in (job.id, "ftjob-none"):
        with pytest.raises(openai.NotFoundError) as error:
            other.fine_tuning.jobs.retrieve(key)
        told.append(error.value.message.replace(key, "KEY"))
    assert told[0] == told[1], "what is not for a stranger and what is not there are not told apart"
    for hidden in (lambda: other.files.content(file.id), lambda: other.fine_tuning.jobs.list_events(job.id)):
        with pytest.raises(openai.NotFoundError):
            hidden()
    assert (other.fine_tuning.jobs.list().data, other.files.list().data) == ([], [])


def test_a_bad_key_is_an_authentication_error(web: Web, owner: User) -> None:
    row, revoked = access.create_token(by=owner, name="old")
    access.revoke_token(token=row, by=owner)
    told = set()
    for key in (revoked, "ftui_wrong", "sk-proj-x"):
        with pytest.raises(openai.AuthenticationError) as error, openai.OpenAI(base_url=f"{web.url}/v1", api_key=key) as client:
            client.models.list()
        told.add((error.value.message, error.value.code))
    assert len(told) == 1
    assert {code for _, code in told} == {"invalid_api_key"}


def test_what_is_not_served_says_so(client: openai.OpenAI, base_model: BaseModel) -> None:
    with pytest.raises(openai.NotFoundError, match="Invalid URL"):
        client.moderations.create(input="x")
    with pytest.raises(openai.NotFoundError) as told:
        client.models.retrieve("gpt-4o")
    assert told.value.code == "model_not_found"
    with pytest.raises(openai.BadRequestError, match="not deleted here"):
        client.models.delete(base_model.name)


def test_a_lost_answer_makes_no_second_job(client: openai.OpenAI, file: Any, base_model: BaseModel, accepted: None) -> None:
    once: Any = {"extra_headers": {"Idempotency-Key": "job-1"}}
    jobs = [client.fine_tuning.jobs.create(model=base_model.name, training_file=file.id, **once) for _ in range(2)]
    assert jobs[0].id == jobs[1].id
    assert lifecycle.find(by=Run.objects.get().owner, name=run_of(jobs[0]).name)
