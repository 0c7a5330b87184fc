"""Markdown with YAML between its first two lines `---`, as agents, skills and commands have it."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kt.errors import DataError

from .report import Keys, Report
from .section import Section

if TYPE_CHECKING:
    from kt import Registry

_FENCED = re.compile(r"---[ \t]*\r?\n(.*?)^---[ \t]*(?:\r?\n|\Z)(.*)", re.DOTALL | re.MULTILINE)
_LINE = re.compile(r"([A-Za-z][\w-]*):[ \t]*(.*)")


@dataclass(frozen=True, slots=True)
class Front:
    """The keys of a file's front matter, each value a text as it stands there, and the Markdown below it."""

    section: Section
    body: str


def parse(text: str, path: Path, registry: "Registry", report: Report) -> Front:
    """Return front matter and Markdown; a file without the first has no keys.

    What is no YAML, as with a colon in a text without quotes, is read as lines `key: text`, and reported. Raises
    DataError with file:line:col where not even that is there.
    """
    fenced = _FENCED.match(text)
    if fenced is None:
        return Front(Section({}, lambda keys: f"{path}:1:1", report), text)
    data, locate = _values(fenced[1], path, registry, report)

    def place(keys: Keys) -> str:
        line, column = locate(keys)
        return f"{path}:{line + 1}:{column}"

    return Front(Section(data, place, report), fenced[2])


def _values(text: str, path: Path, registry: "Registry", report: Report) -> tuple[dict[str, Any], Any]:
    import yaml

    try:
        _, locate = registry.get("format", "yaml", where="kt import")(text, path)
        # A version 1.10 is no number, and what stands there is to be copied as it stands.
        data = yaml.load(text, Loader=yaml.BaseLoader) or {}
    except DataError as error:
        lines = _lines(text)
        if lines is None:
            place = re.sub(r":(\d+):(\d+)$", lambda at: f":{int(at[1]) + 1}:{at[2]}", error.where)
            raise DataError(error.what, where=place, hint=error.hint) from None
        report.add("changed", "---", f"{path}:1:1", "it is no YAML, so each line is a key and its text")
        return lines
    if not isinstance(data, dict):
        raise DataError("the front matter must hold keys and values", where=f"{path}:2:1")
    return data, locate


def _lines(text: str) -> tuple[dict[str, Any], Any] | None:
    """Return keys with the text behind them, and where each stands; None where a line is neither key nor goes on."""
    data: dict[str, Any] = {}
    places: dict[str, int] = {}
    last = ""
    for number, line in enumerate(text.splitlines(), 1):
        if match := _LINE.fullmatch(line):
            last = match[1]
            if last in data:
                return None
            data[last], places[last] = match[2].strip(), number
        elif last:
            data[last] = f"{data[last]}\n{line.strip()}".strip()
        elif line.strip():
            return None
    return data, lambda keys: (places.get(str(keys[0]) if keys else "", 1), 1)
