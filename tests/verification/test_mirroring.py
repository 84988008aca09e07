"""Runs of ours are copied to a real MLflow server: once, whoever comes first, and with every point."""

import secrets
from collections.abc import Callable
from threading import Thread

import pytest
from django.db import connection

from runs.models import BaseModel, DataSet, Run, RunStatus, User
from runs.registry.mlflow import MlflowRegistry
from runs.services import mirroring
from tests import scenes
from tests.app.conftest import base_model as base_model
from tests.app.conftest import dataset as dataset
from tests.app.conftest import licence as licence
from tests.app.conftest import owner as owner
from tests.app.conftest import research as research

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def trained(owner: User, base_model: BaseModel, dataset: DataSet, mlflow_server: str) -> Run:
    name = f"chat-{secrets.token_hex(3)}"
    run = scenes.make_run(
        name=name,
        owner=owner,
        base_model=base_model,
        dataset=dataset,
        status=RunStatus.COMPLETED,
        step=5,
        experiment_path=f"/Users/owner/{name}",
    )
    scenes.train_points(run, range(1, 6), of=5)
    return run


def at_once(*works: Callable[[], object]) -> None:
    def close_after(work: Callable[[], object]) -> None:
        try:
            work()
        finally:
            connection.close()

    threads = [Thread(target=close_after, args=[work]) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)


def test_the_copy_and_the_publication_make_one_mlflow_run(trained: Run, mlflow_server: str) -> None:
    copied, published = Run.objects.get(pk=trained.pk), Run.objects.get(pk=trained.pk)
    at_once(mirroring.mirror, lambda: mirroring.ensure_mirrored(copied), lambda: mirroring.ensure_mirrored(published))
    client = MlflowRegistry(mlflow_server).client
    trained.refresh_from_db()
    there = client.search_runs([trained.mlflow_experiment_id], f"tags.`finetuning.run` = '{trained.name}'")
    assert [found.info.run_id for found in there] == [trained.mlflow_run_id] == [copied.mlflow_run_id]
    assert copied.mlflow_run_id == published.mlflow_run_id


def test_every_point_is_copied_once_and_the_end_is_told(trained: Run, mlflow_server: str) -> None:
    assert mirroring.mirror() == 5
    assert mirroring.mirror() == 0
    trained.refresh_from_db()
    client = MlflowRegistry(mlflow_server).client
    history = client.get_metric_history(trained.mlflow_run_id, "loss/train/total")
    assert sorted(point.step for point in history) == [1, 2, 3, 4, 5]
    assert client.get_run(trained.mlflow_run_id).info.status == "FINISHED"


def test_the_data_of_a_run_that_waited_for_them_follow(trained: Run, dataset: DataSet, mlflow_server: str) -> None:
    waiting = {"status": RunStatus.PENDING, "completed_at": None, "dataset": None, "awaits_data": True}
    Run.objects.filter(pk=trained.pk).update(**waiting)
    trained.refresh_from_db()
    mirroring.ensure_mirrored(trained)
    client = MlflowRegistry(mlflow_server).client
    made = client.get_run(trained.mlflow_run_id)
    assert (made.inputs.dataset_inputs, made.data.params.get("train_data")) == ([], None)
    Run.objects.filter(pk=trained.pk).update(dataset=dataset, awaits_data=False)
    mirroring.mirror()
    known = client.get_run(trained.mlflow_run_id)
    (read,) = known.inputs.dataset_inputs
    assert read.dataset.digest in dataset.digest
    assert known.data.params["train_data_digest"] == dataset.digest
    trained.refresh_from_db()
    assert trained.mirrored_data
