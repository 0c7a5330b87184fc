"""One import at work: the files of the output as they come to be, and where things of the source went."""

import posixpath
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from kt.errors import NotFound

from . import prompts
from .report import Report
from .source import read_text

if TYPE_CHECKING:
    from kt import Plugins


@dataclass(slots=True)
class Work:
    """Hold what an import makes. `root` is the folder of the source.

    `files` are texts or bytes by their path below the output's folder. `creatures` maps a source folder to the folder
    its creature has in the output, `fragments` the names of a pack's prompts to their files, `pack` is what the source
    calls itself in references. `main` is what `kt run` is to be given.
    """

    plugins: "Plugins"
    report: Report
    root: Path
    files: dict[str, str | bytes] = field(default_factory=dict)
    creatures: dict[Path, str] = field(default_factory=dict)
    fragments: dict[str, Path] = field(default_factory=dict)
    texts: "dict[Path, Text]" = field(default_factory=dict)
    top: str = ""
    """The folder of the output that creatures may not leave: a pack's package."""
    shelf: str = "prompts"
    """The folder for prompts that lie outside of their creature."""
    pack: str = ""
    kind: str = ""
    """What the output is, for people."""
    main: str = ""
    name: str = ""
    """The output's folder where the user names none."""
    creature_files: list[str] = field(default_factory=list)
    """Files of the output that our loader is to read, in order."""

    def free(self, path: str) -> str:
        """Return a path of the output that no file has, numbered if need be."""
        stem, ending = posixpath.splitext(path)
        number, found = 2, path
        while found in self.files:
            found, number = f"{stem}-{number}{ending}", number + 1
        return found


@dataclass(slots=True)
class Text:
    """A prompt in the output, and the variables that it and what it includes have."""

    path: str
    variables: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Home:
    """Where a creature's files are in the source, and where they go in the output, "" for its top."""

    folder: Path
    out: str
    variables: dict[str, str] = field(default_factory=dict)
    contexts: dict[str, Path] = field(default_factory=dict)
    """The files that the source fills into variables of prompts."""

    def path(self, name: str) -> str:
        return posixpath.join(self.out, name)


def prompt_file(work: Work, home: Home, file: Path, out: str = "") -> str:
    """Convert a prompt and what it includes into files of the output, the first at `out`; return its path there."""
    real = file.resolve()
    if real not in work.texts:
        text = read_text(file, work.report)
        work.report.reads(file)
        made = work.texts[real] = Text(out or _place(work, home, real))
        work.files[made.path] = ""
        inner = replace(home, variables=made.variables)
        forms, place = _forms(work, inner, file.parent, posixpath.dirname(made.path)), prompts.placed(file, text)
        work.files[made.path] = prompts.convert(text, forms, work.report, place, file.name)
    home.variables.update(work.texts[real].variables)
    return work.texts[real].path


def _place(work: Work, home: Home, real: Path) -> str:
    """Return where a prompt goes: as it lies in its creature's folder, or onto the shelf for all."""
    folder = home.folder.resolve()
    if real.is_relative_to(folder):
        return work.free(home.path(real.relative_to(folder).as_posix()))
    return work.free(posixpath.join(work.shelf, real.name))


def prompt_text(work: Work, home: Home, text: str, name: str, where: str, *, out: str) -> str:
    """Return a prompt that stands in a configuration, with its forms as ours, for a file in the folder `out`."""
    return prompts.convert(text, _forms(work, home, home.folder, out), work.report, lambda _: where, name)


def _forms(work: Work, home: Home, folder: Path, out: str) -> prompts.Forms:
    """Return what forms stand for in a prompt that lies in `folder`, and in `out` of the output."""

    def include(name: str) -> str:
        found = _find(work, home, folder, name)
        return posixpath.relpath(prompt_file(work, home, found), out or ".") if found else ""

    files = {}
    for variable, path in home.contexts.items():
        files[variable] = posixpath.relpath(prompt_file(work, home, path), out or ".")
    return prompts.Forms(include, files, home.variables)


def _find(work: Work, home: Home, folder: Path, name: str) -> Path | None:
    """Return the file that an include names: beside it, in the creature's folder or its prompts, or in the pack."""
    if found := work.fragments.get(name):
        return found
    pack, _, inside = name[1:].partition("/") if name.startswith("@") else ("", "", "")
    if name.startswith("@"):
        paths = [work.root / inside] if pack in ("", work.pack) else []
    else:
        places = (folder, home.folder, home.folder / "prompts", work.root / "prompts")
        paths = [place / n for place in places for n in (name, f"{name}.md", f"{name}.txt")]
    return next((path for path in paths if _is_ours(work, home, path)), None)


def _is_ours(work: Work, home: Home, path: Path) -> bool:
    """Tell whether a path is a file of the source: what a stranger's configuration names elsewhere is not copied."""
    try:
        real = path.resolve()
        inside = real.is_relative_to(work.root.resolve()) or real.is_relative_to(home.folder.resolve())
        return inside and path.is_file()
    except (OSError, ValueError):  # no path: too long, or with a null character
        return False


def text_of(work: Work, home: Home, name: str) -> Path:
    """Return the file of a prompt that a configuration names. Raises NotFound."""
    if found := _find(work, home, home.folder, name):
        return found
    raise NotFound(f"no file {name!r}", where=str(home.folder))
