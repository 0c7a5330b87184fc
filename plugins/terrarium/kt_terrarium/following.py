"""Follow a team from outside, by what its session files tell."""

import json
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kt import Usage
from kt.errors import ConfigError, KTError, NotFound

from .resume import beside
from .state import GraphState, JournalEntry, fold
from .tree import SHOWN, CreatureView, MessageView, PipeView, TeamView

if TYPE_CHECKING:
    from kt import Plugins

KEPT = 500
"""How many characters of a message or a call are kept."""


def session_of(plugins: "Plugins", name: str | None) -> Path:
    """Return the file of a team's session: of a name or path, else the newest that keeps a team.

    Raises NotFound, and ConfigError where nothing keeps sessions.
    """
    registry = plugins.registry
    if (journal := registry.find("loader", "journal")) is None:
        raise ConfigError("sessions come with kt-sessions", hint="pip install kt-sessions")
    if name is not None:
        path: Path = registry.get("loader", "session")(registry, name)
        if not journal.load()(plugins, path):
            raise NotFound("the session keeps no team", where=str(path), hint="kt sessions show")
        return path
    for found in registry.get("loader", "sessions")(registry):
        try:
            if journal.load()(plugins, found):
                return Path(found)
        except KTError:
            continue  # a damaged one is not what is meant; named, it says so itself
    raise NotFound("no session keeps a team yet", hint="kt terrarium run REF PROMPT")


@dataclass(slots=True)
class Trail:
    """What the events of one agent come to so far; `spent` is that of ended turns, `running` that of the last one."""

    model: str = ""
    turns: int = 0
    spent: Usage = field(default_factory=Usage)
    running: Usage = field(default_factory=Usage)
    context: int = 0
    tool: str = ""
    error: str = ""
    time: float = 0.0
    open: bool = False
    rests: bool = False
    stopped: bool = False

    def take(self, kind: str, body: dict[str, Any], time: float) -> None:
        """Take up one event, in its order."""
        self.time, self.rests = time, False
        if kind == "agent_started":
            self.model, self.stopped, self.open = body["model"], False, False
        elif kind == "agent_stopped":
            self.stopped = True
        elif kind == "turn_started":
            self._bill(None)
            self.turns, self.open, self.error = body["turn"], True, ""
        elif kind == "turn_ended":
            result = body["result"]
            self._bill(result.get("usage", {}))
            self.open, self.rests = False, result.get("status") == "waiting"
            self.error = (result.get("error") or {}).get("message", "")
        elif kind == "llm_started":
            self.model = body["model"]
        elif kind == "llm_ended":
            message = body["message"]
            used = Usage(**(body.get("usage") or message.get("usage") or {}))
            self.running.add(used)
            self.context = used.input
            self.rests = message.get("finish") != "tool_calls"
        elif kind == "tool_started":
            call = body["call"]
            given = call.get("args_text") or json.dumps(call.get("arguments") or {}, ensure_ascii=False)
            self.tool = f"* {call['name']} {given[:KEPT]}"
        elif kind == "question_asked":
            self.rests = True

    def _bill(self, told: dict[str, Any] | None) -> None:
        """Count the last turn: by what its end tells, or where it had none by its replies."""
        self.spent.add(self.running if told is None else Usage(**told))
        self.running = Usage()


KINDS = (
    "agent_started", "agent_stopped", "turn_started", "turn_ended", "llm_started", "llm_ended", "tool_started",
    "tool_ended", "question_asked", "input_accepted",
)  # fmt: skip


class Follower:
    """Follow the team of a session file; each look reads only what is new since the last one."""

    def __init__(self, plugins: "Plugins", path: Path) -> None:
        self.plugins, self.path = plugins, path
        self._entries: list[JournalEntry] = []
        self._state = GraphState()
        self._read_to: dict[Path, int] = {}
        self._trails: dict[tuple[Path, str], Trail] = {}
        self._windows: dict[str, int | None] = {}

    def look(self) -> TeamView:
        """Return the team as it is now. Raises NotFound where a file is gone, and SessionDamaged."""
        journal = self.plugins.registry.get("loader", "journal")
        if new := journal(self.plugins, self.path, after=self._entries[-1].seq if self._entries else 0):
            self._entries += new
            self._state = fold(self._entries)
        state = self._state
        files = {name: self._file(body) for name, body in state.creatures.items()}
        for file in {file for file in files.values() if file is not None}:
            self._read(file)
        crashed = {e.body["creature"]: e for e in self._entries if e.kind == "creature_crashed"}
        alive = self._alive([file for file in files.values() if file is not None])
        views = [self._creature(name, files[name], alive, crashed.get(name)) for name in state.creatures]
        cut = any(view.state == "interrupted" for view in views)
        now = "running" if alive else "interrupted" if cut else "ended"
        return TeamView(state.name or state.graph, now, self.path.stem, views, *self._pipes(), state.ended)

    def _file(self, body: dict[str, Any]) -> Path | None:
        return beside(self.path, body["session"]) if body.get("session") else None

    def _read(self, file: Path) -> None:
        from kt import SessionReader

        with SessionReader(file) as reader:
            names = {info.id: info.name for info in reader.streams if info.kind == "agent" and info.parent is None}
            last = reader.last
            for event in reader.events(self._read_to.get(file, 0), kinds=KINDS):
                if (name := names.get(event.stream)) is not None:
                    self._trails.setdefault((file, name), Trail()).take(event.kind, event.body, event.time)
                last = max(last, event.id)
        self._read_to[file] = last

    def _alive(self, files: list[Path]) -> bool:
        """Tell whether a process runs the team; where nothing can tell, whether its agents were not stopped."""
        running = self.plugins.registry.find("loader", "session_running")
        if running is not None:
            return any(running.load()(file) for file in {self.path, *files})
        return not all(trail.stopped for trail in self._trails.values())

    def _creature(self, name: str, file: Path | None, alive: bool, crash: JournalEntry | None) -> CreatureView:
        state = self._state
        view = CreatureView(name, root=name == state.root)
        trail = None if file is None else self._trails.get((file, name))
        if trail is not None:
            used = Usage()
            used.add(trail.spent)
            used.add(trail.running)
            view.model, view.turns, view.tool, view.error = trail.model, trail.turns, trail.tool, trail.error
            view.input, view.output, view.cost, view.context = used.input, used.output, used.cost, trail.context
            view.window = self._window(trail.model)
            view.state = _state(trail, alive, crash)
        if crash is not None and view.state == "restarting":
            view.error = crash.body["error"]
        if name in state.failed:
            view.state, view.error = "failed", state.failed[name]
        elif name in state.stopped:
            view.state = "stopped"
        return view

    def _window(self, model: str) -> int | None:
        """Return how many tokens a model takes, by what the catalogue says in words; None where that is unknown."""
        if model not in self._windows:
            registry = self.plugins.registry
            provider, _, own = model.partition("/")
            entry = registry.find("provider", provider)
            table = entry.load() if entry is not None and entry.data.get("table") else {}
            known = registry.find("catalogue", "prices")
            facts = known.load()(self.plugins).facts(str(table.get("catalogue", provider)), own) if known else {}
            word = str(facts.get("context", "")).partition(" ")[0].replace(",", "")
            self._windows[model] = int(word) if word.isdigit() else None
        return self._windows[model]

    def _pipes(self) -> tuple[list[PipeView], list[PipeView]]:
        """Return the channels and the wires, with what was said on them last."""
        state, said = self._state, defaultdict[tuple[str, ...], list[MessageView]](list)
        counts: dict[tuple[str, ...], int] = defaultdict(int)
        for entry in self._entries:
            body = entry.body
            if entry.kind == "message_sent" and (body["channel"] or not body.get("call")):
                key = (body["channel"],) if body["channel"] else (body["sender"], *body["to"])
                counts[key] += 1
                said[key] = [*said[key][1 - SHOWN :], MessageView(entry.ts, body["sender"], body["text"][:KEPT])]
        channels = [
            PipeView(name, pipe.type, list(pipe.senders), list(pipe.listeners), pipe.sent, said[name,])
            for name, pipe in state.channels.items()
        ]
        wires = [PipeView(f"{a} => {b}", "wire", [a], [b], counts[a, b], said[a, b]) for a, b in state.wires]
        return channels, wires


def _state(trail: Trail, alive: bool, crash: JournalEntry | None) -> str:
    if not alive:
        return "interrupted" if trail.open and not trail.stopped else "stopped"
    if crash is not None and crash.ts >= trail.time:
        return "restarting"
    if trail.stopped:
        return "stopped"
    if trail.rests:
        return "waiting"
    return "running" if trail.open else "idle"
