"""What is kept of sources in $KT_HOME/marketplace: which there are, and the last accepted document of each."""

import json
import os
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from kt.errors import KTError

from . import strict
from .document import Document, key_of, text_of
from .errors import IndexRefused
from .reader import Table
from .source import Source

LIST = "sources.json"


class Store:
    """The folder of the sources that a user added; files are replaced whole, and only their owner reads them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def sources(self) -> list[Source]:
        """Return the sources that were added, each with its document. Raises DataError for a broken list."""
        file = self.folder / LIST
        try:
            data = file.read_bytes()
        except FileNotFoundError:
            return []
        table = Table(strict.read(data, where=str(file)), str(file))
        found = [self._source(item) for item in table.tables("sources", most=1000)]
        table.done()
        return found

    def write(self, sources: Iterable[Source]) -> None:
        """Keep a list of sources."""
        rows = [
            {"name": s.name, "address": s.address, "key": text_of(s.key) if s.key else "", "added": s.added}
            for s in sources
        ]
        self._replace(LIST, json.dumps({"sources": rows}, indent=1).encode() + b"\n")

    def document(self, name: str, key: bytes | None) -> tuple[Document, datetime] | None:
        """Return the document that was accepted last, and when; None before the first.

        Raises DataError, BadSignature.
        """
        file = self._file(name)
        try:
            data, when = file.read_bytes(), file.stat().st_mtime
        except FileNotFoundError:
            return None
        document = Document.parse(data, where=str(file))
        if key is not None:
            document.verify(key)
        return document, datetime.fromtimestamp(when, UTC)

    def keep(self, name: str, data: bytes) -> None:
        """Keep a document that was accepted."""
        self._replace(self._file(name).name, data)

    def forget(self, name: str) -> None:
        """Remove a document."""
        self._file(name).unlink(missing_ok=True)

    def _file(self, name: str) -> Path:
        return self.folder / f"{name}.json"

    def _source(self, row: Table) -> Source:
        name, address, added = row.text("name"), row.text("address"), row.text("added")
        key = key_of(text, where=row.at("key")) if (text := row.text("key")) else None
        row.done()
        return self.completed(Source(name=name, address=address, origin="added", key=key, added=added))

    def completed(self, source: Source) -> Source:
        """Return a source with its document, or with why that can't be read."""
        try:
            found = self.document(source.name, source.key)
        except KTError as error:
            hint = f"kt marketplace remove {source.name}, and add it again"
            return replace(source, error=IndexRefused(f"what was kept of it is spoilt: {error}", hint=hint))
        return source if found is None else replace(source, document=found[0], fetched=found[1])

    def _replace(self, name: str, data: bytes) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # mkstemp makes a file for its owner alone.
        handle, new = tempfile.mkstemp(dir=self.folder, prefix=f".{name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(new).replace(self.folder / name)
        except BaseException:
            Path(new).unlink(missing_ok=True)
            raise
