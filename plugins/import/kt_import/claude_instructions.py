"""What every agent of a folder is told: CLAUDE.md and its like as one AGENTS.md, with the files that they name."""

import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kt.errors import DataError

from .prompts import placed
from .source import read_text
from .work import Text, Work

NAMES = ("CLAUDE.md", "CLAUDE.local.md", ".claude/CLAUDE.md", "AGENTS.md")
OUT = "AGENTS.md"
_CODE = r"^(?P<fence>```|~~~).*?^(?P=fence)|`[^`\n]*`"
_NAMED = re.compile(rf"{_CODE}|(?<![\w@/.])@(?P<name>[^\s`]+)", re.DOTALL | re.MULTILINE)
_PATH = re.compile(r".*/.*|.*\.\w+")
_STOPS = ".,;:!?)]}>\"'*"


def take(work: Work, root: Path, files: Sequence[Path]) -> None:
    """Join instructions into AGENTS.md, and bring the files of the folder `root` that they name as @path."""
    own = {file.resolve(): file for file in reversed(files)}
    work.texts |= {real: Text(OUT) for real in own}
    named = _Named(work, root)
    for file in files:
        before, place = str(work.files.get(OUT, "")).rstrip(), f"{file}:1:1"
        if (first := own[file.resolve()]) != file:
            work.report.add("changed", file.name, place, f"it is the same file as {first.name}")
            continue
        text = named.text(file, read_text(file, work.report), OUT)
        work.files[OUT] = f"{before}\n\n{text}" if before else text
        if before:
            work.report.add("changed", file.name, place, f"it stands at the end of {OUT}")
        else:
            work.report.add("kept", file.name, place, f"{OUT}: every agent that works in the folder reads it")
    named.finish()


@dataclass(slots=True)
class _Named:
    """The files that texts name as @path, in a line of their own or within one; what stands in code names nothing."""

    work: Work
    root: Path
    left: list[tuple[Path, str]] = field(default_factory=list)
    """Files that were brought, and may name others, with their paths in the output."""

    def finish(self) -> None:
        """Bring what the files name that were brought, to the last one."""
        while self.left:
            file, out = self.left.pop()
            self.work.files[out] = self.text(file, str(self.work.files[out]), out)

    def text(self, file: Path, text: str, out: str) -> str:
        """Return a file's text as it is to stand at `out`, and bring what it names."""
        self.work.report.reads(file)
        place = placed(file, text)

        def here(match: re.Match[str]) -> str:
            if not match["name"]:
                return match[0]
            line = text[text.rfind("\n", 0, match.start()) + 1 :].partition("\n")[0]
            whole = line.rstrip() == match[0]
            name = match["name"] if whole else match["name"].rstrip(_STOPS)
            brought = self._bring(file.parent / name, name, place(match.start()), whole=whole)
            path = posixpath.relpath(brought, posixpath.dirname(out) or ".") if brought else name
            return f"@{path}{match['name'][len(name) :]}"

        return _NAMED.sub(here, text)

    def _bring(self, path: Path, name: str, place: str, *, whole: bool) -> str:
        """Return where a named file is in the output, "" for none. A name is `whole` that has a line for itself."""
        report = self.work.report
        try:
            out = self._copied(path)
        except DataError as error:
            report.add("dropped", f"@{name}", place, error.what)
            return ""
        if out and whole:
            report.add("kept", f"@{name}", place, out)
        elif out:
            report.add("changed", f"@{name}", place, f"{out}: the model reads it if it will; a line @{out} includes it")
        elif whole or _PATH.fullmatch(name):
            report.add("dropped", f"@{name}", place, "no file of the folder; write it beside, if one is meant")
        return out

    def _copied(self, path: Path) -> str:
        """Return where a file is in the output, copied at the first call; "" for none of the folder."""
        try:
            real, root = path.resolve(), self.root.resolve()
            there = real.is_relative_to(root) and real.is_file()
        except (OSError, ValueError):  # no path: too long, or with a null character
            return ""
        if there and real not in self.work.texts:
            text = read_text(path, self.work.report)
            made = self.work.texts[real] = Text(self.work.free(real.relative_to(root).as_posix()))
            self.work.files[made.path] = text
            self.left.append((path, made.path))
        return self.work.texts[real].path if there else ""
