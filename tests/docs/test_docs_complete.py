"""The docs are whole: what the code offers is on the pages, and what the pages and the code advise is there."""

import ast
import contextlib
import inspect
import io
import re
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from pathlib import Path

import kt
import pytest
from kt import Agent, Creature, Host, KTError, Limits, Registry, TurnResult, errors, events
from kt_cli.main import dispatch
from kt_config import settings

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MARKDOWN = sorted({*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *ROOT.glob("*/README.md"), *ROOT.glob("*/*/README.md")})
MEMBERS = ("kernel", "builtin_tools", "providers", "plugins", "marketplace", "cli")
SOURCES = {file: file.read_text(encoding="utf-8") for top in MEMBERS for file in sorted((ROOT / top).rglob("*.py"))}
SPEC_FILE = ROOT / "kernel" / "kt" / "_hookspecs.py"
HOOKS = {
    node.name: node
    for specs in ast.parse(SOURCES[SPEC_FILE]).body
    if isinstance(specs, ast.ClassDef)
    for node in specs.body
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
}
PROSE = ("kt itself",)
"""Words after `kt` in texts of the code that mean no command."""


@cache
def read(page: str | Path) -> str:
    return (DOCS / page).read_text(encoding="utf-8")


def blocks(page: str | Path, language: str) -> list[str]:
    return [body for kind, body in FENCE.findall(read(page)) if kind == language]


@pytest.mark.parametrize("hook", HOOKS)
def test_the_hook_is_documented_with_its_signature(hook: str) -> None:
    node = HOOKS[hook]
    signature = "\n".join(SOURCES[SPEC_FILE].splitlines()[node.lineno - 1 : node.body[0].lineno - 1]).strip()
    assert f"### {hook}\n\n```pyi\n{signature}\n```" in read("hooks.md")


@pytest.mark.parametrize("hook", HOOKS)
def test_the_hook_is_tested(hook: str) -> None:
    tests = [file for file in (ROOT / "tests").rglob("test_*.py") if file != Path(__file__)]
    assert any(re.search(rf"\b{hook}\b", file.read_text(encoding="utf-8")) for file in tests)


def test_what_is_quoted_from_the_source_stands_there() -> None:
    sources = [[line.strip() for line in text.splitlines()] for text in SOURCES.values()]
    for page in DOCS.rglob("*.md"):
        for quoted in blocks(page, "pyi"):
            lines = [line.strip() for line in quoted.splitlines()]
            assert any(in_order(lines, iter(source)) for source in sources), f"{page}: {quoted}"


def in_order(lines: list[str], source: Iterator[str]) -> bool:
    return all(any(line == other for other in source) for line in lines)


def test_every_event_is_documented_with_its_fields() -> None:
    own = [c for c in vars(events).values() if isinstance(c, type) and issubclass(c, events.Event)]
    for cls in (c for c in own if c not in (events.Event, events.Logged)):
        names = ", ".join(f.name for f in fields(cls) if f.name != "seq")
        logged = "yes" if issubclass(cls, events.Logged) else "no"
        assert f"| `{cls.__name__}` | {logged} | {names} |" in read("events.md"), cls


def test_every_event_of_a_plugin_is_documented() -> None:
    for file, text in SOURCES.items():
        for name in re.findall(r"^class (\w+)\((?:Event|Logged)\)", text, re.MULTILINE):
            assert name in ("Logged",) or f"{name}` |" in read("events.md"), f"{name} of {file}"


def test_every_error_is_documented_with_its_codes() -> None:
    table = read("errors.md")
    for cls in (c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, errors.KTError)):
        assert f"| `{cls.__name__}` | {cls.code} | {cls.exit_code} |" in table, cls
    for file, text in SOURCES.items():
        for code, number in re.findall(r'^ +code(?:, exit_code)? = "(E-\w+)"(?:, (\d+))?', text, re.MULTILINE):
            assert re.search(rf"\| {code} \| {number or '[0-9]+'} \|", table), f"{code} of {file}"


def test_every_key_of_a_creature_is_documented() -> None:
    for key in (f.name for cls in (Creature, Limits) for f in fields(cls)):
        assert f"`{key}`" in read("creatures.md") or key in ("path", "places")


def test_every_name_of_the_library_is_documented() -> None:
    keywords = inspect.signature(Agent.build).parameters.keys() - {"options"}  # the keywords of plugins
    for name in [*keywords, *(f.name for f in fields(TurnResult)), *dir(kt)]:
        assert f"`{name}`" in read("library.md"), name


def test_every_setting_and_variable_is_documented() -> None:
    for key in (*settings.USER_KEYS, *settings.PROFILE_KEYS):
        assert f"| `{key}` |" in read("profiles.md"), key
    for name in {name for text in SOURCES.values() for name in re.findall(r'"(KT_[A-Z_]+)"', text)}:
        assert f"| `{name}` |" in read("profiles.md"), name


def test_every_kind_is_documented() -> None:
    look_up = r'\bregistry\.(?:get|find|entry|entries|names)\(\s*"(\w+)"'
    kinds = {kind for text in SOURCES.values() for kind in re.findall(look_up, text)}
    kinds |= {name for name, value in vars(Registry).items() if getattr(value, "__qualname__", "").startswith("_adder")}
    kinds |= {entry.kind for entry in Host().registry.entries()}
    assert len(kinds) > 15
    for kind in kinds:
        reserved = f"`registry.{kind}`" in read("kinds/index.md")
        page = f"[{kind}]({kind}.md)" in read("kinds/index.md") and (DOCS / "kinds" / f"{kind}.md").is_file()
        assert page or reserved or f"## {kind}\n" in read("kinds/small.md"), kind


@cache
def helps() -> dict[str, str]:
    """Return the help of every command."""
    out = {}
    for name in Host().registry.names("command"):
        with contextlib.redirect_stdout(io.StringIO()) as text:
            dispatch([name, "--help"])
        out[name] = text.getvalue()
    return out


def test_every_command_and_option_is_documented() -> None:
    sections = dict(re.findall(r"^## kt (\w+)(.*?)(?=^## |\Z)", read("cli.md"), re.MULTILINE | re.DOTALL))
    for name, text in helps().items():
        options = set(re.findall(r"(?<=[\s\[])--?[a-z][a-z-]*", text)) - {"--help", "-h"}
        assert not {option for option in options if f"`{option}" not in sections[name]}, name
    for entry in Host().registry.entries("model_command"):
        assert f"`kt model {entry.name}" in sections["model"]


@cache
def help_of(name: str, word: str) -> str:
    """Return the help of a command's command, "" where it has none."""
    with contextlib.redirect_stdout(io.StringIO()) as text, contextlib.suppress(KTError):
        dispatch([name, word, "--help"])
    return text.getvalue()


def unknown(text: str) -> list[str]:
    """Return the `kt` commands in a text that there are not, or that lack an option given there."""
    wrong = []
    for name, rest in re.findall(r"(?<![\w/.-])kt ([a-z]\w*)((?: [^\n|;&<>`,]*)?)", text):
        help, words = helps().get(name, ""), rest.partition("#")[0].split()
        given = {option for word in words for option in re.findall(r"^--[a-z-]+", word)}
        if given and words and re.fullmatch("[a-z]+", words[0]):
            help += help_of(name, words[0])
        if not help or given - {"--help", *re.findall(r"--[a-z-]+", help)}:
            wrong.append(f"kt {name}{rest}")
        elif name == "model" and words and re.fullmatch("[a-z]+", words[0]) and f"\n  {words[0]} " not in help:
            wrong.append(f"kt model {words[0]}")
    return [command for command in wrong if not command.startswith(PROSE)]


@pytest.mark.parametrize("page", MARKDOWN, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_shown_exists(page: Path) -> None:
    lines = [line for block in blocks(page, "console") for line in block.splitlines() if line.startswith("$ ")]
    own = "PYTHONPATH"  # brings a command of its own, which the page runs
    assert unknown("\n".join(line for line in lines if own not in line)) == []


def test_every_command_that_the_code_advises_exists() -> None:
    for file, text in SOURCES.items():
        tree = ast.parse(text)
        docstrings = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr | ast.Constant) and node not in docstrings:
                assert unknown(literal(node)) == [], f"{file.relative_to(ROOT)}:{node.lineno}"


def literal(node: ast.AST) -> str:
    """Return the text of a string, `{}` where only the run will tell."""
    if isinstance(node, ast.JoinedStr):
        return "".join(map(literal, node.values))
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else "{}"


@pytest.mark.parametrize("page", MARKDOWN, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", FENCE.sub("", read(page))):
        path, _, anchor = target.partition("#")
        if "://" not in target:
            there = page.parent / path if path else page
            assert there.exists(), target
            assert not anchor or anchor in anchors(there), target


@cache
def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", FENCE.sub("", read(page)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
