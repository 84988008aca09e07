"""The rules a request must keep before it becomes a run. All broken ones are reported at once, each at its field."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from runs import wiring
from runs.contract.request import RunRequest
from runs.data.advice import MOST_TOKENS, advice
from runs.data.kinds import Severity
from runs.models import BaseModel, DataSet, Download, Role, Taking, User
from runs.services import profiling
from runs.services.access import has_accepted
from runs.services.datasets import resolve
from runs.services.lineage import Weights, check_weights
from runs.services.permissions import require
from runs.services.refused import (
    BadData,
    Invalid,
    LicenceNotAccepted,
    ModelDeprecated,
    ModelReserved,
    ModelRetired,
    ModelUnavailable,
    Refused,
    StillChecking,
    StillCounting,
    UnknownModel,
)
from runs.services.room import refuse_what_never_fits
from runs.services.sharing import check_name
from runs.services.specification import resolved

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Checked:
    """A request with its names resolved. Data that are `awaited` are not here yet: their check, by the request's field."""

    model: BaseModel
    dataset: DataSet | None
    eval_dataset: DataSet | None
    weights: Weights | None
    kept_bytes: int  # of the run, in the end; 0 where nothing can be said of it
    awaited: dict[str, Taking] = field(default_factory=dict)


def find_model(name: str) -> BaseModel:
    """The base model by name, if a new run may use it."""
    model = BaseModel.objects.select_related("licence", "replacement").filter(name=name).first()
    if model is None or (not model.enabled and not model.is_retired):
        raise UnknownModel(f"There is no base model “{name}”. The list is on the page Base models.", field="model")
    if model.is_retired:
        raise ModelRetired(
            f"{model.name} was retired on {model.retires_on:%d %b %Y}.{_instead(model)}", field="model", facts=_end(model)
        )
    return model


def check_use(model: BaseModel, by: User) -> None:
    """Raise unless this person may start a run of this model, which is on offer."""
    if not BaseModel.objects.permitted_to(by).filter(pk=model.pk).exists():
        kept_for = [*(Role(role).label.lower() for role in model.roles), *(team.name for team in model.teams.all())]
        raise ModelReserved(
            f"{model.name} is kept for others ({', '.join(kept_for)}). Ask an admin if you need it.", field="model"
        )
    if not BaseModel.objects.usable_by(by).filter(pk=model.pk).exists():
        raise ModelDeprecated(
            f"{model.name} leaves on {model.retires_on:%d %b %Y}: those who already use it may go on until then, and nobody "
            f"begins with it any more.{_instead(model)}",
            field="model",
            facts=_end(model),
        )


def _instead(model: BaseModel) -> str:
    return f" Use {model.replacement.name} instead." if model.replacement else ""


def _end(model: BaseModel) -> dict[str, str | None]:
    """The end of a model, for programs."""
    return {
        "state": model.state.value,
        "retires_on": model.retires_on.isoformat() if model.retires_on else None,
        "replacement": model.replacement.name if model.replacement else None,
        "reason": model.retirement_reason,
    }


def weights_are_here(model: BaseModel) -> bool:
    return (wiring.model_folder(model) / "config.json").is_file()


def where_weights_are(model: BaseModel) -> str:
    """Of a model that cannot be trained because its weights are not here: what a person can do."""
    coming = Download.objects.filter(base_model=model).first()
    if coming is not None and coming.is_under_way:
        return f"The weights of {model.name} are being fetched: {coming.share:.0%} are here. Try again when they are."
    elsewhere = not model.folder or wiring.model_volume(model)
    advice = "fetch them, on the page of the model" if elsewhere else f"put them into {wiring.model_folder(model)}"
    return f"The weights of {model.name} are not on this machine yet. An admin can {advice}."


def _model(asked: RunRequest, by: User) -> BaseModel:
    model = find_model(asked.model)
    check_use(model, by)
    if asked.task_type not in model.task_types:
        raise Invalid(f"{model.display_name} is not offered for {asked.task_type.value}.", field="task_type")
    if not weights_are_here(model):
        raise ModelUnavailable(where_weights_are(model), field="model")
    if not has_accepted(user=by, licence=model.licence):
        raise LicenceNotAccepted(
            f"{model.display_name} comes under the {model.licence.name}. Accept it once, in the wizard or with "
            f"POST /api/v1/licences/{model.licence.key}/accept, before you use the model.",
            field="model",
        )
    return model


def _context_length(asked: RunRequest) -> None:
    model = BaseModel.objects.filter(name=asked.model).first()
    if model and asked.context_length and asked.context_length > model.max_context_length:
        raise Invalid(
            f"{model.display_name} reads at most {model.max_context_length:,} tokens; {asked.context_length:,} were asked for.",
            field="context_length",
        )


def _evaluation(asked: RunRequest) -> None:
    """What watches the evaluation loss needs one."""
    if asked.eval_data_path:
        return
    if asked.early_stopping_patience:
        raise Invalid(
            "Early stopping watches the evaluation loss: choose evaluation data too.", field="early_stopping_patience"
        )
    if asked.keep_policy == "best":
        raise Invalid("The best checkpoint is found by its evaluation loss: choose evaluation data too.", field="keep_policy")


def limits(asked: RunRequest, model: BaseModel, dataset: DataSet) -> None:
    """What the original service's limits refuse, as far as the tokens are counted; few bytes cannot be too many tokens."""
    length = resolved(asked, model).context_length or model.max_context_length
    try:
        counted = profiling.profile(dataset=dataset, model=model, context_length=length)
    except StillCounting:
        if dataset.bytes > MOST_TOKENS:
            raise
        return
    except ModelUnavailable:  # without a tokenizer nothing is known; the engine will say so
        return
    for one in advice(counted, asked.task_type, model.max_context_length):
        if one.severity is Severity.ERROR:
            raise BadData(f"{one.message} {one.remedy}", field="train_data_path")


def check(*, asked: RunRequest, by: User, waits: bool = False) -> Checked:
    """Resolve the names in a request and keep every rule, or raise Invalid with all that is wrong.

    With `waits`, data that are still being checked are no problem: what they alone can break is for `awaiting` to look at.
    """
    require(by, "run.create")
    problems: list[Refused] = []
    awaited: dict[str, Taking] = {}

    def attempt(rule: Callable[[], Answer]) -> Answer | None:
        try:
            return rule()
        except Refused as refused:
            if waits and isinstance(refused, StillChecking):
                awaited[refused.problems[0].field] = Taking.objects.get(key=refused.check)
            else:
                problems.append(refused)
            return None

    model = attempt(lambda: _model(asked, by))
    attempt(lambda: _context_length(asked))
    attempt(lambda: _evaluation(asked))
    attempt(lambda: check_name(asked.register_to, by))
    weights = None
    if way := asked.custom_weights_path:
        weights = attempt(lambda: check_weights(by=by, reference=way, model=asked.model))
    dataset = attempt(lambda: resolve(by=by, reference=asked.train_data_path, task=asked.task_type, field="train_data_path"))
    eval_dataset = None
    if asked.eval_data_path:
        reference = asked.eval_data_path
        eval_dataset = attempt(lambda: resolve(by=by, reference=reference, task=asked.task_type, field="eval_data_path"))
    if model and dataset and not problems:
        attempt(lambda: limits(asked, model, dataset))
    if problems or model is None:
        raise problems[0] if len(problems) == 1 else Invalid(problems=[p for refused in problems for p in refused.problems])
    kept = refuse_what_never_fits(model, dataset, resolved(asked, model)) if dataset else 0
    return Checked(model, dataset, eval_dataset, weights, kept, awaited)
