"""A process that serves data sets and models in the real layout of the Hugging Face hub: interface, redirects, refusals.

`python hub.py FOLDER [CDN]`: FOLDER/org/name/* are files, FOLDER/org/name.json says `sha`, `gated`, `private`, `cardData`.
With CDN, files are not served but redirected there, as the hub does with large ones. Prints its port. Logs requests to stdout.
"""

import hashlib
import json
import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

FOLDER, CDN = Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else ""
TOKEN = "hf_good"
API = re.compile(r"/api/(datasets|models)/(?P<name>[^/]+(/[^/]+)?)(/revision/(?P<revision>[^/?]+))?(\?blobs=true)?")
FILE = re.compile(r"(/datasets)?/(?P<name>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<file>.+)")


class Hub(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = unquote(self.path)
        print(path, self.headers.get("Authorization", "-"), flush=True)
        if path.startswith("/blob/"):  # what a CDN does: the bytes, to whoever has the address
            return self.send(200, (FOLDER / path.removeprefix("/blob/")).read_bytes())
        if found := FILE.fullmatch(path):
            return self.file(**found.groupdict())
        if found := API.fullmatch(path):
            return self.describe(found["name"], found["revision"])
        return self.send(404, b"{}")

    def describe(self, name: str, revision: str | None) -> None:
        if "/" not in name:  # old names without an organisation
            return self.send(307, b"", Location=f"/api/datasets/org/{name}")
        about = self.about(name)
        if about is None or (about.get("private") and not self.may()):
            return self.send(404 if self.may() else 401, b"{}", **{"X-Error-Code": "RepoNotFound"})
        if "status" in about:
            return self.send(int(about["status"]), b"busy")
        if revision and revision != about["sha"]:
            return self.send(404, b"{}", **{"X-Error-Code": "RevisionNotFound"})
        home = FOLDER / name
        names = [path.relative_to(home).as_posix() for path in sorted(home.rglob("*")) if path.is_file()]
        siblings = [self.entry(home / file, file) for file in names]
        body = {"id": name, "siblings": siblings, **about}
        return self.send(200, json.dumps(body).encode())

    def file(self, name: str, revision: str, file: str) -> None:
        about = self.about(name)
        if about is None or revision != about["sha"]:
            return self.send(404, b"{}", **{"X-Error-Code": "RevisionNotFound"})
        if about.get("gated") and not self.may():
            return self.send(401, b"{}", **{"X-Error-Code": "GatedRepo"})
        if CDN:
            return self.send(302, b"", Location=f"{CDN}/blob/{name}/{file}")
        body = (FOLDER / name / file).read_bytes()
        if begin := re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", "")):
            return self.send(206, body[int(begin[1]) :])
        if "half" in about and file.endswith(".safetensors"):  # the line breaks in the middle of the weights
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2])
            self.close_connection = True
            return None
        if "cut" in about:  # the line breaks: fewer bytes than announced
            self.send_response(200)
            self.send_header("Content-Length", str(len(body) + 1))
            self.end_headers()
            self.wfile.write(body)
            self.close_connection = True
            return None
        return self.send(200, body)

    def entry(self, path: Path, name: str) -> dict[str, Any]:
        """A file as `?blobs=true` tells of it: weights are kept apart (LFS) and go by SHA-256, the rest by Git's digest."""
        content = path.read_bytes()
        size = len(content)
        blob = hashlib.sha1(b"blob %d\0" % size + content, usedforsecurity=False).hexdigest()
        lfs = {"lfs": {"size": size, "sha256": hashlib.sha256(content).hexdigest()}} if name.endswith(".safetensors") else {}
        return {"rfilename": name, "size": size, "blobId": blob, **lfs}

    def about(self, name: str) -> dict[str, Any] | None:
        try:
            about: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
        except FileNotFoundError:
            return None
        return about

    def may(self) -> bool:
        return self.headers.get("Authorization") == f"Bearer {TOKEN}"

    def send(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Requests are logged above, with their tokens."""


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    print(server.server_port, flush=True)
    server.serve_forever()
