"""Hugging Face data sets from a hub that is a process of its own and serves the real file layout."""

import gzip
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson
import pyarrow as arrow
import pyarrow.parquet as parquet
import pytest

from runs.contract.spec import TaskType
from runs.data.sources import Hub, Roots, SourceError, open_source, pinned
from runs.data.validation import check

CHAT, INSTRUCTION, TEXT = TaskType.CHAT_COMPLETION, TaskType.INSTRUCTION_FINETUNE, TaskType.CONTINUED_PRETRAIN
SHA = "0123456789abcdef0123456789abcdef01234567"
ROWS = [{"prompt": f"{number} + 1?", "response": str(number + 1)} for number in range(20)]


@dataclass
class Served:
    """A hub process, what it serves, and what it was asked."""

    folder: Path
    url: str
    log: Path

    def asked(self) -> list[list[str]]:
        return [line.split(" ", 1) for line in self.log.read_text().splitlines()[1:]]

    def put(self, name: str, files: dict[str, bytes], **about: Any) -> None:
        for file, content in files.items():
            path = self.folder / name / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        (self.folder / name).mkdir(parents=True, exist_ok=True)
        (self.folder / f"{name}.json").write_text(json.dumps({"sha": SHA, **about}))


@contextmanager
def serving(folder: Path, log: Path, *cdn: str) -> Iterator[Served]:
    with log.open("wb") as out:
        server = subprocess.Popen([sys.executable, str(Path(__file__).with_name("hub.py")), str(folder), *cdn], stdout=out)
    try:
        while not log.read_text().endswith("\n"):
            assert server.poll() is None
        yield Served(folder, f"http://127.0.0.1:{log.read_text().split()[0]}", log)
    finally:
        server.terminate()
        server.wait(10)


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Served]:
    with serving(tmp_path / "hub", tmp_path / "hub.log") as served:
        yield served


@pytest.fixture
def roots(hub: Served, tmp_path: Path) -> Callable[..., Roots]:
    """Roots with a fresh scratch folder each time, as every read has."""
    made = iter(range(100))

    def fresh(**changed: Any) -> Roots:
        scratch = tmp_path / f"scratch-{next(made)}"
        scratch.mkdir()
        return Roots(hub=replace(Hub(endpoint=hub.url), **changed), scratch=scratch)

    return fresh


def lines(rows: list[dict[str, str]]) -> bytes:
    return b"".join(orjson.dumps(row) + b"\n" for row in rows)


def table(rows: list[dict[str, str]], path: Path) -> bytes:
    parquet.write_table(arrow.Table.from_pylist(rows), path)
    return path.read_bytes()


def counted(path: Path) -> int:
    report = check(path, task=INSTRUCTION, name=path.name, canonical=path.with_name("canonical"))
    assert report.ok, report.sentence
    return report.rows


def test_one_parquet_file_in_the_usual_place(hub: Served, roots: Callable[..., Roots], tmp_path: Path) -> None:
    hub.put("org/sums", {"data/train-00000-of-00001.parquet": table(ROWS, tmp_path / "t"), "README.md": b"# Sums"})
    assert counted(open_source("org/sums/train", roots(), INSTRUCTION)) == 20


def test_the_shards_of_a_split_are_read_in_order(hub: Served, roots: Callable[..., Roots], tmp_path: Path) -> None:
    parts = [table(ROWS[start : start + 10], tmp_path / "t") for start in (0, 10)]
    hub.put("org/sums", {f"data/train-{number:05}-of-00002.parquet": part for number, part in enumerate(parts)})
    path = open_source("org/sums/train", roots(), INSTRUCTION)
    assert [orjson.loads(line) for line in path.read_bytes().splitlines()] == ROWS
    (hub.folder / "org/sums/data/train-00001-of-00002.parquet").unlink()
    with pytest.raises(SourceError, match="should lie in 2 files, but there are 1"):
        open_source("org/sums/train", roots(), INSTRUCTION)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("train.jsonl", lines(ROWS)),
        ("data/train.jsonl", lines(ROWS)),
        ("train.json", orjson.dumps(ROWS)),
        ("train.csv", b"prompt,response\n" + b"".join(f"{row['prompt']},{row['response']}\n".encode() for row in ROWS)),
        ("train.jsonl.gz", gzip.compress(lines(ROWS), mtime=0)),
        ("train/0.jsonl", lines(ROWS)),
        ("sums-20.jsonl", lines(ROWS)),  # one file of any name is the split train
    ],
)
def test_other_files_by_the_usual_names(file: str, content: bytes, hub: Served, roots: Callable[..., Roots]) -> None:
    hub.put("org/sums", {file: content, "dataset_infos.json": b"{}", "sums.py": b"raise SystemExit"})
    assert counted(open_source("org/sums/train", roots(), INSTRUCTION)) == 20
    assert not any(path.endswith(".py") for path, _ in hub.asked())


def test_the_card_may_say_which_files_are_a_split(hub: Served, roots: Callable[..., Roots]) -> None:
    splits = [{"split": "train", "path": "raw/part-*.jsonl"}, {"split": "held_out", "path": ["z.jsonl"]}]
    hub.put(
        "org/sums",
        {"raw/part-a.jsonl": lines(ROWS[:9]).rstrip(), "raw/part-b.jsonl": lines(ROWS[9:]), "z.jsonl": lines(ROWS[:3])},
        cardData={"configs": [{"config_name": "default", "data_files": splits}]},
    )
    assert counted(open_source("org/sums/train", roots(), INSTRUCTION)) == 20
    assert counted(open_source("org/sums/held_out", roots(), INSTRUCTION)) == 3


def test_a_version_is_pinned_and_asked_for(hub: Served, roots: Callable[..., Roots]) -> None:
    hub.put("org/sums", {"train.jsonl": lines(ROWS)})
    assert pinned("org/sums/train", roots()) == f"org/sums/train@{SHA}"
    open_source(f"org/sums/train@{SHA}", roots(), INSTRUCTION)
    assert hub.asked()[-1][0] == f"/datasets/org/sums/resolve/{SHA}/train.jsonl"
    with pytest.raises(SourceError, match="no longer has this version"):
        open_source("org/sums/train@fedcba9", roots(), INSTRUCTION)


def test_an_old_name_without_organisation_is_followed(hub: Served, roots: Callable[..., Roots]) -> None:
    hub.put("org/sums", {"train.jsonl": lines(ROWS)})
    assert pinned("sums/train", roots()) == f"sums/train@{SHA}"


@pytest.mark.parametrize(
    ("reference", "about", "said"),
    [
        ("org/gone/train", {}, "There is no data set “org/gone”.*an admin must set HF_TOKEN"),
        ("org/sums/dev", {}, "There is no split “dev”. There are: “test”, “train”"),
        ("org/sums/train", {"private": True}, "There is no data set “org/sums”.*it is private"),
        (
            "org/sums/train",
            {"gated": "auto"},
            "is gated. Accept its terms at .*/datasets/org/sums; then an admin sets HF_TOKEN",
        ),
        ("org/sums/train", {"status": 503}, "answered with status 503"),
        ("org/sums/train", {"status": 429}, "asks us to wait"),
        ("org/sums/train", {"siblings": 7}, "does not answer like a Hugging Face hub"),
        ("org/sums/train", {"siblings": [7, {"rfilename": None}, {"rfilename": "../../x/train.jsonl"}]}, "No data files"),
        ("org/sums/train", {"cut": True}, "broke off"),
    ],
)
def test_what_is_refused_and_why(
    reference: str, about: dict[str, Any], said: str, hub: Served, roots: Callable[..., Roots]
) -> None:
    hub.put("org/sums", {"train.jsonl": lines(ROWS), "test.jsonl": lines(ROWS)}, **about)
    with pytest.raises(SourceError, match=said):
        open_source(reference, roots(), INSTRUCTION)


@pytest.mark.parametrize("about", [{"gated": "auto"}, {"private": True}])
def test_a_token_opens_what_is_closed(about: dict[str, Any], hub: Served, roots: Callable[..., Roots]) -> None:
    hub.put("org/sums", {"train.jsonl": lines(ROWS)}, **about)
    assert counted(open_source("org/sums/train", roots(token="hf_good"), INSTRUCTION)) == 20
    with pytest.raises(SourceError, match=r"gated|no data set") as refused:
        open_source("org/sums/train", roots(token="hf_wrong"), INSTRUCTION)
    assert "hf_wrong" not in str(refused.value)


def test_the_token_is_not_shown_when_a_hub_is_printed() -> None:
    assert "hf_good" not in repr(Hub(endpoint="http://hub", token="hf_good"))


def test_large_files_come_from_the_cdn_if_it_is_allowed_and_it_never_sees_the_token(
    hub: Served, roots: Callable[..., Roots], tmp_path: Path
) -> None:
    hub.put("org/sums", {"train.jsonl": lines(ROWS)})
    elsewhere = hub.url.replace("127.0.0.1", "localhost")
    with serving(hub.folder, tmp_path / "front.log", elsewhere) as front:
        allowed = roots(endpoint=front.url, token="hf_good", cdn=("localhost",))
        assert counted(open_source("org/sums/train", allowed, INSTRUCTION)) == 20
        assert hub.asked() == [["/blob/org/sums/train.jsonl", "-"]]
        assert {token for _, token in front.asked()} == {"Bearer hf_good"}
        for cdn in ((), ("hf.co",), ("ocalhost",)):
            with pytest.raises(SourceError, match=r"sends us on to localhost.*HF_CDN"):
                open_source("org/sums/train", roots(endpoint=front.url, cdn=cdn), INSTRUCTION)
        assert len(hub.asked()) == 1


def test_a_split_may_not_be_larger_than_the_limit_nor_take_for_ever(hub: Served, roots: Callable[..., Roots]) -> None:
    hub.put("org/sums", {"train-a.jsonl": lines(ROWS), "train.jsonl": lines(ROWS)})
    assert counted(open_source("org/sums/train", roots(limit=len(lines(ROWS))), INSTRUCTION)) == 20
    with pytest.raises(SourceError, match="larger than"):
        open_source("org/sums/train", roots(limit=len(lines(ROWS)) - 1), INSTRUCTION)
    with pytest.raises(SourceError, match="took longer"):
        open_source("org/sums/train", roots(seconds=-1.0), INSTRUCTION)


def test_a_hub_that_is_away(roots: Callable[..., Roots]) -> None:
    with pytest.raises(SourceError, match="cannot be reached"):
        open_source("org/sums/train", roots(endpoint="http://127.0.0.1:9"), INSTRUCTION)


def test_a_broken_shard_is_named(hub: Served, roots: Callable[..., Roots]) -> None:
    hub.put("org/sums", {"train-00000-of-00002.jsonl": lines(ROWS), "train-00001-of-00002.jsonl": b'{"prompt": \n'})
    with pytest.raises(SourceError, match=r"train-00001-of-00002\.jsonl, line 1"):
        open_source("org/sums/train", roots(), INSTRUCTION)


def test_a_copy_on_disk_comes_first_and_asks_nobody(hub: Served, roots: Callable[..., Roots], tmp_path: Path) -> None:
    (tmp_path / "copies/org/sums").mkdir(parents=True)
    (tmp_path / "copies/org/sums/train.jsonl").write_bytes(lines(ROWS[:4]))
    hub.put("org/other", {"train.jsonl": lines(ROWS)})
    both = replace(roots(), huggingface=tmp_path / "copies")
    assert pinned("org/sums/train", both) is None
    assert counted(open_source("org/sums/train", both, INSTRUCTION)) == 4
    assert hub.asked() == []
    assert counted(open_source("org/other/train", both, INSTRUCTION)) == 20
