"""Snippets: the piece of an event's text around what was looked for."""

import sqlite3
from collections.abc import Sequence

from .words import TOKENIZER, Term, readable

BEGIN, END = "\ue000", "\ue001"
"""Around what matched; private characters, so that no text has them."""

WORDS = 24
CHARACTERS = 400


class Snippets:
    """Cut snippets out of texts, in FTS5's own way: it knows which words matched. Close it after use."""

    def __init__(self, terms: Sequence[Term]) -> None:
        self._query = " OR ".join(term.expression() for term in terms)
        self._db = sqlite3.connect(":memory:", isolation_level=None)
        self._db.execute(f"create virtual table one using fts5(text, tokenize='{TOKENIZER}')")

    def of(self, text: str) -> str:
        """Return a piece of an indexed text on one line, each match between BEGIN and END; its start without one."""
        text = text.replace(BEGIN, " ").replace(END, " ")
        found = None
        if self._query:
            self._db.execute("delete from one")
            self._db.execute("insert into one(text) values(?)", (text,))
            cut = "select snippet(one, 0, ?, ?, '...', ?) from one where one match ?"
            found = self._db.execute(cut, (BEGIN, END, WORDS, self._query)).fetchone()
        return _fitted(_joined(found[0] if found else text))

    def close(self) -> None:
        self._db.close()


def marked(snippet: str, begin: str, end: str) -> str:
    """Return a snippet with other marks around what matched."""
    return snippet.replace(BEGIN, begin).replace(END, end)


def _joined(text: str) -> str:
    return readable(" ".join(text.split())).replace(END + BEGIN, "")


def _fitted(text: str) -> str:
    """Return at most 400 characters of a line, the first match among them; marks stay in pairs."""
    if len(text) <= CHARACTERS:
        return text
    start = max(0, text.find(BEGIN) - CHARACTERS // 3)
    piece = text[start : start + CHARACTERS]
    if piece.count(BEGIN) > piece.count(END):
        piece += END
    return ("..." if start else "") + piece + ("..." if start + CHARACTERS < len(text) else "")
