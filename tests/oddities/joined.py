"""Files that were joined, and texts that were encoded: each is read without an error by what does not look closer."""

import base64
import quopri
import random
from collections.abc import Iterator
from urllib.parse import quote

from tests.oddities.odd import INSTRUCTION, TEXT, Odd, bad, chats, fine, jsonl, packed, pairs, parquet, zipped

SAID = "Die Prüfung des Geräts ist für Dienstag geplant, weil die Tür klemmt. " * 30
TABLE = b"prompt,response\na,b\n"


def joined() -> Iterator[Odd]:
    long, short = parquet(pairs(50)), parquet(pairs(2))
    for what, content in {"a short one behind": long + short, "a long one behind": short + long, "itself": long + long}.items():
        yield bad(f"parquet with {what}", "a.parquet", content, "table", task=INSTRUCTION)
    yield bad("parquet joined and packed", "a.parquet.gz", packed(long + short), "table", task=INSTRUCTION)
    yield bad("three parquet files", "a.parquet", short + long + short, "table", task=INSTRUCTION)
    summed = parquet(pairs(50), write_page_checksum=True, compression="none")
    at = summed.index(b"What is 7?")
    yield bad(
        "parquet with a wrong letter", "a.parquet", summed[:at] + b"V" + summed[at + 1 :], "broken_archive", task=INSTRUCTION
    )
    yield fine("parquet with an index of pages", "a.parquet", parquet(pairs(5), write_page_index=True), task=INSTRUCTION)
    yield bad("two zips", "a.zip", zipped({"a.txt": SAID}) + zipped({"b.txt": SAID}), "archive", task=TEXT)
    yield bad("two tables", "a.csv", TABLE + TABLE.replace(b"a,b", b"c,d"), "repeated_header", task=INSTRUCTION, line=3)
    yield bad("a table as lines", "a.jsonl", TABLE, "json", task=INSTRUCTION, line=1)
    yield bad("a title over a table", "a.csv", b"Questions\n" + TABLE, "table", task=INSTRUCTION, line=2)
    yield bad("a comment before an array", "a.json", b"/* rows */ [" + jsonl(*chats(1)) + b"]", "json", line=1)
    yield bad("a comma behind the last row", "a.json", b"[" + jsonl(*chats(1)) + b",]", "json", line=1)


def encoded() -> Iterator[Odd]:
    raw = random.Random(2).randbytes(2_000)
    codes = {
        "base64": base64.encodebytes(SAID.encode()),
        "base64 in one line": base64.urlsafe_b64encode(raw),
        "hexadecimal": SAID.encode().hex().encode(),
        "a dump": b"".join(b"%08x  " % at + raw[at : at + 16].hex(" ").encode() + b"  |....|\n" for at in range(0, 320, 16)),
        "UTF-7": SAID.encode("utf-7"),
        "quoted-printable": quopri.encodestring(SAID.encode()),
        "percent signs": quote(SAID).encode(),
        "uuencode": b"begin 644 a.txt\n" + b"M" + b"A" * 200,
        "JSON escapes": SAID.encode("ascii", "backslashreplace").replace(b"\\x", b"\\u00"),
        "entities": SAID.encode("ascii", "xmlcharrefreplace"),
    }
    for what, content in codes.items():
        yield fine(f"text as {what}", "a.txt", content, "encoded", task=TEXT)
    yield fine("a table as text", "a.txt", TABLE * 30, "rows_as_text", task=TEXT)
    yield fine("DNA", "a.txt", b"ACGTTGCA" * 100, task=TEXT)
    yield fine("a long word", "a.txt", b"Donaudampfschifffahrt" * 20 + b" " + SAID.encode(), task=TEXT)
