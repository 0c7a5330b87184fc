"""The guard that asks before a creature executes programs, reaches the network or edits files."""

from typing import TYPE_CHECKING

from kt import hookimpl

if TYPE_CHECKING:
    from kt import Registry


@hookimpl
def kt_register(registry: "Registry") -> None:
    registry.plugin(
        "permissions", "kt_permissions.guard:Permissions", help="ask before programs run and files change", grants=True
    )
    registry.run_option(
        "permissions", "kt_permissions.options:mode", help="plan, ask, accept-edits (default) or auto", metavar="MODE"
    )
    registry.run_option(
        "allow-unsandboxed",
        "kt_permissions.options:allow_unsandboxed",
        help="let tools run programs outside a sandbox without asking",
        is_flag=True,
    )
    registry.add(
        "chat_command",
        "permissions",
        "kt_permissions.chat:permissions",
        help="mode, rules and approvals: /permissions [mode MODE | forget N]",
        complete="kt_permissions.chat:words",
    )
