"""A whole product on a folder and a port of its own, as `manage.py up` starts it, for tests to use and to kill."""

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import psutil

from finetuning_ui.env import PROJECT
from finetuning_ui.stack.addresses import free

SERVES = "Ctrl-C stops it"  # the last line of a start


class Stack:
    """One `manage.py up` on a folder and a port of its own, without MLflow, which has a test of its own."""

    def __init__(self, folder: Path, **environ: str) -> None:
        self.folder = folder
        self.port = next(port for port in iter(lambda: 32_000 + secrets.randbelow(700), None) if free(port))
        places = {"DATA_DIR": str(folder), "PORT": str(self.port), "DJANGO_SETTINGS_MODULE": "finetuning_ui.settings"}
        self.environ = {**places, "MLFLOW_TRACKING_URI": "http://127.0.0.1:9", **environ}
        self.output = folder.with_name(f"{folder.name}.txt")

    def start(self) -> "Stack":
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, str(PROJECT / "manage.py"), "up"],
                env=os.environ | self.environ,
                stdout=output,
                stderr=output,
            )
        return self

    def starts(self, seconds: float = 120) -> "Stack":
        """Start, also anew, and wait until it serves."""
        before = self.said.count(SERVES)
        self.start()
        wait_for(lambda: self.said.count(SERVES) > before or self.process.poll() is not None, seconds, lambda: self.said)
        assert self.process.poll() is None, self.said
        return self

    @property
    def said(self) -> str:
        return self.output.read_text() if self.output.exists() else ""

    def says(self, words: str, *, seconds: float = 60) -> None:
        wait_for(lambda: words in self.said or self.process.poll() is not None, seconds, lambda: self.said)
        assert words in self.said, self.said

    def is_ready(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/readyz", timeout=10).status_code == 200
        except httpx.HTTPError:
            return False

    def pid(self, name: str) -> int:
        return int(json.loads((self.folder / "processes" / f"{name}.json").read_text())["pid"])

    def processes(self) -> list[psutil.Process]:
        """Everything that belongs to this stack, wherever it went."""
        return [psutil.Process(self.process.pid), *psutil.Process(self.process.pid).children(recursive=True)]

    def end(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


def wait_for(happened: Callable[[], bool], seconds: float, told: Callable[[], str] = lambda: "") -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, f"not within {seconds} s. {told()}"
        time.sleep(0.1)
