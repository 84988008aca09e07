"""A bucket, container or share as a place, named by a URL. Its driver finds credentials as its own tools do."""

import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from runs.data.sources.places import Entry, Parts, checked
from runs.data.sources.refusal import SourceError

BLOCK = 1 << 20  # bytes moved at once
AHEAD = 8 << 20  # bytes of a remote file in memory
SPARE = 1 << 30  # bytes of disk that stay free
PATIENCE = 15  # seconds for one question; drivers ask a dead server again and again, the slowest of them for 90
FOLDER = ".folder"  # marks a folder: object stores know only names of files


class Remote:
    def __init__(self, url: str, setting: str) -> None:
        import fsspec  # its drivers are large, and most roots are folders

        self._url, self._setting = url.rstrip("/"), setting
        try:
            self._files, self._root = fsspec.core.url_to_fs(self._url, use_listings_cache=False)
        except (ImportError, ValueError) as error:
            raise SourceError(f"The place {self._url} cannot be read here: {error}. An admin looks at {setting}.") from error
        self._root = self._root.rstrip("/")

    def look(self, parts: Parts) -> Entry | None:
        with self._words():
            try:
                return self._entry(self._ask("info", self._path(parts)), parts)
            except FileNotFoundError:
                return None

    def list(self, parts: Parts) -> list[Entry]:
        path = self._path(parts)
        with self._words():
            try:
                found = self._ask("ls", path, detail=True)
            except FileNotFoundError:
                return []
        named = [(str(info["name"]).rstrip("/").rpartition("/")[2], info) for info in found]
        inside = [(name, info) for name, info in named if str(info["name"]).rstrip("/") != path and name]
        entries = [self._entry(info, (*parts, name)) for name, info in inside if not name.startswith(".")]
        return sorted(entries, key=lambda entry: entry.name)

    def open(self, parts: Parts) -> BinaryIO:
        with self._words():
            file: BinaryIO = self._files.open(self._path(parts), "rb", block_size=AHEAD, cache_type="readahead")
        return file

    def write(self, parts: Parts, chunks: Iterable[bytes]) -> int:
        written = 0
        with self._words():
            file = self._files.open(self._path(parts), "wb")
            try:
                for chunk in chunks:
                    written += len(chunk)
                    file.write(chunk)
            except BaseException:
                file.discard()  # closing would keep the half that came
                file.closed = True
                raise
            file.close()
        return written

    def remove(self, parts: Parts) -> None:
        with self._words():
            self._ask("rm_file", self._path(parts))

    def make_folder(self, parts: Parts) -> None:
        with self._words():
            self._ask("pipe_file", f"{self._path(parts)}/{FOLDER}", b"")

    def remove_folder(self, parts: Parts) -> None:
        with self._words():
            self._files.rm(self._path(parts), recursive=True)

    def fetched(self, parts: Parts, scratch: Path | None) -> Path:
        if scratch is None:
            raise SourceError("This installation has no folder for what is being fetched. An admin sets DATA_DIR.")
        path, target = self._path(parts), scratch / parts[-1][-100:]
        with self._words():
            if not self._ask("isdir", path):
                self._make_room(self._ask("info", path)["size"], scratch)
                self._copy(path, target)
                return target
            found = self._files.find(path, detail=True)
            self._make_room(sum(info["size"] or 0 for info in found.values()), scratch)
            for name in sorted(found):
                inside = checked(tuple(str(name).removeprefix(path).strip("/").split("/")))
                if not inside[-1].startswith("."):
                    self._copy(name, target.joinpath(*inside))
        return target

    def address(self, parts: Parts) -> str:
        return "/".join((self._url, *checked(parts)))

    def _make_room(self, needed: int, scratch: Path) -> None:
        """Refuse, before the first byte, what the disk has no room for."""
        free = max(0, shutil.disk_usage(scratch).free - SPARE)
        if needed > free:
            raise SourceError(f"It has {needed / 1e9:,.1f} GB, and there are {free / 1e9:,.1f} GB for it on the server's disk.")

    def _ask(self, question: str, *about: Any, **more: Any) -> Any:
        """One of the driver's methods, given up after PATIENCE: a person waits for the answer."""
        from fsspec.asyn import AsyncFileSystem, sync

        if isinstance(self._files, AsyncFileSystem):
            return sync(self._files.loop, getattr(self._files, f"_{question}"), *about, timeout=PATIENCE, **more)
        return getattr(self._files, question)(*about, **more)

    def _copy(self, path: str, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        with self._files.open(path, "rb", block_size=AHEAD, cache_type="readahead") as file, target.open("wb") as out:
            shutil.copyfileobj(file, out, BLOCK)

    def _path(self, parts: Parts) -> str:
        return "/".join((self._root, *checked(parts)))

    def _entry(self, info: dict[str, Any], parts: Parts) -> Entry:
        modified = info.get("LastModified") or info.get("last_modified") or info.get("mtime") or 0
        seconds = modified.timestamp() if hasattr(modified, "timestamp") else modified
        is_folder = info["type"] == "directory"
        return Entry(parts, is_folder, int(info.get("size") or 0), float(seconds) if isinstance(seconds, int | float) else 0.0)

    @contextmanager
    def _words(self) -> Iterator[None]:
        """Drivers raise what they like: a sentence for the user, and the cause for the log."""
        try:
            yield
        except (SourceError, FileNotFoundError):
            raise
        except Exception as error:  # drivers raise their own kinds
            silent = isinstance(error, TimeoutError)
            reason = (str(error).splitlines() or [type(error).__name__])[0][:200].rstrip(".")
            said = f"there was no answer within {PATIENCE} seconds" if silent else reason
            raise SourceError(
                f"{self._url} cannot be reached or refused: {said}. An admin looks at {self._setting}."
            ) from error
