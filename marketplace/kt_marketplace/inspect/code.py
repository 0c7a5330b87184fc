"""Read Python code as text, to tell what it reaches. Nothing of it runs or is imported."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from ..needs import Needs

MAX_CODE = 2 << 20
BROKEN = (SyntaxError, ValueError, RecursionError, MemoryError)
_SECRET = re.compile(r"(?i).*(KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL)S?(_[A-Z0-9]{1,8})?")
_COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
_ENCODINGS = {"utf-8", "utf8", "ascii", "us-ascii"}


@dataclass(slots=True)
class Code:
    """What files of Python reach: each name with its first place, "file:line".

    `reaches` is "net", "exec" or "listen" -> names. `secrets` are environment variables that look like keys, `tools`
    the needs that tools declare, `targets` the "module:attribute" texts given to a registry. `takes` are the kinds and
    names that it registers over those of others, `native` is what loads machine code, `hidden` what a look at the code
    can't follow, `unreadable` what is no Python.
    """

    reaches: dict[str, dict[str, str]] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    tools: list[tuple[str, Needs]] = field(default_factory=list)
    targets: dict[str, str] = field(default_factory=dict)
    takes: dict[tuple[str, str], str] = field(default_factory=dict)
    native: dict[str, str] = field(default_factory=dict)
    hidden: dict[str, str] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)


def is_secret(variable: str) -> bool:
    """Tell whether an environment variable's name says that it holds a key."""
    return _SECRET.fullmatch(variable) is not None


def literal(node: ast.AST) -> str | None:
    """Return the text that stands there; None for what is computed."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.Constant) and isinstance(node.value, bytes):
        return node.value.decode("latin-1")
    return None


def decoded(source: bytes) -> str:
    """Return the text of a file of Python. Raises ValueError for one too large or of an encoding that few can read."""
    if len(source) > MAX_CODE:
        raise ValueError("too large")
    for line in source.splitlines()[:2]:
        if (cookie := _COOKIE.match(line)) and cookie[1].decode().lower().replace("_", "-") not in _ENCODINGS:
            raise ValueError("encoding")
    return source.decode("utf-8-sig")


def running_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a file in order, without what stands below an `if TYPE_CHECKING:` that never runs."""
    never_runs: bool | None = None
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        children = list(ast.iter_child_nodes(node))
        if isinstance(node, ast.If) and _is_type_checking(node.test):
            never_runs = _never_runs(tree) if never_runs is None else never_runs
            children = list(node.orelse) if never_runs else children
        waiting.extend(reversed(children))


def _is_type_checking(test: ast.expr) -> bool:
    if isinstance(test, ast.Attribute):
        return test.attr == "TYPE_CHECKING" and isinstance(test.value, ast.Name) and test.value.id == "typing"
    return isinstance(test, ast.Name) and test.id == "TYPE_CHECKING"


def _never_runs(tree: ast.AST) -> bool:
    """Tell whether TYPE_CHECKING and typing are in a file what their names say, and so false."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store | ast.Del):
            if {getattr(node, "id", ""), getattr(node, "attr", "")} & {"TYPE_CHECKING", "typing"}:
                return False
        elif isinstance(node, ast.Import | ast.ImportFrom) and any(_renames(node, alias) for alias in node.names):
            return False
    return True


def _renames(node: ast.Import | ast.ImportFrom, alias: ast.alias) -> bool:
    bound = alias.asname or alias.name
    if isinstance(node, ast.ImportFrom):
        return bound in ("TYPE_CHECKING", "typing") and (node.module, alias.name) != ("typing", "TYPE_CHECKING")
    return bound == "typing" and alias.name != "typing"
