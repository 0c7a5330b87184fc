"""One search by words: what is found, in what order, and how it is shown."""

import pytest
from kt.errors import ConfigError, NotFound, UsageError
from kt_search.index import index_file
from kt_search.ranks import FRESH
from kt_search.snippets import BEGIN, CHARACTERS, END, Snippets, marked
from kt_search.words import indexable, terms_of

from .conftest import Search, Write, answered, asked, ran

pytestmark = pytest.mark.anyio

CODE = [
    "foo.bar(x)",
    "snake_case",
    "C++",
    "src/kt/_agent.py",
    "std::vector<int>",
    "--dry-run",
    "a->b",
    "$HOME",
    "#1234",
]


@pytest.mark.parametrize("code", CODE)
async def test_code_finds_its_event_first(write: Write, search: Search, code: str) -> None:
    path = write(asked(f"what is {code} for?"), *(answered(f"{other} instead") for other in CODE if other != code))
    found = await search(path, code)
    assert found.hits[0].event == 1


async def test_the_very_characters_come_before_their_words(write: Write, search: Search) -> None:
    path = write(asked("use C++ here"), *(answered(f"C is number {n}") for n in range(FRESH + 100)))
    found = await search(path, "C++", limit=3)
    assert [hit.event for hit in found.hits[:1]] != [1]
    path = write(asked("and C++ there"), *(answered(f"C is number {n}") for n in range(100)))
    found = await search(path, "C++", limit=3)
    assert found.hits[0].event == FRESH + 102


@pytest.mark.parametrize("query", ["天", "天气", "東京", "의", "한국", "カタ", "今天天气", '"天气 很好"'])
async def test_chinese_japanese_and_korean(write: Write, search: Search, query: str) -> None:
    path = write(asked("今天天气很好"), asked("東京タワーとカタカナ"), asked("한국의 날씨"), asked("nothing of that"))
    found = await search(path, query)
    assert len(found.hits) == 1
    assert query.strip('"').replace(" ", "") in marked(found.hits[0].text, "", "")
    assert BEGIN in found.hits[0].text


async def test_all_words_must_be_there(write: Write, search: Search) -> None:
    path = write(asked("a red owl"), asked("a red fox"), asked("the owl was never red"))
    assert {hit.event for hit in (await search(path, "red owl")).hits} == {1, 3}
    assert [hit.event for hit in (await search(path, '"red owl"')).hits] == [1]
    assert (await search(path, "red wolf")).hits == []


async def test_few_are_weighed_and_many_come_newest_first(write: Write, search: Search) -> None:
    path = write(asked("owl owl owl"), *(answered("an owl among many other birds of the forest") for _ in range(50)))
    assert (await search(path, "owl")).hits[0].event == 1
    write(*(answered(f"owl number {n}") for n in range(FRESH)))
    assert [hit.event for hit in (await search(path, "owl", limit=3)).hits] == [FRESH + 51, FRESH + 50, FRESH + 49]


async def test_a_hit_says_where_it_is(write: Write, search: Search) -> None:
    path = write(asked("where is the owl?"), ran("grep", '{"pattern": "owl"}', "birds.py: Owl", turn=4))
    hits = {hit.event: hit for hit in (await search(path, "owl")).hits}
    hit = hits[2]
    assert (hit.session, hit.stream, hit.turn, hit.kind, hit.role) == (path, "swe", 4, "tool_ended", "tool")
    assert hit.time == 1_700_000_001.0
    assert marked(hit.text, "<", ">") == 'grep {"pattern": "<owl>"} birds.py: <Owl>'
    assert (hits[1].role, marked(hits[1].text, "<", ">")) == ("user", "where is the <owl>?")


async def test_several_sessions_take_turns_and_a_broken_one_is_named(write: Write, search: Search) -> None:
    one, two = write(asked("owl one"), asked("owl two"), name="one"), write(asked("owl three"), name="two")
    found = await search([one, two], "owl", limit=2)
    assert {hit.session for hit in found.hits} == {one, two}
    assert found.notes == []
    two.write_bytes(b"no session")
    found = await search([one, two], "owl")
    assert [hit.session for hit in found.hits] == [one, one]
    assert "two is left out: error[E-" in found.notes[0]


async def test_what_cannot_be_searched_is_an_error(write: Write, search: Search) -> None:
    path = write(asked("owl"))
    with pytest.raises(UsageError, match="no letter and no digit"):
        await search(path, "++ ->")
    with pytest.raises(NotFound):
        await search(path.with_name("nowhere.ktlog"), "owl")


@pytest.mark.parametrize("mode", ["semantic", "hybrid"])
async def test_without_vectors_the_modes_that_need_them_say_so(write: Write, search: Search, mode: str) -> None:
    path = write(asked("owl"))
    with pytest.raises(ConfigError, match="session owl has no vectors") as caught:
        await search(path, "owl", mode)
    assert "kt embedding owl" in caught.value.hint
    assert "pip install 'kt-search[memory]'" in caught.value.hint
    assert (await search(path, "owl")).mode == "fts"


async def test_an_index_that_cannot_be_kept_is_a_note(write: Write, search: Search) -> None:
    path = write(asked("owl"))
    index_file(path).mkdir()
    found = await search(path, "owl")
    assert [hit.event for hit in found.hits] == [1]
    assert "can't be written" in found.notes[0]


@pytest.mark.parametrize(
    "text", ["x" * 5000 + " owl " + "y" * 5000, "word " * 4000 + "owl" + " word" * 4000, "猫" * 900 + "owl"]
)
def test_a_snippet_is_short_and_shows_the_match(text: str) -> None:
    snippets = Snippets(terms_of("owl"))
    cut = snippets.of(indexable(text))
    snippets.close()
    assert BEGIN + "owl" + END in cut
    assert len(cut) <= CHARACTERS + 8
