"""What a draft amounts to so far: the box “This run” beside the wizard. Never refuses: what is not known is left out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runs.contract.duration import Duration
from runs.contract.request import RunRequest
from runs.models import BaseModel, DataSet, User
from runs.services import drafts
from runs.services.estimates import Estimate, estimate
from runs.services.quotas import Allowance, allowances
from runs.services.refused import Problem, Refused
from runs.web.fields import settings
from runs.web.tasks import TASKS


@dataclass(frozen=True)
class Summary:
    model: BaseModel | None
    task: str
    dataset: DataSet | None
    eval_dataset: DataSet | None
    duration: str
    estimate: Estimate | None
    register_to: str
    missing: list[str]
    wrong: list[str]
    quotas: list[Allowance]


def summary(values: Mapping[str, Any], user: User) -> Summary:
    """From a draft's values, or from a form that is being typed."""
    model = BaseModel.objects.select_related("licence").filter(name=values.get("model", "")).first()
    dataset, eval_dataset = (_dataset(values.get(field), user) for field in drafts.DATA_FIELDS)
    asked, wrong = _asked(values)
    task = TASKS.get(str(values.get("task_type", "")))
    return Summary(
        model=model,
        task=task.title if task else "",
        dataset=dataset,
        eval_dataset=eval_dataset,
        duration=Duration.parse(asked.training_duration).in_words if asked else "",
        estimate=_estimate(asked, user) if asked and model and dataset else None,
        register_to=_register_to(asked),
        missing=[word for word, thing in (("a base model", model), ("training data", dataset)) if thing is None],
        wrong=wrong,
        quotas=allowances(user),
    )


def _asked(values: Mapping[str, Any]) -> tuple[RunRequest | None, list[str]]:
    try:
        return drafts.request_so_far(values), []
    except Refused as refused:
        return None, [_sentence(problem) for problem in refused.problems]


def _sentence(problem: Problem) -> str:
    setting = settings().get(problem.field.partition(".")[0])
    return f"{setting.title}: {problem.message}" if setting else problem.message


def _dataset(name: object, user: User) -> DataSet | None:
    return DataSet.objects.visible_to(user).filter(name=name).first() if name else None


def _estimate(asked: RunRequest, user: User) -> Estimate | None:
    try:
        return estimate(asked=asked, by=user)
    except Refused:
        return None


def _register_to(asked: RunRequest | None) -> str:
    if asked is None:
        return ""
    return asked.register_to if asked.register_to.count(".") >= 2 else f"{asked.register_to}.<run name>"
