"""The parts of the screen that need no screen: growing Markdown, the shared history, lines of events."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kt import Message, Text, ToolCall, Usage
from kt.events import Advice, LLMEnded, ToolStarted
from kt_tui.events import said_of
from kt_tui.growing import PIECE, Growing, open_at, rendered
from kt_tui.history import History
from prompt_toolkit.history import FileHistory
from rich.text import Text as Drawn

BLOCKS = (
    "A paragraph.",
    "- one\n- two",
    "```py\nx = 1\n\ny = 2\n```",
    "# Title",
    "> said\n> so",
    "| a | b |\n|---|---|\n| 1 | 2 |",
)
ANSWERS = st.lists(st.sampled_from(BLOCKS), min_size=1, max_size=6).map("\n\n".join)


def plain(pieces: list[Drawn]) -> str:
    return "\n\n".join(piece.plain for piece in pieces)


@settings(deadline=None)
@given(ANSWERS, st.integers(1, 9))
def test_an_answer_that_grew_looks_like_one_that_came_at_once(answer: str, step: int) -> None:
    growing = Growing()
    for end in range(0, len(answer), step):
        growing.draw(answer[:end], 60, done=False)
    blocks = [line for line in plain(growing.draw(answer, 60, done=True)).split("\n") if line.strip()]
    assert blocks == [line for line in rendered(answer, 60).plain.split("\n") if line.strip()]


@settings(deadline=None)
@given(ANSWERS, st.integers(1, 9))
def test_markdown_is_rendered_once(answer: str, step: int) -> None:
    growing = Growing()
    for end in range(0, len(answer), step):
        growing.draw(answer[:end], 60, done=False)
    growing.draw(answer, 60, done=True)
    growing.draw(answer, 60, done=True)
    assert growing.renders <= len(answer)


def test_only_the_last_piece_changes() -> None:
    growing = Growing()
    paragraph = "Words. " * (PIECE // 20) + "\n\n"
    for number in range(20):
        before = growing.draw(paragraph * number, 60, done=False)
    after = growing.draw(paragraph * 20 + "More.", 60, done=False)
    assert len(before) > 2
    assert all(old is new for old, new in zip(before[:-1], after, strict=False))


@settings(deadline=None)
@given(st.text(alphabet="a*-#`>1. \n\r|\x0b\u2028", max_size=60))
def test_where_the_open_block_begins_is_a_place_of_the_text(text: str) -> None:
    at = open_at(text)
    assert 0 <= at <= len(text)
    assert at == 0 or text[at - 1] in "\r\n"


def test_an_answer_that_starts_over_is_drawn_anew() -> None:
    growing = Growing()
    growing.draw("First.\n\nSecond", 60, done=False)
    assert plain(growing.draw("Other", 60, done=False)) == "Other"
    assert plain(growing.draw("Other **words**", 20, done=True)) == "Other words"


@settings(deadline=None)
@given(
    entries=st.lists(
        st.text(st.characters(exclude_characters="\r\0\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029", codec="utf-8"), min_size=1)
    )
)
def test_the_history_is_that_of_the_surface_cli(tmp_path_factory: pytest.TempPathFactory, entries: list[str]) -> None:
    file = tmp_path_factory.mktemp("home") / "history"
    history = History(file)
    for entry in entries:
        history.add(entry)
    kept = history.entries
    assert History(file).entries == kept
    if file.exists():
        assert list(FileHistory(str(file)).load_history_strings()) == kept[::-1]
    FileHistory(str(file)).store_string("from\nthere")
    assert History(file).entries == [*kept, "from\nthere"]


def test_history_goes_back_and_forth(tmp_path: Path) -> None:
    history = History(tmp_path / "history")
    for entry in ("one", "two", "two"):
        history.add(entry)
    assert [history.back("draft"), history.back("two"), history.back("one")] == ["two", "one", None]
    assert [history.forth(), history.forth(), history.forth()] == ["two", "draft", None]


def test_an_event_is_one_line() -> None:
    assert said_of(Advice("one\ntwo \x1b[2J")) == "text=one two \\x1b[2J"
    call = ToolCall("c1", "read", "{}")
    assert said_of(ToolStarted(call, "read")) == "read"
    message = Message("assistant", [Text("x" * 500)], model="m", usage=Usage(1, 2))
    assert len(said_of(LLMEnded(message, Usage(1, 2)))) <= 160
