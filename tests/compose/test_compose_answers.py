"""What an agent step gives and takes: answers, and values as messages."""

import copy
import pickle
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from kt import Media, Message, Text, TurnResult, tool
from kt.errors import UsageError
from kt.testing import ScriptedLLM
from kt_compose import Answer, agent, pure
from kt_compose.answers import message_of
from pydantic import BaseModel

pytestmark = pytest.mark.anyio


@dataclass
class Bird:
    name: str
    wings: int = 2


class Nest(BaseModel):
    eggs: int


def answer(text: str, *origins: str) -> Answer[None]:
    return Answer(text, TurnResult(text=text), origins)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a ü", "a ü"),
        (answer("b"), "b"),
        (3, "3"),
        (0.5, "0.5"),
        (True, "true"),
        ({"ü": [1, None]}, '{"ü": [1, null]}'),
        (["a", 1], '["a", 1]'),
        ([], "[]"),
        (Bird("owl", 3), '{"name": "owl", "wings": 3}'),
        (Nest(eggs=2), '{"eggs": 2}'),
        (date(2024, 5, 1), "2024-05-01"),
        (Path("a/b"), "a/b"),
        (("one", 2), "[1 of 2]\none\n\n[2 of 2]\n2\n\n"),
        (("x", ("y", "z")), "[1 of 2]\nx\n\n[2 of 2]\n[1 of 2]\ny\n\n\n\n[2 of 2]\nz\n\n"),
    ],
)
def test_every_value_becomes_a_message(value: object, text: str) -> None:
    message = message_of(value)
    assert (message.role, message.text) == ("user", text)
    assert all(type(part.text) is str for part in message.parts if isinstance(part, Text))


def test_messages_and_parts_stay_what_they_are() -> None:
    picture = Media("image/png", data=b"x")
    assert message_of(picture).parts == [picture]
    assert message_of([Text("a"), picture]).parts == [Text("a"), picture]
    message = Message("user", [Text("a")], id="m")
    assert message_of(message) == message
    assert message_of(message) is not message  # told twice, it is two messages of a conversation
    assert message_of(("look", picture)).parts == [Text("[1 of 2]\nlook\n\n"), Text("[2 of 2]\n"), picture]


@pytest.mark.parametrize("value", [None, b"png"])
def test_nothing_and_bytes_are_refused(value: object) -> None:
    with pytest.raises(UsageError, match="an agent can't be told"):
        message_of(value)


def test_an_answer_is_a_str_that_can_be_copied() -> None:
    one = answer("a", "web")
    assert one == "a"
    assert {one: 1}["a"] == 1
    for other in (copy.copy(one), copy.deepcopy(one), pickle.loads(pickle.dumps(one))):
        assert (other, other.result, other.origins) == ("a", one.result, {"web"})


def test_a_message_says_where_the_answers_in_it_came_from() -> None:
    two = message_of((answer("a", "web", "file"), "b"), ["mcp:x"])
    assert [part.origin for part in two.parts] == ["file mcp:x web", "mcp:x"]
    assert message_of({"found": [answer("a", "web")]}).parts[0].origin == "web"
    given = Message("user", [Text("a", origin="file")])
    assert message_of(given, ["web"]).parts[0].origin == "file web"
    assert given.parts[0].origin == "file"


async def test_what_an_agent_took_in_taints_the_next_whatever_a_function_makes_of_it() -> None:
    @tool
    def fetch() -> Any:
        """Fetch a page."""
        return Text("a page", origin="web")

    reader = agent({"name": "reader"}, llm=ScriptedLLM([[("fetch", {})], "it says x"]), tools=[fetch])
    writer = agent({"name": "writer"}, llm=ScriptedLLM(["a", "b"]))
    async with reader >> str.upper >> writer as pipeline:
        out = await pipeline("go")
        assert out.origins == {"web"}
        clean = await writer("again")
        assert clean.origins == {"web"}  # its conversation still has it


async def test_branches_do_not_taint_each_other() -> None:
    @tool
    def fetch() -> Any:
        """Fetch a page."""
        return Text("a page", origin="web")

    def named(name: str, *steps: Any) -> Any:
        return agent({"name": name}, llm=ScriptedLLM(steps), tools=[fetch])

    dirty = named("dirty", [("fetch", {})], "x") >> named("after", "y")
    clean = named("clean", "x") >> named("after clean", "y")
    last = named("last", "z")
    async with (dirty & clean) >> pure(lambda two: [one.origins for one in two]) as both:
        assert await both("go") == [{"web"}, frozenset()]
    async with (named("c", "x") & (named("d", [("fetch", {})], "x") >> len)) >> (lambda _: "plain") >> last as joined:
        assert (await joined("go")).origins == {"web"}
