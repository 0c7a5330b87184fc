"""Where bash may read a text differently than the parser did: the parser is lenient, and a guard must not be."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from .words import literal

if TYPE_CHECKING:
    from tree_sitter import Node

_CONTENT = r"(?:[^\\`$]|\\.|\$(?![{(\[\\]))*"
_LEAVES = {
    "word": r"(?:[^\s\\'\"`$;&|<>()]|\\.)+",
    "number": r"[-+]?[0-9A-Za-z#@_]+",
    "variable_name": r"\w+",
    "special_variable_name": r"[0-9@*#?$!_-]",
    "raw_string": r"'[^']*'",
    "ansi_c_string": r"\$'(?:[^'\\]|\\.)*'",
    "string_content": r"(?!.*(?<!\\)(?:\\\\)*\")" + _CONTENT,
    "heredoc_content": _CONTENT,
    "heredoc_start": r"[^\s$`;&|<>()]+",
    "heredoc_end": r"[^\n]+",
    "file_descriptor": r"[0-9]+",
    "test_operator": r"-[a-zA-Z]+|=~|[=!]=?|[<>]",
    "comment": r"#[^\n]*",
    "extglob_pattern": r"[^'\"`$\\()\s;&|<>]+",
    "regex": r"[^'\"`$\\()\s;&|<>]+",
    "command_substitution": r"\$\(\)",
}
"""What a node without children may be made of. Anything else is read differently by one of the two."""

_ONE_LINE = frozenset(
    ("command", "command_name", "file_redirect", "herestring_redirect", "unset_command",
     "variable_assignments", "redirected_statement", "declaration_command")
)  # fmt: skip
_TIGHT = frozenset(("concatenation", "variable_assignment", "simple_expansion"))
_EXPANSION = r"\$\{#?(?:\w+|[@*#?$!-])(?:\[[@*0-9]+\])?(?:(?::?[-+?]|[#%/^,])[^'\"\\]*|:[0-9]+(?::[0-9]+)?)?\}"
_NUMBERS = r"[-+*/%<>=!&|^~?:,()\s0-9$\[\]]*"
WORDS = frozenset(
    ("command_name", "word", "number", "concatenation", "string", "raw_string", "ansi_c_string", "translated_string",
     "expansion", "simple_expansion", "command_substitution", "process_substitution", "arithmetic_expansion",
     "brace_expression", "extglob_pattern", "regex", "variable_name", "test_operator")
)  # fmt: skip
"""Nodes that are a word of a command, or a piece of one."""
_WHOLE = frozenset(
    ("program", "list", "pipeline", "command", "redirected_statement", "file_redirect", "heredoc_redirect", "subshell",
     "herestring_redirect", "declaration_command", "unset_command", "test_command", "array", "for_statement",
     "compound_statement", "do_group", "command_substitution", "process_substitution", "variable_assignments")
)  # fmt: skip
_BREAKS = b" \t\n;&|<>()`"
_CHECKED = frozenset(
    ("expansion", "arithmetic_expansion", "c_style_for_statement", "compound_statement", "test_command", "subscript",
     "function_definition", "command_substitution", "heredoc_redirect")
)  # fmt: skip
_ARITHMETIC_TEST = re.compile(r"(?<!\S)-(?:eq|ne|lt|le|gt|ge|v|R)(?!\S)")
_ARITHMETIC = "arithmetic runs commands that are in the values of its variables"


def doubts(source: bytes, root: "Node") -> Iterator[str]:
    """Yield why the tree may not be what bash reads; nothing where both agree."""
    if root.has_error:
        yield "it does not parse"
    if source.find(b"$\\\n") >= 0:
        yield "a line continuation splits an expansion"
    yield from _gap(source, 0, root.start_byte, root)
    yield from _gap(source, root.end_byte, len(source), root)
    nodes = [root]
    while nodes:
        node = nodes.pop()
        children = node.children
        yield from _structure(source, node) if children else _leaf(source, node)
        ends = [child.end_byte for child in children]
        for end, child in zip([node.start_byte, *ends], children, strict=False):
            if not drops_dash(child):
                yield from _gap(source, end, child.start_byte, node)
        if ends:
            yield from _gap(source, ends[-1], node.end_byte, node)
        if node.type in _WHOLE:
            yield from _borders(source, children)
        nodes.extend(children)


def drops_dash(redirect: "Node") -> bool:
    """Return whether the word - stands before this here-document: the parser leaves it out of the tree."""
    if redirect.type != "heredoc_redirect" or (before := redirect.prev_sibling) is None or redirect.parent is None:
        return False
    start, text = redirect.parent.start_byte, redirect.parent.text or b""
    return bool(re.fullmatch(rb"[ \t]+-[ \t]*", text[before.end_byte - start : redirect.start_byte - start]))


def _text(source: bytes, node: "Node") -> str:
    return source[node.start_byte : node.end_byte].decode()


def _gap(source: bytes, start: int, end: int, parent: "Node") -> Iterator[str]:
    """What no node covers must be blank for bash too; a line continuation alone is not."""
    if start >= end:
        return
    gap = source[start:end].decode()
    if parent.type == "heredoc_body":
        if not re.fullmatch(_CONTENT, gap, re.S):
            yield "a here-document expands something the parser missed"
        return
    blank = gap.replace("\\\n", "")
    if blank.strip(" \t\n") or (not blank and start > 0) or parent.type in _TIGHT:
        yield f"bash reads {gap!r} differently"
    elif "\n" in blank and parent.type in _ONE_LINE and b"<<" not in source[parent.start_byte : start]:
        yield "a new line is in the middle of a command"


def _borders(source: bytes, children: "list[Node]") -> Iterator[str]:
    """A word must begin and end where one does for bash."""
    last = -1
    for node in children:
        is_word = node.type in WORDS or node.type == "variable_assignment"
        starts, ends = is_word or node.type == "file_descriptor", is_word or node.type == "heredoc_start"
        before, after = source[max(0, node.start_byte - 1) : node.start_byte], source[node.end_byte : node.end_byte + 1]
        if (starts and (before not in _BREAKS or last == node.start_byte)) or (ends and after not in _BREAKS):
            yield f"bash reads the end of {_text(source, node)!r} differently"
        last = node.end_byte if ends else -1


def _leaf(source: bytes, node: "Node") -> Iterator[str]:
    text = _text(source, node)
    if node.type == "heredoc_body":
        return
    if not node.is_named:
        if text.strip(" \t\n") not in ("", node.type):
            yield f"bash reads {text!r} differently"
        return
    if node.type == "program" and not text:
        return
    if node.type not in _LEAVES or not re.fullmatch(_LEAVES[node.type], text, re.S | re.A if text.isascii() else re.S):
        yield f"bash reads {text!r} differently"
    starts_word = node.start_byte == 0 or source[node.start_byte - 1 : node.start_byte] in _BREAKS
    quoted = node.type in ("string_content", "heredoc_content", "raw_string")
    if text.startswith("#") and not quoted and starts_word != (node.type == "comment"):
        yield "a comment is not where the parser sees one"


def _structure(source: bytes, node: "Node") -> Iterator[str]:
    if node.type not in _CHECKED:
        return
    text, first = _text(source, node), node.children[0].type
    match node.type:
        case "expansion" if not re.fullmatch(_EXPANSION, text, re.S | re.A):
            yield f"{text!r} may do more than insert text"
        case "arithmetic_expansion" | "c_style_for_statement" if not re.fullmatch(_NUMBERS, _arithmetic(text), re.A):
            yield _ARITHMETIC
        case "compound_statement" | "test_command" if first == "((" and not re.fullmatch(_NUMBERS, text, re.A):
            yield _ARITHMETIC
        case "test_command" if _ARITHMETIC_TEST.search(text) and first == "[[":
            yield _ARITHMETIC
        case "test_command" if first == "[" and "\n" in text.replace("\\\n", ""):
            yield "a new line is in the middle of a command"
        case "subscript":
            yield _ARITHMETIC
        case "function_definition":
            yield "a function takes the place of a command"
        case "command_substitution" if first == "`" and re.search(r"[\\`]", text.partition("`")[2].rpartition("`")[0]):
            yield "backticks and backslashes within backticks"
        case "heredoc_redirect":
            yield from _heredoc(source, node)


def _arithmetic(text: str) -> str:
    """Return what is calculated: the whole expansion, or the head of a loop."""
    return text.partition("((")[2].partition("))")[0] if text.startswith("for") else text


def _heredoc(source: bytes, node: "Node") -> Iterator[str]:
    """The here-document must end for the parser where it ends for bash: at its mark, alone on a line."""
    kinds = {child.type: child for child in node.children}
    start, body, end = (kinds.get(f"heredoc_{part}") for part in ("start", "body", "end"))
    if start is None or body is None or end is None:
        yield "a here-document without an end"
        return
    mark = _text(source, start)
    quoted = bool(set(mark) & set("'\"\\"))
    name = _name(mark)
    first = source.find(b"\n", start.end_byte) + 1
    at = first
    for line in source[first:].decode().split("\n"):
        if (line.lstrip("\t") if "<<-" in kinds else line) == name:
            break
        at += len(line.encode()) + 1
    text = source[first:at].decode()
    if not name or source[at : end.end_byte].decode().lstrip("\t") != name or not first <= body.start_byte <= at:
        yield "a here-document ends elsewhere"
    elif quoted and body.children:
        yield "a quoted here-document expands nothing"
    elif not quoted and ("\\\n" in text or (not body.children and not re.fullmatch(_CONTENT, text, re.S))):
        yield "a here-document expands something the parser missed"


def _name(mark: str) -> str | None:
    try:
        return literal(mark)
    except ValueError:
        return None
