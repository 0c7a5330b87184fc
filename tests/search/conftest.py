"""Sessions with given events, in real files, and an embedder whose vectors can be worked out by hand."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from kt import Host, Plugins
from kt_search.search import Found, Query, find
from kt_sessions.file import SessionFile

Event: TypeAlias = tuple[int | None, str, dict[str, Any]]
"""(turn, kind, body)."""
Write: TypeAlias = Callable[..., Path]

CONCEPTS = {
    "car": 0, "automobile": 0, "vehicle": 0,
    "doctor": 1, "physician": 1,
    "rain": 2, "weather": 2,
    "login": 3, "authentication": 3,
}  # fmt: skip


class Concepts:
    """Embed texts by the concepts that their words stand for, one direction each; the last is for all other words."""

    name, dim = "concepts", 5

    def __init__(self, host: Host, *, refuse: str = "") -> None:
        self.embedded: list[str] = []

    async def embed(self, texts: Sequence[str], *, query: bool = False) -> list[list[float]]:
        self.embedded += texts
        return [self._vector(text) for text in texts]

    def _vector(self, text: str) -> list[float]:
        vector = [0.0] * self.dim
        for word in text.lower().split():
            vector[CONCEPTS.get(word.strip(".,?!"), 4)] += 1.0
        if any(vector[:4]):
            vector[4] = 0.0
        return vector


def said(role: str, text: str) -> dict[str, Any]:
    return {"message": {"role": role, "parts": [{"kind": "text", "text": text}]}}


def asked(text: str, turn: int = 1) -> Event:
    return turn, "turn_started", {"turn": turn, "source": "user", **said("user", text)}


def answered(text: str, turn: int = 1) -> Event:
    return turn, "llm_ended", {**said("assistant", text), "usage": {"input": 7}, "number": 1}


def ran(name: str, args: str, result: str, turn: int = 1) -> Event:
    call = {"kind": "tool_call", "id": "call_1", "name": name, "args_text": args}
    back = {"kind": "tool_result", "call_id": "call_1", "parts": [{"kind": "text", "text": result}]}
    return turn, "tool_ended", {"call": call, "result": back, "seconds": 0.1}


def append(path: Path, events: Iterable[Event], *, agent: str = "swe") -> Path:
    """Write events behind those a session has; times are a second apart."""
    file = SessionFile(path)
    connection = file.open()
    try:
        stream = next((s for s in file.streams if s.name == agent), None)
        if stream is None:
            stream, statement = file.add_stream(agent, "agent", None)
            file.commit(connection, [statement])
        ops = []
        for turn, kind, body in events:
            stream.seq += 1
            ts = 1_700_000_000_000_000 + (file.last + len(ops)) * 1_000_000
            ops.append((stream.id, stream.seq, None, ts, turn, kind, 1, body))
        file.commit(connection, ops)
    finally:
        file.close(connection)
    return path


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return `write(*events, name="owl")`, which appends events to a session and returns its path."""

    def write(*events: Event, name: str = "owl", agent: str = "swe") -> Path:
        return append(tmp_path / "sessions" / f"{name}.ktlog", events, agent=agent)

    return write


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plugins:
    """Return the installed plugins, the embedder `concepts`, and sessions of a home of their own."""
    monkeypatch.setenv("KT_HOME", str(tmp_path))
    plugins = Plugins()
    plugins.registry.add("embedder", "concepts", Concepts)
    return plugins


Search: TypeAlias = Callable[..., Any]


@pytest.fixture
def search(plugins: Plugins) -> Search:
    """Return `await search(path or paths, query, mode=None, ...)`."""

    async def search(paths: Path | Sequence[Path], text: str, mode: Any = None, **options: Any) -> Found:
        async with Host(plugins) as host:
            return await find(host, [paths] if isinstance(paths, Path) else paths, Query(text, mode, **options))

    return search
