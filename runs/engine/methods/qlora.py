"""QLoRA: LoRA over weights that are kept in 4 bits, for models that memory has no room for otherwise (Dettmers et al. 2023)."""

import torch
from transformers import PreTrainedModel

from runs.contract.spec import RunSpec
from runs.engine import adapters
from runs.engine.methods.lora import Lora


class QLora(Lora):
    quantized = True

    def _frozen(self, spec: RunSpec, device: torch.device, dtype: torch.dtype) -> PreTrainedModel:
        model = adapters.start(spec, torch.device("cpu"), dtype)  # whole only where there is room; the device gets 4 bits
        adapters.quantize(model, dtype)
        model.to(device)  # type: ignore[arg-type]
        return model
