"""The output's folder, written beside its place and then put there: it is there whole, or not at all."""

import shutil
import tempfile
from pathlib import Path

from kt.errors import KTError

from .check import check, write_files
from .report import Report
from .work import Work

HEAD = """# What became of the source

`kt import` made this folder. Of each key and file of the source one line says whether it was kept, is in another
form now, or has no counterpart, and what to do instead.

"""


class CannotCreate(KTError):
    """Say that the folder is there already, or can't be made."""

    code, exit_code = "E-CREATE", 73


def write(work: Work, folder: Path, *, force: bool, dry: bool) -> None:
    """Check the output, and put it into `folder`. Raises CannotCreate, and DataError for what our loader refuses.

    What was in the folder goes with `force`. A `dry` run only checks.
    """
    if (folder.exists() or folder.is_symlink()) and not (force or dry):
        raise CannotCreate(f"{str(folder)!r} is there already", hint="choose another folder with --to, or --force")
    real = folder.resolve()
    if force and any(path.resolve().is_relative_to(real) for path in (Path.cwd(), work.root)):
        raise CannotCreate(f"{str(folder)!r} holds the source, or you work in it", hint="choose another with --to")
    check(work)
    if dry:
        return
    work.files["IMPORT.md"] = page(work.report)
    try:
        _replace(work, folder)
    except OSError as error:
        raise CannotCreate(f"can't make {str(folder)!r}: {error.strerror}") from error


def page(report: Report) -> str:
    """Return the report as Markdown."""
    parts = [HEAD]
    for kind, title in (("dropped", "Without a counterpart"), ("changed", "Changed"), ("kept", "Kept")):
        lines = [f"- `{_plain(line.key)}` at {line.place}: {line.text}" for line in report.lines if line.kind == kind]
        if lines:
            parts.append(f"## {title}\n\n" + "\n".join(" ".join(line.split()) for line in lines) + "\n\n")
    return "".join(parts).rstrip() + "\n"


def _plain(key: str) -> str:
    return key.replace("`", "'")


def _replace(work: Work, folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    staged = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        write_files(staged / "new", work.files)
        there = folder.exists() or folder.is_symlink()
        if there:
            folder.rename(staged / "old")
        try:
            (staged / "new").rename(folder)
        except OSError:
            if there:
                (staged / "old").rename(folder)
            raise
    finally:
        shutil.rmtree(staged, ignore_errors=True)
