"""What the creatures and teams of a pack would reach, read from their files."""

import re
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from kt.errors import DataError, KTError

from ..manifest import FILE as MANIFEST
from ..needs import Needs
from .case import Case
from .code import is_secret
from .documents import ENDINGS, Plain, parse
from .findings import Finding, listed
from .targets import imports_of

FOLDERS = ("creatures", "terrariums")
MAX_DOCUMENTS = 2 << 20
"""Characters of YAML and TOML that are read in one wheel."""
WORKING = Needs(reads=("$WS",))
CHANGING = Needs(writes=("$WS",))
ANYWHERE = Needs(net=("*",))
TOOLS = {
    **dict.fromkeys(("read", "glob", "grep", "tree", "json_query", "notebook_read"), WORKING),
    **dict.fromkeys(("write", "edit", "apply_patch", "json_edit", "notebook_edit"), CHANGING),
    **dict.fromkeys(("fetch", "web_search"), ANYWHERE),
    **dict.fromkeys(("bash", "write_stdin"), Needs(exec=("any",))),
}
"""What the tools that come with kt reach when a creature of a pack has them."""
_VARIABLE = re.compile(r"\$\{([A-Za-z_]\w*)[:}]")
_FILE = re.compile(r"(\./.+\.py):\w+")


def reach(case: Case, needs: Needs) -> Iterator[Finding]:
    """Yield where a creature needs more than the manifest declares, or has code of others."""
    left = MAX_DOCUMENTS
    for name in case.wheel.files:
        if not name.lower().endswith(ENDINGS) or name.endswith(f"/{MANIFEST}"):
            continue
        try:
            text = case.wheel.read_text(name)
            left -= len(text)
            if left < 0:
                raise DataError("too much text", where=name)
            document = parse(text, name)
        except DataError as error:
            yield Finding("ask", "creature", f"{name} can't be read here: {error.what}")
            continue
        yield from _document(case, needs, name, document)


def _document(case: Case, needs: Needs, name: str, document: Plain) -> Iterator[Finding]:
    creature = _Creature(case, name)
    creature.visit(document)
    level = case.lie if name.startswith(tuple(f"{case.wheel.package}/{f}/" for f in FOLDERS)) else "ask"
    for what, asked in creature.asked.items():
        if beyond := asked.beyond(needs):
            text = f"{name}: {what} needs what the manifest does not declare: {'; '.join(beyond.lines())}"
            yield Finding(level, "lie", text)
    if creature.strangers:
        yield Finding(level, "target", f"{name} names code that is not the pack's: {listed(creature.strangers)}")
    if creature.broken:
        yield Finding(level, "lie", f"{name}: {listed(creature.broken)}")


class _Creature:
    """One document, walked to its end: what each of its parts asks for."""

    def __init__(self, case: Case, name: str) -> None:
        self.case, self.name = case, name
        self.asked: dict[str, Needs] = {}
        self.strangers: list[str] = []
        self.broken: list[str] = []

    def visit(self, document: Plain) -> None:
        waiting, seen = [document], set()
        while waiting:
            value = waiting.pop()
            if isinstance(value, str):
                self._variables(value)
            elif id(value) not in seen:
                seen.add(id(value))
                waiting.extend(value.values() if isinstance(value, dict) else value)
                if isinstance(value, dict):
                    self._table(value)

    def _ask(self, what: str, needs: Needs) -> None:
        self.asked[what] = self.asked.get(what, Needs()) | needs

    def _variables(self, text: str) -> None:
        for variable in _VARIABLE.findall(text):
            if is_secret(variable):
                self._ask(f"${{{variable}}}", Needs(secrets=(variable,)))

    def _table(self, table: Mapping[str, Plain]) -> None:
        for key, method in (("tools", self._tool), ("input", self._input), ("outputs", self._output),
                            ("triggers", self._trigger)):  # fmt: skip
            value = table.get(key, [])
            for item in value if isinstance(value, list) else [value]:
                settings: Mapping[str, Plain] = item if isinstance(item, dict) else {"name": item}
                named = settings.get("name", "")
                if isinstance(named, str):
                    self._code(named)
                    method(named, settings)
        if "needs" in table:
            self._needs(table["needs"])
        if isinstance(address := table.get("base_url"), str):
            self._ask(f"the model at {address}", Needs(net=(urlsplit(address).netloc or "*",)))

    def _code(self, named: str) -> None:
        module = imports_of(named)
        if module and module not in self.case.modules:
            self.strangers.append(named)
        elif found := _FILE.fullmatch(named):
            path = f"{self.name.rpartition('/')[0]}/{found[1].removeprefix('./')}"
            if ".." in path.split("/") or path not in self.case.wheel.files:
                self.strangers.append(named)
        elif ".py:" in named:
            self.strangers.append(named)

    def _tool(self, name: str, settings: Mapping[str, Plain]) -> None:
        if name in TOOLS:
            self._ask(f"the tool {name}", TOOLS[name])

    def _input(self, name: str, settings: Mapping[str, Plain]) -> None:
        if name == "http" or (name == "socket" and "path" not in settings):
            self._ask(f"the input {name}", Needs(listen=(_port(settings),)))
        elif name == "socket":
            self._ask("the input socket", Needs(writes=(_path(settings),)))
        elif name == "file":
            self._ask("the input file", Needs(reads=(_path(settings),)))

    def _output(self, name: str, settings: Mapping[str, Plain]) -> None:
        if name == "file":
            self._ask("the output file", Needs(writes=(_path(settings),)))

    def _trigger(self, name: str, settings: Mapping[str, Plain]) -> None:
        if name == "webhook" or "port" in settings:
            self._ask(f"the trigger {name}", Needs(listen=(_port(settings),)))
        if name == "watch":
            paths = settings.get("paths", "$WS")
            texts = [p for p in (paths if isinstance(paths, list) else [paths]) if isinstance(p, str)]
            self._ask("the trigger watch", Needs(reads=tuple(texts)))
        if isinstance(variable := settings.get("token_env"), str):
            self._ask(f"the trigger {name}", Needs(secrets=(variable,)))

    def _needs(self, table: Plain) -> None:
        try:
            self._ask("its table of needs", Needs.parse(table, where=self.name))
        except KTError as error:
            self.broken.append(error.what)


def _port(settings: Mapping[str, Plain]) -> str:
    """Return the port that is listened on, "*" for one that is free or not said."""
    port = settings.get("port", "0")
    return port if isinstance(port, str) and port.isdigit() and int(port) else "*"


def _path(settings: Mapping[str, Plain]) -> str:
    path = settings.get("path", "*")
    return path if isinstance(path, str) and path else "*"
