"""scratchpad, called as a model calls it."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from kt import ToolRecord

pytestmark = pytest.mark.anyio
Play = Callable[..., Awaitable[list[ToolRecord]]]


def pad(action: str, text: str | None = None) -> tuple[str, dict[str, Any]]:
    return "scratchpad", {"action": action} | ({} if text is None else {"text": text})


async def test_notes_are_written_appended_read_and_cleared(play: Play) -> None:
    records = await play(
        *(pad("read"), pad("append", "one"), pad("append", "two ✓"), pad("read"), pad("write", "new"), pad("read")),
        *(pad("clear"), pad("read")),
    )
    assert [r.result for r in records] == [
        *("(no notes)", "3 of 20,000 characters", "9 of 20,000 characters", "one\ntwo ✓", "3 of 20,000 characters"),
        *("new", "0 of 20,000 characters", "(no notes)"),
    ]


async def test_notes_are_bounded_and_stay_as_they_were(play: Play) -> None:
    full, beyond, more, kept = await play(
        pad("write", "x" * 20_000), pad("write", "y" * 20_001), pad("append", "z"), pad("read")
    )
    assert full.error is None
    assert beyond.error == "notes may have 20,000 characters, these are 20,001 (write them shorter)"
    assert more.error == "notes may have 20,000 characters, these are 20,002 (write them shorter)"
    assert kept.result == "x" * 20_000


async def test_one_agents_notes_are_not_anothers(play: Play) -> None:
    await play(pad("write", "mine"))
    (done,) = await play(pad("read"))
    assert done.result == "(no notes)"


@pytest.mark.parametrize("action", ["write", "append"])
async def test_nothing_is_no_note(play: Play, action: str) -> None:
    (done,) = await play(pad(action))
    assert done.error == f"{action} needs text"
