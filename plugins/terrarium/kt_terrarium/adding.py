"""Making creatures for an engine: read once, built with the engine's defaults, told their place."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kt import Agent, Creature, Tool, Vetoed
from kt.errors import ConfigError, DataError

from . import edges, limits, topology
from .graph import Graph
from .hooks import Spawn
from .member import Member
from .names import checked_name
from .supervision import Restart

if TYPE_CHECKING:
    from .engine import Terrarium


class Maker:
    """Build the creatures of one engine; what is the same for many of them is read once.

    `session_file` is the one session that all of them share, `budget` the plugin whose bounds are all of theirs.
    """

    def __init__(
        self, engine: "Terrarium", pwd: str | Path | None, session_dir: str | Path | None, defaults: dict[str, Any]
    ) -> None:
        self.engine, self.pwd, self.session_dir, self.defaults = engine, pwd, session_dir, defaults
        self.session_file: Path | None = None
        self.forced = False
        self.budget: Any = None
        self._creatures: dict[str, Creature] = {}
        self._profiles: dict[tuple[str, str, str], Any] = {}

    async def add(
        self,
        thing: object,
        name: str | None,
        graph: Graph | None,
        privileged: bool,
        restart: Any,
        given: dict[str, Any],
    ) -> Member:
        """Build a creature and put it into a graph, its own where `graph` is None."""
        engine = self.engine
        creature = self.creature_of(thing)
        if name is not None and name in engine.members:
            raise ConfigError(f"there is a creature {name!r} already", hint="give it another name=")
        creature = replace(creature, name=checked_name(name or self._free_name(creature.name), "creature"))
        if graph is not None and graph.members:
            graph = next(iter(graph.members.values())).graph  # it may have become part of another one
        if graph is None:
            graph = Graph(engine.new_graph_id(), limits=engine.limits)
        limits.check_room(graph.limits, len(graph.members) + 1)
        member = Member(engine, graph, privileged=privileged, restart=restart_of(restart))
        member.agent = await Agent.build(creature, host=engine.host, terrarium=member, **self.options(creature, given))
        self.equip(member)
        engine.graphs[graph.id] = graph
        try:
            await self.place(member, graph)
        except BaseException:
            await edges.remove(engine, member)
            raise
        return member

    async def adopt(self, agent: Agent) -> Member:
        """Make an agent that is there already a creature of the engine, alone in its graph."""
        graph = Graph(self.engine.new_graph_id(), limits=self.engine.limits)
        member = Member(self.engine, graph, restart=Restart("never"))
        member.agent, member.state = agent, "idle" if agent.started else "stopped"
        member.done, member.owned = agent.turns, False
        self.engine.graphs[graph.id] = graph
        self.equip(member)
        await self.place(member, graph)
        return member

    async def place(self, member: Member, graph: Graph) -> None:
        """Enter a creature that is built into the engine, and into a graph that has others."""
        engine = self.engine
        first = next(iter(graph.members.values()), None)
        engine.members[member.name] = graph.members[member.name] = member
        engine.kept = engine.kept or member.session is not None
        member.attach()
        engine.feeds.tap(member)
        if first is None:
            if engine.feeds.any:
                engine.record(graph, topology.added(graph, member))
            return
        fresh = not graph.log.lasting
        await topology.open_log(engine, graph)
        if not (fresh and graph.log.lasting):
            engine.record(graph, topology.added(graph, member))
        await edges.link(engine, first, member)
        if graph.root is not None:
            await edges.report(engine, member, graph.root)

    async def spawn(self, member: Member, creature: str, *, name: str, model: str) -> Member:
        """Add a creature on behalf of another one, through that one's hooks. Raises Vetoed for a file."""

        async def add(spawn: Spawn) -> Member:
            self._must_be_packed(spawn.creature)
            return await self.engine.add_creature(
                spawn.creature, name=spawn.name or None, llm=spawn.model or None, graph=member, unguarded=False
            )

        made: Member = await member.agent.hooks.chain("kt_around_spawn", member.agent, add)(
            Spawn(creature, name, model)
        )
        return made

    def _must_be_packed(self, reference: str) -> None:
        """Raise Vetoed for a creature that no installed pack carries, or that a creature could have written."""
        plugins = self.engine.host.plugins
        entry = plugins.registry.find("creature", reference)
        dist = entry.dist if entry is not None else reference.removeprefix("@").partition("/")[0]
        packed = reference.startswith("@") or entry is not None
        if not packed or dist not in {point.dist for point, _ in plugins.modules.values()}:
            raise Vetoed("only creatures of installed packs can be added", hint="@pack/creatures/name")
        file = Path(plugins.registry.get("config", "reference")(plugins, reference)).resolve()
        if any(file.is_relative_to(member.agent.pwd) for member in self.engine.members.values()):
            raise Vetoed("this pack lies in a folder that a creature of the group works in")

    def creature_of(self, thing: object) -> Creature:
        """Return the creature of a reference, a path, a mapping or a Creature. Raises what its loader raises."""
        if isinstance(thing, Creature):
            return thing
        if isinstance(thing, Mapping):
            return Creature.from_dict(thing)
        key = str(thing)
        if key not in self._creatures:
            plugins = self.engine.host.plugins
            entry = plugins.registry.find("loader", "creature")
            if entry is None:
                raise ConfigError("this needs kt-config, which is not installed", hint="pip install kt-config")
            self._creatures[key] = entry.load()(plugins, key)
        return self._creatures[key]

    def options(self, creature: Creature | None, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the options of `Agent.build`: what is given over the engine's defaults, tools and plugins added.

        A creature's own model goes before the engine's, unless that one is `forced`.
        """
        chosen = {k: v for k, v in given.items() if v is not None}
        options = {**self.defaults, **chosen}
        if "llm" not in chosen and creature is not None and creature.llm is not None and not self.forced:
            options["llm"] = creature.llm
        for name in ("tools", "plugins", "guards", "outputs", "triggers", "subagents"):
            both = [*self.defaults.get(name, ()), *chosen.get(name, ())]
            options[name] = both
        if self.budget is not None:
            options["plugins"] += ["no:budget", self.budget.share(1.0)]
        options.setdefault("pwd", self.pwd)
        if "session" not in chosen and (self.session_file or self.session_dir) is not None:
            options["session"] = self.session_file or True
        if options.get("session") is True and self.session_dir is not None:
            options["session_dir"] = self.session_dir
        if isinstance(profile := options.get("profile"), str):
            options["profile"] = self._profile(profile, Path(options["pwd"] or "."), creature.name if creature else "")
        return options

    def _profile(self, name: str, pwd: Path, creature: str) -> Any:
        key = name, str(pwd), creature
        if key not in self._profiles:
            registry = self.engine.host.registry
            self._profiles[key] = registry.get("loader", "profile")(registry, name, pwd, creature)
        return self._profiles[key]

    def _free_name(self, name: str) -> str:
        free, number = name, 1
        while free in self.engine.members:
            number += 1
            free = f"{name}-{number}"
        return free

    def equip(self, member: Member) -> None:
        """Give a creature the tools of its place, and take those it has no place for; its root asks its questions."""
        wanted = self.tools_for(member)
        agent = member.agent
        own = [tool for tool in agent.tool_list if tool.name not in TOOLS]
        if [t.name for t in agent.tool_list if t.name in TOOLS] != [t.name for t in wanted]:
            agent.set_tools([*own, *wanted])
        root, above = member.graph.root, self.engine.host.registry.find("questions", "above")
        if root is not None and root is not member and above is not None:
            agent.questions = above.load()(root.agent, member.name)

    def tools_for(self, member: Member) -> list[Tool]:
        """Return the tools of a creature's place: to send where it has a channel, to manage where it is privileged."""
        registry = self.engine.host.registry
        names = [SEND] if member.graph.sends_on(member.name) else []
        names += GROUP if member.privileged else ()
        return [registry.get("tool", name) for name in names]


SEND = "send_message"
GROUP = (
    "group_status", "group_add_node", "group_spawn", "group_remove", "group_start", "group_stop", "group_channel",
    "group_wire", "group_send",
)  # fmt: skip
TOOLS = frozenset((SEND, *GROUP))
"""The tools that come with a place in a graph, and go with it."""


def restart_of(given: Any) -> Restart:
    """Return a restart policy from its name, a table, or itself. Raises DataError."""
    if isinstance(given, Restart):
        return given
    if isinstance(given, str):
        return Restart(given)
    try:
        return Restart(**given)
    except TypeError as error:
        raise DataError(f"restart: {error}", hint="keys: policy, max, within, wait") from None
