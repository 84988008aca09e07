"""LoRA adapters by PEFT: put beside a model's frozen weights, kept in PEFT's own format, read back, folded into the weights.

PEFT and bitsandbytes are imported at the first call: runs that train every parameter do not wait for them.
"""

import json
import logging
from copy import copy
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import Linear, Parameter
from transformers import PreTrainedModel

from runs.contract.events import Fault
from runs.contract.folder import ADAPTER_BASE, ADAPTER_CONFIG
from runs.contract.spec import ALL_LINEAR, ATTENTION, Hyperparameters, RunSpec
from runs.engine import models
from runs.engine.failure import Failure

WEIGHTS = "adapter_model.safetensors"
NAME = "default"  # PEFT's name for the one adapter of a model
PREFIX = "base_model.model."  # PEFT writes names as they are in its own wrapper
logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # it warns of faster kernels that nobody asked for
ATTENTION_LAYERS = ("q_proj", "k_proj", "v_proj", "o_proj", "qkv_proj", "query_key_value", "Wqkv", "out_proj", "dense")


def start(spec: RunSpec, device: torch.device, dtype: torch.dtype, weights: Path | None = None) -> PreTrainedModel:
    """The model that a run begins with: its base model's weights, or those of an earlier run, adapters folded in.

    An adapter's folder names the weights that it was trained on, which may be an adapter again.
    """
    weights = weights or spec.custom_weights_path or spec.base_model.path
    if not (weights / ADAPTER_CONFIG).is_file():
        return models.load(spec.base_model, weights, device, dtype)
    try:
        written = json.loads((weights / ADAPTER_CONFIG).read_bytes())
        config = {name: written[name] for name in ("task_type", "r", "lora_alpha", "target_modules")}
        said = json.loads((weights / ADAPTER_BASE).read_bytes())
        quantized = bool(said["quantized"])
        below = Path(said.get("path") or written["base_model_name_or_path"])
    except (OSError, ValueError, KeyError) as error:
        raise Failure(Fault.MODEL, f"The adapter in {weights} does not say what it was trained on: {error}.") from error
    model = start(spec, device, dtype, below)
    if quantized:
        quantize(model, dtype)
    add(model, config)
    load(model, weights)
    return fold(model)


def options(settings: Hyperparameters, model: PreTrainedModel) -> dict[str, Any]:
    """PEFT's own options of a new adapter for `model`, which has none yet. Raises Failure(MODEL)."""
    return {
        "task_type": "CAUSAL_LM",
        "r": settings.lora_rank,
        "lora_alpha": settings.lora_alpha,
        "lora_dropout": settings.lora_dropout,
        "target_modules": _targets(settings.lora_targets, model),
    }


def _targets(wanted: str, model: PreTrainedModel) -> set[str]:
    """Last parts of the names of the layers that get an adapter."""
    head = model.get_output_embeddings()
    linear = {name.rpartition(".")[2] for name, part in model.named_modules() if isinstance(part, Linear) and part is not head}
    if wanted == ALL_LINEAR:
        return linear
    names = set(ATTENTION_LAYERS) & linear if wanted == ATTENTION else {name.strip() for name in wanted.split(",")}
    if not names or names - linear:
        lacking = ", ".join(sorted(names - linear)) or ATTENTION
        raise Failure(
            Fault.MODEL,
            f"This model has no linear layers called {lacking}; it has {', '.join(sorted(linear))}.",
            f"Name some of these in LoRA layers, or write {ALL_LINEAR}.",
        )
    return names


def add(model: PreTrainedModel, config: dict[str, Any]) -> None:
    """Freeze the model and put an adapter beside its layers; the adapter is float32 and changes nothing yet."""
    from peft import LoraConfig
    from peft.tuners.lora import LoraModel

    LoraModel(model, LoraConfig(**config, inference_mode=False), NAME)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()


def tensors(model: PreTrainedModel) -> dict[str, Tensor]:
    """The adapter's weights by PEFT's names in files."""
    return {
        PREFIX + name.replace(f".{NAME}.", "."): parameter.detach()
        for name, parameter in model.named_parameters()
        if ".lora_" in name
    }


def save(model: PreTrainedModel, folder: Path, spec: RunSpec, *, quantized: bool) -> None:
    """Write a folder that PEFT's `from_pretrained` reads.

    It names the base model by its id, as everybody's tools expect, and weights that have none by their folder.
    Where they lie here stands in a file of our own.
    """
    path = str(spec.custom_weights_path or spec.base_model.path)
    base = path if spec.custom_weights_path else spec.base_model.name
    config = copy(model.peft_config[NAME])
    config.base_model_name_or_path, config.inference_mode = base, True
    config.save_pretrained(str(folder))
    save_file(tensors(model), folder / WEIGHTS, metadata={"format": "pt"})
    (folder / ADAPTER_BASE).write_text(json.dumps({"quantized": "nf4" if quantized else None, "path": path}))


def load(model: PreTrainedModel, folder: Path) -> None:
    """Fill the adapter of `model` from a folder that `save` wrote. Raises Failure(MODEL)."""
    there, stored = tensors(model), load_file(folder / WEIGHTS)
    if there.keys() != stored.keys():
        odd = min(there.keys() ^ stored.keys())
        raise Failure(Fault.MODEL, f"The adapter in {folder} is not for this model: {odd} is in only one of the two.")
    for name, parameter in there.items():
        parameter.copy_(stored[name])


def quantize(model: PreTrainedModel, dtype: torch.dtype) -> None:
    """Keep the weights of all linear layers but the last in 4 bits (NF4, scales quantized too), and compute with `dtype`.

    Dettmers et al. 2023, "QLoRA: Efficient Finetuning of Quantized LLMs". A model on the CPU is quantized layer by layer.
    """
    from bitsandbytes.nn.modules import Linear4bit, Params4bit

    head = model.get_output_embeddings()
    for parent, name, layer in _layers(model, Linear):
        if layer is head:
            continue
        small: Any = Linear4bit(layer.in_features, layer.out_features, False, dtype, quant_type="nf4", device="meta")  # type: ignore[no-untyped-call]
        small.weight = Params4bit(layer.weight.data, requires_grad=False, quant_type="nf4", compress_statistics=True)
        small.bias = layer.bias
        small.support_avx512bf16_for_cpu = False  # it would round the scales at the first evaluation, for good
        setattr(parent, name, small.to(layer.weight.device))
    model.is_loaded_in_4bit = True  # type: ignore[assignment]  # PEFT looks here


@torch.no_grad()
def fold(model: PreTrainedModel) -> PreTrainedModel:
    """Add what was learned to the weights, and make every layer an ordinary one again, in the model's dtype.

    4-bit weights become what they stand for: the adapter was trained beside these and not beside the original ones.
    """
    from bitsandbytes.nn.modules import Linear4bit
    from peft.tuners.lora import LoraLayer

    embeddings: Any = model.get_input_embeddings()
    dtype = embeddings.weight.dtype
    for kind in (LoraLayer, Linear4bit):
        for parent, name, layer in _layers(model, kind):
            inner = layer.get_base_layer() if kind is LoraLayer else layer
            weight = _plain(inner)
            if kind is LoraLayer:
                weight = weight.float() + layer.get_delta_weight(NAME).float()
            setattr(parent, name, _linear(weight.to(dtype), inner.bias))
    model.is_loaded_in_4bit = False  # type: ignore[assignment]
    if hasattr(model, "peft_config"):
        del model.peft_config
    for parameter in model.parameters():
        parameter.requires_grad_(True)
    return model


def _layers(model: PreTrainedModel, kind: Any) -> list[tuple[torch.nn.Module, str, Any]]:
    """(parent, name in it, layer) of every outermost layer of this kind."""
    found = [(name, layer) for name, layer in model.named_modules() if isinstance(layer, kind)]
    return [(model.get_submodule(name.rpartition(".")[0]), name.rpartition(".")[2], layer) for name, layer in found]


def _plain(layer: Any) -> Tensor:
    if hasattr(layer.weight, "quant_state"):
        from bitsandbytes.functional import dequantize_4bit

        found: Tensor = dequantize_4bit(layer.weight.data, layer.weight.quant_state)
        return found
    weight: Tensor = layer.weight.data
    return weight


def _linear(weight: Tensor, bias: Parameter | None) -> Linear:
    made = Linear(weight.shape[1], weight.shape[0], bias=bias is not None, device="meta")
    made.weight = Parameter(weight)
    if bias is not None:
        made.bias = bias
    return made
