"""Files that are no data at all: each is told what it is."""

import gzip
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from runs.contract.spec import TaskType
from runs.data.report import Problem
from runs.data.validation import check

CHAT, INSTRUCTION, TEXT = TaskType.CHAT_COMPLETION, TaskType.INSTRUCTION_FINETUNE, TaskType.CONTINUED_PRETRAIN
LINE = b'{"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}]}'
Refusal = Callable[..., Problem]


@pytest.fixture
def refusal(tmp_path: Path) -> Refusal:
    """The one reason for which a file is refused; nothing is left behind."""

    def giving(content: bytes, name: str = "rows.jsonl", task: TaskType = CHAT) -> Problem:
        path = tmp_path / "upload"
        path.write_bytes(content)
        report = check(path, task=task, name=name, canonical=tmp_path / "canonical.jsonl")
        assert not report.ok
        assert sorted(tmp_path.iterdir()) == [path]
        (problem,) = report.problems
        assert problem.remedy
        return problem

    return giving


def zipped(**files: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return file.getvalue()


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.json", "rows.csv", "rows.txt", "rows"])
def test_an_empty_file(name: str, refusal: Refusal) -> None:
    assert refusal(b"", name, TEXT if name == "rows.txt" else CHAT).kind == "empty"


@pytest.mark.parametrize(("content", "name"), [(b"\n\n  \n", "a.jsonl"), (b"[]", "a.json"), (b"messages\n", "a.csv")])
def test_a_file_without_rows(content: bytes, name: str, refusal: Refusal) -> None:
    assert refusal(content, name).kind == "empty"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "a PDF document"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "a PNG image"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "a JPEG image"),
        (b"GGUF\x03\x00\x00\x00", "a GGUF model"),
        (b"\x7fELF\x02\x01\x01", "a program"),
        (b"MZ\x90\x00\x03", "a Windows program"),
        (b"SQLite format 3\x00", "an SQLite database"),
        (b"\x80\x04\x95\x10\x00\x00\x00", "a Python pickle"),
        ((60).to_bytes(8, "little") + b'{"weight": {"dtype": "F32"}}', "a safetensors file"),
        (b"ARROW1\x00\x00", "an Arrow file"),
        (b"BZh91AY&SY", "a bzip2 archive"),
        (bytes(257) + b"ustar", "a tar archive"),
        (bytes(range(256)) * 4, "a binary file of a kind unknown to us"),
    ],
)
@pytest.mark.parametrize("name", ["rows.jsonl", "text.txt"])
def test_binary_files_are_called_by_their_name(content: bytes, said: str, name: str, refusal: Refusal) -> None:
    problem = refusal(content, name, TEXT if name == "text.txt" else CHAT)
    assert problem.kind == "binary"
    assert said in problem.message


def test_a_binary_file_inside_gzip(refusal: Refusal) -> None:
    assert "a PDF document" in refusal(gzip.compress(b"%PDF-1.7", mtime=0)).message


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("name", ["rows.jsonl", "rows.csv", "rows.txt"])
def test_utf_16_and_32_with_and_without_a_mark(encoding: str, name: str, refusal: Refusal) -> None:
    problem = refusal(LINE.decode().encode(encoding), name, TEXT if name == "rows.txt" else CHAT)
    if (encoding, name) != ("utf-32", "never"):
        assert problem.kind == "encoding"
        assert "iconv -f UTF-" in problem.remedy


@pytest.mark.parametrize(("name", "task"), [("a.txt", TEXT), ("a.csv", INSTRUCTION), ("a.json", CHAT)])
def test_latin_1_in_other_formats(name: str, task: TaskType, refusal: Refusal) -> None:
    content = {"a.txt": "Où?\nça", "a.csv": "prompt,response\nOù?,ça", "a.json": '[{"messages": "é"}]'}[name]
    assert refusal(content.encode("latin-1"), name, task).kind == "encoding"


def test_a_text_that_goes_wrong_far_inside_names_the_line(refusal: Refusal) -> None:
    problem = refusal(b"good line\n" * 50_000 + b"caf\xe9\n", "a.txt", TEXT)
    assert problem.line == 50_001


def test_nul_bytes_in_a_text(refusal: Refusal) -> None:
    assert refusal(b"a fine text " * 100 + b"\n\x00", "a.txt", TEXT).kind == "nul"


# Packed


def test_a_gzip_bomb_is_not_unpacked(refusal: Refusal) -> None:
    assert refusal(gzip.compress(bytes(100 << 20), mtime=0)).kind == "bomb"
    assert refusal(gzip.compress(b'{"messages":' + b" " * (100 << 20), mtime=0)).kind == "bomb"


@pytest.mark.parametrize("name", ["rows.jsonl.gz", "rows.csv.gz", "rows.json.gz", "rows.txt.gz"])
def test_a_gzip_file_that_is_cut_off(name: str, refusal: Refusal) -> None:
    whole = gzip.compress(b"".join(b'{"n": %d}' % number for number in range(9_999)), mtime=0)
    assert refusal(whole[:-200], name, TEXT if "txt" in name else CHAT).kind == "broken_archive"


def test_a_zip_for_another_task(refusal: Refusal) -> None:
    assert refusal(zipped(**{"rows.jsonl": LINE.decode()}), "rows.zip").kind == "archive"


@pytest.mark.parametrize("name", ["../up.txt", "/etc/up.txt", "a/../../up.txt", "..\\up.txt", "C:\\up.txt"])
def test_a_zip_that_leads_out_of_its_folder(name: str, refusal: Refusal) -> None:
    problem = refusal(zipped(**{"good.txt": "text", name: "text"}), "texts.zip", TEXT)
    assert problem.kind == "archive"
    assert "leads out of its folder" in problem.message


def test_a_zip_with_a_link(refusal: Refusal) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        link = zipfile.ZipInfo("link.txt")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    assert "is a link" in refusal(file.getvalue(), "texts.zip", TEXT).message


def test_a_zip_bomb(refusal: Refusal) -> None:
    assert refusal(zipped(**{"a.txt": "a" * (100 << 20)}), "texts.zip", TEXT).kind == "bomb"


def test_an_office_document_is_a_zip_and_is_named(refusal: Refusal) -> None:
    assert "Office document" in refusal(zipped(**{"[Content_Types].xml": "<xml/>"}), "letter.docx", TEXT).message


def test_a_zip_without_texts_and_a_broken_one(refusal: Refusal) -> None:
    assert "no .txt file" in refusal(zipped(), "texts.zip", TEXT).message
    assert refusal(zipped(**{"a.txt": "text" * 100})[:-30], "texts.zip", TEXT).kind == "broken_archive"


def test_a_broken_parquet_file(refusal: Refusal) -> None:
    assert refusal(b"PAR1" + b"\x00" * 100 + b"PAR1", "rows.parquet").kind == "broken_archive"


# The right text in the wrong form


def test_a_json_array_in_a_jsonl_file(refusal: Refusal) -> None:
    for content in (b"[" + LINE + b"]", b"[\n" + LINE + b",\n" + LINE + b"\n]"):
        problem = refusal(content)
        assert problem.kind == "json_array"
        assert ".json" in problem.remedy


def test_objects_spread_over_lines(refusal: Refusal) -> None:
    assert refusal(json.dumps(json.loads(LINE), indent=2).encode()).kind == "spread_out"


def test_one_object_around_the_rows_names_the_key(refusal: Refusal) -> None:
    problem = refusal(json.dumps({"data": [json.loads(LINE)]}, indent=1).encode(), "rows.json")
    assert problem.kind == "one_object"
    assert "“data”" in problem.remedy


@pytest.mark.parametrize(
    ("content", "kind", "line"),
    [
        (b"[" + LINE + b", {oops}]", "json", 2),
        (b"[" + LINE, "json", 1),
        (b"[" + LINE + b"] more", "json", None),
        (b"[" + LINE + b', {"a": NaN}]', "not_finite", 2),
        (b"[" + LINE + b"," + b"[" * 100_000 + b"]", "deep", 2),
        (b'["a"', "not_object", 1),
    ],
)
def test_a_broken_array_says_which_row(content: bytes, kind: str, line: int | None, tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_bytes(content)
    report = check(path, task=CHAT, name="rows.json", canonical=None)
    assert (kind, line) in [(problem.kind, problem.line) for problem in report.problems]


def test_a_key_twice_in_an_array(refusal: Refusal) -> None:
    assert refusal(b'[{"messages": 1, "messages": 2}]', "rows.json").kind == "duplicate_key"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"prompt,prompt\na,b\n", "two columns “prompt”"),
        (b"prompt,\na,b\n", "Column 2 of 2 has no name"),
        (b"prompt,response\na\n", "1 cell, but there are 2 columns"),
        (b'prompt,response\n"a,b\n', "not valid CSV"),
        (b"id,prompt,response\n1,a,b\n", "has the keys “id”, “prompt”, “response”"),
    ],
)
def test_tables_that_do_not_fit(content: bytes, said: str, refusal: Refusal) -> None:
    assert said in refusal(content, "rows.csv", INSTRUCTION).message


def test_a_csv_whose_first_line_is_a_row_is_told_so(refusal: Refusal) -> None:
    headless = refusal(b'"How do I mend 1?","Turn 1."\n"How do I mend 2?","Turn 2."\n', "rows.csv", INSTRUCTION)
    assert headless.remedy.startswith("The first line looks like a row")
    assert not refusal(b"id,ask\n1,a\n", "rows.csv", INSTRUCTION).remedy.startswith("The first line looks")


def test_raw_text_for_a_chat_and_unknown_endings(refusal: Refusal) -> None:
    assert "continued pretraining" in refusal(b"Once upon a time", "tale.txt").message
    assert "“.yaml”" in refusal(b"a: 1", "rows.yaml").message
    assert "no ending" in refusal(b"a: 1", "rows").message


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    (problem,) = check(tmp_path / "gone", task=CHAT, name="gone.jsonl", canonical=None).problems
    assert problem.kind == "missing"
