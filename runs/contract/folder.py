"""The run folder: the whole interface between web and engine.

spec.json            written by the web before the engine starts
engine.json          who is training: host, process id, start time; written by the engine
lock                 held by the engine while it lives, so that a second one leaves at once
heartbeat            touched every few seconds by the engine
stop                 written by the web: finish the step, keep a checkpoint, leave
pause                written by the web: the same, to go on later
halved               written by the web: how often to halve the tokens at once: the kernel killed engines for want of memory
probe                written by the web: take a few steps, measure them, keep nothing
probe.json           what they cost; written by the engine
events.jsonl         append-only, one `contract.events.Line` a line
log.txt              standard output and error of the engine
checkpoints/<name>/  complete once it has this name; written beside and renamed
adapter/             what LoRA trained, in PEFT's format; model/ has it folded in
model/               the finished model, for serving
exit.json            written last
"""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict

from runs.contract.events import Exit
from runs.contract.probe import Probe
from runs.contract.spec import RunSpec

Model = TypeVar("Model", bound=BaseModel)

ADAPTER_CONFIG, ADAPTER_BASE = "adapter_config.json", "adapter_base.json"  # PEFT's; ours, with the path of what lies below


class EngineProcess(BaseModel):
    """Which process trains: enough to tell it from another with the same number."""

    model_config = ConfigDict(frozen=True)
    host: str
    pid: int
    started: float  # seconds since the epoch, as psutil.Process.create_time gives it
    starved: int | None = None  # processes that the kernel had killed for want of memory before this one began


def write_atomically(path: Path, text: str) -> None:
    """Write beside, flush to disk, rename: a reader sees the old file or the new one, never half of it."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    with beside.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


@dataclass(frozen=True)
class RunFolder:
    path: Path

    @property
    def events(self) -> Path:
        return self.path / "events.jsonl"

    @property
    def log(self) -> Path:
        return self.path / "log.txt"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def adapter(self) -> Path:
        return self.path / "adapter"

    @property
    def model(self) -> Path:
        return self.path / "model"

    @property
    def lock(self) -> Path:
        return self.path / "lock"

    @property
    def heartbeat(self) -> Path:
        return self.path / "heartbeat"

    @property
    def stop(self) -> Path:
        return self.path / "stop"

    @property
    def pause(self) -> Path:
        return self.path / "pause"

    @property
    def probe(self) -> Path:
        return self.path / "probe"

    def ask_to_pause(self, wanted: bool) -> None:
        """Tell the engine, or take it back before it has listened. A full disk may be in the way: ask again later."""
        with suppress(OSError):
            if wanted:
                self.pause.touch()
            else:
                self.pause.unlink(missing_ok=True)

    @property
    def halved(self) -> int:
        try:
            return int((self.path / "halved").read_text())
        except (FileNotFoundError, ValueError):
            return 0

    def halve(self) -> None:
        write_atomically(self.path / "halved", str(self.halved + 1))

    def create(self) -> None:
        self.checkpoints.mkdir(parents=True, exist_ok=True)

    @property
    def has_spec(self) -> bool:
        return (self.path / "spec.json").exists()

    def write_spec(self, spec: RunSpec) -> None:
        write_atomically(self.path / "spec.json", spec.model_dump_json(indent=2))

    def read_spec(self) -> RunSpec:
        return RunSpec.model_validate_json((self.path / "spec.json").read_bytes())

    def write_engine(self, process: EngineProcess) -> None:
        write_atomically(self.path / "engine.json", process.model_dump_json())

    def read_engine(self) -> EngineProcess | None:
        return self._read("engine.json", EngineProcess)

    def write_probe(self, found: Probe) -> None:
        write_atomically(self.path / "probe.json", found.model_dump_json(indent=2))

    def read_probe(self) -> Probe | None:
        return self._read("probe.json", Probe)

    def write_exit(self, word: Exit) -> None:
        write_atomically(self.path / "exit.json", word.model_dump_json(indent=2))

    def read_exit(self) -> Exit | None:
        return self._read("exit.json", Exit)

    def clear_for_restart(self) -> None:
        """Forget how the last engine ended, so that the next one can be told from it."""
        for name in ("exit.json", "engine.json", "heartbeat", "pause"):
            (self.path / name).unlink(missing_ok=True)

    def _read(self, name: str, model: type[Model]) -> Model | None:
        try:
            return model.model_validate_json((self.path / name).read_bytes())
        except FileNotFoundError:
            return None
