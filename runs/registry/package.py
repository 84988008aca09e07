"""`python -m runs.registry.package <request.json> <result.json>`: log a finished run's model to MLflow and register it, once.

The one place of the product, next to the engine, where torch and transformers are loaded. Everything it needs is in the request
and in the run folder; it knows no database.
"""

import fcntl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import runs.registry.lean  # noqa: F401  # isort: skip  # before what it keeps lean
from mlflow.entities import LoggedModel, LoggedModelStatus

from runs.contract.folder import RunFolder
from runs.contract.spec import RunSpec, TaskType
from runs.registry import papers, weights
from runs.registry.child import Answer, Order
from runs.registry.mlflow import MlflowRegistry
from runs.registry.protocol import (
    RUN_TAG,
    Publication,
    PublishedVersion,
    PublishFailed,
    RegistryRefused,
    RegistryUnavailable,
)
from runs.registry.tokens import check_tokens

UPLOAD_SECONDS, RETRIES = 600, 4  # a shard of weights is one request


def main(request: Path, result: Path) -> None:
    order = Order.model_validate_json(request.read_bytes())
    try:
        answer = Answer(version=publish(order.tracking_uri, order.publication))
    except RegistryUnavailable as error:
        answer = Answer(failed=str(error), away=True)
    except (RegistryRefused, PublishFailed) as error:
        answer = Answer(failed=str(error))
    result.write_text(answer.model_dump_json(), encoding="utf-8")


def publish(tracking_uri: str, publication: Publication) -> PublishedVersion:
    """Each step looks first whether an earlier try has done it, so that dying anywhere leads to one version in the end."""
    registry = MlflowRegistry(tracking_uri, timeout=UPLOAD_SECONDS, retries=RETRIES)
    folder = RunFolder(publication.run_folder)
    with _alone(folder.path / "publish.lock"):
        if there := registry.find_version(publication.name, publication.run_name):
            return there
        with registry.speaking():
            return _publish(registry, publication, folder)


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Wait for another process that registers the same run: its parent may have died, and the task come again."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _publish(registry: MlflowRegistry, publication: Publication, folder: RunFolder) -> PublishedVersion:
    spec = folder.read_spec()
    model_id = _logged(registry, publication) or weights.log(registry.uri, publication, spec, folder)
    with TemporaryDirectory() as place:
        papers.write(Path(place), publication, spec, folder)
        registry.client.log_model_artifacts(model_id, place)
    check_tokens(registry.uri, model_id, folder.model, chat=spec.task_type == TaskType.CHAT_COMPLETION)
    return _register(registry, publication, spec, model_id)


def _logged(registry: MlflowRegistry, publication: Publication) -> str | None:
    """The id of a model that an earlier try has logged completely."""
    found: list[LoggedModel] = registry.client.search_logged_models(
        [publication.mlflow_experiment_id], f"tags.`{RUN_TAG}` = '{publication.run_name}'"
    )
    ready = [model.model_id for model in found if model.status == LoggedModelStatus.READY]
    return ready[0] if ready else None


def _register(registry: MlflowRegistry, publication: Publication, spec: RunSpec, model_id: str) -> PublishedVersion:
    """Name and tags come with the version in one call: there is no moment at which it exists and cannot be found."""
    from mlflow.exceptions import MlflowException

    try:
        registry.client.create_registered_model(publication.name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    made = registry.client.create_model_version(
        publication.name,
        source=f"models:/{model_id}",
        run_id=publication.mlflow_run_id,
        model_id=model_id,
        tags=papers.tags(publication, spec),
        description=f"{spec.base_model.name}, fine-tuned on “{spec.train.name}” by the run {publication.run_name}.",
    )
    number = int(made.version)
    uri = f"models:/{publication.name}/{number}"
    return PublishedVersion(name=publication.name, version=number, model_uri=uri, run_id=publication.mlflow_run_id)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
