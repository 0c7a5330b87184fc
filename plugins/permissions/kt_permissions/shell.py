"""Every simple command that a text for bash can run, and whether that is known for certain."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from .runners import Words, changes_what_runs, inside
from .syntax import WORDS, doubts, drops_dash
from .words import literal

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

MAX_BYTES = 64 * 1024
MAX_DEPTH = 50
MAX_MARKS = 2000
"""Pipes and parentheses: the parser's time grows with the square of those that do not end."""

_COMMANDS = frozenset(("command", "declaration_command", "unset_command", "test_command"))
_EXPRESSIONS = frozenset(("unary_expression", "binary_expression"))
_REDIRECTS = frozenset(("file_redirect", "heredoc_redirect", "herestring_redirect"))
_SPLIT = frozenset(("expansion", "simple_expansion", "command_substitution"))
"""Words that bash splits into any number of words, where they are not quoted."""
_NESTS = frozenset(
    ("subshell", "compound_statement", "command_substitution", "process_substitution", "if_statement", "do_group",
     "case_statement", "parenthesized_expression", "expansion", "string", "negated_command", "array")
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Simple:
    """One simple command: its words, what redirections open, the variables it sets. None: not known before it runs.

    `words` is empty where a text only redirects or only assigns.
    """

    words: Words
    writes: Words = ()
    reads: Words = ()
    assignments: tuple[tuple[str, str | None], ...] = ()


@dataclass(frozen=True, slots=True)
class Parts:
    """The commands in the order of the text; unless `certain`, others may run too: `why` says how."""

    commands: tuple[Simple, ...]
    certain: bool
    why: str


def parts_of(command: str) -> Parts:
    """Return every simple command that bash can run for this text, those that commands run for it included.

    Never raises: what cannot be read is not certain.
    """
    reader = _Reader()
    reader.read(command, 0)
    return Parts(tuple(reader.commands), not reader.why, reader.why)


@cache
def _parser() -> "Parser":
    import tree_sitter_bash
    from tree_sitter import Language, Parser

    return Parser(Language(tree_sitter_bash.language()))


class _Reader:
    """Collects the commands of a text and of the texts within it; `why` is the first doubt."""

    def __init__(self) -> None:
        self.commands: list[Simple] = []
        self.why = ""

    def read(self, text: str, depth: int) -> None:
        if any((c.isspace() or not c.isprintable()) and c not in " \t\n" for c in text):
            return self._doubt("it has characters that nobody sees")
        if len(source := text.encode()) > MAX_BYTES:
            return self._doubt(f"it is longer than {MAX_BYTES} bytes")
        if text.count("|") + text.count("(") > MAX_MARKS:
            return self._doubt(f"it has more than {MAX_MARKS} pipes and parentheses")
        root = _parser().parse(source).root_node
        for why in doubts(source, root):
            self._doubt(why)
        for node, redirects, deep in _statements(root, depth):
            if deep > MAX_DEPTH:
                return self._doubt(f"it nests deeper than {MAX_DEPTH}")
            self._add(self._simple(node, redirects), deep)
        return None

    def _doubt(self, why: str) -> None:
        self.why = self.why or why

    def _add(self, simple: Simple, depth: int) -> None:
        if depth > MAX_DEPTH:
            return self._doubt(f"it nests deeper than {MAX_DEPTH}")
        self.commands.append(simple)
        for name, _ in simple.assignments:
            if changes_what_runs(name):
                self._doubt(f"the variable {name} changes what runs")
        for inner in inside(simple.words):
            if inner.doubt:
                self._doubt(inner.doubt)
            if inner.script is not None:
                self.read(inner.script, depth + 1)
            if inner.words:
                self._add(Simple(inner.words, assignments=inner.assignments), depth + 1)
        return None

    def _simple(self, node: "Node", redirects: "list[Node]") -> Simple:
        words: list[str | None] = []
        assignments: list[tuple[str, str | None]] = []
        redirects = list(redirects)
        for child in _pieces(node):
            if child.type in _REDIRECTS:
                redirects.append(child)
            elif child.type == "variable_assignment" and not words:
                assignments.append(self._assigned(child))
            else:
                words.append(self._word(child))
                if child.type in _SPLIT and words[0] in ("[", "test"):
                    self._doubt(f"an unquoted word can be an option of {words[0]}")
        if node.type == "for_statement" and (variable := node.child_by_field_name("variable")):
            assignments.append((_text(variable), None))
        writes, reads = self._opened(redirects, words)
        return Simple(tuple(words), writes, reads, tuple(assignments))

    def _opened(self, redirects: "list[Node]", words: list[str | None]) -> tuple[Words, Words]:
        """Return what the redirections write and read; a word after a target belongs to `words`."""
        writes: list[str | None] = []
        reads: list[str | None] = []
        waiting = redirects[::-1]
        while waiting:
            redirect = waiting.pop()
            if redirect.type == "heredoc_redirect":
                words.extend(["-"] * drops_dash(redirect))
                waiting.extend(child for child in reversed(redirect.named_children) if child.type == "file_redirect")
                words.extend(self._word(child) for child in redirect.named_children if child.type in WORDS)
            elif redirect.type == "file_redirect":
                operator = next(child.type for child in redirect.children if not child.is_named)
                targets = [self._word(child) for child in redirect.children_by_field_name("destination")]
                if not operator.endswith("-") and targets:
                    target = targets.pop(0)
                    if operator.endswith("&") and not re.fullmatch(r"[\w./-]+", target or ""):
                        self._doubt("bash expands such a target twice")
                    if not (operator.endswith("&") and re.fullmatch(r"[0-9]+-?|-", target or "")):
                        (reads if operator.startswith("<") else writes).append(target)
                words.extend(targets)
        return tuple(writes), tuple(reads)

    def _word(self, node: "Node") -> str | None:
        if node.type not in WORDS and node.is_named and node.type != "variable_assignment":
            self._doubt(f"a {node.type} within a command")
            return None
        try:
            return literal(_text(node))
        except ValueError as error:
            self._doubt(f"bash reads a word differently: {error}")
            return None

    def _assigned(self, node: "Node") -> tuple[str, str | None]:
        name, _, value = _text(node).partition("=")
        if not (name := name.removesuffix("+")).isidentifier():
            self._doubt(f"bash reads {name!r} differently")
        try:
            return name, literal(value)
        except ValueError:
            if not value.startswith("("):
                self._doubt(f"bash reads the value of {name} differently")
            return name, None


def _text(node: "Node") -> str:
    return (node.text or b"").decode()


def _pieces(node: "Node") -> "Iterator[Node]":
    """Yield the words, assignments and redirections of a statement; none of a lone redirection."""
    if node.type == "variable_assignment":
        yield node
    elif node.type in _COMMANDS:
        waiting = node.children[::-1]
        while waiting:
            child = waiting.pop()
            if child.type in _EXPRESSIONS:
                waiting.extend(reversed(child.children))
            else:
                yield child


def _statements(root: "Node", depth: int) -> "Iterator[tuple[Node, list[Node], int]]":
    """Yield each command, assignment, loop variable and lone redirection, with its redirections and its depth."""
    redirects: dict[int, list[Node]] = {}
    within: set[int] = set()
    waiting = [(root, depth)]
    while waiting:
        node, deep = waiting.pop()
        own = redirects.pop(node.id, [])
        if node.type not in _COMMANDS and node.type not in _REDIRECTS:
            own += [child for child in node.named_children if child.type in _REDIRECTS]
        owner = _owner(node) if node.type == "redirected_statement" else None
        if owner is not None:
            redirects[owner.id] = own
        elif (_is_statement(node) and node.id not in within) or own or deep > MAX_DEPTH:
            yield node, own, deep
        if node.type in _COMMANDS:
            within.update(child.id for child in node.named_children)
        deep += node.type in _NESTS
        waiting.extend((child, deep) for child in reversed(node.named_children))


def _is_statement(node: "Node") -> bool:
    if node.type == "test_command":
        return node.children[0].type == "["
    return node.type in _COMMANDS or node.type in ("variable_assignment", "for_statement")


def _owner(redirected: "Node") -> "Node | None":
    """Return the command that redirections belong to: in a list or pipeline the last; None for a compound one."""
    body = redirected.child_by_field_name("body")
    while body is not None and body.type in ("list", "pipeline", "negated_command"):
        body = body.named_children[-1]
    is_one = body is not None and (body.type == "redirected_statement" or _is_statement(body))
    return body if is_one else None
