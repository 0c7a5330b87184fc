"""One session: what it is and its turns in short, a turn in full, or every event as a JSON line."""

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from heapq import merge
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from kt.errors import ConfigError, NotFound
from kt.events import Logged

from .errors import CannotCreate
from .export import Piece, ShownTurn, facts, heading, shown_turns
from .lines import about, clock, count, dollars, inert, one_line, terminal_width, took
from .listing import Summary, describe, the_agent, turns_on
from .path import path_to
from .reader import SessionReader, StreamInfo
from .spending import Total, spent
from .stored import StoredEvent
from .turns import TurnRecord

if TYPE_CHECKING:
    from kt import Plugins

RESTORE = "loader", "restore_files"
"""The kind and name of what brings files back, which kt-checkpoints registers."""
FORMATS = ("md", "html", "jsonl")
HEAD = ("id", "stream", "seq", "time", "turn", "type")


def print_session(path: Path, *, agent: str | None, turn: int | None, as_json: bool) -> int:
    """Print what a session is and its turns in short, those of one agent where it is named, or one turn in full.

    Raises NotFound for an agent or a turn that it has not, UsageError for a turn of nobody knows which agent.
    """
    with SessionReader(path) as reader:
        if turn is not None:
            return _print_turn(reader, the_agent(reader, agent), turn, as_json=as_json)
        shown = reader.agents if agent is None else [reader.stream(agent)]
        found = Summary(path)
        describe(reader, found)
        head = _head(reader, shown)
        turns = merge(*(_turns(reader, found, info) for info in shown), key=lambda turn: turn[1].first)
        if as_json:
            told = [{"agent": name, **asdict(record)} for name, record in turns]
            print(json.dumps({**found.data(), **head, "turns": told}))
            return 0
        for label, value in _head_lines(found, head):
            print(f"{label:<9} {inert(value)}")
        for name, record in turns:
            print("\n" + "\n".join(_short(record, name if found.agents > 1 else "")))
    return 0


def _turns(reader: SessionReader, found: Summary, info: StreamInfo) -> Iterator[tuple[str, TurnRecord]]:
    for turn in reader.turns(info.id):
        if turn.status == "running" and found.state != "running":
            turn.status = "interrupted"
        yield info.name, turn


def _head(reader: SessionReader, shown: Sequence[StreamInfo]) -> dict[str, Any]:
    """Return what belongs to the whole session; `left` are the turns that the one agent which is shown left behind."""
    total = Total()
    for each in spent(reader):
        total.add(each)
    agents = {}
    for info in reader.streams:
        counting = turns_on(reader.connection, info.id, path_to(reader.connection, info.id, info.last))
        everything = turns_on(reader.connection, info.id, [(1, info.last)])
        left = [turn[0] for turn in everything if turn not in counting]
        told = {"name": info.name, "kind": info.kind, "events": info.last, "turns": len(counting), "left": left}
        agents[info.id] = told
    return {
        "folder": reader.made(shown[0].id).get("pwd", "") if shown else "",
        "agents": list(agents.values()),
        "left": agents[shown[0].id]["left"] if len(shown) == 1 else [],
        "used": total.data(),
    }


def _head_lines(found: Summary, head: dict[str, Any]) -> Iterator[tuple[str, str]]:
    used = head["used"]
    yield "session", found.name
    yield "file", str(found.path.absolute())
    if found.agents:
        yield "creature", f"{found.who} ({found.model})"
        yield "folder", head["folder"]
    yield "time", f"{clock(found.started)} to {clock(found.changed)}"
    yield "turns", f"{found.turns:,}" + (f", {found.state}" if found.state != "ended" else "")
    yield "tokens", f"{used['input']:,} in ({used['cached']:,} cached), {used['output']:,} out"
    yield "cost", dollars(used["cost"], used["unpriced"])
    for each in head["agents"] if len(head["agents"]) > 1 or not found.agents else ():
        turns = "" if each["kind"] == "graph" else f"{count(each['turns'], 'turn')}, "
        yield each["kind"], f"{each['name']}: {turns}{count(each['events'], 'event')}"
    if head["left"]:
        yield "left", f"turns {', '.join(map(str, head['left']))}: kt sessions rewind can go back to them"


def _short(turn: TurnRecord, agent: str) -> Iterator[str]:
    width = terminal_width()
    shown = ShownTurn(turn.number, turn.started, turn.ended, turn.status, turn.error, turn.usage)
    of = f" of {agent}" if agent else ""
    yield one_line(f"turn {turn.number}{of}  {facts(shown)}", width)
    if turn.user_text:
        yield "> " + one_line(turn.user_text, width - 2)
    for call in turn.tool_calls:
        arguments = (
            call.arguments if isinstance(call.arguments, str) else json.dumps(call.arguments, ensure_ascii=False)
        )
        settled = call.error is not None or call.result is not None
        ended = f"{'error' if call.error is not None else 'ok'} {took(call.duration)}" if settled else "no result"
        yield f"  * {one_line(call.name, 40)} {one_line(arguments, max(width - 60, 20))}  {ended}"
    if turn.assistant_text:
        yield "  " + one_line(turn.assistant_text, width - 2)


def _print_turn(reader: SessionReader, agent: StreamInfo, number: int, *, as_json: bool) -> int:
    """Print everything of one turn of an agent; it may lie on a path that was left."""
    with reader.bodies.readable():
        rows = reader.connection.execute(
            "select id from event where stream = ? and turn = ? order by seq", (agent.id, number)
        ).fetchall()
    if not rows:
        raise NotFound(f"{agent.name} has no turn {number}", where=str(reader.path), hint="kt sessions show lists them")
    events = [reader.event(id) for (id,) in rows]
    if as_json:
        print("[" + ",\n".join(map(json_line, events)) + "]")
        return 0
    for turn in shown_turns(events):
        print(f"turn {number}  {facts(turn)}")
        for piece in turn.pieces:
            print("\n" + _whole(piece))
    return 0


def _whole(piece: Piece) -> str:
    """Return everything of a piece, indented below who said it or what it is."""
    head = piece.kind
    if piece.kind == "call":
        head = heading(piece)
    elif piece.title:
        head += f" ({one_line(piece.title)})"
    texts = [piece.text, *([] if piece.result is None else [piece.result]), *map(about, piece.media)]
    body = "\n\n".join(inert(text) for text in texts if text)
    return f"{head}:\n" + "\n".join(f"  {line}".rstrip() for line in body.split("\n"))


def json_line(event: StoredEvent) -> str:
    """Return an event as one line: HEAD, then its own fields; one that is named like one of HEAD gets a "_" behind.

    Bytes are {"$bytes": base64}; a key that begins with $ gets another one in front.
    """
    line = dict(zip(HEAD, (event.id, event.stream, event.seq, event.time, event.turn, event.kind), strict=True))
    if event.parent is not None:
        line["parent"] = event.parent
    for name, value in event.body.items():
        if name != "turn" or value != event.turn:
            line[name + "_" * (name in line)] = _json(value)
    return json.dumps(line)


def _json(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode()}
    if isinstance(value, dict):
        return {"$" + k if k.startswith("$") else k: _json(v) for k, v in value.items()}
    return [_json(v) for v in value] if isinstance(value, list) else value


def export(path: Path, format: str, output: Path | None, *, agent: str | None) -> int:
    """Write a session, or one agent of it, in one of FORMATS to a file, which is there only once it is whole.

    Without a file it is printed.
    """
    with SessionReader(path) as reader:
        pieces = _exported(reader, format, agent)
        if output is None:
            for piece in pieces:
                print(piece)
            return 0
        draft = output.with_name(output.name + ".part")
        try:
            with draft.open("w", encoding="utf-8") as file:
                file.writelines(piece + "\n" for piece in pieces)
            draft.replace(output)
        except OSError as error:
            raise CannotCreate(f"{str(output)!r} can't be written: {error.strerror}", hint="give another -o") from None
        finally:
            draft.unlink(missing_ok=True)
    return 0


def _exported(reader: SessionReader, format: str, agent: str | None) -> Iterator[str]:
    if format == "jsonl":
        streams = [info.id for info in (reader.streams if agent is None else reader.family(agent))]
        return (json_line(event) for event in reader.events() if event.stream in streams)
    found = Summary(reader.path)
    describe(reader, found)
    if format == "md":
        from .markdown import markdown

        return markdown(reader, found, agent)
    from .html import html

    return html(reader, found, agent)


class Restored(Protocol):
    """What became of files that were to be brought back, as paths in the working folder.

    `conflicts` somebody else has changed since, of `unknown` no content is kept; they are left as they are, and so are
    those of `failed`, with what the system said. `event` tells the session how the files are now.
    """

    restored: Sequence[str]
    removed: Sequence[str]
    conflicts: Sequence[str]
    unknown: Sequence[str]
    failed: Mapping[str, str]

    @property
    def event(self) -> Logged: ...


def bring_back(
    plugins: "Plugins",
    reader: SessionReader,
    agent: StreamInfo,
    turn: int,
    folder: Path | None,
    *,
    force: bool,
    dry_run: bool,
) -> Restored:
    """Bring the files below a folder (None: the agent's) back to what they were at the end of a turn of an agent.

    Raises ConfigError where nothing that does so is installed, NotFound where the folder is gone.
    """
    found = plugins.registry.find(*RESTORE)
    if found is None:
        raise ConfigError("--files needs kt-checkpoints, which is not installed", hint="pip install kt-checkpoints")
    folder = folder or Path(reader.made(agent.id)["pwd"])
    if not folder.is_dir():
        raise NotFound(f"the session's working folder {str(folder)!r} is gone", hint="give another: --cwd FOLDER")
    done: Restored = found.load()(reader, after_turn=turn, pwd=folder, stream=agent.id, force=force, dry_run=dry_run)
    return done


def print_restored(done: Restored, *, would: bool) -> int:
    """Print what became of each file, or would; return 1 where some are not what they were at that time, else 0."""
    print("\n".join(restored_lines(done, would=would)) or "  no file was changed after it")
    return int(bool(done.conflicts or done.unknown or done.failed))


def restored_lines(done: Restored, *, would: bool = False, force: str = "--force") -> Iterator[str]:
    """Yield a line for each file: what became of it, or would; `force` is how one overwrites what others changed."""
    be = "would be " if would else ""
    groups = [
        (f"{be}restored", done.restored),
        (f"{be}removed", done.removed),
        (f"left, somebody else changed it since ({force} overwrites it)", done.conflicts),
        ("left, what it was is not kept", done.unknown),
        *((f"failed: {why}", [path]) for path, why in done.failed.items()),
    ]
    return (inert(f"  {path}  {what}") for what, paths in groups for path in paths)
