"""How queries are read, and the laws of the index of words."""

import sqlite3
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kt_search.words import TOKENIZER, Term, expression_of, indexable, terms_of, without_stop_words

WORDS = st.text(st.characters(categories=["Lu", "Ll", "Nd"], max_codepoint=0x24F), min_size=1, max_size=12)
CJK = st.text(st.sampled_from("今天天气很好東京都渋谷区한국어ひらがなカタカナ々〇"), min_size=1, max_size=8)


class Table:
    """One text in FTS5, as the index has it."""

    def __init__(self) -> None:
        self.db = sqlite3.connect(":memory:")
        self.db.execute(f"create virtual table fts using fts5(text, content='', tokenize='{TOKENIZER}')")

    def finds(self, query: str, text: str) -> bool:
        self.db.execute("insert into fts(fts) values('delete-all')")
        self.db.execute("insert into fts(rowid, text) values(1, ?)", (indexable(text),))
        terms = terms_of(query)
        assert terms
        found = self.db.execute("select rowid from fts where fts match ?", (expression_of(terms),))
        return bool(found.fetchall())


@pytest.fixture(scope="module")
def table() -> Iterator[Table]:
    table = Table()
    yield table
    table.db.close()


@given(st.text())
def test_no_query_is_a_syntax_error(table: Table, query: str) -> None:
    if terms := terms_of(query):
        table.db.execute("select rowid from fts where fts match ?", (expression_of(terms),)).fetchall()


@given(
    st.lists(
        st.sampled_from(['"', "*", "(", ")", "AND", "OR", "NOT", "NEAR", "+", "-", ":", "^", "{", "}", "a", " ", "\0"])
    )
)
def test_the_language_of_fts5_means_nothing(table: Table, pieces: list[str]) -> None:
    if terms := terms_of("".join(pieces)):
        table.db.execute("select rowid from fts where fts match ?", (expression_of(terms),)).fetchall()


@given(st.lists(WORDS, min_size=1, max_size=8), st.data())
def test_some_words_of_a_text_find_it(table: Table, words: list[str], data: st.DataObject) -> None:
    chosen = data.draw(st.lists(st.sampled_from(words), min_size=1))
    assert table.finds(" ".join(chosen), " ".join(words))


@given(st.lists(WORDS, min_size=2, max_size=8), st.integers(0, 6))
def test_a_phrase_is_words_in_a_row(table: Table, words: list[str], start: int) -> None:
    assert table.finds(f'"{" ".join(words[start : start + 3] or words)}"', " ".join(words))


@given(
    st.sampled_from(["parse", "file", "x1", "snake"]), st.text("._/-:()[]{}<>+=!#", min_size=1, max_size=3), st.data()
)
def test_code_finds_itself(table: Table, word: str, marks: str, data: st.DataObject) -> None:
    code = word + marks + data.draw(st.sampled_from(["", "name", "py", "2"]))
    assert table.finds(code, f"before {code} after")


@given(CJK, CJK, CJK)
def test_any_piece_of_chinese_japanese_and_korean_finds_its_text(table: Table, a: str, b: str, c: str) -> None:
    assert table.finds(b, a + b + c)
    assert table.finds(b, f"{a}{b}{c} and some English")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("connection", "connecti"), ("running", "runni"), ("happily", "happil"), ("organization", "organizat"),
        ("relational", "relationa"), ("files", "file"), ("created", "create"), ("testing", "testin"),
        ("foo.running", "foo.runni"), ("snake_casing", "snake_casi"), ("Überraschung", "uberrasch"),
    ],
)  # fmt: skip
def test_beginnings_find_words_whose_stem_is_shorter(table: Table, text: str, word: str) -> None:
    assert table.finds(word + "*", f"some {text} here")
    assert not table.finds(word + "x*", f"some {text} here")


@pytest.mark.parametrize(
    ("query", "text"), [("Zürich", "ZURICH"), ("ＡＢＣ", "abc"), ("ｶﾀｶﾅ", "カタカナ"), ("runs", "running")]
)
def test_width_accents_and_endings_make_no_difference(table: Table, query: str, text: str) -> None:
    assert table.finds(query, text)
    assert table.finds(text, query)


def test_the_parts_of_a_query() -> None:
    terms = terms_of('red "big dog" conn* "open end')
    assert terms == [
        Term("red"),
        Term("big dog", quoted=True),
        Term("conn", prefix=True),
        Term("open end", quoted=True),
    ]
    assert terms_of("++ -- !!! \0") == []
    assert [t.text for t in terms_of("a ++ b a")] == ["a", "b"]


def test_only_what_says_something_is_left_beside_meaning() -> None:
    assert [t.text for t in without_stop_words(terms_of('how do I parse "the file"'))] == ["parse", "the file"]
    assert [t.text for t in without_stop_words(terms_of("who am I"))] == ["am"]
    assert [t.text for t in without_stop_words(terms_of("to be or not"))] == ["to", "be", "or", "not"]


def test_a_text_with_half_a_character_can_be_indexed(table: Table) -> None:
    assert table.finds("after", "broken \ud800 after")
    assert terms_of("\udcff") == []
