"""What the command line itself registers: its commands, and the profile that acts by default."""

from typing import TYPE_CHECKING

from kt import hookimpl

if TYPE_CHECKING:
    from kt import Registry

COMMANDS = {
    "run": "run a creature: kt run [CREATURE] [PROMPT]",
    "resume": "go on with a session: kt resume [SESSION] [PROMPT]",
    "list": "list installed creatures, and with --all everything that is registered",
    "info": "show what a creature, tool, plugin or pack is: kt info REF",
    "edit": "open a creature's file in $EDITOR: kt edit REF",
    "doctor": "check the installation, keys, models and a creature: kt doctor [REF]",
    "model": "choose, add, test and fetch models: kt model default|list|add|info|test|pull|rm",
    "login": "keep a provider's key, or log in: kt login PROVIDER",
    "config": "keep keys: kt config key set|list|rm",
    "new": "scaffold a creature, plugin or tool: kt new KIND NAME",
    "trust": "trust a folder, so that its .kt/config.toml counts: kt trust [FOLDER]",
}


@hookimpl
def kt_register(registry: "Registry") -> None:
    for name, help in COMMANDS.items():
        registry.command(name, f"kt_cli.commands.{name}:main", help=help)
    registry.profile(
        "default",
        {
            "plugins": ["skills", "early", "advice", "prices", "compaction", "checkpoints"],
            "guards": ["permissions", "sandbox", "redact"],
        },
        help="what kt run uses",
    )
