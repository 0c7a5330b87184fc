"""Typed output: the answer fits the type, or the model is asked again, or the turn says that none did."""

import json
from dataclasses import dataclass
from typing import Any, Literal

import pytest
from kt import Status, tool
from kt.errors import ConfigError
from kt.events import LLMRestarted
from kt.testing import EventRecorder, ScriptedLLM, running
from kt_output.plugin import OutputError
from pydantic import BaseModel, Field

pytestmark = pytest.mark.anyio


class City(BaseModel):
    name: str
    people: int = Field(gt=0)


class Country(BaseModel):
    cities: list[City]


@dataclass
class Point:
    x: int
    y: int = 0


@tool
def look(what: str) -> str:
    """Look."""
    return f"saw {what}"


@pytest.mark.parametrize(
    ("kind", "answer", "output"),
    [
        (City, '{"name": "Bern", "people": 134000}', City(name="Bern", people=134000)),
        (
            Country,
            '{"cities": [{"name": "Bern", "people": 134000}]}',
            Country(cities=[City(name="Bern", people=134000)]),
        ),
        (Point, '{"x": 3}', Point(3, 0)),
        (list[int], '{"value": [1, 2]}', [1, 2]),
        (list[int], "[1, 2]", [1, 2]),
        (int, '{"value": 7}', 7),
        (int, "7", 7),
        (Literal["yes", "no"], '{"value": "no"}', "no"),
        (Literal["yes", "no"], '"no"', "no"),
        (str, '"text"', "text"),
        (bool, "false", False),
        (None | int, "null", None),
        (dict[str, int], '{"a": 1}', {"a": 1}),
        (dict[str, int], '{"value": 1}', {"value": 1}),
        (list[Point], '{"value": [{"x": 1}, {"x": 2, "y": 3}]}', [Point(1), Point(2, 3)]),
        (City | Point, '{"x": 1}', Point(1)),
        (City, '```json\n{"name": "Bern", "people": 1}\n```', City(name="Bern", people=1)),
        (City, '\n```\n{"name": "Bern", "people": 1}\n```\n', City(name="Bern", people=1)),
        (str, '"```json\\n1\\n```"', "```json\n1\n```"),
    ],
)
async def test_an_answer_that_fits_is_the_output(kind: Any, answer: str, output: Any) -> None:
    llm = ScriptedLLM([answer])
    async with running(llm, output_type=kind) as agent:
        result = await agent.run("go")
    assert result.status is Status.ok
    assert result.output == output
    assert type(result.output) is type(output)
    assert result.text == answer
    assert len(llm.requests) == 1


async def test_the_schema_is_in_the_prompt_of_a_model_that_cannot_enforce_it() -> None:
    llm = ScriptedLLM(['{"x": 1}'])
    async with running(llm, output_type=Point, creature={"name": "t", "prompt": "Be exact."}) as agent:
        await agent.run("go")
        assert agent.system == "Be exact."
    (request,) = llm.requests
    assert request.system.startswith("Be exact.\n\nGive your final answer as JSON only")
    assert json.dumps(request.output_schema) in request.system
    assert request.output_schema["properties"]["x"] == {"title": "X", "type": "integer"}


async def test_the_schema_is_sent_to_a_model_that_enforces_it() -> None:
    llm = ScriptedLLM(['{"value": [1]}'])
    llm.enforces_schema = True
    async with running(llm, output_type=list[int]) as agent:
        assert (await agent.run("go")).output == [1]
    (request,) = llm.requests
    assert request.system == ""
    assert request.output_schema == {
        "type": "object", "properties": {"value": {"items": {"type": "integer"}, "type": "array"}},
        "required": ["value"], "additionalProperties": False,
    }  # fmt: skip


async def test_a_schema_with_definitions_keeps_them_at_its_top() -> None:
    llm = ScriptedLLM(['{"value": []}'])
    async with running(llm, output_type=list[City]) as agent:
        await agent.run("go")
    schema = llm.requests[0].output_schema
    assert schema["properties"]["value"]["items"]["$ref"] == "#/$defs/City"
    assert "City" in schema["$defs"]


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        ("The city is Bern.", "it is not JSON"),
        ("", "it is not JSON"),
        ('{"name": "Bern"}', "people: Field required"),
        ('{"name": "Bern", "people": -1}', "people: Input should be greater than 0"),
        ("[1]", "the value: Input should be an object"),
        ('{"name": "Bern", "people": NaN}', "people"),
        ("Here you are: {}", "it is not JSON"),
    ],
)
async def test_an_answer_that_does_not_fit_is_asked_for_again(bad: str, problem: str) -> None:
    llm = ScriptedLLM([bad, '{"name": "Bern", "people": 1}'])
    async with running(llm, output_type=City) as agent:
        recorder = EventRecorder(agent)
        result = await agent.run("go")
        assert result.output == City(name="Bern", people=1)
        assert [m.text for m in agent.history] == ["go", '{"name": "Bern", "people": 1}']
    answer, again = llm.requests[1].messages[-2:]
    assert (answer.role, answer.text) == ("assistant", bad)
    assert again.role == "user"
    assert problem in again.text
    assert result.turns == 2
    assert len(recorder.of(LLMRestarted)) == (1 if bad else 0)


async def test_every_attempt_counts_in_the_usage() -> None:
    llm = ScriptedLLM(["one two three", "four five", "7"])
    async with running(llm, output_type=int) as agent:
        result = await agent.run("go")
    assert result.usage.output == 3 + 2 + 1
    assert result.usage.input == sum(
        len(r.system.split()) + sum(len(m.text.split()) for m in r.messages) for r in llm.requests
    )


async def test_after_three_answers_the_turn_says_that_none_fitted() -> None:
    llm = ScriptedLLM(["a", "b", "c", "7"])
    async with running(llm, output_type=int) as agent:
        result = await agent.run("go")
        assert result.status is Status.failed
        assert isinstance(result.error, OutputError)
        assert "no answer of 3 fitted" in str(result.error)
        assert result.output is None
        assert result.usage.output == 3
        assert (await agent.run("again")).output == 7
    with pytest.raises(OutputError):
        result.unwrap()


async def test_the_number_of_attempts_is_a_setting() -> None:
    llm = ScriptedLLM(["a", "b"])
    async with running(llm, output_type=int, plugins=[{"output": {"attempts": 1}}]) as agent:
        assert isinstance((await agent.run("go")).error, OutputError)
    assert len(llm.requests) == 1


async def test_tools_run_before_the_final_answer() -> None:
    llm = ScriptedLLM([[("look", {"what": "Bern"})], '{"x": 1}'])
    async with running(llm, output_type=Point, tools=[look]) as agent:
        result = await agent.run("go")
    assert result.output == Point(1)
    assert [r.result for r in result.tool_calls] == ["saw Bern"]
    assert [r.output_schema for r in llm.requests] == [llm.requests[0].output_schema] * 2


async def test_a_model_that_is_asked_again_may_look_first() -> None:
    llm = ScriptedLLM(["no idea", [("look", {"what": "Bern"})], '{"x": 1}'])
    async with running(llm, output_type=Point, tools=[look]) as agent:
        assert (await agent.run("go")).output == Point(1)


async def test_an_output_is_its_own_turns() -> None:
    async with running(["1", ConnectionError("gone"), "3"], output_type=int) as agent:
        assert (await agent.run("go")).output == 1
        assert (await agent.run("go")).output is None
        assert (await agent.run("go")).output == 3


async def test_without_a_type_there_is_no_output_and_no_schema() -> None:
    llm = ScriptedLLM(["7"])
    async with running(llm) as agent:
        assert (await agent.run("go")).output is None
    assert (llm.requests[0].output_schema, llm.requests[0].system) == (None, "")


@pytest.mark.parametrize("kind", [object(), "City", 3])
async def test_what_is_no_type_is_refused_at_build(kind: Any) -> None:
    with pytest.raises(ConfigError):
        async with running([], output_type=kind):
            pass


async def test_a_class_without_a_schema_is_refused_by_name() -> None:
    class Plain:
        pass

    with pytest.raises(ConfigError, match="Plain"):
        async with running([], output_type=Plain):
            pass
