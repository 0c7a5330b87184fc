"""Rules like `bash(git *)`: which calls they match, and what all rules together say of one call."""

import json
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from kt import ToolNeeds
from kt.errors import DataError, KTError
from kt_sandbox.hosts import HostRule, address_of

from .approvals import canonical
from .runners import Words
from .shell import Simple, parts_of

Verdict: TypeAlias = Literal["deny", "ask", "allow"]
Kind: TypeAlias = Literal["command", "path", "host", "arguments"]
_RULE = re.compile(r"(?P<tool>[\w.:/*-]+)(?P<open>\()?")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: `tool`, in which * is any text, and `pattern`; None is every call of the tool."""

    tool: str
    pattern: str | None = None

    @classmethod
    def parse(cls, text: str) -> "Rule":
        """Read `tool` or `tool(pattern)`. Raises DataError with the column, counted from 1."""
        head = _RULE.match(text)
        if head is None:
            raise _nonsense(text, 0, "a tool's name is expected")
        if head["open"] is None and head.end() < len(text):
            raise _nonsense(text, head.end(), "only ( may follow a tool's name")
        if head["open"] is None:
            return cls(head["tool"])
        if not text.endswith(")"):
            raise _nonsense(text, len(text), "a ) is missing")
        pattern = text[head.end() : -1]
        if not pattern.strip():
            raise _nonsense(text, head.end(), "a pattern is expected")
        return cls(head["tool"], pattern)

    def names(self, tool: str) -> bool:
        return _glob(self.tool, tool)

    def __str__(self) -> str:
        return self.tool if self.pattern is None else f"{self.tool}({self.pattern})"


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of a user; neither their order nor how narrow they are matters: deny beats ask beats allow."""

    deny: tuple[Rule, ...] = ()
    ask: tuple[Rule, ...] = ()
    allow: tuple[Rule, ...] = ()

    @classmethod
    def parse(cls, deny: Sequence[str], ask: Sequence[str], allow: Sequence[str]) -> "Rules":
        """Read the texts of all rules. Raises DataError."""
        return cls(*(tuple(map(Rule.parse, texts)) for texts in (deny, ask, allow)))


@dataclass(frozen=True, slots=True)
class Asked:
    """A call to decide on; paths in its arguments are relative to `folder`."""

    tool: str
    arguments: Mapping[str, Any]
    needs: ToolNeeds
    folder: Path


@dataclass(frozen=True, slots=True)
class Decision:
    """What the rules say: None where no rule does. `kind` is what the rule was compared with."""

    verdict: Verdict | None = None
    rule: Rule | None = None
    kind: Kind = "arguments"


def decide(rules: Rules, call: Asked) -> Decision:
    """Return the verdict of the rules on a call.

    A deny or ask rule matches a call that may be, in any part, what it names. A call is allowed where allow rules match
    all of it: a command line where each of its commands is matched by one of them.
    """
    deny, ask, allow = (
        [rule for rule in group if rule.names(call.tool)] for group in (rules.deny, rules.ask, rules.allow)
    )
    if not (deny or ask or allow):
        return Decision()
    kind = _kind(call)
    subject = _READ[kind](call)
    for verdict, group in (("deny", deny), ("ask", ask)):
        for rule in group:
            if subject.touched_by(rule):
                return Decision("deny" if verdict == "deny" else "ask", rule, kind)
    covering = subject.covered_by(allow)
    return Decision("allow", covering, kind) if covering else Decision(kind=kind)


class _Subject(ABC):
    """What a call's arguments are for the rules: `items`, whether they are `known`, and may be allowed (`plain`)."""

    def __init__(self, items: Sequence[Any], *, known: bool = True, plain: bool = True) -> None:
        self.items, self.known, self.plain = items, known, plain

    def touched_by(self, rule: Rule) -> bool:
        """Return whether any part of the call may be what the rule names."""
        if self._is_whole(rule) or not self.known:
            return True
        return any(self._may(str(rule.pattern), item) for item in self.items)

    def covered_by(self, rules: Sequence[Rule]) -> Rule | None:
        """Return a rule if the rules match all parts of the call: the one of the first part."""
        if whole := next((rule for rule in rules if self._is_whole(rule)), None):
            return whole
        if not (self.known and self.plain and self.items):
            return None
        found = [next((r for r in rules if self._is(str(r.pattern), item)), None) for item in self.items]
        return found[0] if all(found) else None

    def _is_whole(self, rule: Rule) -> bool:
        return rule.pattern is None

    @abstractmethod
    def _is(self, pattern: str, item: Any) -> bool:
        """Return whether one part of the call is what a pattern names."""

    def _may(self, pattern: str, item: Any) -> bool:
        return self._is(pattern, item)


class _Commands(_Subject):
    """The words of each command; what redirects to a file or sets an environment is not `plain`."""

    def __init__(self, call: Asked) -> None:
        command = call.arguments["command"]
        parts = parts_of(command) if isinstance(command, str) else None
        commands = parts.commands if parts else ()
        super().__init__(
            [part.words for part in commands if part.words],
            known=parts is not None and parts.certain,
            plain=all(map(_is_plain, commands)),
        )

    def _is_whole(self, rule: Rule) -> bool:
        return rule.pattern in (None, "*")

    def _is(self, pattern: str, item: Words) -> bool:
        names, more = _names(pattern)
        if len(item) < len(names) or (not more and len(item) > len(names)):
            return False
        return all(word is not None and _glob(name, word) for name, word in zip(names, item, strict=False))

    def _may(self, pattern: str, item: Words) -> bool:
        """From the first word on that is not known, any words may follow; the name may have its folder before it."""
        names, more = _names(pattern)
        known = item[: item.index(None)] if None in item else item
        if (len(known) < len(names) and None not in item) or (len(known) > len(names) and not more):
            return False
        bare = ((known[0] or "").rpartition("/")[2], *known[1:]) if known else ()
        return any(all(_glob(name, w or "") for name, w in zip(names, words, strict=False)) for words in (known, bare))


class _Paths(_Subject):
    """Each path of the arguments, (as written, with links resolved), relative to the working folder where beneath."""

    def __init__(self, call: Asked) -> None:
        root = Path(os.path.realpath(call.folder))
        try:
            values = _values(call, (*call.needs.reads, *call.needs.writes))
            items = [tuple(_beneath(root, path) for path in _paths(root, value)) for value in values]
        except (ValueError, OSError, RuntimeError):
            items = []
        super().__init__(items, known=bool(items))

    def _is(self, pattern: str, item: Sequence[str]) -> bool:
        return bool(_path_pattern(pattern).fullmatch(item[-1]))

    def _may(self, pattern: str, item: Sequence[str]) -> bool:
        return any(_path_pattern(pattern).fullmatch(path) for path in item)


class _Hosts(_Subject):
    """Each (host, port) of the arguments."""

    def __init__(self, call: Asked) -> None:
        try:
            items = [address_of(v if "://" in v else f"https://{v}") for v in _values(call, call.needs.net)]
        except (KTError, ValueError):
            items = []
        super().__init__(items, known=bool(items))

    def _is(self, pattern: str, item: tuple[str, int]) -> bool:
        return HostRule.parse(pattern).matches(*item)

    def _may(self, pattern: str, item: tuple[str, int]) -> bool:
        """A rule without a port is about all ports where it forbids."""
        rule = HostRule.parse(pattern)
        return rule.matches(item[0], 443) if rule.port is None else rule.matches(*item)


class _Arguments(_Subject):
    """The arguments as a whole, equal to the pattern's JSON or not."""

    def __init__(self, call: Asked) -> None:
        super().__init__([canonical(call.arguments)])

    def _is(self, pattern: str, item: str) -> bool:
        try:
            return canonical(json.loads(pattern)) == item
        except ValueError:
            return False


_READ: dict[Kind, type[_Commands] | type[_Paths] | type[_Hosts] | type[_Arguments]] = {
    "command": _Commands,
    "path": _Paths,
    "host": _Hosts,
    "arguments": _Arguments,
}


def _kind(call: Asked) -> Kind:
    needs = call.needs
    if needs.exec and "command" in call.arguments:
        return "command"
    if any(text.startswith("@") for text in needs.net):
        return "host"
    return "path" if any(text.startswith("@") for text in (*needs.reads, *needs.writes)) else "arguments"


def _values(call: Asked, needs: Sequence[str]) -> list[str]:
    """Return the values of the arguments that the needs name. Raises ValueError for one that is no text."""
    values: list[str] = []
    for name in dict.fromkeys(text[1:] for text in needs if text.startswith("@")):
        value = call.arguments.get(name, [])
        values += value if isinstance(value, list) else [value]
    if not all(isinstance(value, str) for value in values):
        raise ValueError("an argument is no text")
    return values


def _is_plain(part: Simple) -> bool:
    opens = any(read is None or re.match(r"/+dev/+(tcp|udp)/", read) for read in part.reads)
    sets = any(part.words or not name.islower() or name.endswith("_proxy") for name, _ in part.assignments)
    return not opens and not sets and all(write == "/dev/null" for write in part.writes)


def _names(pattern: str) -> tuple[list[str], bool]:
    """Return the words of a pattern, and whether any may follow."""
    words = pattern.split()
    return (words[:-1], True) if words[-1] == "*" else (words, False)


def _glob(pattern: str, text: str) -> bool:
    return bool(re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text, re.S))


def _paths(root: Path, value: str) -> tuple[str, str]:
    path = os.path.join(root, os.path.expanduser(value) if value.startswith("~/") else value)  # noqa: PTH111, PTH118
    return os.path.normpath(path), os.path.realpath(path)


def _beneath(root: Path, path: str) -> str:
    return Path(path).relative_to(root).as_posix() if Path(path).is_relative_to(root) else path


def _path_pattern(pattern: str) -> re.Pattern[str]:
    """Return the pattern with * within a name, ** for any names; dir/** is the folder too."""
    pattern = os.path.expanduser(pattern) if pattern.startswith("~/") else pattern.removeprefix("./")  # noqa: PTH111
    folder, beneath, _ = pattern.rpartition("/**") if pattern.endswith("/**") else (pattern, "", "")
    pieces = re.split(r"(\*\*/|\*\*|\*|\?)", folder)
    kinds = {"**/": r"(?:[^/]+/)*", "**": r".*", "*": r"[^/]*", "?": r"[^/]"}
    text = "".join(kinds.get(piece, re.escape(piece)) for piece in pieces)
    inside = "" if pattern.startswith("/") else "(?!/)"
    return re.compile(inside + text + ("(?:/.*)?" if beneath else ""), re.S)


def _nonsense(text: str, at: int, what: str) -> DataError:
    where = f"rule {text!r}, column {at + 1}"
    return DataError(f"{what}", where=where, hint="tool or tool(pattern), like bash(git *) or write(src/**)")
