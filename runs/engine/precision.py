"""Which numbers a run computes with."""

import torch

from runs.contract.spec import RunSpec


def uses_bf16(spec: RunSpec, device: torch.device) -> bool:
    asked = spec.hyperparameters.precision
    if asked == "auto" and device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))  # emulated, it is slower than fp32
    return asked == "bf16"


def of_products(spec: RunSpec, device: torch.device) -> torch.dtype:
    return torch.bfloat16 if uses_bf16(spec, device) else torch.float32


def precision(spec: RunSpec, device: torch.device) -> torch.autocast:
    """Matrix products in bfloat16 where asked for; trained weights, sums and the loss stay float32."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=uses_bf16(spec, device))
