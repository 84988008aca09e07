"""The settings of a run that the original service did not have, as keywords of `create` and `estimate`.

What each means, its range and its default are in the server's OpenAPI document; the server checks them.
"""

from typing import Literal, TypedDict


class Settings(TypedDict, total=False):
    batch_size: int
    method: Literal["full", "lora", "qlora"]
    lora_rank: int
    lora_alpha: float
    lora_dropout: float
    lora_targets: str
    optimizer: Literal["adamw", "lion"]
    schedule: Literal["linear", "cosine", "constant"]
    warmup_share: float
    weight_decay: float
    gradient_clip: float
    seed: int
    eval_interval: str
    early_stopping_patience: int
    keep_checkpoints: int
    keep_policy: Literal["last", "best"]
    precision: Literal["auto", "fp32", "bf16"]
    gradient_checkpointing: bool
