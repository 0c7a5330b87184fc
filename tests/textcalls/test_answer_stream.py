"""The answer's text comes out of streaming JSON, wherever the pieces are cut."""

import json

from hypothesis import given
from hypothesis import strategies as st
from kt_textcalls.answers import AnswerStream

TEXTS = st.text(st.characters(exclude_categories=("Cs",)))


def cut(text: str, points: list[int]) -> list[str]:
    places = sorted({p % (len(text) + 1) for p in points})
    return [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True)]


def shown(pieces: list[str]) -> str:
    stream = AnswerStream()
    return "".join(stream.feed(piece) for piece in pieces)


@given(TEXTS, st.booleans(), st.lists(st.integers(0, 500), max_size=20))
def test_an_answer_comes_out_whole_under_any_cut(text: str, escaped: bool, points: list[int]) -> None:
    action = json.dumps({"answer": text}, ensure_ascii=escaped)
    assert shown(cut(action, points)) == text


@given(TEXTS.filter(lambda t: t.strip() and t.strip()[0] not in "{`"), st.lists(st.integers(0, 500), max_size=20))
def test_text_that_is_no_action_passes_as_it_is(text: str, points: list[int]) -> None:
    assert shown(cut(text, points)) == text


@given(st.lists(st.integers(0, 500), max_size=20))
def test_a_tool_action_shows_nothing(points: list[int]) -> None:
    assert shown(cut('{"tool": "read", "arguments": {"path": "answer"}}', points)) == ""


def test_a_lone_surrogate_does_no_harm() -> None:
    assert shown(['{"answer": "a\\ud83d', 'b"}']) == "a\ufffdb"


def test_text_arrives_before_the_action_ends() -> None:
    stream = AnswerStream()
    assert [stream.feed(p) for p in ('{"ans', 'wer": "Hel', "lo\\", 'n"', "}")] == ["", "Hel", "lo", "\n", ""]
