"""Base models from disk, ready to be trained on streams of isolated rows, and back to disk for anyone's `from_pretrained`."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor
from transformers import AutoModelForCausalLM, PreTrainedModel
from transformers.modeling_layers import GradientCheckpointingLayer
from transformers.utils import logging as transformers_logging

from runs.contract.events import Fault
from runs.contract.inputs import Device, ModelSource
from runs.engine import attention
from runs.engine.bins import Bin
from runs.engine.failure import Failure, explain
from runs.engine.whole import beside, nothing_half_done, settle

TOKENIZER_FILES = (
    "tokenizer*",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab*",
    "merges.txt",
    "chat_template*",
    "*.jinja",
)
LARGEST_FILE = "1TB"  # one model.safetensors, never shards


def device_of(device: Device) -> torch.device:
    return torch.device("cuda", device.indices[0] if device.indices else 0) if device.kind == "cuda" else torch.device("cpu")


def load(source: ModelSource, weights: Path, device: torch.device, dtype: torch.dtype = torch.float32) -> PreTrainedModel:
    """The architecture and weights in the folder `weights`, as `dtype`, with attention isolated per row.

    Safetensors only, and no code from the folder is run. Raises Failure(MODEL).
    """
    attention.register()
    transformers_logging.disable_progress_bar()
    try:
        loaded: Any = AutoModelForCausalLM.from_pretrained(  # nosec B615 # a folder, whose files were checked
            weights,
            dtype=dtype,
            attn_implementation=attention.NAME,
            trust_remote_code=False,
            use_safetensors=True,
            local_files_only=True,
            output_loading_info=True,
        )
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        if explain(error).fault in (Fault.MEMORY, Fault.DISK):
            raise
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise Failure(Fault.MODEL, f"The weights of {source.name} in {weights} could not be loaded: {reason}") from error
    model: PreTrainedModel = loaded[0]
    _refuse_made_up(source, weights, loaded[1])
    model.config.use_cache = False
    model.to(device)  # type: ignore[arg-type]
    return model


def _refuse_made_up(source: ModelSource, weights: Path, info: dict[str, Any]) -> None:
    """transformers fills weights that are missing with chance and goes on; that would be another model."""
    lacking = sorted({*info["missing_keys"], *(str(entry[0]) for entry in info["mismatched_keys"])})
    if lacking:
        message = f"The weights of {source.name} in {weights} lack {len(lacking)} that config.json asks for: {lacking[0]}."
        raise Failure(Fault.MODEL, message)


def hidden_states(model: PreTrainedModel, packed: Bin) -> Tensor:
    """What the last layer says before the projection to the vocabulary, [1, T, H]."""
    said = model.base_model(input_ids=packed.ids, position_ids=packed.positions, groups=packed.groups, use_cache=False)
    states: Tensor = said.last_hidden_state
    return states


def projection(model: PreTrainedModel) -> Tensor:
    """The weight [V, H] such that logits are `hidden_states @ weight.T`. Raises Failure(MODEL) where there is more to it."""
    head = model.get_output_embeddings()
    special = [name for name in ("final_logit_softcapping", "logit_scale", "logits_scaling") if _is_set(model.config, name)]
    if special or not isinstance(head, torch.nn.Linear) or head.bias is not None:
        what = special[0] if special else "an output layer of its own kind"
        raise Failure(
            Fault.MODEL, f"{model.config.model_type} models with {what} are not supported yet.", "Choose another base model."
        )
    return head.weight


def finished_bytes(model: PreTrainedModel, dtype: torch.dtype) -> int:
    """What the finished model takes on the disk; quantized layers are made whole for it."""
    layers = [module for module in model.modules() if isinstance(module, torch.nn.Linear)]
    packed = sum(layer.in_features * layer.out_features - layer.weight.numel() for layer in layers)
    return (sum(param.numel() for param in model.parameters()) + packed) * dtype.itemsize


def between_layers(model: PreTrainedModel, check: Callable[[], None]) -> None:
    """Call `check` after each layer, forwards and backwards: a bin may take many seconds, and SIGTERM grants ten in all."""

    def after(_layer: torch.nn.Module, _inputs: Any, output: Any) -> None:
        check()
        states = output[0] if isinstance(output, tuple) else output
        if states.requires_grad:
            states.register_hook(lambda _gradient: check())

    for module in model.modules():
        if isinstance(module, GradientCheckpointingLayer):  # what transformers calls a layer, whether checkpointed or not
            module.register_forward_hook(after)


def _is_set(config: Any, name: str) -> bool:
    return getattr(config, name, None) not in (None, 1, 1.0)


def write(model: PreTrainedModel, folder: Path, tokenizer: Path) -> None:
    """Write weights in the model's dtype, configuration, and the tokenizer and chat template of the folder `tokenizer`."""
    model.config.use_cache, before = True, model.config.use_cache
    try:
        model.save_pretrained(folder, max_shard_size=LARGEST_FILE)
    finally:
        model.config.use_cache = before
    for pattern in TOKENIZER_FILES:
        for file in tokenizer.glob(pattern):
            shutil.copy2(file, folder / file.name)


def publish(model: PreTrainedModel, folder: Path, tokenizer: Path, dtype: torch.dtype) -> None:
    """Put the finished model into `folder`, whole or not at all. The model in memory takes on `dtype`."""
    place = beside(folder)
    with nothing_half_done(place):
        write(model.to(dtype), place, tokenizer)  # type: ignore[arg-type]
        settle(place, folder)
