"""How fast this machine computes: matrix products, timed once and kept; in processor seconds, which others hardly disturb."""

import json
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

from runs.execution.environment import without_secrets

ALONE = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}  # read when numpy is imported
SECONDS = 20  # that it may take on a busy machine
USUAL = 96e9  # where it cannot be timed
TIMED = """
import time
import numpy as np
one = np.ones((512, 512), np.float32)
out = np.empty_like(one)
def timed():
    began = time.process_time()
    for _ in range(40):
        np.matmul(one, one, out=out)
    return time.process_time() - began
print(40 * 2 * 512**3 / min(timed() for _ in range(3)))
"""


@lru_cache(maxsize=4)
def product_flops(kept: Path) -> float:
    """FLOPs a second of one core. `kept` is a JSON file: read where it is of this processor, else written."""
    processor = _processor()
    try:
        found = json.loads(kept.read_bytes())
        if found["processor"] == processor:
            return float(found["flops"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    flops = _timed()
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps({"processor": processor, "flops": flops}))
    return flops


def _timed() -> float:
    try:
        command = [sys.executable, "-c", TIMED]
        done = subprocess.run(
            command, env={**without_secrets(), **ALONE}, capture_output=True, text=True, timeout=SECONDS, check=True
        )
        return float(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError, ZeroDivisionError):
        return USUAL


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
