"""A zip archive, read so strictly that every program which unpacks it finds the same files in it."""

import io
import lzma
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from kt.errors import DataError

from ..inert import inert
from .findings import Finding, listed
from .member_names import bad_names, clashing

MAX_BYTES = 200 << 20
MAX_FILES = 20_000
MAX_RATIO = 200
SMALL = 10 << 20
"""Bytes below which the ratio of a member does not matter."""
MAX_DIRECTORY = 16 << 20
_END = struct.Struct("<4s4H2LH")
_LOCAL = struct.Struct("<4s5H3L2H")
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OSError,
    KeyError,
    IndexError,
    OverflowError,
)
_ENCRYPTED, _DESCRIPTOR = 0x1, 0x8
_NAME_FIELD = 0x7075
"""The extra field that gives a member another name, which some programs obey."""


@dataclass(frozen=True, slots=True)
class Archive:
    """The files of an archive: `names` without folders, and what is wrong with it as `findings`."""

    where: str
    file: zipfile.ZipFile = field(repr=False)
    members: dict[str, zipfile.ZipInfo] = field(repr=False)
    findings: tuple[Finding, ...]

    @classmethod
    def open(cls, data: bytes, *, where: str) -> "Archive":
        """Return the archive that `data` is. Raises DataError for what is none, or has something around it."""
        start, count = _ending(data, where)
        try:
            file = zipfile.ZipFile(io.BytesIO(data))
            infos = file.infolist()
        except _BROKEN as error:
            raise DataError(f"no zip archive: {inert(str(error))}", where=where) from None
        findings = [*_sizes(infos, count), *_kinds(infos)]
        findings += bad_names([i.orig_filename for i in infos])
        findings += clashing([i.orig_filename for i in infos])
        findings += _headers(data, infos, start)
        members = {i.filename: i for i in infos if not i.filename.endswith("/")}
        return cls(where, file, members, tuple(findings))

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.members)

    def read(self, name: str, *, limit: int = MAX_BYTES) -> bytes:
        """Return a file's bytes. Raises DataError for one that is missing, broken or larger than `limit` bytes."""
        info = self.members.get(name)
        if info is None:
            raise DataError(f"there is no {inert(name)} in it", where=self.where)
        if info.file_size > limit:
            raise DataError(f"{inert(name)} is too large: {info.file_size} bytes", where=self.where)
        try:
            with self.file.open(info) as member:
                return member.read()
        except _BROKEN as error:
            raise DataError(f"{inert(name)} can't be read: {inert(str(error))}", where=self.where) from None


def _ending(data: bytes, where: str) -> tuple[int, int]:
    """Return where the directory of an archive starts, and how many members it says there are."""
    if len(data) < _END.size:
        raise DataError("no zip archive: it is too short", where=where)
    mark, disk, first, here, count, size, start, comment = _END.unpack(data[-_END.size :])
    if mark != b"PK\x05\x06" or comment:
        raise DataError("no zip archive, or one with something after its end", where=where)
    if disk or first or here != count or size > MAX_DIRECTORY or start + size != len(data) - _END.size:
        raise DataError("the directory of the zip archive is not where it should be", where=where)
    return start, count


def _sizes(infos: list[zipfile.ZipInfo], count: int) -> Iterator[Finding]:
    total = sum(i.file_size for i in infos)
    if len(infos) != count:
        yield Finding("refuse", "zip", f"the archive says {count} members and has {len(infos)}")
    if total > MAX_BYTES or len(infos) > MAX_FILES:
        yield Finding("refuse", "bomb", f"unpacked it is too large: {total >> 20} MiB in {len(infos)} files")
    dense = [i.orig_filename for i in infos if i.file_size > max(SMALL, i.compress_size * MAX_RATIO)]
    if dense:
        yield Finding("refuse", "bomb", f"a zip bomb: more than {MAX_RATIO} times its size unpacked: {listed(dense)}")


def _kinds(infos: list[zipfile.ZipInfo]) -> Iterator[Finding]:
    kinds = {i.orig_filename: stat.S_IFMT(i.external_attr >> 16) for i in infos}
    if links := [name for name, kind in kinds.items() if kind == stat.S_IFLNK]:
        yield Finding("refuse", "symlink", f"symbolic links: {listed(links)}")
    known = (0, stat.S_IFLNK, stat.S_IFREG, stat.S_IFDIR)
    if special := [name for name, kind in kinds.items() if kind not in known]:
        yield Finding("refuse", "special", f"neither files nor folders: {listed(special)}")
    if locked := [i.orig_filename for i in infos if i.flag_bits & _ENCRYPTED]:
        yield Finding("refuse", "encrypted", f"encrypted: {listed(locked)}")
    plain = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
    if odd := [i.orig_filename for i in infos if i.compress_type not in plain]:
        yield Finding("refuse", "compression", f"compressed in a way that wheels are not: {listed(odd)}")
    if full := [i.orig_filename for i in infos if i.filename.endswith("/") and i.file_size]:
        yield Finding("refuse", "zip", f"folders with contents of their own: {listed(full)}")


def _headers(data: bytes, infos: list[zipfile.ZipInfo], start: int) -> list[Finding]:
    """Compare each member's own header with the directory, and see that nothing lies between the members."""
    at, wrong = 0, []
    for info in sorted(infos, key=lambda i: i.header_offset):
        after, agrees = _local(data, info, start)
        if info.header_offset != at or not agrees:
            wrong.append(info.orig_filename)
        at = after
    found = []
    if wrong:
        text = f"the directory of the archive and the headers of its members disagree: {listed(wrong)}"
        found.append(Finding("refuse", "header", text))
    if at != start and not wrong:
        found.append(Finding("refuse", "header", "the archive holds data that its directory does not list"))
    return found


def _local(data: bytes, info: zipfile.ZipInfo, start: int) -> tuple[int, bool]:
    """Return where a member ends, and whether its own header says what the directory says."""
    head = data[info.header_offset : info.header_offset + _LOCAL.size]
    if len(head) < _LOCAL.size:
        return start, False
    mark, _, flags, method, _, _, crc, packed, size, named, extra = _LOCAL.unpack(head)
    at = info.header_offset + _LOCAL.size
    name, fields = data[at : at + named], data[at + named : at + named + extra]
    end = at + named + extra + info.compress_size
    agrees = mark == b"PK\x03\x04" and (flags, method) == (info.flag_bits, info.compress_type)
    agrees = (
        agrees and _decoded(name, flags) == info.orig_filename and not _renames(fields) and not _renames(info.extra)
    )
    if flags & _DESCRIPTOR:
        end, signed = _descriptor(data, end, info.CRC)
        return end, agrees and signed
    same = (crc, packed, size) == (info.CRC, info.compress_size, info.file_size)
    return end, agrees and (same or (crc == info.CRC and packed == size == 0xFFFFFFFF)) and end <= start


def _descriptor(data: bytes, at: int, crc: int) -> tuple[int, bool]:
    """Return where the sizes that follow a streamed member end, and whether its checksum stands there."""
    signed = data[at : at + 4] == b"PK\x07\x08"
    found = struct.pack("<L", crc) == data[at + 4 * signed : at + 4 * signed + 4]
    for size in (8, 16):
        end = at + 4 * signed + 4 + size
        if data[end : end + 4] in (b"PK\x03\x04", b"PK\x01\x02"):
            return end, found
    return at, False


def _decoded(name: bytes, flags: int) -> str | None:
    try:
        return name.decode("utf-8" if flags & 0x800 else "cp437")
    except UnicodeDecodeError:
        return None


def _renames(extra: bytes) -> bool:
    while len(extra) >= 4:
        kind, size = struct.unpack("<2H", extra[:4])
        if kind == _NAME_FIELD:
            return True
        extra = extra[4 + size :]
    return False
