"""Advice and limits of the original service's reference page, applied to a profile."""

from collections.abc import Iterator

from pydantic import BaseModel, ConfigDict

from runs.contract.spec import TaskType
from runs.data.kinds import Severity
from runs.data.profile import Profile

MOST_TOKENS = 10_000_000_000
PRETRAIN_TOKENS = 1_500_000
MEGABYTE = 1_000_000
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


def _limits(profile: Profile) -> Iterator[Advice]:
    if profile.tokens > MOST_TOKENS:
        yield _refuse("too_many_tokens", f"The data hold {profile.tokens:,} tokens; more than 10 billion are not supported.",
                      "Train on a part of them.")  # fmt: skip
    if not profile.trained_tokens or profile.untrained_rows == profile.rows:
        yield _refuse("nothing_to_train", f"No row has a token to learn within {profile.context_length:,} tokens.",
                      "Raise the context length or shorten the prompts.")  # fmt: skip


def _rows(profile: Profile, model_max: int) -> Iterator[Advice]:
    """Chat and instruction data."""
    if profile.tokens < model_max:
        yield _warn("few_tokens", f"The data hold {profile.tokens:,} tokens, less than one full context of the model ({model_max:,}).",
                    "It may work for a narrow task; more rows make the result more dependable.")  # fmt: skip
    if profile.truncated_rows:
        need = min(profile.longest, model_max)
        yield _warn("truncated", f"{profile.truncated_rows:,} of {profile.rows:,} rows are longer than {profile.context_length:,} tokens "
                    f"and lose {profile.truncated_tokens:,} tokens at their end, where the answer is.",
                    f"Raise the context length, up to {need:,}, or shorten these rows.")  # fmt: skip
    if 0 < profile.untrained_rows < profile.rows:
        yield _warn("untrained_rows", f"{profile.untrained_rows:,} rows have no token to learn within {profile.context_length:,} tokens "
                    "and are dropped.", "Raise the context length or shorten their prompts.")  # fmt: skip


def _pretraining(profile: Profile) -> Iterator[Advice]:
    if profile.tokens < PRETRAIN_TOKENS:
        yield _warn("few_tokens", f"The data hold {profile.tokens:,} tokens; at least 1.5 million are advised for continued pretraining.",
                    "Add more text.")  # fmt: skip
    size = f"{profile.bytes / MEGABYTE:,.0f} MB"
    if profile.bytes > SLOW:
        yield _warn("slow_file", f"The data are {size}; above 1 GB reading is slow.", "Split them into files of 60 to 256 MB.")
    elif not SMALL <= profile.bytes <= LARGE:
        yield _warn("file_size", f"The data are {size}; the reference page advises files of 60 to 256 MB.",
                    "Nothing needs to be done if this is all the text there is.")  # fmt: skip


def _warn(kind: str, message: str, remedy: str) -> Advice:
    return Advice(kind=kind, severity=Severity.WARNING, message=message, remedy=remedy)


def _refuse(kind: str, message: str, remedy: str) -> Advice:
    return Advice(kind=kind, severity=Severity.ERROR, message=message, remedy=remedy)
