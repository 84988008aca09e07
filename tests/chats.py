"""Model folders with real tokenizers and chat templates in the styles that models have; written for these tests."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

CORPUS = (
    "Which planet is the largest? Jupiter is. I cannot log in, my password has expired and the heater is cold.",
    "user assistant system model Answer briefly. ### Question: ### Answer: Es regnet. Où est l'imprimante? 0123456789",
    'abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ {"category": "defect"} .,;:!?()[]<>/-_#*+=~"\'\n\t',
)

CHATML = """{% for message in messages %}
{% if loop.first and message.role != 'system' %}{{ '<|im_start|>system\\nBe kind.<|im_end|>\\n' }}{% endif %}
{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}
{% endfor %}
{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"""

LLAMA = """{{- bos_token }}
{%- if messages[0].role == 'system' %}
    {%- set said = messages[0].content | trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set said = '' %}
{%- endif %}
{{- '<|start_header_id|>system<|end_header_id|>\\n\\nToday: ' + strftime_now('%d %b %Y') + '\\n\\n' + said + '<|eot_id|>' }}
{%- for message in messages %}
    {%- if message.role not in ['user', 'assistant'] %}{{- raise_exception('Unknown role: ' + message.role) }}{%- endif %}
    {{- '<|start_header_id|>' + message.role + '<|end_header_id|>\\n\\n' + message.content | trim + '<|eot_id|>' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{%- endif %}"""

MISTRAL = """{{ bos_token }}{% for message in messages %}
{% if (message.role == 'user') != (loop.index0 % 2 == 0) %}
{{ raise_exception('After the optional system message, roles must alternate user/assistant/user/assistant/...') }}
{% endif %}
{% if message.role == 'user' %}{{ '[INST] ' + message.content + ' [/INST]' }}
{% elif message.role == 'assistant' %}{{ ' ' + message.content + eos_token }}
{% else %}{{ raise_exception('Only user and assistant roles are supported!') }}{% endif %}
{% endfor %}"""

GEMMA = """{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}
{% for message in messages %}{% set who = 'model' if message.role == 'assistant' else message.role %}
{{ '<start_of_turn>' + who + '\\n' + message.content | trim + '<end_of_turn>\\n' }}{% endfor %}
{% if add_generation_prompt %}{{ '<start_of_turn>model\\n' }}{% endif %}"""

GENERATION = """{% for message in messages %}{{ '<|im_start|>' + message.role + '\\n' }}{% if message.role == 'assistant' %}
{% generation %}{{ message.content + '<|im_end|>' }}{% endgeneration %}
{% else %}{{ message.content + '<|im_end|>' }}{% endif %}{{ '\\n' }}{% endfor %}
{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"""

THINKING = """{% for message in messages %}{{ '<|im_start|>' + message.role + '\\n' }}
{%- if message.role == 'assistant' -%}
{% if loop.last %}{{ '<think>\\n\\n</think>\\n\\n' }}{% endif %}{{ message.content.split('</think>')[-1].lstrip('\\n') }}
{%- else %}{{ message.content }}{% endif %}{{ '<|im_end|>\\n' }}{% endfor %}
{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"""

LATE_SYSTEM = """{{ bos_token }}{% set chat = messages[1:] if messages[0].role == 'system' else messages %}
{% for message in chat %}{% if message.role == 'user' %}{{ '[INST]' }}
{% if messages[0].role == 'system' and loop.index0 >= chat|length - 2 %}{{ messages[0].content + '\\n\\n' }}{% endif %}
{{ message.content + '[/INST]' }}{% else %}{{ message.content + eos_token }}{% endif %}{% endfor %}"""

PLAIN = """{% for message in messages %}{{ '### ' + message.role + ':\\n' + message.content + '\\n\\n' }}{% endfor %}
{% if add_generation_prompt %}{{ '### assistant:\\n' }}{% endif %}"""


@dataclass(frozen=True)
class Style:
    """A template and the tokenizer that goes with it."""

    template: str | None
    specials: tuple[str, ...]
    bos: str | None
    eos: str
    end_of_turn: str
    metaspace: bool = False  # as Llama 2, Mistral and Gemma have it; else byte-level as GPT-2, Llama 3 and Qwen
    takes_system: bool = True


IM = ("<|im_start|>", "<|im_end|>", "<|endoftext|>")
STYLES = {
    "chatml": Style(CHATML, IM, None, "<|im_end|>", "<|im_end|>"),
    "llama": Style(
        LLAMA,
        ("<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>", "<|start_header_id|>", "<|end_header_id|>"),
        "<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>",
    ),
    "mistral": Style(MISTRAL, ("<s>", "</s>", "[INST]", "[/INST]"), "<s>", "</s>", "</s>", metaspace=True, takes_system=False),
    "gemma": Style(
        GEMMA, ("<bos>", "<eos>", "<start_of_turn>", "<end_of_turn>"), "<bos>", "<eos>", "<end_of_turn>",
        metaspace=True, takes_system=False,
    ),
    "none": Style(None, IM, None, "<|endoftext|>", "<|im_end|>"),
    "generation": Style(GENERATION, IM, None, "<|im_end|>", "<|im_end|>"),
    "thinking": Style(THINKING, IM, None, "<|im_end|>", "<|im_end|>"),
    "late system": Style(LATE_SYSTEM, ("<s>", "</s>", "[INST]", "[/INST]"), "<s>", "</s>", "</s>", metaspace=True),
    "plain": Style(PLAIN, ("<|endoftext|>",), None, "<|endoftext|>", ""),
}  # fmt: skip


def write_style(name: str, folder: Path) -> Path:
    """A model folder without weights: tokenizer.json, tokenizer_config.json and, unless the style has none, the template."""
    style = STYLES[name]
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer: dict[str, Any] = json.loads(_tokenizer(style).to_str())
    tokenizer["added_tokens"] = [token for token in tokenizer["added_tokens"] if not token["content"].startswith("<0x")]
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": style.bos, "eos_token": style.eos}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    if style.template is not None:
        (folder / "chat_template.jinja").write_text(style.template)
    return folder


def _tokenizer(style: Style) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(byte_fallback=style.metaspace, unk_token="<unk>" if style.metaspace else None))
    specials = [*style.specials, "<unk>"]
    alphabet: list[str] = []
    if style.metaspace:
        tokenizer.normalizer = normalizers.Replace(" ", "▁")
        tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
        specials += [f"<0x{byte:02X}>" for byte in range(256)]
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=900, special_tokens=specials, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    if style.bos:
        begin = (style.bos, tokenizer.token_to_id(style.bos))
        tokenizer.post_processor = processors.TemplateProcessing(single=f"{style.bos} $A", special_tokens=[begin])
    elif not style.metaspace:
        tokenizer.post_processor = processors.ByteLevel(trim_offsets=True)  # as GPT-2: spaces lie outside the offsets
    return tokenizer
