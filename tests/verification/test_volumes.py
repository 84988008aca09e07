"""Volumes in S3, against a real server process: what people name is read there, and the Files API writes there."""

import json
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest
from deltalake import write_deltalake
from django.conf import settings

from finetuning_ui.stack.process import Program
from runs import wiring
from runs.contract.spec import TaskType
from runs.data.sources import Roots, SourceError, open_source, pinned
from runs.data.sources.roots import place
from runs.data.validation import check
from runs.models import User
from runs.services import datasets, volumes
from runs.services.refused import Invalid
from tests.app.conftest import owner as owner
from tests.app.conftest import research as research
from tests.conftest import running
from tests.oddities.odd import GOOD, chats

CHAT, TEXT = TaskType.CHAT_COMPLETION, TaskType.CONTINUED_PRETRAIN
ROOT = "s3://lake/volumes"
RAW = ("main", "default", "raw")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def answers() -> bool:
        with socket.socket() as tried:
            return tried.connect_ex(("127.0.0.1", port)) == 0

    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with running(Program("s3", command, answers), seconds=60):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def lake(server: str, monkeypatch: pytest.MonkeyPatch) -> fsspec.AbstractFileSystem:
    """An empty bucket, and the credentials as S3's own tools read them."""
    for name, value in (
        ("AWS_ACCESS_KEY_ID", "key"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ENDPOINT_URL", server),
        ("AWS_ALLOW_HTTP", "true"),
    ):
        monkeypatch.setenv(name, value)
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    files = fsspec.filesystem("s3", use_listings_cache=False)
    if files.exists("lake"):
        files.rm("lake", recursive=True)
    files.mkdir("lake")
    files.pipe_file("lake/secret.jsonl", b"secret")
    files.pipe_file("lake/volumes/main/default/raw/rows.jsonl", GOOD)
    files.pipe_file("lake/volumes/main/default/raw/texts/a.txt", b"One.")
    files.pipe_file("lake/volumes/main/default/raw/texts/deep/b.txt", b"Two.")
    files.pipe_file("lake/volumes/main/default/raw/large.jsonl", GOOD * 200_000)
    return files


def test_files_and_folders_are_read_from_a_bucket(lake: fsspec.AbstractFileSystem, tmp_path: Path) -> None:
    roots = Roots(volumes=ROOT, scratch=tmp_path)
    path = open_source("dbfs:/Volumes/main/default/raw/rows.jsonl", roots, CHAT)
    assert path.read_bytes() == GOOD
    folder = open_source("/Volumes/main/default/raw/texts/", roots, TEXT)
    report = check(folder, task=TEXT, name="texts", canonical=None)
    assert (report.ok, report.rows) == (True, 2)
    large = open_source("/Volumes/main/default/raw/large.jsonl", roots, CHAT)
    assert large.stat().st_size == len(GOOD) * 200_000
    for reference in ("/Volumes/main/default/raw/gone.jsonl", "/Volumes/main/default/raw/../../../../secret.jsonl"):
        with pytest.raises(SourceError, match=r"nothing at|may not contain"):
            open_source(reference, roots, CHAT)


def test_a_bucket_that_is_not_there_or_closed_is_a_sentence(
    lake: fsspec.AbstractFileSystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SourceError, match="nothing at"):
        open_source("/Volumes/a/b/c/d.jsonl", Roots(volumes="s3://nobodys-bucket", scratch=tmp_path), CHAT)
    with pytest.raises(SourceError, match="cannot be read here"):
        open_source("/Volumes/a/b/c/d.jsonl", Roots(volumes="nosuch://bucket", scratch=tmp_path), CHAT)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    with pytest.raises(SourceError, match="cannot be reached"):
        open_source("/Volumes/a/b/c/d.jsonl", Roots(volumes="s3://lake", scratch=tmp_path), CHAT)


def test_a_delta_table_in_a_bucket_is_read_at_its_version(lake: fsspec.AbstractFileSystem, tmp_path: Path) -> None:
    import pyarrow as arrow

    where = f"{ROOT}/main/default/raw/chats"
    write_deltalake(where, arrow.table({"messages": [row["messages"] for row in chats(3)]}))
    roots = Roots(volumes=ROOT, scratch=tmp_path)
    first = pinned("/Volumes/main/default/raw/chats", roots)
    write_deltalake(where, arrow.table({"messages": [row["messages"] for row in chats(2, 3)]}), mode="append")
    assert first == "/Volumes/main/default/raw/chats@v0"
    assert pinned("dbfs:/Volumes/main/default/raw/chats", roots) == "dbfs:/Volumes/main/default/raw/chats@v1"
    assert open_source(first, roots, CHAT).read_bytes().count(b"\n") == 3
    assert open_source("/Volumes/main/default/raw/chats", roots, CHAT).read_bytes().count(b"\n") == 5


def test_files_are_written_whole_or_not_at_all(lake: fsspec.AbstractFileSystem) -> None:
    there = place(ROOT)

    def cut() -> Iterator[bytes]:
        yield b"a" * (12 << 20)  # more than a part of a multi-part upload
        raise ConnectionError("the line is cut")

    with pytest.raises(SourceError):
        there.write((*RAW, "half.jsonl"), cut())
    assert there.look((*RAW, "half.jsonl")) is None
    assert there.write((*RAW, "whole.jsonl"), [b"a" * (12 << 20), b"b"]) == (12 << 20) + 1
    assert [entry.name for entry in there.list(RAW)] == ["large.jsonl", "rows.jsonl", "texts", "whole.jsonl"]
    there.make_folder((*RAW, "new"))
    assert there.list((*RAW, "new")) == []
    there.remove_folder((*RAW, "new"))
    assert there.look((*RAW, "new")) is None


@pytest.mark.django_db
def test_services_work_over_a_bucket(lake: fsspec.AbstractFileSystem, owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "VOLUMES_ROOT", ROOT)
    dataset = datasets.resolve(by=owner, reference="dbfs:/Volumes/main/default/raw/rows.jsonl", task=CHAT, field="x")
    assert (dataset.name, dataset.rows, dataset.source) == ("rows", 3, "dbfs:/Volumes/main/default/raw/rows.jsonl")
    assert [entry.name for entry in volumes.browse(())] == ["main"]
    path = "/Volumes/main/default/raw/new/file.jsonl"
    volumes.write(path=path, chunks=[json.dumps({}).encode()], by=owner, overwrite=False)
    assert volumes.read(volumes.existing_file(path)).read() == b"{}"
    with pytest.raises(volumes.AlreadyThere):
        volumes.write(path=path, chunks=[], by=owner, overwrite=False)
    with pytest.raises(volumes.NotEmpty):
        volumes.remove_folder(path="/Volumes/main/default/raw/new", by=owner)
    volumes.remove(path=path, by=owner)
    with pytest.raises(Invalid):
        volumes.look("/Volumes/main/default/raw/../../../../secret.jsonl")
    assert list(wiring.scratch().iterdir()) == []
