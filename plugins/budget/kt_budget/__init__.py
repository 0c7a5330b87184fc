"""Budgets: bound what agents spend in model calls, tool calls, tokens, money and time."""

from typing import TYPE_CHECKING

from kt import hookimpl

if TYPE_CHECKING:
    from kt import Registry


@hookimpl
def kt_register(registry: "Registry") -> None:
    registry.plugin(
        "budget",
        "kt_budget.budget:Budget",
        help="bound model calls, tool calls, tokens, money and time",
        essential=True,
    )
    registry.run_option("max-usd", "kt_budget.options:max_usd", help="bound of a turn's cost in USD", metavar="N")
    registry.run_option("max-calls", "kt_budget.options:max_calls", help="bound of tool calls in a turn", metavar="N")
    registry.run_option(
        "idle-seconds",
        "kt_budget.options:idle_seconds",
        help="end a turn when nothing happens for so long",
        metavar="N",
    )
