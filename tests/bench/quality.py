"""`make bench-quality`: task scores of a base model and of what our engine makes of it, on rows it never saw.

With several `--rates` it is the sweep by which default learning rates are chosen. Each run is a real engine process on a real
folder; answers come from `python -m runs.engine.answer`, which the demo uses too.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from runs.catalog.smollm import NAME, fetch_smollm2
from runs.contract.events import Outcome
from runs.contract.spec import TaskType
from tests.bench.running import Asked, Finished, run_engine
from tests.bench.tasks import Scores, Task, load


@dataclass(frozen=True)
class Result:
    task: Task
    rate: float
    scores: Scores
    finished: Finished


def main() -> None:
    given = _arguments()
    model = fetch_smollm2(given.models, say=print)
    for task in load(given.data, held_out=given.held_out):
        if given.tasks and task.name not in given.tasks:
            continue
        base = task.score(_answers(model, task), task.expected)
        _say(task, "base", base, f"{len(task.held_out)} rows held out")
        for result in _sweep(task, model, given):
            _say(
                task,
                " ".join((given.method, given.optimizer, given.precision, f"{result.rate:g}")),
                result.scores,
                _cost(result),
            )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.quality", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of drug-ner/ and banking77/")
    parser.add_argument("--models", type=Path, default=Path("var/models"), help="where base models are kept")
    parser.add_argument("--tasks", nargs="*", help="only these")
    parser.add_argument("--rates", nargs="*", type=float, default=[1e-4], help="peak learning rates")
    parser.add_argument("--method", default="full")
    parser.add_argument("--optimizer", default="adamw")
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--duration", default="2ep")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--seed", type=int, default=17)
    parser.add_argument("--held-out", type=int, default=60, help="rows of each task that are only scored")
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


def _sweep(task: Task, model: Path, given: argparse.Namespace) -> Iterator[Result]:
    for rate in given.rates:
        with TemporaryDirectory(prefix="bench-quality-") as place:
            asked = Asked(
                model=model,
                name=NAME,
                rows=task.train,
                task=TaskType.CHAT_COMPLETION,
                threads=given.threads,
                settings={
                    "learning_rate": rate,
                    "training_duration": given.duration,
                    "eval_interval": given.duration,
                    "batch_size": given.batch,
                    "context_length": 1_024,
                    "keep_checkpoints": 1,
                    "method": given.method,
                    "optimizer": given.optimizer,
                    "precision": given.precision,
                    "seed": given.seed,
                },
            )
            finished = run_engine(Path(place, "run"), asked)
            if finished.end.outcome != Outcome.COMPLETED:
                print(f"{task.name}, learning rate {rate:g}: {finished.end.message}")
                continue
            tuned = task.score(_answers(finished.folder.model, task), task.expected)
            yield Result(task, rate, tuned, finished)


def _answers(model: Path, task: Task) -> list[str]:
    with TemporaryDirectory() as place:
        asked, answers = Path(place, "chats.json"), Path(place, "answers.json")
        asked.write_text(json.dumps(task.prompts), encoding="utf-8")
        command = [sys.executable, "-m", "runs.engine.answer", str(model), str(asked), str(answers)]
        subprocess.run([*command, "--tokens", str(task.answer_tokens)], check=True)
        found: list[str] = json.loads(answers.read_text(encoding="utf-8"))
        return found


def _cost(result: Result) -> str:
    done = result.finished
    loss = sum(step.loss for step in done.steps[-8:]) / len(done.steps[-8:])
    return f"{len(done.steps)} steps, {done.tokens:,} tokens, last losses {loss:.3f}, {done.cpu_seconds:.0f} CPU-seconds"


def _say(task: Task, which: str, scores: Scores, more: str) -> None:
    values = ", ".join(f"{name} {value:.3f}" for name, value in scores.items())
    print(f"{time.strftime('%H:%M')} {task.name:10} {which:24} {values:32} ({more})", flush=True)


if __name__ == "__main__":
    main()
