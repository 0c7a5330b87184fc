"""An agent with the built-in tools, that plays calls."""

import os
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
