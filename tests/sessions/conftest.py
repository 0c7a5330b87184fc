"""Processes to kill, sessions that they leave, and what a session must give back."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from kt import Message, Plugins, SessionReader, ToolResult
from kt_sessions.command import sessions

HERE = Path(__file__).parent
Everything: TypeAlias = dict[str, Any]


@dataclass
class Victim:
    """One process of `victims.py`, and the lines it said."""

    process: "subprocess.Popen[str]"
    lines: list[str] = field(default_factory=list)

    def read(self, most: int | None = None) -> list[str]:
        """Read more lines until there are `most`, or until its end."""
        assert self.process.stdout is not None
        while most is None or len(self.lines) < most:
            line = self.process.stdout.readline()
            if not line:
                break
            self.lines.append(line.rstrip("\n"))
        return self.lines

    def until(self, word: str) -> str:
        """Read until a line begins with a word; return it."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            if line.split()[:1] == [word]:
                return self.lines[-1]
        raise AssertionError(f"it never said {word}: {self.lines[-3:]}")

    def tell(self, text: str) -> None:
        """Write a line to it."""
        assert self.process.stdin is not None
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def kill(self) -> list[str]:
        """Kill it with SIGKILL; return all it said."""
        self.process.send_signal(signal.SIGKILL)
        self.read()
        self.process.wait()
        return self.lines

    def ended(self) -> int:
        """Read to its end; return its exit code."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        self.read()
        return self.process.wait(timeout=60)

    def said(self, word: str) -> list[str]:
        """Return what followed a word, of each line that begins with it."""
        return [line.partition(" ")[2] for line in self.lines if line.split(" ")[0] == word]

    @property
    def confirmed(self) -> int:
        """Return the number of the last event that was confirmed, 0 of none."""
        return max((int(seq) for seq in self.said("ACK")), default=0)


@pytest.fixture
def start() -> Iterator[Callable[..., Victim]]:
    """Return what starts a program of `victims.py`, or of `file`; what still runs at the end is killed."""
    begun: list[Victim] = []

    def start(*words: object, file: str = "victims.py", under: tuple[str, ...] = (), **env: str) -> Victim:
        process = subprocess.Popen(
            [*under, sys.executable, str(HERE / file), *map(str, words)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONWARNINGS": "error", **env},
        )
        begun.append(Victim(process))
        return begun[-1]

    yield start
    for victim in begun:
        with victim.process:  # closes its pipes
            victim.process.kill()


def read_everything(path: Path) -> Everything:
    """Return all that a reader gives of a session, each stream's conversation and state included."""
    with SessionReader(path) as reader:
        streams = reader.streams
        out: Everything = {"uid": reader.uid, "last": reader.last, "streams": streams}
        out["events"] = list(reader.events())
        for info in streams:
            out[f"conversation {info.id}"] = reader.conversation(info.id)
            out[f"turns {info.id}"] = list(reader.turns(info.id))
            out[f"made {info.id}"] = reader.made(info.id)
            rebuilt = asdict(reader.rebuilt(info.id))
            rebuilt["fold"].pop("taint")
            out[f"rebuilt {info.id}"] = rebuilt
    return out


@pytest.fixture
def everything() -> Callable[[Path], Everything]:
    return read_everything


def wrong_in(history: list[Message]) -> str:
    """Return what makes a conversation one that no model takes: a call without exactly one result, or the reverse."""
    for at, message in enumerate(history):
        calls = [call.id for call in message.tool_calls]
        following = history[at + 1].parts if at + 1 < len(history) else []
        results = [part.call_id for part in following if isinstance(part, ToolResult)]
        if calls and calls != results:
            return f"message {at} asks {calls}, message {at + 1} answers {results}"
        if message.role == "tool" and not (at and history[at - 1].tool_calls):
            return f"message {at} answers what nobody asked"
    return ""


@pytest.fixture
def wrong() -> Callable[[list[Message]], str]:
    return wrong_in


def copy_session(source: Path, target: Path) -> Path:
    """Copy a session with what a crash left beside it; without the shared memory, which every opener makes anew."""
    for suffix in ("", "-wal", "-head"):
        beside = source.with_name(source.name + suffix)
        if beside.exists():
            shutil.copyfile(beside, target.with_name(target.name + suffix))
    return target


@pytest.fixture
def copied() -> Callable[[Path, Path], Path]:
    return copy_session


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return where the session `s` of a user of its own is kept."""
    monkeypatch.setenv("KT_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "sessions" / "s.ktlog"


@pytest.fixture
def export(capsys: pytest.CaptureFixture[str], path: Path) -> Callable[..., str]:
    """Export the session `s`; return what is printed."""

    def export(format: str, *words: str) -> str:
        capsys.readouterr()
        assert sessions(["export", "s", "--format", format, *words], Plugins()) == 0
        return capsys.readouterr().out

    return export
