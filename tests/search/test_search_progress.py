"""kt search over many sessions tells how far it is, on a terminal in one line; never with --json, never in a chat."""

import json
import re

import pytest
from kt import Plugins
from kt_search import progress
from kt_search.command import main

from ..marketplace.pty_world import terminal
from .conftest import Search, Write, asked

SESSIONS = 12


@pytest.fixture
def many(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make sessions, and a search that counts as slow from its beginning."""
    for number in range(SESSIONS):
        write(asked(f"owl {number}"), name=f"s{number}")
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    monkeypatch.setattr(progress, "EVERY", 0.0)


@pytest.mark.usefixtures("many")
def test_on_a_terminal_it_is_one_line_that_goes_away(plugins: Plugins) -> None:
    with pytest.MonkeyPatch.context() as patch, terminal(patch, 60) as screen:
        assert main(["--all", "owl"], plugins) == 0
        assert screen.look() == []
        drawn = [frame for frame in screen.frames if frame]
    assert [re.findall(r"searching: (\d+) of 12", frame) for frame in drawn] == [[str(n)] for n in range(SESSIONS)]
    assert all(len(frame) < 60 for frame in drawn)


@pytest.mark.usefixtures("many")
def test_in_a_pipe_it_is_two_lines(plugins: Plugins, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--all", "owl"], plugins) == 0
    assert capsys.readouterr().err == "searching: 0 of 12 sessions\nsearched: 12 sessions\n"


@pytest.mark.usefixtures("many")
def test_with_json_there_is_none(plugins: Plugins, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--all", "owl", "--json"], plugins) == 0
    out, err = capsys.readouterr()
    assert (len(json.loads(out)), err) == (10, "")


def test_what_is_quick_shows_nothing(write: Write, plugins: Plugins) -> None:
    write(asked("owl"))
    with pytest.MonkeyPatch.context() as patch, terminal(patch) as screen:
        patch.setattr(progress, "monotonic", lambda: 0.0)
        assert main(["--all", "owl"], plugins) == 0
        assert (screen.look(), screen.raw) == ([], b"")


@pytest.mark.anyio
@pytest.mark.usefixtures("many")
async def test_a_program_is_shown_nothing(search: Search, write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(asked("owl"), name="one")
    assert (await search([path], "owl")).hits
    assert capsys.readouterr() == ("", "")
