"""Delta tables: real ones, written by deltalake, read at one version and never outside their folder."""

import json
import os
import shutil
from decimal import Decimal
from pathlib import Path

import orjson
import pyarrow as arrow
import pytest
from deltalake import DeltaTable, write_deltalake

from runs.contract.spec import TaskType
from runs.data.sources import Roots, SourceError, open_source, pinned
from runs.data.validation import check

CHAT, INSTRUCTION, TEXT = TaskType.CHAT_COMPLETION, TaskType.INSTRUCTION_FINETUNE, TaskType.CONTINUED_PRETRAIN
NAME = "main.sales.chats"


@pytest.fixture
def roots(tmp_path: Path) -> Roots:
    (tmp_path / "tables").mkdir()
    (tmp_path / "scratch").mkdir()
    return Roots(tables=tmp_path / "tables", scratch=tmp_path / "scratch")


def write(roots: Roots, name: str = NAME, mode: str = "append", **columns: list[object]) -> Path:
    assert roots.tables
    folder = roots.tables.joinpath(*name.split("."))
    folder.mkdir(parents=True, exist_ok=True)
    write_deltalake(str(folder), arrow.table(columns), mode=mode)  # type: ignore[call-overload]
    return folder


def chat(*texts: str) -> list[object]:
    return [[{"role": "user", "content": text}, {"role": "assistant", "content": text.upper()}] for text in texts]


def rows(reference: str, roots: Roots, task: TaskType = CHAT) -> list[dict[str, object]]:
    return [orjson.loads(line) for line in open_source(reference, roots, task).read_bytes().splitlines()]


def test_a_table_of_chats_becomes_rows_that_the_check_accepts(roots: Roots, tmp_path: Path) -> None:
    write(roots, messages=chat("one", "two", "three"), price=[Decimal("1.5")] * 3)
    path = open_source(NAME, roots, CHAT)
    report = check(path, task=CHAT, name=path.name, canonical=tmp_path / "canonical.jsonl")
    assert report.ok, report.sentence
    assert report.rows == 3
    assert rows(NAME, roots)[0] == {"messages": chat("one")[0]}


@pytest.mark.parametrize("answer", ["response", "completion"])
def test_a_table_of_instructions(answer: str, roots: Roots) -> None:
    write(roots, **{"id": [7], "prompt": ["2+2?"], answer: ["4"]})
    assert rows(NAME, roots, INSTRUCTION) == [{"prompt": "2+2?", answer: "4"}]


def test_a_table_of_texts(roots: Roots) -> None:
    write(roots, text=["Long ago.", "Later."])
    assert rows(NAME, roots, TEXT) == [{"text": "Long ago."}, {"text": "Later."}]


def test_a_version_stays_what_it_was_while_the_table_grows(roots: Roots) -> None:
    write(roots, text=["old"])
    first = pinned(NAME, roots)
    write(roots, text=["new"])
    assert (first, pinned(NAME, roots)) == (f"{NAME}@v0", f"{NAME}@v1")
    assert rows(str(first), roots, TEXT) == [{"text": "old"}]
    assert {str(row["text"]) for row in rows(f"{NAME}@v1", roots, TEXT)} == {"old", "new"}


def test_a_deleted_row_is_gone_in_the_newest_version_only(roots: Roots) -> None:
    folder = write(roots, text=["keep", "drop"])
    DeltaTable(str(folder)).delete("text = 'drop'")
    assert rows(NAME, roots, TEXT) == [{"text": "keep"}]
    assert len(rows(f"{NAME}@v0", roots, TEXT)) == 2


def test_the_same_version_gives_the_same_bytes(roots: Roots) -> None:
    for number in range(5):
        write(roots, text=[f"{number}-{row}" for row in range(2_000)])
    first = open_source(NAME, roots, TEXT).read_bytes()
    assert first.count(b"\n") == 10_000
    assert open_source(NAME, roots, TEXT).read_bytes() == first


def test_empty_answers_reach_the_check_which_refuses_them(roots: Roots, tmp_path: Path) -> None:
    write(roots, prompt=["a", "b"], response=["x", None])
    report = check(open_source(NAME, roots, INSTRUCTION), task=INSTRUCTION, name="table.jsonl", canonical=tmp_path / "out")
    assert not report.ok
    assert report.problems[0].line == 2


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("main.sales.gone", "nothing at “main/sales/gone”"),
        ("main.sales", "three parts"),
        ("main..chats", "none of them empty"),
        ("a.b.c.d", "three parts"),
        (f"{NAME}@v9", "no version 9; the newest is 0"),
        (f"{NAME}@v999999999999999999", "no version 999999999999999999"),
        ("main.sales.folder", "no _delta_log"),
    ],
)
def test_what_is_refused_and_why(reference: str, said: str, roots: Roots) -> None:
    write(roots, messages=chat("a"))
    assert roots.tables
    (roots.tables / "main" / "sales" / "folder").mkdir()
    with pytest.raises(SourceError, match=said):
        open_source(reference, roots, CHAT)


def test_missing_columns_are_named_with_those_there_are(roots: Roots) -> None:
    write(roots, subject=["a"], answer=["b"])
    with pytest.raises(SourceError, match=r"needs “messages”.*has the columns “subject”, “answer”"):
        open_source(NAME, roots, CHAT)
    with pytest.raises(SourceError, match="“prompt” and “response” or “prompt” and “completion”"):
        open_source(NAME, roots, INSTRUCTION)


def test_columns_of_another_tool_are_read_whole_so_that_the_check_can_propose_a_mapping(roots: Roots, tmp_path: Path) -> None:
    write(roots, question=["a"], answer=["b"], id=[1])
    path = open_source(NAME, roots, CHAT)
    report = check(path, task=CHAT, name=path.name, canonical=None)
    assert not report.ok
    assert report.proposal
    assert check(path, task=CHAT, name=path.name, canonical=None, mapping=report.proposal.shape).ok


def test_without_a_folder_the_setting_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="TABLES_ROOT"):
        open_source(NAME, Roots(scratch=tmp_path), CHAT)


def test_vacuumed_files_are_explained(roots: Roots) -> None:
    folder = write(roots, text=["old"])
    for file in folder.glob("*.parquet"):
        file.unlink()
    with pytest.raises(SourceError, match="vacuumed"):
        open_source(NAME, roots, TEXT)


@pytest.mark.parametrize("log", [b"not json", b"", b'{"add": 7}', b"\xff\x00" * 99])
def test_a_broken_log_is_a_sentence(log: bytes, roots: Roots) -> None:
    folder = write(roots, text=["a"])
    next((folder / "_delta_log").glob("*.json")).write_bytes(log)
    with pytest.raises(SourceError, match=r"cannot be opened|There is no Delta table"):
        open_source(NAME, roots, TEXT)


def test_neither_links_nor_the_log_lead_out_of_the_table(roots: Roots) -> None:
    """Somebody who may write a table must not read another's file with the rights of the server."""
    assert roots.tables
    theirs = next(write(roots, "main.private.salaries", text=["secret"]).glob("*.parquet"))
    ours = write(roots, text=["mine"])
    entry = next(ours.glob("*.parquet"))
    log = next((ours / "_delta_log").glob("*.json"))
    written = log.read_text()

    entry.unlink()
    entry.symlink_to(theirs)
    with pytest.raises(SourceError, match="outside its folder"):
        open_source(NAME, roots, TEXT)
    entry.unlink()
    shutil.copy(theirs, entry)
    for path in (os.path.relpath(theirs, ours), theirs.as_uri(), f"%2e%2e/%2e%2e/private/salaries/{theirs.name}"):
        log.write_text(written.replace(json.dumps(entry.name), json.dumps(path)))
        assert path in log.read_text()
        with pytest.raises(SourceError):
            open_source(NAME, roots, TEXT)
    log.unlink()
    log.symlink_to(next((theirs.parent / "_delta_log").glob("*.json")))
    with pytest.raises(SourceError, match="outside its folder"):
        open_source(NAME, roots, TEXT)


def test_columns_of_partitions_and_younger_columns_are_read_too(roots: Roots) -> None:
    assert roots.tables
    folder = roots.tables / "main" / "sales" / "parts"
    folder.mkdir(parents=True)
    for part in ("a", "b"):
        table = arrow.table({"prompt": [f"{part}{number}" for number in range(3)], "response": [part] * 3})
        write_deltalake(str(folder), table, mode="append", partition_by=["response"])
    read = rows("main.sales.parts", roots, INSTRUCTION)
    assert sorted((str(row["prompt"]), str(row["response"])) for row in read) == [
        (f"{part}{number}", part) for part in ("a", "b") for number in range(3)
    ]
    write(roots, prompt=["old"])
    write_deltalake(
        str(roots.tables / "main/sales/chats"),
        arrow.table({"prompt": ["new"], "response": ["x"]}),
        mode="append",
        schema_mode="merge",
    )
    assert {str(row["prompt"]): row["response"] for row in rows(NAME, roots, INSTRUCTION)} == {"old": None, "new": "x"}


def test_a_large_row_group_is_read_in_little_memory(roots: Roots) -> None:
    """In a process of its own: what counts is its peak above what the libraries take."""
    import subprocess
    import sys

    texts: list[object] = [f"{number} " + "words and words " * 20 for number in range(120_000)]
    write(roots, prompt=texts, response=texts)
    program = """
import re, sys
from pathlib import Path
import deltalake, pyarrow.dataset, pyarrow.parquet
from runs.contract.spec import TaskType
from runs.data.sources import Roots, open_source
peak = lambda: int(re.search("VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) // 1024
before = peak()
roots = Roots(tables=Path(sys.argv[1]), scratch=Path(sys.argv[2]))
path = open_source("main.sales.chats", roots, TaskType.INSTRUCTION_FINETUNE)
print(path.stat().st_size // 2**20, peak() - before, peak())
"""
    arguments = [sys.executable, "-c", program, str(roots.tables), str(roots.scratch)]
    size, more, peak = map(int, subprocess.run(arguments, capture_output=True, check=True, text=True).stdout.split())
    assert size > 70
    assert more < 80
    assert peak < 300
