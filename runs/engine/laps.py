"""What parts of the engine's work cost, one after the other."""

import time

import psutil
import torch

from runs.contract.probe import Cost


class Laps:
    """Clock and processor since the last look; the first lap begins with the process."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._clock, self._cpu = psutil.Process().create_time(), 0.0

    def lap(self) -> Cost:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        clock, cpu = time.time(), time.process_time()
        (self._clock, began), (self._cpu, spent) = (clock, self._clock), (cpu, self._cpu)
        return Cost(clock=clock - began, cpu=cpu - spent)
