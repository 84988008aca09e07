"""Full-parameter training: everything moves."""

from torch.nn import Parameter
from transformers import PreTrainedModel

from runs.contract.spec import RunSpec


def prepare(model: PreTrainedModel, spec: RunSpec) -> PreTrainedModel:
    if spec.hyperparameters.gradient_checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    return model


def parameters(model: PreTrainedModel) -> dict[str, Parameter]:
    return {name: param for name, param in model.named_parameters() if param.requires_grad}


def finish(model: PreTrainedModel) -> PreTrainedModel:
    return model
