"""Build an agent: the creature, then plugins, model and tools, checked so that they fit together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._creature import Creature
from ._host import Host
from ._log import Log
from ._plugins import activate
from ._registry import required
from ._tool import Tool, as_tool
from ._turn import Limits
from .errors import ConfigError, NotFound, UsageError, nearest

if TYPE_CHECKING:
    from ._agent import Agent
    from ._hooks import Active
    from ._provider import Provider

CHOOSE = "kt model default PROVIDER/MODEL, kt run --local, or llm= in Python"
OWNERS = {"session": "kt-sessions", "sandbox": "kt-sandbox", "output_type": "kt-output", "subagents": "kt-subagents"}


@dataclass(slots=True)
class Profile:
    """A named set of plugins with their settings; `guards` names those that are innermost and fail closed.

    `places` says of "plugin NAME" where that is named, as "file:line:col".
    """

    name: str = ""
    plugins: dict[str, Mapping[str, Any] | None] = field(default_factory=dict)
    guards: tuple[str, ...] = ()
    places: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Plan:
    """What is being built: build options change it, the agent is made of it. `uses` is in order, outermost first.

    `places` are those of the profile and the creature. `given` holds the keywords of `Agent.build` by name, as they
    were given. What an option puts into `tools` comes between the creature's and the caller's.
    """

    host: Host
    creature: Creature
    pwd: Path
    limits: Limits = Limits()
    deps: Any = None
    uses: dict[str, dict[str, Any]] = field(default_factory=dict)
    dropped: set[str] = field(default_factory=set)
    objects: list[object] = field(default_factory=list)
    guards: list[object] = field(default_factory=list)
    given: dict[str, Any] = field(default_factory=dict)
    log: Log | None = None
    session: str | None = None
    sandbox: str = "default"
    own_host: bool = True
    places: dict[str, str] = field(default_factory=dict)
    provider: "Provider | None" = None
    model: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    tools: tuple[Tool, ...] = ()
    active: "Sequence[Active]" = ()
    extras: tuple[Any, ...] = ()

    def use(self, name: str, settings: Mapping[str, Any] | None = None) -> None:
        """Enable a plugin, its settings over those it has; "no:name" takes one away."""
        if name.startswith("no:"):
            self.dropped.add(name[3:])
            self.uses.pop(name[3:], None)
            self.guards = [g for g in self.guards if g != name[3:]]
        else:
            self.dropped.discard(name)
            self.uses[name] = {**self.uses.get(name, {}), **(settings or {})}


async def build(
    creature: str | Path | Mapping[str, Any] | Creature,
    *,
    llm: object = None,
    tools: Sequence[object] = (),
    pwd: str | Path | None = None,
    output_type: Any = None,
    profile: str | Profile | None = None,
    plugins: Sequence[object] = (),
    guards: Sequence[object] = (),
    input: object = None,
    outputs: Sequence[object] = (),
    triggers: Sequence[object] = (),
    subagents: Sequence[object] = (),
    limits: Limits | None = None,
    deps: Any = None,
    host: Host | None = None,
    unguarded: bool = False,
    **options: Any,
) -> "Agent":
    """Return an agent that is ready to start.

    creature: a reference, a path, a dict or a Creature. llm: a model preset, "provider/model", a table, or an object
    with `stream`; the creature's own where None. tools: functions, Tools or registered names, beside the creature's.
    pwd: the working folder. output_type: what `result.output` must be. profile: None reads no user or project file.
    plugins: names, "no:name", {name: settings}, classes or instances. guards: plugins innermost around tools, which
    fail closed; tools that execute or reach the network need one, or `unguarded=True`. input: one or several. deps:
    what tools get as `ctx.deps`. Further keywords belong to plugins (kind `build_option`).

    Raises NotFound, DataError and ConfigError (UnknownName, PluginError, MissingPlugin), naming what is wrong.
    """
    from ._agent import Agent

    own, host = host is None, host or Host()
    found = creature_of(host, creature)
    plan = Plan(host, found, _folder(pwd), limits or found.limits, deps, own_host=own)
    plan.given = {"llm": llm, "tools": tools, "profile": profile, "plugins": plugins, "guards": guards, "deps": deps}
    plan.given |= {"output_type": output_type, "limits": limits, "input": input, "outputs": outputs}
    plan.given |= {"triggers": triggers, "subagents": subagents, "unguarded": unguarded or None, **options}
    enable(plan, profile, plugins, guards)
    plan.provider, plan.model, plan.settings = model_of(host, found.llm if llm is None else llm)
    fit(plan, found)
    typed = {"output_type": output_type, "subagents": [*plan.creature.subagents, *subagents]}
    for name, value in {**options, **{n: v for n, v in typed.items() if v}}.items():
        _option(plan, name, value)
    plan.tools = _tools(plan, (*plan.tools, *tools))
    if any(t.background for t in plan.tools):
        required(host.registry, "plugin", "jobs", "kt-jobs")
        plan.use("jobs")
    plan.active = activate(plan)
    _guarded(plan, unguarded)
    source = found.input if input is None else input
    sources = source if isinstance(source, list | tuple) else () if source is None else (source,)
    ends = {"input": sources, "output": (*found.outputs, *outputs), "trigger": (*found.triggers, *triggers)}
    plan.extras += tuple(_attachment(plan, kind, thing) for kind, things in ends.items() for thing in things)
    return Agent(plan)


def fit(plan: Plan, creature: Creature) -> None:
    """Choose the creature's variant for the model, with the plugins that both of them want."""
    plan.creature = creature.variant(str(getattr(plan.provider, "variant", "") or ""))
    wanted: dict[str, Any] = {**dict.fromkeys(getattr(plan.provider, "plugins", ())), **plan.creature.plugins}
    for name, settings in wanted.items():
        _may_say(plan, name, None, ())
        if name not in plan.dropped:
            plan.use(name, {**(settings or {}), **plan.uses.get(name, {})})


def _may_say(plan: Plan, name: str, settings: object, guards: Sequence[object]) -> None:
    """Raise ConfigError where a creature would take a plugin away, or set up what guards it or grants it something."""
    if name.startswith("no:"):
        raise ConfigError(f"a creature can't disable a plugin ({name})", hint="profile or command line can")
    grants = getattr(plan.host.registry.find("plugin", name), "data", {}).get("grants")
    if settings and (grants or name in plan.guards or name in guards):
        raise ConfigError(f"a creature can't change the settings of guard {name!r}", where=plan.creature.name)


def creature_of(host: Host, thing: object) -> Creature:
    """Return a creature from a reference or path (by kt-config's loader), a dict or a Creature."""
    if isinstance(thing, Creature):
        return thing
    if isinstance(thing, Mapping):
        return Creature.from_dict(thing)
    if not isinstance(thing, str | Path):
        raise UsageError(
            f"{type(thing).__name__} is no creature", hint="give a reference, a path, a dict or kt.Creature"
        )
    found: Creature = required(host.registry, "loader", "creature", "kt-config")(host.plugins, thing)
    return found


def model_of(host: Host, llm: Any) -> "tuple[Provider, str, Mapping[str, Any]]":
    """Return (provider, model name, settings) of an object with `stream`, or of a name or table by kt-config's loader.

    Raises ConfigError and UnknownName, with the nearest names.
    """
    if hasattr(llm, "stream"):
        return llm, str(getattr(llm, "model", type(llm).__name__)), {}
    if not isinstance(llm, str | Mapping) or not llm:
        raise ConfigError("no model is chosen" if llm is None else f"{llm!r} is no model", hint=CHOOSE)
    found: tuple[Provider, str, Mapping[str, Any]] = required(host.registry, "loader", "model", "kt-config")(host, llm)
    return found


def _folder(pwd: str | Path | None) -> Path:
    folder = Path(pwd or ".").expanduser()
    if not folder.is_dir():
        raise NotFound(f"the working folder {str(folder)!r} is no folder")
    return folder.resolve()


def enable(plan: Plan, profile: str | Profile | None, plugins: Sequence[object], guards: Sequence[object]) -> None:
    """Enable the profile's plugins, then the creature's, then the caller's; later settings win."""
    if isinstance(profile, str):
        load = required(plan.host.registry, "loader", "profile", "kt-config")
        profile = load(plan.host.registry, profile, plan.pwd, plan.creature.name)
    if isinstance(profile, Profile):
        plan.places, plan.guards = dict(profile.places), [*plan.guards, *profile.guards]
        for name, settings in profile.plugins.items():
            plan.use(name, settings)
    for table in (plan.creature.plugins, *(v.plugins or {} for v in plan.creature.variants.values())):
        for name, settings in table.items():
            _may_say(plan, name, settings, guards)
    for name, settings in plan.creature.plugins.items():
        plan.use(name, settings)
    plan.guards += [g for g in plan.creature.guards if g not in plan.guards]
    plan.places |= plan.creature.places
    for plugin in plugins:
        named = {plugin: None} if isinstance(plugin, str) else plugin
        if isinstance(named, Mapping):
            for name, settings in named.items():
                plan.use(name, settings)
        else:
            plan.objects.append(plugin)
    plan.guards += [g for g in guards if g not in plan.guards]


def _option(plan: Plan, name: str, value: Any) -> None:
    registry = plan.host.registry
    if registry.find("build_option", name) is None:
        if owner := OWNERS.get(name):
            raise ConfigError(f"{name}= comes with {owner}", hint=f"pip install {owner}")
        known = nearest(name, [*registry.names("build_option"), *build.__annotations__])
        raise UsageError(f"Agent.build has no option {name!r}", hint=known)
    registry.get("build_option", name)(plan, value)


def _tools(plan: Plan, given: Sequence[object]) -> tuple[Tool, ...]:
    """Return the creature's tools, then the caller's. Raises UnknownName, and ConfigError for a name used twice."""
    registry, creature, out = plan.host.registry, plan.creature, dict[str, Tool]()
    for thing in (*creature.tools, *given):
        if isinstance(thing, str) and ":" in thing:
            tool = as_tool(required(registry, "loader", "tool", "kt-config")(thing, creature.path))
        elif isinstance(thing, str):
            where = creature.places.get(f"tool {thing}", str(creature.path or creature.name))
            tool = as_tool(registry.get("tool", thing, where=where)).named(thing)
        else:
            tool = as_tool(thing)
        if tool.name in out:
            raise ConfigError(
                f"two tools are named {tool.name!r}", where=creature.name, hint="rename one: @tool(name=...)"
            )
        _ = tool.parameters  # a tool without a schema is refused here, not in its first turn
        out[tool.name] = tool
    return tuple(out.values())


def _guarded(plan: Plan, unguarded: bool) -> None:
    risky = [t.name for t in plan.tools if t.needs.net or (t.needs.exec and t.effect != "read")]
    guards = [a for a in plan.active if a.tier == "guard" and getattr(a.plugin, "decides", True)]
    if risky and not unguarded and not guards:
        raise ConfigError(
            f"nothing guards {', '.join(map(repr, risky))}, which can execute programs or reach the network",
            hint="give a guard: Agent.build(guards=['permissions']), a profile, or unguarded=True",
        )


def _attachment(plan: Plan, kind: str, thing: object) -> Any:
    """Return what makes an input, output or trigger: `f(agent)` is an async context manager, entered at start."""
    if callable(thing):
        return thing
    settings = {"name": thing} if isinstance(thing, str) else dict(thing)  # type: ignore[call-overload]
    name = str(settings.pop("name", ""))
    where = plan.creature.places.get(f"{kind} {name}", plan.creature.name)
    target = plan.host.registry.get(kind, name, where=where)
    return lambda agent: target(agent, **settings)
