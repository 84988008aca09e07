"""Copy runs to MLflow, in the background and with a cursor. When MLflow is away the copy waits; nothing else does."""

import logging
import time
from collections.abc import Iterable
from typing import Literal

from runs import wiring
from runs.models import DataSet, MetricPoint, Run
from runs.models.metric import MetricKind
from runs.models.status import TERMINAL
from runs.registry.names import point_metrics
from runs.registry.protocol import DataRecord, Ending, Registry, RegistryRefused, RegistryUnavailable
from runs.services import lineage
from runs.services.locks import session_lock
from runs.services.specification import resolved

log = logging.getLogger(__name__)

SOON_SECONDS = 2.0
BATCH = 500  # points of ours at a time; each becomes several metrics of MLflow's
ENDINGS: dict[str, Ending] = {"COMPLETED": "FINISHED", "STOPPED": "KILLED", "FAILED": "FAILED"}


def mirror() -> int:
    """Copy what is new of every run; return the number of points copied. Only one process does it at a time."""
    with session_lock("mirror", wait=False) as alone:
        if not alone:
            return 0
        copied = 0
        for run in Run.objects.filter(mirror_closed=False).select_related("base_model", "dataset", "eval_dataset", "owner"):
            try:
                copied += mirror_run(run)
            except RegistryUnavailable as error:
                log.info("MLflow is away (%s); the copy waits.", error)
                break
            except RegistryRefused as error:
                log.warning("MLflow does not take the copy of %s, which ends here: %s", run.name, error)
                Run.objects.filter(pk=run.pk).update(mirror_closed=True)
        return copied


def ensure_mirrored(run: Run, registry: Registry | None = None) -> None:
    """Make the MLflow experiment and run of a run of ours, if they are not there yet; raise RegistryUnavailable.

    The copy and the publication of a short run come here at the same moment: the later one finds what the earlier one made.
    One experiment is written to by one of us at a time, because MLflow stumbles over the same data set logged twice at once.
    """
    if not _lacks(run):
        return
    with session_lock(f"mirror {run.experiment_path}", wait=True):
        run.refresh_from_db(fields=["mlflow_experiment_id", "mlflow_run_id", "mirrored_data"])
        if _lacks(run):
            _start_mirror(run, registry or wiring.registry())


def _lacks(run: Run) -> bool:
    """Whether MLflow has not heard of it, or not of its data, which may have come since."""
    return not run.mlflow_run_id or (not run.mirrored_data and _has_data(run))


def _has_data(run: Run) -> bool:
    return run.dataset_id is not None and not run.awaits_data


def mirror_soon(runs: Iterable[Run]) -> None:
    """Make the MLflow runs of runs that have none, for a person who waits: what MLflow does not take in time is left."""
    deadline = time.monotonic() + SOON_SECONDS
    try:
        for run in runs:
            if time.monotonic() > deadline:
                break
            ensure_mirrored(run, wiring.hasty_registry())
    except (RegistryUnavailable, RegistryRefused) as error:
        log.info("MLflow takes no run now (%s); the copy comes later.", error)


def _start_mirror(run: Run, registry: Registry) -> None:
    experiment, mlflow_run = registry.start_run(
        experiment_path=run.experiment_path, run_name=run.name, params=_params(run), tags=_tags(run)
    )
    if _has_data(run):
        registry.log_data(mlflow_run, _data(run))
    run.mlflow_experiment_id, run.mlflow_run_id, run.mirrored_data = experiment, mlflow_run, _has_data(run)
    run.save_fields(["mlflow_experiment_id", "mlflow_run_id", "mirrored_data"])


def mirror_run(run: Run) -> int:
    ensure_mirrored(run)
    registry, copied = wiring.registry(), 0
    optimizer = resolved(run.asked, run.base_model).optimizer
    while points := list(MetricPoint.objects.filter(run=run).after(run.mirrored_point)[:BATCH]):
        metrics = [
            metric
            for point in points
            for metric in point_metrics(
                train=point.kind == MetricKind.TRAIN,
                step=point.step,
                epoch=point.epoch,
                tokens=point.tokens,
                time=point.time,
                values=point.values,
                optimizer=optimizer,
            )
        ]
        registry.log_metrics(run.mlflow_run_id, metrics)
        run.mirrored_point = points[-1].pk
        run.save_fields(["mirrored_point"])
        copied += len(points)
    _mirror_samples(run)
    if run.status in TERMINAL:
        registry.set_terminated(run.mlflow_run_id, ENDINGS[run.status])
        run.mirror_closed = True
        run.save_fields(["mirror_closed"])
    return copied


def _mirror_samples(run: Run) -> None:
    """The answers to the evaluation prompts as one table, under the original's name; step 0 is the base model."""
    rows = list(run.samples.order_by("step", "index").values_list("step", "prompt", "answer"))
    if len(rows) > run.mirrored_samples:
        wiring.registry().log_table(run.mlflow_run_id, "generations.json", ("step", "prompt", "generation"), rows)
        run.mirrored_samples = len(rows)
        run.save_fields(["mirrored_samples"])


def _params(run: Run) -> dict[str, str]:
    settings = resolved(run.asked, run.base_model).model_dump(mode="json")
    named = {"model": run.base_model.name, "task_type": run.task_type}
    data = {"train_data": run.dataset.name, "train_data_digest": run.dataset.digest} if run.dataset else {}
    return {**named, **data, **{key: str(value) for key, value in settings.items()}}


def _data(run: Run) -> list[DataRecord]:
    held_out = run.eval_dataset
    return [_record(run.data, "training"), *([_record(held_out, "evaluation")] if held_out else [])]


def _record(dataset: DataSet, used_for: Literal["training", "evaluation"]) -> DataRecord:
    return DataRecord(
        name=dataset.name,
        digest=dataset.digest,
        rows=dataset.rows,
        used_for=used_for,
        source=dataset.source,
        source_version=dataset.source_version,
        mapping=dataset.mapping or "",
    )


def _tags(run: Run) -> dict[str, str]:
    named = {"finetuning.run": run.name, "finetuning.owner": run.owner.address, "mlflow.user": run.owner.username}
    earlier = [weights.label for weights in lineage.chain(run)]
    if not earlier:
        return named
    return {**named, "finetuning.starts_from": earlier[0], "finetuning.lineage": " < ".join([*earlier, run.base_model.name])}
