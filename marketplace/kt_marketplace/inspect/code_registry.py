"""Calls of kt's registry in a file of Python: what is taken over from whoever registered it first."""

import ast
from collections.abc import Callable

from .code import Code, literal

ADDERS = {
    *("add", "provider", "tool", "input", "output", "trigger", "store", "sandbox", "plugin", "command", "creature"),
    *("format", "profile", "run_option", "build_option"),
}
"""Methods of kt's registry that register."""
COMPUTED = ("", "")
"""Stands for a kind or name that is computed, and for an override that may be one."""
INNARDS = ("owner", "drop", "_entries")
"""Attributes of the registry by which one passes for another distribution, or takes its names away."""


def is_registry(name: str) -> bool:
    """Tell whether a dotted name is a registry's, as far as it says."""
    return name.rpartition(".")[2] == "registry"


def is_adder(name: str) -> bool:
    """Tell whether a dotted name is a method of a registry that registers."""
    owner, _, method = name.rpartition(".")
    return method in ADDERS and is_registry(owner)


def look(node: ast.Call, function: str, dotted: Callable[[ast.AST], str], into: Code, place: str) -> None:
    """Add to `into` what a call registers and takes over.

    `function` is the dotted name of what is called, `dotted` gives that of any expression.
    """
    overrides = [k.value for k in node.keywords if k.arg == "override" and not _is(k.value, False)]
    spread = any(k.arg is None for k in node.keywords)
    method = node.func.attr if isinstance(node.func, ast.Attribute) else function.rpartition(".")[2]
    if is_adder(function):
        if target := _given(node, "target", 2 if method == "add" else 1):
            into.targets.setdefault(target, place)
        if spread and not overrides:
            into.hidden.setdefault(f"computed settings of {function}", place)
    if overrides and method in ADDERS and _may_register(node, method):
        taken = _taken(node, method) if all(_is(value, True) for value in overrides) else COMPUTED
        into.takes.setdefault(taken, place)
    elif overrides and any(is_adder(dotted(argument)) for argument in node.args):
        into.takes.setdefault(COMPUTED, place)
    elif function in ("setattr", "delattr", "vars") and node.args and is_registry(dotted(node.args[0])):
        into.takes.setdefault(("registry", function), place)


def _may_register(node: ast.Call, method: str) -> bool:
    """Tell whether a call has as many arguments as a registry asks for."""
    given = [*node.args, *(k for k in node.keywords if k.arg in ("kind", "name", "target"))]
    computed = any(isinstance(a, ast.Starred) for a in node.args) or any(k.arg is None for k in node.keywords)
    return computed or len(given) >= (3 if method == "add" else 2)


def _taken(node: ast.Call, method: str) -> tuple[str, str]:
    """Return the kind and name that a call registers."""
    kind = _given(node, "kind", 0) if method == "add" else method
    name = _given(node, "name", 1 if method == "add" else 0)
    return (kind, name) if kind and name else COMPUTED


def _given(node: ast.Call, name: str, index: int) -> str | None:
    """Return the text of an argument; None where it is computed or not given."""
    values = [k.value for k in node.keywords if k.arg == name] or node.args[index : index + 1]
    return literal(values[0]) if values else None


def _is(node: ast.expr, value: bool) -> bool:
    return isinstance(node, ast.Constant) and bool(node.value) is value
