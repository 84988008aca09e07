"""Other people's packages, each in a virtual environment of its own, made once and kept in the cache folder."""

import fcntl
import hashlib
import json
import os
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

HERE = Path(__file__).parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "finetuning-ui"


def packages_of(python: Path) -> Path:
    """Where the packages of such an environment are."""
    return next((python.parent.parent / "lib").glob("python*/site-packages"))


def python_with(requirements: Path) -> Path:
    """The interpreter of an environment with these packages and no others; installed at the first call on a machine."""
    digest = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()[:12]
    folder = CACHE / f"{requirements.stem}-{digest}"
    python, done = folder / "bin" / "python", folder / "installed"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # of several test processes one installs
        if not done.exists():
            venv.create(folder, with_pip=True, clear=True)
            install = ["-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps", "-r", str(requirements)]
            subprocess.run([python, *install], check=True, env={**os.environ, "PYTHONPATH": ""})
            done.touch()
    return python


@dataclass(frozen=True)
class Told:
    """What came of a script: `answer` is what it left in that name, `said` what it printed."""

    answer: Any
    said: str
    error: str
    text: str
    trace: str


class Driver:
    """A process of that interpreter with `imports` done, to which scripts are given one after the other."""

    def __init__(self, python: Path, home: Path, *imports: str) -> None:
        environ = {"PATH": os.environ["PATH"], "HOME": str(home), "HF_ENDPOINT": "http://127.0.0.1:9", "HF_HUB_OFFLINE": "1"}
        self._errors = (home / "driver.txt").open("wb")
        self._process = subprocess.Popen(
            [python, str(HERE / "driver.py"), *imports],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=environ,
            cwd=home,
            text=True,
        )
        self.env: dict[str, str] = {}

    def run(self, script: str, **env: str) -> Told:
        """Run it to the end, whatever it raises."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"script": dedent(script), "env": {**self.env, **env}}) + "\n")
        self._process.stdin.flush()
        return Told(**json.loads(self._process.stdout.readline()))

    def __call__(self, script: str, **env: str) -> Any:
        """Run it; it must succeed."""
        told = self.run(script, **env)
        assert not told.error, told.trace
        return told.answer

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        self._errors.close()
