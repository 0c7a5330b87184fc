"""The conversation of a session as one HTML page: no script, nothing fetched, light and dark, for phones too."""

import base64
from collections.abc import Iterator
from html import escape

from kt import Media

from .export import Piece, ShownTurn, chapters, facts, heading, is_short, outcome, told
from .lines import about, inert, one_line
from .listing import Summary
from .markdown import blocks
from .reader import SessionReader

PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")
"""What is shown in the page; anything else is only named."""
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
STYLE = """
:root { color-scheme: light dark; --back: #fff; --text: #1c1e21; --dim: #5c6470; --line: #dfe3e8; --code: #f5f6f8;
  --user: #eaf1fb; --bad: #b3261e; --link: #1a56b0; }
@media (prefers-color-scheme: dark) { :root { --back: #16181c; --text: #e4e6ea; --dim: #9aa3af; --line: #30353d;
  --code: #1f2228; --user: #1d2a3d; --bad: #ff8a80; --link: #8ab4f8; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 46rem; padding: 1.5rem 1rem 4rem; background: var(--back); color: var(--text);
  font: 1rem/1.6 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; -webkit-text-size-adjust: 100%;
  overflow-wrap: anywhere; }
h1 { font-size: 1.4rem; line-height: 1.3; margin: 0 0 .5rem; }
h2 { font-size: 1.15rem; margin: 3rem 0 0; }
h3 { font-size: .95rem; margin: 2.2rem 0 .2rem; }
h3 a { color: inherit; text-decoration: none; }
.facts { color: var(--dim); font-size: .85rem; margin: 0 0 .8rem; }
.bad { color: var(--bad); }
.said { margin: .9rem 0; }
.said p, .note { white-space: pre-wrap; margin: .5rem 0; }
.user { background: var(--user); border-radius: .7rem; padding: .25rem .9rem; }
.who { color: var(--dim); font-size: .8rem; margin: .4rem 0 0; }
.note { color: var(--dim); font-size: .9rem; border-left: 3px solid var(--line); padding-left: .7rem; }
details { border: 1px solid var(--line); border-radius: .5rem; margin: .5rem 0; padding: 0 .8rem; }
summary { cursor: pointer; color: var(--dim); font-size: .88rem; padding: .45rem 0; }
summary b { color: var(--text); font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
details p { white-space: pre-wrap; font-size: .92rem; margin: .3rem 0 .8rem; }
pre { background: var(--code); border-radius: .4rem; padding: .6rem .8rem; margin: .5rem 0; overflow: auto;
  max-height: 34rem; overflow-wrap: normal; tab-size: 4;
  font: .82rem/1.45 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
img { max-width: 100%; height: auto; border-radius: .4rem; }
@media print { details > * { display: block; } pre { max-height: none; white-space: pre-wrap; } }
"""


def html(reader: SessionReader, found: Summary, agent: str | None = None) -> Iterator[str]:
    """Yield the page of a session, or of one agent in it. What was said is text in it, whatever it contains."""
    name = escape(found.headline)
    yield (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{name}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{name}</h1>\n"
        f'<p class="facts">{escape(found.facts)}</p>\n'
    )
    parts = chapters(reader, agent)
    for who, info in parts:
        yield "<section>\n" + (f"<h2>{escape(one_line(who))}</h2>\n" if len(parts) > 1 else "")
        for turn in told(reader, info):
            yield _turn(turn, f"turn-{info.id}-{turn.number}")
        yield "</section>\n"
    yield "</body>\n</html>\n"


def _turn(turn: ShownTurn, anchor: str) -> str:
    head = ""
    if turn.number is not None:
        bad = "" if turn.status == "ok" else " bad"
        head = f'<h3 id="{anchor}"><a href="#{anchor}">Turn {turn.number}</a></h3>\n'
        head += f'<p class="facts{bad}">{escape(facts(turn))}</p>\n'
    return head + "".join(map(_piece, turn.pieces))


def _piece(piece: Piece) -> str:
    media = "".join(map(_media, piece.media))
    if piece.kind in ("user", "agent"):
        who = f'<p class="who">{escape(one_line(piece.title))}</p>' if piece.title else ""
        return f'<div class="said {piece.kind}" dir="auto">{who}{_text(piece.text)}{media}</div>\n'
    if is_short(piece):
        return f'<p class="note">{escape(inert(piece.text))}</p>\n'
    if piece.kind != "call":
        return f"<details><summary>{escape(heading(piece))}</summary>{_text(piece.text)}</details>\n"
    tool, arguments = escape(one_line(piece.title, 60)), escape(one_line(piece.text, 60))
    bad = ' class="bad"' if piece.failed else ""
    result = "" if piece.result is None else f"<pre>\n{escape(inert(piece.result))}</pre>"
    return (
        f"<details><summary><b>{tool}</b> {arguments} <span{bad}>{escape(outcome(piece))}</span></summary>"
        f"<pre>\n{escape(inert(piece.text))}</pre>{result}{media}</details>\n"
    )


def _text(text: str) -> str:
    """Return prose as paragraphs, and what stands between fences as code."""
    shown = []
    for language, block in blocks(text):
        if language is not None:
            shown.append(f"<pre><code>{escape(block)}</code></pre>")
        elif block.strip("\n"):
            shown.append(f"<p>{escape(block.strip(chr(10)))}</p>")
    return "".join(shown)


def _media(media: Media) -> str:
    if media.data is None or media.mime not in PICTURES:
        return f'<p class="note">{escape(about(media))}</p>'
    data = base64.b64encode(media.data).decode()
    return f'<p><img alt="{escape(about(media))}" src="data:{media.mime};base64,{data}"></p>'
