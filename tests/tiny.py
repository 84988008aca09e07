"""A tiny model folder as Hugging Face lays it out: random Llama weights, a real byte-level BPE, a real chat template.

Made with numpy alone, in a fraction of a second, so that tests of the web can have one without importing torch.
"""

import hashlib
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from safetensors.numpy import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

NAME = "tiny/Tiny-Instruct"
MAX_CONTEXT = 512
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
CHAT_TEMPLATE = (
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
CORPUS = (
    "The printer on the third floor is out of paper. My password has expired and I cannot log in to the mail server.",
    'Answer with a JSON record: {"team": "network", "urgent": false}. system user assistant',
    "You sort messages of a help desk. Which team should answer? hardware, network, accounts, software, other.",
    "Es regnet, und das WLAN fällt aus. Das Gerät läuft nicht. Où est l'imprimante? 0123456789 abcdefghijklmnopqrstuvwxyz",
)
_kept = TemporaryDirectory(prefix="finetuning-ui-tiny-")


def tiny_model(**changes: Any) -> Path:
    """The folder of a tiny model: one for all callers in this process who ask for the same `changes` to config.json."""
    key = json.dumps(changes, sort_keys=True)
    folder = Path(_kept.name, hashlib.sha256(key.encode()).hexdigest()[:12])
    return folder if folder.exists() else write_tiny_model(folder, **changes)


def write_tiny_model(folder: Path, **changes: Any) -> Path:
    """Write a model into `folder` that the caller may change or break."""
    folder.mkdir(parents=True)
    tokenizer = _tokenizer()
    tokenizer.save(str(folder / "tokenizer.json"))
    config = _config(tokenizer.get_vocab_size()) | changes
    save_file(_weights(config), folder / "model.safetensors", metadata={"format": "pt"})
    _write(folder / "config.json", config)
    _write(folder / "generation_config.json", {"bos_token_id": 1, "eos_token_id": [2, 0], "pad_token_id": 2})
    _write(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "bos_token": SPECIAL[1],
            "eos_token": SPECIAL[2],
            "pad_token": SPECIAL[2],
        },
    )
    (folder / "chat_template.jinja").write_text(CHAT_TEMPLATE)
    return folder


def _write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2))


def _tokenizer() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    return tokenizer


def _config(vocabulary: int) -> dict[str, Any]:
    return {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": vocabulary, "tie_word_embeddings": True,
        "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
        "hidden_act": "silu", "max_position_embeddings": MAX_CONTEXT, "rms_norm_eps": 1e-5, "rope_theta": 10_000.0,
        "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 2, "initializer_range": 0.02, "dtype": "float32",
    }  # fmt: skip


def _weights(config: dict[str, Any]) -> dict[str, np.ndarray]:
    """Normal weights, norms of one: names and shapes of transformers' Llama, Mistral and SmolLM2."""
    chance = np.random.default_rng(3)
    wide, inner, vocabulary = config["hidden_size"], config["intermediate_size"], config["vocab_size"]
    keys = wide // config["num_attention_heads"] * config["num_key_value_heads"]
    shapes = {"model.embed_tokens": (vocabulary, wide)}
    if not config["tie_word_embeddings"]:
        shapes["lm_head"] = (vocabulary, wide)
    norms = ["model.norm"]
    for layer in range(config["num_hidden_layers"]):
        at = f"model.layers.{layer}"
        shapes |= {
            f"{at}.self_attn.{name}_proj": (out, wide) for name, out in (("q", wide), ("k", keys), ("v", keys), ("o", wide))
        }
        shapes |= {
            f"{at}.mlp.gate_proj": (inner, wide),
            f"{at}.mlp.up_proj": (inner, wide),
            f"{at}.mlp.down_proj": (wide, inner),
        }
        norms += [f"{at}.input_layernorm", f"{at}.post_attention_layernorm"]
    weights = {f"{name}.weight": chance.normal(0, 0.05, shape).astype(np.float32) for name, shape in shapes.items()}
    return weights | {f"{name}.weight": np.ones(wide, np.float32) for name in norms}
