"""Files as other programs write them: their formats, notations and slips, each under a name that promises rows or texts."""

import base64
import json
import pickle
import struct
import zlib
from datetime import date, datetime, timedelta
from decimal import Decimal

import pyarrow as arrow

from tests.oddities.odd import (
    CHAT,
    GOOD,
    GOOD_PAIRS,
    INSTRUCTION,
    TEXT,
    Odd,
    bad,
    chats,
    fine,
    jsonl,
    packed,
    pairs,
    parquet,
    zipped,
)

HEADS = {
    "TFRecord": b"".join(struct.pack("<Q", 40) + b"\x9a\1\2\3" + b"\n\x10\x08" + b"a" * 37 + b"\1\2\3\4" for _ in range(9)),
    "TFRecord of zeros": (struct.pack("<Q", 20) + b"\x9a\1\2\3" + bytes(20) + b"\1\2\3\4") * 20,
    "a GGML model": b"lmgg" + bytes(50),
    "TensorFlow Lite": b"\x1c\0\0\0TFL3" + b"\0\1" * 40,
    "an Arrow stream": b"\xff\xff\xff\xff\xc8\0\0\0\x10" + bytes(range(60)),
    "Feather": b"FEA1" + bytes(60),
    "DuckDB": bytes(8) + b"DUCK@\0\0\0" + b"\1\2\3\0" * 30,
    "LMDB": bytes(16) + b"\xde\xc0\xef\xbe" + b"\1\0\0\0" * 30,
    "Access": b"\0\1\0\0Standard Jet DB\0" + b"\1\2" * 50,
    "SQLite's journal": b"7\x7f\x06\x82\0-\xe2\x18" + b"\1\0" * 30,
    "a dump of PostgreSQL": b"PGDMP\1\x0e\0" + b"\1\2\3" * 40,
    "BSON": b"\x16\0\0\0\x02hello\0\x06\0\0\0world\0\0" * 20,
    "an R object": packed(b"X\n\0\0\0\3\0\4\2\0" + bytes(50)),
    "MATLAB": b"MATLAB 5.0 MAT-file, Platform: GLNXA64" + b" " * 86 + b"\0\1IM",
    "Stata": b"<stata_dta><header><release>118</release>" + b"\0\1" * 30,
    "SPSS": b"$FL2@(#) SPSS DATA FILE" + b"\0\2\0\0" * 30,
    "lz4": b'\x04"M\x18d@\xa7' + b"\1\2\3ab" * 30,
    "compress": b"\x1f\x9d\x90\x7bD\x88" + b"ab" * 30,
    "zlib": zlib.compress(GOOD * 20),
    "LZMA of old": b"]\0\0\x80\0" + b"\xff" * 8 + b"\0=\x88" * 20,
    "an ar archive": b"!<arch>\nrows.jsonl/     0           0     0     644     7         `\nhello\n",
    "cpio": b"070701" + b"0" * 98 + b"rows\0\0",
    "RPM": b"\xed\xab\xee\xdb\3\0\0\0" + b"\1\0" * 40,
    "an image of a disc": bytes(32_768) + b"\1CD001\1\0" + b" " * 100,
    "OpenSSL": b"Salted__" + bytes(range(200)),
    "a torrent": b"d8:announce20:http://x.example/ann4:infod6:lengthi5e4:name5:a.txtee",
    "HEIC": b"\0\0\0\x18ftypheic" + b"\0\1" * 40,
    "WebM": b"\x1aE\xdf\xa3" + b"\0\1" * 40,
    "FLAC": b'fLaC\0\0\0"' + b"\0\1" * 40,
    "Photoshop": b"8BPS\0\1\0\0" + b"\0\1" * 40,
    "DjVu": b"AT&TFORM\0\0\0\0DJVM" + b"\0\1" * 40,
    "a font": b"wOF2\0\1\0\0" + b"\1\2\0" * 40,
    "network traffic": b"\xd4\xc3\xb2\xa1\2\0\4\0" + b"\0\1" * 40,
    ".DS_Store": b"\0\0\0\1Bud1\0\0\x10\0" + b"\0\1" * 40,
    "vim's swap file": b"b0VIM 8.2\0\0\0\0" + b"\0\1" * 40,
    "a shortcut": b"L\0\0\0\1\x14\2\0" + bytes(60),
    "a pickle of protocol 1": pickle.dumps(chats(), 1),
    "numbers of 16 bits": b"\1\0" * 60,
}  # fmt: skip
FORMATS = {
    "XML": b'<?xml version="1.0"?>\n<rows><row/></rows>',
    "YAML": b"- messages:\n  - role: user\n    content: hi\n",
    "YAML with its mark": b"---\nmessages:\n- role: user\n",
    "TOML": b'[[rows]]\nprompt = "a"\n',
    "settings": b"[section]\nkey=value\n",
    "a list of Python": str(chats()).encode(),
    "rows of Python": "\n".join(map(str, chats())).encode(),
    "JSON5": b"[\n {messages: [{role: 'user', content: 'hi'}]},\n]",
    "comments before an array": b"// rows\n" + json.dumps(chats()).encode(),
    "a module of JavaScript": b"module.exports = " + json.dumps(chats()).encode(),
    "a variable of JavaScript": b"const data = " + json.dumps(chats()).encode() + b";",
    "server-sent events": b"".join(b"data: " + line + b"\n\n" for line in GOOD.splitlines()),
    "an answer with headers": b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" + GOOD,
    "subtitles": b"1\n00:00:01,000 --> 00:00:02,000\nHi\n",
    "WebVTT": b"WEBVTT\n\n00:01.000 --> 00:02.000\nHi\n",
    "an e-mail": b"From a@example.org Mon Jan 1 00:00:00 2024\nSubject: x\n\nhello\n",
    "SQL": b"-- MySQL dump 10.13\nCREATE TABLE `t` (`a` int);\n",
    "base64": base64.encodebytes(GOOD),
    "PGP": b"-----BEGIN PGP MESSAGE-----\n\nhQEMA5vJ\n",
    "uuencode": b"begin 644 rows.jsonl\nM>R)M97-S86=E<R(Z(%M[(G)O;&4B\n",
    "a pickle of protocol 0": pickle.dumps(chats(), 0),
}
PAGES = {
    "a page after a comment": b"<!-- saved from url -->\n<!DOCTYPE html><html></html>",
    "a page without html": b"<head><title>503</title></head><body>Service Unavailable</body>",
    "a page later on": b"\n\n  <HTML lang=en><body>Sign in</body></html>",
    "a refusal of S3": b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>',
}
LINES = {
    "a comma at the end": GOOD.replace(b"\n", b",\n"),
    "no line feeds": GOOD.replace(b"\n", b""),
    "line feeds written out": GOOD.replace(b"\n", b"\\n"),
    "lines of NEL": GOOD.replace(b"\n", "\u0085".encode()),
    "an object of MongoDB": b'{"_id": ObjectId("5f"), "messages": []}\n',
}
UNSEEN = {
    "marks of no width": "\u200c\u200d\u2060", "marks of direction": "\u202a\u202c\u2066\u2069", "selectors": "\ufe0f\ufe0f",
    "empty Braille": "\u2800\u2800", "a filler of Hangul": "\u3164", "soft hyphens": "\u00ad", "white space and a mark": " \u200e\n",
}  # fmt: skip
STRANGE = {
    "the mark of a lost character": "caf\ufffd", "UTF-8 read as Windows-1252": "Ã¼ber", "noncharacters": "\ufdd0\uffff",
    "a private font": "\ue000 menu", "a terminal's colour": "\x1b[31mred", "an override of direction": "abc\u202edef",
    "letters that nobody sees": "Fine\U000e0041",
}  # fmt: skip
FOREIGN = {
    "names in capitals": {"Prompt": "a", "Response": "b"}, "Dolly": {"instruction": "a", "context": "c", "response": "b"},
    "prompt and answer": {"prompt": "a", "answer": "b"}, "user and assistant": {"user": "a", "assistant": "b"},
    "problem and solution": {"problem": "a", "solution": "b"},
}  # fmt: skip


def say(text: str) -> dict[str, object]:
    return {"messages": [{"role": "user", "content": "Say it."}, {"role": "assistant", "content": text}]}


def guests() -> list[Odd]:
    return [*_wholes(), *_rows(), *_tables(), *_packed(), *_texts()]


def _wholes() -> list[Odd]:
    found = []
    for what, head in HEADS.items():
        found += [bad(what, "a.jsonl", head, "binary"), bad(what, "a.txt", head, "binary", task=TEXT)]
    for name in ("a.jsonl", "a.json"):
        found += [bad(what, name, text, "json", line=1) for what, text in FORMATS.items()]
        found += [bad(what, name, text, "html", line=1) for what, text in PAGES.items()]
        found += [bad(what, name, text, "json", line=1) for what, text in LINES.items()]
    long = json.dumps(say("a" * 70_000)).encode() + b"\n"
    return [*found, fine("lines called .json, the first a long one", "a.json", long + GOOD)]


def _rows() -> list[Odd]:
    found = [bad(what, "a.jsonl", GOOD + jsonl(say(text)), "empty_text", line=4) for what, text in UNSEEN.items()]
    found += [fine(what, "a.jsonl", GOOD + jsonl(say(text)), "odd_characters") for what, text in STRANGE.items()]
    found += [
        bad(what, "a.jsonl", jsonl(row) * 2, "keys", task=task) for what, row in FOREIGN.items() for task in (CHAT, INSTRUCTION)
    ]
    return [
        *found,
        fine(
            "a flag of England", "a.jsonl", GOOD + jsonl(say("🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"))
        ),
        fine("letters of half width", "a.jsonl", GOOD + jsonl(say("￥ｶﾞ"))),
        fine("a text that begins with a mark of no width", "a.jsonl", GOOD + jsonl(say("\u200bHello"))),
        bad(
            "content in parts",
            "a.jsonl",
            jsonl({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}),
            "not_text",
        ),
        bad("a role of no letters", "a.jsonl", GOOD + jsonl({"messages": [{"role": "", "content": "a"}]}), "role", line=4),
    ]


def _tables() -> list[Odd]:
    def csv(what: str, content: bytes, *kinds: str, line: int | None = None, task: object = INSTRUCTION) -> Odd:
        return bad(what, "a.csv", content, *kinds, task=task, line=line)  # type: ignore[arg-type]

    cells: dict[str, object] = {
        "decimals": Decimal("1.5"), "dates": date(2020, 1, 1), "times": datetime(2020, 1, 1), "lengths of time": timedelta(5),  # noqa: DTZ001
        "bytes": b"abc",
    }  # fmt: skip
    return [
        *(bad(f"parquet of {what}", "a.parquet", parquet(arrow.table({"prompt": arrow.array([cell]), "response": ["b"]})),
              "not_text", task=INSTRUCTION, line=1) for what, cell in cells.items()),
        fine("a blank line above the names", "a.csv", b"\n \nprompt,response\na,b\n", task=INSTRUCTION),
        csv("an index of pandas", b",prompt,response\n0,a,b\n", "table", line=1),
        csv("a column twice", b"prompt,prompt,response\na,a,b\n", "table", line=1),
        csv("a comma at every end", b"prompt,response,\na,b,\n", "table", line=1),
        csv("Latin-1 in the third line", b"prompt,response\na,b\ncaf\xe9,b\n", "encoding", line=3),
        csv("Latin-1 far down", b"prompt,response\n" + b"a,b\n" * 9_000 + b"caf\xe9,b\n", "encoding", line=9_002),
        csv("messages of Python", b"messages\n\"[{'role':'user','content':'a'}]\"\n", "messages", line=2, task=CHAT),
        csv("a table of HTML", b"<table><tr><td>prompt</td></tr></table>", "html", line=1),
        csv("colons between", b"prompt:response\na:b\n", "keys", line=2),
        csv("no line of names", b"What is 1+1?,It is 2\nWhat is 2+2?,It is 4\n", "keys", line=2),
        csv("200,000 columns", b",".join(b"c%d" % n for n in range(200_000)) + b"\n" + b"," * 199_999 + b"\n", "keys", line=2),
    ]  # fmt: skip


def _packed() -> list[Odd]:
    whole = packed(GOOD)
    return [
        bad("a line feed after gzip", "a.jsonl.gz", whole + b"\n", "broken_archive"),
        bad("rows after gzip", "a.jsonl.gz", whole + GOOD, "broken_archive"),
        bad("three members, the last cut", "a.jsonl.gz", whole * 2 + whole[:-12], "broken_archive"),
        fine("the ending .gzip", "a.jsonl.gzip", whole),
        fine("a name with a space at its end", "a.jsonl ", GOOD),
        fine("names that differ in case alone", "a.zip", zipped({"Readme.txt": "one text", "README.TXT": "two texts"}), task=TEXT),
        fine("500 folders deep", "a.zip", zipped({"d/" * 500 + "a.txt": "a text"}), task=TEXT),
        bad("a name that is no UTF-8", "a.zip", zipped({"éé.txt": "a text"}).replace("éé".encode(), b"\xff\xfe\xfd\xfc"),
            "broken_archive", task=TEXT),
        bad("parquet in zip", "a.zip", zipped({"a.parquet": parquet(pairs())}), "archive", task=INSTRUCTION),
        bad("PNG in gzip for instructions", "a.jsonl.gz", packed(b"\x89PNG\r\n\x1a\n" + bytes(50)), "binary", task=INSTRUCTION),
    ]  # fmt: skip


def _texts() -> list[Odd]:
    found = [fine(what, "a.txt", f"A text. {text}".encode(), "odd_characters", task=TEXT) for what, text in STRANGE.items()]
    return [
        *found,
        *(bad(what, "a.txt", text.encode(), "empty_text", task=TEXT) for what, text in UNSEEN.items() if text.strip()),
        fine("only noncharacters", "a.txt", ("\ufffe\uffff" * 50).encode(), "odd_characters", task=TEXT),
        fine("a page called .txt", "a.txt", b"<!DOCTYPE html><html><body>hi</body></html>", "markup", task=TEXT),
        fine("XML called .txt", "a.txt", b'<?xml version="1.0"?><a/>', "markup", task=TEXT),
        fine("an array called .txt", "a.txt", json.dumps(chats()).encode(), "rows_as_text", task=TEXT),
        bad(
            "a pointer called .txt",
            "a.txt",
            b"version https://git-lfs.github.com/spec/v1\noid sha256:abc\n",
            "pointer",
            task=TEXT,
        ),
        bad("Shift-JIS", "a.txt", "日本語の文章です。".encode("shift_jis"), "encoding", task=TEXT, line=1),
        bad(
            "a line feed in pairs",
            "a.jsonl",
            GOOD_PAIRS + b'{"prompt": "a\nb", "response": "c"}\n',
            "json",
            task=INSTRUCTION,
            line=4,
        ),
    ]
