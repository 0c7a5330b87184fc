"""Names that official packs register: a pack that lists one of them can't be installed beside its owner."""

from collections.abc import Iterator

from ..index.search import official_packs
from ..inspect import Wheel
from ..inspect.claims import PLACES
from ..inspect.code_registry import COMPUTED
from ..install.clashes import taken_over


def taken(wheel: Wheel) -> Iterator[str]:
    """Yield which names a wheel lists that an official pack has, be it installed here or not.

    One that its code takes over (`override=True`) is none of them, nor any where the code computes what it takes over.
    """
    owners = official_packs()
    provides = wheel.manifest.provides if wheel.manifest is not None else ()
    listed = [(p.kind, p.name) for p in provides if p.kind not in PLACES]
    shared = [thing for thing in dict.fromkeys(listed) if owners.get(thing, wheel.name) != wheel.name]
    over = taken_over(wheel) if shared else set()
    for kind, name in shared:
        if not over & {(kind, name), COMPUTED}:
            yield f"{kind} {name} is registered by {owners[kind, name]}"
