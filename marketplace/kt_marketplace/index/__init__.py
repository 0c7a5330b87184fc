"""Indexes of packs: signed documents, the sources they come from, looking things up, publishing and serving them."""

from .document import Document
from .errors import Ambiguous, BadSignature, IndexRefused
from .lookup import Choice, choose
from .source import Source
from .sources import Found, Sources

__all__ = [
    "Ambiguous",
    "BadSignature",
    "Choice",
    "Document",
    "Found",
    "IndexRefused",
    "Source",
    "Sources",
    "choose",
]
