"""The skill `terrarium` is true: its examples run, it names all there is, and nothing that is not."""

import asyncio
import contextlib
import io
import re
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

import kt_skills
import pytest
from kt import Host, KTError, Plugins, ToolNeeds
from kt_cli.main import dispatch
from kt_config import settings
from kt_skills.find import find_skills
from kt_skills.folder import files_of

from ..docs.test_docs_complete import HOOKS, SOURCES
from ..test_docs import Page, blocks, folder, page, runs

__all__ = ["folder", "page"]
"""Fixtures that pages of documentation run in."""

SKILL = Path(kt_skills.__file__).parent / "skills" / "terrarium"
REFERENCES = sorted((SKILL / "references").glob("*.md"))
CODE = re.compile(r"`([^`]+)`")
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
ARGUMENT = re.compile(r"(\*\*)?([a-z_]+)(?:\*\*)?(?: \([^)]*\))?(?:, |$)")
"""An argument in the table of tools, with ** around it where it must be given."""
PLAIN_PLUGINS = "Without settings: (.*?)\\."


@cache
def read(name: str) -> str:
    return (SKILL / "references" / name).read_text(encoding="utf-8")


@cache
def registry() -> Any:
    return Plugins().registry


def prose(name: str) -> str:
    """Return a page without its examples."""
    return FENCED.sub("", read(name))


def section(name: str, heading: str) -> str:
    """Return what stands below the heading that begins so, up to the next one."""
    return re.split(r"^#+ ", prose(name).partition(f"# {heading}")[2], maxsplit=1, flags=re.MULTILINE)[0]


def rows(text: str) -> dict[str, list[str]]:
    """Return the cells behind the first one of each row of tables, by each name in the first; no heads of tables."""
    found: dict[str, list[str]] = {}
    for first, *cells in (line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| `")):
        found.update(dict.fromkeys(CODE.findall(first), cells))
    return found


def code(text: str) -> Iterator[str]:
    yield from (" ".join(words.split()) for words in CODE.findall(text))


ALL = "\n".join(prose(file.name) for file in REFERENCES) + FENCED.sub("", (SKILL / "SKILL.md").read_text("utf-8"))


@pytest.mark.parametrize("file", REFERENCES, ids=lambda file: str(file.name))
def test_the_examples_run(file: Path, page: Page) -> None:
    with asyncio.Runner() as runner:
        for block in filter(runs, blocks(file)):
            page.run(runner, block)


@pytest.mark.parametrize("file", REFERENCES, ids=lambda file: str(file.name))
def test_a_reference_is_short_enough_to_be_read_at_once(file: Path) -> None:
    assert 60 <= file.read_text(encoding="utf-8").count("\n") <= 200


def test_the_skill_is_offered_in_one_short_line(tmp_path: Path) -> None:
    skill = find_skills(tmp_path, registry()).skills["terrarium"]
    assert len(skill.description) <= 160
    assert set(re.findall(r"`(references/\w+\.md)`", skill.body)) == set(files_of(skill.folder))


def test_the_reference_validator_finds_nothing() -> None:
    validate: Any = pytest.importorskip("skills_ref.validator").validate
    assert validate(SKILL) == []


def test_every_tool_is_named_with_its_arguments() -> None:
    named = {name: cells[0] for name, cells in rows(read("tools.md").partition("## Write one")[0]).items()}
    assert set(named) == set(registry().names("tool"))
    for name, arguments in named.items():
        schema = registry().get("tool", name).parameters
        given = ARGUMENT.findall(arguments) if arguments != "none" else []
        assert [argument for _, argument in given] == list(schema["properties"]), name
        assert {argument for bold, argument in given if bold} == set(schema.get("required", [])), name


def test_every_option_of_a_tool_is_named() -> None:
    page = rows(section("tools.md", "Write one"))
    assert {field.name for field in fields(ToolNeeds)} <= set(page)
    assert {"name", "description", "effect", "parallel", "blocking", "background", "needs"} <= set(page)


def test_every_key_of_a_file_is_named() -> None:
    schemas = {name: registry().get("schema", name)() for name in registry().names("schema")}
    creature, recipe, pack = (schemas.pop(name) for name in ("creature", "terrarium", "pack"))
    assert not schemas, "kinds of files that commands.md and SKILL.md do not name"
    assert set(rows(section("creatures.md", "Keys"))) == set(creature["properties"])
    place = recipe["$defs"]["Place"]["properties"].keys() - creature["properties"].keys()
    named = set(rows(section("recipes.md", "Keys of an entry")))
    assert named - {"any key of a creature"} >= place | {"name", "base"}
    assert set(rows(section("recipes.md", "Keys of `terrarium`"))) == set(
        recipe["properties"]["terrarium"]["properties"]
    )
    keys = set(code(section("packs.md", "The manifest")))
    for table in (pack["properties"]["pack"], pack["properties"]["needs"], pack["properties"]["provides"]["items"]):
        assert set(table["properties"]) <= keys


def test_every_setting_is_named() -> None:
    assert set(rows(prose("config.md").partition("## Models")[0])) == set(settings.USER_KEYS)
    assert set(rows(section("config.md", "Profiles"))) == set(settings.PROFILE_KEYS)
    variables = {name for text in SOURCES.values() for name in re.findall(r'"(KT_[A-Z_]+)"', text)}
    assert set(rows(section("config.md", "Environment"))) == variables


def test_every_plugin_is_named_with_its_settings() -> None:
    page = section("config.md", "Settings of plugins")
    plain = set(code(re.search(PLAIN_PLUGINS, page)[1]))  # type: ignore[index]
    with_settings = rows(page)
    assert plain | set(with_settings) == set(registry().names("plugin"))
    assert not plain & set(with_settings)
    for name in registry().names("plugin"):
        known = keys_of(registry().get("plugin", name))
        assert (name in with_settings) == bool(known), name
        assert known <= set(code(" ".join(with_settings.get(name, [])))), name
    for plugin in ("permissions", "sandbox"):
        table = section("permissions.md", f"Settings of `{plugin}`")
        assert keys_of(registry().get("plugin", plugin)) <= set(rows(table)), plugin


def keys_of(plugin: Any) -> set[str]:
    config = getattr(plugin, "Config", None)
    return set() if config is None else set(getattr(config, "model_fields", None) or {f.name for f in fields(config)})


def test_every_profile_part_and_guard_is_named() -> None:
    profile = registry().get("profile", "default")
    told = set(code(section("config.md", "Profiles")))
    assert {*profile["plugins"], *profile["guards"]} <= told


def test_every_hook_is_named_and_no_other() -> None:
    own = {name for text in SOURCES.values() for name in re.findall(r"@hookspec\n\s+(?:async )?def (kt_\w+)", text)}
    named = {name for first in rows(section("plugins.md", "Hooks")) for name in re.findall(r"kt_\w+", first)}
    assert named == own | set(HOOKS)


def test_every_kind_is_named_and_no_other() -> None:
    named = set(rows(section("plugins.md", "Kinds")))
    assert named >= {entry.kind for entry in registry().entries()}
    adders = {name for name in dir(registry()) if not name.startswith("_")}
    texts = " ".join(SOURCES.values())
    assert all(kind in adders or f'"{kind}"' in texts for kind in named)


@pytest.mark.parametrize(
    ("kind", "page"),
    [
        ("provider", "config.md"), ("search_engine", "config.md"), ("wire", "config.md"), ("subagent", "creatures.md"),
        ("trigger", "creatures.md"), ("input", "creatures.md"), ("output", "creatures.md"),
        ("creature", "creatures.md"), ("terrarium", "recipes.md"), ("surface", "commands.md"),
    ],
)  # fmt: skip
def test_every_name_of_a_kind_is_named(kind: str, page: str) -> None:
    words = {word for each in code(prose(page)) for word in re.findall(r"[\w-]+", each)}
    without_page = {"endpoint", "fallback"}  # what presets are made of, no names to write
    assert set(registry().names(kind)) - without_page <= words


def test_every_slash_command_is_named_and_no_other() -> None:
    named = {name for first in rows(section("commands.md", "Slash")) for name in re.findall(r"^/(\w+)", first)}
    assert named == set(registry().names("chat_command"))
    said = {name for each in code(ALL) for name in re.findall(r"^/([a-z]+)(?: |$)", each)}
    assert said <= named | {"haiku", "terrarium", "path"}


@cache
def help_of(*words: str) -> str:
    with contextlib.redirect_stdout(io.StringIO()) as text, contextlib.suppress(KTError):
        dispatch([*words, "--help"])
    return text.getvalue()


def test_every_command_is_named_and_no_other() -> None:
    told = [words.split() for words in code(ALL) if words.startswith("kt ")]
    assert {words[1] for words in told if words[1].islower()} == set(registry().names("command"))
    deeper = ("config", "marketplace", "model", "plugins", "profile", "sessions", "terrarium")
    for words in told:
        if words[1] in deeper and len(words) > 2:
            assert re.search(rf"\b{re.escape(words[2])}\b", help_of(words[1])), words


def test_every_option_of_kt_run_is_named() -> None:
    options = set(re.findall(r"(?<=\s)--[a-z][a-z-]*", help_of("run"))) - {"--help"}
    named = {name for first in rows(section("commands.md", "kt run")) for name in re.findall(r"--[a-z-]+", first)}
    assert named == options


def test_no_option_is_made_up() -> None:
    helps = "".join(help_of(name) for name in registry().names("command"))
    for words in (("model", "add"), ("marketplace", "search"), ("sessions", "rewind"), ("terrarium", "watch")):
        helps += help_of(*words)
    known = set(re.findall(r"(?<=[\s\[])--[a-z][a-z-]*", helps)) | {"--help"}
    said = {option for each in code(ALL) for option in re.findall(r"(?:^| )(--[a-z][a-z-]*)", each)}
    assert said <= known


def test_every_error_code_and_exit_code_is_one_of_kt() -> None:
    table = (Path(__file__).parents[2] / "docs" / "errors.md").read_text(encoding="utf-8")
    assert all(f"| {each} |" in table for each in re.findall(r"E-[A-Z]+", ALL) if each != "E-CODE")
    for name, number in re.findall(r"\((E-[A-Z]+), (\d+)\)", ALL):
        assert re.search(rf"\| {name} \| {number} \|", table), name


def test_the_fixtures_that_are_named_are_there() -> None:
    fixtures = SOURCES[next(file for file in SOURCES if file.name == "fixtures.py")]
    named = {"kt_agent", "kt_run", "kt_plugins", "kt_home", "kt_contract"}
    assert all(f"def {name}" in fixtures and f"`{name}`" in prose("plugins.md") for name in named)


def test_the_manifest_offers_the_skill() -> None:
    manifest = tomllib.loads((SKILL.parents[1] / "kt-pack.toml").read_text(encoding="utf-8"))
    assert {"skill"} == {thing["kind"] for thing in manifest["provides"] if thing["name"] == "terrarium"}
    assert Host().registry.entry("skill", "terrarium").dist == "kt-skills"
