"""A file looked at as if it were added: its report and, with a base model, its tokens and advice. Nothing is kept."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from runs import wiring
from runs.contract.spec import TaskType
from runs.data.advice import MEGABYTE, Advice, advice, epochs, on_epochs
from runs.data.profile import Profile, count_tokens
from runs.data.rendering import TemplateError
from runs.data.validation import Report, check
from runs.models import BaseModel, User
from runs.services import taking
from runs.services.datasets import COPY_BYTES, in_scratch, renderer
from runs.services.permissions import require
from runs.services.refused import Invalid, ModelUnavailable, TooLarge

MOST_COUNTED = 64 * MEGABYTE  # bytes of rows whose tokens are counted while somebody waits: half a minute


@dataclass(frozen=True)
class Plan:
    """The run that the file is meant for, as far as advice depends on it. No duration: nothing is said of epochs."""

    model: BaseModel
    context_length: int
    duration: str = ""
    batch_size: int = 8


@dataclass(frozen=True)
class Trial:
    """`trouble` says why there are no tokens although a model was named."""

    report: Report
    profile: Profile | None = None
    advice: list[Advice] = field(default_factory=list)
    trouble: str = ""


def try_file(*, by: User, file: BinaryIO, filename: str, task: TaskType, mapping: str = "", plan: Plan | None = None) -> Trial:
    """What `add_upload` would say of this file, and what its page would say of it with this plan."""
    require(by, "dataset.create")
    with in_scratch(Path(filename).suffixes) as path, in_scratch([".jsonl"]) as canonical:
        _copy(file, path, filename)
        report = check(path, task=task, name=filename, canonical=canonical, mapping=mapping or None)
        return _counted(report, canonical, task, plan) if plan and report.ok else Trial(report)


def _copy(file: BinaryIO, path: Path, filename: str) -> None:
    """As far as it is checked while somebody waits. Raises TooLarge."""
    with path.open("wb") as copy:
        while copy.tell() <= taking.MOST and (chunk := file.read(COPY_BYTES)):
            copy.write(chunk)
    if taking.is_large(path, filename):
        most, packed = (f"{size >> 20} MiB" for size in (taking.MOST, taking.MOST_PACKED))
        told = f"“{filename[:100]}” is larger than what is checked while you wait: {most}, or {packed} of what is packed."
        raise TooLarge(f"{told} Send it to POST /api/v1/datasets, which checks it in the background.", field="file")


def _counted(report: Report, canonical: Path, task: TaskType, plan: Plan) -> Trial:
    if (size := canonical.stat().st_size) > MOST_COUNTED:
        large = (
            f"The rows are {size / MEGABYTE:,.0f} MB, more than the {MOST_COUNTED / MEGABYTE:,.0f} MB that are counted at once."
        )
        return Trial(report, trouble=f"{large} Add the file: its page counts them in the background.")
    try:
        tokens = count_tokens(canonical, renderer(plan.model), task)
    except TemplateError as error:
        return Trial(report, trouble=f"The rows do not go with {plan.model.display_name}: {error}")
    except ModelUnavailable as error:
        return Trial(report, trouble=error.message)
    longest, device = plan.model.max_context_length, wiring.device_slots()[0].kind
    profile = tokens.at(plan.context_length, model_max=longest, batch_size=plan.batch_size, device=device)
    return Trial(report, profile, [*advice(profile, task, longest), *on_duration(profile, plan.duration, plan.batch_size)])


def on_duration(profile: Profile, duration: str, batch_size: int) -> list[Advice]:
    """What there is to say about training so long; nothing when no duration is given."""
    if not duration:
        return []
    try:
        return on_epochs(epochs(duration, tokens=profile.tokens, rows=profile.rows, batch_size=batch_size))
    except ValueError as error:
        raise Invalid(str(error), field="training_duration") from error
