"""Words: how text is put into the index, and how a query becomes an expression of FTS5.

Text is brought to one form (NFKC), and Chinese, Japanese and Korean characters are set apart, so that each is a word:
FTS5 would take a whole run of them for one.
"""

import re
import unicodedata
from dataclasses import dataclass

TOKENIZER = "porter unicode61 remove_diacritics 2"
APART = "\u2060"
"""The word joiner: it stands around a character that is a word of its own, and is invisible."""

MAX_TERMS = 64
"""Words and phrases of a query that count."""

_CJK = re.compile(
    "[\u1100-\u11ff\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3038-\u303c\u3040-\u30ff\u3100-\u318f\u31a0-\u31bf"
    "\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\U00016fe0-\U00018dff"
    "\U0001aff0-\U0001b16f\U00020000-\U000323af]"
)
_UNWRITABLE = re.compile("[\ud800-\udfff]")
_TERM = re.compile(r'"([^"]*)"?|([^\s"]+)')
_COMMON_ENDINGS = """able ably al ally ance ances ant ants ate ated ates ating ation ations ed ence ences ent ently ents
er ers es ful fully ible ibly ied ies ing ingly ings ion ions ism isms ist ists ity ities ive ively ization izations ize
ized izer izes izing less ly ment ments ness ous ously s"""
_ENDINGS = _COMMON_ENDINGS.split()

_STOP_WORDS = """a an and are as at be been but by can could did do does for from had has have how i if in into is it
its me my no not of on or our please show so some tell than that the their them then there these they this those to up
was we were what when where which who why will with would you your"""
STOP_WORDS = frozenset(_STOP_WORDS.split())
"""Words that say nothing about what is looked for, once vectors say it."""


@dataclass(frozen=True, slots=True)
class Term:
    """A word or a quoted phrase of a query, `text` in the index's form; `prefix`: any word that begins so."""

    text: str
    prefix: bool = False
    quoted: bool = False

    @property
    def exact(self) -> bool:
        """Tell whether the words of it are less than what was written: `C++`, `a.b`, `snake_case`."""
        return any(not c.isalnum() and not c.isspace() and c != APART for c in self.text)

    def expression(self) -> str:
        """Return an expression of FTS5: the phrase of the words in it."""
        text = self.text.replace('"', " ")
        if not self.prefix:
            return f'"{text}"'
        words = " OR ".join(f'"{word}"' for word in _completions(text))
        return f'("{text}"* OR {words})' if words else f'"{text}"*'


def indexable(text: str) -> str:
    """Return text in the form in which it is indexed and shown."""
    if text.isascii():
        return text.replace("\0", " ")
    whole = _UNWRITABLE.sub("\ufffd", unicodedata.normalize("NFKC", text))
    return _CJK.sub(f"{APART}\\g<0>{APART}", whole).replace("\0", " ")


def readable(text: str) -> str:
    """Return indexed text without what sets characters apart."""
    return text.replace(APART, "")


def terms_of(query: str) -> list[Term]:
    """Return the terms of a query, all of which must be there: words, "quoted phrases", and begin* for beginnings.

    Nothing else means anything; what holds no letter and no digit is left out, and so are terms after the 64th.
    """
    terms: list[Term] = []
    for quoted, word in _TERM.findall(query):
        text = indexable(quoted or word)
        prefix = not quoted and text.endswith("*")
        term = Term(text.rstrip("*").strip() if prefix else text.strip(), prefix, bool(quoted))
        if any(map(str.isalnum, term.text)) and term not in terms:
            terms.append(term)
    return [_last_word_open(term) for term in terms[:MAX_TERMS]]


def without_stop_words(terms: list[Term]) -> list[Term]:
    """Return the terms that say something; all of them where none does."""
    return [t for t in terms if t.quoted or t.text.lower() not in STOP_WORDS] or terms


def expression_of(terms: list[Term]) -> str:
    """Return the FTS5 expression that finds what holds all terms; never one that FTS5 can't read."""
    return " AND ".join(term.expression() for term in terms)


def _last_word_open(term: Term) -> Term:
    """Return the term; no prefix where its last character ends a word already, as in `foo(*`."""
    if term.prefix and not term.text[-1].isalnum():
        return Term(term.text)
    return term


def _completions(text: str) -> list[str]:
    """Return words that `text` may be the beginning of, whose stem is shorter than it: `runni` for `running`.

    The index holds stems, in which `runni` begins nothing.
    """
    found = []
    for ending in _ENDINGS:
        for size in range(1, len(ending) + 1):
            if text.endswith(ending[:size]) and text[: len(text) - size][-2:].isalpha() and len(text) - size > 1:
                found.append(text + ending[size:])
    return sorted(set(found))
