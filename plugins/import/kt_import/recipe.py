"""A recipe of the reference system as a terrarium of ours: creatures, their channels and wires, a root."""

import posixpath
import re
from typing import Any

from .kohaku import fields, ordered
from .section import Section, Target, is_number
from .source import Document
from .work import Home, Work
from .yaml_text import dump

NAME = re.compile(r"[\w.-]{1,150}")
SEAT = ("name", "base", "channels", "output_wiring", "privileged", "pwd")
SEEN = "`kt terrarium watch` and `kt run --verbose` show what each creature says"
BROADCAST = "there all channels were broadcast, whatever they said; type: queue gives each message to one"
MADE = "a root has a channel to each creature, called like it, and all have report_to_root"


def recipe(work: Work, document: Document, out: str) -> str:
    """Convert a recipe into files below `out`; return the path of its file."""
    home = Home(document.path.parent, out)
    whole = document.section(work.report)
    source = whole.inner("terrarium") if "terrarium" in whole else whole
    target = Target(("terrarium",))
    source.move("name", target, want="text")
    source.move("description", target, want="text")
    limit = source.get("max_creatures")
    if is_number(limit) and limit >= 1 and limit == int(limit):
        source.move("max_creatures", target, ("limits", "max_creatures"))
    seats = _Seats(work, home)
    seats.channels = source.inner("channels")
    if isinstance(source.get("root"), dict):
        seats.root(source.inner("root"), target)
    entries = source.inner("creatures")
    for key in list(entries.left):
        if isinstance(entries.get(key), dict):
            seats.entry(entries.inner(key))
        else:
            entries.drop(key, "a creature of a recipe is a table with a name")
    source.move("root", target, want="text")
    seats.finish(target)
    path = home.path("terrarium.yaml")
    work.files[path] = dump({"terrarium": {k: target.data[k] for k in _order(target.data)}})
    work.creature_files.append(path)
    return path


def _order(data: dict[str, Any]) -> list[str]:
    keys = ("name", "description", "limits", "root", "channels", "creatures")
    return [key for key in keys if key in data]


def _name(text: str) -> str:
    """Return a name of a channel or creature as ours: letters, digits and . _ -"""
    return re.sub(r"[^\w.-]+", "_", text)[:150] or "_"


class _Seats:
    """The creatures of a recipe, one after the other; wires and channels are checked when all are known."""

    def __init__(self, work: Work, home: Home) -> None:
        self.work, self.home = work, home
        self.made: dict[str, Target] = {}
        self.ears: list[tuple[Section, Target]] = []
        self.wires: list[tuple[Section, Target]] = []
        self.channels = Section({}, lambda keys: "", work.report)
        self.has_root = False

    def root(self, section: Section, target: Target) -> None:
        """Convert the root: a creature of its own, which comes first."""
        name = _name(section.text("name") or "root")
        self.has_root = True
        self.entry(section, name)
        target.put(("root",), name)

    def entry(self, section: Section, name: str = "") -> None:
        """Convert an entry of `creatures`. One without a name of its own gets that of its base, or a number."""
        base = str(section.get("base_config") or section.get("config") or "").rstrip("/")
        given = section.text("name") or name or posixpath.basename(base) or f"creature_{len(self.made) + 1}"
        name = _name(given)
        while name in self.made:
            name += "_2"
        made = self.made[name] = Target(("terrarium", "creatures", name))
        why = "" if name == given else "a name has letters, digits and . _ -, and is there once"
        if not section.move("name", made, value=name, want="text", why=why):
            section.drop("name", f"it is called {name}")
            made.put(("name",), name)
        self.ears.append((section.inner("channels"), made))
        self.wires.append((section.inner("output_wiring", alone=0), made))
        section.move("privileged", made, want="flag")
        for key in ("output_log", "output_log_size"):
            section.drop(key, SEEN)
        fields(self.work, section, made, Home(self.home.folder, self.home.out))

    def finish(self, target: Target) -> None:
        """Write channels and creatures, once it is known who there is."""
        self.has_root = self.has_root or target.data.get("root") in self.made
        if target.data.get("root") not in (None, *self.made):
            target.data["root"] = next(iter(self.made), "")
        declared = {_name(str(key)): key for key in self.channels.left}
        used: dict[str, None] = {}
        for section, made in self.ears:
            for way in ("listen", "can_send"):
                used |= dict.fromkeys(self._ears(section.inner(way), made, way, set(declared)))
        for name in used:
            self._channel(declared.get(name, ""), name, target)
        for key in list(self.channels.left):
            self.channels.drop(key, "nobody is on this channel")
        for section, made in self.wires:
            for index in list(section.left):
                self._wire(section, index, made)
        target.data["creatures"] = [self._seat(made) for made in self.made.values()]

    def _channel(self, key: str | int, name: str, target: Target) -> None:
        """Move what the source says of a channel, if it declares it at all."""
        made = Target(("terrarium", "channels", name))
        target.put(("channels", name), made.data)
        if isinstance(self.channels.get(key), str):
            self.channels.move(key, made, ("description",))
        elif isinstance(self.channels.get(key), dict):
            inner = self.channels.inner(key)
            inner.move("description", made, want="text")
            inner.drop("type", BROADCAST)
        self.channels.drop(key, "a channel is a description, or a table")

    @staticmethod
    def _seat(made: Target) -> dict[str, Any]:
        data = ordered(made)
        return {key: data[key] for key in sorted(data, key=lambda k: SEAT.index(k) if k in SEAT[:2] else len(SEAT))}

    def _ears(self, section: Section, made: Target, way: str, declared: set[str]) -> list[str]:
        """Move the channels that a creature hears or sends on; return those that must be declared."""
        out: list[str] = []
        for key in list(section.left):
            name = _name(section.text(key)) if isinstance(section.get(key), str) else ""
            if not name:
                section.drop(key, "a channel is named")
            elif name not in declared and (name in self.made or name == "report_to_root"):
                if self.has_root:
                    section.used(key, MADE)
                section.drop(key, f"{MADE}; say root: NAME")
            else:
                section.used(key, f"creatures.{made.name[-1]}.channels.{way}: {name}")
                listed = made.data.setdefault("channels", {}).setdefault(way, [])
                listed += [] if name in listed else [name]
                out.append(name)
        return out

    def _wire(self, section: Section, index: str | int, made: Target) -> None:
        """Move a wire; one to nobody is left out."""
        if isinstance(section.get(index), str):
            to = _name(section.text(index))
            if to in self.made:
                section.add(index, made, "output_wiring", to)
            section.drop(index, f"no creature is called {to!r}")
            return
        if not isinstance(section.get(index), dict):
            section.drop(index, "a wire is a name or a table")
            return
        inner, wire = section.inner(index), Target((*made.name, "output_wiring"))
        to = _name(inner.text("to"))
        if inner.text("to") == "root" and self.has_root:
            to = next(iter(self.made))
        if not inner.text("to") or to not in self.made:
            for key in list(inner.left):
                inner.drop(key, f"no creature is called {to!r}")
            return
        inner.move("to", wire, value=to, want="text")
        inner.move("with_content", wire, want="flag")
        if text := inner.text("prompt"):
            ours = re.sub(r"\{\{\s*(source|content)\s*\}\}", r"{\1}", text)
            inner.move("prompt", wire, value=ours, want="text", why="" if ours == text else "{source} and {content}")
        inner.drop("prompt_format", "a prompt has {source} and {content}, and no other form")
        inner.drop("allow_self_trigger", "a wire to oneself is none; a trigger idle goes on by itself")
        made.add("output_wiring", wire.data)
