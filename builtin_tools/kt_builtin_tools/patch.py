"""apply_patch: change several files by one patch, all or none."""

from dataclasses import dataclass
from pathlib import PurePosixPath

from kt import Context, Text, ToolNeeds, tool
from kt.errors import DataError, KTError, NotFound

from ._edits import diff
from ._hunks import patched
from ._pdf import is_pdf
from ._seen import must_be_current, remember
from ._text import image_type, is_binary, lines_of, load, printable, shown
from ._v4a import Section, parse

MAX_SHOWN = 20_000
"""Characters of the diffs in one result."""


@tool(effect="once", parallel=False, needs=ToolNeeds(writes=("$WS",)))
def apply_patch(ctx: Context[object], patch: str) -> Text:
    """Add, change, move and delete files by one patch, all or none. Read the files first.

    Args:
        patch: In V4A format, from *** Begin Patch to *** End Patch. Sections begin with *** Add File: PATH, *** Update
            File: PATH (then maybe *** Move to: PATH) or *** Delete File: PATH. Lines begin with a space (kept), -
            or +. A hunk begins with @@ and maybe a line above it that tells the place.
    """
    plan = _Plan(ctx)
    done: list[str] = []
    size = 0
    for section in parse(patch):
        head, change = plan.take(section)
        size += len(change)
        done += [head] if size > MAX_SHOWN or not change else [head, change]
    plan.carry_out()
    return Text(printable("\n".join(done)), origin="file")


@dataclass(slots=True)
class _File:
    """A file as it is and as it will be; None where there is none."""

    path: str
    before: bytes | None
    after: bytes | None


class _Plan:
    """What a patch makes of files: everything is checked before anything is written."""

    def __init__(self, ctx: Context[object]) -> None:
        self._ctx = ctx
        self._files: dict[str, _File] = {}
        """By real path, so that two names of a file are one."""

    def take(self, section: Section) -> tuple[str, str]:
        """Plan a section; return what it does and a diff. Raises KTError where it does not fit the files."""
        path = section.path
        if section.kind == "add":
            self._add(path, section.text.encode(errors="surrogateescape"))
            return f"created {shown(path)} ({len(lines_of(section.text))} lines)", ""
        data = self._load(path)
        if section.kind == "delete":
            self._put(path, None)
            return f"deleted {shown(self._real(path))}", ""
        new, change = _update(path, data, section)
        target = section.move_to
        if not target or self._real(target) == self._real(path):
            self._put(path, new)
            return f"edited {shown(path)}", change
        self._put(path, None)
        self._add(target, new)
        return f"moved {shown(self._real(path))} to {shown(target)}", change

    def carry_out(self) -> None:
        """Write the files, then remove what is to go. Where that fails, put back what was done and raise the error."""
        done: list[_File] = []
        try:
            for file in sorted(self._files.values(), key=lambda f: f.after is None):
                self._write(file.path, file.after)
                done.append(file)
        except KTError as error:
            for file in done:
                try:
                    self._write(file.path, file.before)
                except KTError as again:
                    raise KTError(f"{error}; and {shown(file.path)} was changed: {again}") from error
            raise
        for file in done:
            if file.after is not None:
                remember(self._ctx, file.path, file.after)

    def _real(self, path: str) -> str:
        return self._ctx.files.relative(path)

    def _load(self, path: str) -> bytes:
        """Return a file as the sections so far leave it. Raises KTError unless the model saw it as it is on disk."""
        file = self._files.get(self._real(path))
        if file is None:
            data = load(self._ctx, path)
            if is_binary(data) and not (image_type(data) or is_pdf(data)):
                # read shows none of it, so it can never be current.
                raise KTError(f"{path!r} is a binary file", hint="use bash")
            must_be_current(self._ctx, path, data)
            file = self._files[self._real(path)] = _File(path, data, data)
        if file.after is None:
            raise NotFound(f"{path!r} was moved or deleted earlier in the patch")
        return file.after

    def _put(self, path: str, data: bytes | None) -> None:
        self._files.setdefault(self._real(path), _File(path, None, None)).after = data

    def _add(self, path: str, data: bytes) -> None:
        """Plan a new file. Raises KTError where something is there, or a file is where a folder is needed."""
        file = self._files.get(self._real(path))
        there = self._ctx.files.info(path) is not None if file is None else file.after is not None
        if there:
            raise KTError(f"{path!r} exists already", hint="update it")
        for folder in PurePosixPath(self._real(path)).parents:
            if (above := self._ctx.files.info(str(folder))) is not None:
                if not above.is_dir:
                    raise KTError(f"{str(folder)!r} is a file, so {path!r} cannot be")
                break
        self._put(path, data)

    def _write(self, path: str, data: bytes | None) -> None:
        if data is not None:
            self._ctx.files.write(path, data)
        elif self._ctx.files.info(path) is not None:
            self._ctx.files.remove(path)


def _update(path: str, data: bytes, section: Section) -> tuple[bytes, str]:
    """Return a file's new bytes and a diff."""
    if not section.hunks:
        return data, ""
    if is_binary(data):
        raise KTError(f"{path!r} is a binary file")
    before = data.decode(errors="surrogateescape")
    try:
        after = patched(before, section.hunks)
    except DataError as error:
        raise DataError(error.what, where=shown(path), hint=error.hint) from error
    return after.encode(errors="surrogateescape"), diff(before, after)
