"""What a wheel would take from others: their files, their modules, their names in kt."""

import sys
from collections.abc import Iterator

from .case import KERNEL, Case
from .findings import Finding, listed
from .layout import modules


def check(case: Case) -> Iterator[Finding]:
    """Yield what a wheel would take from what is installed."""
    yield from _files(case)
    yield from _modules(case)
    yield from _names(case)


def _files(case: Case) -> Iterator[Finding]:
    taken: dict[str, list[str]] = {}
    for path in case.paths:
        if owner := case.owner("files", path):
            taken.setdefault(owner, []).append(path)
    for owner, paths in sorted(taken.items()):
        yield Finding("refuse", "overwrite", f"overwrites files of {owner}: {listed(paths)}")


def _modules(case: Case) -> Iterator[Finding]:
    for name, namespace in sorted(modules(case.paths).items()):
        if name.lower() == "kt" and case.wheel.name != KERNEL:
            yield Finding("refuse", "module", f"brings a module called {name}, which is the kernel's")
        elif name in sys.stdlib_module_names:
            yield Finding("refuse", "module", f"brings a module called {name}, which is Python's own")
        elif (owner := case.owner("modules", name)) and not (namespace and case.installed.shares(name)):
            yield Finding("refuse", "module", f"brings a module called {name}, which {owner} has")


def _names(case: Case) -> Iterator[Finding]:
    for group, names in sorted(case.wheel.entry_points.items()):
        taken = case.installed.entry_points.get(group, {})
        for name in names if group == "kt" or group.startswith("kt.") else ():
            if (owner := taken.get(name)) and owner != case.wheel.name:
                text = f"{case.wheel.name} and {owner} both register {name!r} in the group {group}"
                yield Finding("refuse", "clash", text)
