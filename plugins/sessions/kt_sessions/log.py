"""The log of one agent in a session file: the kernel's `Log`, which lasts."""

import asyncio
import sqlite3
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kt import Message, Text
from kt.events import (
    AgentStarted,
    AgentStopped,
    HistoryEdited,
    LLMStarted,
    Logged,
    PluginFailed,
    ToolEnded,
    TurnEnded,
)

from .bodies import Bodies, plain, version_of
from .events import MessageAdded, PluginSaved, SessionCreated, SessionResumed, StateSet
from .file import SessionFile, Stream
from .fold import Fold
from .rebuild import Rebuilt
from .restore import news, restore
from .rewind import reread, rewound, snapshot_of
from .service import Sessions

if TYPE_CHECKING:
    from kt import Agent

SNAPSHOT_EVERY = 200
"""Events between two snapshots, which are taken at the end of a turn."""
PARTIAL_SECONDS = 1.0
"""How old a partial answer in the file can be."""


class SessionLog:
    """Keep an agent's events in the session file `path`; where the file has that agent already, it goes on."""

    lasting = True

    def __init__(self, path: Path, made: dict[str, Any] | None = None, *, parent: "SessionLog | None" = None) -> None:
        self.path, self.made, self.parent = path, made or {}, parent
        self.kind = "agent" if parent is None else "subagent"
        self.fold = Fold()
        self.resumed: SessionResumed | None = None
        self._news: list[Message] = []
        self._agent: Agent | None = None
        self._file: SessionFile | None = None
        self._stream: Stream | None = None
        self._bodies = Bodies()
        self._kept: dict[str, object] = {}
        self._saved: dict[str, object] = {}
        self._snapshot = 0
        self._partial = ""
        self._timer: asyncio.TimerHandle | None = None

    def child(self) -> "SessionLog":
        """Return a log for a part of this agent: a stream of its own in the same file."""
        return SessionLog(self.path, parent=self)

    async def open(self, agent: "Agent") -> None:
        """Open the file; give the agent its conversation and state back where the file has them."""
        sessions = Sessions.of(agent.host)
        self._agent = agent
        parent = self.parent._stream if self.parent is not None else None
        file, stream = await sessions.take(self.path, agent.name, self.kind, None if parent is None else parent.id)
        try:
            rebuilt = await sessions.writer.call(file, lambda c: reread(c, file, stream)) if stream.seq else None
        except BaseException:
            await sessions.leave(file, stream)
            raise
        self._file, self._stream, self._writer, self._sessions = file, stream, sessions.writer, sessions
        agent.session = str(file.path)
        if rebuilt is not None:
            self._take_up(agent, rebuilt)

    async def rewound(self, turn: int) -> Rebuilt:
        """Go on from the end of an earlier turn; return what the agent was there. Raises NotFound, UsageError."""
        assert self._file is not None
        assert self._stream is not None
        file, stream = self._file, self._stream

        def work(connection: sqlite3.Connection) -> Rebuilt:
            rewound(connection, file, stream, turn)
            return reread(connection, file, stream)

        rebuilt = await self._writer.call(file, work)
        self._bodies, self.fold, self._snapshot = Bodies(), rebuilt.fold, rebuilt.fold.seq
        self._kept, self._saved = dict(rebuilt.state), dict(rebuilt.saved)
        return rebuilt

    def _take_up(self, agent: "Agent", rebuilt: Rebuilt) -> None:
        self.fold = rebuilt.fold
        self._kept, self._saved = dict(rebuilt.state), dict(rebuilt.saved)
        self.resumed = restore(agent, rebuilt, str(self.path))
        self._snapshot = self.fold.seq
        told = news(self.resumed, rebuilt)
        if rebuilt.partial:
            agent.add(Message("assistant", [Text(rebuilt.partial)], finish="aborted"))
            self._write("delete from partial where stream = ?", ())
        if agent.open_calls():
            self._news = told  # results come first
        else:
            for message in told:
                agent.add(message)

    # The kernel's Log

    def append(self, record: Logged) -> int:
        """Hand an event to the writer; return its number."""
        if self._file is None or self._stream is None:
            return 0  # it did not open; that error is on its way
        kind = record.__class__
        if kind is AgentStarted and self._agent is not None:
            self._begin(self._agent)
        if kind in _WITH_STATE and self._agent is not None:
            self._keep_state(self._agent)
        stream = self._stream
        seq = stream.seq + 1
        turn, body = self._bodies.of(record, seq)
        stream.seq = seq
        self._writer.append(
            self._file,
            (
                stream.id, seq, None, time.time_ns() // 1000, turn, record.kind,
                version_of(record.kind), body,
            ),
        )  # fmt: skip
        self.fold.feed(record.kind, seq, body)
        if kind in _WATCHED and self._agent is not None:
            self._after(kind, record, self._agent)
        return seq

    def add(self, message: Message) -> None:
        """Keep a message that joined the conversation."""
        self.append(MessageAdded(message))

    async def durable(self) -> None:
        """Return when everything is on the disk. Raises StoreError."""
        if self._file is not None:
            await self._writer.sync(self._file)

    async def close(self) -> None:
        """End this agent's part; the file is closed with the last of its agents."""
        if self._timer is not None:
            self._timer.cancel()
        if self._file is not None:
            file, self._file = self._file, None
            assert self._stream is not None
            await self._sessions.leave(file, self._stream)

    # What is kept beside the events

    def _begin(self, agent: "Agent") -> None:
        """Say in the file what was made; surfaces hear only of a session that goes on."""
        from importlib.metadata import version

        if self.resumed is not None:
            agent.record(self.resumed)
        else:
            agent.log.append(SessionCreated(str(self.path), agent.name, version("kt-core"), self.made))

    def _after(self, kind: type, record: Any, agent: "Agent") -> None:
        if kind is LLMStarted:
            self._timer = asyncio.get_running_loop().call_later(PARTIAL_SECONDS, self._keep_partial)
            return
        if kind is MessageAdded:
            self._partial_is_over()
            if record.message.role == "tool":
                told, self._news = self._news, []
                for message in told:
                    agent.add(message)
            return
        if kind is HistoryEdited:
            self._keep_snapshot(agent)
            return
        self._partial_is_over()
        self._keep_plugins(agent)
        if self.fold.seq - self._snapshot >= SNAPSHOT_EVERY:
            self._keep_snapshot(agent)

    def _keep_state(self, agent: "Agent") -> None:
        """Record what changed in `agent.state` since it was last looked at."""
        kept = self._kept
        changed = {key: value for key, value in agent.state.items() if kept.get(key, self) is not value}
        changed.update({key: None for key, value in kept.items() if value is not None and key not in agent.state})
        for key, value in changed.items():
            kept[key] = value
            try:
                agent.record(StateSet(key, value))
            except Exception as error:  # it is no data
                agent.bus.publish(PluginFailed(f"agent.state[{key!r}]", f"it can't be kept: {error!r}"))

    def _keep_plugins(self, agent: "Agent") -> None:
        for impl in agent.hooks.impls("kt_save"):
            name = impl.owner.name
            try:
                state = plain(impl(agent=agent))
            except Exception as error:
                agent.bus.publish(PluginFailed(impl.owner.label, f"kt_save: {type(error).__name__}: {error}"))
                continue
            if state is not None and state != self._saved.get(name):
                self._saved[name] = state
                agent.record(PluginSaved(name, state))

    def _keep_snapshot(self, agent: "Agent") -> None:
        """Keep what the events come to, so that a resume need not read all of them."""
        self._snapshot, self.fold.taint = self.fold.seq, sorted(agent.taint)
        if self._file is not None and self._stream is not None:
            self._writer.append(self._file, snapshot_of(self._stream, self.fold))

    def _keep_partial(self) -> None:
        turn = self._agent.turn if self._agent is not None else None
        if turn is None or turn.sink is None:
            return
        text = "".join(turn.sink.draft)
        if text != self._partial:
            self._partial = text
            said = text.encode("utf-8", "replace").decode()
            self._write(
                "insert or replace into partial select ?1, ?2, ?3, kt_seal(h, ?3) from event "
                "where stream = ?1 and seq = ?2",
                (self.fold.seq, said),
            )
        self._timer = asyncio.get_running_loop().call_later(PARTIAL_SECONDS, self._keep_partial)

    def _partial_is_over(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._partial:
            self._partial = ""
            self._write("delete from partial where stream = ?", ())

    def _write(self, statement: str, values: tuple[Any, ...]) -> None:
        if self._file is not None and self._stream is not None:
            self._writer.append(self._file, (statement, (self._stream.id, *values)))


_WATCHED = {LLMStarted, MessageAdded, HistoryEdited, TurnEnded, AgentStopped}
_WITH_STATE = {ToolEnded, TurnEnded, AgentStopped}
"""Before these the state is kept, so that a result never counts without the state that its tool left."""
