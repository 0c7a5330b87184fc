"""Make wheels for tests: honest ones, and ones with whatever is wrong.

A module made here writes a file, the canary, when it is imported, so that a test can tell that nothing was.
"""

import base64
import hashlib
import json
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

Files = dict[str, bytes]
Tamper = Callable[[Files], None]
ENTRY = "from kt import hookimpl\n\n\n@hookimpl\ndef kt_register(registry):\n    pass\n"
DATE = (2026, 1, 1, 0, 0, 0)


def canary(folder: Path) -> Path:
    """Return the file that the modules of wheels in a folder write when they are imported."""
    return folder / "imported"


def pack(
    name: str,
    version: str = "1.0",
    *,
    kt: str = ">=0.1,<1",
    needs: Mapping[str, Sequence[str]] | None = None,
    provides: Iterable[tuple[str, str]] = (),
) -> dict[str, Any]:
    """Return an honest manifest; `provides` are kinds and names."""
    return {
        "pack": {"name": name, "version": version, "description": f"What {name} does", "kt": kt},
        "needs": {kind: list(values) for kind, values in (needs or {}).items()},
        "provides": [{"kind": kind, "name": named, "description": ""} for kind, named in provides],
    }


def make_wheel(
    folder: Path,
    name: str,
    version: str = "1.0",
    files: Mapping[str, str | bytes] | None = None,
    *,
    entry_points: Mapping[str, Mapping[str, str]] | None = None,
    requires: Sequence[str] = (),
    requires_python: str = ">=3.11",
    manifest: Mapping[str, Any] | str | None = None,
    tag: str = "py3-none-any",
    metadata: str | None = None,
    tamper: Tamper | None = None,
    members: Sequence[tuple[zipfile.ZipInfo, bytes]] = (),
) -> Path:
    """Write a wheel into a folder and return its path.

    Without files it is a package of its name. `manifest` goes into that package. `tamper` changes all the files when
    RECORD already stands; `members` are added after them, as they are.
    """
    package = name.replace("-", "_").lower()
    dist_info = f"{package}-{version}.dist-info"
    contents = {f"{package}/__init__.py": ENTRY} if files is None else dict(files)
    if manifest is not None:
        contents[f"{package}/kt-pack.toml"] = manifest if isinstance(manifest, str) else toml(manifest)
    sources = {path: data if isinstance(data, bytes) else data.encode() for path, data in contents.items()}
    first = f"open({str(canary(folder))!r}, 'w').close()\n".encode()
    done = {path: first + data if path.endswith(".py") else data for path, data in sources.items()}
    done[f"{dist_info}/METADATA"] = (metadata or _metadata(name, version, requires, requires_python)).encode()
    done[f"{dist_info}/WHEEL"] = f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: {tag}\n".encode()
    if entry_points:
        groups = (f"[{group}]\n" + "".join(f"{k} = {v}\n" for k, v in e.items()) for group, e in entry_points.items())
        done[f"{dist_info}/entry_points.txt"] = "\n".join(groups).encode()
    done[f"{dist_info}/RECORD"] = record(done, dist_info)
    if tamper:
        tamper(done)
    path = folder / f"{package}-{version}-{tag}.whl"
    _archive(path, done, members)
    return path


def _archive(path: Path, files: Files, members: Sequence[tuple[zipfile.ZipInfo, bytes]]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in files.items():
            info = zipfile.ZipInfo(name, DATE)
            info.external_attr = 0o100644 << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            file.writestr(info, data)
        for info, data in members:
            file.writestr(info, data)


def make_pack(
    folder: Path,
    name: str,
    version: str = "1.0",
    files: Mapping[str, str | bytes] | None = None,
    *,
    needs: Mapping[str, Sequence[str]] | None = None,
    provides: Iterable[tuple[str, str]] = (),
    kt: str = ">=0.1,<1",
    **options: Any,
) -> Path:
    """Write the wheel of a pack: a manifest, an entry point in the group kt, and files beside its entry module."""
    package = name.replace("-", "_").lower()
    options.setdefault("entry_points", {"kt": {package: package}})
    options.setdefault("manifest", pack(name, version, kt=kt, needs=needs, provides=provides))
    return make_wheel(folder, name, version, {f"{package}/__init__.py": ENTRY, **(files or {})}, **options)


def record(files: Files, dist_info: str, algorithm: str = "sha256") -> bytes:
    """Return the RECORD of files."""
    lines = []
    for path, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.new(algorithm, data).digest()).rstrip(b"=").decode()
        lines.append(f"{path},{algorithm}={digest},{len(data)}\n")
    return "".join([*lines, f"{dist_info}/RECORD,,\n"]).encode()


def unpack(wheel: Path, folder: Path) -> Path:
    """Put an honest wheel's files into a folder, as an installer does with site-packages."""
    with zipfile.ZipFile(wheel) as file:
        file.extractall(folder)
    return folder


def rebuild(folder: Path, into: Path) -> Path:
    """Make the wheel again that an unpacked one, of uv's cache, was."""
    dist_info = next(folder.glob("*.dist-info"))
    lines = (dist_info / "WHEEL").read_text().splitlines()
    tags = [line.partition(":")[2].strip() for line in lines if line.startswith("Tag:")]
    parts = [sorted({tag.split("-")[i] for tag in tags}) for i in range(3)]
    path = into / f"{dist_info.name.removesuffix('.dist-info')}-{'-'.join('.'.join(p) for p in parts)}.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        for item in sorted(folder.rglob("*")):
            if item.is_file() and "__pycache__" not in item.parts and item.name != ".lock":
                file.write(item, str(item.relative_to(folder)))
    return path


def toml(table: Mapping[str, Any]) -> str:
    """Return a manifest as TOML."""
    lines = [f"[pack]\n{_keys(table['pack'])}", f"[needs]\n{_keys(table['needs'])}"]
    return "\n".join([*lines, *(f"[[provides]]\n{_keys(thing)}" for thing in table["provides"])])


def _keys(table: Mapping[str, Any]) -> str:
    return "".join(f"{key} = {json.dumps(value)}\n" for key, value in table.items())


def _metadata(name: str, version: str, requires: Sequence[str], requires_python: str) -> str:
    lines = ["Metadata-Version: 2.4", f"Name: {name}", f"Version: {version}", f"Summary: What {name} does"]
    lines += ["License-Expression: MIT", f"Requires-Python: {requires_python}"]
    return "\n".join([*lines, *(f"Requires-Dist: {r}" for r in requires), "", f"# {name}", ""])
