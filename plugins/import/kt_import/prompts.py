"""Prompts: Jinja's variables and includes in our forms; what a prompt cannot do here is reported with its place."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from .report import Report

_JINJA = re.compile(
    r"\{%-?\s*raw\s*-?%\}(?P<raw>.*?)\{%-?\s*endraw\s*-?%\}|\{#(?P<note>.*?)#\}"
    r"|\{%-?\s*include\s+(?P<quote>['\"])(?P<include>.+?)(?P=quote)\s*(?:ignore missing\s*)?-?%\}"
    r"|\{\{-?\s*(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*-?\}\}|(?P<other>\{[{%].*?[}%]\})",
    re.DOTALL,
)
BUILT_IN = {"agent_name": "name", "name": "name", "creature_name": "name", "description": "description"}


@dataclass(slots=True)
class Forms:
    """What the forms in a prompt stand for: `files` are variables that are files, by name; `variables` grows.

    `include` returns our reference of an included text, "" where nothing is found.
    """

    include: Callable[[str], str]
    files: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)


def convert(text: str, forms: Forms, report: Report, place: Callable[[int], str], name: str) -> str:
    """Return a prompt with its forms as ours. `place` maps an offset to where it stands; `name` is for the report."""

    def form(match: re.Match[str]) -> str:
        new, kind, what = _form(match, forms)
        report.add(kind, name, place(match.start()), what)  # type: ignore[arg-type]
        return new

    return _JINJA.sub(form, text)


def _form(match: re.Match[str], forms: Forms) -> tuple[str, str, str]:
    """Return (our text, what became of it, a remark)."""
    whole, variable = match[0], match["name"]
    if match["raw"] is not None:
        return _literal(match["raw"]), "changed", "raw text has its braces escaped: \\{{"
    if match["note"] is not None:
        return "", "dropped", f"a comment, no part of the prompt: {' '.join(match['note'].split())[:80]}"
    if match["include"] is not None:
        if found := forms.include(match["include"]):
            return f"{{{{include {found}}}}}", "changed", f"{{{{include {found}}}}}"
        return "", "dropped", f"nothing is called {match['include']!r}; write it beside, and {{{{include NAME.md}}}}"
    if variable is None:
        return _literal(whole), "dropped", f"{whole[:60]!r} stands in the prompt as text; say it without Jinja"
    if variable in forms.files:
        return f"{{{{include {forms.files[variable]}}}}}", "changed", f"{{{{include {forms.files[variable]}}}}}"
    if variable in BUILT_IN:
        return f"{{{{{BUILT_IN[variable]}}}}}", "kept", f"{{{{{BUILT_IN[variable]}}}}}"
    forms.variables.setdefault(variable, "")
    return f"{{{{{variable}}}}}", "changed", f"the variable {variable} is empty until variables: {variable} says it"


def _literal(text: str) -> str:
    return text.replace("{{", "\\{{")


def placed(path: Path, text: str) -> Callable[[int], str]:
    """Return what maps an offset of a file's text to "file:line:col"."""

    def place(offset: int) -> str:
        line, start = text.count("\n", 0, offset), text.rfind("\n", 0, offset)
        return f"{path}:{line + 1}:{offset - start}"

    return place
