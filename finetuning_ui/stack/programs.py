"""The Python programs of the stack: MLflow, web, worker and beat, each as one command line."""

import sys
from pathlib import Path

import httpx
from django.conf import settings

from finetuning_ui.env import environment
from finetuning_ui.stack.addresses import HOST, Addresses
from finetuning_ui.stack.process import Program

CELERY = [sys.executable, "-m", "celery", "-A", "finetuning_ui", "--workdir", str(settings.BASE_DIR)]


def web_url() -> str:
    """Where a person on this machine finds the pages."""
    host = environment().HOST
    if host in ("0.0.0.0", "::"):  # noqa: S104 (every address, this machine's own among them)
        host = "127.0.0.1"
    return f"http://{f'[{host}]' if ':' in host else host}:{environment().PORT}"


def web() -> Program:
    serve = ["--host", environment().HOST, "--port", str(environment().PORT), "--app-dir", str(settings.BASE_DIR)]
    # A live page holds its stream open for ever: shutting down waits for it this many seconds.
    options = [
        "--lifespan",
        "off",
        "--no-access-log",
        "--timeout-graceful-shutdown",
        "2",
        "--http",
        "finetuning_ui.punctual:Punctual",
    ]
    command = [sys.executable, "-m", "uvicorn", "finetuning_ui.asgi:application", *serve, *options]
    return Program(name="web", command=command, environ=_pool(), ready=lambda: _answers(f"{web_url()}/readyz"), patience=5)


def worker() -> Program:
    """Threads, because a task waits for files and rows and never computes; one cut short is taken up by the next worker."""
    options = ["--pool", "threads", "--concurrency", "8", "--loglevel", "INFO", "--without-gossip", "--without-mingle"]
    return Program(name="worker", command=[*CELERY, "worker", *options], environ=_pool(), patience=5)


def beat() -> Program:
    return Program(name="beat", command=[*CELERY, "beat", "--loglevel", "INFO", "--pidfile="])


def mlflow(folder: Path, addresses: Addresses) -> Program:
    """The tracking server, which also stores the artifacts, so that nobody needs to share its disk."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "mlflow", "server", "--host", HOST, "--port", str(addresses.mlflow), "--workers", "1"]
    stores = ["--serve-artifacts", "--artifacts-destination", str(folder / "artifacts")]
    environ = {
        "MLFLOW_BACKEND_STORE_URI": addresses.mlflow_database_url,  # not an argument: it holds the password
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # several more processes, for features of its own pages
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
        "GIT_PYTHON_REFRESH": "quiet",
    }
    return Program(
        name="mlflow",
        command=[*command, *stores],
        environ=environ,
        ready=lambda: _answers(f"{addresses.mlflow_uri}/health"),
    )


def _pool() -> dict[str, str]:
    """What serves for long keeps its database connections; a command that ends at once would gain nothing."""
    return {"DATABASE_POOL": str(environment().DATABASE_POOL or 16)}


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5, headers={"Host": "localhost"}).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False
