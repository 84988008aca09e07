"""Files that strayed in from other programs, and names that mislead."""

import bz2
import io
import json
import lzma
import pickle
import tarfile

from tests.oddities.odd import CHAT, INSTRUCTION, TEXT, Odd, bad, chats, fine

ROW = json.dumps(chats(1)[0])
LINE = ROW.encode()


def strays() -> list[Odd]:
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w:gz") as archive:
        member = tarfile.TarInfo("a.txt")
        member.size = 3
        archive.addfile(member, io.BytesIO(b"abc"))
    return [
        bad("a tar of texts in gzip", "a.tar.gz", tar.getvalue(), "binary", task=TEXT),
        bad("rows in bzip2", "a.jsonl.bz2", bz2.compress(LINE), "binary", task=CHAT),
        bad("rows in xz", "a.jsonl.xz", lzma.compress(LINE), "binary", task=CHAT),
        bad("rows of a mainframe", "a.jsonl", ROW.encode("cp037"), "encoding", task=CHAT),
        bad("UTF-16 without a mark", "a.jsonl", ROW.encode("utf-16-be"), "encoding", task=CHAT),
        bad("UTF-32", "a.jsonl", ROW.encode("utf-32"), "encoding", task=CHAT),
        bad("a line separator of Unicode between rows", "a.jsonl", f"{ROW}\u2028{ROW}".encode(), "json", task=CHAT, line=1),
        bad("a comma between two rows", "a.jsonl", LINE + b"," + LINE, "json", task=CHAT, line=1),
        bad("a semicolon after the row", "a.jsonl", LINE + b";\n", "json", task=CHAT, line=1),
        bad("a comment above the rows", "a.jsonl", b"# rows\n" + LINE, "json", task=CHAT, line=1),
        bad("an array with a comma too many", "a.json", b"[" + LINE + b",]", "json", task=CHAT),
        bad("null alone", "a.json", b"null", "json", task=CHAT),
        bad("true on a line", "a.jsonl", b"true\n", "not_object", task=CHAT, line=1),
        bad("messages as text", "a.jsonl", b'{"messages": "[]"}', "messages", task=CHAT, line=1),
        bad("messages as one object", "a.jsonl", b'{"messages": {"role": "user"}}', "messages", task=CHAT, line=1),
        bad("the key with a capital", "a.jsonl", b'{"Messages": []}', "keys", task=CHAT, line=1),
        bad("a pickle", "a.pkl", pickle.dumps({"a": 1}), "binary", task=CHAT),
        bad("a database", "a.jsonl", b"SQLite format 3\0" + bytes(200), "binary", task=CHAT),
        bad("Avro", "a.jsonl", b"Obj\x01" + bytes(50), "binary", task=INSTRUCTION),
        bad("YAML", "a.yaml", b"messages:\n - role: user\n", "format", task=CHAT),
        bad("a notebook", "a.ipynb", b'{"cells": []}', "format", task=CHAT),
        bad("parquet only by its name", "a.parquet", b"prompt,response\na,b\n", "format", task=INSTRUCTION),
        bad("parquet only by its name and in gzip's place", "a.parquet", LINE, "format", task=CHAT),
        bad("four letters of parquet", "a.parquet", b"PAR1", "broken_archive", task=INSTRUCTION),
        bad("parquet without an end", "a.parquet", b"PAR1" + bytes(100) + b"PAR1", "broken_archive", task=INSTRUCTION),
        bad("form feeds as text", "a.txt", b"\x0c\x0b" * 50, "binary", task=TEXT),
        bad("a terminal's colours as text", "a.txt", b"\x1b[31mred\x07", "binary", task=TEXT),
        bad("rows that call themselves text", "a.jsonl.txt", LINE, "format", task=CHAT),
        bad("a cell too few", "a.csv", b"prompt,response\na\nb,c\n", "table", task=INSTRUCTION, line=2),
        bad("a quote that stays open", "a.csv", b'prompt,response\n"open,x\n', "table", task=INSTRUCTION, line=2),
        fine("a name in capitals", "A.JSONL", LINE, task=CHAT),
        fine("a name of an ending alone", ".jsonl", LINE, task=CHAT),
        fine("a name that runs backwards", "\u202egpj.jsonl", LINE, task=CHAT),
        fine("a name that Windows keeps for itself", "CON.jsonl", LINE, task=CHAT),
    ]
