"""The first tier of skills: a line for each in the prompt."""

from collections.abc import Iterable

from .skill import Skill

MAX_CHARACTERS = 4_000
"""Of all lines together."""
LENGTHS = (1_024, 400, 200, 100, 50, 0)
"""Characters of a description, tried until all skills fit."""


def skill_lines(skills: Iterable[Skill]) -> tuple[list[str], int]:
    """Return a line "- name: description" for each skill, and how many at the end had no room.

    Descriptions are cut evenly until all fit in 4,000 characters; then names alone are kept, as many as fit.
    """
    known = list(skills)
    lines: list[str] = []
    for length in LENGTHS:
        lines = [_line(skill, length) for skill in known]
        if _size(lines) <= MAX_CHARACTERS:
            return lines, 0
    while _size(lines) > MAX_CHARACTERS:
        lines.pop()
    return lines, len(known) - len(lines)


def _size(lines: list[str]) -> int:
    return sum(len(line) + 1 for line in lines)


def _line(skill: Skill, length: int) -> str:
    text = " ".join(skill.description.split())
    if len(text) > length:
        text = f"{text[:length].rstrip()} ..." if length else ""
    return f"- {skill.name}: {text}" if text else f"- {skill.name}"
