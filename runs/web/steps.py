"""The wizard's steps: their order, which field belongs to which, how far a draft has come."""

from dataclasses import dataclass
from enum import StrEnum

from django.urls import reverse

from runs.models import Draft


class Step(StrEnum):
    MODEL = "model"
    DATA = "data"
    TRAINING = "training"
    REVIEW = "review"


TITLES = {Step.MODEL: "Model", Step.DATA: "Data", Step.TRAINING: "Training", Step.REVIEW: "Review"}
ORDER = list(Step)
HOME = {
    "model": Step.MODEL,
    "task_type": Step.MODEL,
    "accept": Step.MODEL,
    "train_data_path": Step.DATA,
    "eval_data_path": Step.DATA,
    "register_to": Step.REVIEW,
    "experiment_path": Step.REVIEW,
}


@dataclass(frozen=True, slots=True)
class Station:
    """One entry of the line of steps at the top. `url` is empty while the step cannot be reached."""

    number: int
    step: Step
    title: str
    url: str
    current: bool
    done: bool


def home(field: str) -> Step:
    """The step that asks for `field`; whatever is new in the contract is asked for in Training."""
    return HOME.get(field.partition(".")[0], Step.TRAINING)


def reached(draft: Draft | None) -> Step:
    """The first step that still misses what the next one needs."""
    if draft is None or not draft.values.get("model") or not draft.values.get("task_type"):
        return Step.MODEL
    return Step.REVIEW if draft.values.get("train_data_path") else Step.DATA


def before(step: Step) -> Step:
    return ORDER[max(0, ORDER.index(step) - 1)]


def after(step: Step) -> Step:
    return ORDER[min(len(ORDER) - 1, ORDER.index(step) + 1)]


def url(draft: Draft | None, step: Step) -> str:
    return reverse("draft", args=[draft.key, step]) if draft else reverse("run-new")


def line(draft: Draft | None, current: Step) -> list[Station]:
    furthest = ORDER.index(reached(draft))
    return [
        Station(
            number=place + 1,
            step=step,
            title=TITLES[step],
            url=url(draft, step) if place <= furthest and (draft or place == 0) else "",
            current=step == current,
            done=place < min(furthest, ORDER.index(current)),
        )
        for place, step in enumerate(ORDER)
    ]
