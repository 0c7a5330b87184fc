"""kt model: choose the default model, and what plugins add (fetch, list and remove local weights)."""

import json
from typing import TYPE_CHECKING, Annotated, Optional

import typer
from kt.errors import ConfigError, UsageError, nearest

from ..parsing import parse

if TYPE_CHECKING:
    from kt import Plugins


def main(argv: list[str], plugins: "Plugins") -> int:
    """Run the command; return its exit code."""
    added = {e.name: e for e in plugins.registry.entries("model_command")}
    own = {"default": "show or set the default model: kt model default [PROVIDER/MODEL or PRESET]",
           "presets": "list the presets of config.toml"}  # fmt: skip
    name, rest = (argv[0], argv[1:]) if argv else ("--help", [])
    if name in ("--help", "-h"):
        rows = {**own, **{n: e.help for n, e in added.items()}}
        print("Usage: kt model COMMAND [ARGUMENTS]\n\nCommands:")
        print("\n".join(f"  {n:<10} {help}" for n, help in sorted(rows.items())))
        return 0
    if name in added:
        code: int = added[name].load()(rest)
        return code
    if name == "default":
        return _default(rest, plugins)
    if name == "presets":
        for preset, table in plugins.registry.get("loader", "presets")().items():
            print(f"{preset}  {json.dumps(table)}")
        return 0
    if name in ("pull", "list", "rm"):
        raise ConfigError(f"kt model {name} comes with kt-local", hint="pip install kt-local")
    raise UsageError(f"no command kt model {name}", hint=nearest(name, [*own, *added]))


def _default(argv: list[str], plugins: "Plugins") -> int:
    def default(model: Annotated[Optional[str], typer.Argument(help="provider/model or a preset")] = None) -> int:  # noqa: UP045
        """Show or set the default model."""
        presets = plugins.registry.get("loader", "presets")()
        if model is None:
            if "default" not in presets:
                raise ConfigError("no default model is set", hint="kt model default PROVIDER/MODEL")
            print(presets["default"].get("model", ""))
            return 0
        provider = model.partition("/")[0].partition(":")[0]
        if model not in presets:
            plugins.registry.entry("provider", provider, where=model)
        file = plugins.registry.get("config", "set_model")(model)
        print(f"{model} is the default model ({file})")
        return 0

    code: int = parse(default, argv, name="model default")
    return code
