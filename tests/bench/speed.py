"""`make bench`: useful tokens per CPU-second, padding, memory and start-up of our engine beside those that people use today.

Everybody trains the same tokens from the same weights with as many tokens a step, one process after the other, with one thread
count. CPU-seconds are counted from the end of the first step to the end of the last, so that start-up is told apart and a busy
machine disturbs less. Ours is the real process on a real run folder; it does all that it does in the product.
"""

import argparse
import json
import os
import subprocess
import sys
import time
import venv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil

from runs.contract.events import EventType, Outcome, Step, parse_line
from runs.contract.folder import RunFolder
from runs.contract.spec import TaskType
from runs.data.rendering import Renderer
from runs.data.rows import Row
from tests.bench import material
from tests.bench.running import Asked, write_run

RIVALS = Path(__file__).parent / "rivals"
NEEDED = ("trl==1.16.*", "datasets")
OURS = "Finetuning UI"
STARTED = f'"type":"{EventType.TRAIN_STARTED.value}"'.encode()  # the engine's last word before its first step
OTHERS = {
    "bare loop": ("bare.py", {}),
    "TRL packed": ("sft.py", {}),
    "TRL padded": ("sft.py", {"PADDED": "1"}),
    "Trainer": ("trainer.py", {}),
}


@dataclass(frozen=True)
class Measured:
    """`tokens` are useful ones, `cpu` seconds of all threads, both after the first step.

    `start`: seconds from the start of the process to the beginning of its first step, by the clock and of all its threads.
    """

    tokens: int
    cpu: float
    padding: float
    peak_bytes: int
    start: float
    start_cpu: float
    losses: tuple[float, ...]

    @property
    def speed(self) -> float:
        return self.tokens / self.cpu


def main() -> None:
    given = _arguments()
    python = _venv(given.venv)
    for name in given.models:
        for data in given.rows:
            if data != "mixed" and not data.endswith(".jsonl") and not (given.data / data).is_dir():
                print(f"{data}: not in {given.data}, left out")
                continue
            _compare(name, data, given, python)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.speed", description=__doc__)
    parser.add_argument(
        "--models", nargs="*", default=["17m", material.SMOLLM], help=f"of {material.SMOLLM} {' '.join(material.SHAPES)}"
    )
    parser.add_argument(
        "--rows", nargs="*", default=["mixed", "banking77", "drug-ner"], help="of these, or a JSONL file of chats"
    )
    parser.add_argument("--only", nargs="*", choices=list(OTHERS), default=list(OTHERS), help="whom to measure beside us")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--folder", type=Path, default=Path("var/models"), help="where models are kept")
    parser.add_argument("--venv", type=Path, default=Path("var/bench-venv"), help="where the others are installed")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch", type=int, default=32, help="rows a step")
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--rate", type=float, default=1e-4)
    parser.add_argument("--precision", default="fp32")
    return parser.parse_args()


def _venv(folder: Path) -> Path:
    """The others' environment: their packages, over ours, so that torch and transformers are the very same."""
    python = folder.absolute() / "bin" / "python"
    if not python.exists():
        print(f"Installing {' and '.join(NEEDED)} into {folder}.")
        venv.create(folder, with_pip=True)
        (site,) = folder.glob("lib/python*/site-packages")
        here = subprocess.run(
            [sys.executable, "-c", "import torch; print(torch.__path__[0])"], capture_output=True, text=True, check=True
        )
        (site / "project.pth").write_text(f"{Path(here.stdout.strip()).parent}\n")
        install = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", "-c", "constraints.txt", *NEEDED]
        subprocess.run(install, check=True)
    return python


def _compare(name: str, data: str, given: argparse.Namespace, python: Path) -> None:
    model = material.model(name, given.folder)
    rows = material.rows(data, given.data, given.batch * given.steps)
    asked = Asked(
        model=model,
        name=material.full_name(name),
        rows=rows,
        threads=given.threads,
        settings={
            "batch_size": given.batch, "training_duration": f"{given.steps}ba", "eval_interval": f"{given.steps}ba",
            "warmup_share": 0.0, "learning_rate": given.rate, "context_length": 1_024, "schedule": "constant",
            "keep_checkpoints": 1, "precision": given.precision,
        },
    )  # fmt: skip
    title = f"{name}, {data} rows, batch of {given.batch} rows, {given.threads} thread(s), {given.precision}"
    columns = ("", "useful tokens/CPU-s", "ours is", "padding", "peak memory", "first step begins after", "first and last loss")
    print(f"\n### {title}\n\n| {' | '.join(columns)} |\n| --- |{' ---: |' * (len(columns) - 1)}", flush=True)
    with TemporaryDirectory(prefix="bench-") as place:
        mine = ours(Path(place, "run"), asked)
        _print(OURS, mine, "")
        tokens = Path(place, "tokens.jsonl")
        tokens.write_text("".join(f"{json.dumps(row)}\n" for row in _tokenized(model, rows)))
        for rival in given.only:
            theirs = _theirs(rival, python, asked, tokens, Path(place, "said.json"), given)
            _print(rival, theirs, f"{mine.speed / theirs.speed:.2f} x")


def ours(path: Path, asked: Asked) -> Measured:
    """A real engine on a real folder."""
    folder = write_run(path, asked)
    began = time.time()
    with folder.log.open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "runs.engine", str(folder.path)], stdout=log, stderr=log)
    begin, seen, peak = _watch(folder, process.pid)
    end = folder.read_exit()
    if end is None or end.outcome != Outcome.COMPLETED:
        raise RuntimeError(folder.log.read_text()[-3_000:])
    first, last = seen[0], seen[-1]
    return Measured(
        tokens=last.step.tokens - first.step.tokens,
        cpu=last.cpu - first.cpu,
        padding=last.step.padding_share,
        peak_bytes=peak,
        start=begin.moment - began,
        start_cpu=begin.cpu,
        losses=tuple(step.loss for step in _steps(folder)),
    )


@dataclass(frozen=True)
class _Moment:
    """When something was said, and the process' CPU seconds by then."""

    cpu: float
    moment: float


@dataclass(frozen=True)
class _Seen(_Moment):
    step: Step


def _watch(folder: RunFolder, process: int) -> tuple[_Moment, list[_Seen], int]:
    """Follow an engine to its end: when its first step began, each step, and its largest resident memory in bytes.

    The memory is the kernel's own count.
    """
    begin: _Moment | None = None
    seen: list[_Seen] = []
    watched, said = psutil.Process(process), 0
    while True:
        ended, _, usage = os.wait4(process, os.WNOHANG)
        if ended:
            assert begin, folder.log.read_text()[-3_000:]
            return begin, seen, usage.ru_maxrss * 1024
        if begin is None and STARTED in _said(folder):
            begin = _Moment(sum(watched.cpu_times()[:2]), time.time())
        if len(steps := _steps(folder)) > said:
            said = len(steps)
            seen.append(_Seen(sum(watched.cpu_times()[:2]), time.time(), steps[-1]))
        time.sleep(0.01)


def _said(folder: RunFolder) -> bytes:
    return folder.events.read_bytes() if folder.events.exists() else b""


def _steps(folder: RunFolder) -> list[Step]:
    said = _said(folder)
    lines = [parse_line(line) for line in said[: said.rfind(b"\n") + 1].splitlines() if b'"kind":"step"' in line]
    return [line for line in lines if isinstance(line, Step)]


def _tokenized(model: Path, rows: Sequence[Row]) -> list[dict[str, list[int]]]:
    encoded = Renderer.load(model).encode_many(rows, TaskType.CHAT_COMPLETION)
    return [
        {"input_ids": row.ids, "labels": [token if on else -100 for token, on in zip(row.ids, row.trained, strict=True)]}
        for row in encoded
    ]


def _theirs(rival: str, python: Path, asked: Asked, tokens: Path, out: Path, given: argparse.Namespace) -> Measured:
    script, more = OTHERS[rival]
    environment = {
        **os.environ,
        **more,
        "OMP_NUM_THREADS": str(asked.threads),
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }
    environment.pop("PYTHONPATH", None)
    command = [str(python), str(RIVALS / script), str(asked.model.resolve()), str(tokens), str(out)]
    began = time.time()
    with out.with_suffix(".log").open("wb") as log:
        process = subprocess.Popen(
            [*command, str(given.batch), str(given.steps), str(given.rate)], stdout=log, stderr=log, env=environment
        )
        _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(out.with_suffix(".log").read_text()[-3_000:])
    said: dict[str, Any] = json.loads(out.read_text())
    peak = usage.ru_maxrss * 1024
    return Measured(
        said["tokens"], said["cpu"], said["padding"], peak, said["began"] - began, said["start_cpu"], tuple(said["losses"])
    )


def _print(name: str, it: Measured, ratio: str) -> None:
    start = f"{it.start:.1f} s ({it.start_cpu:.1f} CPU-s)"
    losses = f"{it.losses[0]:.3f}, {it.losses[-1]:.3f}"
    print(
        f"| {name} | {it.speed:.0f} | {ratio} | {it.padding:.0%} | {it.peak_bytes / 2**30:.2f} GiB | {start} | {losses} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
