"""One file of Python: what each of its names and calls stands for."""

import ast
from collections.abc import Sequence

from ..needs import Needs
from .code import BROKEN, Code, decoded, is_secret, literal, running_nodes
from .code_names import DECODING, HIDING, METHODS, NATIVE, SENSITIVE, TRICKS, matching, reached
from .code_registry import INNARDS, is_adder, is_registry
from .code_registry import look as look_at_registry

_IMPORTERS = {"__import__", "builtins.__import__", "importlib.import_module", "importlib.__import__"}
_RUNNERS = {"exec", "eval", "compile", "builtins.exec", "builtins.eval", "builtins.compile"}
_READERS = {"os.getenv", "os.environ.get", "os.environ.pop", "os.environ.setdefault", "os.environb.get"}
_WHOLE = {"os.environ", "os.environb"}
_NEEDS = ("reads", "writes", "net", "exec", "secrets")


def look(source: bytes, name: str, into: Code) -> None:
    """Add to `into` what a file of Python reaches."""
    try:
        tree = ast.parse(decoded(source))
        _File(name, into).look(tree)
    except BROKEN as error:
        into.unreadable.setdefault(name, type(error).__name__)


class _File:
    """The names of one file, and what its nodes add to `into`."""

    def __init__(self, name: str, into: Code, *, line: int = 0, names: dict[str, str] | None = None) -> None:
        self.name, self.into, self.line = name, into, line
        self.names: dict[str, str] = {} if names is None else names
        self.decodes = False
        self.used: set[int] = set()

    def look(self, tree: ast.AST) -> None:
        nodes = list(running_nodes(tree))
        for node in nodes:
            if isinstance(node, ast.Import | ast.ImportFrom):
                self._import(node)
        for node in nodes:
            if isinstance(node, ast.Assign):
                self._alias(node)
        for node in nodes:
            if isinstance(node, ast.Call):
                self._call(node)
            elif isinstance(node, ast.Subscript):
                self._subscript(node)
            elif isinstance(node, ast.Compare):
                self.used |= {id(side) for side in node.comparators}
        for node in nodes:
            if isinstance(node, ast.Attribute | ast.Name) and isinstance(node.ctx, ast.Load):
                self._name(node)
            if isinstance(node, ast.Attribute) and node.attr in INNARDS and is_registry(self._dotted(node.value)):
                self.into.takes.setdefault(("registry", node.attr), self._at(node))

    def _at(self, node: ast.AST) -> str:
        return f"{self.name}:{self.line or getattr(node, 'lineno', 0)}"

    def _hidden(self, what: str, node: ast.AST) -> None:
        self.into.hidden.setdefault(what, self._at(node))

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        if isinstance(node, ast.ImportFrom) and (node.level or not node.module):
            return
        for alias in node.names:
            if isinstance(node, ast.Import):
                full, top = alias.name, alias.name.partition(".")[0]
                self.names[alias.asname or top] = full if alias.asname else top
            else:
                full = f"{node.module}.{alias.name}"
                self.names[alias.asname or alias.name] = full
                if alias.name == "*" and node.module in SENSITIVE:
                    self._hidden(f"from {node.module} import *", node)
            self._reach(full, node)

    def _alias(self, node: ast.Assign) -> None:
        """Take `name = module` for an import, and likewise a registry's other name."""
        full = self._dotted(node.value)
        if (
            (full in SENSITIVE or is_registry(full) or is_adder(full))
            and len(node.targets) == 1
            and isinstance(node.targets[0], ast.Name)
        ):
            self.names[node.targets[0].id] = full

    def _reach(self, name: str, node: ast.AST) -> None:
        """Note what a dotted name stands for."""
        if found := reached(name):
            kind, known = found
            self.into.reaches.setdefault(kind, {}).setdefault(known, self._at(node))
        if library := matching(name, NATIVE):
            self.into.native.setdefault(library, self._at(node))
        if module := matching(name, HIDING):
            self._hidden(module, node)
        self.decodes = self.decodes or matching(name, DECODING) is not None

    def _dotted(self, node: ast.AST) -> str:
        """Return the full name that an expression stands for; empty where nothing says it."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        base = self._base(node)
        return ".".join([base, *reversed(parts)]) if base else ""

    def _base(self, node: ast.AST) -> str:
        if isinstance(node, ast.Name):
            return self.names.get(node.id, node.id)
        if isinstance(node, ast.Subscript) and self._dotted(node.value) == "sys.modules":
            return literal(node.slice) or ""
        if isinstance(node, ast.Call) and node.args:
            function = self._dotted(node.func)
            if function in _IMPORTERS:
                return literal(node.args[0]) or ""
            if function in ("getattr", "builtins.getattr") and len(node.args) > 1:
                owner, name = self._dotted(node.args[0]), literal(node.args[1])
                return f"{owner}.{name}" if owner and name else ""
        return ""

    def _name(self, node: ast.Attribute | ast.Name) -> None:
        dotted = self._dotted(node)
        if isinstance(node, ast.Attribute):
            if dotted.partition(".")[0] in SENSITIVE or dotted.partition(".")[0] in self.names.values():
                self._reach(dotted, node)
            if (kind := METHODS.get(node.attr)) and self.names.keys() & {"asyncio", "anyio", "uvloop"}:
                self.into.reaches.setdefault(kind, {}).setdefault(node.attr, self._at(node))
        owner, _, last = dotted.rpartition(".")
        if last in TRICKS or (last == "__dict__" and (owner in SENSITIVE or is_registry(owner))):
            self._hidden(dotted, node)
        if id(node) not in self.used:
            if dotted in ("exec", "eval", "__import__"):
                self._hidden(f"{dotted} under another name", node)
            elif dotted in _WHOLE:
                self._hidden("the whole environment", node)
            elif is_adder(dotted):
                self._hidden(f"{dotted} under another name", node)

    def _subscript(self, node: ast.Subscript) -> None:
        value, key = self._dotted(node.value), literal(node.slice)
        if value in _WHOLE:
            self.used.add(id(node.value))
            self._variable(key, node)
        elif value == "sys.modules" and isinstance(node.ctx, ast.Load):
            self._module(key, node)

    def _call(self, node: ast.Call) -> None:
        self.used.add(id(node.func))
        if isinstance(node.func, ast.Attribute):
            self.used.add(id(node.func.value))
        function, first = self._dotted(node.func), literal(node.args[0]) if node.args else None
        look_at_registry(node, function, self._dotted, self.into, self._at(node))
        if function in _READERS:
            self._variable(first, node)
        elif function.rpartition(".")[0] in _WHOLE:
            self._hidden("the whole environment", node)
        elif function in _IMPORTERS:
            self._module(first, node)
        elif function in _RUNNERS:
            self._run(function.rpartition(".")[2], first, node)
        elif function in ("getattr", "builtins.getattr", "vars", "operator.attrgetter"):
            self._attribute(node)
        elif function.rpartition(".")[2] == "ToolNeeds":
            self._tool_needs(node)

    def _variable(self, name: str | None, node: ast.AST) -> None:
        if name is None:
            self._hidden("environment variables by computed names", node)
        elif is_secret(name):
            self.into.secrets.setdefault(name, self._at(node))

    def _module(self, name: str | None, node: ast.AST) -> None:
        if name is None:
            self._hidden("modules by computed names", node)
        else:
            self._reach(name, node)

    def _run(self, word: str, text: str | None, node: ast.AST) -> None:
        if text is None:
            how = "decodes text and runs it with" if self.decodes else "runs computed text with"
            self._hidden(f"{how} {word}", node)
            return
        try:
            tree = ast.parse(text)
        except BROKEN as error:
            self.into.unreadable.setdefault(self._at(node), type(error).__name__)
            return
        _File(self.name, self.into, line=getattr(node, "lineno", 0), names=dict(self.names)).look(tree)

    def _attribute(self, node: ast.Call) -> None:
        owner = self._dotted(node.args[0]) if node.args else ""
        name = literal(node.args[1]) if len(node.args) > 1 else None
        if owner in SENSITIVE and name is None:
            self._hidden(f"{owner} by computed names", node)
        elif owner and name is not None:
            self._reach(f"{owner}.{name}", node)

    def _tool_needs(self, node: ast.Call) -> None:
        given = {keyword.arg: keyword.value for keyword in node.keywords}
        given |= dict(zip(_NEEDS, node.args, strict=False))
        table: dict[str, tuple[str, ...]] = {}
        for kind, value in given.items():
            texts = _texts(value)
            if kind is None or (kind in _NEEDS and texts is None):
                self._hidden(f"computed {kind or 'needs'} of ToolNeeds", node)
            elif kind in _NEEDS and texts:
                table[kind] = tuple(texts)
        self.into.tools.append((self._at(node), Needs(**table)))


def _texts(node: ast.expr) -> Sequence[str] | None:
    try:
        value = ast.literal_eval(node)
    except (*BROKEN, TypeError):
        return None
    if not isinstance(value, tuple | list | set):
        return None
    return [v for v in value if isinstance(v, str)]
