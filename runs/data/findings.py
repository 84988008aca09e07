"""What a profile means: each finding with the reason why it matters and the remedy that there is for it.

A remedy is named by its key in `runs.data.remedies`; applying it makes a new data set and leaves this one as it is.
"""

from collections.abc import Iterator
from typing import Literal

from pydantic import BaseModel, ConfigDict

from runs.data.contents import Contents, Twinned
from runs.data.languages import name
from runs.data.overlap import Overlap
from runs.data.profile import Profile

MANY = 0.5  # share of rows from which on short answers are what the task wants
FEW = 0.05  # share of rows below which another language is a stray


class Finding(BaseModel):
    """`grade` is warning or note. `rows` are the first ones by number; `shown` says of each what may be shown."""

    model_config = ConfigDict(frozen=True)
    kind: str
    grade: Literal["warning", "note"]
    count: int
    title: str
    message: str
    why: str
    rows: list[int] = []
    shown: list[str] = []
    remedy: str = ""


def findings(contents: Contents, profile: Profile | None = None, overlap: Overlap | None = None) -> list[Finding]:
    """Everything worth saying, warnings first."""
    found = [
        *(_leaks(overlap) if overlap else ()),
        *_copies(contents),
        *_answers(contents),
        *_private(contents),
        *(_cuts(profile) if profile else ()),
        *_prompts(contents),
        *_languages(contents),
        *_evaluation(contents, overlap),
    ]
    return sorted(found, key=lambda one: one.grade != "warning")


def _leaks(overlap: Overlap) -> Iterator[Finding]:
    why = "The evaluation loss then measures what was remembered, and looks better than the model is."
    share = f"{overlap.asked:,} of {overlap.evaluation_rows:,} evaluation rows are given away."
    for kind, pairs, title, what in (
        ("leaked", overlap.exact, "Evaluation rows in the training data", "are in the evaluation set word for word"),
        ("leaked_question", overlap.question, "Evaluation questions in the training data", "ask what an evaluation row asks"),
        ("leaked_near", overlap.near, "Near copies of evaluation rows", "are nearly the same as an evaluation row"),
    ):
        if pairs.count:
            message = f"{_rows(pairs.count, overlap.rows)} {what}. {share}"
            yield Finding(kind=kind, grade="warning", count=pairs.count, title=title, message=message, why=why,
                          remedy="drop_leaked", **_listed(pairs, "evaluation row"))  # fmt: skip


def _copies(contents: Contents) -> Iterator[Finding]:
    limit = f" Only the first {contents.compared:,} rows were compared." if contents.compared < contents.rows else ""
    if contents.exact.count:
        yield Finding(
            kind="duplicates", grade="warning", count=contents.exact.count, title="Exact duplicates",
            message=f"{_rows(contents.exact.count, contents.rows)} repeat an earlier one byte for byte.{limit}",
            why="A row that is there n times is trained n times as often, and a split may put its copies on both sides.",
            remedy="drop_duplicates", **_listed(contents.exact, "row"),
        )  # fmt: skip
    if contents.near.count:
        yield Finding(
            kind="near_duplicates", grade="warning", count=contents.near.count, title="Near duplicates",
            message=f"{_rows(contents.near.count, contents.rows)} share at least 80% of their 5-character pieces with an "
            f"earlier row; what most rows share does not count.{limit}",
            why="Near copies teach little that is new, weigh more than they should, and leak into an evaluation split.",
            remedy="drop_near_duplicates", **_listed(contents.near, "row"),
        )  # fmt: skip
    if contents.conflicts.count:
        yield Finding(
            kind="conflicts", grade="warning", count=contents.conflicts.count, title="One question, different answers",
            message=f"{_rows(contents.conflicts.count, contents.rows)} ask what an earlier row asks and answer differently.",
            why="If only one of the answers is right, the model learns to guess between them. Look at these rows.",
            **_listed(contents.conflicts, "row"),
        )  # fmt: skip


def _answers(contents: Contents) -> Iterator[Finding]:
    if contents.empty_answers.count:
        yield Finding(
            kind="empty_answers", grade="warning", count=contents.empty_answers.count, title="Answers that say nothing",
            message=f"{_rows(contents.empty_answers.count, contents.rows)} have an answer without a letter or digit, or one "
            "such as “N/A”.",
            why="The model learns to give such answers. Keep them only if “nothing” is a right answer in this task.",
            rows=contents.empty_answers.rows, remedy="drop_empty_answers",
        )  # fmt: skip
    if short := contents.one_word_answers.count:
        usual = short > MANY * contents.rows
        yield Finding(
            kind="one_word_answers", grade="note" if usual else "warning", count=short, title="Answers of one word",
            message=f"{_rows(short, contents.rows)} are answered with a single word.",
            why="That is what a classification wants: few tokens are trained, so more epochs may be needed." if usual else
            "Among longer answers they teach the model to be curt.",
            rows=contents.one_word_answers.rows, remedy="" if usual else "drop_one_word_answers",
        )  # fmt: skip


def _private(contents: Contents) -> Iterator[Finding]:
    for found in contents.private:
        why = (
            "A model may repeat a secret word for word to anybody who uses it. Revoke it, too: it has left its safe."
            if found.secret
            else "A model may repeat it to anybody who uses it, and people have rights over data about them."
        )
        values = f"{found.values:,} value{'s' if found.values != 1 else ''}"
        yield Finding(
            kind=found.kind, grade="warning", count=found.values, title=f"{found.title} (likely)",
            message=f"{values} in {_rows(found.rows, contents.rows)}.", why=why,
            rows=[example.row for example in found.first], shown=[example.shown for example in found.first], remedy="mask",
        )  # fmt: skip


def _cuts(profile: Profile) -> Iterator[Finding]:
    if profile.truncated_rows:
        best = profile.longer[-1] if profile.longer else None
        saved = (
            f" {best.context_length:,} tokens would cut {best.truncated_rows:,} rows and lose {best.truncated_tokens:,} tokens."
            if best
            else ""
        )
        long = [one for one in profile.longest_rows if one.tokens > profile.context_length]
        yield Finding(
            kind="truncated", grade="warning", count=profile.truncated_rows, title="Rows longer than the context",
            message=f"{_rows(profile.truncated_rows, profile.rows)} lose {profile.truncated_tokens:,} tokens at "
            f"{profile.context_length:,}; {profile.untrained_rows:,} of them keep no answer and are dropped.{saved}",
            why="What is cut off is the end, where the answer is: the model learns to stop in mid-sentence.",
            rows=[one.row for one in long], shown=[f"{one.tokens:,} tokens" for one in long], remedy="drop_long",
        )  # fmt: skip


def _prompts(contents: Contents) -> Iterator[Finding]:
    if not contents.with_system:
        return
    without = contents.rows - contents.with_system
    first = contents.prompts[0]
    if without:
        yield Finding(
            kind="mixed_system", grade="warning", count=without, title="Some rows without a system prompt",
            message=f"{_rows(without, contents.rows)} have no system prompt, the others have.",
            why="The model cannot know which of the two you will use. Give all rows one, or none.",
        )  # fmt: skip
    if first.rows > MANY * contents.rows:
        opening = f"{first.text[:120].strip()}{'…' if len(first.text) > 120 else ''}"
        several = f"; there are {contents.different_prompts:,} different ones" if contents.different_prompts > 1 else ""
        yield Finding(
            kind="repeated_system", grade="note", count=first.rows, title="One system prompt for most rows",
            message=f"{_rows(first.rows, contents.rows)} begin with “{opening}”{several}.",
            why="Send exactly this prompt when you use the model. It is read in every row and never trained.",
        )  # fmt: skip


def _languages(contents: Contents) -> Iterator[Finding]:
    told = {code: rows for code, rows in contents.languages.items() if code}
    if len(told) < 2:
        return
    total = sum(told.values())
    ranked = sorted(told.items(), key=lambda one: -one[1])
    shares = ", ".join(
        f"{name(code)} {rows / total:.0%}" if rows / total >= 0.01 else f"{name(code)} under 1%" for code, rows in ranked[:5]
    )
    stray = sum(rows for _, rows in ranked[1:])
    yield Finding(
        kind="languages", grade="note", count=stray, title="Several languages",
        message=f"Of {contents.sampled:,} rows looked at: {shares}. In {contents.languages.get('', 0):,} it could not be told.",
        why="A few rows of another language are often strays." if stray < FEW * total else
        "The model answers in the language that it was taught for such questions.",
    )  # fmt: skip


def _evaluation(contents: Contents, overlap: Overlap | None) -> Iterator[Finding]:
    if overlap is None and contents.rows >= 20:
        yield Finding(
            kind="no_evaluation", grade="note", count=0, title="No evaluation data compared",
            message="No evaluation set is chosen, so nothing can be said about rows that are in both.",
            why="Rows that the model has not seen are the only measure of what it learned. Split some off, with a seed.",
            remedy="split",
        )  # fmt: skip


def _listed(pairs: Twinned, noun: str) -> dict[str, list[int] | list[str]]:
    return {"rows": [twin.row for twin in pairs.first], "shown": [f"{noun} {twin.of:,}" for twin in pairs.first]}


def _rows(count: int, total: int) -> str:
    return f"{count:,} of {total:,} rows"
