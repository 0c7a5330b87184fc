"""How far a fetch is: a line that is redrawn on a terminal and gone at the end, two plain lines in a pipe."""

import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pexpect
import pyte
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kt_marketplace.progress import EVERY, PATIENCE, Bar, silent

from .index_world import Web
from .pty_world import Clock, terminal

SIZE = 4_000_000
DATA = bytes(SIZE)
NAME = "kt_owl-1.0-py3-none-any.whl"
PROGRAM = """
import sys
from pathlib import Path
from kt_marketplace.transport import fetch

print(fetch(sys.argv[1], sys.argv[2], Path(sys.argv[3]), size=int(sys.argv[4]) or None).stat().st_size)
"""


@pytest.fixture
def web() -> Iterator[Web]:
    with Web().running() as web:
        yield web


class Slow:
    """Answer with the data: a little of it again and again until `go`, then all that is left."""

    def __init__(self) -> None:
        self.go = threading.Event()

    def __call__(self, request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", str(SIZE))
        request.end_headers()
        sent = 0
        while not self.go.wait(0.02) and sent < SIZE // 2:
            sent += request.wfile.write(DATA[:1000])
        request.wfile.write(DATA[sent:])


def command(web: Web, answer: Any, into: Path, *, size: int = SIZE) -> list[str]:
    web.pages["/x"] = answer
    return [sys.executable, "-c", PROGRAM, f"{web.address}/x", hashlib.sha256(DATA).hexdigest(), str(into), str(size)]


def spawned(words: list[str], *, columns: int = 80, term: str = "xterm") -> Any:
    return pexpect.spawn(
        words[0], words[1:], dimensions=(24, columns), env={**os.environ, "TERM": term}, encoding="utf-8", timeout=30
    )


@pytest.mark.parametrize("size", [SIZE, 0], ids=["the index says it", "the server says it"])
def test_on_a_terminal_one_line_is_redrawn_and_gone_at_the_end(web: Web, tmp_path: Path, size: int) -> None:
    slow = Slow()
    child = spawned(command(web, slow, tmp_path / NAME, size=size))
    child.expect(r"kt_owl-1.0-py3-none-any.whl \[[# ]{20}\] \d\.\d of 4\.0 MB, [\d,]+ s left")
    seen = child.before + child.after
    slow.go.set()
    child.expect(pexpect.EOF)
    screen = pyte.Screen(80, 24)
    pyte.Stream(screen).feed(seen + child.before)
    assert [row.rstrip() for row in screen.display if row.strip()] == [str(SIZE)]


def test_a_narrow_terminal_gets_a_short_line(web: Web, tmp_path: Path) -> None:
    slow = Slow()
    child = spawned(command(web, slow, tmp_path / NAME), columns=24)
    child.expect_exact("kt_owl-1.0-py3-none-any\x1b[K")
    slow.go.set()
    child.expect(pexpect.EOF)


def test_a_terminal_that_cannot_redraw_gets_lines(web: Web, tmp_path: Path) -> None:
    slow = Slow()
    child = spawned(command(web, slow, tmp_path / NAME), term="dumb")
    child.expect(r"^kt_owl-1.0-py3-none-any.whl: \d\.\d of 4\.0 MB\r\n")
    slow.go.set()
    child.expect(pexpect.EOF)
    assert child.before.splitlines() == [f"{NAME}: 4.0 MB came", str(SIZE)]


def test_a_pipe_gets_two_plain_lines(web: Web, tmp_path: Path) -> None:
    slow = Slow()
    words = command(web, slow, tmp_path / NAME)
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        first = process.stderr.readline()
        slow.go.set()
        out, rest = process.communicate(timeout=30)
    assert first.startswith(f"{NAME}: ".encode())
    assert rest == f"{NAME}: 4.0 MB came\n".encode()
    assert out == f"{SIZE}\n".encode()
    assert b"\x1b" not in first
    assert b"\r" not in first


def fetched(clock: Clock, seconds: float, *, total: int | None = 1000) -> None:
    """Fetch a hundred chunks of ten bytes in so many seconds."""

    def chunks() -> Iterator[bytes]:
        for _ in range(100):
            clock.now += seconds / 100
            yield bytes(10)

    with Bar("owl.whl", total) as bar:
        assert sum(map(len, bar.over(chunks()))) == 1000


@pytest.mark.parametrize("term", ["xterm", "dumb"])
def test_what_is_quick_shows_nothing(monkeypatch: pytest.MonkeyPatch, term: str) -> None:
    with terminal(monkeypatch, term=term) as screen:
        fetched(Clock(monkeypatch), PATIENCE * 0.99)
        assert (screen.look(), screen.raw) == ([], b"")


def test_in_silence_nothing_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    with terminal(monkeypatch) as screen:
        clock = Clock(monkeypatch)
        with silent():
            with silent(False):
                fetched(clock, 60)
            assert (screen.look(), screen.raw) == ([], b"")
        with silent(False):
            fetched(clock, 60)
        assert screen.frames


@given(seconds=st.floats(0, 1000), columns=st.integers(2, 200), total=st.sampled_from([None, 0, 1, 999, 1000, 10**12]))
def test_it_is_drawn_ten_times_a_second_at_most_and_never_wraps(
    seconds: float, columns: int, total: int | None
) -> None:
    with pytest.MonkeyPatch.context() as patch, terminal(patch, columns) as screen:
        fetched(Clock(patch), seconds, total=total)
        assert screen.look() == []
        frames = screen.frames
    assert len(frames) <= 2 + max(0, seconds - PATIENCE) / EVERY
    assert all(len(frame) < columns for frame in frames)


def test_the_line_is_gone_before_an_error_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with terminal(monkeypatch) as screen:
        clock = Clock(monkeypatch)

        def breaks() -> Iterator[bytes]:
            for _ in range(3):
                clock.now += 1
                yield b"1"
            raise OSError("full")

        with pytest.raises(OSError, match="full"), Bar("owl.whl", 10) as bar:
            list(bar.over(breaks()))
        assert screen.look() == []
        assert any("owl.whl [" in frame for frame in screen.frames)


def test_a_name_does_not_steer_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = Clock(monkeypatch)
    with Bar("owl\x1b[2J\n", None) as bar:
        for _ in bar.over([b"1", b"2"]):
            clock.now += 1
    assert capsys.readouterr().err == "owl?[2J?: 0.0 MB\nowl?[2J?: 0.0 MB came\n"
