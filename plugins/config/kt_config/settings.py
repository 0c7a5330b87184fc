"""The user's config.toml and a trusted project's .kt/config.toml."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from kt.errors import ConfigError, DataError, UsageError, nearest

from .documents import Document, load_toml
from .home import config_file
from .trust import is_trusted

PROJECT_KEYS: dict[str, type] = {"creature": str, "profile": dict}
USER_KEYS = {**PROJECT_KEYS, "model": str, "models": dict, "endpoint": dict}
CREATURE_KEYS = {"plugins": list, "guards": list, "config": dict}
PROFILE_KEYS = {"extends": str, **CREATURE_KEYS, "creature": dict}
WORDS: dict[type, str] = {str: "text", dict: "a table", list: "a list of names"}


class Settings:
    """Both files, read once. A project may name a creature, add plugins and tighten; the user decides the rest.

    `user` and `project` are the documents (None: no such file, or the folder is not trusted).
    """

    untrusted: ClassVar[str] = ".kt/config.toml is ignored: this folder is not trusted, or it changed since"

    def __init__(self, pwd: Path | None = None) -> None:
        self.user = _read(config_file(), USER_KEYS)
        self.project_file = _project_file(pwd or Path.cwd())
        trusted = self.project_file is not None and is_trusted(self.project_file.parent.parent)
        self.project = _read(self.project_file, PROJECT_KEYS) if trusted and self.project_file else None

    @property
    def ignored(self) -> Path | None:
        """Return the project's file if there is one that is not trusted."""
        return self.project_file if self.project is None else None

    @property
    def creature(self) -> tuple[str | None, Path | None]:
        """Return the creature to run, the project's or else the user's, and the folder a path of it starts from."""
        if self.project is not None and "creature" in self.project.data:
            return self.project.data["creature"], self.project.path.parent.parent
        if self.user is not None and "creature" in self.user.data:
            return self.user.data["creature"], self.user.path.parent
        return None, None


def presets() -> Mapping[str, Mapping[str, Any]]:
    """Return the user's model presets, each as a table; `model = "..."` at the top is the preset "default".

    One whose `model` names another preset is that one with its own settings over it.
    """
    document = _read(config_file(), USER_KEYS)
    if document is None:
        return {}
    chosen = {"default": document.data["model"]} if "model" in document.data else {}
    tables: dict[str, dict[str, Any]] = {}
    for name, table in {**chosen, **document.data.get("models", {})}.items():
        tables[name] = {"model": table} if isinstance(table, str) else table
        if not isinstance(table, str | dict) or not tables[name].keys() & {"model", "base_url"}:
            where = document.where(["models", name])
            raise DataError(f"model preset {name!r} needs `model`", where=where, hint='model = "provider/name"')
    return {name: _preset(document, tables, [name]) for name in tables}


def endpoints() -> Mapping[str, Mapping[str, Any]]:
    """Return the user's own endpoints by name, each a table as the shipped ones are."""
    document = _read(config_file(), USER_KEYS)
    found = {} if document is None else document.data.get("endpoint", {})
    return {name: _table(document, ["endpoint", name], table) for name, table in found.items() if document}


def _preset(document: Document, tables: Mapping[str, dict[str, Any]], line: list[str]) -> dict[str, Any]:
    table = tables[line[-1]]
    base = str(table.get("model", ""))
    if base not in tables or table.keys() & {"provider", "base_url"}:
        return table
    if base in line:
        circle = " -> ".join([*line, base])
        raise DataError(f"model presets name each other ({circle})", where=document.where(["models", line[-1]]))
    return {**_preset(document, tables, [*line, base]), **{k: v for k, v in table.items() if k != "model"}}


def _read(path: Path | None, known: Mapping[str, type]) -> Document | None:
    if path is None or not path.is_file():
        return None
    try:
        document = load_toml(path.read_text(encoding="utf-8-sig"), path)
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"can't read it: {error}", where=str(path)) from error
    _check(document, [], document.data, known)
    for name, profile in document.data.get("profile", {}).items():
        at = ["profile", name]
        _check_profile(document, at, profile, PROFILE_KEYS)
        for creature, table in profile.get("creature", {}).items():
            _check_profile(document, [*at, "creature", creature], table, CREATURE_KEYS)
    return document


def _check_profile(document: Document, at: list[str], value: Any, known: Mapping[str, type]) -> None:
    _check(document, at, _table(document, at, value), known)
    for plugin, config in value.get("config", {}).items():
        _table(document, [*at, "config", plugin], config)


def _check(document: Document, at: list[str], table: dict[str, Any], known: Mapping[str, type]) -> None:
    for key, value in table.items():
        keys = [*at, key]
        if key not in known:
            raise DataError(f"unknown key {key!r}", where=document.where(keys), hint=nearest(key, known))
        names = value if isinstance(value, list) else []
        if not isinstance(value, known[key]) or not all(isinstance(name, str) for name in names):
            raise DataError(f"{'.'.join(keys)} must be {WORDS[known[key]]}", where=document.where(keys))


def _table(document: Document, at: list[str], value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise DataError(f"{'.'.join(at)} must be a table", where=document.where(at))
    return value


def _project_file(pwd: Path) -> Path | None:
    """Return the nearest .kt/config.toml from `pwd` upwards, not beyond the repository's or the home folder."""
    home = Path.home()
    for folder in (pwd, *pwd.parents):
        if (file := folder / ".kt" / "config.toml").is_file():
            return file
        if (folder / ".git").exists() or folder == home:
            return None
    return None


def add_table(section: str, name: str, table: Mapping[str, Any]) -> Path:
    """Add `[section.name]` to the user's config.toml; return the file. Raises ConfigError where it is there already."""
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]*", name):
        raise UsageError(f"{name!r} is no name", hint="letters, digits, - and _")
    file = config_file()
    document = _read(file, USER_KEYS)
    if document is not None and name in document.data.get(section, {}):
        raise ConfigError(f"{section}.{name} is there already", where=document.where([section, name]), hint="edit it")
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    lines = [f"{key} = {_toml(value)}" for key, value in table.items()]
    key = name if re.fullmatch(r"[\w-]+", name) else json.dumps(name)
    _replace(file, f"{text.rstrip()}\n\n[{section}.{key}]\n".lstrip() + "\n".join(lines) + "\n")
    return file


def _toml(value: Any) -> str:
    """Return a value as TOML; its text and numbers are written as in JSON."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{k} = {_toml(v)}" for k, v in value.items()) + " }"
    return json.dumps(value, ensure_ascii=False)


def set_model(name: str) -> Path:
    """Write `model = "name"` into the user's config.toml, leaving the rest as it stands; return the file."""
    file = config_file()
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    line = f"model = {json.dumps(name)}"
    head, mark, tables = text.partition("\n[") if not text.startswith("[") else ("", "[", text[1:])
    new, count = re.subn(r"(?m)^model\s*=.*$", lambda _: line, head, count=1)
    if not count:
        new = f"{line}\n{head}" if head else f"{line}\n"
    _replace(file, new + mark + tables)
    return file


def _replace(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_suffix(".new")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(file)
