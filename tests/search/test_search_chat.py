"""/search: words found in the sessions of the folder one talks in."""

from pathlib import Path

import pytest
from kt.errors import UsageError
from kt.testing import running
from kt_search.chat import HITS, search

pytestmark = pytest.mark.anyio


@pytest.fixture
def sessions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of the user's sessions."""
    monkeypatch.setenv("KT_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "sessions"


@pytest.fixture
def pwd(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


async def keep(path: Path, pwd: Path, *says: str) -> None:
    async with running(["well"] * len(says), session=path, pwd=pwd) as agent:
        for text in says:
            await agent.run(text)


async def test_words_are_found_in_the_sessions_of_this_folder(sessions: Path, pwd: Path, tmp_path: Path) -> None:
    await keep(sessions / "old.ktlog", pwd, "nothing much", "the red owl")
    await keep(sessions / "elsewhere.ktlog", tmp_path, "the red owl")
    async with running(["it sleeps"], session=sessions / "mine.ktlog", pwd=pwd) as agent:
        await agent.run("where is the owl?")
        found = (await search(agent, "owl")).splitlines()
        heads = {head.split()[0]: (head, text) for head, text in zip(found[::2], found[1::2], strict=True)}
        assert heads.keys() == {"mine", "old"}
        head, text = heads["old"]
        assert head.startswith("old  turn 2  ")
        assert head.endswith("  test user")
        assert text == "  the red [owl]"
        assert await search(agent, "unicorn") == "nothing found in 2 sessions of this folder"
        with pytest.raises(UsageError):
            await search(agent, " ")


async def test_the_best_ten_are_shown(sessions: Path, pwd: Path) -> None:
    async with running(["well"] * 12, session=sessions / "mine.ktlog", pwd=pwd) as agent:
        for number in range(12):
            await agent.run(f"owl number {number}")
        assert len((await search(agent, "owl")).splitlines()) == 2 * HITS


async def test_what_can_not_be_read_is_named(sessions: Path, pwd: Path) -> None:
    await keep(sessions / "good.ktlog", pwd, "an owl")
    (sessions / "bad.ktlog").write_bytes(b"nothing good")
    async with running(pwd=pwd) as agent:
        note, head, _ = (await search(agent, "owl")).splitlines()
    assert note == "note: bad can't be read"
    assert head.startswith("good  ")


async def test_without_sessions_nothing_is_found(sessions: Path, pwd: Path) -> None:
    async with running(pwd=pwd) as agent:
        assert await search(agent, "owl") == "nothing found in 0 sessions of this folder"
