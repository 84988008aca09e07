"""Files of lines: what goes wrong with bytes, JSON and line ends."""

import json

from tests.oddities.odd import CHAT, GOOD, GOOD_PAIRS, INSTRUCTION, TEXT, Odd, bad, chats, fine, jsonl, packed, turns

ONE = json.dumps(chats(1, 99)[0]).encode()


def with_text(raw: bytes) -> bytes:
    """Good lines, then one whose answer is `raw`, as it stands in the file."""
    return GOOD + b'{"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "' + raw + b'"}]}\n'


def lines() -> list[Odd]:
    return [*_bytes(), *_json(), *_ends(), *_wholes()]


def _bytes() -> list[Odd]:
    text = GOOD.decode()
    found = [
        bad("no bytes", "a.jsonl", b"", "empty"),
        bad("one NUL", "a.jsonl", b"\x00", "binary"),
        bad("only white space", "a.jsonl", b" \t \n\n  ", "empty"),
        bad("only a byte order mark", "a.jsonl", b"\xef\xbb\xbf", "empty", "bom"),
        fine("a byte order mark", "a.jsonl", b"\xef\xbb\xbf" + GOOD, "bom"),
        fine("two byte order marks", "a.jsonl", b"\xef\xbb\xbf\xef\xbb\xbf" + GOOD, "bom"),
        bad("a mark in the middle, where two files were joined", "a.jsonl", GOOD + b"\xef\xbb\xbf" + ONE, "json", line=4),
        bad("Latin-1", "a.jsonl", with_text("Grüße".encode("latin-1")), "encoding", line=4),
        bad("Windows-1252 quotes", "a.jsonl", with_text(b"\x93so\x94"), "encoding", line=4),
        bad("Mac Roman", "a.jsonl", with_text("déjà".encode("mac_roman")), "encoding", line=4),
        bad("Shift-JIS", "a.jsonl", with_text("日本".encode("shift_jis")), "encoding", line=4),
        bad("GB18030", "a.jsonl", with_text("中文".encode("gb18030")), "encoding", line=4),
        bad("KOI8-R", "a.jsonl", with_text("привет".encode("koi8_r")), "encoding", line=4),
        bad("a cut UTF-8 character", "a.jsonl", with_text("é".encode()[:1]), "encoding", line=4),
        bad("an overlong UTF-8 slash", "a.jsonl", with_text(b"\xc0\xaf"), "encoding", line=4),
        bad("a character beyond Unicode", "a.jsonl", with_text(b"\xf4\x90\x80\x80"), "encoding", line=4),
        bad("a file cut in a character", "a.jsonl", GOOD + ONE[:40] + b"\xe2\x82", "encoding", line=4),
        bad("NUL bytes in a line", "a.jsonl", with_text(b"a\x00b"), "nul", line=4),
        bad("a line of NULs, as a crash leaves", "a.jsonl", GOOD + b"\x00" * 4_096, "nul", line=4),
        bad("an escaped NUL", "a.jsonl", with_text(b"a\\u0000b"), "nul", line=4),
        bad("CESU-8 surrogates", "a.jsonl", with_text(b"\xed\xa0\xbd\xed\xb8\x80"), "surrogate", line=4),
        bad("a lone high surrogate", "a.jsonl", with_text(b"\\ud83d"), "surrogate", line=4),
        bad("a lone low surrogate", "a.jsonl", with_text(b"so \\ude00"), "surrogate", line=4),
        bad("surrogates in the wrong order", "a.jsonl", with_text(b"\\ude00\\ud83d"), "surrogate", line=4),
        fine("a proper pair of surrogates", "a.jsonl", with_text(b"\\ud83d\\ude00")),
        fine("emoji, right to left, combining", "a.jsonl", with_text("👩‍👩‍👧 שלום é".encode())),
        fine("U+2028 and U+0085 inside a text", "a.jsonl", with_text("one\u2028two\u0085three".encode())),
        fine("a noncharacter", "a.jsonl", with_text("\uffff".encode()), "odd_characters"),
        fine("a byte order mark inside a text", "a.jsonl", with_text("\ufeffhi".encode())),
        bad("a raw control character", "a.jsonl", with_text(b"a\x01b"), "json", line=4),
        bad("a raw tab in a text", "a.jsonl", with_text(b"a\tb"), "json", line=4),
        bad("a raw escape", "a.jsonl", with_text(b"\x1b[31mred"), "json", line=4),
        fine("an escaped control character", "a.jsonl", with_text(b"a\\u001bb"), "odd_characters"),
        fine("DEL", "a.jsonl", with_text(b"a\x7fb")),
    ]
    for encoding in ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"):
        found += [bad(encoding, name, text.encode(encoding), "encoding") for name in ("a.jsonl", "a.json", "a.csv", "a")]
        found.append(bad(f"{encoding} in gzip", "a.jsonl.gz", packed(text.encode(encoding)), "encoding"))
        found.append(bad(encoding, "a.txt", text.encode(encoding), "encoding", task=TEXT))
    return found


def _json() -> list[Odd]:
    head = b'{"messages": '
    broken = {
        "single quotes": str(chats(1)[0]).encode(),
        "a trailing comma": ONE[:-1] + b",}",
        "a trailing comma in the list": ONE[:-2] + b",]}",
        "a missing brace": ONE[:-1],
        "a brace too many": ONE + b"}",
        "two objects in a line": ONE + ONE,
        "two objects with a comma": ONE + b"," + ONE,
        "a comma after the object": ONE + b",",
        "a missing colon": ONE.replace(b":", b"", 1),
        "a missing comma": ONE.replace(b"}, {", b"} {"),
        "keys without quotes": ONE.replace(b'"role"', b"role"),
        "a comment": ONE + b" // good one",
        "a # comment line": b"# rows of Tuesday",
        "True of Python": head + b"True}",
        "None of Python": head + b"None}",
        "undefined of JavaScript": head + b"undefined}",
        "a hexadecimal number": head + b"0x1F}",
        "a leading zero": head + b"012}",
        "a leading plus": head + b"+1}",
        "a bare point": head + b".5}",
        "a bad escape": with_text(b"C:\\Users\\new")[len(GOOD) : -1],
        "a short \\u escape": with_text(b"\\u12")[len(GOOD) : -1],
        "a backslash at the end": with_text(b"a\\")[len(GOOD) : -1],
        "an unclosed text": ONE[:30],
        "an unclosed list": ONE[:-2],
        "prose": b"Dear reader, this is not JSON.",
        "a log line": b"2026-01-01 12:00:00 INFO start",
        "CSV": b"user,assistant\n",
        "a Markdown fence": b"```json",
        "XML": b"<row><user>hi</user></row>",
        "YAML": b"messages: []",
        "a git conflict": b"<<<<<<< HEAD",
        "smart quotes": ONE.decode().replace('"', "“").encode(),
        "an HTML error page": b"<!DOCTYPE html><title>502 Bad Gateway</title>",
    }
    found = [
        bad(what, "a.jsonl", GOOD + line.rstrip(b"\n") + b"\n" + ONE + b"\n", "json", line=4) for what, line in broken.items()
    ]
    for word in (b"NaN", b"Infinity", b"-Infinity"):
        found.append(bad(word.decode(), "a.jsonl", GOOD + head + word + b"}\n", "not_finite", line=4))
        found.append(bad(word.decode(), "a.json", b"[" + head + word + b"}]", "not_finite", line=1))
    for depth in (200, 300, 500, 1_000, 1_020, 2_000, 100_000):  # the answer to 900 would depend on the stack it is read in
        for mark, close, kind in ((b"[", b"]", "message_keys"), (b'{"a":', b"}", "messages")):
            line = GOOD + head + mark * depth + b"1" + close * depth + b"}\n"
            found.append(bad(f"{mark.decode()} {depth:,} deep", "a.jsonl", line, "deep" if depth > 1_020 else kind, line=4))
            found.append(
                bad(
                    f"{mark.decode()} {depth:,} deep and cut",
                    "a.jsonl",
                    GOOD + head + mark * depth,
                    "deep" if depth >= 1_000 else "json",
                    line=4,
                )
            )
    found += [
        bad("a whole number of 5,000 digits", "a.jsonl", GOOD + head + b"9" * 5_000 + b"}\n", "number", line=4),
        bad("a number of 1e400", "a.jsonl", GOOD + head + b"1e400}\n", "number", line=4),
        bad("a number beyond 64 bits", "a.jsonl", GOOD + head + b"18446744073709551616}\n", "messages", line=4),
        bad("a key twice", "a.jsonl", GOOD + ONE[:-1] + b', "messages": []}\n', "duplicate_key", "too_few", line=4),
        bad("a key twice, the same value", "a.jsonl", GOOD + ONE[:-1] + b"," + ONE[1:] + b"\n", "duplicate_key", line=4),
        bad(
            "a role twice",
            "a.jsonl",
            GOOD + ONE.replace(b'"role": "user"', b'"role": "user", "role": "user"') + b"\n",
            "duplicate_key",
            line=4,
        ),
        bad(
            "an escaped key twice",
            "a.jsonl",
            GOOD + ONE.replace(b'"role": "user"', b'"role": "x", "\\u0072ole": "user"') + b"\n",
            "duplicate_key",
            line=4,
        ),
        bad(
            "prompt twice",
            "a.jsonl",
            GOOD_PAIRS + b'{"prompt": "a", "prompt": "b", "response": "c"}\n',
            "duplicate_key",
            task=INSTRUCTION,
            line=4,
        ),
    ]
    return found


def _ends() -> list[Odd]:
    long = with_text(b"a" * 1_000_100)
    return [
        fine("CRLF", "a.jsonl", GOOD.replace(b"\n", b"\r\n")),
        bad("old Mac line ends", "a.jsonl", GOOD.replace(b"\n", b"\r"), "json", line=1),
        fine("mixed line ends", "a.jsonl", GOOD + ONE + b"\r\n"),
        fine("no last line feed", "a.jsonl", GOOD[:-1]),
        fine("blank lines at the end", "a.jsonl", GOOD + b"\n\n\n"),
        fine("blank lines between", "a.jsonl", GOOD + b"\n  \n\t\n" + ONE, "blank_line"),
        fine("blank lines at the start", "a.jsonl", b"\n\r\n" + GOOD, "blank_line"),
        fine("white space around objects", "a.jsonl", b"  " + ONE + b" \t\n" + GOOD),
        bad("no-break spaces around objects", "a.jsonl", GOOD + b"\xc2\xa0" + ONE + b"\n", "json", line=4),
        fine("a form feed between", "a.jsonl", GOOD + b"\x0c\n" + ONE, "blank_line"),
        fine("a line of a million characters", "a.jsonl", long, "long_line"),
        bad("a broken line of a million characters", "a.jsonl", GOOD + b"a" * 1_000_100 + b"\n", "json", line=4),
        bad("RFC 7464 record separators", "a.jsonl", b"".join(b"\x1e" + line + b"\n" for line in GOOD.splitlines()), "json"),
        fine("ten thousand spaces before an object", "a.jsonl", GOOD + b" " * 10_000 + ONE + b"\n"),
        fine("JSON lines called .json", "a.json", GOOD),
        fine("JSON lines without an ending", "rows", GOOD),
        fine("an upper-case ending", "ROWS.JSONL", GOOD),
        fine(".ndjson", "a.ndjson", GOOD),
        fine("gzip", "a.jsonl.gz", packed(GOOD)),
        fine("gzip without the ending", "a.jsonl", packed(GOOD)),
        fine("gzip in two members", "a.jsonl.gz", packed(GOOD) + packed(ONE)),
    ]


def _wholes() -> list[Odd]:
    rows = json.dumps(chats()).encode()
    return [
        bad("an array", "a.jsonl", rows, "json_array", line=1),
        bad("an array over lines", "a.jsonl", json.dumps(chats(), indent=2).encode(), "json_array", line=1),
        bad(
            "an array with a row a line", "a.jsonl", b"[\n" + GOOD.replace(b"\n", b",\n")[:-2] + b"\n]\n", "json_array", line=1
        ),
        bad("rows with commas between", "a.jsonl", GOOD.replace(b"\n", b",\n"), "json", line=1),
        bad("pretty-printed objects", "a.jsonl", json.dumps(chats(1)[0], indent=2).encode(), "spread_out", line=1),
        bad("pretty-printed objects later", "a.jsonl", GOOD + json.dumps(chats(1)[0], indent=2).encode(), "json", line=4),
        bad("one object around all", "a.json", json.dumps({"data": chats()}, indent=1).encode(), "one_object"),
        bad("one object around all in a line", "a.json", json.dumps({"data": chats()}).encode(), "one_object"),
        bad(
            "columns instead of rows",
            "a.json",
            json.dumps({"prompt": ["a"], "response": ["b"]}).encode(),
            "not_text",
            task=INSTRUCTION,
        ),
        bad(
            "pandas' columns",
            "a.json",
            json.dumps({"prompt": {"0": "a"}, "response": {"0": "b"}}).encode(),
            "not_text",
            task=INSTRUCTION,
        ),
        bad(
            "pandas' split",
            "a.json",
            json.dumps({"columns": ["prompt"], "data": [["a"]]}).encode(),
            "one_object",
            task=INSTRUCTION,
        ),
        bad(
            "messages as JSON text",
            "a.jsonl",
            GOOD + json.dumps({"messages": json.dumps(turns("user", "assistant"))}).encode(),
            "messages",
            line=4,
        ),
        bad("comments in an array", "a.json", b"[ // rows\n" + rows[1:], "json"),
        bad("single quotes in an array", "a.json", str(chats()).encode(), "json", line=1),
        bad("NaN after good rows", "a.json", rows[:-1] + b", NaN]", "not_finite", line=4),
        bad("JSON behind a callback", "a.json", b"callback(" + rows + b")", "json", line=1),
        bad("a JSON Schema", "a.json", b'{"$schema": "x", "type": "object"}', "keys", line=1),
        bad("a notebook", "a.ipynb", json.dumps({"cells": [], "nbformat": 4}).encode(), "format"),
        bad("a config", "a.toml", b"[data]\nrows = 1\n", "format"),
        bad("an ending of 300 characters", "a." + "x" * 200, GOOD, "format"),
        bad("an array of texts", "a.json", b'["a", "b"]', "not_object", line=1),
        bad("an array of arrays", "a.json", b"[[1, 2], [3, 4]]", "not_object", line=1),
        bad("an empty array", "a.json", b"[]", "empty"),
        bad("an empty object", "a.json", b"{}", "keys", line=1),
        bad("a bare text", "a.json", b'"hello"', "json", line=1),
        bad("a bare number", "a.json", b"7", "json", line=1),
        bad("null", "a.json", b"null", "json", line=1),
        bad("an array cut off", "a.json", rows[:-60], "json"),
        bad("an array without its end", "a.json", rows[:-1], "json"),
        bad("something after the array", "a.json", rows + b" and so on", "json"),
        bad("two arrays", "a.json", rows + rows, "json"),
        bad("an array with two commas", "a.json", rows.replace(b'}, {"messages', b'},, {"messages'), "json"),
        bad("an array without commas", "a.json", rows.replace(b'}, {"messages', b'} {"messages'), "json"),
        bad("an array with a comma at the end", "a.json", rows[:-1] + b",]", "json"),
        bad(
            "a key twice in an array",
            "a.json",
            rows.replace(b'"role": "user"', b'"role": "user", "role": "user"'),
            "duplicate_key",
            line=1,
        ),
        bad("Latin-1 in an array", "a.json", rows.replace(b"What", "Où".encode("latin-1")), "encoding"),
        bad("a NUL in an array", "a.json", rows.replace(b"What", b"W\\u0000t"), "nul", line=1),
        bad("a raw NUL in an array", "a.json", rows.replace(b"What", b"W\x00t"), "nul"),
        bad("a lone surrogate in an array", "a.json", rows.replace(b"What", b"W\\ud83d"), "surrogate", line=1),
        bad("an array 100,000 deep", "a.json", b"[" * 100_000 + b"]" * 100_000, "deep", line=1),
        bad("an array with a huge number", "a.json", b"[" + b"9" * 5_000 + b"]", "number", line=1),
        fine("an array in gzip", "a.json.gz", packed(rows)),
        fine("an array with a byte order mark", "a.json", b"\xef\xbb\xbf" + rows, "bom"),
        fine("an array over lines", "a.json", json.dumps(chats(), indent=2).encode()),
        bad("a JSON line file called .csv", "a.csv", GOOD, "format", line=1),
        bad("a YAML file", "a.yaml", b"messages:\n- role: user\n", "format"),
        bad("an XML file", "a.xml", b"<rows/>", "format"),
        bad("a Markdown file", "a.md", b"# Rows\n", "format"),
        bad("a Python file", "a.py", b"rows = []\n", "format"),
        bad("a file without ending", "rows", b"some words\n", "format"),
        bad("an HTML page called .jsonl", "a.jsonl", b"<!DOCTYPE html>\n<html><body>Sign in</body></html>\n", "html"),
        bad(
            "a Git LFS pointer",
            "a.jsonl",
            b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
            "pointer",
        ),
        bad("CSV called .jsonl", "a.jsonl", b"prompt,response\na,b\nc,d\n", "json", line=1, task=INSTRUCTION),
        bad(
            "only a header of one row a line",
            "a.jsonl",
            b'["prompt", "response"]\n["a", "b"]\n',
            "not_object",
            line=1,
            task=INSTRUCTION,
        ),
        fine("chat rows of 3,000 turns", "a.jsonl", jsonl({"messages": turns(*["user", "assistant"] * 1_500)}), task=CHAT),
    ]
