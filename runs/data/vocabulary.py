"""A model's tokenizer as its folder describes it: tokenizer.json, special tokens, where generation ends, the chat template."""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson
from tokenizers import Tokenizer

from runs.data.template import CHATML, TemplateError

FILES = (
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja", "generation_config.json",
    "config.json",
)  # fmt: skip
NAMED = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")


@dataclass(frozen=True)
class Vocabulary:
    """What `Renderer` needs of a model folder."""

    tokenizer: Tokenizer
    named: dict[str, str]  # bos_token and its like, as the template may name them
    eos_ids: tuple[int, ...]  # every token that ends generation; the tokenizer's own first
    template: str

    @classmethod
    def load(cls, folder: Path) -> "Vocabulary":
        """Read a model folder; raise TemplateError with a sentence when it holds no usable tokenizer."""
        config = _read(folder / "tokenizer_config.json")
        tokenizer = _tokenizer(folder / "tokenizer.json")
        named = _named({**_read(folder / "special_tokens_map.json"), **{k: v for k, v in config.items() if v is not None}})
        return cls(tokenizer, named, _eos_ids(folder, tokenizer, named), _template(folder, config))

    @property
    def special_ids(self) -> frozenset[int]:
        added = self.tokenizer.get_added_tokens_decoder()
        return frozenset(number for number, token in added.items() if token.special) | frozenset(self.eos_ids)

    def id_of(self, name: str) -> int | None:
        """Token id of a named special token such as `bos_token`; None if the model has none."""
        return self.tokenizer.token_to_id(self.named[name]) if name in self.named else None


def fingerprint(folder: Path) -> str:
    """Names what turns rows into tokens: another tokenizer, template or end token gives another one. 16 hex digits."""
    stats = [(path, path.stat()) for path in (folder / name for name in FILES) if path.is_file()]
    return _fingerprint(tuple((path, stat.st_size, stat.st_mtime_ns) for path, stat in stats))


@lru_cache(maxsize=256)
def _fingerprint(files: tuple[tuple[Path, int, int], ...]) -> str:
    found = hashlib.sha256()
    for path, size, _ in files:
        found.update(f"{path.name} {size}\n".encode())
        found.update(path.read_bytes())
    return found.hexdigest()[:16]


def _tokenizer(path: Path) -> Tokenizer:
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the Rust library raises plain Exception
        raise TemplateError(f"The model's tokenizer.json is missing or cannot be read: {error}.") from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _read(path: Path) -> dict[str, Any]:
    try:
        content = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except orjson.JSONDecodeError as error:
        raise TemplateError(f"The model's {path.name} is not valid JSON: {error}.") from error
    return content if isinstance(content, dict) else {}


def _named(settings: dict[str, Any]) -> dict[str, str]:
    """Special tokens are written as text, or as an object with the text in `content`."""
    texts = {name: settings.get(name) for name in NAMED}
    plain = {name: text.get("content") if isinstance(text, dict) else text for name, text in texts.items()}
    return {name: text for name, text in plain.items() if isinstance(text, str)}


def _eos_ids(folder: Path, tokenizer: Tokenizer, named: dict[str, str]) -> tuple[int, ...]:
    found = [tokenizer.token_to_id(named["eos_token"])] if "eos_token" in named else []
    for name in ("generation_config.json", "config.json"):
        listed = _read(folder / name).get("eos_token_id")
        found += listed if isinstance(listed, list) else [listed]
    return tuple(dict.fromkeys(number for number in found if isinstance(number, int)))


def _template(folder: Path, config: dict[str, Any]) -> str:
    """The template file, else the tokenizer's setting, which may be a list of named templates, else ChatML."""
    if (path := folder / "chat_template.jinja").is_file():
        return path.read_text(encoding="utf-8")
    found = config.get("chat_template")
    if isinstance(found, list):
        found = {entry.get("name"): entry.get("template") for entry in found if isinstance(entry, dict)}.get("default")
    return found if isinstance(found, str) else CHATML
