"""kt sessions export: everything as JSON lines, and pages in which nothing that was said is markup."""

import asyncio
import base64
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import kt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kt import Media, Message, SessionReader, Text, Thinking, ToolCall, Usage
from kt.events import Logged
from kt.testing import running
from kt_sessions.lines import inert
from kt_sessions.markdown import blocks, prose
from kt_sessions.rewind import rewind

EVIL = (
    "<script>alert(1)</script><img src=x onerror=alert(2)> &amp; \x1b[31mred\x1b[0m \u202etxt.exe\u202c\r\n"
    "```\n</code></pre></details><script>\n```\n# no heading\n---\n* no *list* [a](javascript:alert(3)) ![p](http://e/p)\n"
)
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
TAGS = {"html", "head", "meta", "title", "style", "body", "h1", "h2", "h3", "p", "section", "div", "a", "details",
        "summary", "b", "span", "pre", "code", "img"}  # fmt: skip


@kt.tool(effect="read")
def echo(text: str) -> str:
    if text == "fail":
        raise ValueError(EVIL)
    return text


@dataclass(slots=True)
class Noted(Logged):
    """An event of a plugin whose fields are called like those that every line has."""

    id: str
    time: str
    data: bytes = b""
    more: dict[str, Any] = field(default_factory=dict)


def keep(path: Path, steps: list[Any], *says: Any, events: tuple[Logged, ...] = (), **options: Any) -> None:
    """Keep a session of turns, and then of events."""

    async def talk() -> None:
        async with running(steps, session=path, tools=[echo], **options) as agent:
            for content in says:
                await agent.run(content)
            for event in events:
                agent.record(event)

    asyncio.run(talk())


def reply(*parts: Any) -> Message:
    calls = any(isinstance(part, ToolCall) for part in parts)
    return Message("assistant", list(parts), model="m", finish="tool_calls" if calls else "stop", usage=Usage(5, 3))


class Page(HTMLParser):
    """What a browser would make of a page: its tags with their attributes, and the text of what was said."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: dict[str, list[str]] = {}
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "img"):
            self.open.append(tag)
            self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open:
            self.texts[self.open[-1]][-1] += data


# JSON lines


def test_a_line_holds_all_of_an_event(path: Path, export: Callable[..., str]) -> None:
    noted = Noted("n1", "noon", b"\x00\xff", {"$bytes": 1, "a": [b"x", None]})
    steps: list[Any] = [[("echo", {"text": "中\u202e"})], EVIL]
    keep(path, steps, [Text("look"), Media("image/png", data=PNG)], events=(noted,))
    lines = [json.loads(line) for line in export("jsonl").splitlines()]
    with SessionReader(path) as reader:
        events = list(reader.events())
    assert len(lines) == len(events)
    for line, event in zip(lines, events, strict=True):
        head = {name: line.pop(name) for name in ("id", "stream", "seq", "time", "turn", "type")}
        assert head == {"id": event.id, "stream": event.stream, "seq": event.seq, "time": event.time,
                        "turn": event.turn, "type": event.kind}  # fmt: skip
        body = {name.removesuffix("_"): value for name, value in decoded(line).items()}
        assert ({"turn": event.turn} | body if "turn" in event.body else body) == event.body
    assert [line["id_"] for line in lines if "id_" in line] == ["n1"]


def decoded(value: Any) -> Any:
    """Return what a line says, bytes as bytes."""
    if isinstance(value, dict):
        if set(value) == {"$bytes"}:
            return base64.b64decode(value["$bytes"])
        return {key.replace("$$", "$"): decoded(v) for key, v in value.items()}
    return [decoded(v) for v in value] if isinstance(value, list) else value


def test_lines_change_no_terminal_and_tell_of_left_paths(path: Path, export: Callable[..., str]) -> None:
    keep(path, [EVIL, "two"], "one", "second")
    rewind(path, 1)
    text = export("jsonl")
    assert text.isascii()
    assert "\x1b" not in text
    lines = [json.loads(line) for line in text.splitlines()]
    assert [line["turn"] for line in lines if line["type"] == "turn_started"] == [1, 2]
    rewound = lines[-1]
    assert rewound["type"] == "session_rewound"
    assert rewound["turn_"] == 1
    assert [line["type"] for line in lines if line["seq"] == rewound["parent"]] == ["turn_ended"]


# Pages


def test_nothing_that_was_said_is_html(path: Path, export: Callable[..., str]) -> None:
    steps = [
        reply(Thinking(EVIL), Text(EVIL), ToolCall("c1", "echo", json.dumps({"text": EVIL}))),
        reply(ToolCall("c2", "echo", '{"text": "fail"}')),
        EVIL,
    ]
    keep(path, steps, EVIL, creature={"name": "owl<script>"})
    text = export("html")
    page = Page(text)
    assert {tag for tag, _ in page.tags} <= TAGS
    assert {name for _, attributes in page.tags for name in attributes} <= {
        "lang", "charset", "http-equiv", "content", "name", "id", "href", "class", "dir",
    }  # fmt: skip
    assert all(attributes["href"].startswith("#") for tag, attributes in page.tags if tag == "a")  # type: ignore[union-attr]
    assert ("\x1b" in text, "\u202e" in text, "\\x1b[31mred" in text, "\\u202etxt.exe" in text) == (
        False,
        False,
        True,
        True,
    )
    assert page.open == []


def test_a_page_fetches_nothing_and_has_both_schemes(path: Path, export: Callable[..., str]) -> None:
    keep(
        path, ["done"], [Text("see"), Media("image/png", data=PNG, name="dot"), Media("image/svg+xml", data=b"<svg/>")]
    )
    text = export("html")
    page = Page(text)
    (image,) = [attributes for tag, attributes in page.tags if tag == "img"]
    assert image["src"] == "data:image/png;base64," + base64.b64encode(PNG).decode()
    assert "image/svg+xml 6 bytes" in text
    assert not re.findall(r"(?:src|href)=\"(?!#|data:image/png)|url\(|@import", text)
    assert "default-src 'none'" in text
    assert "prefers-color-scheme: dark" in text
    assert 'name="viewport"' in text


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    said=st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=200) | st.text("`~<&>\n \\*_", max_size=60)
)
def test_a_page_shows_the_text_as_it_is(tmp_path: Path, export: Callable[..., str], path: Path, said: str) -> None:
    path.unlink(missing_ok=True)
    keep(path, [reply(Text("."), ToolCall("c", "echo", json.dumps({"text": said}))), "."], "x")
    pres = Page(export("html")).texts["pre"]
    assert pres[0].lstrip("\n") == inert(json.dumps({"text": said}, ensure_ascii=False, indent=2))
    assert pres[1][1:] == inert(said)


def test_what_is_said_is_code_between_fences_and_prose_elsewhere() -> None:
    text = "Do\n```python title\nx = '``'\n```\nthen\n~~~\n```\n~~~\n````\nnever closed\n```"
    assert list(blocks(text)) == [
        (None, "Do"),
        ("python", "x = '``'"),
        (None, "then"),
        ("", "```"),
        ("", "never closed\n```"),
    ]


# Markdown


def rendered(text: str) -> Page:
    """Return what a renderer that lets HTML through makes of Markdown."""
    markdown_it = pytest.importorskip("markdown_it")
    return Page(markdown_it.MarkdownIt("commonmark", {"html": True}).render(text))


def test_nothing_that_was_said_is_markdown(path: Path, export: Callable[..., str]) -> None:
    steps = [reply(Thinking(EVIL), Text(EVIL), ToolCall("c1", "echo", json.dumps({"text": EVIL}))), EVIL]
    keep(path, steps, EVIL)
    text = export("md")
    assert ("\x1b" in text, "\u202e" in text) == (False, False)
    page = rendered(text)
    allowed = {"h1", "h2", "p", "strong", "em", "br", "details", "summary", "pre", "code"}
    assert {tag for tag, _ in page.tags} <= allowed
    assert len(page.texts["h1"]) == len(page.texts["h2"]) == 1
    assert page.texts["strong"] == ["User", "Agent", "Agent"]
    assert (
        EVIL.replace("\r\n", "\n").replace("\x1b", "\\x1b").replace("\u202e", "\\u202e").replace("\u202c", "\\u202c")
        + "\n"
        in page.texts["code"]
    )


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(st.text("ab1.)(#*+-=_`~<>&|[]!$\\ \t:/", max_size=12), min_size=1, max_size=5))
def test_markdown_shows_the_text_as_it_is(lines: list[str]) -> None:
    text = "\n".join(lines)
    page = rendered(prose(text))
    assert {tag for tag, _ in page.tags} <= {"p", "br"}
    shown = "".join("".join(texts) for tag, texts in page.texts.items()).replace("\xa0", " ")
    assert "".join(shown.split()) == "".join(text.split())


def test_calls_are_folded_with_how_they_went(path: Path, export: Callable[..., str]) -> None:
    keep(path, [[("echo", {"text": "hi"}), ("echo", {"text": "fail"})], "Done."], "Go")
    page = rendered(export("md"))
    first, second = page.texts["summary"]
    assert re.fullmatch(r'echo \{ "text": "hi" \}: ok, \d+\.\d s', first)
    assert re.fullmatch(r'echo \{ "text": "fail" \}: error, \d+\.\d s', second)
