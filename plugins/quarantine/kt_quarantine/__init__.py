"""Quarantine: a plugin that fails in three runs in a row is left out until it is released or has a new version."""

from typing import TYPE_CHECKING

from kt import hookimpl

if TYPE_CHECKING:
    from kt import Registry


@hookimpl
def kt_register(registry: "Registry") -> None:
    registry.plugin("quarantine", "kt_quarantine.watch:Quarantine", help="leave out plugins that keep failing")
    registry.add("loader", "quarantined", "kt_quarantine.ledger:quarantined", help="the plugins that are left out")
    registry.add("loader", "release", "kt_quarantine.ledger:release", help="end the quarantine of plugins")
