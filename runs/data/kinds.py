"""Every kind of problem that validation knows: whether it stops a run, its heading, and how to mend it."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    ERROR = "error"  # the data set is refused
    WARNING = "warning"  # the row is kept or skipped as the message says, and the run may start


@dataclass(frozen=True, slots=True)
class Kind:
    title: str
    remedy: str
    severity: Severity = Severity.ERROR


def _warning(title: str, remedy: str) -> Kind:
    return Kind(title, remedy, Severity.WARNING)


UTF8 = "Save the file as UTF-8, for example with: iconv -f {encoding} -t UTF-8 old > new"
ENCODING = (
    "Save the file as UTF-8, for example with: iconv -f ENCODING -t UTF-8 old > new; "
    "its ENCODING is often WINDOWS-1252 for Western languages, CP932 for Japanese, GB18030 for Chinese."
)
ROLES = "Use the roles system, user and assistant."

KINDS: dict[str, Kind] = {
    # the file
    "missing": Kind("Nothing there", "Check the name."),
    "empty": Kind("Empty file", "Export the data again; the file must hold at least one row."),
    "binary": Kind("Not a text file", "Give the rows as .jsonl, one JSON object a line, or for pretraining the text as .txt."),
    "archive": Kind("Archive refused", "Give the .jsonl file itself, or for continued pretraining a .zip of .txt files."),
    "broken_archive": Kind("Broken archive", "Pack or upload the file again; it seems to be cut off or damaged."),
    "bomb": Kind("Unpacks to far too much", "Give the file unpacked, or pack real data."),
    "encoding": Kind("Wrong encoding", ENCODING),
    "nul": Kind("NUL bytes", "Export the text again without NUL characters."),
    "bom": _warning("Byte order mark", "Nothing needs to be done: the mark is left out."),
    "format": Kind("Unknown kind of file", "Give .jsonl, .json, .csv, .parquet or .txt (for continued pretraining)."),
    "json_array": Kind("A JSON array instead of lines", "Rename it to .json, which may hold an array."),
    "one_object": Kind("One JSON object instead of rows", "Write one row a line, or one JSON array in a .json file."),
    "spread_out": Kind("Objects over several lines", "Write each row on one line, as json.dumps(row) does without indent."),
    "html": Kind("A web page", "A sign-in or error page was saved in place of the file. Download the data again."),
    "pointer": Kind("A pointer instead of the file", "Fetch the file itself, for example with: git lfs pull, and give that."),
    "rows_as_text": _warning("Rows read as plain text", "Name the file .jsonl, so that each row is read as one."),
    "table": Kind("Columns that do not fit", "Name the columns as the task needs them."),
    # the line
    "json": Kind("Not JSON", "Mend the line; json.dumps(row) writes valid lines."),
    "number": Kind("A number beyond all bounds", "Write it as text in double quotes, or leave the key out."),
    "not_finite": Kind("NaN or Infinity", "JSON knows no NaN. Write null or leave the key out."),
    "surrogate": Kind("Half a character", "Export the text again; an emoji was cut in two (a lone surrogate such as \\ud83d)."),
    "deep": Kind("Nested too deeply", "A row is one flat object; messages need no more than three levels."),
    "duplicate_key": Kind("The same key twice", "Keep one of the two; otherwise one value would be lost silently."),
    "huge_line": Kind("A line too long to read", "Check that the rows are separated by line feeds; no real row is this long."),
    "long_line": _warning("Very long rows", "It is truncated to the context length. Split it, or check that it is one row."),
    "blank_line": _warning("Blank lines", "Nothing needs to be done: they are skipped."),
    "not_object": Kind("Not an object", "Each row is one JSON object in braces."),
    # the row
    "keys": Kind("Wrong keys", "Give each row exactly the keys that the task needs."),
    "not_text": Kind("Not text", "Write text in double quotes."),
    "empty_text": Kind("Empty text", "Fill the text in, or remove the row."),
    "messages": Kind("Messages are not a list", 'Write "messages": [{"role": "user", "content": "…"}, …].'),
    "message_keys": Kind("Wrong keys in a message", "A message has exactly the keys role and content."),
    "role": Kind("Unknown role", ROLES),
    "too_few": Kind("Fewer than two messages", "A conversation needs a message of the user and one of the assistant."),
    "no_assistant": Kind("No assistant message", "Add the answer that the model should learn."),
    "last_role": Kind("The last message is not the assistant's", "End each row with the answer that the model should learn."),
    "system_position": Kind("System message not first", "Put the one system message at the start."),
    "repeated_role": Kind("Two messages of one role in a row", "Join them into one, so that user and assistant alternate."),
    "assistant_first": _warning("The assistant speaks first", "Most models expect the user first; add what the user said."),
    "no_system_role": Kind("No system message with this model", "Put its text at the start of the first user message."),
    "special_token": _warning("Special tokens in the text", "Remove them: the model's template adds them."),
    "duplicate_row": _warning("Duplicate rows", "Remove the copies unless they are meant to weigh more."),
    "odd_characters": _warning(
        "Odd characters", "Look at them where the text comes from, and export it again; the model would learn them."
    ),
    "markup": _warning("A page read as plain text", "Save its text alone; its tags would be learned too."),
    "encoded": _warning("Encoded text", "Decode it first: the model would learn the code and not what it says."),
    "repeated_header": Kind("A header among the rows", "Remove the line: it names the columns once more, as joined files do."),
    "mapping": Kind("Does not fit the mapping", "Mend the row, or choose another mapping."),
    "empty_document": _warning("Empty documents", "Nothing needs to be done: they are skipped."),
    "skipped_file": _warning("Files left out", "Only .txt files are read."),
}  # fmt: skip
