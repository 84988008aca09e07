"""`make bench`: whether estimates turn out true. Each configuration is calculated, probed, and then really run.

The machine may be shared: processor seconds (of all threads) are compared beside those of the clock, and told first. Memory is
the kernel's own count of the largest resident set.
"""

import argparse
import json
import statistics
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from runs.catalog.estimate import Estimate, estimate
from runs.catalog.folder import architecture
from runs.catalog.work import Work
from runs.contract.folder import RunFolder
from runs.contract.probe import Probe
from runs.contract.spec import Hyperparameters, TaskType
from runs.data.profile import count_tokens
from runs.data.rendering import Renderer
from runs.data.rows import Row
from runs.data.samples import HELPDESK
from runs.execution.calibration import product_flops
from tests.bench import material
from tests.bench.running import Asked, Finished, run_engine, start_engine, write_run

CHAT, INSTRUCTION, PRETRAIN = TaskType
TIME, MEMORY = 0.15, 0.10  # what a probe's forecast has to hold


@dataclass(frozen=True)
class Case:
    """`rows` names rows of `material`; `count` of them are trained on."""

    model: str
    rows: str
    count: int
    task: TaskType = CHAT
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        asked = {"method": "full", "context_length": 1_024, "batch_size": 8, **self.settings}
        task = {CHAT: "chat", INSTRUCTION: "instruction", PRETRAIN: "pretraining"}[self.task]
        shown = f"{self.model}, {asked['method']}, {task} ({self.count} of {self.rows})"
        return f"{shown}, context {asked['context_length']:,}, {asked['batch_size']} rows a step"


CASES = [
    Case("17m", "mixed", 160, settings={"batch_size": 16}),
    Case("17m", "helpdesk", 240, settings={"batch_size": 32, "training_duration": "3ep"}),
    Case("17m", "helpdesk", 240, task=INSTRUCTION, settings={"method": "lora", "batch_size": 8, "context_length": 256}),
    Case("17m", "mixed", 200, task=PRETRAIN, settings={"context_length": 512, "batch_size": 4, "optimizer": "lion"}),
    Case("grouped", "mixed", 80, settings={"method": "qlora", "batch_size": 8, "context_length": 512}),
    Case("wide-vocabulary", "mixed", 96, settings={"batch_size": 8, "gradient_checkpointing": True}),
    Case(material.SMOLLM, "helpdesk", 120, settings={"batch_size": 8}),
    Case(material.SMOLLM, "mixed", 48, settings={"method": "lora", "batch_size": 4, "context_length": 2_048}),
    Case(material.SMOLLM, "helpdesk", 120, settings={"method": "qlora", "batch_size": 16}),
]


def main() -> int:
    given = _arguments()
    columns = ("", "CPU-s", "calculated", "probed", "clock", "calculated", "probed", "memory", "calculated", "probed")
    print(f"| {' | '.join(columns)} |\n| --- |{' ---: |' * (len(columns) - 1)}", flush=True)
    seen = []
    for case in CASES if given.only is None else [CASES[number] for number in given.only]:
        with TemporaryDirectory(prefix="bench-") as place:
            seen.append(_one(case, Path(place), given))
    for name, off in (("calculated", [one[0] for one in seen]), ("probed", [one[1] for one in seen])):
        time, memory = ([abs(each[what]) for each in off] for what in (0, 1))
        print(
            f"\n{name}: time off by {statistics.median(time):.0%} in the middle, {max(time):.0%} at most; "
            f"memory by {statistics.median(memory):.0%} and {max(memory):.0%}"
        )
    within = sum(abs(probed[0]) <= TIME and abs(probed[1]) <= MEMORY for _, probed in seen)
    print(f"\n{within} of {len(seen)} probed estimates were within {TIME:.0%} of the time and {MEMORY:.0%} of the memory")
    return 0 if within == len(seen) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.estimate", description=__doc__)
    parser.add_argument("--only", nargs="*", type=int, choices=range(len(CASES)), help="configurations by number, from 0")
    parser.add_argument("--folder", type=Path, default=Path("var/models"), help="where models are kept")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--machine", type=Path, default=Path("var/machine.json"), help="where the machine's speed is kept")
    return parser.parse_args()


def _one(case: Case, place: Path, given: argparse.Namespace) -> tuple[tuple[float, float], tuple[float, float]]:
    """How far calculation and probe were off, in time and memory; prints a row of the table."""
    asked = _asked(case, given)
    probed_folder = write_run(place / "probe", asked)
    (probed_folder.path / "probe").touch()
    start_engine(probed_folder)
    probe = probed_folder.read_probe()
    assert probe is not None, probed_folder.log.read_text()[-3_000:]
    run = run_engine(place / "run", asked)
    work = _work(case, asked, run.folder)
    calculated = _estimate(asked, work, given, None)
    seen = _estimate(asked, work, given, probe)
    found = [_off(estimated, run) for estimated in (calculated, seen)]
    cpu = f"{_told(calculated.cpu_seconds, found[0][0])} | {_told(seen.cpu_seconds, found[1][0])}"
    print(
        f"| {case.title} | {run.cpu_seconds:.1f} | {cpu}"
        f" | {run.wall_seconds:.1f} s | {_told(calculated.seconds)} | {_told(seen.seconds)}"
        f" | {run.peak_bytes / 2**20:,.0f} MiB | {calculated.memory_bytes / 2**20:,.0f} ({found[0][1]:+.0%})"
        f" | {seen.memory_bytes / 2**20:,.0f} ({found[1][1]:+.0%}) |",
        flush=True,
    )
    return found[0], found[1]


def _told(seconds: float | None, off: float | None = None) -> str:
    return f"{seconds or 0:.1f}" + (f" ({off:+.0%})" if off is not None else "")


def _off(told: Estimate, run: Finished) -> tuple[float, float]:
    return (told.cpu_seconds or 0) / run.cpu_seconds - 1, told.memory_bytes / run.peak_bytes - 1


def _asked(case: Case, given: argparse.Namespace) -> Asked:
    settings = {"context_length": 1_024, "batch_size": 8, "learning_rate": 1e-4, "keep_checkpoints": 1, **case.settings}
    return Asked(
        model=material.model(case.model, given.folder),
        name=material.full_name(case.model),
        rows=list(_shaped(case)),
        task=case.task,
        threads=given.threads,
        settings=settings,
    )


def _shaped(case: Case) -> Iterator[Row]:
    """Chats as the task's rows."""
    name = str(HELPDESK / "train.jsonl") if case.rows == "helpdesk" else case.rows
    for row in material.rows(name, Path(), case.count):
        texts = [message["content"] for message in row["messages"]]
        if case.task is CHAT:
            yield row
        elif case.task is INSTRUCTION:
            yield {"prompt": "\n".join(texts[:-1]) + "\n", "response": texts[-1]}
        else:
            yield {"text": "\n".join(texts)}


def _work(case: Case, asked: Asked, folder: RunFolder) -> Work:
    settings = Hyperparameters(**asked.settings)
    counted = count_tokens(folder.path / "train.jsonl", Renderer.load(asked.model), case.task)
    assert settings.context_length is not None
    return Work.of(counted.at(settings.context_length, batch_size=settings.batch_size), case.task)


def _estimate(asked: Asked, work: Work, given: argparse.Namespace, probe: Probe | None) -> Estimate:
    shape = architecture(json.loads((asked.model / "config.json").read_text()))
    assert shape is not None
    return estimate(
        shape,
        hyperparameters=Hyperparameters(**asked.settings),
        device="cpu",
        work=work,
        probe=probe,
        flops=product_flops(given.machine),
        cores=given.threads,
    )


if __name__ == "__main__":
    sys.exit(main())
