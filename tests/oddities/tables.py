"""Tables, CSV and parquet, and texts."""

import datetime
import decimal
import json

from tests.oddities.odd import CHAT, INSTRUCTION, TEXT, Odd, bad, chats, fine, packed, pairs, parquet, turns

CSV = b"prompt,response\nWhat?,That.\nWho?,She.\n"


def csvs() -> list[Odd]:
    def one(what: str, content: bytes, *kinds: str, line: int | None = None, name: str = "a.csv") -> Odd:
        return bad(what, name, content, *kinds, task=INSTRUCTION, line=line)

    def ok(what: str, content: bytes, *warned: str, name: str = "a.csv") -> Odd:
        return fine(what, name, content, *warned, task=INSTRUCTION)

    messages = json.dumps(turns("user", "assistant")).replace('"', '""').encode()
    return [
        ok("CSV", CSV),
        ok("CRLF", CSV.replace(b"\n", b"\r\n")),
        ok("old Mac line ends", CSV.replace(b"\n", b"\r")),
        ok("semicolons", CSV.replace(b",", b";")),
        ok("tabs", CSV.replace(b",", b"\t")),
        ok("tabs in a .tsv", CSV.replace(b",", b"\t"), name="a.tsv"),
        ok("pipes", CSV.replace(b",", b"|")),
        ok("a byte order mark", b"\xef\xbb\xbf" + CSV, "bom"),
        ok("quoted headers", b'"prompt","response"\n"a","b"\n'),
        ok("a header in quotes with a comma inside a cell", b'prompt,response\n"a, b","c ""d"" e"\n'),
        ok("line feeds in cells", b'prompt,response\n"a\nb\n\nc",d\n'),
        ok("blank lines", CSV + b"\n\nWhen?,Now.\n", "blank_line"),
        ok("blank lines at the end", CSV + b"\n\n"),
        ok("columns in another order", b"response,prompt\nThat.,What?\n"),
        ok("completion", b"prompt,completion\nWhat?,That.\n"),
        ok("spaces around headers", b" prompt , response \na,b\n"),
        ok("Excel's sep line", b"sep=;\nprompt;response\na;b\n"),
        one("a header alone", b"prompt,response\n", "empty"),
        one("a header without its line feed", b"prompt,response", "empty"),
        one("no header", b"What is it?,That.\nWho is it?,She.\n", "keys"),
        one("a column more", b"id,prompt,response\n1,a,b\n", "keys", line=2),
        one("an empty column", b"prompt,response,\na,b,\n", "table", line=1),
        one("a column twice", b"prompt,prompt\na,b\n", "table", line=1),
        one("one column", b"prompt\na\n", "keys", line=2),
        one("a cell less", b"prompt,response\na\nb,c\n", "table", line=2),
        one("a cell more", b"prompt,response\na,b,c\n", "table", line=2),
        one("an unquoted comma", b"prompt,response\nHello, you,hi\n", "table", line=2),
        one("empty cells", b"prompt,response\na,\n,b\n", "empty_text", line=2),
        one("blank cells", b'prompt,response\na," "\n', "empty_text", line=2),
        one("an open quote", b'prompt,response\n"a,b\nc,d\n', "table"),
        one("a stray quote", b'prompt,response\n"a"b,c\n', "table"),
        one("single quotes around commas", b"prompt,response\n'a, b',c\n", "table", line=2),
        one("backslash escapes", b'prompt,response\n"a \\" b",c\n', "table"),
        one("Latin-1", "prompt,response\nOù?,Là.\n".encode("latin-1"), "encoding"),
        one("NUL", b"prompt,response\na\x00,b\n", "nul"),
        one("only commas", b",,,\n,,,\n", "table", line=1),
        one("only line feeds", b"\n\n\n", "empty"),
        one("Markdown table", b"| prompt | response |\n|---|---|\n| a | b |\n", "table"),
        one("semicolons in a header with commas", b"prompt,response\na;b\n", "table", line=2),
        one("a binary cell", b"prompt,response\n\x01\x02\x03\x04,\x05\x06\x07\x08\n" * 9, "binary"),
        fine("messages as JSON text", "a.csv", b'messages\n"' + messages + b'"\n'),
        bad("messages as broken JSON text", "a.csv", b'messages\n"[{role: user}]"\n', "messages", line=2),
        bad("messages as plain text", "a.csv", b"messages\nhello there\n", "messages", line=2),
        bad("roles as columns", "a.csv", b"user,assistant\nhi,ho\n", "keys", line=2),
        bad("question and answer", "a.csv", b"question,answer\na,b\n", "keys", line=2),
        bad("CSV of another task", "a.csv", CSV, "keys", line=2),
        ok("a cell of a million characters", b"prompt,response\na," + b"b" * 1_000_100 + b"\n", "long_line"),
        ok("gzip", packed(CSV), name="a.csv.gz"),
        one("5,000 columns", b",".join(b"c%d" % n for n in range(5_000)) + b"\n" + b",".join([b"1"] * 5_000), "keys", line=2),
    ]


def parquets() -> list[Odd]:
    import pyarrow as arrow

    text = arrow.string()
    good = parquet(pairs(300))
    nested = arrow.table({"messages": arrow.array([chats(1)[0]["messages"]] * 3)})
    deep: object = "x"
    for _ in range(60):
        deep = [deep]
    columns = {
        "numbers": arrow.table({"prompt": ["a"], "response": [4]}),
        "dates": arrow.table({"prompt": ["a"], "response": [datetime.date(2026, 1, 1)]}),
        "decimals": arrow.table({"prompt": ["a"], "response": [decimal.Decimal("1.5")]}),
        "times": arrow.table({"prompt": ["a"], "response": [datetime.datetime(2026, 1, 1)]}),  # noqa: DTZ001
        "spans": arrow.table({"prompt": ["a"], "response": [datetime.timedelta(1)]}),
        "bytes": arrow.table({"prompt": ["a"], "response": [b"\xff\xfe"]}),
        "NaN": arrow.table({"prompt": ["a"], "response": [float("nan")]}),
        "nulls": arrow.table({"prompt": ["a"], "response": arrow.nulls(1)}),
        "lists": arrow.table({"prompt": ["a"], "response": [["b"]]}),
        "structs": arrow.table({"prompt": ["a"], "response": [{"b": 1}]}),
        "maps": arrow.table({"prompt": ["a"], "response": arrow.array([[("k", "v")]], arrow.map_(text, text))}),
        "60 lists deep": arrow.table({"prompt": ["a"], "response": [deep]}),
    }
    found = [
        bad(f"parquet of {what}", "a.parquet", parquet(table), "not_text", task=INSTRUCTION, line=1)
        for what, table in columns.items()
    ]
    found += [
        fine("parquet", "a.parquet", good, task=INSTRUCTION),
        fine("parquet under another ending", "a.bin", good, task=INSTRUCTION),
        fine("parquet called .jsonl", "a.jsonl", good, task=INSTRUCTION),
        fine("parquet with messages", "a.parquet", parquet(nested), "duplicate_row"),
        fine(
            "parquet with a dictionary",
            "a.parquet",
            parquet(arrow.table({"prompt": arrow.array(["a", "b"]).dictionary_encode(), "response": ["c", "d"]})),
            task=INSTRUCTION,
        ),
        fine(
            "parquet with large texts",
            "a.parquet",
            parquet(
                arrow.table(
                    {"prompt": arrow.array(["a"], arrow.large_string()), "response": arrow.array(["b"], arrow.string_view())}
                )
            ),
            task=INSTRUCTION,
        ),
        fine("parquet in Zstandard", "a.parquet", parquet(pairs(300), compression="zstd"), task=INSTRUCTION),
        fine("parquet in many row groups", "a.parquet", parquet(pairs(300), row_group_size=7), task=INSTRUCTION),
        bad(
            "parquet without rows",
            "a.parquet",
            parquet(arrow.table({"prompt": arrow.array([], text), "response": arrow.array([], text)})),
            "empty",
            task=INSTRUCTION,
        ),
        bad("parquet without columns", "a.parquet", parquet(arrow.table({})), "empty", task=INSTRUCTION),
        bad(
            "parquet with a column more",
            "a.parquet",
            parquet([{**row, "id": 1} for row in pairs()]),
            "keys",
            task=INSTRUCTION,
            line=1,
        ),
        bad(
            "parquet with a column twice",
            "a.parquet",
            parquet(arrow.Table.from_arrays([arrow.array(["a"])] * 3, ["prompt", "response", "prompt"])),
            "table",
            task=INSTRUCTION,
        ),
        bad(
            "parquet with empty cells",
            "a.parquet",
            parquet([{"prompt": "a", "response": "b"}, {"prompt": "", "response": None}]),
            "empty_text",
            "not_text",
            task=INSTRUCTION,
            line=2,
        ),
        bad(
            "parquet with a null message",
            "a.parquet",
            parquet([{"messages": [*turns("user"), None, *turns("assistant")]}]),
            "message_keys",
            line=1,
        ),
        bad(
            "parquet with null messages",
            "a.parquet",
            parquet([{"messages": turns("user", "assistant")}, {"messages": None}]),
            "messages",
            line=2,
        ),
        bad(
            "parquet with a null content",
            "a.parquet",
            parquet([{"messages": [{"role": "user", "content": None}, *turns("assistant")]}]),
            "not_text",
            line=1,
        ),
        bad("parquet with NUL", "a.parquet", parquet([{"prompt": "a\x00", "response": "b"}]), "nul", task=INSTRUCTION, line=1),
        bad(
            "parquet with texts that are no UTF-8",
            "a.parquet",
            parquet(arrow.table({"prompt": ["a"], "response": arrow.array([b"caf\xe9"]).view(text)})),
            "encoding",
            task=INSTRUCTION,
        ),
        bad("half a parquet file", "a.parquet", good[: len(good) // 2], "broken_archive", task=INSTRUCTION),
        bad("parquet without its end", "a.parquet", good[:-4], "broken_archive", task=INSTRUCTION),
        bad("parquet without its start", "a.parquet", good[4:], "binary", task=INSTRUCTION),
        bad("parquet with zeros inside", "a.parquet", good[:60] + bytes(400) + good[460:], "broken_archive", task=INSTRUCTION),
        bad("only the marks of parquet", "a.parquet", b"PAR1" + bytes(100) + b"PAR1", "broken_archive", task=INSTRUCTION),
        bad(
            "parquet with a footer of 4 GB",
            "a.parquet",
            good[:-8] + b"\xff\xff\xff\xff" + b"PAR1",
            "broken_archive",
            task=INSTRUCTION,
        ),
        bad("JSON lines called .parquet", "a.parquet", b'{"prompt": "a", "response": "b"}\n', "format", task=INSTRUCTION),
        bad("encrypted parquet", "a.parquet", b"PARE" + bytes(100) + b"PARE", "binary", task=INSTRUCTION),
        bad(
            "parquet of ShareGPT",
            "a.parquet",
            parquet([{"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]}]),
            "keys",
            task=CHAT,
        ),
    ]
    return found


def texts() -> list[Odd]:
    def one(what: str, content: bytes, *kinds: str, line: int | None = None, name: str = "a.txt") -> Odd:
        return bad(what, name, content, *kinds, task=TEXT, line=line)

    def ok(what: str, content: bytes, *warned: str, name: str = "a.txt") -> Odd:
        return fine(what, name, content, *warned, task=TEXT)

    return [
        ok("a text", b"Once upon a time.\n"),
        ok("CRLF", b"Once\r\nupon\r\n"),
        ok("a byte order mark", b"\xef\xbb\xbfOnce", "bom"),
        ok("no line feed in a million characters", b"a" * 1_000_100, "duplicate_row"),
        ok("gzip", packed(b"Once upon a time."), name="a.txt.gz"),
        ok("one letter", b"a"),
        ok("only emoji", "🎉".encode() * 40_000),
        one("no bytes", b"", "empty"),
        one("only white space", b" \n\t\n", "empty", "empty_document"),
        one("Latin-1", "Où?\n".encode("latin-1"), "encoding"),
        one("NUL", b"a fine text " * 40 + b"\n\x00", "nul", line=2),
        one("Latin-1 after a while", b"good line\n" * 50_000 + b"caf\xe9\n", "encoding", line=50_001),
        one("a cut character at the end", b"good line\n" * 50_000 + b"\xe2\x82", "encoding", line=50_001),
        one("CESU-8", b"so \xed\xa0\xbd\xed\xb8\x80", "encoding"),
        ok("JSON lines called .txt", b'{"text": "a"}\n', "rows_as_text"),
        bad("text for chat", "a.txt", b"Once upon a time.", "format", task=CHAT),
        bad("text for instructions", "a.txt", b"Once upon a time.", "format", task=INSTRUCTION),
    ]
