"""A home of packs for a test: what is done to it, and what is in it afterwards."""

import os
import threading
from base64 import b64encode
from collections.abc import Mapping
from functools import partial
from hashlib import sha256
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from kt import Plugins
from kt_marketplace.install import transaction
from kt_marketplace.install.consent import Consent
from kt_marketplace.install.lock import Lock
from kt_marketplace.install.path import folders, lock_file, packs_folder
from kt_marketplace.install.transaction import Done


class Asked(Consent):
    """A person who answers every question in one way; what they were shown and asked is kept."""

    def __init__(self, answer: bool = True) -> None:
        super().__init__(given=answer)
        self.shown: list[str] = []
        self.questions: list[str] = []

    def tell(self, lines: Any) -> None:
        self.shown += lines

    def ask(self, question: str) -> None:
        self.questions.append(question)
        super().ask(question)

    @property
    def text(self) -> str:
        return "\n".join(self.shown)


class Home:
    """The packs of one $KT_HOME."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.plugins = Plugins()

    def install(self, *words: object, yes: bool = True, editable: bool = False) -> tuple[Done, Asked]:
        person = Asked(yes)
        done = transaction.install(list(map(str, words)), plugins=self.plugins, consent=person, editable=editable)
        return done, person

    def uninstall(self, *names: str) -> Done:
        return transaction.uninstall(names, consent=Asked())

    def update(self, *names: str, yes: bool = True) -> tuple[Done, Asked]:
        person = Asked(yes)
        return transaction.update(names, plugins=self.plugins, consent=person), person

    def rollback(self) -> Done:
        return transaction.rollback(consent=Asked())

    def sync(self, lock: Path | None = None, *, wheels: Path | None = None) -> tuple[Done, Asked]:
        person = Asked()
        return transaction.sync(lock, wheels=wheels, plugins=self.plugins, consent=person), person

    @property
    def lock(self) -> Lock:
        return Lock.current()

    @property
    def versions(self) -> dict[str, str]:
        return {name: pack.version for name, pack in self.lock.packs.items()}

    @property
    def site(self) -> Path:
        return Path(folders()[0])

    def state(self) -> dict[str, bytes]:
        """Return everything that counts: the lock, and the files of its overlay."""
        files = [lock_file(), *(p for f in folders() for p in Path(f).rglob("*"))]
        return {str(f): f.read_bytes() for f in files if f.is_file() and "__pycache__" not in f.parts}

    def leftovers(self) -> list[str]:
        return [p.name for p in packs_folder().glob("work-*")]


class PackageIndex:
    """A package index on loopback (PEP 503): wheels with their SHA-256, or without for a careless one.

    With a `password` its pages are for those who know it.
    """

    def __init__(self, folder: Path, *, hashes: bool = True) -> None:
        self.folder, self.hashes = folder, hashes
        (folder / "files").mkdir(parents=True)
        (folder / "simple").mkdir()
        handler = partial(_Quiet, directory=str(folder))
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.asked: list[str] = []
        self.password = ""
        handler.keywords["index"] = self
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/simple/"

    def add(self, wheel: Path, *, attributes: Mapping[str, str] | None = None) -> Path:
        """Offer a wheel; return the file that is served."""
        served = self.folder / "files" / wheel.name
        served.write_bytes(wheel.read_bytes())
        page = self.folder / "simple" / wheel.name.partition("-")[0].replace("_", "-") / "index.html"
        page.parent.mkdir(exist_ok=True)
        digest = f"#sha256={sha256(served.read_bytes()).hexdigest()}" if self.hashes else ""
        more = "".join(f' {key}="{value}"' for key, value in (attributes or {}).items())
        with page.open("a") as file:
            file.write(f'<a href="/files/{wheel.name}{digest}"{more}>{wheel.name}</a>\n')
        return served

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class _Quiet(SimpleHTTPRequestHandler):
    def __init__(self, *args: Any, index: PackageIndex, **options: Any) -> None:
        self._index = index
        super().__init__(*args, **options)

    def do_GET(self) -> None:
        self._index.asked.append(self.path)
        login = b64encode(f"someone:{self._index.password}".encode()).decode()
        if self._index.password and "/simple/" in self.path and self.headers["Authorization"] != f"Basic {login}":
            self.send_error(401)
        else:
            super().do_GET()

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


def clean_environment() -> dict[str, str]:
    """Return the environment without what steers kt or uv."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("KT_", "UV_", "PYTEST_", "COV_"))}
