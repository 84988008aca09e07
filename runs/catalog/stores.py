"""Where a base model's files come from: a hub, or a volume that is no folder of this machine. Both answer alike."""

import hashlib
import re
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol
from urllib.parse import quote

import orjson

from runs.data.sources import Hub, SourceError
from runs.data.sources.places import Parts, Place

WANTED = re.compile(
    r"config\.json|generation_config\.json|tokenizer(_config)?\.json|special_tokens_map\.json|added_tokens\.json|vocab\.json"
    r"|merges\.txt|chat_template\.(jinja|json)|[\w.-]+\.safetensors|model\.safetensors\.index\.json"
    r"|(LICENSE|LICENCE|NOTICE|USE_POLICY|USAGE_POLICY)(\.(md|txt))?",
    re.ASCII | re.IGNORECASE,
)
LISTING = 32 << 20  # bytes of a description
MOST = 4 << 20  # bytes of a config.json
BLOCK = 1 << 20  # bytes at once


@dataclass(frozen=True)
class File:
    """`sha256` is that of the content where the hub keeps it apart (LFS); `blob` is Git's own digest otherwise. A volume has
    neither: there the size alone is checked.
    """

    name: str
    size: int
    sha256: str = ""
    blob: str = ""


@dataclass(frozen=True)
class Listing:
    """`sha` names what was listed: a commit of the hub, or a digest of names, sizes and times in a volume."""

    sha: str
    files: tuple[File, ...]

    @property
    def bytes(self) -> int:
        return sum(file.size for file in self.files)


@dataclass(frozen=True)
class Rest:
    """What is left of a file from byte `start` on; 0 where a store only gives whole files."""

    start: int
    pieces: Iterator[bytes]


class Store(Protocol):
    """Every method raises SourceError in words."""

    @property
    def name(self) -> str:
        """As people know it."""

    def listing(self) -> Listing:
        """What of the model would be fetched, smallest first: no code, no pickle."""

    def rest(self, sha: str, file: File, start: int) -> AbstractContextManager[Rest]:
        """What is left of a file that was listed as `sha`, to be read while the context lasts."""


@dataclass(frozen=True)
class AtHub:
    hub: Hub
    model: str
    revision: str = ""

    @property
    def name(self) -> str:
        return self.hub.endpoint

    def listing(self) -> Listing:
        at = f"/revision/{quote(self.revision, safe='')}" if self.revision else ""
        known = self._described(f"/api/models/{quote(self.model)}{at}?blobs=true")
        sha, siblings = known.get("sha"), known.get("siblings")
        if not isinstance(sha, str) or not re.fullmatch("[0-9a-f]{7,64}", sha) or not isinstance(siblings, list):
            raise SourceError(f"{self.hub.endpoint} does not answer like a Hugging Face hub. An admin looks at HF_ENDPOINT.")
        return Listing(sha, _with_weights(_wanted(siblings), f"“{self.model}” has no weights as safetensors at the hub."))

    def _described(self, path: str) -> dict[str, Any]:
        with self.hub.answer(path, self.model) as answer:
            body = b""
            for piece in answer.iter_bytes():
                body += piece
                if len(body) > LISTING:
                    raise SourceError(f"The hub's description of “{self.model}” is too long to be one.")
        return _object(body)

    @contextmanager
    def rest(self, sha: str, file: File, start: int) -> Iterator[Rest]:
        more = {"Range": f"bytes={start}-"} if start else {}
        path = f"/{quote(self.model)}/resolve/{quote(sha, safe='')}/{quote(file.name)}"
        with self.hub.answer(path, self.model, **more) as answer:
            yield Rest(start if answer.status_code == 206 else 0, answer.iter_bytes())


@dataclass(frozen=True)
class InVolume:
    """A folder of a volume, wherever that is."""

    place: Place
    parts: Parts

    @property
    def name(self) -> str:
        return "/Volumes/" + "/".join(self.parts)

    def listing(self) -> Listing:
        found = [entry for entry in self.place.list(self.parts) if not entry.is_folder and WANTED.fullmatch(entry.name)]
        if not any(entry.name == "config.json" for entry in found):
            raise SourceError(f"There is no config.json in {self.name}. Name the folder that holds the model's own files.")
        told = "\n".join(f"{entry.name} {entry.bytes} {entry.modified}" for entry in found)
        files = (File(entry.name, entry.bytes) for entry in found)
        sha = hashlib.sha256(told.encode()).hexdigest()[:40]
        return Listing(sha, _with_weights(files, f"There are no weights (*.safetensors) in {self.name}."))

    def config(self) -> dict[str, Any]:
        with self.place.open((*self.parts, "config.json")) as content:
            found = _object(b"".join(_pieces(content, self.name, MOST)))
        if not found:
            raise SourceError(f"config.json in {self.name} is not a JSON object.")
        return found

    @contextmanager
    def rest(self, sha: str, file: File, start: int) -> Iterator[Rest]:  # noqa: ARG002  a volume has no versions
        with self.place.open((*self.parts, file.name)) as content:
            content.seek(start)
            yield Rest(start, _pieces(content, self.name))


def _pieces(content: BinaryIO, name: str, most: int | None = None) -> Iterator[bytes]:
    try:
        if most is not None:
            yield content.read(most)
            return
        while block := content.read(BLOCK):
            yield block
    except Exception as error:  # drivers raise their own kinds
        raise SourceError(f"Reading from {name} broke off ({type(error).__name__}). Fetch it again to go on.") from error


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _wanted(siblings: Iterable[Any]) -> Iterator[File]:
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


def _with_weights(found: Iterable[File], without: str) -> tuple[File, ...]:
    files = tuple(sorted(found, key=lambda file: file.size))
    if not any(file.name.endswith(".safetensors") for file in files):
        raise SourceError(f"{without} Formats that can run code are not fetched.")
    return files
