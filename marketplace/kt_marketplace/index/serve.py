"""Serve the folder of an index: its document, the wheels that it names, and the pages that uv and pip read."""

import re
import shutil
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from kt.errors import ConfigError, KTError, NotFound

from . import simple
from .document import Document
from .folder import FILE
from .simple import HTML, JSON


class Server(ThreadingHTTPServer):
    """A server that is listening. `address` is what `kt marketplace add` takes."""

    daemon_threads = True

    def __init__(self, folder: Path, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen; port 0 is any free one. Raises NotFound for no index, ConfigError for a port that is taken."""
        if not (folder / FILE).is_file():
            raise NotFound(f"no {FILE} in {folder}", hint="kt marketplace publish WHEEL --index FOLDER makes one")
        try:
            super().__init__((host, port), partial(Handler, folder.resolve()))
        except OSError as error:
            raise ConfigError(f"can't listen on {host}:{port}: {error.strerror}", hint="--port 0") from None
        self.address = f"http://{f'[{host}]' if ':' in host else host}:{self.server_port}/{FILE}"


class Handler(BaseHTTPRequestHandler):
    """Answer GET and HEAD for what the index names; there is nothing else."""

    timeout = 30
    server_version, sys_version = "kt", ""

    def __init__(self, folder: Path, *args: Any) -> None:
        self.folder = folder
        super().__init__(*args)

    def do_GET(self) -> None:
        try:
            self._answer(unquote(urlsplit(self.path).path))
        except (OSError, KTError):
            self.send_error(500)

    do_HEAD = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the address is all that is printed."""

    def _answer(self, path: str) -> None:
        data = (self.folder / FILE).read_bytes()
        if path == f"/{FILE}":
            self._send(data, "application/json")
            return
        document = Document.parse(data, where=FILE)
        as_json = JSON in self.headers.get("Accept", "")
        if path == "/simple/":
            self._send(simple.projects(document, as_json=as_json), JSON if as_json else HTML)
        elif (of := re.fullmatch("/simple/([^/]+)/", path)) and (entry := document.packs.get(of[1])) is not None:
            self._send(simple.project(entry, as_json=as_json), JSON if as_json else HTML)
        elif path.removeprefix("/") in _paths(document):
            self._send_file(self.folder / path.removeprefix("/"))
        else:
            self.send_error(404)

    def _send(self, data: bytes, kind: str) -> None:
        self._head(len(data), kind)
        if self.command == "GET":
            self.wfile.write(data)

    def _send_file(self, file: Path) -> None:
        if not file.is_file() or not file.resolve().is_relative_to(self.folder):
            self.send_error(404)
            return
        with file.open("rb") as wheel:
            self._head(file.stat().st_size, "application/octet-stream")
            if self.command == "GET":
                shutil.copyfileobj(wheel, self.wfile)

    def _head(self, size: int, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(size))
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()


def _paths(document: Document) -> set[str]:
    """Return the paths of the files that lie beside the document."""
    releases = [release for entry in document.packs.values() for release in entry.versions.values()]
    return {f.url for release in releases for f in release.files if f.url and not f.url.startswith("https://")}
