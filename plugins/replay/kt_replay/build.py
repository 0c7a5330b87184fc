"""The agent of a replay: built of what was recorded, with what its caller adds, around a recorded model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kt import Agent, Creature, Host, Plan, Plugins
from kt.errors import ConfigError
from kt_sessions.resume import options_of

from .conductor import Conductor
from .model import RecordedModel, provider_like
from .questions import RecordedQuestions
from .record import Record
from .tools import put_stand_ins

if TYPE_CHECKING:
    from kt import Registry

    from .stage import Stage

LEFT_OUT = ("compaction", "checkpoints")
"""Plugins that take part only where they are asked for: the first one's edits are in the record, the second only
watches files."""
OWN_FILES: dict[str, dict[str, Any]] = {"budget": {"creature": {}, "day": {}}}
"""Settings of plugins that keep files of the user's, with which they keep none: a replay spends nothing."""


UNKEPT = ("deps", "pwd", "limits", "output_type", "subagents")
"""Options that no session keeps, or that are where it is replayed."""


@dataclass(slots=True)
class Changes:
    """What a replay's caller gives: plugins beside the recorded ones, other options of `Agent.build` over theirs.

    `live` are the effects of the tools that run for real.
    """

    plugins: list[object] = field(default_factory=list)
    options: Mapping[str, Any] = field(default_factory=dict)
    live: frozenset[str] = frozenset()

    def names(self) -> set[str]:
        """Return the names of the plugins that are asked for, or taken away."""
        out: set[str] = set()
        for plugin in self.plugins:
            if isinstance(plugin, Mapping):
                out |= plugin.keys()
            elif isinstance(plugin, str):
                out.add(plugin.removeprefix("no:"))
        return out

    def again(self, record: Record) -> "Changes":
        """Return what of it the recorded agent had as well: objects, which no file keeps."""
        had = {name for process in record.processes for name in process.plugins}
        lost = {text.partition(":")[0].partition(".")[0] for text in record.made.get("objects", ())}
        options = {name: value for name, value in self.options.items() if name in lost or name in UNKEPT}
        if "guards" in self.options:
            options["guards"] = [guard for guard in self.options["guards"] if _name(guard) in had]
        return Changes([p for p in self.plugins if _name(p) in had], options)


def _name(plugin: object) -> str:
    """Return the name that a plugin has in an agent, "" where it comes with settings."""
    if isinstance(plugin, str | Mapping):
        return plugin if isinstance(plugin, str) else ""
    kind = plugin if isinstance(plugin, type) else type(plugin)
    return str(getattr(plugin, "name", kind.__name__))


PARAMETERS = ("llm", "tools", "profile", "plugins", "guards", "output_type", "limits", "deps")
"""Options that the kernel takes itself; all others are of kind `build_option`."""


async def build_agent(record: Record, stage: "Stage", changes: Changes, folder: Path, *, skip_bad: bool) -> Agent:
    """Return an agent that has not started, on a host of its own. Raises what `Agent.build` raises."""
    plugins = Plugins(skip_bad=skip_bad)
    registry = plugins.registry
    registry.owner = ("kt-replay", "")
    registry.add("questions", "default", lambda agent: RecordedQuestions(agent, stage), override=True)
    registry.build_option("replay", lambda plan, recorded: _fit(plan, record, recorded, changes))
    host, conductor = Host(plugins), Conductor(stage)
    options = _options(record, changes, registry)
    creature = _creature(record.made, options.pop("creature", None), plugins)
    llm, pwd = options.pop("llm", None), options.pop("pwd", folder)
    options["plugins"] = [*options.get("plugins", ()), *changes.plugins, conductor]
    model = RecordedModel(stage, provider_like(host, creature.llm if llm is None else llm))
    options.update(unguarded=True, replay=stage.process.plugins)  # nothing acts that a guard would have to hold back
    try:
        agent = await Agent.build(creature, llm=model, pwd=pwd, host=host, **options)
    except BaseException:
        await host.close()
        raise
    stage.absent = set(stage.process.plugins) - {a.name for a in agent.active} - changes.names() - set(LEFT_OUT)
    conductor.live = put_stand_ins(agent, stage, record.jobs, changes.live)
    stage.attach(agent)
    return agent


def _options(record: Record, changes: Changes, registry: "Registry") -> dict[str, Any]:
    """Return the recorded options that are known here, those that are given over them."""
    made = options_of(record.made)
    options = {k: v for k, v in made.items() if k in PARAMETERS or registry.find("build_option", k) is not None}
    options["tools"] = _here(options.get("tools", ()), registry)
    return {**options, **changes.options}


def _here(tools: Sequence[str], registry: "Registry") -> tuple[str, ...]:
    """Return the tools that can be found here; the others get stand-ins."""
    return tuple(tool for tool in tools if ":" in tool or registry.find("tool", tool) is not None)


def _fit(plan: Plan, record: Record, recorded: Sequence[str], changes: Changes) -> None:
    """Enable the plugins that were recorded, but those that are not here and those whose doing is in the record.

    A recorded one that nothing here enables came with a tool or a model.
    """
    asked, registry = changes.names(), plan.host.registry
    for name in recorded:
        if name not in plan.uses and name not in asked and _needs_no_settings(registry, name):
            plan.use(name)
    for name in list(plan.uses):
        missing = registry.find("plugin", name) is None
        if name not in asked and (missing or name in LEFT_OUT or name in record.editors):
            plan.use(f"no:{name}")
    for name, settings in OWN_FILES.items():
        if name in plan.uses:
            plan.use(name, settings)


def _needs_no_settings(registry: "Registry", name: str) -> bool:
    """Tell whether a plugin is here, and can be made without the settings that no file can keep."""
    if (entry := registry.find("plugin", name)) is None:
        return False
    settings = getattr(entry.load(), "Config", None)
    try:
        return settings is None or settings() is not None
    except (TypeError, ValueError):
        return False


def _creature(made: Mapping[str, Any], given: object, plugins: Plugins) -> Creature:
    """Return the recorded creature, or the one that is given, without what starts or shows something."""
    creature: Creature
    if given is None:
        data = dict(made["creature"])
        path = data.pop("path", None)
        creature = Creature.from_dict(data, path=None if path is None else Path(path))
        creature = replace(creature, tools=_here(creature.tools, plugins.registry))
    elif isinstance(given, Creature):
        creature = given
    elif isinstance(given, Mapping):
        creature = Creature.from_dict(given)
    else:
        if (load := plugins.registry.find("loader", "creature")) is None:
            raise ConfigError("this needs kt-config, which is not installed", hint="pip install kt-config")
        creature = load.load()(plugins, given)
    return replace(creature, input=None, outputs=(), triggers=())
