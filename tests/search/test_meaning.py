"""Search by meaning: vectors are made, kept, brought up to date and fused with words."""

from pathlib import Path
from typing import Any

import pytest
from kt import Host, Plugins
from kt.errors import ConfigError, UnknownName
from kt_search.embedder import embedding_of
from kt_search.embedding import build
from kt_search.index import Index, with_index
from kt_search.session import open_session
from kt_search.vectors import CHUNK, EVENTS, PASSAGE, PASSAGES, models_of, passages_of

from .conftest import Concepts, Search, Write, answered, asked

pytest.importorskip("numpy", reason="vectors need numpy: pip install 'kt-search[memory]'")

pytestmark = pytest.mark.anyio

STORY = (
    asked("Where is the car?"),
    answered("The doctor took it."),
    asked("In this rain?", 2),
    answered("The login failed, so nobody knows.", 2),
)


@pytest.fixture
async def built(write: Write, plugins: Plugins) -> Path:
    path = write(*STORY)
    assert await build(plugins, path, "concepts") == [
        "4 new events indexed, 4 in all, in owl.ktlog-search",
        "4 new vectors by concepts, 4 in all",
    ]
    return path


def models(path: Path) -> dict[str, int]:
    with open_session(path) as session:
        return with_index(session, models_of)


async def test_meaning_finds_other_words(built: Path, search: Search) -> None:
    for query, event in (("automobile", 1), ("physician", 2), ("weather", 3), ("authentication", 4)):
        found = await search(built, query, "semantic")
        assert [hit.event for hit in found.hits] == [event]
        assert found.hits[0].score == pytest.approx(1, abs=0.01)
        assert (await search(built, query, "fts")).hits == []


async def test_with_vectors_both_count(built: Path, write: Write, search: Search) -> None:
    write(asked("an automobile, a vehicle", 3))
    found = await search(built, "automobile")
    assert found.mode == "hybrid"
    assert [hit.event for hit in found.hits] == [5, 1]
    assert found.hits[0].score == pytest.approx(2 / 61)
    assert found.hits[1].score == pytest.approx(1 / 62)
    assert models(built) == {"concepts": 5}


async def test_stop_words_do_not_keep_words_from_being_found(built: Path, search: Search) -> None:
    assert (await search(built, "where is my doctor", "fts")).hits == []
    found = await search(built, "where is my doctor", "hybrid")
    assert found.hits[0].event == 2
    assert found.hits[0].score == pytest.approx(2 / 61)


async def test_a_long_event_is_found_by_each_of_its_passages(write: Write, plugins: Plugins, search: Search) -> None:
    filler = "something else entirely " * 60
    path = write(asked(f"{filler} The physician came. {filler}"), asked(filler))
    await build(plugins, path, "concepts")
    found = await search(path, "doctor", "semantic")
    assert [hit.event for hit in found.hits] == [1]
    assert "physician" in found.hits[0].text


async def test_events_that_only_name_things_have_no_meaning(write: Write, plugins: Plugins) -> None:
    path = write((None, "agent_started", {"agent": "car", "cwd": "/car"}), (1, "llm_started", {"model": "car"}))
    assert (await build(plugins, path, "concepts"))[1] == "0 new vectors by concepts, 0 in all"
    write((1, "state_set", {"key": "todo", "value": ["wash the car"]}))
    assert (await build(plugins, path, "concepts"))[1] == "1 new vectors by concepts, 1 in all"


async def test_many_vectors_fill_rows(write: Write, plugins: Plugins, search: Search) -> None:
    count = EVENTS + CHUNK + 7
    path = write(*(asked(f"number {n}", n) for n in range(count)))
    await build(plugins, path, "concepts")
    write(asked("the car"), asked("the rain"))
    assert [hit.event for hit in (await search(path, "vehicle", "semantic")).hits] == [count + 1]

    def sizes(index: Index) -> list[tuple[int, int]]:
        return index.db.execute("select chunk, n from vec order by chunk").fetchall()

    with open_session(path) as session:
        assert with_index(session, sizes) == [(0, CHUNK), (1, count + 2 - CHUNK)]


async def test_sessions_without_vectors_are_counted(built: Path, write: Write, search: Search) -> None:
    other = write(asked("an automobile"), name="other")
    found = await search([built, other], "automobile")
    assert {(hit.session, hit.event) for hit in found.hits} == {(built, 1), (other, 1)}
    assert found.notes == ["1 of 2 sessions have no vectors by concepts"]


async def test_vectors_by_another_embedder_are_none(built: Path, search: Search, plugins: Plugins) -> None:
    class Others(Concepts):
        name = "others"

    plugins.registry.add("embedder", "others", Others)
    with pytest.raises(ConfigError, match="session owl has no vectors by others"):
        await search(built, "automobile", "semantic", embedder="others")
    assert models(built) == {"concepts": 4}


async def test_an_embedder_that_cannot_work_is_never_passed_over(built: Path, search: Search, plugins: Plugins) -> None:
    class Broken(Concepts):
        def __init__(self, host: Host) -> None:
            raise ConfigError("no key", hint="set one")

    plugins.registry.add("embedder", "broken", Broken)
    for mode in ("semantic", "hybrid"):
        with pytest.raises(ConfigError, match="no key"):
            await search(built, "car", mode, embedder="broken")
    found = await search(built, "car", embedder="broken")
    assert found.mode == "fts"
    assert found.notes == ["only words were searched: error[E-CONFIG]: no key. hint: set one"]
    with pytest.raises(ConfigError, match="no key"):
        await build(plugins, built, "broken")
    with pytest.raises(UnknownName):
        await build(plugins, built, "concept")


async def test_vectors_of_a_wrong_length_are_refused(write: Write, plugins: Plugins) -> None:
    class Short(Concepts):
        def _vector(self, text: str) -> list[float]:
            return super()._vector(text)[1:]

    plugins.registry.add("embedder", "short", Short)
    with pytest.raises(ConfigError, match="don't fit"):
        await build(plugins, write(asked("car")), "short")


async def test_settings_of_embedders_reach_them(built: Path, search: Search, plugins: Plugins) -> None:
    told: dict[str, Any] = {}

    class Tuned(Concepts):
        def __init__(self, host: Host, **settings: Any) -> None:
            super().__init__(host)
            told.update(settings)

    plugins.registry.add("embedder", "tuned", Tuned)
    await search(built, "car", "semantic", embedder="tuned", settings={"tuned": {"model": "m"}, "other": {"x": 1}})
    assert told == {"model": "m"}


def test_passages_are_bounded_and_leave_nothing_out_before_the_last() -> None:
    text = " ".join(f"word{n}" for n in range(2000))
    passages = list(passages_of(text))
    assert all(len(passage) <= PASSAGE for passage in passages)
    assert " ".join(passages) == text
    assert len(list(passages_of("x" * PASSAGE * 100))) == PASSAGES
    assert list(passages_of("  \n ")) == []


async def test_wordllama_knows_what_words_mean(write: Write, plugins: Plugins, search: Search) -> None:
    pytest.importorskip("tokenizers", reason="the embedder wordllama needs it")
    async with Host(plugins) as host:
        try:
            await embedding_of(host, "wordllama", {})
        except ConfigError as error:
            pytest.skip(f"{error.what}: {error.hint}")
    path = write(asked("The database server crashed at night."), asked("I would like pasta for dinner."))
    await build(plugins, path)
    for query, event in (("postgres is down", 1), ("what shall we eat", 2), ("outage of the machine", 1)):
        found = await search(path, query, "semantic")
        assert found.hits[0].event == event
