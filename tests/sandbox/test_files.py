"""The file backend: everything beneath the working folder, nothing outside, whole files or none."""

import os
import resource
import socket
import stat
from collections.abc import Sequence
from pathlib import Path

import pytest
from kt.errors import DataError, KTError, NotFound, Vetoed
from kt_sandbox.files import WorkFiles

NAMES = ["new\nline", "-rf", "--help", " space ", "ünï✓", "a'b\"c", "*?[x]", "back\\slash", "x" * 255, "bad\udcff"]


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    (tmp_path / "secret").write_text("secret")
    return folder


@pytest.fixture
def files(root: Path) -> WorkFiles:
    return WorkFiles(root)


@pytest.mark.parametrize("name", NAMES)
def test_odd_names_are_written_listed_and_read(files: WorkFiles, name: str) -> None:
    files.write(name, b"x")
    assert files.read(name) == b"x"
    assert [i.path for i in files.listing(".")] == [name]
    assert files.relative(name) == name


def test_a_path_may_be_absolute_or_go_up_and_down_beneath_the_folder(files: WorkFiles, root: Path) -> None:
    files.write(str(root / "a/b.txt"), b"x")
    assert files.read("a/../a/./b.txt") == b"x"
    assert files.relative(str(root)) == files.relative("") == files.relative("a/..") == "."


def test_a_home_path_means_the_home_folder(files: WorkFiles, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(root))
    files.write("~/a", b"x")
    assert (root / "a").exists()
    monkeypatch.setenv("HOME", "/")
    with pytest.raises(Vetoed):
        files.write("~/a", b"x")


ESCAPES = [
    "../secret",
    "a/../../secret",
    "/etc/passwd",
    "/proc/self/root/etc/passwd",
    "/proc/self/cwd/../x",
    "//etc/passwd",
    "to_secret",
    "up/secret",
    "up/new",
    "deep/up/secret",
    "dangling_out",
    "/dev/fd/0/x",
]


@pytest.mark.parametrize("path", ESCAPES)
def test_a_path_that_leads_outside_is_refused_by_name(files: WorkFiles, root: Path, path: str) -> None:
    (root / "to_secret").symlink_to("../secret")
    (root / "up").symlink_to("..")
    (root / "deep").mkdir()
    (root / "deep/up").symlink_to(root.parent)
    (root / "dangling_out").symlink_to(root.parent / "new")
    before = names(root.parent)
    for act in (files.read, files.info, files.listing, files.relative, lambda p: files.write(p, b"x")):
        with pytest.raises(Vetoed, match="outside the working folder") as caught:
            act(path)
        assert repr(path) in str(caught.value)
    assert (root.parent / "secret").read_text() == "secret"
    assert names(root.parent) == before


def test_a_link_that_stays_inside_is_followed_and_kept(files: WorkFiles, root: Path) -> None:
    files.write("real/a.txt", b"old")
    (root / "folder").symlink_to("real")
    (root / "file").symlink_to(root / "real/a.txt")
    assert files.relative("folder/a.txt") == files.relative("file") == "real/a.txt"
    files.write("file", b"new")
    assert files.read("folder/a.txt") == b"new"
    assert (root / "file").is_symlink()


def test_a_link_swapped_in_after_the_check_leads_nowhere(files: WorkFiles, root: Path) -> None:
    class Swapped(WorkFiles):
        def _base(self, path: str, real: Path, within: Sequence[Path]) -> tuple[Path, tuple[str, ...]]:
            found = super()._base(path, real, within)
            for name in ("folder", "file"):
                if not (root / name).is_symlink():
                    (root / name).rename(root / f"old_{name}")
                    (root / name).symlink_to(root.parent if name == "folder" else root.parent / "secret")
            return found

    files.write("folder/secret", b"inside")
    files.write("file", b"inside")
    swapped = Swapped(root)
    for path in ("folder/secret", "file"):
        with pytest.raises(KTError):
            swapped.read(path)
        with pytest.raises(KTError):
            swapped.write(path, b"x")
        for name in ("folder", "file"):
            (root / name).unlink()
            (root / f"old_{name}").rename(root / name)
    assert (root.parent / "secret").read_text() == "secret"


def test_links_in_a_circle_are_an_error(files: WorkFiles, root: Path) -> None:
    (root / "a").symlink_to("b")
    (root / "b").symlink_to("a")
    with pytest.raises(KTError):
        files.read("a")


@pytest.mark.parametrize("path", ["nul\0byte", "half \ud800"])
def test_what_can_be_no_path_is_an_error(files: WorkFiles, path: str) -> None:
    with pytest.raises(DataError):
        files.read(path)


@pytest.mark.parametrize("path", ["none", "none/x", "file/x", "y" * 256])
def test_a_missing_path_has_no_info_and_cannot_be_read(files: WorkFiles, path: str) -> None:
    files.write("file", b"")
    with pytest.raises(KTError):
        files.read(path)
    if len(path) < 256:
        assert files.info(path) is None
        with pytest.raises(NotFound):
            files.listing(path)


def test_pipes_sockets_and_folders_are_not_read(files: WorkFiles, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)  # the path of a socket must be short
    os.mkfifo(root / "fifo")
    (root / "dir").mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("sock")
        for name in ("fifo", "sock", "dir", "."):
            with pytest.raises(KTError, match=r"folder|no regular file"):
                files.read(name)
            with pytest.raises(KTError, match=r"folder|no regular file"):
                files.write(name, b"x")
        assert [i.path for i in files.listing(".")] == ["dir"]


def test_a_device_is_not_read() -> None:
    with pytest.raises(KTError, match="no regular file"):
        WorkFiles(Path("/dev")).read("zero", limit=1)


def test_writing_creates_folders_and_keeps_the_mode(files: WorkFiles, root: Path) -> None:
    files.write("a/b/c.sh", b"1")
    (root / "a/b/c.sh").chmod(0o750)
    files.write("a/b/c.sh", b"2")
    assert stat.S_IMODE((root / "a/b/c.sh").stat().st_mode) == 0o750
    assert names(root / "a/b") == ["c.sh"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_writing_keeps_the_owner(files: WorkFiles, root: Path) -> None:
    files.write("a", b"1")
    os.chown(root / "a", 1234, 1234)
    files.write("a", b"2")
    assert ((root / "a").stat().st_uid, (root / "a").stat().st_gid) == (1234, 1234)


def test_writing_leaves_other_names_of_the_same_file_alone(files: WorkFiles, root: Path) -> None:
    os.link(root.parent / "secret", root / "hard")
    files.write("hard", b"new")
    assert (root.parent / "secret").read_text() == "secret"


def test_a_write_that_fails_changes_nothing(files: WorkFiles, root: Path) -> None:
    files.write("a", b"old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(KTError, match="'a'"):
            files.write("a", b"x" * 100_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert files.read("a") == b"old"
    assert names(root) == ["a"]


def test_what_may_not_be_read_or_written_is_an_error_that_names_it(plain_user: Path) -> None:
    files = WorkFiles(plain_user)
    files.write("locked", b"x")
    (plain_user / "locked").chmod(0o444)
    with pytest.raises(KTError, match="'locked': permission denied"):
        files.write("locked", b"y")
    (plain_user / "locked").chmod(0)
    with pytest.raises(KTError, match="'locked': permission denied"):
        files.read("locked")
    files.write("folder/x", b"x")
    (plain_user / "folder").chmod(0o555)
    with pytest.raises(KTError, match="'folder/y': permission denied"):
        files.write("folder/y", b"y")
    (plain_user / "folder").chmod(0o755)


def test_no_descriptor_is_left_open(files: WorkFiles, root: Path) -> None:
    (root / "up").symlink_to("..")
    before = names(Path("/proc/self/fd"))
    files.write("a/b", b"x")
    files.read("a/b")
    files.listing("a")
    for path in ("a", "a/none", "a/b/c", "up/x"):
        with pytest.raises(KTError):
            files.read(path)
    assert names(Path("/proc/self/fd")) == before
