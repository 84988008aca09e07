"""The last layer works only for the places that are read of it.

Attention there needs keys and values of every token. Queries, the output projection and the MLP matter only at places whose
next token is trained: what the layer says elsewhere nobody reads, and no gradient comes from there. Of chats a quarter to a
half of all tokens are trained; a model of 8 layers is spared 5 to 9% of its work, one of 30 layers 2%.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor
from torch.nn import Module
from transformers import PreTrainedModel
from transformers.modeling_layers import GradientCheckpointingLayer

from runs.engine.bins import Bin

NARROWED = ("q_proj", "o_proj", "mlp")  # parts that treat each token by itself; a model without them is spared nothing
WORTH_IT = 0.9  # of a bin's tokens: when more are read, picking them costs what it spares


class LastLayer:
    """Of a model, the last layer: within `reading` it computes the places that a bin reads, and zeros elsewhere."""

    def __init__(self, model: PreTrainedModel) -> None:
        self._read: Tensor | None = None
        self._tokens = 0
        layers = [module for module in model.modules() if isinstance(module, GradientCheckpointingLayer)]
        self.parts = list(_narrowed(layers[-1])) if layers else []
        for part in self.parts:
            part.register_forward_pre_hook(self._narrow)
            part.register_forward_hook(self._widen)

    @contextmanager
    def reading(self, packed: Bin) -> Iterator[None]:
        """Both passes over `packed` belong inside: with gradient checkpointing the layer is computed again on the way back."""
        self._tokens = packed.ids.numel()
        self._read = self.places(packed)
        try:
            yield
        finally:
            self._read = None

    @staticmethod
    def places(packed: Bin) -> Tensor | None:
        """Where the last layer works; None: everywhere."""
        return packed.read if packed.read.numel() < WORTH_IT * packed.ids.numel() else None

    def _narrow(self, _part: Module, inputs: tuple[Any, ...]) -> tuple[Tensor] | None:
        """[1, T, H] to [1, R, H]."""
        if self._read is None or len(inputs) != 1 or inputs[0].shape[:2] != (1, self._tokens):
            return None
        return (inputs[0][0].index_select(0, self._read)[None],)

    def _widen(self, _part: Module, _inputs: tuple[Any, ...], output: Any) -> Tensor | None:
        """[1, R, H] to [1, T, H]."""
        if self._read is None or output.shape[1] == self._tokens:
            return None
        wide: Tensor = output.new_zeros(self._tokens, output.shape[2]).index_copy(0, self._read, output[0])
        return wide[None]


def _narrowed(layer: Module) -> Iterator[Module]:
    for name, part in layer.named_modules():
        if name.rpartition(".")[2] in NARROWED and not any("expert" in inner for inner, _ in part.named_modules()):
            yield part
