"""Advice and limits of the original service's reference page, applied to a profile."""

from collections.abc import Iterator

from pydantic import BaseModel, ConfigDict

from runs.contract.duration import Duration, Unit
from runs.contract.spec import TaskType
from runs.data.kinds import Severity
from runs.data.profile import Profile

MOST_TOKENS = 10_000_000_000
PRETRAIN_TOKENS = 1_500_000
MEGABYTE = 1_000_000
FEW_EPOCHS = 4  # begin with one to four
SMALL, LARGE, SLOW = 60 * MEGABYTE, 256 * MEGABYTE, 1_000 * MEGABYTE


class Advice(BaseModel):
    """One finding: what it is, why it matters, what to do. An ERROR refuses the run."""

    model_config = ConfigDict(frozen=True)
    kind: str
    severity: Severity
    message: str
    remedy: str


def advice(profile: Profile, task: TaskType, model_max: int) -> list[Advice]:
    """What a person should know before training, the grave first. `model_max` is the model's longest context, in tokens."""
    found = [*_limits(profile), *(_pretraining(profile) if task is TaskType.CONTINUED_PRETRAIN else _rows(profile, model_max))]
    return sorted(found, key=lambda one: one.severity is not Severity.ERROR)


def epochs(duration: str, *, tokens: int, rows: int, batch_size: int) -> float:
    """How often the data are seen. `tokens` and `rows` are those of one epoch."""
    wanted = Duration.parse(duration)
    per_epoch = {Unit.EPOCHS: 1, Unit.BATCHES: max(1, -(-rows // batch_size)), Unit.TOKENS: max(1, tokens)}
    return wanted.count / per_epoch[wanted.unit]


def on_epochs(seen: float) -> list[Advice]:
    """`seen` is how often each row will be seen; nothing to say up to four times."""
    if seen <= FEW_EPOCHS:
        return []
    message = f"Each row is seen {seen:,.3g} times. With more than {FEW_EPOCHS} a model forgets other tasks or copies the data."
    return [_warn("many_epochs", message, f"Start with 1 to {FEW_EPOCHS} epochs; add one or two if answers should be closer.")]


def _limits(profile: Profile) -> Iterator[Advice]:
    if profile.tokens > MOST_TOKENS:
        message = f"The data hold {profile.tokens:,} tokens; more than 10 billion are not supported."
        yield _refuse("too_many_tokens", message, "Train on a part of them.")
    if not profile.trained_tokens or profile.untrained_rows == profile.rows:
        message = f"No row has a token to learn within {profile.context_length:,} tokens."
        yield _refuse("nothing_to_train", message, "Raise the context length or shorten the prompts.")


def _rows(profile: Profile, model_max: int) -> Iterator[Advice]:
    """Chat and instruction data."""
    if profile.tokens < model_max:
        message = f"The data hold {profile.tokens:,} tokens, less than one full context of the model ({model_max:,})."
        yield _warn("few_tokens", message, "A narrow task may do with that; more rows make the result more dependable.")
    if profile.truncated_rows:
        cut = f"{profile.truncated_rows:,} of {profile.rows:,} rows {_are(profile.truncated_rows)} cut at"
        lost = f"{profile.truncated_tokens:,} tokens are lost at their end, where the answer is."
        message = f"{cut} {profile.context_length:,} tokens: {lost}"
        yield _warn("truncated", message, f"{_longer(profile, model_max)} shorten these rows.")
    if 0 < profile.untrained_rows < profile.rows:
        rows = f"{profile.untrained_rows:,} of {profile.rows:,} rows {_are(profile.untrained_rows)} dropped:"
        message = f"{rows} within {profile.context_length:,} tokens there is nothing to learn."
        yield _warn("untrained_rows", message, f"{_longer(profile, model_max)} shorten their prompts.")


def _pretraining(profile: Profile) -> Iterator[Advice]:
    if profile.tokens < PRETRAIN_TOKENS:
        message = f"The data hold {profile.tokens:,} tokens; continued pretraining should have at least 1.5 million."
        yield _warn("few_tokens", message, "Add more text.")
    size = f"{profile.bytes / MEGABYTE:,.0f} MB"
    if profile.bytes > SLOW:
        yield _warn("slow_file", f"The data are {size}; above 1 GB reading is slow.", "Split them into files of 60 to 256 MB.")
    elif not SMALL <= profile.bytes <= LARGE:
        message = f"The data are {size}; files of 60 to 256 MB are advised."
        yield _warn("file_size", message, "Nothing needs to be done if this is all the text there is.")


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _longer(profile: Profile, model_max: int) -> str:
    """Where a longer context is to be had, that it would help."""
    need = min(profile.longest, model_max)
    return f"Raise the context length, up to {need:,}, or" if need > profile.context_length else "The model reads no more:"


def _warn(kind: str, message: str, remedy: str) -> Advice:
    return Advice(kind=kind, severity=Severity.WARNING, message=message, remedy=remedy)


def _refuse(kind: str, message: str, remedy: str) -> Advice:
    return Advice(kind=kind, severity=Severity.ERROR, message=message, remedy=remedy)
