"""References lead to files below the configured folders, and never anywhere else."""

import os
from pathlib import Path

import pytest

from runs.contract.spec import TaskType
from runs.data.sources import SOURCES, Roots, SourceError, open_source
from runs.data.sources.roots import place
from runs.data.validation import check

CHAT, TEXT = TaskType.CHAT_COMPLETION, TaskType.CONTINUED_PRETRAIN


@pytest.fixture
def volumes(tmp_path: Path) -> Path:
    """A root with main/default/raw/rows.jsonl and a folder of texts, and a secret beside it."""
    root = tmp_path / "volumes"
    folder = root / "main" / "default" / "raw"
    (folder / "texts" / "deep").mkdir(parents=True)
    (folder / "rows.jsonl").write_text("{}")
    (folder / "rows.csv").write_text("a")
    (folder / "empty").mkdir()
    (folder / "texts" / "deep" / "a.txt").write_text("a")
    (tmp_path / "secret.jsonl").write_text("secret")
    return root


@pytest.mark.parametrize("prefix", ["dbfs:/Volumes/", "/Volumes/", "  dbfs:/Volumes/"])
def test_a_file_in_a_volume(prefix: str, volumes: Path) -> None:
    path = open_source(f"{prefix}main/default/raw/rows.jsonl", Roots(volumes=volumes), CHAT)
    assert path.read_text() == "{}"


@pytest.mark.parametrize("end", ["", "/"])
def test_a_folder_of_texts_in_a_volume(end: str, volumes: Path) -> None:
    path = open_source(f"dbfs:/Volumes/main/default/raw/texts{end}", Roots(volumes=volumes), TEXT)
    assert path == volumes / "main/default/raw/texts"


@pytest.mark.parametrize(
    ("reference", "task", "said"),
    [
        ("dbfs:/Volumes/main/default/raw/gone.jsonl", CHAT, "There is nothing at “main/default/raw/gone.jsonl”"),
        ("dbfs:/Volumes/main/default/raw/rows.csv", CHAT, "must end in .jsonl"),
        ("dbfs:/Volumes/main/default/raw/texts", CHAT, "must end in .jsonl"),
        ("dbfs:/Volumes/main/default/raw/rows.jsonl", TEXT, "must be a folder"),
        ("dbfs:/Volumes/main/default/raw/empty", TEXT, "no .txt file"),
        ("dbfs:/Volumes/main/rows.jsonl", CHAT, "names catalog, schema and volume"),
        ("dbfs:/tmp/rows.jsonl", CHAT, "is not a volume path"),
        ("/etc/passwd", CHAT, "is not a volume path"),
        ("dbfs:/Volumes/main/default/../../../secret.jsonl", CHAT, "may not contain"),
        ("dbfs:/Volumes/main/default/raw/./rows.jsonl", CHAT, "may not contain"),
        ("dbfs:/Volumes/main//default/rows.jsonl", CHAT, "may not contain"),
        ("dbfs:/Volumes/main/default/..\\rows.jsonl", CHAT, "may not contain"),
        ("dbfs:/Volumes/main/default/raw/\x00.jsonl", CHAT, "may not contain"),
        (f"dbfs:/Volumes/main/default/raw/{'a' * 3_000}.jsonl", CHAT, "nothing at"),
        ("http://169.254.169.254/latest", CHAT, "not a place that data are read from"),
        ("s3://bucket/rows.jsonl", CHAT, "not a place that data are read from"),
        ("", CHAT, "not a place that data are read from"),
    ],
)
def test_what_is_refused_and_why(reference: str, task: TaskType, said: str, volumes: Path) -> None:
    with pytest.raises(SourceError, match=said):
        open_source(reference, Roots(volumes=volumes), task)


def test_links_may_stay_inside_but_not_lead_out(volumes: Path) -> None:
    folder = volumes / "main/default/raw"
    (folder / "inside.jsonl").symlink_to(folder / "rows.jsonl")
    (folder / "outside.jsonl").symlink_to(volumes.parent / "secret.jsonl")
    (folder / "up").symlink_to(volumes.parent)
    (folder / "loop.jsonl").symlink_to(folder / "loop.jsonl")
    assert open_source("/Volumes/main/default/raw/inside.jsonl", Roots(volumes=volumes), CHAT).read_text() == "{}"
    for name, said in (("outside", "leads out"), ("up/secret", "leads out"), ("loop", "cannot be followed|nothing at")):
        with pytest.raises(SourceError, match=said):
            open_source(f"/Volumes/main/default/raw/{name}.jsonl", Roots(volumes=volumes), CHAT)


def test_a_pipe_or_a_device_is_nothing_to_read(volumes: Path) -> None:
    """Opening one would wait for a writer that never comes."""
    os.mkfifo(volumes / "main/default/raw/pipe.jsonl")
    os.mkfifo(volumes / "main/default/raw/pipe.txt")
    with pytest.raises(SourceError, match="nothing at"):
        open_source("/Volumes/main/default/raw/pipe.jsonl", Roots(volumes=volumes), CHAT)
    assert "pipe.jsonl" not in [entry.name for entry in place(volumes).list(("main", "default", "raw"))]
    folder = volumes / "main/default/raw/both"
    folder.mkdir()
    os.mkfifo(folder / "pipe.txt")
    (folder / "a.txt").write_text("A text.")
    report = check(
        open_source("/Volumes/main/default/raw/both", Roots(volumes=volumes), TEXT), task=TEXT, name="t", canonical=None
    )
    assert report.rows == 1


def test_without_a_configured_folder_the_setting_is_named() -> None:
    with pytest.raises(SourceError, match="VOLUMES_ROOT"):
        open_source("dbfs:/Volumes/main/default/raw/rows.jsonl", Roots(), CHAT)


def test_a_hugging_face_split_on_disk(tmp_path: Path) -> None:
    (tmp_path / "org" / "name" / "data").mkdir(parents=True)
    (tmp_path / "org" / "name" / "data" / "train-00000-of-00001.parquet").touch()
    (tmp_path / "org" / "name" / "test.jsonl").touch()
    (tmp_path / "org" / "name" / "code.py").touch()
    (tmp_path / "secret.jsonl").touch()
    (tmp_path / "org" / "name" / "leak.jsonl").symlink_to(tmp_path / "secret.jsonl")

    def opened(reference: str, task: TaskType = CHAT) -> str:
        return open_source(reference, Roots(huggingface=tmp_path), task).name

    assert opened("org/name/train") == "train-00000-of-00001.parquet"
    assert opened("org/name/test") == "test.jsonl"
    for reference, said in (("org/name/code", "no split"), ("org/name/leak", "no split"), ("org/gone/train", "nothing at")):
        with pytest.raises(SourceError, match=said):
            opened(reference)
    with pytest.raises(SourceError, match=r"folder of \.txt"):
        opened("org/name/train", TEXT)
    (tmp_path / "org" / "name" / "train-00001-of-00002.parquet").touch()
    with pytest.raises(SourceError, match="there are 2"):
        opened("org/name/train")


def test_an_upload_is_found_by_its_name_alone(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").touch()
    assert open_source("upload:rows.jsonl", Roots(uploads=tmp_path), CHAT) == tmp_path / "rows.jsonl"
    with pytest.raises(SourceError):
        open_source("upload:../rows.jsonl", Roots(uploads=tmp_path), CHAT)


def test_each_form_of_reference_belongs_to_one_source() -> None:
    for reference in (
        "upload:a.jsonl",
        "dbfs:/Volumes/a/b/c/d.jsonl",
        "/Volumes/a/b/c/d.jsonl",
        "org/name/train",
        "name/train",
        "org/name/train@0123abc",
        "main.sales.chats",
        "main.sales.chats@v3",
    ):
        assert sum(source.takes(reference) for source in SOURCES.values()) == 1
