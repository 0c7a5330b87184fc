"""One document of a creature or team, walked to its end: what each of its parts asks for."""

import posixpath
import re
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from kt.errors import KTError

from ..needs import Needs
from . import ours
from .case import Case
from .code import is_secret
from .documents import ENDINGS, Plain
from .targets import imports_of

KINDS = {"tools": "tool", "input": "input", "outputs": "output", "triggers": "trigger"}
_VARIABLE = re.compile(r"\$\{([A-Za-z_]\w*)(?::([^}]*))?\}", re.ASCII)
_FILE = re.compile(r"(\./.+\.py):\w+")
Settings = Mapping[str, Plain]


class Parts:
    """What a document asks for.

    `asked` is what each part needs, `variables` are those of the environment that its texts take in, `strangers` code
    that is not the pack's, `unknown` names that are neither the pack's nor official, `broken` what can't be read.
    """

    def __init__(self, case: Case, name: str) -> None:
        self.case, self.name = case, name
        self.asked: dict[str, Needs] = {}
        self.variables: list[str] = []
        self.strangers: list[str] = []
        self.unknown: list[str] = []
        self.broken: list[str] = []
        manifest = case.wheel.manifest
        self.provided = {(p.kind, p.name) for p in manifest.provides} if manifest else set()

    def fill(self, text: str) -> str:
        """Return a text with the defaults of its ${VARIABLE:default}; note which variables it takes in."""

        def default(found: re.Match[str]) -> str:
            if is_secret(found[1]):
                self._ask(f"${{{found[1]}}}", Needs(secrets=(found[1],)))
            else:
                self.variables.append(found[1])
            return str(found[0] if found[2] is None else found[2])

        return _VARIABLE.sub(default, text)

    def visit(self, document: Plain) -> None:
        """Note what the parts of a document ask for; its texts went through `fill`."""
        waiting, seen = [document], set()
        while waiting:
            value = waiting.pop()
            if not isinstance(value, str) and id(value) not in seen:
                seen.add(id(value))
                waiting.extend(value.values() if isinstance(value, dict) else value)
                if isinstance(value, dict):
                    self._table(value)

    def _ask(self, what: str, needs: Needs) -> None:
        self.asked[what] = self.asked.get(what, Needs()) | needs

    def _table(self, table: Settings) -> None:
        for key, kind in KINDS.items():
            for named, settings in _entries(table.get(key, "")):
                self._thing(kind, named, settings)
        for key in ("plugins", "guards"):
            for named in _names(table.get(key, "")):
                self._known("plugin", named)
        for reference in (table.get("base"), table.get("recipe")):
            self._reference(reference)
        for item in _items(table.get("subagents", "")):
            self._reference(item.get("base") if isinstance(item, dict) else item, marked=True)
        if "needs" in table:
            self._needs(table["needs"])
        if isinstance(address := table.get("base_url"), str):
            self._ask(f"the model at {address}", Needs(net=(_host(address),)))

    def _thing(self, kind: str, named: str, settings: Settings) -> None:
        if self._is_code(named):
            return
        self._known(kind, named)
        if kind == "tool" and named in ours.TOOLS:
            self._ask(f"the tool {named}", ours.TOOLS[named])
        elif kind == "input":
            self._input(named, settings)
        elif kind == "output" and named == "file":
            self._ask("the output file", Needs(writes=(_path(settings),)))
        elif kind == "trigger":
            self._trigger(named, settings)

    def _known(self, kind: str, named: str) -> None:
        """Note a name that is neither official nor the pack's; "no:NAME" leaves something out."""
        known = named in ours.names().get(kind, ()) or (kind, named) in self.provided
        if named and not known and not named.startswith("no:"):
            self.unknown.append(f"{kind} {named}")

    def _reference(self, reference: "Plain | None", *, marked: bool = False) -> None:
        """Note what a base, a sub-agent or a recipe reaches, or that nothing is known of it.

        Of `marked` ones only "./..." is a path from the document's folder; any other is one from the working folder.
        """
        if not isinstance(reference, str) or not reference or reference.startswith("no:"):
            return
        registered = {("subagent", reference), ("creature", reference)} & self.provided
        beside = reference.startswith((".", "@")) or not marked
        if (needs := ours.reach_of(reference)) is not None:
            self._ask(f"what {reference} brings", needs)
        elif not registered and not (beside and self._is_own(reference)):
            self.unknown.append(reference)

    def _is_own(self, reference: str) -> bool:
        """Tell whether a reference is to a file of the pack, which is looked at by itself."""
        package = self.case.wheel.package
        if reference.startswith("@"):
            pack, _, inside = reference[1:].partition("/")
            path = posixpath.normpath(f"{package}/{inside}") if pack.replace("-", "_") == package else ""
        else:
            path = posixpath.normpath(f"{posixpath.dirname(self.name)}/{reference}")
        files = [path, *(f"{path}/{main}" for main in ours.MAIN)]
        return path.startswith(f"{package}/") and any(f in self.case.wheel.files for f in files if f.endswith(ENDINGS))

    def _is_code(self, named: str) -> bool:
        """Tell whether a name is code, and note code that is not the pack's."""
        module = imports_of(named)
        if module:
            own = module in self.case.modules
        elif found := _FILE.fullmatch(named):
            path = f"{posixpath.dirname(self.name)}/{found[1].removeprefix('./')}"
            own = ".." not in path.split("/") and path in self.case.wheel.files
        elif ".py:" in named:
            own = False
        else:
            return False
        if not own:
            self.strangers.append(named)
        return True

    def _input(self, name: str, settings: Settings) -> None:
        if name == "http" or (name == "socket" and "path" not in settings):
            self._ask(f"the input {name}", Needs(listen=(_port(settings),)))
        elif name == "socket":
            self._ask("the input socket", Needs(writes=(_path(settings),)))
        elif name == "file":
            self._ask("the input file", Needs(reads=(_path(settings),)))

    def _trigger(self, name: str, settings: Settings) -> None:
        if name == "webhook" or "port" in settings:
            self._ask(f"the trigger {name}", Needs(listen=(_port(settings),)))
        if name == "watch":
            texts = [p for p in _items(settings.get("paths", "$WS")) if isinstance(p, str)]
            self._ask("the trigger watch", Needs(reads=tuple(texts)))
        if isinstance(variable := settings.get("token_env"), str):
            self._ask(f"the trigger {name}", Needs(secrets=(variable,)))

    def _needs(self, table: Plain) -> None:
        said = {kind: values for kind, values in table.items() if values} if isinstance(table, dict) else table or {}
        try:
            self._ask("its table of needs", Needs.parse(said, where=self.name))
        except KTError as error:
            self.broken.append(error.what)


def _items(value: Plain) -> list[Plain]:
    return value if isinstance(value, list) else [value]


def _entries(value: Plain) -> Iterator[tuple[str, Settings]]:
    """Yield the names in a list of names and tables, each with its settings."""
    for item in _items(value):
        settings: Settings = item if isinstance(item, dict) else {"name": item}
        if isinstance(named := settings.get("name", ""), str):
            yield named, settings


def _names(value: Plain) -> Iterator[str]:
    """Yield the names of plugins: those of a list, and the keys of tables."""
    for item in _items(value):
        yield from [item] if isinstance(item, str) else item if isinstance(item, dict) else []


def _port(settings: Settings) -> str:
    """Return the port that is listened on, "*" for one that is free or not said."""
    port = settings.get("port", "0")
    return port if isinstance(port, str) and re.fullmatch("[1-9][0-9]*", port) else "*"


def _path(settings: Settings) -> str:
    path = settings.get("path", "*")
    return path if isinstance(path, str) and path else "*"


def _host(address: str) -> str:
    """Return the host of a URL with its port, "*" for one that can't be told."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "*", parts.port
    except ValueError:
        return "*"
    return f"{host}:{port}" if port else host
