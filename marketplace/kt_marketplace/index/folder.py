"""The folder of an index as its publisher keeps it: index.json, and the wheels beside it in wheels/."""

import json
import os
import shutil
import tempfile
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from kt.errors import DataError, NotFound, UsageError, nearest
from packaging.version import Version

from ..inspect import Wheel
from ..manifest import Pack, normal
from .document import FORMAT, NAME, Document
from .signing import SigningKey

FILE, WHEELS = "index.json", "wheels"
DAYS = 90


class IndexFolder:
    """An index that is being published. Changes are made to `signed`, and stand in the folder after `write`."""

    def __init__(self, folder: Path, *, name: str = "", publisher: str = "") -> None:
        """Open an index, or begin one that is called `name`, by default as its folder.

        One that is there keeps its name; its publisher becomes `publisher`, if given. Raises DataError, UsageError.
        """
        self.folder = folder
        self.before: Document | None = None
        file = folder / FILE
        if file.exists():
            self.before = Document.parse(file.read_bytes(), where=str(file))
            self.signed: dict[str, Any] = deepcopy(dict(self.before.signed))
            if name and normal(name) != self.signed["name"]:
                hint = "leave --name away: who uses it knows it by that name"
                raise UsageError(f"this index is called {self.signed['name']!r}", where="--name", hint=hint)
            self.signed["publisher"] = publisher or self.signed["publisher"]
            return
        called = normal(name or folder.resolve().name)
        if not NAME.fullmatch(called):
            raise UsageError(f"an index can't be called {called!r}", hint="--name NAME (a-z, 0-9, hyphens)")
        self.signed = {"format": FORMAT, "name": called, "publisher": publisher or called, "version": 0, "packs": {}}

    def add(self, wheel: Wheel) -> None:
        """Add an inspected wheel, with its file. Raises DataError without manifest, or for other bytes than before."""
        if wheel.manifest is None:
            raise DataError(f"{wheel.path.name} has no kt-pack.toml", where=str(wheel.path))
        versions = self.signed["packs"].get(wheel.name, {}).get("versions", {})
        release = release_of(wheel, wheel.manifest)
        if (old := versions.get(wheel.version)) is not None:
            if any(f["name"] == wheel.path.name and f["sha256"] == wheel.sha256 for f in old["files"]):
                return
            if any(f["name"] == wheel.path.name for f in old["files"]):
                hint = "raise its version: what was published never changes"
                raise DataError(f"{wheel.path.name} was published with other bytes", where=str(wheel.path), hint=hint)
            release = {**old, "files": [*old["files"], *release["files"]]}
        versions = {**versions, wheel.version: release}
        newest = max(versions, key=Version) == wheel.version
        about = about_of(wheel.manifest) if newest else self.signed["packs"][wheel.name]
        self.signed["packs"][wheel.name] = {**about, "versions": versions}
        (self.folder / WHEELS).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(wheel.path, self.folder / WHEELS / wheel.path.name)

    def yank(self, name: str, version: str, why: str) -> None:
        """Say why nobody should take a version any more. Raises NotFound, UsageError."""
        packs = self.signed["packs"]
        if normal(name) not in packs:
            raise NotFound(f"the index has no {name!r}", hint=nearest(normal(name), packs))
        versions = packs[normal(name)]["versions"]
        if version not in versions:
            raise NotFound(f"the index has no {name} {version}", hint=nearest(version, versions))
        if not why.strip():
            raise UsageError("say why it is withdrawn")
        versions[version]["yanked"] = why.strip()

    def write(self, key: SigningKey | None, *, days: int = DAYS) -> Document:
        """Write the index as its next version, signed, to expire in `days`; return its document.

        Raises UsageError where an index that was signed would lose its signature or its key.
        """
        signed_before = self.before is not None and self.before.signatures
        if signed_before and (key is None or key.public not in signed_before):
            raise UsageError(
                f"the index {self.signed['name']!r} is signed with another key" if key else "this index is signed",
                hint="--key FILE with its key: who uses it has pinned that",
            )
        now = datetime.now(UTC)
        signed = {
            **self.signed,
            "version": self.signed["version"] + 1,
            "created": f"{now:%Y-%m-%dT%H:%M:%SZ}",
            "expires": f"{now + timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}",
        }
        whole = {"signed": signed, "signatures": [key.sign(signed)] if key else []}
        data = json.dumps(whole, indent=1, sort_keys=True).encode() + b"\n"
        document = Document.parse(data, where=str(self.folder / FILE))
        self._replace(data)
        self.signed, self.before = signed, document
        return document

    def _replace(self, data: bytes) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        handle, new = tempfile.mkstemp(dir=self.folder, prefix=".index.")
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        # An index is there to be read, by a web server too.
        Path(new).chmod(0o644)
        Path(new).replace(self.folder / FILE)


def about_of(pack: Pack) -> dict[str, Any]:
    """Return what an index says of a pack as a whole."""
    about = {"description": pack.description, "license": pack.license, "homepage": pack.homepage}
    return {**about, "keywords": list(pack.keywords)}


def release_of(wheel: Wheel, pack: Pack) -> dict[str, Any]:
    """Return what an index says of one version of a pack, as its wheel has it."""
    table = pack.table()
    file = {
        "name": wheel.path.name,
        "url": f"{WHEELS}/{wheel.path.name}",
        "sha256": wheel.sha256,
        "size": wheel.size,
    }
    return {
        "kt": pack.kt,
        "needs": table["needs"],
        "provides": table["provides"],
        "hooks": list(pack.hooks),
        "requires": [str(r) for r in wheel.requires],
        "released": f"{datetime.now(UTC):%Y-%m-%d}",
        "yanked": "",
        "files": [file],
    }
