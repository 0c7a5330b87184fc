"""The folders of a sandbox as bubblewrap's words, each opened here without following links.

A program that still runs may swap a folder for a link between our look and bubblewrap's: so bubblewrap gets
descriptors, not names.
"""

from pathlib import Path

from .beneath import innermost, open_beneath
from .plan import Plan
from .protected import there
from .system import SYSTEM, root_only, toolchains


class Mounts:
    """Gather `words`, and the descriptors `fds` that they name; the caller closes those."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.fds: list[int] = []
        self._done: set[tuple[Path, str]] = set()

    def bind(self, path: Path, base: Path, *, write: bool) -> None:
        """Show a path beneath `base`, which is a real folder that no program can move; nothing where a link is."""
        how = "--bind-fd" if write else "--ro-bind-fd"
        if (path, how) in self._done or (fd := open_beneath(base, path)) is None:
            return
        self._done.add((path, how))
        self.fds.append(fd)
        self.words += [how, str(fd), str(path)]

    def keep_in_place(self, path: Path, base: Path) -> None:
        """Bind the folders between `base` and a path onto themselves: what is a mount can't be renamed."""
        for above in reversed(path.relative_to(base).parents[:-1]):
            self.bind(base / above, base, write=True)


def of(plan: Plan) -> Mounts:
    """Return what a plan shows: what is granted, outer folders first, then in it what is fixed, then what is hidden."""
    mounts = Mounts()
    for folder in toolchains():
        mounts.words += ["--ro-bind-try", str(folder), str(folder)]
    granted = [(p, False) for p in plan.reads] + [(p, True) for p in plan.writes]
    for path, write in sorted(granted, key=lambda item: len(item[0].parts)):
        mounts.bind(path, path, write=write)
    for path in sorted((*plan.kept, *plan.fixed), key=lambda p: len(p.parts)):
        if (base := innermost(path, plan.writes)) is not None and path != base:
            mounts.keep_in_place(path, base)
            mounts.bind(path, base, write=path in plan.kept)
    shown = (*map(Path, SYSTEM), *toolchains(), *plan.reads, *plan.writes)
    for path in (*(h for h in plan.hidden if there(h) and innermost(h, shown) is not None), *root_only()):
        if (base := innermost(path, plan.writes)) is not None:
            mounts.keep_in_place(path, base)
        mounts.words += ["--tmpfs", str(path)] if path.is_dir() else ["--ro-bind", "/dev/null", str(path)]
    return mounts
