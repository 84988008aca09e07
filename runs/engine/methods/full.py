"""Full-parameter training: everything moves."""

from torch.nn import Parameter
from transformers import PreTrainedModel

from runs.contract.spec import RunSpec


class Full:
    def prepare(self, model: PreTrainedModel, spec: RunSpec) -> PreTrainedModel:
        if spec.hyperparameters.gradient_checkpointing:
            model.activation_checkpointing_enable({"use_reentrant": False})
        return model

    def parameters(self, model: PreTrainedModel) -> dict[str, Parameter]:
        return {name: param for name, param in model.named_parameters() if param.requires_grad}

    def finish(self, model: PreTrainedModel) -> PreTrainedModel:
        return model
