"""The registry of kinds: names and where their targets are, imported on first use."""

from collections.abc import Callable, Iterator
from typing import Any

from ._discovery import imported
from .errors import ConfigError, NameClash, PluginError, UnknownName, nearest


class Entry:
    """One registered name: `target` is "module:attribute" or the object itself, `data` what its kind adds."""

    __slots__ = ("_loaded", "below", "data", "dist", "help", "kind", "name", "override", "target", "version")

    def __init__(
        self, kind: str, name: str, target: object, help: str, owner: tuple[str, str], data: dict[str, Any]
    ) -> None:
        self.kind, self.name, self.target, self.help, self.data = kind, name, target, help, data
        self.dist, self.version = owner
        self.override = bool(data.pop("override", False))
        self.below: Entry | None = None
        self._loaded: object = None

    def load(self) -> Any:
        """Import the target, once. Raises PluginError naming the distribution."""
        if self._loaded is None:
            try:
                self._loaded = imported(self.target) if isinstance(self.target, str) else self.target
            except Exception as error:
                raise PluginError(
                    f"{self.kind} {self.name!r} of {self.dist} {self.version} does not load: "
                    f"{type(error).__name__}: {error}",
                    where=str(self.target),
                    hint=f"repair or remove {self.dist}, or run with --skip-bad-plugins",
                ) from error
        return self._loaded


def _adder(kind: str) -> Callable[..., None]:
    def add(self: "Registry", name: str, target: object, *, help: str = "", **data: Any) -> None:
        self.add(kind, name, target, help=help, **data)

    add.__doc__ = f"Register a {kind.replace('_', ' ')}; see `add`."
    return add


class Registry:
    """Everything that installed plugins offer, by kind and name."""

    def __init__(self) -> None:
        self._entries: dict[str, dict[str, Entry]] = {}
        self.owner: tuple[str, str] = ("", "")

    def add(self, kind: str, name: str, target: object, *, help: str = "", **data: Any) -> None:
        """Register `target` ("module:attribute", or an object) as the `kind` called `name`.

        `override=True` takes a name over that another distribution registered. Raises NameClash naming both.
        """
        entry = Entry(kind, name, target, help, self.owner, data)
        names = self._entries.setdefault(kind, {})
        other = names.get(name)
        if other is not None and other.override == entry.override:
            raise NameClash(
                f"{kind} {name!r} is registered by {other.dist} {other.version} and by {entry.dist} {entry.version}",
                hint="uninstall one of them, or let one register with override=True",
            )
        if other is None or entry.override:
            entry.below, names[name] = other, entry
        else:
            other.below = entry

    provider = _adder("provider")
    tool = _adder("tool")
    input = _adder("input")
    output = _adder("output")
    trigger = _adder("trigger")
    store = _adder("store")
    sandbox = _adder("sandbox")
    plugin = _adder("plugin")
    command = _adder("command")
    creature = _adder("creature")
    format = _adder("format")
    profile = _adder("profile")
    run_option = _adder("run_option")
    build_option = _adder("build_option")

    def names(self, kind: str) -> list[str]:
        return sorted(self._entries.get(kind, ()))

    def entries(self, kind: str | None = None) -> Iterator[Entry]:
        """Yield the entries of one kind, or of all, sorted by kind and name."""
        for k in sorted(self._entries) if kind is None else [kind]:
            yield from (e for _, e in sorted(self._entries.get(k, {}).items()))

    def find(self, kind: str, name: str) -> Entry | None:
        return self._entries.get(kind, {}).get(name)

    def entry(self, kind: str, name: str, *, where: str = "") -> Entry:
        """Return the entry. Raises UnknownName with the nearest names, or with what would bring it if that is known."""
        if (found := self.find(kind, name)) is not None:
            return found
        bringing = self.find("packs", "bringing")
        hint = (bringing.load()(kind, name) if bringing is not None else "") or nearest(name, self.names(kind))
        raise UnknownName(f"no {kind.replace('_', ' ')} named {name!r}", where=where, hint=hint)

    def get(self, kind: str, name: str, *, where: str = "") -> Any:
        """Return the target of a name, imported. Raises UnknownName or PluginError."""
        return self.entry(kind, name, where=where).load()

    def drop(self, dist: str) -> None:
        """Forget what a distribution registered (it failed half-way)."""
        for names in self._entries.values():
            for name, entry in list(names.items()):
                if entry.below is not None and entry.below.dist == dist:
                    entry.below = None
                if entry.dist == dist:
                    del names[name]
                    if entry.below is not None:
                        names[name] = entry.below


def required(registry: Registry, kind: str, name: str, dist: str) -> Any:
    """Return a target that `dist` brings; raise ConfigError with its install line where it is not installed."""
    if (found := registry.find(kind, name)) is None:
        raise ConfigError(f"this needs {dist}, which is not installed", hint=f"pip install {dist}")
    return found.load()
