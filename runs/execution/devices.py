"""Which devices this machine has for training, without importing torch."""

import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class Slot:
    """Room for one engine: a GPU by its index, or a share of the CPU (`index` then only numbers the slots)."""

    kind: str
    index: int


@lru_cache(maxsize=1)
def _gpus() -> int:
    if shutil.which("nvidia-smi") is None:
        return 0
    listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=10, check=False)
    return sum(line.startswith("GPU ") for line in listed.stdout.splitlines())


def slots(*, cpu_slots: int) -> list[Slot]:
    """All slots of this machine: its GPUs, or `cpu_slots` engines side by side where it has none."""
    if gpus := _gpus():
        return [Slot("cuda", index) for index in range(gpus)]
    return [Slot("cpu", index) for index in range(cpu_slots)]


def free(all_slots: Iterable[Slot], busy: Iterable[Slot]) -> list[Slot]:
    taken = set(busy)
    return [slot for slot in all_slots if slot not in taken]
