"""Function calls of Gemini: whole ones, and those whose arguments come in pieces."""

import json
from typing import Any

import pytest
from gemini_script import back, call, chunk, played, told
from kt import ToolCall
from kt.events import ToolCallDelta
from kt_http.errors import Malformed


def test_a_call_is_shown_whole_under_an_id_of_ours() -> None:
    reply, deltas = played(chunk(call("f", {"a": "é"}), call("f", {"a": "é"})), chunk(finish="STOP"))
    fragments, calls = deltas[::2], deltas[1::2]
    message = reply.finish()
    assert [c is p for c, p in zip(calls, message.parts, strict=True)] == [True, True]
    assert fragments == [ToolCallDelta(c.id, '{"a":"é"}', "f") for c in calls]
    assert len({c.id for c in calls}) == 2
    assert back(message) == [call("f", {"a": "é"}), call("f", {"a": "é"})]


def test_a_call_keeps_its_id_its_signature_and_what_nobody_knows() -> None:
    sent: list[Any] = [
        {**call("f", {"n": 1}, id="fc-1"), "thoughtSignature": "S"},
        call("g", {}),
        call("h"),
        {"functionCall": {"name": "i", "args": None, "willContinue": False}, "novel": 1},
        call("j", '{"text": 1}'),
    ]
    message = told(chunk(*sent, finish="STOP"))
    assert [c.args_text for c in message.tool_calls] == ['{"n":1}', "{}", "", "", '{"text": 1}']
    assert message.tool_calls[0].id == "fc-1"
    assert back(message) == sent


def test_arguments_in_pieces_are_put_where_their_paths_say() -> None:
    pieces: list[Any] = [
        {"jsonPath": "$.city", "stringValue": "Bos", "willContinue": True},
        {"jsonPath": "$.city", "stringValue": 'ton "}'},
        {"jsonPath": "$.days[0].n", "numberValue": 3},
        {"jsonPath": "$.days[1]", "boolValue": False},
        {"jsonPath": "$['a b'][\"c.d\"]", "nullValue": "NULL_VALUE"},
        {"jsonPath": "$.list[0][1]", "stringValue": ""},
        {"jsonPath": "$.city"},
    ]
    parts = [call(partialArgs=[piece], willContinue=True) for piece in pieces]
    start = {**call("f", willContinue=True), "thoughtSignature": "S"}
    reply, deltas = played(*map(chunk, [start, *parts, {"functionCall": {}}]), chunk(finish="STOP"))
    (made,) = reply.finish().tool_calls
    expected = {
        "city": 'Boston "}',
        "days": [{"n": 3}, False],
        "a b": {"c.d": None},
        "list": [[None, ""]],
    }
    assert json.loads(made.args_text) == expected
    assert deltas[-1] is made
    assert "".join(d.text for d in deltas[:-1]) == made.args_text
    assert len(deltas) > 6
    assert back(reply.finish()) == [{**call("f", expected), "thoughtSignature": "S"}]


def test_pieces_may_come_in_one_part_and_the_next_call_ends_the_last() -> None:
    piece = {"jsonPath": "$.a", "stringValue": "x"}
    first = call("f", partialArgs=[piece], willContinue=True)
    again = call("f", partialArgs=[{**piece, "stringValue": "y"}], willContinue=True)
    message = told(chunk(first), chunk(again), chunk(call("g", partialArgs=[piece])), chunk(finish="STOP"))
    assert [(c.name, c.args_text) for c in message.tool_calls] == [("f", '{"a":"xy"}'), ("g", '{"a":"x"}')]


def test_a_call_that_is_cut_has_no_arguments_that_can_be_read() -> None:
    piece = call(partialArgs=[{"jsonPath": "$.a", "stringValue": "rm -rf /"}], willContinue=True)
    for parts, finish in (([piece], "MAX_TOKENS"), ([], "MAX_TOKENS"), ([piece], None)):
        reply, deltas = played(chunk(call("f", willContinue=True)), chunk(*parts, finish=finish))
        (made,) = reply.message().tool_calls
        with pytest.raises(ValueError):
            json.loads(made.args_text)
        assert not [d for d in deltas if isinstance(d, ToolCall)]
    whole = told(chunk(call("f", willContinue=True)), chunk(piece, finish="STOP"))
    assert whole.tool_calls[0].args_text == '{"a":"rm -rf /"}'


def test_a_call_that_is_ended_twice_is_one_call() -> None:
    end = chunk({"functionCall": {}})
    message = told(chunk(call("f", willContinue=True)), end, end, chunk(finish="STOP"))
    assert [(c.name, c.args_text) for c in message.tool_calls] == [("f", "")]


def test_pieces_may_repeat_the_name_and_the_id_and_another_id_is_another_call() -> None:
    piece = {"partialArgs": [{"jsonPath": "$.a", "stringValue": "x"}], "willContinue": True}
    one, two = (call("f", id=id, **piece) for id in ("i", "j"))
    message = told(*map(chunk, [one, one, call(id="i", **piece), two, call(id="j")]), chunk(finish="STOP"))
    assert [(c.id, c.args_text) for c in message.tool_calls] == [("i", '{"a":"xxx"}'), ("j", '{"a":"x"}')]


@pytest.mark.parametrize("path", ["city", "$", "$.a[", "$..a", "$[-1]", "$[0]", "$.a[999999999]", "", 5, None])
def test_a_path_that_leads_nowhere_is_malformed(path: Any) -> None:
    piece = call("f", partialArgs=[{"jsonPath": path, "stringValue": "x"}])
    with pytest.raises(Malformed):
        played(chunk(piece))
