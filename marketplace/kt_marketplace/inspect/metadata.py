"""What a .dist-info folder says: METADATA and entry_points.txt, of a wheel or of what is installed."""

import configparser
from collections.abc import Iterable
from dataclasses import dataclass

from kt.errors import DataError
from packaging.metadata import parse_email
from packaging.requirements import InvalidRequirement, Requirement

ONE_LINE = ("name", "version", "requires_python", "summary", "license", "license_expression")


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """The fields of a METADATA file that matter here; `bad_requires` are dependencies that nobody can read."""

    name: str
    version: str
    summary: str
    license: str
    requires_python: str
    requires: tuple[Requirement, ...]
    bad_requires: tuple[str, ...]

    @classmethod
    def parse(cls, data: bytes, *, where: str) -> "Metadata":
        """Return what a METADATA says. Raises DataError without a name and a version, or with two of them."""
        raw, odd = parse_email(data)
        if twice := [key for key in odd if key.replace("-", "_") in ONE_LINE]:
            raise DataError(f"{twice[0]} stands twice in METADATA, or is no text", where=where)
        name, version = raw.get("name", "").strip(), raw.get("version", "").strip()
        if not name or not version:
            raise DataError("METADATA has no name or no version", where=where)
        requires, bad = requirements(raw.get("requires_dist", ()))
        terms = raw.get("license_expression") or raw.get("license") or ""
        return cls(
            name=name,
            version=version,
            summary=_line(raw.get("summary", "")),
            license=_line(terms),
            requires_python=raw.get("requires_python", "").strip(),
            requires=requires,
            bad_requires=bad,
        )


def requirements(texts: Iterable[str]) -> tuple[tuple[Requirement, ...], tuple[str, ...]]:
    """Return the requirements among texts, and the texts that are none."""
    good, bad = [], []
    for text in texts:
        try:
            good.append(Requirement(text))
        except InvalidRequirement:
            bad.append(text)
    return tuple(good), tuple(bad)


def entry_points(text: str) -> dict[str, dict[str, str]]:
    """Return group -> name -> value, read line by line as kt and Python read the file when they start."""
    out: dict[str, dict[str, str]] = {}
    group = ""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("["):
            group = line.strip("[]").strip()
        elif line and line[0] not in "#;" and "=" in line:
            name, _, value = line.partition("=")
            out.setdefault(group, {})[name.strip()] = value.strip()
    return out


def ambiguous(text: str) -> bool:
    """Tell whether a program that reads entry_points.txt as an INI file finds others than `entry_points` does."""
    parser = configparser.ConfigParser(delimiters="=", interpolation=None, default_section="")
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        parser.read_string(text)
    except configparser.Error:
        return True
    sections = {group: dict(parser.items(group)) for group in parser.sections()}
    return {g: e for g, e in sections.items() if e} != {g: e for g, e in entry_points(text).items() if e}


def _line(text: str) -> str:
    return " ".join(text.split("\n", 1)[0].split())
