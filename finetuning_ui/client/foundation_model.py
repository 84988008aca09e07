"""The functions of `databricks.model_training.foundation_model`, spoken to a Finetuning UI server, and what was missing there.

from finetuning_ui.client import foundation_model as fm

Where the server is says `finetuning_ui.client.connection`. Refusals are raised as ApiError, with every problem at its field.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any, Unpack

from finetuning_ui.client import listing, watching
from finetuning_ui.client.connection import client, connect
from finetuning_ui.client.dates import moment
from finetuning_ui.client.errors import ApiError
from finetuning_ui.client.models import BaseModel, DataSet, Estimate, Report, Sample
from finetuning_ui.client.progress import Silent, bar
from finetuning_ui.client.run import RunStatus, TrainingEvent, TrainingRun
from finetuning_ui.client.settings import Settings
from finetuning_ui.client.tables import ObjectList, PaginatedObjectList

__all__ = [
    "cancel", "check", "connect", "create", "delete", "estimate", "get", "get_checkpoints", "get_events", "get_models", "list",
    "metrics", "samples", "upload", "wait",
]  # fmt: skip

Runs = str | TrainingRun | Iterable[str | TrainingRun]


def create(
    model: str,
    train_data_path: str,
    register_to: str,
    *,
    experiment_path: str = "",
    task_type: str = "CHAT_COMPLETION",
    eval_data_path: str | None = None,
    eval_prompts: Iterable[str] | None = None,
    custom_weights_path: str | None = None,
    training_duration: str | None = None,
    learning_rate: float | str | None = None,
    context_length: int | None = None,
    validate_inputs: bool = True,  # noqa: ARG001  the server always does
    data_prep_cluster_id: str | None = None,  # noqa: ARG001  there are no clusters
    **settings: Unpack[Settings],
) -> TrainingRun:
    """Start a run. What is None is left to the model's defaults.

    `train_data_path` is a data set's name or `dbfs:/Volumes/...`. `validate_inputs` and `data_prep_cluster_id` are taken so
    that scripts run unchanged: the server checks every request itself, and reads data without a cluster.
    """
    asked = {
        "model": model,
        "train_data_path": train_data_path,
        "register_to": register_to,
        "experiment_path": experiment_path,
        "task_type": task_type or "CHAT_COMPLETION",
        "eval_data_path": eval_data_path,
        "eval_prompts": None if eval_prompts is None else [*eval_prompts],
        "custom_weights_path": custom_weights_path,
        "training_duration": training_duration,
        "learning_rate": _number(learning_rate),
        "context_length": context_length,
        **settings,
    }
    return TrainingRun.of(client().create(**_given(asked)))


def estimate(
    model: str, train_data_path: str, register_to: str = "main.default", *, measure: bool = False, **asked: Any
) -> Estimate:
    """What `create` with the same arguments would need on the server. Nothing is created.

    With `measure` the server takes a few real steps first, which may take minutes; raise NotMeasured when it cannot.
    """
    unused = {"validate_inputs", "data_prep_cluster_id"}
    request = {key: value for key, value in _given(asked).items() if key not in unused}
    if "learning_rate" in request:
        request["learning_rate"] = _number(request["learning_rate"])
    request |= {"model": model, "train_data_path": train_data_path, "register_to": register_to}
    return watching.measured(request) if measure else Estimate.of(client().estimate(**request))


def get(training_run: str | TrainingRun) -> TrainingRun:
    """A run by its name, as it stands now. Raise ApiError with status 404 when there is none that you may see."""
    return TrainingRun.of(client().run(_name(training_run)))


def list(  # noqa: A001  the original's name
    training_runs: Runs | None = None,
    experiment_id: str | None = None,
    *,
    experiment_path: str | None = None,
    statuses: Iterable[str | RunStatus] | None = None,
    user_emails: str | Iterable[str] | None = None,
    owner: str | None = None,
    before: datetime | str | None = None,
    after: datetime | str | None = None,
    include_details: bool = True,  # noqa: ARG001  they are always there
    limit: int = 100,
) -> PaginatedObjectList[TrainingRun]:
    """Runs that you may see, newest first; `next_page()` of the answer has more. People are given by user name.

    Raise ValueError for a status or date that is none, and for a limit below 1.
    """
    if limit < 1:
        raise ValueError("A limit is at least 1.")
    people = [*([user_emails] if isinstance(user_emails, str) else user_emails or []), *([owner] if owner else [])]
    wanted = listing.Wanted(
        statuses=[_status(one) for one in ([statuses] if isinstance(statuses, str) else statuses or [])],
        owners=listing.owners(people),
        before=moment(before) if before else None,
        after=moment(after) if after else None,
        experiment_path=experiment_path,
        experiment_id=experiment_id,
    )
    if training_runs is None:
        return PaginatedObjectList(listing.newest(wanted, limit), limit)
    return PaginatedObjectList(filter(wanted.takes, listing.named(_names(training_runs))), limit)


def get_events(training_run: str | TrainingRun, follow: bool = False) -> ObjectList[TrainingEvent]:
    """A run's events, oldest first. `follow` writes them as they come and returns when the run has ended."""
    if follow:
        for event in watching.events(_name(training_run)):
            sys.stdout.write(f"{event.time}  {event.type:<17}  {event.message}\n")
            sys.stdout.flush()
    return ObjectList(map(TrainingEvent.of, client().events(_name(training_run))))


def cancel(runs: Runs | None = None, experiment_id: str | None = None) -> int:
    """Cancel these runs, or those of an experiment; the number of those that were still going on.

    Raise ApiError when one may not be canceled by you, ValueError unless exactly one of the two is given.
    """
    if (runs is None) == (experiment_id is None):
        raise ValueError("Say which runs, or which experiment: one of the two.")
    names = _names(runs) if runs is not None else [run.name for run in list(experiment_id=experiment_id) if run.is_active]
    return sum(_done(lambda name: client().cancel(name, reason="Canceled by user."), name) for name in names)


def delete(runs: Runs) -> int:
    """Take finished runs off the lists; the number of those that were there and had ended."""
    return sum(_done(client().delete, name) for name in _names(runs))


def get_models() -> ObjectList[BaseModel]:
    """Base models that a new run may start from."""
    return ObjectList(BaseModel.of(one) for one in client().base_models() if one["state"] in ("active", "deprecated"))


def get_checkpoints(training_run: str | TrainingRun) -> ObjectList[str]:
    """Those still there, by step, each in the form that `custom_weights_path` takes."""
    name = _name(training_run)
    return ObjectList(f"{name}/{one['name']}" for one in client().checkpoints(name) if not one["deleted_at"])


def wait(
    training_run: str | TrainingRun, timeout: float | None = None, *, poll: float = watching.POLL, progress: bool = True
) -> TrainingRun:
    """The run once it has ended, well or not: look at its `status`. Raise WaitedTooLong after `timeout` seconds.

    `progress` shows a moving bar where there is a terminal or a notebook to show it in.
    """
    with bar() if progress else Silent() as shown:
        return watching.ended(_name(training_run), timeout=timeout, poll=poll, seen=shown.show)


def metrics(training_run: str | TrainingRun, *, kind: str = "train", keys: Iterable[str] = (), points: int = 1_000) -> Any:
    """Values by step, at most so many points: a pandas.DataFrame with `step` as its index, a list of dicts without pandas.

    `kind` is train or eval.
    """
    found = client().metrics(_name(training_run), kind=kind, keys=",".join(keys), points=str(points))
    rows = [{key: value for key, value in point.items() if key != "values"} | point["values"] for point in found]
    try:
        import pandas
    except ImportError:
        return rows
    return pandas.DataFrame(rows, columns=None if rows else ["step"]).set_index("step")


def samples(training_run: str | TrainingRun) -> ObjectList[Sample]:
    """Answers to the run's evaluation prompts, oldest first."""
    return ObjectList(map(Sample.of, client().samples(_name(training_run))))


def upload(path: str | Path, *, task_type: str = "CHAT_COMPLETION", name: str = "") -> DataSet:
    """Check a file and keep its rows as a data set; ApiError says what is wrong in which line."""
    return DataSet.of(client().upload(Path(path), task_type=task_type, name=name))


def check(
    path: str | Path,
    *,
    task_type: str = "CHAT_COMPLETION",
    model: str | None = None,
    context_length: int | None = None,
    training_duration: str | None = None,
) -> Report:
    """Whether a file can be trained on, and what is wrong with which line. Nothing is kept on the server.

    With a `model` its tokens are counted, and there is advice on their number, on rows that are cut, on size and on epochs.
    """
    plan = _given({"model": model, "context_length": context_length, "training_duration": training_duration})
    return Report.of(client().check(Path(path), task_type=task_type, **plan))


def _done(act: Any, name: str) -> bool:
    try:
        act(name)
    except ApiError as error:
        if error.status in (404, 409):  # not there, or not in a state for it
            return False
        raise
    return True


def _name(run: str | TrainingRun) -> str:
    return run if isinstance(run, str) else run.name


def _names(runs: Runs) -> Iterable[str]:
    return [_name(one) for one in ([runs] if isinstance(runs, str | TrainingRun) else runs)]


def _status(given: str | RunStatus) -> RunStatus:
    status = RunStatus(given)
    if status is RunStatus.UNKNOWN:
        raise ValueError(
            f"“{given}” is no status. There are {', '.join(one for one in RunStatus if one != RunStatus.UNKNOWN)}."
        )
    return status


def _number(given: float | str | None) -> float | str | None:
    """Demos of the original give a learning rate as text. What is no number goes out as it is: the server says so."""
    try:
        return float(given) if isinstance(given, str) else given
    except ValueError:
        return given


def _given(asked: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in asked.items() if value is not None}
