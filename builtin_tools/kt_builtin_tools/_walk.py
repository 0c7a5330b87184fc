"""Walk folders as ripgrep does: in the order of names, without links, .git and what .gitignore files name."""

import os
from collections.abc import Iterator

from kt import Context, FileInfo
from kt.errors import KTError
from pathspec import GitIgnoreSpec

from ._text import lines_of

MAX_RULES = 1_000_000


class Ignore:
    """Tell what the .gitignore files from the working folder down say of paths beneath `start`.

    Where `start` itself is ignored, it is what the caller wants: then only the files from there down count.
    """

    def __init__(self, ctx: Context[object], start: str) -> None:
        self._ctx = ctx
        self._specs: dict[str, GitIgnoreSpec | None] = {}
        self.top = ""
        self.start = "" if start == "." else start
        if self._any(self.start, 0):
            self.top = self.start

    def __call__(self, path: str, is_dir: bool) -> bool:
        """Tell whether a path is ignored, given that the folders above it are not."""
        names = path.split("/")
        for depth in range(len(names) - 1, -1, -1):
            base = "/".join(names[:depth])
            if len(base) < len(self.top):
                break
            spec = self._spec(base)
            if spec is not None:
                said = _verdict(spec, "/".join(names[depth:]) + "/" * is_dir)
                if said is not None:
                    return said
        return False

    def hides(self, path: str) -> bool:
        """Tell whether a file, or a folder between it and the start, is ignored or .git."""
        folder = path.rpartition("/")[0]
        above = self.start.count("/") + 1 if self.start else 0
        return ".git" in path.split("/")[above:] or self._any(folder, above) or self(path, False)

    def _any(self, folder: str, above: int) -> bool:
        names = folder.split("/") if folder else []
        return any(self("/".join(names[:n]), True) for n in range(above + 1, len(names) + 1))

    def _spec(self, folder: str) -> GitIgnoreSpec | None:
        if folder not in self._specs:
            self._specs[folder] = self._read(f"{folder}/.gitignore".lstrip("/"))
        return self._specs[folder]

    def _read(self, path: str) -> GitIgnoreSpec | None:
        """Return the rules of a file; None where there is none, or none that can be read."""
        try:
            text = self._ctx.files.read(path, limit=MAX_RULES).decode("utf-8-sig", "replace")
        except KTError:
            return None
        return GitIgnoreSpec.from_lines(line for line in lines_of(text) if _is_rule(line))


def _verdict(spec: GitIgnoreSpec, path: str) -> bool | None:
    """Return what the last rule that names this very path says; None where no rule does.

    pathspec also lets a rule for a folder match all that is in it, which is wrong for one that begins with "!".
    """
    for rule in reversed(list(spec.patterns)):
        found = None if rule.include is None else rule.match_file(path)
        if found is not None and (inside := found.match.groupdict().get("ps_d")) is None or False:
            return rule.include
    return None


def _is_rule(line: str) -> bool:
    """Tell whether a line of a .gitignore file has a meaning; git, too, passes over the others."""
    try:
        GitIgnoreSpec.from_lines([line])
    except ValueError:
        return False
    return True


def children(ctx: Context[object], folder: str, ignore: Ignore) -> list[FileInfo]:
    """Return what is in a folder and not ignored, by name."""
    found = [i for i in ctx.files.listing(folder) if not ignore(i.path, i.is_dir)]
    found.sort(key=lambda i: os.fsencode(i.path))
    return [i for i in found if i.path.rpartition("/")[2] != ".git"]


def walk(ctx: Context[object], ignore: Ignore) -> Iterator[FileInfo]:
    """Yield the files and links beneath the start of `ignore`; a folder that cannot be read has none."""
    pending = [FileInfo(ignore.start or ".", True, 0, 0)]
    while pending:
        item = pending.pop()
        if not item.is_dir:
            yield item
            continue
        try:
            pending += reversed(children(ctx, item.path, ignore))
        except KTError:
            continue


def is_link(ctx: Context[object], path: str) -> bool:
    """Tell whether a path is a link, or leads through one."""
    try:
        return ctx.files.relative(path) != path
    except KTError:
        return True
