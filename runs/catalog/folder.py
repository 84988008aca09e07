"""What a folder with a model holds, read from its own files without torch: shape, parameters, and what is wrong with it."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from safetensors import SafetensorError, safe_open

from runs.catalog.entries import Architecture
from runs.data.rendering import Renderer, TemplateError

KNOWN = frozenset({"llama", "mistral", "qwen2", "qwen3", "smollm3", "mixtral", "dbrx", "mpt", "gemma", "phi3", "olmo2"})
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
TEMPLATE_PLACES = ("chat_template.jinja", "tokenizer_config.json")
OLD_NAMES = {  # config.json of MPT and DBRX and GPT-2's kin say the same in other words
    "hidden_size": ("d_model", "n_embd"),
    "num_hidden_layers": ("n_layers", "n_layer"),
    "num_attention_heads": ("n_heads", "n_head"),
    "max_position_embeddings": ("max_seq_len", "n_positions"),
}


@dataclass(frozen=True)
class FolderFacts:
    """`problems` are sentences; with none of them the model can be offered. Unknown values are None."""

    model_type: str
    parameters: int
    max_context_length: int | None
    architecture: Architecture | None
    chat_template: bool
    bytes: int
    problems: tuple[str, ...]


def inspect(folder: Path) -> FolderFacts:
    """Read `folder`; never raises for what is in it, and runs no code of it."""
    problems: list[str] = []
    config = _config(folder, problems)
    parameters = _parameters(folder, problems)
    kind = str(config.get("model_type", ""))
    if config and kind not in KNOWN:
        problems.append(f"The architecture “{kind or 'none'}” is not one that the engine knows: {', '.join(sorted(KNOWN))}.")
    if "auto_map" in config:
        problems.append("config.json asks for code that comes with the model (auto_map). Such code is never run here.")
    architecture = _architecture(config)
    if config and architecture is None:
        problems.append("config.json does not give the model's shape (layers, widths, heads, vocabulary).")
    template = _tokenizer(folder, problems)
    length = _value(config, "max_position_embeddings")
    size = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    context = length if isinstance(length, int) else None
    return FolderFacts(kind, parameters, context, architecture, template, size, tuple(problems))


def _config(folder: Path, problems: list[str]) -> dict[str, Any]:
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        problems.append(f"There is no config.json in {folder.name}. Choose the folder that holds the model's own files.")
        return {}
    except (OSError, ValueError) as error:
        problems.append(f"config.json cannot be read: {error}")
        return {}
    if not isinstance(config, dict):
        problems.append("config.json is not a JSON object.")
        return {}
    return config


def _parameters(folder: Path, problems: list[str]) -> int:
    """Counted from the headers of the weights; a tied output layer is stored, and so counted, once."""
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        pickles = sorted(path.name for pattern in PICKLES for path in folder.glob(pattern))
        problems.append(
            f"The weights are only there as {pickles[0]}, a format that can run code when read. Convert them to safetensors."
            if pickles
            else "There are no weights (*.safetensors) in the folder."
        )
    count = 0
    for path in files:
        try:
            with safe_open(path, framework="numpy") as tensors:
                count += sum(math.prod(tensors.get_slice(name).get_shape()) for name in tensors.keys())  # noqa: SIM118
        except (SafetensorError, OSError) as error:
            problems.append(f"{path.name} cannot be read: {error}. It may be half downloaded.")
    _missing_shards(folder, {path.name for path in files}, problems)
    return count


def _missing_shards(folder: Path, files: set[str], problems: list[str]) -> None:
    index = folder / "model.safetensors.index.json"
    if index.exists():
        try:
            wanted = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        except (ValueError, KeyError, AttributeError):
            problems.append(f"{index.name} cannot be read.")
        else:
            if missing := sorted(wanted - files):
                problems.append(f"{len(missing)} of {len(wanted)} files of weights are missing, first {missing[0]}.")


def architecture(config: dict[str, Any]) -> Architecture | None:
    """The shape that a config.json gives; None when it gives none, or one that the engine does not know."""
    return _architecture(config) if str(config.get("model_type", "")) in KNOWN else None


def context_length(config: dict[str, Any]) -> int | None:
    length = _value(config, "max_position_embeddings")
    return length if isinstance(length, int) else None


def _architecture(config: dict[str, Any]) -> Architecture | None:
    heads = _value(config, "num_attention_heads")
    shape = {
        "layers": _value(config, "num_hidden_layers"),
        "hidden": _value(config, "hidden_size"),
        "heads": heads,
        "kv_heads": config.get("num_key_value_heads") or heads,
        "intermediate": config.get("intermediate_size"),
        "vocab": config.get("vocab_size"),
        "tied": config.get("tie_word_embeddings", False),
        "head_dim": config.get("head_dim"),
        "experts": config.get("num_local_experts", 1),
        "active_experts": config.get("num_experts_per_tok", 1),
    }
    try:
        return Architecture.model_validate(shape)
    except ValidationError:
        return None


def _value(config: dict[str, Any], name: str) -> Any:
    return next((config[key] for key in (name, *OLD_NAMES.get(name, ())) if key in config), None)


def _tokenizer(folder: Path, problems: list[str]) -> bool:
    """Whether there is a chat template; a tokenizer that cannot be used is a problem."""
    if not (folder / "tokenizer.json").is_file():
        problems.append("There is no tokenizer.json. Save the tokenizer again with a current version of transformers.")
        return False
    try:
        Renderer.load(folder)
    except TemplateError as error:
        problems.append(str(error))
        return False
    return any(
        name.endswith(".jinja") or '"chat_template"' in (folder / name).read_text(encoding="utf-8", errors="replace")
        for name in TEMPLATE_PLACES
        if (folder / name).is_file()
    )
