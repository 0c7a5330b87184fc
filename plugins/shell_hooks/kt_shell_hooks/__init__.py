"""Hook programs of Claude Code, run at what happens to a Terrarium agent."""

from typing import TYPE_CHECKING

from kt import hookimpl

if TYPE_CHECKING:
    from kt import Registry


@hookimpl
def kt_register(registry: "Registry") -> None:
    # Its settings name programs that run outside the walls: neither a creature nor a project may say them.
    registry.plugin(
        "shell_hooks", "kt_shell_hooks.plugin:ShellHooks", help="run the hook programs of Claude Code", grants=True
    )
