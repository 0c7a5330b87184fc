"""Walls around an agent's tools, and the only place that starts processes for them."""

from typing import TYPE_CHECKING

from kt import hookimpl

if TYPE_CHECKING:
    from kt import Registry


@hookimpl
def kt_register(registry: "Registry") -> None:
    registry.sandbox("default", "kt_sandbox.walls:Walls", help="the strongest walls this machine has")
    registry.sandbox("none", "kt_sandbox.walls:no_walls", help="no walls: the rights of this process")
    registry.plugin(
        "sandbox", "kt_sandbox.guard:SandboxGuard", help="refuse programs without walls, tell the level", grants=True
    )
    registry.build_option("sandbox", "kt_sandbox.options:build", help="default, none, or another registered sandbox")
    registry.run_option(
        "sandbox", "kt_sandbox.options:level", help="the least level: full, partial (default) or none", metavar="LEVEL"
    )
    registry.run_option(
        "allow-net", "kt_sandbox.options:hosts", help="hosts that tools may reach, a comma between", metavar="HOSTS"
    )
    registry.add("doctor", "sandbox", "kt_sandbox.probe:check", help="the walls this machine has")
