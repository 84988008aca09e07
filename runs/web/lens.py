"""With which model, context length and evaluation set a data set is looked at; all of it stands in the address."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from runs.contract.spec import DEFAULT_CONTEXT_LENGTH
from runs.models import BaseModel, DataSet, User
from runs.services.checks import weights_are_here

SHORTEST = 16  # tokens; the contract's least


@dataclass(frozen=True)
class Lens:
    model: BaseModel | None
    context_length: int
    evaluation: DataSet | None
    models: list[BaseModel]
    evaluations: list[DataSet]


def address(model: BaseModel | None, context_length: int, evaluation: DataSet | None) -> str:
    """What `lens` reads, as the query of an address."""
    chosen = {
        "model": model.name if model else "",
        "context": str(context_length),
        "evaluation": evaluation.name if evaluation else "",
    }
    return urlencode({key: value for key, value in chosen.items() if value})


def lens(query: Mapping[str, str], dataset: DataSet, user: User) -> Lens:
    """What makes no sense there counts as the default: the smallest model that is here, and its usual context length."""
    offered = BaseModel.objects.usable_by(user).filter(task_types__contains=[dataset.task_type]).order_by("parameters")
    models = [model for model in offered if weights_are_here(model)]
    model = next((model for model in models if model.name == query.get("model")), models[0] if models else None)
    longest = model.max_context_length if model else DEFAULT_CONTEXT_LENGTH
    typed = query.get("context", "")
    usual = min(DEFAULT_CONTEXT_LENGTH, longest)
    length = int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 10 else usual
    others = DataSet.objects.visible_to(user).for_task(dataset.task_type).exclude(pk=dataset.pk)
    named = query.get("evaluation", "").replace("\x00", "")
    evaluation = others.filter(name=named).first() if named else None
    return Lens(model, min(max(length, SHORTEST), longest), evaluation, models, list(others[:200]))
