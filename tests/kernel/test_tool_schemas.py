"""The decorator and the schemas: what the model is told about a function, and what the function then gets."""

import enum
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Any, Literal

import kt
import pytest
from kt import Context, Tool, tool
from kt.errors import ConfigError
from kt.testing import running
from pydantic import BaseModel, Field

pytestmark = pytest.mark.anyio


@dataclass
class Point:
    x: float
    y: float = 0.0


class Person(BaseModel):
    name: str
    age: int = Field(ge=0)


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


def properties(made: Tool) -> Any:
    return made.parameters["properties"]


def test_a_bare_decorator_takes_name_description_and_annotations() -> None:
    @tool
    def count_words(text: str, times: int = 1) -> str:
        """Count the words in a text."""
        return str(len(text.split()) * times)

    assert isinstance(count_words, Tool)
    assert (count_words.name, count_words.description) == ("count_words", "Count the words in a text.")
    assert count_words.parameters == {
        "type": "object",
        "properties": {"text": {"type": "string"}, "times": {"type": "integer", "default": 1}},
        "required": ["text"],
        "additionalProperties": False,
    }
    assert count_words("one two") == "2", "a tool is called like its function"


def test_options_of_the_decorator() -> None:
    @kt.tool(
        name="run",
        description="Run it.",
        effect="read",
        parallel=False,
        blocking=True,
        needs=kt.ToolNeeds(exec=("any",)),
    )
    def function() -> None:
        """Not this."""

    assert (function.name, function.description, function.effect) == ("run", "Run it.", "read")
    assert (function.parallel, function.blocking, function.needs.exec) == (False, True, ("any",))


def test_defaults_are_the_careful_ones() -> None:
    @tool
    def function() -> None: ...

    assert (function.effect, function.parallel, function.blocking, function.background) == ("once", True, False, False)


def test_an_unknown_effect_is_refused() -> None:
    with pytest.raises(ConfigError, match="effect 'safe' is none of read, idempotent, once"):
        tool(effect="safe")(lambda: None)  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("annotation", "schema", "given", "taken"),
    [
        (str, {"type": "string"}, "a", "a"),
        (bool, {"type": "boolean"}, True, True),
        (list[int], {"type": "array", "items": {"type": "integer"}}, [1, 2], [1, 2]),
        (dict[str, int], {"type": "object", "additionalProperties": {"type": "integer"}}, {"a": 1}, {"a": 1}),
        (Literal["a", "b"], {"type": "string", "enum": ["a", "b"]}, "b", "b"),
        (int | str, {"anyOf": [{"type": "integer"}, {"type": "string"}]}, "x", "x"),
        (date, {"type": "string", "format": "date"}, "2026-02-03", date(2026, 2, 3)),
        (tuple[str, ...], {"type": "array", "items": {"type": "string"}}, ["a"], ("a",)),
        (Annotated[int, Field(ge=1)], {"type": "integer", "minimum": 1}, 3, 3),
    ],
)
def test_types_become_schemas_and_values(annotation: Any, schema: Any, given: Any, taken: Any) -> None:
    def function(value: Any) -> None: ...

    function.__annotations__["value"] = annotation
    made = tool(function)
    assert properties(made)["value"] == schema
    assert made.bind({"value": given}) == {"value": taken}


@pytest.mark.parametrize(("annotation", "value"), [(Point, Point(1, 0)), (Person, Person(name="A", age=1))])
def test_structured_arguments_arrive_as_objects(annotation: Any, value: Any) -> None:
    def function(thing: Any) -> None: ...

    function.__annotations__["thing"] = annotation
    made = tool(function)
    given = {"x": 1} if annotation is Point else {"name": "A", "age": 1}
    assert made.bind({"thing": given}) == {"thing": value}
    definition = made.parameters["$defs"][annotation.__name__]
    assert set(definition["properties"]) == {"x", "y"} if annotation is Point else {"name", "age"}
    with pytest.raises(ValueError, match="thing"):
        made.bind({"thing": {"x": "west", "age": -1}})


def test_an_enum_takes_its_values() -> None:
    @tool
    def paint(colour: Colour = Colour.RED) -> None: ...

    assert paint.parameters["$defs"]["Colour"]["enum"] == ["red", "blue"]
    assert paint.bind({"colour": "blue"}) == {"colour": Colour.BLUE}
    assert paint.bind({}) == {"colour": Colour.RED}


def test_optional_values_need_no_null_branch() -> None:
    @tool
    def find(name: str, limit: int | None = None) -> None: ...

    assert properties(find)["limit"] == {"type": "integer"}
    assert find.parameters["required"] == ["name"]
    assert find.bind({"name": "a"}) == {"name": "a", "limit": None}
    assert find.bind({"name": "a", "limit": None}) == {"name": "a", "limit": None}


def test_a_mutable_default_is_not_shared_between_calls() -> None:
    @tool
    def collect(items: list[str] = []) -> None: ...  # noqa: B006

    collect.bind({})["items"].append("x")
    assert collect.bind({}) == {"items": []}


def test_defaults_of_structured_types_are_shown() -> None:
    @tool
    def plot(at: Point = Point(1, 2), on: date = date(2026, 1, 2)) -> None: ...

    assert properties(plot)["at"]["default"] == {"x": 1, "y": 2}
    assert properties(plot)["on"]["default"] == "2026-01-02"


def test_a_parameter_called_title_or_default_stays() -> None:
    @tool
    def publish(title: str, default: str = "") -> None: ...

    assert list(properties(publish)) == ["title", "default"]
    assert properties(publish)["title"] == {"type": "string"}


@pytest.mark.parametrize("name", ["json", "copy", "schema", "model_config", "_private", "validate"])
def test_a_parameter_may_have_any_name(name: str) -> None:
    space: dict[str, Any] = {}
    exec(f"def function({name}: str) -> str: return {name}", space)
    made = tool(space["function"])
    assert list(properties(made)) == [name]
    assert made(**made.bind({name: "value"})) == "value"


def test_names_that_look_like_the_kernels_own_do_not_collide() -> None:
    @tool
    def query(schema: str, p_schema: str) -> str:
        return schema + p_schema

    assert list(properties(query)) == ["schema", "p_schema"]
    assert query(**query.bind({"schema": "a", "p_schema": "b"})) == "ab"


def test_a_method_is_a_tool_without_its_self() -> None:
    class Shop:
        def price(self, item: str) -> str:
            return f"{item}: 3"

    made = tool(Shop().price)
    assert list(properties(made)) == ["item"]
    assert made(**made.bind({"item": "tea"})) == "tea: 3"


def test_a_nested_description_called_title_is_no_title_to_drop() -> None:
    @dataclass
    class Book:
        title: str
        default: str | None = None

    def function(book: Any) -> None: ...

    function.__annotations__["book"] = Book
    assert list(tool(function).parameters["$defs"]["Book"]["properties"]) == ["title", "default"]


GOOGLE = """Copy a file.

Never follows links.

Args:
    source (str): Where it is,
        from the root.
    target: Where it goes.

Returns:
    Nothing: not a parameter.
"""
FIELDS = """Copy a file.

Never follows links.

:param source: Where it is, from the root.
:param str target: Where it goes.
"""


@pytest.mark.parametrize("docstring", [GOOGLE, FIELDS])
def test_docstrings_describe_the_parameters(docstring: str) -> None:
    def copy(source: str, target: str = "") -> None: ...

    copy.__doc__ = docstring
    made = tool(copy)
    assert made.description == "Copy a file.\n\nNever follows links."
    assert properties(made)["source"]["description"] == "Where it is, from the root."
    assert properties(made)["target"]["description"] == "Where it goes."
    assert "Nothing" not in properties(made)


def test_an_annotation_may_describe_the_parameter() -> None:
    @tool
    def find(limit: Annotated[int, Field(description="how many")] = 3) -> None:
        """Find."""

    assert properties(find)["limit"]["description"] == "how many"


@dataclass
class Deps:
    names: list[str] = field(default_factory=list)


async def test_the_context_is_no_parameter_and_brings_the_callers_deps() -> None:
    @tool
    def plain(ctx: Context, name: str) -> str:  # type: ignore[type-arg]
        return f"{ctx.call.id} {ctx.agent.name} {name}"

    @tool
    async def typed(ctx: kt.Context[Deps], name: str) -> str:
        ctx.deps.names.append(name)
        return str(ctx.pwd)

    assert list(properties(plain)) == list(properties(typed)) == ["name"]
    deps = Deps()
    calls = [[("plain", {"name": "a"}), ("typed", {"name": "b"})], "done"]
    async with running(calls, tools=[plain, typed], deps=deps) as agent:
        result = await agent.run("go")
        assert [c.result for c in result.tool_calls] == ["call_1 test a", str(agent.pwd)]
        assert deps.names == ["b"]


def test_a_context_in_a_string_annotation_is_one() -> None:
    def function(ctx: "kt.Context[Deps]", name: "str") -> None: ...

    assert list(properties(tool(function))) == ["name"]


def test_background_adds_an_argument_that_the_function_does_not_see() -> None:
    @tool(background=True)
    def build(target: str) -> None: ...

    assert properties(build)["run_in_background"]["type"] == "boolean"
    assert build.bind({"target": "a", "run_in_background": True}) == {"target": "a"}


def test_complaints_name_each_argument() -> None:
    @tool
    def move(x: int, y: int) -> None: ...

    with pytest.raises(ValueError) as caught:
        move.bind({"x": "west", "z": 1})
    assert {e["loc"] for e in caught.value.errors()} == {("x",), ("y",), ("z",)}  # type: ignore[attr-defined]
