"""How busy the devices of this machine are, for people to see; nothing is decided by it."""

import shutil
import subprocess
import threading
import time

import psutil

KEPT_SECONDS = 3.0
GPU_QUERY = ("nvidia-smi", "--query-gpu=index,utilization.gpu", "--format=csv,noheader,nounits")

_lock = threading.Lock()
_kept: tuple[float, list[str]] = (0.0, [])
_seen = psutil.cpu_times()


def devices() -> list[str]:
    """`GPU 0 82%` for each GPU, else `CPU 45%`; at most KEPT_SECONDS old."""
    global _kept
    with _lock:
        if time.monotonic() - _kept[0] > KEPT_SECONDS or not _kept[1]:
            _kept = (time.monotonic(), _gpus() or [f"CPU {_cpu():.0%}"])
        return _kept[1]


def _cpu() -> float:
    """Share of the CPUs' time that was not idle since the last question. (psutil's own answer counts for each thread apart.)"""
    global _seen
    before, _seen = _seen, psutil.cpu_times()
    passed = sum(_seen) - sum(before)
    return 1 - (_seen.idle - before.idle) / passed if passed > 0 else 0.0


def _gpus() -> list[str]:
    if shutil.which("nvidia-smi") is None:
        return []
    try:
        asked = subprocess.run(GPU_QUERY, capture_output=True, text=True, timeout=2, check=True)
    except (OSError, subprocess.SubprocessError):  # a busy driver must not break a page
        return []
    return [
        f"GPU {index.strip()} {share.strip()}%" for index, _, share in (row.partition(",") for row in asked.stdout.splitlines())
    ]
