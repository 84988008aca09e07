"""What can be wrong with an installation, one question each, and how to mend it. Asks; changes nothing."""

import importlib.metadata
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
from django.conf import settings

from finetuning_ui.env import environment
from finetuning_ui.stack import addresses, programs
from finetuning_ui.stack.lock import is_running
from runs.services import health

GIB = 1024**3
DISK_GIB, MEMORY_GIB = 5, 4  # a run of the demo model keeps checkpoints of 1.6 GB and peaks below 4 GiB
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@dataclass(frozen=True)
class Finding:
    ok: bool
    what: str
    mend: str = ""  # empty where nothing is to be done


def findings() -> Iterator[Finding]:
    """Every question in turn; a question that breaks is a finding itself."""
    for question in QUESTIONS:
        try:
            yield from question()
        except Exception as error:  # the doctor must outlive every illness
            yield Finding(
                False, f"{question.__name__.strip('_')}: {type(error).__name__}: {error}", "Report this with its text."
            )


def _python() -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding(
        sys.version_info >= (3, 11), f"Python {version}", "Python 3.11 or newer is needed: make clean install PYTHON=..."
    )


def _packages() -> Iterator[Finding]:
    wrong = []
    for line in Path(settings.BASE_DIR, "constraints.txt").read_text(encoding="utf-8").splitlines():
        name, _, wanted = line.partition("==")
        if wanted and not line.startswith("#") and (found := _version(name)) not in (None, wanted):
            wrong.append(f"{name} is {found}, tested with {wanted}")
    yield Finding(not wrong, "; ".join(wrong) or "packages have the tested versions", "make clean install")


def _version(name: str) -> str | None:
    """Without the build, such as +cpu; None for what is not installed, such as a tool for development."""
    try:
        return importlib.metadata.version(name).partition("+")[0]
    except importlib.metadata.PackageNotFoundError:
        return None


def _torch() -> Iterator[Finding]:
    """In a process of its own, as training does."""
    script = "import torch; print(torch.__version__, 'with', torch.cuda.device_count(), 'GPU(s)')"
    made = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=120)
    text = (made.stdout or made.stderr).strip().splitlines()
    yield Finding(made.returncode == 0, f"torch {text[-1] if text else 'says nothing'}", "make clean install")


def _room() -> Iterator[Finding]:
    settings.DATA_DIR.mkdir(parents=True, exist_ok=True)
    disk, memory = shutil.disk_usage(settings.DATA_DIR).free / GIB, psutil.virtual_memory().available / GIB
    yield Finding(disk >= DISK_GIB, f"{disk:.0f} GiB free on disk", f"Free {DISK_GIB} GiB, or move DATA_DIR to a larger disk.")
    yield Finding(memory >= MEMORY_GIB, f"{memory:.0f} GiB memory available", f"A small model needs {MEMORY_GIB} GiB.")


def _data_dir() -> Iterator[Finding]:
    try:
        with tempfile.TemporaryFile(dir=settings.DATA_DIR):
            yield Finding(True, f"DATA_DIR {settings.DATA_DIR} can be written")
    except OSError as error:
        yield Finding(False, f"DATA_DIR {settings.DATA_DIR}: {error}", "Set DATA_DIR to a folder of yours, or mend its rights.")


def _services() -> Iterator[Finding]:
    """Only a stack that is up, or services of the user's own, can be asked."""
    env = environment()
    if not is_running(settings.DATA_DIR):
        yield _port(env.HOST, env.PORT)
        if not (env.DATABASE_URL and env.BROKER_URL):
            yield Finding(True, "the stack is down; `make run` starts it, then ask again about its services")
            return
    mends = {
        "postgres": "See logs/postgres.log in DATA_DIR, or DATABASE_URL.",
        "migrations": "manage.py migrate",
        "broker": "See logs/valkey.log in DATA_DIR, or BROKER_URL.",
    }
    for check in health.check_all():
        yield Finding(check.ok, check.name + (f": {check.why}" if check.why else " answers"), mends[check.name])
    yield _mlflow()


def _port(host: str, port: int) -> Finding:
    return Finding(addresses.free(port, host), f"port {port} on {host}", f"Another program has it: set PORT={port + 1}.")


def _mlflow() -> Finding:
    uri = settings.MLFLOW_TRACKING_URI
    mend = "Training goes on without it. See logs/mlflow.log in DATA_DIR, or MLFLOW_TRACKING_URI."
    try:
        httpx.get(f"{uri}/health", timeout=5).raise_for_status()
    except httpx.HTTPError as error:
        return Finding(False, f"MLflow at {uri}: {error}", mend)
    return Finding(True, f"MLflow at {uri} answers")


def _pages() -> Iterator[Finding]:
    if is_running(settings.DATA_DIR):
        answers = programs.web().ready
        ok = answers is not None and answers()
        yield Finding(ok, f"pages at {programs.web_url()}/", "See logs/web.log in DATA_DIR.")


def _models() -> Iterator[Finding]:
    found = sorted(path.parent.name for path in Path(settings.MODELS_DIR).glob("**/config.json"))
    text = f"base model files: {', '.join(found)}" if found else "no base model files yet; `make demo` fetches a small one"
    yield Finding(True, text)


def _chromium() -> Iterator[Finding]:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    yield Finding(bool(found), f"browser for tests: {found or 'none'}", "Only for `make test`: apt install chromium")


QUESTIONS: tuple[Callable[[], Iterator[Finding]], ...] = (
    _python,
    _packages,
    _torch,
    _room,
    _data_dir,
    _services,
    _pages,
    _models,
    _chromium,
)
