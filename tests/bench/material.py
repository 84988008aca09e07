"""What is measured on: models of any Llama shape with random weights, the real SmolLM2-135M, and chat rows of mixed length."""

import json
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from runs.catalog.entries import Architecture
from runs.catalog.smollm import NAME, fetch_smollm2
from runs.data.rows import Row, read_rows
from runs.data.samples import HELPDESK
from tests.tiny import CHAT_TEMPLATE, SPECIAL

SHAPES = {
    "17m": Architecture(layers=8, hidden=384, heads=6, kv_heads=6, intermediate=1_024, vocab=8_192, tied=True),
    "grouped": Architecture(layers=12, hidden=512, heads=8, kv_heads=2, intermediate=1_408, vocab=32_000),
    "wide-vocabulary": Architecture(layers=4, hidden=256, heads=4, kv_heads=2, intermediate=704, vocab=128_256, tied=True),
}
SMOLLM = "smollm2-135m"


def model(name: str, folder: Path) -> Path:
    """The folder of a model by name; made or fetched at the first call."""
    if name == SMOLLM:
        return fetch_smollm2(folder, say=print)
    made = folder / f"bench-{name}"
    return made if (made / "config.json").exists() else write(made, SHAPES[name])


def full_name(name: str) -> str:
    return NAME if name == SMOLLM else f"bench/{name}"


def write(folder: Path, shape: Architecture) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    _tokenizer(min(shape.vocab, 8_192)).save(str(folder / "tokenizer.json"))
    save_file(_weights(shape), folder / "model.safetensors", metadata={"format": "pt"})
    names = {"bos_token": SPECIAL[1], "eos_token": SPECIAL[2], "pad_token": SPECIAL[0]}
    _json(folder / "tokenizer_config.json", {"tokenizer_class": "PreTrainedTokenizerFast", **names})
    _json(folder / "generation_config.json", {"bos_token_id": 1, "eos_token_id": [2, 0], "pad_token_id": 0})
    (folder / "chat_template.jinja").write_text(CHAT_TEMPLATE)
    _json(folder / "config.json", _config(shape))  # last: the folder is whole
    return folder


def rows(name: str, data: Path, count: int) -> list[Row]:
    """`mixed` are our own; others are a folder of `data`, or a file of chat rows. In an order that is not the file's."""
    if name == "mixed":
        return list(mixed(count))
    path = Path(name) if name.endswith(".jsonl") else data / name / "train.jsonl"
    found = list(read_rows(path))
    random.Random(17).shuffle(found)
    return (found * -(-count // len(found)))[:count]


def mixed(count: int, seed: int = 17) -> Iterator[Row]:
    """Conversations of one to three turns and 20 to 400 tokens with hardly a common beginning, from the helpdesk sample."""
    chance = random.Random(seed)
    pool = [row["messages"] for row in read_rows(HELPDESK / "train.jsonl")]
    for _ in range(count):
        messages = []
        for _ in range(chance.choice((1, 1, 1, 2, 3))):
            parts = [chance.choice(pool) for _ in range(min(6, 1 + int(chance.expovariate(0.8))))]
            asked = " ".join(part[-2]["content"] for part in parts)
            messages += [{"role": "user", "content": asked}, {"role": "assistant", "content": parts[0][-1]["content"]}]
        yield {"messages": messages}


def _tokenizer(size: int) -> Tokenizer:
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=list(SPECIAL), initial_alphabet=alphabet, show_progress=False)
    root = Path(__file__).parents[2]
    texts = [
        path.read_text(encoding="utf-8")
        for kind in ("*.md", "runs/**/*.py", "runs/**/*.jsonl")
        for path in sorted(root.glob(kind))
    ]
    made.train_from_iterator(texts, trainer)
    return made


def _config(shape: Architecture) -> dict[str, object]:
    return {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": shape.vocab,
        "tie_word_embeddings": shape.tied,
        "hidden_size": shape.hidden, "intermediate_size": shape.intermediate, "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads, "num_key_value_heads": shape.kv_heads,
        "head_dim": shape.per_head, "hidden_act": "silu",
        "max_position_embeddings": 8_192, "rms_norm_eps": 1e-5, "rope_theta": 10_000.0, "bos_token_id": 1, "eos_token_id": 2,
        "pad_token_id": 0, "initializer_range": 0.02, "dtype": "float32",
    }  # fmt: skip


def _weights(shape: Architecture) -> dict[str, np.ndarray]:
    chance = np.random.default_rng(3)
    queries, keys = shape.heads * shape.per_head, shape.kv_heads * shape.per_head
    sizes = {"model.embed_tokens": (shape.vocab, shape.hidden)} | (
        {} if shape.tied else {"lm_head": (shape.vocab, shape.hidden)}
    )
    norms = ["model.norm"]
    for layer in range(shape.layers):
        at = f"model.layers.{layer}"
        for name, out, wide in (
            ("q", queries, shape.hidden),
            ("k", keys, shape.hidden),
            ("v", keys, shape.hidden),
            ("o", shape.hidden, queries),
        ):
            sizes[f"{at}.self_attn.{name}_proj"] = (out, wide)
        for name in ("gate", "up"):
            sizes[f"{at}.mlp.{name}_proj"] = (shape.intermediate, shape.hidden)
        sizes[f"{at}.mlp.down_proj"] = (shape.hidden, shape.intermediate)
        norms += [f"{at}.input_layernorm", f"{at}.post_attention_layernorm"]
    weights = {f"{name}.weight": chance.standard_normal(size, np.float32) * np.float32(0.02) for name, size in sizes.items()}
    return weights | {f"{name}.weight": np.ones(shape.hidden, np.float32) for name in norms}


def _json(path: Path, content: dict[str, object]) -> None:
    path.write_text(json.dumps(content, indent=2))
