"""Run `runs.registry.package` as a process of its own: it loads torch and gigabytes of weights, and may be killed for it."""

import signal
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import BaseModel

from runs.execution.environment import without_secrets
from runs.registry.protocol import Publication, PublishedVersion, PublishFailed, RegistryUnavailable

PATIENCE = 2 * 3600  # seconds for the largest models


class Order(BaseModel):
    """What the child reads: never on its command line, because the address may hold a password."""

    tracking_uri: str
    publication: Publication


class Answer(BaseModel):
    """What the child writes: a version, or why there is none. `away` says that MLflow did not answer."""

    version: PublishedVersion | None = None
    failed: str = ""
    away: bool = False


def publish(tracking_uri: str, publication: Publication) -> PublishedVersion:
    """Wait for the child and return its version; raise PublishFailed or RegistryUnavailable."""
    with TemporaryDirectory(prefix="publish-") as place:
        request, result = Path(place, "request.json"), Path(place, "result.json")
        request.write_text(Order(tracking_uri=tracking_uri, publication=publication).model_dump_json(), encoding="utf-8")
        ended = _run(request, result, publication.run_folder / "publish.txt")
        if not result.exists():
            raise PublishFailed(_last_words(ended, publication.run_folder / "publish.txt"))
        answer = Answer.model_validate_json(result.read_bytes())
    if answer.version is None:
        raise (RegistryUnavailable if answer.away else PublishFailed)(answer.failed)
    return answer.version


def _run(request: Path, result: Path, log: Path) -> int:
    command = [sys.executable, "-m", "runs.registry.package", str(request), str(result)]
    with log.open("ab") as output:
        try:
            return subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={"OMP_WAIT_POLICY": "PASSIVE", **without_secrets(stores=True)},  # see runs.engine
                timeout=PATIENCE,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired:
            raise PublishFailed(f"Registering took longer than {PATIENCE // 3600} hours and was given up.") from None


def _last_words(ended: int, log: Path) -> str:
    if ended == -signal.SIGKILL:
        return "The process that registers the model was killed, most likely because the machine ran out of memory."
    if ended < 0:
        return f"The process that registers the model was ended by {signal.Signals(-ended).name}."
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return f"The process that registers the model broke: {lines[-1] if lines else 'it said nothing'} (more in {log.name})"
