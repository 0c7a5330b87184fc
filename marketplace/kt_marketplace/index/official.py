"""Write the official index from the workspace: `python -m kt_marketplace.index.official ROOT`.

What a distribution provides and needs comes from its kt-pack.toml. Where it has none, what it provides is what its
entry modules register, its hooks are those its code implements, and what it may reach is not bounded.
"""

import ast
import json
import sys
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from kt import Registry

from ..manifest import FILE, Pack, normal
from ..needs import ANY

PUBLISHER = "terrarium"
NEVER = "9999-12-31T23:59:59Z"
MARKERS = ("kt_register", "kt_addhooks", "kt_resolve")
"""Hooks of an entry module; every plugin may have them, so they tell nothing."""
UNBOUNDED = {kind: [word] for kind, word in ANY.items()}
TARGET = Path("marketplace", "kt_marketplace", "data", "index.json")


def packs(root: Path) -> dict[str, Any]:
    """Return the packs of the workspace at `root`, as they stand in an index, by name."""
    members = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["tool"]["uv"]["workspace"]["members"]
    folders = sorted(
        folder for member in members for folder in root.glob(member) if (folder / "pyproject.toml").exists()
    )
    return dict(sorted(filter(None, map(_pack, folders))))


def _pack(folder: Path) -> tuple[str, dict[str, Any]] | None:
    """Return (name, entry) of a distribution; None for one that brings no plugins."""
    data = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))
    project = data["project"]
    points = project.get("entry-points", {}).get("kt", {})
    package = folder / data["tool"]["uv"]["build-backend"]["module-name"]
    if not points:
        return None
    manifest = package / FILE
    if manifest.is_file() and (pack := Pack.parse(manifest.read_text("utf-8"), where=str(manifest))).provides:
        table = pack.table()
        release = {"kt": pack.kt, "needs": table["needs"], "provides": table["provides"], "hooks": list(pack.hooks)}
        keywords = list(pack.keywords)
    else:
        provides = sorted(_registered(folder, points.values()), key=lambda p: (p["kind"], p["name"]))
        release = {"kt": ">=0.1,<1", "needs": UNBOUNDED, "provides": provides, "hooks": sorted(_hooks(package))}
        keywords = sorted({p["kind"] for p in provides})
    release["requires"] = list(project.get("dependencies", ()))
    return normal(project["name"]), {
        "description": project["description"],
        "license": project.get("license", ""),
        "keywords": keywords,
        "versions": {project["version"]: release},
    }


def _registered(folder: Path, modules: Any) -> Iterator[dict[str, str]]:
    """Yield what entry modules register."""
    sys.path.insert(0, str(folder))
    try:
        for name in modules:
            registry = Registry()
            if register := getattr(import_module(name), "kt_register", None):
                register(registry)
            yield from ({"kind": e.kind, "name": e.name, "description": e.help} for e in registry.entries())
    finally:
        sys.path.remove(str(folder))


def _hooks(package: Path) -> set[str]:
    """Return the hooks that methods of a package implement, read without importing it."""
    found = set()
    for file in package.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            marks = [ast.unparse(d).partition("(")[0] for d in getattr(node, "decorator_list", ())]
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and {"hookimpl", "kt.hookimpl"} & set(marks):
                found.add(node.name)
    return found - set(MARKERS)


def write(root: Path) -> bool:
    """Write the index of a workspace; return whether it changed. Its version counts the changes."""
    file, new = root / TARGET, packs(root)
    old: dict[str, Any] = json.loads(file.read_text("utf-8"))["signed"] if file.exists() else {}
    if old.get("packs") == new:
        return False
    signed = {
        "format": 1,
        "name": "official",
        "publisher": PUBLISHER,
        "version": old.get("version", 0) + 1,
        "created": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "expires": NEVER,
        "packs": new,
    }
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps({"signed": signed, "signatures": []}, indent=1) + "\n", encoding="utf-8")
    return True


if __name__ == "__main__":
    print("written" if write(Path(sys.argv[1])) else "nothing changed")
