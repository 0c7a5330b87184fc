"""Tokens that are known by their looks, whoever they belong to."""

import re
from dataclasses import dataclass

_NO_WORD = "(?<![A-Za-z0-9])"


@dataclass(frozen=True, slots=True)
class Shape:
    """A sort of token, as regular expressions.

    `head`, of bounded length, makes a text a token, which then goes on while `run` fits, character by character.
    `partial` fits, up to the end of a text, what may yet become a head.
    """

    head: str
    partial: str
    run: str


def _opening(start: str) -> str:
    """Return the expression of a token's start where no letter or digit stands before it."""
    # The look-behind comes second so that the search can skip to the first letter.
    return f"{start}(?<![A-Za-z0-9]{start})"


def _begun(start: str, rest: str) -> str:
    """Return the expression of a beginning of `start`, or all of it and then `rest`."""
    for letter in reversed(start[1:]):
        rest = f"(?:{letter}(?:{rest}))?"
    return start[0] + rest


def _plain(start: str, body: str, least: int, *, mixed: bool = False) -> Shape:
    """Return the shape of a start that at least so many characters of `body` follow.

    `mixed` asks for a capital or digit among these, so that words joined by hyphens are none.
    """
    check = f"(?={body}{{0,{least - 1}}}[A-Z0-9])" if mixed else ""
    head = f"{_opening(start)}{check}{body}{{{least}}}"
    return Shape(head, _NO_WORD + _begun(start, f"{body}{{0,{least - 1}}}"), f"{body}*")


_NEWLINE = r"(?:(?:[\r\n]|\\[nr]){1,4}[ \t]{0,12}| (?=[A-Za-z0-9+/=]{30}))"
_PEM = Shape(
    rf"-----BEGIN [A-Z0-9 ]{{0,40}}PRIVATE KEY(?: BLOCK)?-----{_NEWLINE}"
    rf"(?:[A-Za-z-]{{4,20}}: [^\n\\]{{0,90}}{_NEWLINE}){{0,4}}",
    _begun("-----BEGIN ", r"[A-Z0-9 ]{0,60}-{0,5}|[A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----[\s\S]{0,640}"),
    "[^-]*",
)
_SECOND = _begun("eyJ", r"[\w-]{0,9}")
_JWT = Shape(
    rf"{_opening('eyJ')}[\w-]{{10,500}}\.eyJ[\w-]{{10}}",
    _NO_WORD + _begun("eyJ", rf"[\w-]{{0,500}}(?:\.(?:{_SECOND})?)?"),
    r"[\w.-]*",
)
SHAPES = (
    _plain("sk-", r"[\w-]", 20, mixed=True),
    *(_plain(start, "[A-Za-z0-9]", 30) for start in ("ghp_", "gho_", "ghu_", "ghs_", "ghr_")),
    _plain("github_pat_", r"\w", 22),
    *(_plain(start, "[A-Z0-9]", 16) for start in ("AKIA", "ASIA")),
    *(_plain(start, "[A-Za-z0-9-]", 10) for start in ("xoxb-", "xoxa-", "xoxp-", "xoxr-", "xoxs-")),
    _plain("AIza", r"[\w-]", 35),
    _JWT,
    _PEM,
)
# Without groups, so that the search can skip to the first letters.
HEADS = re.compile("|".join(shape.head for shape in SHAPES), re.ASCII)
PARTIAL = re.compile(rf"(?:{'|'.join(shape.partial for shape in SHAPES)})\Z", re.ASCII)
LONGEST_HEAD = 800
"""No head is longer."""
_EACH = tuple((re.compile(shape.head, re.ASCII), re.compile(shape.run, re.ASCII)) for shape in SHAPES)


def run_of(text: str, start: int) -> re.Pattern[str]:
    """Return what the token at `start` goes on with."""
    return next(run for head, run in _EACH if head.match(text, start))
