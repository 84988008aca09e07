"""Which real things stand behind the protocols, from settings. The only place that chooses."""

import os
import socket
from functools import lru_cache
from pathlib import Path

import psutil
from django.conf import settings

from runs.catalog.stores import InVolume
from runs.contract.folder import RunFolder
from runs.data.sources import Hub, Roots
from runs.data.sources.places import Place
from runs.data.sources.roots import place
from runs.execution.calibration import product_flops
from runs.execution.devices import Slot, memory_of, slots
from runs.execution.launcher import Launcher
from runs.execution.local import LocalLauncher
from runs.models import BaseModel
from runs.registry.protocol import Registry
from runs.registry.rest import Rest

VOLUMES = "/Volumes/"


def node() -> str:
    """Names this machine and this installation on it, for leases."""
    return f"{socket.gethostname()}:{settings.DATA_DIR}"


def run_folder(name: str) -> RunFolder:
    return RunFolder(settings.DATA_DIR / "runs" / name)


def dataset_file(digest: str) -> Path:
    """Where the canonical rows with this digest are kept."""
    return Path(settings.DATA_DIR / "datasets" / f"{digest.removeprefix('sha256:')}.jsonl")


def original_file(digest: str) -> Path:
    """Where a file is kept as it was sent, for those who want it back to the byte."""
    return Path(settings.DATA_DIR / "originals" / digest.removeprefix("sha256:"))


def measuring_folder(number: int) -> Path:
    """Where the child that makes a measurement reads its job and leaves its result."""
    return Path(settings.DATA_DIR / "measuring" / str(number))


def taking_folder(key: str) -> Path:
    """For a large file that is being checked: the same file system as uploads and data sets."""
    return Path(settings.DATA_DIR / "taking" / key)


def scratch() -> Path:
    """For half-written uploads: the same file system as the data sets, so that a rename finishes them."""
    folder = Path(settings.DATA_DIR / "scratch")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def audit_seals() -> Path:
    """Where the audit log's head is kept from time to time, out of the database's reach."""
    return Path(settings.DATA_DIR / "audit" / "seals.txt")


def arrivals() -> Path:
    """For files that come in parts: on the file system of the data sets, and of every web process."""
    return Path(settings.DATA_DIR / "arrivals")


def volumes() -> Place:
    """What is below /Volumes: a folder, or wherever a URL leads."""
    if "://" not in str(settings.VOLUMES_ROOT):
        Path(settings.VOLUMES_ROOT).mkdir(parents=True, exist_ok=True)
    return place(settings.VOLUMES_ROOT)


def hub_endpoint() -> str:
    return str(settings.HF_ENDPOINT)


def model_hub(token: str | None) -> Hub:
    return Hub(endpoint=hub_endpoint(), token=token, cdn=tuple(settings.HF_CDN), kind="model")


def fetching_folder(number: int) -> Path:
    """Where a model's files grow: on the file system of the models, so that a rename finishes them."""
    return Path(settings.MODELS_DIR / ".fetching" / str(number))


def site() -> str:
    """Where people find this installation, without a slash at the end: for mails."""
    return str(settings.SITE)


def roots(scratch: Path | None, hub_token: str | None, most: int | None = None) -> Roots:
    """The places that data may be read from, up to `most` bytes; `scratch` is an empty folder for what is fetched first."""
    return Roots(
        volumes=settings.VOLUMES_ROOT,
        tables=settings.TABLES_ROOT,
        huggingface=Path(settings.HUGGINGFACE_ROOT),
        hub=Hub(endpoint=settings.HF_ENDPOINT, token=hub_token, cdn=tuple(settings.HF_CDN)),
        scratch=scratch,
        most=most,
    )


def model_folder(model: BaseModel) -> Path:
    """Where the engine finds the model, once it is here. Raises SourceError for a path in a volume that leads out."""
    if not model.folder or _is_elsewhere(model.folder):
        return Path(settings.MODELS_DIR / model.name)
    if model.folder.startswith(VOLUMES):
        return volumes().fetched(_inside(model.folder), None)
    return Path(model.folder)


def model_volume(model: BaseModel) -> InVolume | None:
    """The store behind a folder in a volume from which the model has to be fetched; None for one of this machine."""
    return InVolume(volumes(), _inside(model.folder)) if _is_elsewhere(model.folder) else None


def _is_elsewhere(folder: str) -> bool:
    return folder.startswith(VOLUMES) and "://" in str(settings.VOLUMES_ROOT)


def _inside(folder: str) -> tuple[str, ...]:
    return tuple(folder.removeprefix(VOLUMES).rstrip("/").split("/"))


def device_slots() -> list[Slot]:
    return slots(cpu_slots=settings.CPU_SLOTS)


def memory_bytes() -> int:
    """What a run may have at most on the device that it will get."""
    return memory_of(device_slots()[0].kind)


def engine_threads() -> int | None:
    return settings.ENGINE_THREADS or None


def cores() -> int:
    """Threads that an engine computes with: what torch takes when it is not told."""
    return engine_threads() or psutil.cpu_count(logical=False) or os.cpu_count() or 1


def flops_per_core() -> float:
    """Of a matrix product, timed once on this machine."""
    return product_flops(Path(settings.DATA_DIR / "machine.json"))


def launcher() -> Launcher:
    return LocalLauncher()


@lru_cache(maxsize=2)
def _registry(uri: str, timeout: int = 10) -> Registry:
    from runs.registry.mlflow import MlflowRegistry  # mlflow takes seconds to import: only those who publish pay

    return MlflowRegistry(uri, timeout=timeout)


def registry() -> Registry:
    return _registry(settings.MLFLOW_TRACKING_URI)


def hasty_registry() -> Registry:
    """For a person who waits: a call that MLflow does not answer within a second is given up."""
    return _registry(settings.MLFLOW_TRACKING_URI, 1)


@lru_cache(maxsize=1)
def _rest(uri: str) -> Rest:
    return Rest(uri, timeout=30)


def mlflow_rest() -> Rest:
    """MLflow itself, for calls that are passed on to it."""
    return _rest(settings.MLFLOW_TRACKING_URI)
