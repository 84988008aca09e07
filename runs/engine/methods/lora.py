"""LoRA: small matrices beside frozen weights are trained, and added to them in the end (Hu et al. 2021)."""

from pathlib import Path

import torch
from torch.nn import Parameter
from transformers import PreTrainedModel

from runs.contract.spec import RunSpec
from runs.engine import adapters
from runs.engine.precision import of_products
from runs.engine.whole import beside, nothing_half_done, settle


class Lora:
    quantized = False

    def build(self, spec: RunSpec, device: torch.device, checkpoint: Path | None) -> PreTrainedModel:
        dtype = of_products(spec, device)  # frozen weights need no more than is computed with
        model = self._frozen(spec, device, dtype)
        adapters.add(model, adapters.options(spec.hyperparameters, model))
        if checkpoint:
            adapters.load(model, checkpoint)
        return model

    def _frozen(self, spec: RunSpec, device: torch.device, dtype: torch.dtype) -> PreTrainedModel:
        return adapters.start(spec, device, dtype)

    def parameters(self, model: PreTrainedModel) -> dict[str, Parameter]:
        return {name: param for name, param in model.named_parameters() if param.requires_grad}

    def save(self, model: PreTrainedModel, spec: RunSpec, folder: Path) -> None:
        adapters.save(model, folder, spec, quantized=self.quantized)

    def revert(self, model: PreTrainedModel, spec: RunSpec, checkpoint: Path) -> PreTrainedModel:  # noqa: ARG002
        adapters.load(model, checkpoint)
        return model

    def keep_apart(self, model: PreTrainedModel, spec: RunSpec, folder: Path) -> None:
        place = beside(folder)
        with nothing_half_done(place):
            place.mkdir()
            adapters.save(model, place, spec, quantized=self.quantized)
            settle(place, folder)

    def finish(self, model: PreTrainedModel) -> PreTrainedModel:
        return adapters.fold(model)
