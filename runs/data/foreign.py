"""Text of another format where rows of JSON should be: recognised by how it begins, with what to do about it.

Only what cannot begin a JSON value is looked at; a broken line among good ones is `lines`' business.
"""

import re

TABLE = "a table of CSV"
ROWS = "Write each row on a line of its own with json.dumps(row)."
_FORMS: tuple[tuple[str, str, str], ...] = (  # how it begins, what it is, how it becomes rows
    (r"<\?xml|<[a-z][\w:-]*[\s>/]", "XML", "Read it with an XML parser. " + ROWS),
    (r"-----BEGIN ", "an encrypted or signed message, or a key", "Decrypt it first."),
    (r"HTTP/\d", "an answer with its HTTP headers", "Save the body alone, as curl does without -i."),
    (r"(data|event|id|retry):", "a stream of server-sent events", "Keep what stands behind “data: ”, one object a line."),
    (r"WEBVTT|\d+\r?\n\d\d:\d\d:\d\d[,.]\d", "subtitles", "For continued pretraining, save their text as .txt."),
    (r"(From |Received:|Return-Path:|MIME-Version:|Delivered-To:)", "e-mail", "Take the texts out. " + ROWS),
    (r"begin [0-7]{3,4} ", "a uuencoded file", "Decode it with uudecode."),
    (r"/\*[^*]*\*/\s*[\[{]", "JSON5 or JavaScript", "JSON has no comments: take them away. " + ROWS),
    (r"(--(?!-)|/\*|insert\s+into|create\s+table|begin;|set\s|drop\s+table|copy\s)", "SQL", "Export the table as CSV or JSON."),
    (
        r"(export\s+default|module\.exports|(var|let|const)\s+\w+\s*=|\w+\(\s*[\[{]|\(function|\(\()",
        "JavaScript",
        "Keep the data alone. " + ROWS,
    ),
    (r"(//|/\*).*\n\s*[\[{]|[\[{]\s*(//|/\*)|\[\s*\{\s*[A-Za-z_]\w*\s*:", "JSON5 or JavaScript",
     "JSON has no comments, and its keys stand in double quotes: read it with a JSON5 parser. " + ROWS),
    (r"[\[{(][\[{(\s]*'|\[?(dict|OrderedDict)\(", "Python's notation", "str(row) writes it; json.dumps(row) writes JSON."),
    (r"---\s*\n|-\s+[\w\"']+\s*:|%YAML|[A-Za-z_]\w*:\s*(\n\s*-|\n\s+\w)", "YAML", "Load it with a YAML parser. " + ROWS),
    (r"\[{1,2}(?!null|true|false)[A-Za-z_][\w. -]*\]{1,2}\s*(\n|$)|[A-Za-z_]\w*\s*=\s", "TOML or a settings file",
     "Load it with its own parser. " + ROWS),
    (r"(\(lp0|\(dp0|ccopy_reg|c__builtin__)", "a Python pickle", "No pickle is ever opened here. " + ROWS),
    (r"\$ |>>> ", "a copy of a terminal", ROWS),
    (r"\"?(prompt|messages|question|instruction|input)\"?[,;\t|]\"?[a-z]\w*\"?[^{}\n]*\n", TABLE, "Let the name end in .csv."),
    (r"[A-Za-z0-9+/]{60,}={0,2}\s*(\n[A-Za-z0-9+/]|$)", "base64", "Decode it first, with base64 -d."),
)  # fmt: skip
_KNOWN = [(re.compile(form, re.IGNORECASE if form.islower() else 0), what, remedy) for form, what, remedy in _FORMS]


def foreign(start: bytes) -> tuple[str, str] | None:
    """What the text is that begins so, and the remedy; None where it may be rows."""
    text = start[:4_096].decode("utf-8", errors="replace").lstrip("\ufeff \t\r\n")
    return next(((what, remedy) for form, what, remedy in _KNOWN if form.match(text)), None)
