"""What is known of the elements of HTML: which are blocks, which are left out, and where one ends another."""

import re
from collections.abc import Mapping


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


HEADINGS = _names("h1 h2 h3 h4 h5 h6")
OWN = HEADINGS | _names("a blockquote code dd kbd li ol pre samp table td th title tr ul")
"""Elements whose content is gathered and marked as a whole."""
BLOCKS = HEADINGS | _names(
    "address article aside blockquote body caption dd details dialog div dl dt fieldset figcaption figure footer form"
    " header hr li main nav ol p pre section summary table td th tr ul"
)
VOID = _names("area base br col embed hr img input link meta param source track wbr")
DROPPED = _names(
    "annotation audio button canvas datalist dialog footer iframe nav noscript object rp script select style svg"
    " template textarea video"
)
DROPPED_ROLES = frozenset({"navigation", "search", "contentinfo"})
NEVER_HIDDEN = frozenset({"html", "body", "main"})

CLOSES: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(BLOCKS, ("p",)),
    "li": ("li",),
    "dt": ("dt", "dd"),
    "dd": ("dt", "dd"),
    "tr": ("tr",),
    "td": ("td", "th"),
    "th": ("td", "th"),
    "tbody": ("tr",),
    "thead": ("tr",),
    "tfoot": ("tr",),
}
"""What the start of an element ends, where the page leaves the end tag out."""
BARRIERS: Mapping[str, tuple[str, ...]] = {
    "li": ("ul", "ol"),
    "dt": ("dl",),
    "dd": ("dl",),
    "td": ("table",),
    "th": ("table",),
    "tr": ("table",),
    "table": (),
}
"""Elements that the end of one does not reach out of."""
CELLS = ("td", "th", "table")

_HIDDEN = re.compile(r"(?:display\s*:\s*none|visibility\s*:\s*hidden)", re.I)
_LANGUAGE = re.compile(r"(?:^|\s)(?:language|lang|highlight-source|highlight)-([\w+#.-]+)")
_NO_LANGUAGE = frozenset({"default", "none", "plaintext", "text"})


def is_hidden(tag: str, attrs: Mapping[str, str]) -> bool:
    """Tell whether an element is nothing that a reader of the page came for."""
    if tag in NEVER_HIDDEN:
        return False
    shown = "hidden" not in attrs and attrs.get("aria-hidden") != "true" and not _HIDDEN.search(attrs.get("style", ""))
    return not shown or tag in DROPPED or attrs.get("role") in DROPPED_ROLES


def language_of(attrs: Mapping[str, str]) -> str:
    """Return the programming language that an element says its code has."""
    said = attrs.get("data-language") or attrs.get("data-lang") or ""
    found = _LANGUAGE.search(attrs.get("class", ""))
    name = said or (found[1] if found else "")
    return name if re.fullmatch(r"[\w+#.-]{1,30}", name) and name not in _NO_LANGUAGE else ""
