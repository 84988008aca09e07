"""Training methods: which parameters are trained, and how the finished model comes out of them. One file and one line each."""

from pathlib import Path
from typing import Protocol

import torch
from torch.nn import Parameter
from transformers import PreTrainedModel

from runs.contract.spec import RunSpec
from runs.engine.methods.full import Full
from runs.engine.methods.lora import Lora
from runs.engine.methods.qlora import QLora


class Method(Protocol):
    """What the pipeline asks of a method. No more."""

    def build(self, spec: RunSpec, device: torch.device, checkpoint: Path | None) -> PreTrainedModel:
        """The model on `device`, trainable in this method's way, with the weights of `checkpoint` or as a run begins."""

    def parameters(self, model: PreTrainedModel) -> dict[str, Parameter]:
        """What is trained, by stable names; a tied parameter once."""

    def save(self, model: PreTrainedModel, spec: RunSpec, folder: Path) -> None:
        """Write a checkpoint's weights into `folder`, for `build`."""

    def revert(self, model: PreTrainedModel, spec: RunSpec, checkpoint: Path) -> PreTrainedModel:
        """The weights of `checkpoint`, in `model` itself where that saves a second copy."""

    def keep_apart(self, model: PreTrainedModel, spec: RunSpec, folder: Path) -> None:
        """Before the end: write what is worth keeping besides the finished model into `folder`, which may not exist yet."""

    def finish(self, model: PreTrainedModel) -> PreTrainedModel:
        """The model as it is to be served."""


METHODS: dict[str, Method] = {"full": Full(), "lora": Lora(), "qlora": QLora()}
