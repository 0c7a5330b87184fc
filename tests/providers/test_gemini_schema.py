"""From JSON schema to the subset that Google's `parameters` takes."""

from typing import Any, Literal, Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kt_gemini.schema import reduced
from pydantic import BaseModel, Field


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (
            {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": False, "$id": "x"},
            {"type": "object", "properties": {"a": {"type": "string"}}},
        ),
        ({"const": "a"}, {"type": "string", "enum": ["a"]}),
        ({"const": 5}, {"type": "integer"}),
        ({"const": True}, {"type": "boolean"}),
        ({"const": 0.5}, {"type": "number"}),
        ({"const": None}, {"type": "string", "nullable": True}),
        ({"enum": ["a", None]}, {"type": "string", "enum": ["a"], "nullable": True}),
        ({"enum": [1, 2], "type": "integer"}, {"type": "integer"}),
        ({"type": ["string", "null"]}, {"type": "string", "nullable": True}),
        ({"type": ["string", "integer"]}, {"anyOf": [{"type": "string"}, {"type": "integer"}]}),
        (
            {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None, "title": "N"},
            {"type": "integer", "nullable": True, "default": None, "title": "N"},
        ),
        (
            {"oneOf": [{"type": "string"}, {"type": "integer"}, {"type": "null"}]},
            {"anyOf": [{"type": "string"}, {"type": "integer"}], "nullable": True},
        ),
        (
            {"$defs": {"p/q": {"type": "string"}}, "type": "array", "items": {"$ref": "#/$defs/p~1q", "title": "T"}},
            {"type": "array", "items": {"type": "string", "title": "T"}},
        ),
        ({"type": "array"}, {"type": "array", "items": {}}),
        ({"$ref": "https://elsewhere.test/schema"}, {}),
        (
            {"allOf": [{"properties": {"a": {"type": "string"}}}, {"type": "object", "properties": {"b": True}}]},
            {"type": "object", "properties": {"a": {"type": "string"}, "b": {}}},
        ),
    ],
)
def test_each_form_has_its_place_in_the_subset(schema: Any, expected: Any) -> None:
    assert reduced(schema) == expected


def test_what_refers_to_itself_ends() -> None:
    node = {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}, "v": {"type": "string"}}}
    inner = {"type": "object", "properties": {"next": {"type": "object"}, "v": {"type": "string"}}}
    assert reduced({"$defs": {"node": node}, "$ref": "#/$defs/node"}) == inner


class Leaf(BaseModel):
    kind: Literal["leaf"]
    value: int = Field(gt=0)


class Tree(BaseModel):
    children: "list[Tree | Leaf]" = []
    label: Optional[str] = None  # noqa: UP045
    table: dict[str, int] = {}


def test_googles_sdk_takes_what_comes_of_a_model() -> None:
    types = pytest.importorskip("google.genai.types", reason="install the development dependency google-genai")
    types.Schema.model_validate(reduced(Tree.model_json_schema()))


_SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
_KEYS = st.sampled_from(["type", "properties", "items", "anyOf", "allOf", "const", "enum", "$ref", "$defs", "x"])
_ANY = st.recursive(_SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4))


@given(st.dictionaries(_KEYS, _ANY, max_size=5))
def test_no_schema_breaks_it(schema: dict[str, Any]) -> None:
    assert isinstance(reduced(schema), dict)
