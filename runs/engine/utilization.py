"""Model FLOPs utilization (MFU): the arithmetic that a step needs, as a share of what the device can do.

After Chowdhery et al. 2022, "PaLM", appendix B, where work that is done twice (gradient checkpointing) does not count. Stricter
than there: nor does what the engine spares itself, so that a share above one cannot be had by leaving things out.
"""

import re
import time

import torch
from torch import Tensor
from torch.nn import Linear
from transformers import PreTrainedModel

from runs.engine import models
from runs.engine.bins import Bin
from runs.engine.last import LastLayer
from runs.engine.products import product

MOVING, FROZEN = 6, 4  # FLOPs a parameter and token: 2 forwards, 2 for the gradient of what came in, 2 for its own
GPU_PEAKS = {  # dense bfloat16 FLOPs a second from makers' data sheets; the first name that is a word of the device's counts
    "B200": 2250e12, "H100 PCIe": 756e12, "H100 NVL": 835e12, "H100": 989e12, "H200": 989e12, "A100": 312e12, "A10G": 70e12,
    "A10": 125e12, "L40S": 362e12, "L40": 181e12, "L4": 121e12, "RTX 4090": 165e12, "RTX 3090": 71e12,
}  # fmt: skip
SIZE, ROUNDS = 1_024, 4  # of the products that a CPU is timed with: a tenth of a second of one core


class Arithmetic:
    """Counts a model's FLOPs, forwards and backwards: LoRA's own small matrices too, and of frozen weights what they need."""

    def __init__(self, model: PreTrainedModel, last: LastLayer) -> None:
        head = models.projection(model)
        self._head: int = head.numel() * _a_parameter(head)
        self._narrowed = sum(_flops(part) for part in last.parts)
        self._body = _flops(model) + _experts(model) - self._narrowed - self._head
        shape = model.config.get_text_config()
        size = getattr(shape, "head_dim", None) or shape.hidden_size // shape.num_attention_heads
        # scores and their sums over values: 2 FLOPs each forwards, twice that backwards
        self._pair: int = 12 * shape.num_hidden_layers * shape.num_attention_heads * size

    def of(self, packed: Bin) -> int:
        """FLOPs of a bin. Attention is counted as causal within each row, as if no model had a sliding window."""
        pairs = sum(group.count * group.length * (group.shared + (group.length + 1) / 2) for group in packed.groups)
        places = LastLayer.places(packed)
        in_last = packed.ids.numel() if places is None else places.numel()
        whole = self._body * packed.ids.numel() + self._narrowed * in_last + self._head * packed.sources.numel()
        return round(whole + self._pair * pairs)


def peak_flops(device: torch.device, dtype: torch.dtype) -> float | None:
    """FLOPs a second that matrix products reach: of a GPU by its data sheet, of a CPU's threads as timed here and now.

    None of a GPU that GPU_PEAKS does not know, and of one that computes in float32.
    """
    if device.type == "cpu":
        return _timed(torch.ones(SIZE, SIZE, dtype=dtype))
    if device.type != "cuda" or dtype != torch.bfloat16:
        return None
    called = torch.cuda.get_device_name(device)
    return next((peak for name, peak in GPU_PEAKS.items() if re.search(rf"\b{name}\b", called)), None)


def _timed(matrix: Tensor) -> float:
    def seconds() -> float:
        began = time.perf_counter()
        product(matrix, matrix)
        return time.perf_counter() - began

    return 2 * SIZE**3 / min(seconds() for _ in range(ROUNDS))


def _experts(model: PreTrainedModel) -> int:
    """Per token, of the experts that a token meets; transformers keeps all of a layer's in one tensor [experts, ...]."""
    met = getattr(model.config.get_text_config(), "num_experts_per_tok", None) or 0
    together = (param for param in model.parameters() if param.ndim == 3)
    return sum(param.numel() // len(param) * met * _a_parameter(param) for param in together)


def _flops(module: torch.nn.Module) -> int:
    """Per token, of all linear layers within; quantized ones say their size, which their packed weight does not."""
    linear = (layer for layer in module.modules() if isinstance(layer, Linear))
    return sum(layer.in_features * layer.out_features * _a_parameter(layer.weight) for layer in linear)


def _a_parameter(weight: Tensor) -> int:
    return MOVING if weight.requires_grad else FROZEN
