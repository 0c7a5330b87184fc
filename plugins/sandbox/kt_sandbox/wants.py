"""What a call reaches, from what its tool declares and its arguments say, and what of that nobody granted yet."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from kt import Tool, ToolCall
from kt.errors import DataError, KTError

from .hosts import HostList, address_of
from .settings import home

WORKSPACE, ANY = "$WS", "any"


@dataclass(frozen=True, slots=True)
class Want:
    """One thing that a call reaches beyond what is granted."""

    kind: Literal["read", "write", "net", "exec", "secret"]
    what: str

    def __str__(self) -> str:
        verbs = {"read": "read", "write": "write to", "net": "reach", "exec": "run programs", "secret": "use"}
        return f"{verbs[self.kind]} {self.what}"


@dataclass(frozen=True, slots=True)
class Reached:
    """What one call reaches: real paths, hosts as "name:port" ("*": any), names of secrets."""

    reads: tuple[Path, ...] = ()
    writes: tuple[Path, ...] = ()
    net: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Granted:
    """What the user grants: folders to read, folders to write (the working folder first), hosts, secrets."""

    reads: tuple[Path, ...]
    writes: tuple[Path, ...]
    hosts: HostList
    secrets: tuple[str, ...]

    @property
    def root(self) -> Path:
        return self.writes[0]


def reached(tool: Tool, call: ToolCall, granted: Granted) -> Reached:
    """Return what a call reaches, "*" being all that is granted. Raises KTError for what is no path or address."""
    needs = tool.needs
    every = {"reads": (*granted.writes, *granted.reads), "writes": granted.writes}
    return Reached(
        tuple(_paths(needs.reads, call, granted.root, every["reads"])),
        tuple(_paths(needs.writes, call, granted.root, every["writes"])),
        tuple(_host(text) for text in _filled(needs.net, call)),
        tuple(_filled(needs.secrets, call)),
    )


def _paths(patterns: tuple[str, ...], call: ToolCall, root: Path, every: tuple[Path, ...]) -> Iterator[Path]:
    for text in _filled(patterns, call):
        yield from every if text == "*" else (_path(text, root),)


def _filled(patterns: tuple[str, ...], call: ToolCall) -> Iterator[str]:
    """Yield the patterns with "@name" replaced by the values of that argument."""
    for pattern in patterns:
        if not pattern.startswith("@"):
            yield pattern
            continue
        value = (call.arguments or {}).get(pattern[1:])
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, str):
                yield item


def _path(text: str, root: Path) -> Path:
    if text == WORKSPACE:
        return root
    path = home() / text[2:] if text.startswith("~/") else Path(text)
    try:
        return (root / path).resolve()
    except ValueError as error:
        raise DataError(f"{text!r} is no path: {error}") from error
    except RuntimeError as error:
        raise KTError(f"{text!r} has links that lead in a circle") from error


def _host(text: str) -> str:
    if text == "*":
        return text
    host, port = address_of(text if "://" in text else f"https://{text}")
    return f"{host}:{port}"


def beyond(wanted: Reached, granted: Granted) -> list[Want]:
    """Return what a call reaches that is not granted."""
    out = [Want("write", str(p)) for p in wanted.writes if not within(p, granted.writes)]
    out += [Want("read", str(p)) for p in wanted.reads if not within(p, (*granted.reads, *granted.writes))]
    for host in wanted.net:
        name, _, port = host.rpartition(":")
        rules = granted.hosts.rules
        if not (any(r.name == "*" for r in rules) if host == "*" else granted.hosts.allows(name, int(port))):
            out.append(Want("net", "any host" if host == "*" else host))
    return out + [Want("secret", s) for s in wanted.secrets if s != "*" and s not in granted.secrets]


def within(path: Path, folders: tuple[Path, ...]) -> bool:
    return any(path.is_relative_to(folder) for folder in folders)
