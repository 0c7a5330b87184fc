"""Documents that a test signs and spoils, and a loopback server that answers as the test wants."""

import hashlib
import json
import threading
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from kt_marketplace.index.signing import SigningKey

BYTES = b"a wheel"


def later(days: float) -> str:
    return f"{datetime.now(UTC) + timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}"


def a_file(name: str = "kt_owl-1.0-py3-none-any.whl", data: bytes = BYTES, url: str | None = None) -> dict[str, Any]:
    digest = hashlib.sha256(data).hexdigest()
    return {"name": name, "url": url or f"wheels/{name}", "sha256": digest, "size": len(data)}


def a_release(**more: Any) -> dict[str, Any]:
    provides = [{"kind": "tool", "name": "hoot", "description": "hoots at night"}]
    return {"kt": ">=0.1,<1", "needs": {"net": ["example.org"]}, "provides": provides, "files": [a_file()], **more}


def a_pack(**more: Any) -> dict[str, Any]:
    return {"description": "Owls for agents", "keywords": ["birds"], "versions": {"1.0": a_release()}, **more}


def an_index(**more: Any) -> dict[str, Any]:
    """Return the `signed` of a document with one pack, kt-owl 1.0."""
    return {
        "format": 1,
        "name": "team",
        "publisher": "The team",
        "version": 1,
        "created": later(-1),
        "expires": later(30),
        "packs": {"kt-owl": a_pack()},
        **more,
    }


def document(signed: Any, *keys: SigningKey) -> bytes:
    return json.dumps({"signed": signed, "signatures": [key.sign(signed) for key in keys]}).encode()


def write_index(folder: Path, signed: Any, *keys: SigningKey) -> Path:
    """Write the folder of an index; return it."""
    folder.mkdir(exist_ok=True)
    (folder / "index.json").write_bytes(document(signed, *keys))
    return folder


Answer = Callable[[BaseHTTPRequestHandler], None]


def says(data: bytes, status: int = 200, **headers: str) -> Answer:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        request.wfile.write(data)

    return answer


class Web:
    """A loopback server. `pages` are its answers by path; `asked` the paths that were asked for."""

    def __init__(self) -> None:
        self.pages: dict[str, Answer] = {}
        self.asked: list[str] = []
        self.done = threading.Event()
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                web.asked.append(self.path)
                try:
                    web.pages.get(self.path, says(b"", 404))(self)
                except OSError:
                    self.close_connection = True

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"

    @contextmanager
    def running(self) -> "Iterator[Web]":
        thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield self
        finally:
            self.done.set()
            self.server.shutdown()
            thread.join()
            self.server.server_close()


PACK = """\
[pack]
name = "{name}"
version = "{version}"
description = "{description}"
kt = ">=0.1,<1"
license = "Apache-2.0"
keywords = ["birds"]

[needs]
net = ["example.org"]

[[provides]]
kind = "tool"
name = "{tool}"
description = "hoots at night"
"""


ENTRY = """\
'''Owls.'''

from kt import hookimpl


@hookimpl
def kt_register(registry):
    registry.tool("{tool}", "{package}.tools:hoot", help="hoots at night")
"""


def a_wheel(folder: Path, name: str = "kt-owl", version: str = "1.0", **more: Any) -> Path:
    """Write a wheel of a pack with one tool; return its file. `files` adds to what is in it, or replaces it."""
    package = name.replace("-", "_")
    info, words = f"{package}-{version}.dist-info", {"package": package, "tool": f"{package}_hoot"}
    manifest = PACK.format(name=name, version=version, description=more.get("description", "Owls"), **words)
    metadata = ("Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", "Requires-Dist: kt-core", "", "Owls")
    files = {
        f"{package}/__init__.py": ENTRY.format(**words),
        f"{package}/tools.py": TOOL.format(**words),
        f"{package}/kt-pack.toml": manifest,
        f"{info}/METADATA": "\n".join(metadata),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[kt]\n{name.removeprefix('kt-')} = {package}\n",
        **more.get("files", {}),
    }
    folder.mkdir(exist_ok=True)
    wheel = folder / f"{package}-{version}-py3-none-any.whl"
    with ZipFile(wheel, "w") as archive:
        for file, text in files.items():
            archive.writestr(file, text)
        archive.writestr(f"{info}/RECORD", "".join(_recorded(f, t) for f, t in files.items()) + f"{info}/RECORD,,\n")
    return wheel


TOOL = '''"""What an owl does."""

from kt import ToolNeeds, tool


@tool(name="{tool}", needs=ToolNeeds(net=("example.org",)))
def hoot(times: int) -> str:
    """Hoot into the night.

    times: how often
    """
    return "hoot" * times
'''


def _recorded(file: str, text: str) -> str:
    digest = urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
    return f"{file},sha256={digest},{len(text.encode())}\n"
