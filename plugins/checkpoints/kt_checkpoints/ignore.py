"""What .gitignore files leave out: each is read as one expression over the paths beneath its folder."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

ANY_FOLDERS = "(?:[^/]+/)*"


@dataclass(frozen=True, slots=True)
class Run:
    """Lines of a .gitignore file that follow each other and say the same: what they match is ignored, or is not."""

    ignored: bool
    of_folders: re.Pattern[str]
    of_files: re.Pattern[str]


class Ignored:
    """Tell which paths beneath a folder git would leave out, given the .gitignore files that were learnt."""

    def __init__(self) -> None:
        self._runs: dict[str, list[Run]] = {}

    def knows(self, folder: str) -> bool:
        return folder in self._runs

    def learn(self, folder: str, text: str) -> None:
        """Take up the .gitignore of a folder ("" is the topmost); an empty text where there is none."""
        self._runs[folder] = runs_of(text)

    def __call__(self, path: str, is_folder: bool) -> bool:
        """Tell whether a path is ignored, given that the folders above it are not."""
        folder = path
        while folder:
            folder = folder.rpartition("/")[0]
            below = path[len(folder) + 1 :] if folder else path
            for run in self._runs.get(folder, ()):
                if (run.of_folders if is_folder else run.of_files).match(below):
                    return run.ignored
        return False


def runs_of(text: str) -> list[Run]:
    """Return the runs of a .gitignore file, the last, which goes first, at the beginning."""
    runs: list[tuple[bool, list[tuple[bool, str]]]] = []
    for line in text.split("\n"):
        pattern, ignored = _pattern(line)
        if pattern and _valid(found := (pattern.endswith("/"), _expression(pattern.removesuffix("/")))):
            if not runs or runs[-1][0] is not ignored:
                runs.append((ignored, []))
            runs[-1][1].append(found)
    return [
        Run(ignored, _any(e for _, e in rules), _any(e for f, e in rules if not f)) for ignored, rules in runs[::-1]
    ]


def _pattern(line: str) -> tuple[str, bool]:
    """Return the pattern of a line, "" where it has none, and whether it ignores."""
    line = re.sub(r"(?<!\\) +$", "", line.removesuffix("\r"))
    if line.startswith("#") or not line.strip("!/"):
        return "", True
    return line.removeprefix("!"), not line.startswith("!")


def _any(expressions: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(expressions) or r"(?!)", re.DOTALL)


def _valid(rule: tuple[bool, str]) -> bool:
    """Tell whether a rule can match anything: git passes over a range like [z-a]."""
    try:
        re.compile(rule[1])
    except re.error:
        return False
    return True


def _expression(pattern: str) -> str:
    """Return a pattern as an expression for the whole of a path.

    What stands before another ** or * is matched atomically, the shortest way: a pattern takes no exponential time.
    """
    names = pattern.removeprefix("/").split("/")
    if "/" not in pattern:
        names.insert(0, "**")
    chunks: list[list[str]] = [[]]
    for name in names:
        if name == "**":
            chunks.append([])
        else:
            chunks[-1].append(_name(name))
    first, rest = "/".join(chunks[0]), chunks[1:]
    if not rest:
        return f"{first}\\Z"
    middle = "".join(f"(?>(?:[^/]+/)*?{'/'.join(chunk)}/)" for chunk in rest[:-1] if chunk)
    last = ANY_FOLDERS + "/".join(rest[-1]) if rest[-1] else ".+"
    return f"{first}{'/' * bool(first)}{middle}{last}\\Z"


def _name(text: str) -> str:
    """Return the expression for one name of a path."""
    pieces = [""]
    at = 0
    while at < len(text):
        taken, made = _token(text, at)
        if made == "*":
            pieces.append("")
        else:
            pieces[-1] += made
        at += taken
    inner = "".join(f"(?>[^/]*?{piece})" for piece in pieces[1:-1])
    return pieces[0] + (f"{inner}[^/]*{pieces[-1]}" if len(pieces) > 1 else "")


def _token(text: str, at: int) -> tuple[int, str]:
    """Return how many characters the next token takes, and its expression; * stands for itself."""
    if text[at] == "*":
        return 1, "*"
    if text[at] == "?":
        return 1, "[^/]"
    if text[at] == "\\":
        return 2, re.escape(text[at + 1]) if at + 1 < len(text) else "(?!)"
    if text[at] == "[" and (found := re.compile(r"\[([!^]?)(\]?(?:\\.|[^\]\\])*)\]").match(text, at)):
        inner = re.sub(r"\\?([\[\]\\^&~|])", r"\\\1", re.sub(r"\\([^\]\\^\[&~|-])", r"\1", found[2]))
        return len(found[0]), f"(?!/)[{'^' * bool(found[1])}{inner}]"
    return 1, re.escape(text[at])
