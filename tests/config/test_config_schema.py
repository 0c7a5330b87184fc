"""The JSON Schema of a creature file: what is shipped is what the classes make, and it takes what the loader takes."""

import json
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import kt_config
import pytest
import yaml
from kt import Plugins
from kt.errors import DataError
from kt_config.creatures import load
from kt_config.inheritance import KEYS
from kt_config.schema import creature

ROOT = Path(__file__).parents[2]
SHIPPED = Path(str(kt_config.__file__)).parent / "creature.schema.json"
FOUND = sorted(
    file
    for folder in (ROOT / "plugins" / "biome", ROOT / "docs" / "examples", Path(__file__).parent / "golden")
    for ending in ("yaml", "toml")
    for file in folder.rglob(f"creature.{ending}")
)


def valid(data: Any) -> bool:
    return bool(jsonschema.Draft202012Validator(creature()).is_valid(data))


def test_the_shipped_schema_is_the_one_that_the_classes_make() -> None:
    assert json.loads(SHIPPED.read_text()) == creature(), f"kt schema creature > {SHIPPED.relative_to(ROOT)}"
    assert Plugins().registry.get("schema", "creature") is creature


def test_it_has_every_key_and_tells_what_each_is() -> None:
    made = creature()
    jsonschema.Draft202012Validator.check_schema(made)
    assert list(made["properties"]) == list(KEYS)
    assert all(each["description"] for each in made["properties"].values())


@pytest.mark.parametrize("file", FOUND, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_creature_of_ours_fits(file: Path) -> None:
    text = file.read_text()
    jsonschema.validate(tomllib.loads(text) if file.suffix == ".toml" else yaml.safe_load(text), creature())


def test_there_are_creatures_to_check() -> None:
    assert len(FOUND) >= 8


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "name: x\ndescription: y\nllm: {base_url: http://x, model: y}",
        "plugins: [a, {b: {x: 1}}]",
        "plugins: {a: , b: {x: 1}}",
        "limits: {max_turns: '${TURNS:5}', time_limit: 1.5, max_tokens: }",
        "variants: {compact: {prompt: x, tools: [a], subagents: []}, wide: null}",
        "tools: ['no:a', ./t.py:b]\nguards: [a]",
        "input: stdin",
        "input: {name: file, path: x}",
        "input: [stdin, {name: file}]",
        "base: ./b.yaml\nno_inherit: [triggers, needs]\nprompt_mode: replace\ntools: null\nprompt: null",
        "variables: {a: 1, b: x, c: true, d: null}\nneeds: {net: [x], exec: null}",
    ],
)
def test_what_the_loader_takes_fits(plugins: Plugins, tmp_path: Path, text: str) -> None:
    (tmp_path / "b.yaml").write_text("tools: [a]\n")
    (tmp_path / "c.yaml").write_text(text if "no:a" not in text else f"base: ./b.yaml\n{text}")
    load(plugins, tmp_path / "c.yaml")
    assert valid(yaml.safe_load(text))


@pytest.mark.parametrize(
    "text",
    [
        "nam: x",
        "name: [x]",
        "tools: read",
        "tools: [3]",
        "plugins: [3]",
        "plugins: {a: 3}",
        "guards: null",
        "limits: {max_turn: 1}",
        "limits: {max_turns: many}",
        "variants: {a: {prompts: x}}",
        "prompt_mode: before",
        "no_inherit: [guards]",
        "variables: {a: [1]}",
        "needs: {nett: []}",
        "needs: {net: x}",
    ],
)
def test_what_the_loader_refuses_does_not_fit(plugins: Plugins, tmp_path: Path, text: str) -> None:
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(DataError):
        load(plugins, tmp_path / "c.yaml")
    assert not valid(yaml.safe_load(text))
