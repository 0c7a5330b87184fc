"""kt model: which models there are, which is the default, and adding one; plugins add more (kind `model_command`)."""

import asyncio
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer
from kt.errors import ConfigError, UsageError, nearest

from ..models import address_of, full_name, key_state, table_of
from ..parsing import parse

if TYPE_CHECKING:
    from kt import Plugins

PROMPT = "Answer with the one word pong."


def main(argv: list[str], plugins: "Plugins") -> int:
    """Run the command; return its exit code."""
    added = {e.name: e for e in plugins.registry.entries("model_command")}
    name, rest = (argv[0], argv[1:]) if argv else ("--help", [])
    if name in ("--help", "-h"):
        rows = {**{n: help for n, (_, help) in OWN.items()}, **{n: e.help for n, e in added.items()}}
        print("Usage: kt model COMMAND [ARGUMENTS]\n\nCommands:")
        print("\n".join(f"  {n:<10} {help}" for n, help in sorted(rows.items())))
        return 0
    if name in OWN:
        code: int = parse(OWN[name][0](plugins), rest, name=f"model {name}")
        return code
    if name in added:
        done: int = added[name].load()(rest, plugins)
        return done
    if name in ("pull", "rm"):
        raise ConfigError(f"kt model {name} comes with kt-local", hint="pip install kt-local")
    raise UsageError(f"no command kt model {name}", hint=nearest(name, [*OWN, *added]))


def _default(plugins: "Plugins") -> Callable[..., int]:
    def default(
        model: Annotated[str | None, typer.Argument(help="PROVIDER/MODEL, a preset or a model")] = None,
    ) -> int:
        """Show or set the default model; a bare name will do if exactly one provider has it."""
        presets = plugins.registry.get("loader", "presets")()
        if model is None:
            if "default" not in presets:
                raise ConfigError("no default model is set", hint="kt model default PROVIDER/MODEL")
            print(presets["default"].get("model", ""))
            return 0
        name = full_name(plugins, model)
        file = plugins.registry.get("config", "set_model")(name)
        print(f"{name} is the default model ({file})")
        return 0

    return default


def _list(plugins: "Plugins") -> Callable[..., int]:
    def list_(
        provider: Annotated[str | None, typer.Argument(help="ask this provider for its models")] = None,
    ) -> int:
        """List the presets and the providers with the state of their keys; with PROVIDER, the models it has."""
        if provider is not None:
            print("\n".join(f"{provider}/{name}" for name in asyncio.run(_asked(plugins, provider))))
            return 0
        presets = plugins.registry.get("loader", "presets")()
        print("presets" if presets else "no presets: kt model add NAME PROVIDER/MODEL")
        for name, table in presets.items():
            print(f"  {name:<18} {json.dumps(table, ensure_ascii=False)}")
        print("providers")
        for name in _providers(plugins):
            table = table_of(plugins, name)
            entry = plugins.registry.find("provider", name)
            about = table.get("about") or (entry.help if entry else "")
            print(f"  {name:<18} {about:<60} {key_state(plugins, name)}".rstrip())
        for entry in plugins.registry.entries("model_list"):
            print("\n".join(f"  {row}" for row in entry.load()()))
        return 0

    return list_


def _providers(plugins: "Plugins") -> list[str]:
    own = plugins.registry.get("config", "endpoints")()
    return sorted({*plugins.registry.names("provider"), *own} - {"endpoint"})


async def _asked(plugins: "Plugins", provider: str) -> list[str]:
    from kt import Host

    async with Host(plugins) as host:
        made, _, _ = plugins.registry.get("loader", "model")(host, {"provider": provider, "model": "any"})
        if not hasattr(made, "models"):
            raise UsageError(f"{provider!r} can't list its models")
        names: list[str] = await made.models()
        return sorted(names)


def _add(plugins: "Plugins") -> Callable[..., int]:
    def add(
        name: Annotated[str, typer.Argument(help="what it is to be called")],
        model: Annotated[str | None, typer.Argument(help="PROVIDER/MODEL, for a preset")] = None,
        base_url: Annotated[str, typer.Option(help="the address, for an endpoint of your own")] = "",
        wire: Annotated[str, typer.Option(help="chat, responses, anthropic or gemini")] = "",
        key_env: Annotated[str, typer.Option(help="the variable with its key")] = "",
        setting: Annotated[list[str] | None, typer.Option("--set", help="NAME=VALUE, e.g. temperature=0")] = None,
    ) -> int:
        """Add a preset (a model with settings) or, with --base-url, an endpoint of your own."""
        if (model is None) == (not base_url):
            raise UsageError(
                "give PROVIDER/MODEL for a preset, or --base-url for an endpoint", hint="kt model add --help"
            )
        given = _settings(setting or ())
        if model is not None:
            table: dict[str, Any] = {"model": full_name(plugins, model)}
            section, table = "models", {**table, **({"settings": given} if given else {})}
        else:
            options = {"base_url": address_of(base_url), "wire": wire, "key_env": key_env}
            section, table = "endpoint", {**{k: v for k, v in options.items() if v}, **given}
        file = plugins.registry.get("config", "add_model")(section, name, table)
        print(f"{name} is added ({file})")
        return 0

    return add


def _settings(given: "list[str] | tuple[()]") -> dict[str, Any]:
    found = {}
    for item in given:
        name, mark, value = item.partition("=")
        if not name or not mark:
            raise UsageError(f"--set {item!r} is no NAME=VALUE")
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return found


def _test(plugins: "Plugins") -> Callable[..., int]:
    def test(model: Annotated[str, typer.Argument(help="PROVIDER/MODEL or a preset")] = "default") -> int:
        """Ask a model for one word: the time it took, what it used, or what is wrong."""
        from kt import Agent, Host

        async def ask() -> int:
            async with Host(plugins) as host, await Agent.build({"name": "test"}, llm=model, host=host) as agent:
                result = await agent.run(PROMPT, timeout=120)
                result.unwrap()
                used = f"{result.usage.input} + {result.usage.output} tokens"
                print(f"{agent.model} answered {result.text.strip()[:60]!r} in {result.duration:.1f} s ({used})")
                return 0

        return asyncio.run(ask())

    return test


def _info(plugins: "Plugins") -> Callable[..., int]:
    def info(model: Annotated[str, typer.Argument(help="PROVIDER/MODEL, a preset or a model")] = "default") -> int:
        """Say what a model's name stands for: provider, address, wire, key, context and price."""
        from ..models import facts_of

        for name, value in facts_of(plugins, model).items():
            print(f"{name:<9} {value}")
        return 0

    return info


OWN: dict[str, tuple[Callable[["Plugins"], Callable[..., int]], str]] = {
    "default": (_default, "show or set the default model: kt model default [MODEL]"),
    "list": (_list, "list presets and providers, or the models of one: kt model list [PROVIDER]"),
    "add": (_add, "add a preset or an endpoint: kt model add NAME PROVIDER/MODEL | --base-url URL"),
    "test": (_test, "ask a model for one word: kt model test [MODEL]"),
    "info": (_info, "say what a model's name stands for: kt model info [MODEL]"),
}
