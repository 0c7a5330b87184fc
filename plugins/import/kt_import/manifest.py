"""The files that make a folder a pack: pyproject.toml, kt-pack.toml, the entry module, a README."""

import json
import re
from typing import TYPE_CHECKING, Any

from .needs import needs_of
from .work import Work

if TYPE_CHECKING:
    from .pack import Pack

SPDX = (
    *("Apache-2.0", "MIT", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MPL-2.0", "Unlicense", "CC0-1.0", "CC-BY-4.0"),
    *("GPL-3.0-only", "GPL-3.0-or-later", "AGPL-3.0-only", "AGPL-3.0-or-later", "LGPL-3.0-or-later"),
)
"""Names of licences that a build takes as they are."""

HEAD = """from kt import Registry, hookimpl


@hookimpl
def kt_register(registry: Registry) -> None:
"""
_VARIABLE = re.compile(r"\$\{([A-Z_][A-Z0-9_]*)[:}]")


def add(work: Work, pack: "Pack", place: str) -> None:
    """Add a pack's own files to the output; `place` is that of the source's own list of what it has."""
    used = _used(work)
    package = pack.package
    work.files["pyproject.toml"] = _pyproject(work, pack, used)
    head = f"# {pack.dist}\n\n{_about(pack)}\n\n"
    work.files["README.md"] = f"{head}Made by `kt import`: see IMPORT.md.\n"
    work.files[f"{package}/kt-pack.toml"] = _kt_pack(pack, needs_of(work, used, place))
    work.files[f"{package}/__init__.py"] = _module(pack)
    work.files[f"{package}/py.typed"] = ""


def _used(work: Work) -> dict[str, set[str]]:
    """Return what the creatures of the output name, by kind; a "reference" is to what is not of the pack itself."""
    kinds = ("tool", "subagent", "plugin", "trigger", "reference", "base_url", "variable")
    found: dict[str, set[str]] = {kind: set() for kind in kinds}
    for path in work.creature_files:
        text = str(work.files[path])
        found["variable"] |= set(_VARIABLE.findall(text))
        _collect(_yaml(text), found)
    found["reference"] = {name for name in found["reference"] | found["subagent"] if not name.startswith(".")}
    return found


def _yaml(text: str) -> Any:
    import yaml

    return yaml.safe_load(text)


def _collect(value: Any, found: dict[str, set[str]]) -> None:
    if isinstance(value, list):
        for item in value:
            _collect(item, found)
    if not isinstance(value, dict):
        return
    for key, kind in (("tools", "tool"), ("subagents", "subagent"), ("triggers", "trigger"), ("guards", "plugin")):
        for item in value.get(key) or ():
            name = item if isinstance(item, str) else item.get("base") or item.get("name", "")
            found[kind].add(str(name))
    for key, kind in (("base", "reference"), ("base_url", "base_url")):
        if isinstance(value.get(key), str):
            found[kind].add(value[key])
    if isinstance(value.get("plugins"), dict):
        found["plugin"] |= set(value["plugins"])
    for inner in value.values():
        _collect(inner, found)


def _pyproject(work: Work, pack: "Pack", used: dict[str, set[str]]) -> str:
    dists = ["kt-core>=0.1,<1", *sorted(_dists(work, pack, used) - {"kt-core"})]
    lines = [
        "[project]",
        f"name = {_text(pack.dist)}",
        f"version = {_text(_version(pack))}",
        f"description = {_text(_about(pack))}",
        'readme = "README.md"',
        'requires-python = ">=3.11"',
        f"dependencies = [{', '.join(map(_text, dists))}]",
        f"keywords = [{', '.join(map(_text, pack.keywords))}]",
    ]
    if author := pack.about.get("author"):
        lines.append(f"authors = [{{name = {_text(author)}}}]")
    if license := pack.about.get("license"):
        lines.append(f"license = {_text(license)}" if license in SPDX else f"license = {{text = {_text(license)}}}")
    lines += ["", "[project.entry-points.kt]", f"{pack.package} = {_text(pack.package)}"]
    if links := [(word, pack.about[key]) for key, word in (("repository", "Repository"), ("homepage", "Homepage"))
                 if key in pack.about]:  # fmt: skip
        lines += ["", "[project.urls]", *(f"{word} = {_text(link)}" for word, link in links)]
    lines += ["", "[build-system]", 'requires = ["uv_build>=0.9,<1"]', 'build-backend = "uv_build"', ""]
    lines += ["[tool.uv.build-backend]", 'module-root = ""', f"module-name = {_text(pack.package)}", ""]
    return "\n".join(lines)


def _dists(work: Work, pack: "Pack", used: dict[str, set[str]]) -> set[str]:
    """Return the distributions that bring what the creatures name; a pack that is not installed is not among them."""
    registry, installed = work.plugins.registry, [point.dist for point, _ in work.plugins.modules.values()]
    entries = [registry.find(kind, name) for kind, names in used.items() for name in names]
    packs = {name[1:].partition("/")[0].replace("-", "_") for name in used["reference"] if name.startswith("@")}
    brought = {kind for kind, _, _ in pack.provides}
    return {
        "kt-yaml",
        *(entry.dist for entry in entries if entry is not None),
        *(dist for dist in installed if dist.replace("-", "_") in packs),
        *(dist for kind, dist in (("terrarium", "kt-terrarium"), ("skill", "kt-skills")) if kind in brought),
    }


def _kt_pack(pack: "Pack", needs: dict[str, list[str]]) -> str:
    lines = [
        "[pack]",
        f"name = {_text(pack.dist)}",
        f"version = {_text(_version(pack))}",
        f"description = {_text(_about(pack))}",
        'kt = ">=0.1,<1"',
        *(f"{key} = {_text(pack.about[key])}" for key in ("license", "homepage") if key in pack.about),
        f"keywords = [{', '.join(map(_text, pack.keywords))}]",
        "hooks = []",
        "",
        "[needs]",
        *(f"{kind} = [{', '.join(map(_text, values))}]" for kind, values in needs.items()),
    ]
    for kind, name, description in pack.provides:
        lines += ["", "[[provides]]", f"kind = {_text(kind)}", f"name = {_text(name)}"]
        lines.append(f"description = {_text(description)}")
    return "\n".join([*lines, ""])


def _module(pack: "Pack") -> str:
    """Return the entry module. Creatures are found by reference; a skill is found by its registration."""
    skills = [(name, description) for kind, name, description in pack.provides if kind == "skill"]
    lines = [f'    registry.add("skill", {_text(n)}, "{pack.package}:skills/{n}", help={_text(d)})' for n, d in skills]
    body = "\n".join(lines) or '    """Register nothing: creatures and terrariums are found by their references."""'
    head = f'"""{pack.dist}: creatures, terrariums, prompts and skills as data."""'
    return f"{head}\n\n{HEAD}{body}\n"


def _about(pack: "Pack") -> str:
    return pack.about.get("description") or f"{pack.dist}, as kt import made it"


def _version(pack: "Pack") -> str:
    text = pack.about.get("version", "")
    return text if re.fullmatch(r"\d+(\.\d+)*((a|b|rc)\d+)?", text) else "0.1.0"


def _text(value: str) -> str:
    """Return a text as TOML and Python write it."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
