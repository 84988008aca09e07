"""Full-parameter training: everything moves."""

from pathlib import Path

import torch
from torch.nn import Parameter
from transformers import PreTrainedModel

from runs.contract.spec import RunSpec
from runs.engine import adapters, models


class Full:
    def build(self, spec: RunSpec, device: torch.device, checkpoint: Path | None) -> PreTrainedModel:
        # Master weights are float32: steps are too small for bfloat16's 8 bits.
        return adapters.start(spec, device, torch.float32, checkpoint)

    def parameters(self, model: PreTrainedModel) -> dict[str, Parameter]:
        return {name: param for name, param in model.named_parameters() if param.requires_grad}

    def save(self, model: PreTrainedModel, spec: RunSpec, folder: Path) -> None:
        models.write(model, folder, spec.base_model.path)

    def revert(self, model: PreTrainedModel, spec: RunSpec, checkpoint: Path) -> PreTrainedModel:
        return self.build(spec, model.device, checkpoint)

    def keep_apart(self, model: PreTrainedModel, spec: RunSpec, folder: Path) -> None:
        """There is nothing apart from the model."""

    def finish(self, model: PreTrainedModel) -> PreTrainedModel:
        return model
