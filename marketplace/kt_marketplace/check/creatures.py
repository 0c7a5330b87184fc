"""Whether the creatures and terrariums of a pack build, with a model that plays a script."""

import asyncio
import tempfile
from typing import TYPE_CHECKING

from kt.errors import KTError

from .outcome import Found

if TYPE_CHECKING:
    from kt import Creature, Plugins


def builds(reference: str, installed: "Plugins") -> Found:
    """Yield why a creature of a pack, one of its variants, or a creature of a recipe does not build."""
    try:
        for name, creature in _members(reference, installed):
            said = f"{name}: " if name else ""
            if not creature.description and not name:
                yield "it has no description", "description: what it is for, in one line"
            for variant in (None, *creature.variants):
                as_variant = f"as {variant}: " if variant else ""
                try:
                    asyncio.run(_build(creature, variant, installed))
                except KTError as error:
                    yield f"{said}{as_variant}{error}", error.hint
    except KTError as error:
        yield str(error), error.hint


def _members(reference: str, installed: "Plugins") -> "list[tuple[str, Creature]]":
    """Return the creatures of a recipe with their names, or the one creature with none. Raises KTError."""
    registry = installed.registry
    team = registry.find("loader", "team")
    members = team.load()(installed, reference) if team is not None else {}
    return list(members.items()) or [("", registry.get("loader", "creature")(installed, reference))]


async def _build(creature: "Creature", variant: str | None, installed: "Plugins") -> None:
    from kt import Agent, Host
    from kt.testing import ScriptedLLM

    llm = ScriptedLLM()
    llm.variant = variant  # type: ignore[attr-defined]
    with tempfile.TemporaryDirectory(prefix="kt-check-") as folder:
        async with Host(installed) as host:
            await Agent.build(creature, llm=llm, host=host, pwd=folder, unguarded=True)
