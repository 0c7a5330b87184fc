"""Evals: tasks for a creature, as data, with checks of what it did; `kt eval` runs them."""

from typing import TYPE_CHECKING

from kt import hookimpl

if TYPE_CHECKING:
    from kt import Registry


@hookimpl
def kt_register(registry: "Registry") -> None:
    registry.command("eval", "kt_evals.command:main", help="try a creature on the tasks of its evals: kt eval REF")
