"""A model's files from a hub onto the disk: only what training needs, resumed where it stopped, and checked by digest.

No code and no pickle is fetched. A file is `<name>.part` until its digest is right.
"""

import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson

from runs.data.sources import Hub, SourceError

WANTED = re.compile(
    r"config\.json|generation_config\.json|tokenizer(_config)?\.json|special_tokens_map\.json|added_tokens\.json|vocab\.json"
    r"|merges\.txt|chat_template\.(jinja|json)|[\w.-]+\.safetensors|model\.safetensors\.index\.json"
    r"|(LICENSE|LICENCE|NOTICE|USE_POLICY|USAGE_POLICY)(\.(md|txt))?",
    re.ASCII | re.IGNORECASE,
)
LISTING = 32 << 20  # bytes of a description
BLOCK = 1 << 20  # bytes at once


@dataclass(frozen=True)
class File:
    """`sha256` is that of the content where the hub keeps it apart (LFS); `blob` is Git's own digest otherwise."""

    name: str
    size: int
    sha256: str = ""
    blob: str = ""


@dataclass(frozen=True)
class Listing:
    sha: str
    files: tuple[File, ...]

    @property
    def bytes(self) -> int:
        return sum(file.size for file in self.files)


def listing(hub: Hub, name: str, revision: str) -> Listing:
    """What of the model would be fetched, at one commit. Raises SourceError in words."""
    path = f"/api/models/{quote(name)}" + (f"/revision/{quote(revision, safe='')}" if revision else "") + "?blobs=true"
    with hub.answer(path, name) as answer:
        body = b""
        for piece in answer.iter_bytes():
            body += piece
            if len(body) > LISTING:
                raise SourceError(f"The hub's description of “{name}” is too long to be one.")
    known = _object(body)
    sha, siblings = known.get("sha"), known.get("siblings")
    if not isinstance(sha, str) or not re.fullmatch("[0-9a-f]{7,64}", sha) or not isinstance(siblings, list):
        raise SourceError(f"{hub.endpoint} does not answer like a Hugging Face hub. An admin looks at HF_ENDPOINT.")
    files = tuple(sorted(_wanted(siblings), key=lambda file: file.size))
    if not any(file.name.endswith(".safetensors") for file in files):
        raise SourceError(f"“{name}” has no weights as safetensors at the hub. Formats that can run code are not fetched.")
    return Listing(sha, files)


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _wanted(siblings: Iterable[Any]) -> Iterable[File]:
    for entry in siblings:
        name = entry.get("rfilename") if isinstance(entry, dict) else None
        if isinstance(name, str) and WANTED.fullmatch(name):
            lfs = entry.get("lfs") or {}
            yield File(
                name,
                int(lfs.get("size") or entry.get("size") or 0),
                str(lfs.get("sha256") or ""),
                str(entry.get("blobId") or ""),
            )


def done(folder: Path, files: Iterable[File]) -> int:
    """Bytes that are there already."""
    return sum(_size(folder / file.name) or _size(folder / f"{file.name}.part") for file in files)


def fetch(hub: Hub, name: str, sha: str, file: File, folder: Path, going: Callable[[], bool]) -> bool:
    """Fetch one file, from where it stopped; False when `going` said to stop before the end. Raises SourceError."""
    target, part = folder / file.name, folder / f"{file.name}.part"
    if target.is_file():
        return True
    have = _size(part)
    if have < file.size or not part.exists():
        more = {"Range": f"bytes={have}-"} if have else {}
        path = f"/{quote(name)}/resolve/{quote(sha, safe='')}/{quote(file.name)}"
        with hub.answer(path, name, **more) as answer, part.open("ab" if answer.status_code == 206 else "wb") as out:
            for piece in answer.iter_bytes():
                out.write(piece)
                if out.tell() > file.size:
                    break
                if not going():
                    return False
    _check(file, part)
    part.replace(target)
    return True


def _check(file: File, part: Path) -> None:
    """A file with another size or digest is thrown away, so that the next try begins anew."""
    if _size(part) != file.size:
        if _size(part) > file.size:
            part.unlink()
        raise SourceError(f"{file.name} broke off at {_size(part):,} of {file.size:,} bytes. Fetch it again to go on.")
    digest = hashlib.sha256() if file.sha256 else hashlib.sha1(b"blob %d\0" % file.size, usedforsecurity=False)
    with part.open("rb") as content:
        while block := content.read(BLOCK):
            digest.update(block)
    expected = file.sha256 or file.blob
    if expected and digest.hexdigest() != expected:
        part.unlink()
        raise SourceError(f"{file.name} is not what the hub says it is: its digest is {digest.hexdigest()}, not {expected}.")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
