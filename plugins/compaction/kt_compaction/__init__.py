"""Compaction: the older part of a long conversation becomes a summary, in the background."""

from typing import TYPE_CHECKING, Any

from kt import hookimpl

if TYPE_CHECKING:
    from kt import Registry


@hookimpl
def kt_addhooks(manager: Any) -> None:
    from .hooks import CompactionSpecs

    manager.add_hookspecs(CompactionSpecs)


@hookimpl
def kt_register(registry: "Registry") -> None:
    registry.plugin("compaction", "kt_compaction.compactor:Compactor", help="summarise what is old in a conversation")
    registry.add("chat_command", "compact", "kt_compaction.chat:compact", help="summarise now: /compact [FOCUS]")
