"""What an update brings that its user has not seen: other bytes, entry points, hooks, kinds of code, dependencies."""

from collections.abc import Iterator

from packaging.version import Version

from ..inspect import Wheel
from ..inspect.claims import PLACES
from ..manifest import normal
from . import store
from .base import applies
from .lock import Locked


def news(wheel: Wheel, before: Locked) -> Iterator[str]:
    """Yield what a wheel brings beyond the locked distribution that it replaces, in words; needs are not among it."""
    if wheel.sha256 == before.sha256:
        return
    if wheel.version == before.version:
        yield f"other bytes of {before.version}, the version that is installed: sha256 {wheel.sha256[:12]}..."
    elif Version(wheel.version) < Version(before.version):
        yield f"an older version than {before.version}, which is installed"
    if not before.file or not store.holds(before):
        yield "what it registered before is not known: its wheel is not kept here"
        return
    old = Wheel.read(store.wheel_file(before))
    yield from (f"registers {point}" for point in sorted(_points(wheel) - _points(old)))
    yield from (f"takes part through the hook {hook}" for hook in sorted(_hooks(wheel) - _hooks(old)))
    yield from (f"brings {thing}" for thing in sorted(_code(wheel) - _code(old)))
    yield from (f"depends on {name}" for name in sorted(_requires(wheel) - _requires(old)))


def _points(wheel: Wheel) -> set[str]:
    return {f"{n} = {target} in {group}" for group, names in wheel.entry_points.items() for n, target in names.items()}


def _hooks(wheel: Wheel) -> set[str]:
    return set(wheel.manifest.hooks) if wheel.manifest else set()


def _code(wheel: Wheel) -> set[str]:
    """Return what the manifest lists but for things that are only read, as creatures are."""
    return {f"{p.kind} {p.name}" for p in (wheel.manifest.provides if wheel.manifest else ()) if p.kind not in PLACES}


def _requires(wheel: Wheel) -> set[str]:
    return {normal(requirement.name) for requirement in wheel.requires if applies(requirement)}
