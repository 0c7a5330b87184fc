"""Tool calls of Chat Completions, in all the ways in which services cut them up."""

from typing import Any

import pytest
from chat_script import delta, feed, piece, played
from kt import ToolCall
from kt.events import ToolCallDelta
from kt_http.errors import Malformed
from kt_openai.chat_reply import ChatReply


def calls(*pieces: dict[str, Any], finish: str | None = "tool_calls") -> list[tuple[str, str, str]]:
    reply, _ = played(*(delta(tool_calls=[p]) for p in pieces), delta(finish))
    return [(c.id, c.name, c.args_text) for c in reply.finish().tool_calls]


def test_fragments_of_parallel_calls_are_joined_by_index() -> None:
    got = calls(
        piece("", id="a", name="f", index=0),
        piece('{"x"', index=0),
        piece("", id="b", name="g", index=1),
        piece(": 1}", index=0),
        piece("{}", index=1),
    )
    assert got == [("a", "f", '{"x": 1}'), ("b", "g", "{}")]


def test_arguments_are_kept_byte_for_byte() -> None:
    odd = '{ "a" :1.0,"a": 2 , "é":"\\u00e9" }\n'
    assert calls(piece(odd[:9], id="a", name="f", index=0), piece(odd[9:], index=0))[0][2] == odd
    assert calls(piece('{"cut', id="a", name="f", index=0))[0][2] == '{"cut'


@pytest.mark.parametrize("index", [{}, {"index": None}, {"index": 0}], ids=["missing", "null", "always 0"])
def test_calls_without_a_usable_index_are_told_apart_by_id_and_name(index: dict[str, Any]) -> None:
    got = calls(
        piece('{"n":', id="a", name="f", **index), piece("1}", **index), piece('{"n": 2}', id="b", name="f", **index)
    )
    assert got == [("a", "f", '{"n":1}'), ("b", "f", '{"n": 2}')]


def test_id_and_name_repeated_in_every_fragment_are_one_call() -> None:
    assert calls(*(piece(a, id="a", name="f", index=0) for a in ("{", '"x":', "1}"))) == [("a", "f", '{"x":1}')]


def test_a_new_id_on_every_fragment_without_a_name_is_one_call() -> None:
    got = calls(piece("{", id="a", name="f", index=0), piece('"x":', id="b", index=0), piece("1}", id="c", index=0))
    assert got == [("a", "f", '{"x":1}')]


@pytest.mark.parametrize("id", [None, ""])
def test_calls_without_ids_get_ids_of_their_own(id: str | None) -> None:
    got = calls(piece('{"n":1}', id=id, name="f", index=0), piece('{"n":2}', id=id, name="f", index=0))
    assert [(name, args) for _, name, args in got] == [("f", '{"n":1}'), ("f", '{"n":2}')]
    assert len({id for id, _, _ in got} - {""}) == 2


@pytest.mark.parametrize("index", [{}, {"index": 7}, {"index": "0"}])
def test_a_fragment_of_a_call_that_was_not_opened_is_malformed(index: dict[str, Any]) -> None:
    reply, opened = ChatReply(), delta(tool_calls=[piece("{", id="a", name="f", index=0)])
    if index:
        feed(reply, opened)
    with pytest.raises(Malformed, match="not opened"):
        feed(reply, delta(tool_calls=[piece("}", **index)]))


def test_arguments_that_are_an_object_become_text() -> None:
    assert calls(piece({"x": "é"}, id="a", name="f", index=0)) == [("a", "f", '{"x": "é"}')]


@pytest.mark.parametrize("finish", ["stop", "tool_calls", "eos", None])
def test_calls_decide_that_the_finish_is_tool_calls(finish: str | None) -> None:
    reply, _ = played(delta(tool_calls=[piece("{}", id="a", name="f", index=0)]), delta(finish))
    message = reply.finish()
    assert (message.finish, message.finish_raw) == ("tool_calls", finish or "")


def test_a_complete_call_is_shown_when_the_next_starts_and_is_the_one_in_the_message() -> None:
    reply, out = played(
        delta(tool_calls=[piece('{"x":1}', id="a", name="f", index=0)]),
        delta(tool_calls=[piece("{", id="b", name="g", index=1)]),
        done=False,
    )
    assert out[:2] == [ToolCallDelta("a", '{"x":1}', "f"), ToolCall("a", "f", '{"x":1}')]
    rest = [d for chunk in (delta(tool_calls=[piece("}", index=1)]), delta("tool_calls")) for d in feed(reply, chunk)]
    assert [d for d in rest if isinstance(d, ToolCall)] == [ToolCall("b", "g", "{}")]
    assert reply.finish().tool_calls[0] is out[1]


def test_a_call_that_is_cut_is_not_shown_as_complete() -> None:
    for finish, args in (("length", "{}"), ("tool_calls", '{"x":')):
        _, out = played(delta(tool_calls=[piece(args, id="a", name="f", index=0)]), delta(finish), done=False)
        assert not [d for d in out if isinstance(d, ToolCall)]


def test_a_call_that_grew_after_it_was_shown_is_another_one_in_the_message() -> None:
    reply, out = played(
        delta(tool_calls=[piece(id="a", name="f", index=0)]),
        delta(tool_calls=[piece("{}", id="b", name="g", index=1)]),
        delta(tool_calls=[piece('{"late":1}', index=0)]),
        delta("tool_calls"),
    )
    assert [d.args_text for d in out if isinstance(d, ToolCall) and d.name == "f"] == [""]
    assert reply.finish().tool_calls[0].args_text == '{"late":1}'
