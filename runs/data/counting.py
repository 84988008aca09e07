"""A chat's tokens counted from its encoding, without making lists of them."""

from collections.abc import Sequence

from tokenizers import Encoding

from runs.data.answers import Rendered
from runs.data.encoded import NEVER, Counted
from runs.data.touching import touching


def counted_chat(encoding: Encoding, row: Rendered, roles: Sequence[str]) -> Counted:
    """As `counted` would say of the same row with its list of trained tokens."""
    trained, first, at = 0, NEVER, 0
    answers = [touching(encoding, span, len(row.text)) for span in row.answers]
    for begin, past in answers:
        if past > (start := max(begin, at)):
            trained += past - start
            if first == NEVER and past > 1:
                first = max(start, 1)
            at = past
    known = _roles(encoding, row, roles, answers) if row.contents is not None else None
    return Counted(len(encoding), trained, first, len(roles), known)


def _roles(encoding: Encoding, row: Rendered, roles: Sequence[str], answers: Sequence[tuple[int, int]]) -> dict[str, int]:
    """A token counts once: for the answer that it touches, else for whom it touches first."""
    found: dict[str, int] = {}
    at, answer = 0, 0
    for role, span in zip(roles, row.contents or (), strict=True):
        if role == "assistant":
            at, answer = max(at, answers[answer][1]), answer + 1
            continue
        begin, past = touching(encoding, span, len(row.text))
        begin, past = max(begin, at), min(past, answers[answer][0]) if answer < len(answers) else past
        if past > begin:
            found[role] = found.get(role, 0) + past - begin
            at = past
    return found
