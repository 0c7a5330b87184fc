"""HTML as Markdown: what a page says with its structure, whatever state its markup is in."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

from ._blocks import (
    BREAK,
    Block,
    blocks_of,
    cell_of,
    code_of,
    fenced,
    has_block,
    item_of,
    line_of,
    quote_of,
    row_of,
    table_of,
)
from ._elements import BARRIERS, BLOCKS, CELLS, CLOSES, OWN, VOID, is_hidden, language_of

MAX_HTML = 2_000_000
"""Characters of a page that are looked at."""
MAX_TEXT = 2_000_000
"""Characters that come out of it, prefixes of lines apart."""
MAX_DEPTH = 256
MAX_NESTED = 10
"""Lists, quotes or tables in one another; what is deeper is shown without its own marks."""
ANCHORS = frozenset("#§¶🔗")
"""Labels of links from a heading to itself."""
MAX_REST = 2_000
"""Characters of a construct without an end that are still shown: the parser takes the square of their number."""

_HUGE_CHARACTER = re.compile(r"&#[0-9]{9,}")


@dataclass(slots=True)
class Frame:
    """An open element. `parts` is where its content goes: its own list, or that of the element around it."""

    tag: str
    parts: list[str]
    attrs: Mapping[str, str] = field(default_factory=dict)
    own: bool = False
    hidden: bool = False
    language: str = ""
    number: int = 0


def markdown_of(html: str, url: str, *, plain: bool = False) -> str:
    """Return what a page says as Markdown, its addresses made absolute by `url`; with `plain` without marks.

    Scripts, styles, navigation, forms and hidden elements are left out. Malformed HTML never raises.
    """
    page = _Page(url, plain)
    # html.parser raises for marked sections that it does not know, and for numbers beyond any character.
    page.feed(_HUGE_CHARACTER.sub("\ufffd", html[:MAX_HTML].replace("<![", "<! [")) + "\n")
    if len(page.rawdata) <= MAX_REST:
        page.close()
    return page.text() + ("\n\n[the rest of the page is left out]" if len(html) > MAX_HTML or page.full else "")


class _Page(HTMLParser):
    """Keep the open elements of a page, and mark each as a whole when it ends."""

    def __init__(self, url: str, plain: bool) -> None:
        super().__init__(convert_charrefs=True)
        self._base, self._plain = url, plain
        self._title, self._headed, self._room = "", False, MAX_TEXT
        self._hidden = 0
        self._stack = [Frame("", [])]
        self._open: dict[str, list[int]] = {}
        """By tag: where in the stack its open elements are."""

    @property
    def full(self) -> bool:
        return self._room <= 0

    def text(self) -> str:
        """End every open element and return the whole."""
        while len(self._stack) > 1:
            self._pop()
        blocks = blocks_of(self._stack[0].parts)
        if self._title and not self._headed:
            blocks.insert(0, self._title if self._plain else f"# {self._title}")
        return "\n\n".join(blocks)

    # What the parser meets

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        for ended in CLOSES.get(tag, ()):
            self._end(ended)
        if tag in VOID:
            self._void(tag, given)
        elif len(self._stack) < MAX_DEPTH:
            self._push(tag, given)

    def handle_endtag(self, tag: str) -> None:
        self._end(tag)

    def handle_data(self, data: str) -> None:
        self._write(data if self._within("pre") else re.sub(r"\s+", " ", data))

    # The open elements

    def _push(self, tag: str, attrs: Mapping[str, str]) -> None:
        around = self._stack[-1]
        hidden = is_hidden(tag, attrs)
        own = hidden or (tag in OWN and not self._within("pre") and len(self._open.get(tag, ())) < MAX_NESTED)
        if tag in BLOCKS:
            self._break()
        language = language_of(attrs) or around.language
        if language and self._within("pre"):
            self._stack[self._last("pre")].language = language
        self._open.setdefault(tag, []).append(len(self._stack))
        self._stack.append(Frame(tag, [] if own else around.parts, attrs, own, hidden, language))
        self._hidden += hidden

    def _pop(self) -> None:
        frame = self._stack.pop()
        self._open[frame.tag].pop()
        if frame.hidden:
            self._hidden -= 1
        elif frame.own:
            self._stack[-1].parts += self._marked(frame)
        if frame.tag in BLOCKS:
            self._break()

    def _end(self, tag: str) -> None:
        """End the innermost open element of a tag with all in it, unless a barrier is between."""
        index = self._last(tag)
        if index > 0 and index >= max(map(self._last, BARRIERS.get(tag, CELLS)), default=0):
            while len(self._stack) > index:
                self._pop()

    def _last(self, tag: str) -> int:
        """Return where the innermost open element of a tag is; 0 where none is open."""
        places = self._open.get(tag)
        return places[-1] if places else 0

    def _within(self, tag: str) -> bool:
        return bool(self._open.get(tag))

    def _write(self, text: str) -> None:
        if not self._hidden and not self.full:
            self._room -= len(text)
            self._stack[-1].parts.append(text)

    def _break(self) -> None:
        if not self._within("pre"):
            self._stack[-1].parts.append(BREAK)

    # What each becomes

    def _void(self, tag: str, attrs: Mapping[str, str]) -> None:
        if tag == "br":
            self._write("\n")
        elif tag == "hr" and not self._hidden:
            self._stack[-1].parts += [BREAK, Block("---")]
        elif tag == "img" and not is_hidden(tag, attrs):
            self._write(self._image(attrs))
        elif tag == "base":
            self._base = self._address(attrs.get("href", "")) or self._base

    def _image(self, attrs: Mapping[str, str]) -> str:
        alt = " ".join(attrs.get("alt", "").split())
        source = attrs.get("src", "")
        url = self._address(attrs.get("data-src", "") if source.startswith("data:") or not source else source)
        decoration = "alt" in attrs and not alt
        return alt if self._plain or decoration or not url else f"![{alt}]({url})"

    def _marked(self, frame: Frame) -> list[str]:
        """Return the parts that an ended element adds to the one around it."""
        match frame.tag:
            case "a":
                return self._link(frame)
            case "code" | "kbd" | "samp":
                return frame.parts if self._plain else code_of(frame.parts)
            case "pre":
                text = "".join(frame.parts).removeprefix("\n").rstrip()
                return [Block(text) if self._plain or not text else fenced(text, frame.language)]
            case "title":
                self._title = self._title or line_of(frame.parts)
                return []
            case "ul" | "ol":
                return [Block("\n".join(blocks_of(frame.parts)))]
            case "li" | "dd":
                return [item_of(self._marker(frame.tag), frame.parts)]
            case "blockquote":
                return [quote_of(frame.parts)]
            case "td" | "th":
                return [cell_of(frame.parts, header=frame.tag == "th", span=frame.attrs.get("colspan", ""))]
            case "tr":
                return [row_of(frame.parts)]
            case "table":
                return [table_of(frame.parts)]
            case _:
                return [self._heading(frame)]

    def _heading(self, frame: Frame) -> Block:
        text = line_of(frame.parts)
        self._headed = self._headed or (frame.tag == "h1" and bool(text))
        return Block(text if self._plain or not text else f"{'#' * int(frame.tag[1])} {text}")

    def _link(self, frame: Frame) -> list[str]:
        href = frame.attrs.get("href", "").strip()
        url = "" if href.startswith("#") or self._plain else self._address(href)
        label = line_of(frame.parts)
        if href.startswith("#") and label in ANCHORS:
            return []
        if not url or not label:
            return frame.parts
        self._room -= len(url)
        if has_block(frame.parts):
            return [*frame.parts, Block(f"<{url}>")]
        # Space around the label stays outside: it may be all that parts two words.
        text = "".join(frame.parts)
        before, after = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
        return [before, f"<{url}>" if label == url else f"[{label}]({url})", after]

    def _marker(self, tag: str) -> str:
        """Return what an item begins with: its number in an ordered list, else a sign."""
        around = self._stack[max(self._last("ul"), self._last("ol"))]
        if tag == "dd" or around.tag != "ol":
            return ":" if tag == "dd" else "-"
        start = around.attrs.get("start", "")
        if not around.number and re.fullmatch(r"[0-9]{1,6}", start):
            around.number = int(start) - 1
        around.number += 1
        return f"{around.number}."

    def _address(self, href: str) -> str:
        """Return an address made absolute, "" for one that leads nowhere a reader could go."""
        try:
            url = urljoin(self._base, href.strip())
            good = urlsplit(url).scheme in ("http", "https", "mailto")
        except ValueError:
            return ""
        ends = {" ": "%20", "(": "%28", ")": "%29", "<": "%3C", ">": "%3E"}
        return "".join(ends.get(c, c) for c in url if c.isprintable()) if href and good and not self.full else ""
