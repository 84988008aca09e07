"""Training methods: which parameters are trained, and how the finished model comes out of them. One file and one line each."""

from typing import Protocol

from torch.nn import Parameter
from transformers import PreTrainedModel

from runs.contract.spec import RunSpec
from runs.engine.methods.full import Full


class Method(Protocol):
    """What the pipeline asks of a method. No more."""

    def prepare(self, model: PreTrainedModel, spec: RunSpec) -> PreTrainedModel:
        """Make `model` trainable in this method's way: freeze, add adapters, ..."""

    def parameters(self, model: PreTrainedModel) -> dict[str, Parameter]:
        """What is trained, by stable names; a tied parameter once."""

    def finish(self, model: PreTrainedModel) -> PreTrainedModel:
        """The model as it is to be served."""


METHODS: dict[str, Method] = {"full": Full()}
