"""fetch: pages of a loopback server, through the sandbox, marked as a stranger's words."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from kt import Media, ToolResult
from kt.testing import running
from kt_builtin_tools.web import fetch

pytestmark = pytest.mark.anyio

Fetch = Callable[..., Awaitable[ToolResult]]


class Site:
    """A web server: `pages` maps a path to (content type, body), or to a whole answer in bytes."""

    def __init__(self) -> None:
        self.pages: dict[str, tuple[str, bytes] | bytes] = {}
        self.at = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1].decode()
        page = self.pages.get(path, b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
        if isinstance(page, tuple):
            kind, body = page
            page = f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body
        writer.write(page)
        await writer.drain()
        writer.close()


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    site = Site()
    server = await asyncio.start_server(site.serve, "127.0.0.1", 0)
    site.at = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield site
    server.close()
    await server.wait_closed()


@pytest.fixture
def get(site: Site, tmp_path: Path) -> Fetch:
    """Return what fetches a path of the site, known as the host docs.example, and returns the call's result."""

    async def get(path: str, **arguments: Any) -> ToolResult:
        url = path if "://" in path else f"http://docs.example{path}"
        steps = [[("fetch", {"url": url, **arguments})], "done"]
        granted = {"sandbox": {"net": [f"docs.example={site.at}"]}}
        async with running(steps, tools=[fetch], pwd=tmp_path, plugins=[granted], unguarded=True) as agent:
            await agent.run("go")
            result = agent.history[2].parts[0]
            assert isinstance(result, ToolResult)
            return result

    return get


def content(result: ToolResult) -> str:
    """Return what stands between the lines that mark it."""
    framed = re.fullmatch(r"\[untrusted (\w+) [^\n]*\]\n(.*)\n\[end \1(: [^\n]*)?\]", result.text, re.DOTALL)
    assert framed, result.text
    assert [part.origin for part in result.parts] == ["web"]
    return framed[2]


async def test_a_page_comes_as_markdown_between_lines_that_name_it(site: Site, get: Fetch) -> None:
    site.pages["/a/b"] = "text/html", b"<h1>Owls</h1><p>See <a href=c>more</a><script>x</script>"
    result = await get("/a/b")
    assert content(result) == "# Owls\n\nSee [more](http://docs.example/a/c)"
    assert re.match(r"\[untrusted \w+ http://docs\.example/a/b\]\n", result.text)


async def test_the_marks_are_others_each_time(site: Site, get: Fetch) -> None:
    site.pages["/"] = "text/plain", b"x"
    assert (await get("/")).text != (await get("/")).text


async def test_what_came_from_the_web_taints_the_conversation(site: Site, tmp_path: Path) -> None:
    site.pages["/"] = "text/plain", b"x"
    steps = [[("fetch", {"url": "http://docs.example/"})], "done"]
    granted = {"sandbox": {"net": [f"docs.example={site.at}"]}}
    async with running(steps, tools=[fetch], pwd=tmp_path, plugins=[granted], unguarded=True) as agent:
        await agent.run("go")
        assert agent.taint == {"web"}


@pytest.mark.parametrize(
    ("format", "expected"),
    [("markdown", "## A\n\n[b](http://docs.example/c)"), ("text", "A\n\nb"), ("html", "<h2>A</h2><a href=/c>b</a>")],
)
async def test_formats(site: Site, get: Fetch, format: str, expected: str) -> None:
    site.pages["/"] = "text/html", b"<h2>A</h2><a href=/c>b</a>"
    assert content(await get("/", format=format)) == expected


@pytest.mark.parametrize(
    ("kind", "body", "expected"),
    [
        ("text/html; charset=windows-1252", "<p>gr\u00fcn \u20ac".encode("cp1252"), "grün €"),
        ("text/html", "<meta charset=shift_jis><p>\u732b".encode("shift_jis"), "猫"),
        ("text/html", b"<meta http-equiv=x content='text/html; charset=KOI8-R'><p>" + "мир".encode("koi8-r"), "мир"),
        ("text/html; charset=koi8-r", "\ufeff<p>мир".encode("utf-16-le"), "мир"),
        ("text/html", "<p>мир".encode(), "мир"),
        ("text/html", b"<p>gr\xfcn", "grün"),
        ("text/html; charset=unicode_escape", b"<p>a\\q", "a\\q"),
        ("text/html; charset=nonsense", b"<p>a", "a"),
        ("text/html; charset=latin-1", b"<p>\x93a\x94", "\u201ca\u201d"),
        ("text/html; charset=utf-8", b"<p>a\xff", "a\ufffd"),
        ("text/html", b"<meta charset=utf-16><p>a", "a"),
        ("text/plain", b"say charset=utf-16 here", "say charset=utf-16 here"),
    ],
)
async def test_what_a_page_is_written_in(site: Site, get: Fetch, kind: str, body: bytes, expected: str) -> None:
    site.pages["/"] = kind, body
    assert content(await get("/")) == expected


@pytest.mark.parametrize(
    ("kind", "body", "expected"),
    [
        ("application/json", b'{"a":[1,{"b":"\xc3\xa9"}]}', '{\n "a": [\n  1,\n  {\n   "b": "é"\n  }\n ]\n}'),
        ("application/ld+json", b'{"a":', '{"a":'),
        ("application/json", b'"\\ud800\\u0007"', '"?\\u0007"'),
        ("application/json", b"[" * 100_000, "[" * 20_000),
        ("text/plain", b"a\r\n\x1b[31mb\tc", "a\n[31mb\tc"),
        ("image/svg+xml", b"<svg><title>a</title></svg>", "<svg><title>a</title></svg>"),
        ("", b"<!DOCTYPE html><p>a", "a"),
        ("", b"just text", "just text"),
        ("text/html", b"<div id=root></div>", "(no text; the page may need JavaScript)"),
        ("text/plain", b"", "(it is empty)"),
    ],
)
async def test_other_text(site: Site, get: Fetch, kind: str, body: bytes, expected: str) -> None:
    site.pages["/"] = kind, body
    assert content(await get("/")) == expected


async def test_json_that_is_deep_and_long_grows_only_so_far(site: Site, get: Fetch) -> None:
    site.pages["/"] = "application/json", b"[" * 400 + b"1," * 50_000 + b"1" + b"]" * 400
    assert "of 2000" in (await get("/")).text


async def test_an_image_is_an_image(site: Site, get: Fetch) -> None:
    picture = b"\x89PNG\r\n\x1a\nrest"
    site.pages["/i"] = "application/octet-stream", picture
    result = await get("/i")
    assert result.parts == [Media("image/png", data=picture, name="http://docs.example/i", origin="web")]


@pytest.mark.parametrize(
    ("kind", "body", "what"),
    [
        ("application/pdf", b"%PDF-1.7 x", "this is a PDF of 10 bytes"),
        ("application/zip", b"PK\0\0", "this is no text but application/zip of 4 bytes"),
        ("", b"\0\1", "this is no text but something binary of 2 bytes"),
        ("video/mp4", b"abc", "this is no text but video/mp4 of 3 bytes"),
    ],
)
async def test_what_is_no_text_is_refused_by_name(site: Site, get: Fetch, kind: str, body: bytes, what: str) -> None:
    site.pages["/"] = kind, body
    result = await get("/")
    assert result.is_error
    assert what in result.text


async def test_a_long_page_comes_in_pieces(site: Site, get: Fetch) -> None:
    whole = "".join(f"line {n}\n" for n in range(100))
    site.pages["/"] = "text/plain", whole.encode()
    offset, pieces = 0, []
    while True:
        result = await get("/", offset=offset, limit=300)
        pieces.append(content(result))
        if not (more := re.search(r": characters (\d+)-(\d+) of 790; go on with offset (\d+)\]$", result.text)):
            break
        assert (int(more[1]), more[2]) == (offset, more[3])
        offset = int(more[3])
    assert "".join(pieces) == whole
    assert len(pieces) == 3
    result = await get("/", offset=790)
    assert result.is_error
    assert "there are only 790 characters" in result.text


@pytest.mark.parametrize("arguments", [{"offset": -1}, {"limit": 0}, {"limit": 100_001}])
async def test_a_piece_that_can_not_be(get: Fetch, arguments: dict[str, int]) -> None:
    assert "offset counts from 0" in (await get("/", **arguments)).text


async def test_a_status_that_is_no_success_is_an_error(site: Site, get: Fetch) -> None:
    site.pages["/odd"] = b"HTTP/1.1 599 x\r\ncontent-length: 0\r\n\r\n"
    for path, status in ("/none", "HTTP 404 Not Found"), ("/odd", "HTTP 599"):
        result = await get(path)
        assert result.is_error
        assert status in result.text


async def test_a_redirect_is_followed_on_the_same_host_only(site: Site, get: Fetch) -> None:
    site.pages["/new"] = "text/plain", b"here"
    for path, target in ("/old", "/new"), ("/away", "https://other.example/"):
        site.pages[path] = f"HTTP/1.1 302 x\r\nlocation: {target}\r\ncontent-length: 0\r\n\r\n".encode()
    assert content(await get("/old")) == "here"
    result = await get("/away")
    assert result.is_error
    assert "https://other.example" in result.text


async def test_a_host_that_is_not_granted_is_not_asked(get: Fetch) -> None:
    result = await get("http://other.example/")
    assert result.is_error
    assert "other.example" in result.text


def test_what_the_tool_declares() -> None:
    assert (fetch.effect, fetch.needs.net, fetch.needs.output) == ("read", ("@url",), "untrusted")
