"""All sources of packs: those of KT_INDEX, those that were added, and the built-in one of the official packs."""

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

from kt.errors import KTError, NotFound, UsageError, nearest
from packaging.version import Version

from .. import transport
from ..home import home
from ..manifest import normal
from .acceptance import accept, first_key
from .document import NAME, Document, Entry
from .source import Source, addressed, contents, is_url
from .store import Store

OFFICIAL = "official"
RESERVED = (OFFICIAL, "sources")
VARIABLE = "KT_INDEX"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A pack in a source; `versions` are the names of its versions, newest first."""

    source: Source
    name: str
    entry: Entry
    versions: tuple[str, ...]
    publisher: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A source that may be added: what it holds now, signed by `key` (None for an unsigned folder)."""

    address: str
    key: bytes | None
    pinned: bool
    data: bytes
    document: Document


class Sources:
    """The sources of this user, read once. `seconds` bounds each request."""

    def __init__(
        self,
        folder: Path | None = None,
        *,
        environment: Mapping[str, str] | None = None,
        seconds: float = transport.SECONDS,
    ) -> None:
        self.store = Store(folder or home() / "marketplace")
        self.seconds = seconds
        self._named = (os.environ if environment is None else environment).get(VARIABLE, "").split()
        self._all: list[Source] | None = None

    def __iter__(self) -> Iterator[Source]:
        """Yield the sources: those of KT_INDEX first, the official one last."""
        if self._all is None:
            added = self.store.sources()
            taken = {s.name for s in added} | set(RESERVED)
            self._all = [*self._of_environment(taken), *added, official()]
        return iter(self._all)

    def get(self, name: str) -> Source:
        """Return a source by name. Raises NotFound."""
        for source in self:
            if source.name == name:
                return source
        raise NotFound(f"no source named {name!r}", hint=nearest(name, (s.name for s in self)))

    def find(self, name: str, *, source: str | None = None) -> list[Found]:
        """Return where a pack is, in the order of the sources, of one source if it is named; [] if nowhere.

        Raises NotFound for no such source, and the error of a source whose index can't be read: a pack is not to be
        taken from elsewhere because of that.
        """
        wanted, found = normal(name), []
        for one in [self.get(source)] if source else self:
            if one.error is not None:
                raise one.error
            if one.document is not None and (entry := one.document.packs.get(wanted)) is not None:
                versions = tuple(sorted(entry.versions, key=Version, reverse=True))
                found.append(Found(source=one, name=wanted, entry=entry, versions=versions, publisher=entry.publisher))
        return found

    def names(self) -> set[str]:
        """Return the names of all packs."""
        return {name for source in self if source.document is not None for name in source.document.packs}

    def not_found(self, name: str) -> NotFound:
        """Return the error for a pack that no source has, with the names that it may be mistaken for."""
        from ..inspect.names import confusable

        known = self.names()
        alike = confusable(normal(name), known)
        hint = f"is {alike} meant?" if alike else nearest(normal(name), known)
        return NotFound(f"no source has a pack {name!r}", hint=hint)

    def offer(self, address: str, key: str | None = None) -> Offer:
        """Return what an address holds, for a user to look at before it is added.

        Without a key, its own signature says which one would be pinned; only a folder of this machine may have none.
        Raises BadSignature, IndexRefused, Unreachable, NotFound, ConfigError.
        """
        where, pinned = addressed(address, key)
        data = contents(where, pinned=pinned is not None, seconds=self.seconds)
        document = accept(data, where=where, key=pinned, before=None)
        own = pinned
        if own is None and (document.signatures or is_url(where)):
            own = first_key(document)
        return Offer(address=where, key=own, pinned=pinned is not None, data=data, document=document)

    def add(self, offer: Offer, *, name: str | None = None) -> Source:
        """Keep a source, pinned to the key of the offer, under a name (by default what its index calls itself).

        Raises UsageError for a name that is taken.
        """
        called = name or offer.document.name
        self.check_new(called)
        now = datetime.now(UTC)
        source = Source(
            name=called,
            address=offer.address,
            origin="added",
            key=offer.key,
            added=f"{now:%Y-%m-%dT%H:%M:%SZ}",
            document=offer.document,
            fetched=now,
        )
        self.store.keep(called, offer.data)
        self.store.write([*self.store.sources(), source])
        self._all = None
        return source

    def check_new(self, name: str) -> None:
        """Raise UsageError for a name that no added source can have, or that one has."""
        if not NAME.fullmatch(name) or name in RESERVED or _looks_official(name):
            raise UsageError(f"a source can't be called {name!r}", hint="--name NAME (a-z, 0-9, hyphens)")
        if any(source.name == name for source in self.store.sources()):
            raise UsageError(f"there is a source {name!r} already", hint="--name NAME, or kt marketplace remove it")

    def remove(self, name: str) -> None:
        """Forget a source that was added. Raises NotFound, UsageError for another one."""
        if self.get(name).origin != "added":
            raise UsageError(f"{name} was not added, so it can't be removed", hint=f"unset {VARIABLE}, if it is there")
        self.store.write(s for s in self.store.sources() if s.name != name)
        self.store.forget(name)
        self._all = None

    def refresh(self, name: str) -> Source:
        """Fetch the index of a source; return the source as it is now.

        Raises BadSignature, IndexRefused, Unreachable, NotFound: then what was accepted before stays.
        """
        source = self.get(name)
        if source.origin == "official":
            return source
        if source.origin == "added":
            data, document = self._fetched(source)
            self.store.keep(source.name, data)
            source = replace(source, document=document, fetched=datetime.now(UTC), error=None)
        else:
            source = self._live(source, ask=True)
            if source.error is not None:
                raise source.error
        self._all = [source if s.name == name else s for s in self]
        return source

    def _fetched(self, source: Source) -> tuple[bytes, Document]:
        data = contents(source.address, pinned=source.key is not None, seconds=self.seconds)
        return data, accept(data, where=source.address, key=source.key, before=source.document)

    def _of_environment(self, taken: set[str]) -> Iterator[Source]:
        """Yield the sources of KT_INDEX, named as their indexes call themselves where that name is free."""
        for number, text in enumerate(self._named, 1):
            address, key = addressed(text)
            source = self._live(Source(name=f"index{number}", address=address, origin="environment", key=key))
            called = source.document.name if source.document is not None else ""
            if called and called not in taken and not _looks_official(called):
                source = replace(source, name=called)
            taken.add(source.name)
            yield source

    def _live(self, source: Source, *, ask: bool = False) -> Source:
        """Return a source of KT_INDEX with its document: read anew from a path, from a URL where it must be."""
        try:
            if not is_url(source.address):
                _, document = self._fetched(replace(source, document=None))
                key = source.key or (first_key(document) if document.signatures else None)
                return replace(source, document=document, key=key, error=None)
            # Another pin is another source: what was accepted for the old key says nothing of the new one.
            named = source.address.encode() + b"#" + (source.key or b"")
            kept = f"env-{hashlib.sha256(named).hexdigest()[:16]}"
            if (before := self.store.document(kept, source.key)) is not None:
                key = source.key or first_key(before[0])
                source = replace(source, document=before[0], fetched=before[1], key=key)
            if source.usable and not ask:
                return source
            data, document = self._fetched(source)
            source = replace(source, key=source.key or first_key(document))
            self.store.keep(kept, data)
            return replace(source, document=document, fetched=datetime.now(UTC), error=None)
        except KTError as error:
            return replace(source, error=error)


def official() -> Source:
    """Return the built-in source. It is not signed: it is as trusted as the code beside it."""
    file = files("kt_marketplace").joinpath("data", "index.json")
    document = Document.parse(file.read_bytes(), where="the official index")
    return Source(name=OFFICIAL, address="with kt-marketplace", origin="official", document=document)


def _looks_official(name: str) -> bool:
    """Tell whether people could take the name of a source for the official one's."""
    from ..inspect.names import confusable

    return confusable(name, (OFFICIAL,)) is not None
