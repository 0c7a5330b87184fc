"""The conversation of a session as Markdown, in which what was said stands as it was said: nothing of it is markup."""

import re
from collections.abc import Iterator
from html import escape

from .export import Piece, chapters, facts, heading, is_short, told
from .lines import about, inert, one_line
from .listing import Summary
from .reader import SessionReader

_FENCE = re.compile(r"\s*(`{3,}|~{3,})\s*([\w+#.-]*)[^`]*$")
_SPECIAL = re.compile(r"[\\`*_\[\]~|$]")
_LEADING = re.compile(r"^(\s*)(\d+(?=[.)])|(?=[#+=:-]))")


def blocks(text: str) -> Iterator[tuple[str | None, str]]:
    """Yield text as (None, prose) and (language, code) of what stands between fences, escapes made visible."""
    lines: list[str] = []
    fence, language = "", ""
    for line in inert(text.replace("\r\n", "\n")).split("\n"):
        found = _FENCE.match(line)
        if not fence and found:
            if lines:
                yield None, "\n".join(lines)
            fence, language, lines = found[1], found[2], []
        elif fence and found and found[1].startswith(fence) and line.strip() == found[1]:
            yield language, "\n".join(lines)
            fence, lines = "", []
        else:
            lines.append(line)
    if fence or lines:
        yield (language if fence else None), "\n".join(lines)


def markdown(reader: SessionReader, found: Summary, agent: str | None = None) -> Iterator[str]:
    """Yield the conversation, or that of one agent, as Markdown."""
    yield f"# {prose(found.headline)}\n\n{prose(found.facts)}\n"
    parts = chapters(reader, agent)
    for name, info in parts:
        if len(parts) > 1:
            yield f"# {prose(one_line(name))}\n"
        for turn in told(reader, info):
            if turn.number is not None:
                yield f"## Turn {turn.number}\n\n{prose(facts(turn))}\n"
            for piece in turn.pieces:
                yield _markdown_piece(piece)


def _markdown_piece(piece: Piece) -> str:
    media = [f"*{prose(about(m))}*\n" for m in piece.media]
    if piece.kind in ("user", "agent"):
        who = {"user": "User", "agent": "Agent"}[piece.kind] + (f" ({piece.title})" if piece.title else "")
        return "\n".join([f"**{prose(inert(who))}**\n", *_blocks(piece.text), *media])
    if is_short(piece):
        return f"*{prose(inert(piece.text))}*\n"
    body = [_code("json", inert(piece.text))] if piece.kind == "call" else _blocks(piece.text)
    if piece.result is not None:
        body.append(_code("text", inert(piece.result)))
    summary = escape(heading(piece))
    return "\n".join([f"<details><summary>{summary}</summary>\n", *body, *media, "</details>\n"])


def _blocks(text: str) -> list[str]:
    return [prose(block) + "\n" if lang is None else _code(lang, block) for lang, block in blocks(text)]


def _code(language: str, text: str) -> str:
    fence = "`" * max([3, *(len(run) + 1 for run in re.findall("`+", text))])
    return f"{fence}{language}\n{text}\n{fence}\n"


def prose(text: str) -> str:
    """Return Markdown that shows a text as it is, its line breaks and indentation too."""
    return "  \n".join(map(_prose_line, text.strip("\n").split("\n"))).replace("  \n  \n", "\n\n")


def _prose_line(line: str) -> str:
    escaped = _SPECIAL.sub(r"\\\g<0>", line.rstrip().expandtabs(4))
    escaped = _LEADING.sub(lambda m: f"{m[1]}{m[2]}\\", escaped)
    escaped = escape(escaped, quote=False)
    bare = escaped.lstrip()
    return "&nbsp;" * (len(escaped) - len(bare)) + bare
