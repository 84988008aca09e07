"""Matrix products on a CPU, by the faster of the two libraries that PyTorch has for them.

PyTorch multiplies float32 matrices with MKL. It asks oneDNN, which is 4 to 10% faster on AMD's processors, only when bfloat16
will do; and oneDNN stays with float32 all the same where the processor has no instructions for whole matrices of bfloat16.
That is tried, once, and then made use of.
"""

from contextlib import suppress
from functools import cache
from typing import Any

import torch
from torch import Tensor

WORTH_IT = 1 << 24  # multiplications; below it, what oneDNN prepares for each new shape costs more than it saves
ROUNDING = 1e-5  # of float32, relative to the largest number; bfloat16 has a thousand times as much


def product(one: Tensor, other: Tensor) -> Tensor:
    """`one` [N, K] times `other` [K, M]; a float32 product is one, whoever computes it."""
    fits = one.is_cpu and one.dtype == other.dtype == torch.float32 and one.numel() * other.shape[1] >= WORTH_IT
    if fits and _is_exact():
        with suppress(RuntimeError):  # oneDNN says nothing of memory when there is none; MKL needs less, or says so
            return _by_onednn(one, other)
    return one @ other


@cache
def _is_exact() -> bool:
    """Whether oneDNN, left the choice, multiplies float32 numbers as such: processors with AMX do not."""
    generator = torch.Generator().manual_seed(0)
    one, other = (torch.randn(256, 256, generator=generator) for _ in range(2))
    right = one.double() @ other.double()
    with torch.autocast("cpu", enabled=False):
        found = _by_onednn(one, other)
    return bool((found - right).abs().max() < ROUNDING * right.abs().max())


def _by_onednn(one: Tensor, other: Tensor) -> Tensor:
    onednn: Any = torch.backends.mkldnn
    choice = onednn.matmul  # the process has one, and attention's many small products are slow that way
    before, choice.fp32_precision = choice.fp32_precision, "bf16"
    try:
        return one @ other
    finally:
        choice.fp32_precision = before
