"""How a chat template writes all conversations of some roles, where it only passes on what is said."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

Way = Callable[[str], str]

WAYS: dict[str, Way] = {"N": str, "L": str.lstrip, "R": str.rstrip, "B": str.strip}


@dataclass(frozen=True)
class Passed:
    """`words` stand before, between and behind the contents; `places` are the messages whose contents these are, each written
    after its `way`; `times` are the patterns by which the time was asked, with the answers.
    """

    words: tuple[str, ...]
    places: tuple[int, ...]
    ways: tuple[Way, ...] = ()
    times: tuple[tuple[str, str], ...] = ()


def now(form: str) -> str:
    return datetime.now().strftime(form)  # noqa: DTZ005 - local time, as transformers gives it to templates
