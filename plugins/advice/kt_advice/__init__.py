"""Advice: what slows an agent down, told once."""

from typing import TYPE_CHECKING

from kt import hookimpl

if TYPE_CHECKING:
    from kt import Registry


@hookimpl
def kt_register(registry: "Registry") -> None:
    registry.plugin("advice", "kt_advice.advice:SlowTools", help="tell the developer which tools block the loop")
