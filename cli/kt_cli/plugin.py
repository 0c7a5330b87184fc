"""What the command line itself registers: its commands, and the profile that acts by default."""

from typing import TYPE_CHECKING

from kt import hookimpl

if TYPE_CHECKING:
    from kt import Registry

COMMANDS = {
    "run": "run a creature: kt run [CREATURE] [PROMPT]",
    "resume": "go on with a session: kt resume [SESSION] [PROMPT]",
    "list": "list installed creatures and packs, and with --all everything that is registered",
    "info": "show what a creature, tool, plugin or pack is: kt info REF",
    "plugins": "look inside the installed plugins: kt plugins list|why|time|release",
    "context": "show what a creature's prompt consists of, by who put it there: kt context REF",
    "profile": "show the profiles and what they enable: kt profile list|show",
    "edit": "open a creature's file in $EDITOR: kt edit REF",
    "doctor": "check the installation, keys, models and a creature: kt doctor [REF]",
    "model": "choose, add, test and fetch models: kt model default|list|add|info|test|pull|rm",
    "login": "keep a provider's key, or log in: kt login PROVIDER",
    "config": "keep keys: kt config key set|list|rm",
    "new": "scaffold a creature, plugin or tool: kt new KIND NAME",
    "schema": "print the JSON Schema of a kind of file: kt schema [NAME]",
    "trust": "trust a folder's .kt/config.toml, or a pack: kt trust [FOLDER|@NAME]",
}

CHAT_COMMANDS = {
    "context": "what the next request consists of, by who put it there",
    "plugins": "what acts here: /plugins [WORD]",
    "profile": "the profiles, and what each enables",
    "doctor": "check the installation",
}


@hookimpl
def kt_register(registry: "Registry") -> None:
    for name, help in COMMANDS.items():
        registry.command(name, f"kt_cli.commands.{name}:main", help=help)
    for name, help in CHAT_COMMANDS.items():
        registry.add("chat_command", name, f"kt_cli.slash:{name}", help=help)
    registry.add("parser", "arguments", "kt_cli.arguments:Arguments", help="argparse for commands of plugins")
    registry.profile(
        "default",
        {
            "plugins": [
                "skills",
                "early",
                "advice",
                "prices",
                "compaction",
                "checkpoints",
                "quarantine",
                "shell_hooks",
            ],
            "guards": ["permissions", "sandbox", "redact", "packs"],
        },
        help="what kt run uses",
    )
