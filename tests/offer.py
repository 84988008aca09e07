"""Base models that are really on this machine: a tiny Llama, its tokenizer and chat template, and a licence of two duties."""

from datetime import date
from typing import Any

from runs.contract.spec import TaskType
from runs.models import BaseModel, Licence
from tests.tiny import MAX_CONTEXT, tiny_model

ARCHITECTURE = {"layers": 2, "hidden": 64, "heads": 4, "kv_heads": 2, "intermediate": 128, "vocab": 512, "tied": True}


def community_licence() -> Licence:
    licence, _ = Licence.objects.get_or_create(
        key="tiny-community",
        defaults={
            "name": "Tiny Community License",
            "version_date": date(2024, 9, 25),
            "url": "https://example.org/licence",
            "policy_url": "https://example.org/policy",
            "notice": "Tiny is licensed under the Tiny Community License, Copyright Tiny Inc.",
            "obligations": ["Show “Built with Tiny”.", "Names of derived models begin with “Tiny”."],
            "name_prefix": "Tiny",
        },
    )
    return licence


def tiny_offer(name: str = "tiny/Tiny-Instruct", **changes: Any) -> BaseModel:
    """A base model whose weights, tokenizer and template are on this machine."""
    fields = {
        "display_name": name.rsplit("/", 1)[-1].replace("-", " "),
        "family": "Tiny",
        "parameters": 135_000_000,
        "max_context_length": MAX_CONTEXT,
        "task_types": [task.value for task in TaskType],
        "licence": community_licence(),
        "architecture": ARCHITECTURE,
        "defaults": {"learning_rate": 0.001},
        "folder": str(tiny_model()),
    }
    return BaseModel.objects.create(name=name, **{**fields, **changes})
