"""`databricks-genai` 1.1.8, as it comes, with DATABRICKS_HOST and DATABRICKS_TOKEN pointing here."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from runs.contract.events import Outcome
from runs.models import BaseModel, Run, RunStatus, User
from runs.services import dispatch, lifecycle, progress
from tests.app.conftest import ROWS
from tests.doors.conftest import token_of
from tests.doors.packages import HERE, Driver, packages_of, python_with
from tests.fakes import FakeLauncher

pytestmark = pytest.mark.django_db(transaction=True)
VOLUME = "dbfs:/Volumes/main/mydirectory/ift"
BEGIN = "import time; from databricks.model_training import foundation_model as fm"


@pytest.fixture(autouse=True)
def volume(mlflow_server: str) -> None:
    """A volume with the rows of the reference page's script in it."""
    folder = Path(settings.VOLUMES_ROOT) / "main" / "mydirectory" / "ift"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    (folder / "texts").mkdir(exist_ok=True)
    (folder / "texts" / "one.txt").write_text("Once upon a time. " * 200)


@contextmanager
def meanwhile(act: Callable[[], None]) -> Iterator[None]:
    """Worker and engine at work while a script waits."""

    def work() -> None:
        try:
            act()
        finally:
            connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    yield
    thread.join(60)


def train(run: Run, launcher: FakeLauncher) -> None:
    dispatch.start_waiting()
    engine = launcher.engines[run.name]
    engine.trains(first=1, last=4)
    for name, step in (("ep1-ba2", 2), ("ep2-ba4", 4)):
        engine.keeps_checkpoint(name, step)
        (engine.folder.checkpoints / name / "model.safetensors").write_bytes(b"weights")
        (engine.folder.checkpoints / name / "config.json").write_text("{}")
        (engine.folder.checkpoints / name / "state.json").write_text("{}")
    follow(run)


def follow(run: Run) -> None:
    run.refresh_from_db()
    progress.advance(run.pk, run.lease_token)
    run.refresh_from_db()


def test_the_script_of_the_reference_page_runs_unchanged(databricks: Driver, base_model: BaseModel, accepted: None) -> None:
    name, status, experiment, path = databricks(
        f"""
        from databricks.model_training import foundation_model as fm

        model = '{base_model.name}'
        # UC Volume with JSONL formatted data
        train_data_path = 'dbfs:/Volumes/main/mydirectory/ift/train.jsonl'
        register_to = 'main.mydirectory'
        run = fm.create(
          model=model,
          train_data_path=train_data_path,
          register_to=register_to,
        )
        answer = run.name, run.status.value, run.experiment_id, run.experiment_path
        """
    )
    run = Run.objects.get()
    assert (name, status, path) == (run.name, "PENDING", f"/Users/owner@example.org/{run.name}")
    assert experiment == run.mlflow_experiment_id
    assert run.dataset.source == f"{VOLUME}/train.jsonl"
    assert run.register_to == f"main.mydirectory.{run.name}"


def test_create_takes_every_parameter_and_answers_within_a_second(
    databricks: Driver, base_model: BaseModel, accepted: None
) -> None:
    script = f"""
    {BEGIN}
    fm.get_models()  # the first call of all makes the client's session
    started = time.perf_counter()
    run = fm.create(
        model='{base_model.name}', train_data_path='{VOLUME}/train.jsonl', register_to='main.mydirectory.helpdesk',
        experiment_path='/Shared/helpdesk', task_type='CHAT_COMPLETION', eval_data_path='{VOLUME}/train.jsonl',
        eval_prompts=['What is 2 + 2?', 'And 3 + 3?'], custom_weights_path=None, training_duration='3ep',
        learning_rate='5e-7', context_length=512, validate_inputs=%s, data_prep_cluster_id=None,
    )
    answer = run.learning_rate, run.training_duration, run.context_length, list(run.eval_prompts), time.perf_counter() - started
    """
    for checked in (True, False):
        *shown, seconds = databricks(script % checked)
        assert shown == [5e-7, "3ep", 512, ["What is 2 + 2?", "And 3 + 3?"]]
        assert seconds < 10, "the client itself gives up after that"
    first, second = Run.objects.order_by("pk")
    assert (first.register_to, first.experiment_path, first.name != second.name) == (
        "main.mydirectory.helpdesk",
        "/Shared/helpdesk",
        True,
    )


def test_texts_and_pairs_are_found_by_its_own_checks(databricks: Driver, base_model: BaseModel, accepted: None) -> None:
    told = databricks.run(
        f"""
        from databricks.model_training import foundation_model as fm
        run = fm.create(model='{base_model.name}', train_data_path='{VOLUME}/texts', register_to='main.mydirectory',
                        task_type='CONTINUED_PRETRAIN')
        answer = run.task_type.value if hasattr(run.task_type, 'value') else str(run.task_type)
        """
    )
    assert "CONTINUED_PRETRAIN" in str(told.answer), told.trace
    missing = databricks.run(
        f"""
        {BEGIN}
        fm.create(model='{base_model.name}', train_data_path='{VOLUME}/none.jsonl', register_to='main.mydirectory')
        """
    )
    assert missing.error == "ValidationError"


REFUSED = [
    ("model='no/such'", "There is no base model"),
    ("training_duration='banana'", "is not a duration"),
    ("learning_rate=-1", "must be more than 0"),
    ("context_length=-5", "at least 16"),
]


def test_what_the_client_does_not_check_comes_back_as_its_own_error(
    databricks: Driver, base_model: BaseModel, accepted: None
) -> None:
    for change, words in REFUSED:
        told = databricks.run(
            f"""
            from databricks.model_training import foundation_model as fm
            asked = dict(model='{base_model.name}', train_data_path='{VOLUME}/train.jsonl', register_to='main.mydirectory')
            fm.create(**{{**asked, **dict({change})}})
            """
        )
        assert told.error in ("MAPIException", "MultiMAPIException"), told.trace
        assert "Error 400" in told.text
        assert words in told.text


def test_runs_are_listed_by_every_filter_and_page_by_page(
    databricks: Driver, submit: Any, owner: User, colleague: User
) -> None:
    names = [submit().name for _ in range(3)]
    other = submit(by=colleague).name
    listed = databricks(
        f"""
        {BEGIN}
        names = lambda runs: [run.name for run in runs]
        page = fm.list(limit=2)
        answer = dict(
            all=names(fm.list()), page=names(page), more=page.has_next_page, next=names(page.next_page()),
            named=names(fm.list(training_runs=['{names[0]}', '{names[2]}'])),
            mine=names(fm.list(user_emails=['owner@example.org'])),
            pending=names(fm.list(statuses=['PENDING'])), done=names(fm.list(statuses=['COMPLETED'])),
            experiment=names(fm.list(experiment_id=fm.get('{names[1]}').experiment_id)),
            before=names(fm.list(before='2020-01-01')), after=names(fm.list(after='2020-01-01 00:00:00')),
            bare=names(fm.list(include_details=False)),
        )
        for shown in (fm.list(), fm.get('{names[0]}'), fm.get_models(), fm.get_events('{names[0]}')):
            assert '<table' in shown._repr_html_(), shown
        assert fm.get(fm.get('{names[0]}')).refresh().name == '{names[0]}'
        assert len(fm.list().to_pandas()) == 4
        """
    )
    every = [other, *names[::-1]]
    assert (listed["all"], listed["bare"], listed["after"], listed["pending"]) == (every, every, every, every)
    assert (listed["page"], listed["more"], listed["next"]) == (every[:2], True, every[2:])
    assert (listed["named"], listed["mine"]) == ([names[2], names[0]], names[::-1])
    assert (listed["experiment"], listed["before"], listed["done"]) == ([names[1]], [], [])
    gone = databricks.run(f"{BEGIN}\nfm.get('nothing')")
    assert (gone.error, "not found" in gone.text) == ("DatabricksGenAIResponseError", True)


def test_events_are_followed_to_the_end(databricks: Driver, run: Run, launcher: FakeLauncher) -> None:
    def work() -> None:
        train(run, launcher)
        launcher.engines[run.name].ends(Outcome.COMPLETED, step=4)
        follow(run)
        follow(run)
        run.move_to(RunStatus.COMPLETED)
        run.save()
        run.events.create(type="COMPLETED", time=run.completed_at, message="Run completed. Final weights uploaded.")

    with meanwhile(work):
        told = databricks.run(f"{BEGIN}\nfm.get_events('{run.name}', follow=True)\nanswer = fm.get('{run.name}').status.value")
    assert told.answer == "COMPLETED", told.trace
    assert "CREATED" in told.said
    assert "COMPLETED" in told.said


def test_checkpoints_are_listed_and_trained_on_from(
    databricks: Driver, run: Run, launcher: FakeLauncher, base_model: BaseModel
) -> None:
    train(run, launcher)
    kept, status, bar = databricks(
        f"{BEGIN}\nrun = fm.get('{run.name}')\nanswer = fm.get_checkpoints(run), run.status.value, run.run_progress",
        MLFLOW_TRACKING_URI="databricks",
    )
    run.refresh_from_db()
    home = f"dbfs:/databricks/mlflow-tracking/{run.mlflow_experiment_id}/{run.mlflow_run_id}/artifacts/{run.name}/checkpoints"
    assert kept == [f"{home}/ep1-ba2", f"{home}/ep2-ba4"]
    for uri in ("databricks", databricks.env["DATABRICKS_HOST"]):
        found = databricks(
            f"""
            from mlflow import MlflowClient
            client, found, waiting = MlflowClient(), [], ['']
            while waiting:
                for file in client.list_artifacts('{run.mlflow_run_id}', waiting.pop()):
                    found.append(file.path)
                    waiting += [file.path] if file.is_dir else []
            answer = found
            """,
            MLFLOW_TRACKING_URI=uri,
            MLFLOW_TRACKING_TOKEN=databricks.env["DATABRICKS_TOKEN"],
        )
        assert {run.name, f"{run.name}/checkpoints/ep2-ba4/model.safetensors"} <= {*found}, "from the root, step by step"
    assert (status, bar[:7]) == ("RUNNING", "RUNNING")
    name = databricks(
        f"""
        {BEGIN}
        answer = fm.create(model='{base_model.name}', train_data_path='{VOLUME}/train.jsonl', register_to='main.mydirectory',
                           custom_weights_path='{home}/ep2-ba4').name
        """,
        MLFLOW_TRACKING_URI="databricks",
    )
    assert Run.objects.get(name=name).asked.custom_weights_path == f"{run.name}/ep2-ba4"


def test_runs_are_canceled_in_three_ways(databricks: Driver, submit: Any) -> None:
    one, two, three, four = (submit().name for _ in range(4))
    script = f"""
    {BEGIN}
    answer = [fm.cancel('{one}'), fm.cancel(['{two}', 'nothing']), fm.cancel(experiment_id=fm.get('{three}').experiment_id),
              fm.get('{four}').cancel(), fm.cancel('{one}')]
    """
    told = databricks.run(script)
    assert told.answer == [1, 1, 1, 1, 0], told.trace
    assert "No active runs found to cancel" in told.said
    assert set(Run.objects.values_list("status", flat=True)) == {"STOPPED"}


def test_the_last_client_that_had_delete_deletes(databricks: Driver, submit: Any, owner: User) -> None:
    """1.0.13, whose own code goes before that of 1.1.8 in an otherwise equal environment."""
    old = packages_of(python_with(HERE / "databricks-old.txt")) / "databricks"
    ended, other, waiting = submit(), submit(), submit()
    for run in (ended, other):
        lifecycle.cancel(run=run, by=owner)
    told = databricks(
        f"""
        import sys, databricks
        for name in [name for name in sys.modules if name.startswith('databricks.model_training')]:
            del sys.modules[name]
        databricks.__path__.insert(0, {str(old)!r})
        from databricks.model_training import foundation_model as fm
        deleted = [fm.delete('{ended.name}'), fm.get('{other.name}').delete(), fm.delete('{waiting.name}')]
        answer = deleted, [run.name for run in fm.list()]
        """
    )
    assert told == [[1, 1, 0], [waiting.name]], "what is not over stays"


def test_who_may_not_is_told_in_the_clients_own_errors(databricks: Driver, run: Run, viewer: User, stranger: User) -> None:
    create = f"""
    {BEGIN}
    fm.create(model='test/tiny-chat', train_data_path='sums', register_to='main.x', experiment_path='/x', validate_inputs=False)
    """
    told = databricks.run(create, DATABRICKS_TOKEN=token_of(viewer))
    assert "Error 403" in told.text
    told = databricks.run(f"{BEGIN}\nanswer = len(fm.list())\nfm.get_events('{run.name}')", DATABRICKS_TOKEN=token_of(stranger))
    assert (told.answer, "Error 404" in told.text) == (0, True)
    told = databricks.run(f"{BEGIN}\nfm.list()", DATABRICKS_TOKEN="ftui_wrong")
    assert "Error 401" in told.text
