"""What bash makes of the source text of one word: quotes, escapes and line continuations."""

import re
from collections.abc import Callable

_PIECE = re.compile(
    r"""
    \\(?P<escaped>.)
  | '(?P<raw>[^']*)'
  | \$'(?P<ansi>(?:[^'\\]|\\.)*)'
  | "(?P<double>(?:[^"\\$`]|\\.|\$(?![A-Za-z0-9_{(\[@*\#?$!\\-]))*)"
  | (?P<expansion>\$["A-Za-z0-9_{(\[@*\#?$!\\-]|[`"]|[<>]\()
  | (?P<plain>[^\s;&|<>()'"\\`$]+|\$(?!'))
    """,
    re.S | re.X,
)
_IN_DOUBLE = re.compile(r"\\([\\$`\"\n])")
_EXPANDS = re.compile(r"[*?]|\[.*\]|\{.*(?:,|\.\.)|^~|[:=]~", re.S)
"""Globs, braces and tildes, in what is left of a word without its quoted characters."""

_ANSI = re.compile(r"\\(?:([0-7]{1,3})|x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{1,4})|U([0-9a-fA-F]{1,8})|(.))", re.S)
_ANSI_LETTERS = {"a": "\a", "b": "\b", "e": "\x1b", "E": "\x1b", "f": "\f", "n": "\n", "r": "\r", "t": "\t",
                 "v": "\v", "\\": "\\", "'": "'", '"': '"', "?": "?"}  # fmt: skip


def literal(text: str) -> str | None:
    """Return what bash makes of the word, or None where only running it tells: expansions, globs, braces, tildes.

    Raises ValueError where bash would end the word before the end of the text.
    """
    value: list[str] = []
    unquoted: list[str] = []
    at = 0
    while at < len(text):
        piece = _PIECE.match(text, at)
        if piece is None:
            raise ValueError(f"{text[at]!r} ends a word")
        at = piece.end()
        kind = str(piece.lastgroup)
        decoded = None if kind == "expansion" else _DECODE[kind](piece[kind])
        if decoded is None:
            return None
        value.append(decoded)
        unquoted.append(decoded if kind == "plain" else "\0")
    return None if _EXPANDS.search("".join(unquoted)) else "".join(value)


def _escaped(character: str) -> str:
    return "" if character == "\n" else character


def _double(text: str) -> str:
    return _IN_DOUBLE.sub(lambda found: "" if found[1] == "\n" else found[1], text)


def _ansi(text: str) -> str | None:
    """Return what $'text' is; None for a control escape, a NUL or a byte beyond ASCII: they depend on the locale."""
    value, at = "", 0
    for found in _ANSI.finditer(text):
        value += text[at : found.start()]
        at = found.end()
        octal, two, four, eight, letter = found.groups()
        if letter is None:
            code = int(octal, 8) & 0xFF if octal else int(two or four or eight, 16)
            if not 0 < code < 0x80:
                return None
            value += chr(code)
        elif letter == "c":
            return None
        else:
            value += _ANSI_LETTERS.get(letter, "\\" + letter)
    return value + text[at:]


_DECODE: dict[str, Callable[[str], str | None]] = {
    "escaped": _escaped,
    "raw": str,
    "ansi": _ansi,
    "double": _double,
    "plain": str,
}
