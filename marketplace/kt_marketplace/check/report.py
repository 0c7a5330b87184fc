"""All checks of one pack, in their order: files first, then the wheel, then its code."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from kt.errors import DataError, KTError, NotFound

from . import static
from .outcome import Outcome, Problem
from .process import in_process
from .subject import Subject, installed, unpacked

if TYPE_CHECKING:
    from kt import Plugins


def problems(target: str | Path, plugins: "Plugins") -> list[Problem]:
    """Return what is wrong with a pack: a folder, a wheel, or the name of an installed one; see `report`."""
    return [problem for outcome in report(target, plugins) for problem in outcome.problems]


def report(target: str | Path, plugins: "Plugins") -> list[Outcome]:
    """Return the outcome of every check of a pack: a folder, a wheel, or the name of an installed one.

    A folder is built first. The code of a folder or wheel runs in a process of its own, and only if the inspection
    refuses nothing; that of an installed pack runs in this one. Raises NotFound for no pack, DataError for no wheel.
    """
    with _opened(target) as subject:
        if isinstance(subject, Outcome):
            return [subject]
        found = static.outcomes(subject)
        if subject.wheel is None:
            from .loaded import outcomes

            return [*found, *outcomes(subject, plugins)]
        from .wheel import inspection

        inspected = inspection(subject.wheel)
        return [*found, inspected, *([] if inspected.problems else in_process(subject))]


@contextmanager
def _opened(target: str | Path) -> Iterator[Subject | Outcome]:
    """Yield the pack, or the outcome of a build that failed."""
    path = Path(target)
    if path.is_dir():
        with tempfile.TemporaryDirectory(prefix="kt-check-") as place:
            try:
                wheel = build(path, Path(place))
            except DataError as error:
                yield Outcome.of("build", "", [(str(error), error.hint)])
                return
            with unpacked(wheel) as subject:
                yield subject
    elif path.suffix == ".whl":
        if not path.is_file():
            raise NotFound(f"no wheel {str(path)!r}")
        with unpacked(path) as subject:
            yield subject
    elif str(target).startswith((".", "/", "~")):
        raise NotFound(f"no folder {str(target)!r}", hint="name a folder, a wheel or an installed pack")
    else:
        yield installed(str(target))


def build(folder: Path, place: Path) -> Path:
    """Build the wheel of a folder into another one; return its file. Raises DataError with what uv said."""
    from ..install import uv

    if not (folder / "pyproject.toml").is_file():
        raise DataError("there is no pyproject.toml", where=str(folder), hint="kt new pack NAME makes one")
    try:
        uv.run("build", "--wheel", "--quiet", "--out-dir", str(place), str(folder.resolve()), cwd=place)
    except KTError as error:
        raise DataError(str(error), hint="uv build --wheel") from error
    return next(place.glob("*.whl"))
