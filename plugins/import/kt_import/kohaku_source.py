"""What a path of the reference system is: a creature, a recipe, or a pack of them."""

from pathlib import Path
from typing import TYPE_CHECKING

from kt.errors import NotFound

from .bases import folder_name
from .kohaku import KNOWN, creature
from .pack import pack
from .recipe import recipe
from .report import Report
from .source import find, load
from .work import Work

if TYPE_CHECKING:
    from kt import Plugins


def convert(plugins: "Plugins", path: Path) -> Work:
    """Return the output of a creature, recipe or pack. Raises NotFound, and DataError with file:line:col."""
    file = path if path.is_file() else find(path, "kohaku", "terrarium", "config", "creature")
    if file is None:
        hint = "name the folder of a kohaku.yaml, terrarium.yaml or config.yaml, or the file itself"
        raise NotFound(f"no creature, recipe or pack in {path}", hint=hint)
    # A file may lie among others that are none of its business; a folder is meant as a whole.
    work = Work(plugins, Report(file.parent, known=KNOWN), file.parent)
    document = load(file, plugins.registry, work.report)
    if file.stem == "kohaku":
        work.kind = "pack"
        pack(work, document)
    elif "terrarium" in document.data:
        work.kind, work.main = "terrarium", recipe(work, document, "")
    else:
        work.kind, work.main = "creature", creature(work, document, "")
    stem = file.stem if file.stem not in ("kohaku", "terrarium", "config", "creature") else file.parent.resolve().name
    named = document.data.get("terrarium", document.data)
    work.name = folder_name(str((named.get("name") if isinstance(named, dict) else "") or stem)) or "imported"
    work.report.whole = path.is_dir()
    return work
