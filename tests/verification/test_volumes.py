"""Volumes and tables in object stores, against real servers: what people name is read there, and the Files API writes there."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import fsspec
import pyarrow as arrow
import pytest
from deltalake import write_deltalake
from django.conf import settings
from fsspec.config import set_conf_env

from runs import wiring
from runs.contract.spec import TaskType
from runs.data.sources import Roots, SourceError, open_source, pinned, remote
from runs.data.sources.roots import place
from runs.data.validation import check
from runs.models import Download, Licence, Role, User
from runs.models.download import Stage
from runs.services import adding, datasets, fetching, verifying, volumes
from runs.services.refused import Invalid, UnknownData
from tests.app.conftest import owner as owner
from tests.app.conftest import research as research
from tests.oddities.odd import GOOD, chats
from tests.tiny import MAX_CONTEXT, write_tiny_model
from tests.verification.clouds import CLOUDS, Variables
from tests.verification.clouds import clouds as clouds

CHAT, TEXT = TaskType.CHAT_COMPLETION, TaskType.CONTINUED_PRETRAIN
RAW = ("main", "default", "raw")
Files = fsspec.AbstractFileSystem

pytestmark = pytest.mark.parametrize("root", CLOUDS, ids=lambda root: root.partition(":")[0])


@pytest.fixture
def lake(root: str, clouds: Callable[[str], Variables], monkeypatch: pytest.MonkeyPatch) -> Files:
    """A bucket with little in it, and the credentials where the store's own tools read them."""
    point_to(root, clouds(root), monkeypatch)
    files, _ = fsspec.url_to_fs(root, use_listings_cache=False)
    if files.exists("lake"):
        files.rm("lake", recursive=True)
    files.mkdir("lake")
    files.pipe_file("lake/secret.jsonl", b"secret")
    files.pipe_file("lake/volumes/main/default/raw/rows.jsonl", GOOD)
    files.pipe_file("lake/volumes/main/default/raw/texts/a.txt", b"One.")
    files.pipe_file("lake/volumes/main/default/raw/texts/deep/b.txt", b"Two.")
    return files


def point_to(root: str, variables: Variables, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    set_conf_env(conf_dict=fsspec.config.conf)
    fsspec.get_filesystem_class(root.partition(":")[0]).clear_instance_cache()


def append(files: Files, local: Path, there: str, *columns: dict[str, list[object]]) -> None:
    """A version more of the table at `there`. It is written here and copied: not every server takes what deltalake sends."""
    for table in columns:
        write_deltalake(str(local), arrow.table(table), mode="append")
    for path in local.rglob("*"):
        if path.is_file():
            files.pipe_file(f"{there}/{path.relative_to(local).as_posix()}", path.read_bytes())


def talks(number: int) -> dict[str, list[object]]:
    return {"messages": [row["messages"] for row in chats(number)]}


def test_files_and_folders_are_read_from_a_bucket(root: str, lake: Files, tmp_path: Path) -> None:
    lake.pipe_file("lake/volumes/main/default/raw/large.jsonl", GOOD * 100_000)
    roots = Roots(volumes=root, scratch=tmp_path)
    path = open_source("dbfs:/Volumes/main/default/raw/rows.jsonl", roots, CHAT)
    assert path.read_bytes() == GOOD
    folder = open_source("/Volumes/main/default/raw/texts/", roots, TEXT)
    report = check(folder, task=TEXT, name="texts", canonical=None)
    assert (report.ok, report.rows) == (True, 2)
    large = open_source("/Volumes/main/default/raw/large.jsonl", roots, CHAT)
    assert large.stat().st_size == len(GOOD) * 100_000
    for reference in ("/Volumes/main/default/raw/gone.jsonl", "/Volumes/main/default/raw/../../../../secret.jsonl"):
        with pytest.raises(SourceError, match=r"nothing at|may not contain"):
            open_source(reference, roots, CHAT)


def test_what_the_disk_has_no_room_for_is_not_begun(
    root: str, lake: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "SPARE", 1 << 60)
    for reference, task in (("rows.jsonl", CHAT), ("texts", TEXT)):
        with pytest.raises(SourceError, match=r"It has 0\.0 GB, and there are 0\.0 GB for it"):
            open_source(f"/Volumes/main/default/raw/{reference}", Roots(volumes=root, scratch=tmp_path), task)
    assert list(tmp_path.iterdir()) == []


def test_a_bucket_that_is_not_there_or_silent_is_a_sentence(
    root: str, lake: Files, tmp_path: Path, clouds: Callable[[str], Variables], monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = root.replace("lake", "nobodys-bucket")
    with pytest.raises(SourceError, match="nothing at"):
        open_source("/Volumes/a/b/c/d.jsonl", Roots(volumes=gone, scratch=tmp_path), CHAT)
    with pytest.raises(SourceError, match=r"cannot be read here.*VOLUMES_ROOT"):
        open_source("/Volumes/a/b/c/d.jsonl", Roots(volumes="nosuch://bucket", scratch=tmp_path), CHAT)
    dead = {name: re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:9", value) for name, value in clouds(root).items()}
    point_to(root, dead, monkeypatch)
    monkeypatch.setattr(remote, "PATIENCE", 1)
    with pytest.raises(SourceError, match=r"cannot be reached.*within 1 seconds.*VOLUMES_ROOT"):
        open_source("/Volumes/a/b/c/d.jsonl", Roots(volumes=root, scratch=tmp_path), CHAT)
    with pytest.raises(SourceError, match=r"cannot be reached.*within 1 seconds.*TABLES_ROOT"):
        open_source("main.default.chats", Roots(tables=root, scratch=tmp_path), CHAT)


@pytest.mark.parametrize("name", ["/Volumes/main/default/chats", "main.default.chats"])
def test_a_delta_table_in_a_bucket_is_read_at_its_version(name: str, root: str, lake: Files, tmp_path: Path) -> None:
    roots = Roots(volumes=root, tables=root, scratch=tmp_path)
    with pytest.raises(SourceError, match=r"nothing at|There is no Delta table|must end in \.jsonl"):
        open_source(name, roots, CHAT)
    append(lake, tmp_path / "table", "lake/volumes/main/default/chats", talks(3))
    first = pinned(name, roots)
    append(lake, tmp_path / "table", "lake/volumes/main/default/chats", talks(2))
    assert (first, pinned(name, roots)) == (f"{name}@v0", f"{name}@v1")
    assert open_source(str(first), roots, CHAT).read_bytes().count(b"\n") == 3
    assert open_source(name, roots, CHAT).read_bytes().count(b"\n") == 5


def test_a_table_in_a_bucket_names_no_files_beside_it(root: str, lake: Files, tmp_path: Path) -> None:
    """Somebody who may write a table must not read another's file with the rights of the server."""
    ours, theirs = "lake/volumes/main/default/chats", "lake/volumes/main/private/salaries"
    append(lake, tmp_path / "theirs", theirs, talks(1))
    append(lake, tmp_path / "ours", ours, talks(1))
    secret = next((tmp_path / "theirs").glob("*.parquet")).name
    mine = next((tmp_path / "ours").glob("*.parquet")).name
    log = f"{ours}/_delta_log/00000000000000000000.json"
    written = lake.cat_file(log)
    roots = Roots(tables=root, scratch=tmp_path)
    for path in (
        f"{root}/main/private/salaries/{secret}",
        f"../../private/salaries/{secret}",
        f"%2e%2e/%2e%2e/private/salaries/{secret}",
        "http://127.0.0.1:9/latest/meta-data",
        f"file://{tmp_path}/theirs/{secret}",
    ):
        lake.pipe_file(log, written.replace(json.dumps(mine).encode(), json.dumps(path).encode()))
        assert path.encode() in lake.cat_file(log)
        with pytest.raises(SourceError, match="names files outside its folder"):
            open_source("main.default.chats", roots, CHAT)
    for outside in ("main..chats", "...", "main.default.%2e%2e", "..main.default"):
        with pytest.raises(SourceError):
            open_source(outside, roots, CHAT)


def test_files_are_written_whole_or_not_at_all(root: str, lake: Files) -> None:
    there = place(root)

    def cut() -> Iterator[bytes]:
        yield b"a" * (12 << 20)  # more than a part of a multi-part upload
        raise ConnectionError("the line is cut")

    with pytest.raises(SourceError):
        there.write((*RAW, "half.jsonl"), cut())
    assert there.look((*RAW, "half.jsonl")) is None
    assert there.write((*RAW, "whole.jsonl"), [b"a" * (12 << 20), b"b"]) == (12 << 20) + 1
    assert [entry.name for entry in there.list(RAW)] == ["rows.jsonl", "texts", "whole.jsonl"]
    there.make_folder((*RAW, "new"))
    assert there.list((*RAW, "new")) == []
    there.remove_folder((*RAW, "new"))
    assert there.look((*RAW, "new")) is None


@pytest.mark.django_db
def test_services_work_over_a_bucket(
    root: str, lake: Files, owner: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "VOLUMES_ROOT", root)
    monkeypatch.setattr(settings, "TABLES_ROOT", root)
    dataset = datasets.resolve(by=owner, reference="dbfs:/Volumes/main/default/raw/rows.jsonl", task=CHAT, field="x")
    assert (dataset.name, dataset.rows, dataset.source) == ("rows", 3, "dbfs:/Volumes/main/default/raw/rows.jsonl")
    append(lake, tmp_path / "table", "lake/volumes/main/default/chats", talks(3))
    table = datasets.resolve(by=owner, reference="main.default.chats", task=CHAT, field="x")
    assert (table.name, table.rows, table.source) == ("main-default-chats", 3, "main.default.chats@v0")
    with pytest.raises(UnknownData):
        datasets.resolve(by=owner, reference="main.default.gone", task=CHAT, field="x")
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


def test_a_base_model_in_a_volume_elsewhere_is_fetched_before_it_is_offered(
    root: str, lake: Files, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, db: None
) -> None:
    """The engine reads folders of this machine, so it is copied like one of a hub: what training needs, and no code."""
    boss = User.objects.create_user("boss", "", "a long and private sentence", role=Role.ADMIN)
    monkeypatch.setattr(settings, "VOLUMES_ROOT", root)
    monkeypatch.setattr(settings, "MODELS_DIR", tmp_path / "models")
    Licence.objects.create(key="open", name="Open licence", notice="Say where from.")
    home = write_tiny_model(tmp_path / "there")
    (home / "modeling_tiny.py").write_text("raise SystemExit('code of a model was run')")
    lake.put(str(home), "lake/volumes/main/models/tiny", recursive=True)
    folder = "/Volumes/main/models/tiny"
    nothing = adding.Wish(name="acme/none", licence="open", folder="/Volumes/main/models/none")
    with pytest.raises(Invalid, match=r"There is no config.json in /Volumes/main/models/none"):
        adding.add(wish=nothing, by=boss)
    model = adding.add(wish=adding.Wish(name="acme/tiny", licence="open", folder=folder), by=boss)
    assert (model.enabled, model.max_context_length) == (False, MAX_CONTEXT)
    assert (verifying.health(model), fetching.fetchable(model)) == (verifying.Health.VOLUME, True)
    assert folder in verifying.verify(model=model, by=boss).problems[0]
    download = fetching.ask(model=model, by=boss)
    broken = fetching.work(download.pk, "", stopping=lambda: True)
    assert broken, "a worker that is being stopped leaves its place to the next"
    assert fetching.work(download.pk, broken) == ""
    model.refresh_from_db()
    assert (Download.objects.get().stage, model.enabled, model.folder) == (Stage.DONE, True, folder)
    assert verifying.health(model) == verifying.Health.HERE
    there = {path.name for path in wiring.model_folder(model).iterdir()}
    assert {"config.json", "tokenizer.json", "model.safetensors"} <= there
    assert "modeling_tiny.py" not in there
    weights = wiring.model_folder(model) / "model.safetensors"
    assert weights.read_bytes() == (home / "model.safetensors").read_bytes()
