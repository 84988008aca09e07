"""Which devices this machine has for training, without importing torch."""

import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import psutil

LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")  # of a container: version 2, version 1


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


@lru_cache(maxsize=2)
def memory_of(kind: str) -> int:
    """Bytes of memory that a device of this kind has in all: the smallest GPU, or this machine as far as it is ours."""
    if kind == "cuda":
        asked = ["nvidia-smi", "--query-gpu=memory.total", "--format=csv,noheader,nounits"]
        listed = subprocess.run(asked, capture_output=True, text=True, timeout=10, check=False)
        return min((int(line) << 20 for line in listed.stdout.split() if line.isdigit()), default=sys.maxsize)
    return min(int(psutil.virtual_memory().total), *(_limit(Path(file)) for file in LIMITS))


def _limit(file: Path) -> int:
    """A container's limit in bytes, if there is one."""
    text = file.read_text().strip() if file.is_file() else ""
    return int(text) if text.isdigit() else sys.maxsize


def free(all_slots: Iterable[Slot], busy: Iterable[Slot]) -> list[Slot]:
    taken = set(busy)
    return [slot for slot in all_slots if slot not in taken]
