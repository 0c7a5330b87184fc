"""Whether a document may take the place of the one that was accepted before."""

from datetime import datetime

from kt.errors import DataError

from . import strict
from .document import Document
from .errors import BadSignature, IndexRefused

KEPT = "what was accepted before stays"


def accept(
    data: bytes, *, where: str, key: bytes | None, before: Document | None, now: datetime | None = None
) -> Document:
    """Return the document of a source if it is signed by `key`, not expired, and no step back from `before`.

    Without a key no signature is asked for. Raises BadSignature, IndexRefused, and DataError for what is no document.
    """
    try:
        document = Document.parse(data, where=where)
    except DataError as error:
        raise IndexRefused(error.what, where=error.where, hint=error.hint) from None
    if key is not None:
        document.verify(key)
    if document.expired(now):
        when = f"{document.expires:%Y-%m-%d}"
        raise IndexRefused(f"the index {document.name!r} expired on {when}", where=where, hint="ask for a new one")
    if before is not None and (why := _step_back(document, before)):
        raise IndexRefused(why, where=where, hint=f"{KEPT}; ask its publisher what happened")
    return document


def first_key(document: Document) -> bytes:
    """Return the key of a signature that holds, for a source that is seen for the first time. Raises BadSignature."""
    if not document.signatures:
        raise BadSignature(
            f"the index {document.name!r} is not signed", hint="what comes over a network must be; a folder need not"
        )
    for key in sorted(document.signatures):
        document.verify(key)
    return min(document.signatures)


def _step_back(new: Document, old: Document) -> str:
    if new.name != old.name:
        return f"the index calls itself {new.name!r} now, it was {old.name!r}"
    if new.version < old.version:
        return f"the index went back from version {old.version} to {new.version}"
    if new.version == old.version and strict.canonical(new.signed) != strict.canonical(old.signed):
        return f"two different indexes call themselves version {new.version}"
    return ""
