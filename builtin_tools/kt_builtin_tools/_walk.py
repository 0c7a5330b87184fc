"""Walk folders as ripgrep does: in the order of names, without links, .git and what .gitignore files name."""

import os
from collections.abc import Iterator

from kt import Context, FileInfo
from kt.errors import KTError

from ._glob import Rule, rules_of

MAX_RULES = 1_000_000


class Ignore:
    """Tell what the .gitignore files from the working folder down say of paths beneath `start`.

    Where `start` itself is ignored, it is what the caller wants: then only the files from there down count.
    """

    def __init__(self, ctx: Context[object], start: str) -> None:
        self._ctx = ctx
        self._known: dict[str, list[Rule]] = {}
        self.top = ""
        self.start = "" if start == "." else start
        if self._any(self.start, 0):
            self.top = self.start

    def __call__(self, path: str, is_dir: bool) -> bool:
        """Tell whether a path is ignored, given that the folders above it are not."""
        names = path.split("/")
        for depth in range(len(names) - 1, -1, -1):
            folder = "/".join(names[:depth])
            if len(folder) < len(self.top):
                break
            for rule in reversed(self._rules(folder)):
                if rule.matches(names[depth:], is_dir):
                    return rule.ignored
        return False

    def hides(self, path: str) -> bool:
        """Tell whether a file, or a folder between it and the start, is ignored or .git."""
        folder = path.rpartition("/")[0]
        above = self.start.count("/") + 1 if self.start else 0
        return ".git" in path.split("/")[above:] or self._any(folder, above) or self(path, False)

    def _any(self, folder: str, above: int) -> bool:
        """Tell whether a folder is ignored, or one on the way to it from the name number `above` on."""
        names = folder.split("/") if folder else []
        return any(self("/".join(names[:n]), True) for n in range(above + 1, len(names) + 1))

    def _rules(self, folder: str) -> list[Rule]:
        if folder not in self._known:
            try:
                data = self._ctx.files.read(f"{folder}/.gitignore".lstrip("/"), limit=MAX_RULES)
            except KTError:
                data = b""  # there is none, or none that can be read
            self._known[folder] = rules_of(data.decode("utf-8-sig", "replace"))
        return self._known[folder]


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
