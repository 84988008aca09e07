"""What the machine does while it trains: memory, and how busy the device is."""

import gc
import time
from pathlib import Path

import psutil
import torch

from runs.engine.utilization import peak_flops

STATUS = Path("/proc/self/status")


def free_memory(device: torch.device) -> None:
    """Give back what a piece of work held that was broken off."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()


class Gauges:
    """Read once a step."""

    def __init__(self, device: torch.device, dtype: torch.dtype) -> None:
        """`dtype` is what products are computed in."""
        self._peak = peak_flops(device, dtype)
        self._device, self._process = device, psutil.Process()
        self._cores = torch.get_num_threads()
        self._last = (time.monotonic(), time.process_time())

    def memory(self) -> int:
        """Bytes: of the process, or the most that the GPU had to hold."""
        if self._device.type == "cuda":
            return torch.cuda.max_memory_allocated(self._device)
        return int(self._process.memory_info().rss)

    def peak(self) -> int:
        """The most bytes so far. Not of `getrusage`, which counts what the parent had when the process began."""
        if self._device.type == "cuda":
            return torch.cuda.max_memory_allocated(self._device)
        try:
            (line,) = (line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM:"))
            return int(line.split()[1]) << 10
        except (OSError, ValueError):
            return self.memory()

    def use(self) -> float | None:
        """Share of the device that was busy since the last reading, 0 to 1; None where nobody can say."""
        if self._device.type == "cuda":
            try:
                return torch.cuda.utilization(self._device) / 100
            except (ModuleNotFoundError, RuntimeError):  # without NVIDIA's management library
                return None
        now = (time.monotonic(), time.process_time())
        (began, spent), self._last = self._last, now
        return min(1.0, (now[1] - spent) / max(1e-9, (now[0] - began) * self._cores))

    def mfu(self, flops: int, seconds: float) -> float | None:
        """Model FLOPs utilization of a step; None where nobody knows what the device can do."""
        return flops / max(1e-9, seconds) / self._peak if self._peak else None
