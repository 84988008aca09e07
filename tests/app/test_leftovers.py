"""Half-written files of processes that were killed are found in one place and go after a while."""

import os
import time
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile, TemporaryUploadedFile
from django.test import Client

from runs import wiring
from runs.models import User
from runs.services import leftovers


@pytest.fixture
def old() -> float:
    return time.time() - leftovers.UNTOUCHED - 60


def touched(path: Path, moment: float, content: bytes = b"half a row") -> Path:
    path.write_bytes(content)
    os.utime(path, (moment, moment))
    return path


def test_what_nobody_has_written_to_for_long_is_deleted(old: float, tmp_path: Path) -> None:
    scratch, elsewhere = wiring.scratch(), touched(tmp_path / "kept", old)
    (busy := scratch / "busy").mkdir()
    (dead := scratch / "dead").mkdir()
    fresh = touched(scratch / "fresh.jsonl", time.time())
    gone = [touched(scratch / "stale.jsonl", old), touched(dead / "one.txt", old), dead]
    touched(busy / "old.txt", old)
    touched(busy / "new.txt", time.time())
    (scratch / "link").symlink_to(elsewhere)
    for folder in (busy, dead):
        os.utime(folder, (old, old))
    os.utime(scratch / "link", (old, old), follow_symlinks=False)
    leftovers.clear()
    assert [path for path in gone if path.exists()] == []
    assert {path.name for path in scratch.iterdir()} == {"busy", "fresh.jsonl"}
    assert (elsewhere.exists(), len(list(busy.iterdir()))) == (True, 2)
    fresh.unlink()


def test_more_files_than_a_form_carries_are_told_so(client: Client, owner: User) -> None:
    client.force_login(owner)
    files = [SimpleUploadedFile(f"{number}.txt", b"text") for number in range(501)]
    answer = client.post("/data/", {"file": files, "task_type": "CONTINUED_PRETRAIN"})
    assert (answer.status_code, "at most 500 files" in answer.content.decode()) == (400, True)
    assert not list(wiring.scratch().iterdir())


def test_a_forms_file_lies_there_while_it_is_read() -> None:
    with TemporaryUploadedFile("a.jsonl", "text/plain", 1, None) as file:
        assert Path(file.temporary_file_path()).parent == wiring.scratch()
