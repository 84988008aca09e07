"""How fast this machine computes: a matrix product, timed once and kept; in processor seconds, which others hardly disturb."""

import json
import time
from functools import lru_cache
from pathlib import Path

import numpy as np

SIZE, TRIES = 512, 25  # a product of 0.27 GFLOP: some 2 ms of a core


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
    """The best of several: what else the machine does only slows it down."""
    one = np.ones((SIZE, SIZE), np.float32)
    out, seconds = np.empty_like(one), []
    for _ in range(TRIES):
        began = time.process_time()
        np.matmul(one, one, out=out)
        seconds.append(time.process_time() - began)
    return float(2 * SIZE**3 / max(1e-6, min(seconds)))


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
