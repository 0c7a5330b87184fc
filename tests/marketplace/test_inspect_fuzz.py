"""However a wheel is damaged, an inspection says so or refuses; it never fails in another way."""

import io
import random
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kt.errors import DataError
from kt_marketplace.inspect import Installed, Wheel, inspect
from kt_marketplace.inspect.archive import Archive
from kt_marketplace.inspect.documents import parse
from kt_marketplace.inspect.metadata import Metadata, ambiguous, entry_points
from kt_marketplace.record import rows

from .wheels import make_pack

SLOW = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
CREATURE = "a: &a [1, {b: *a}]\ntools: [read]\ninput: {name: http, port: x}\n"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    files = {"kt_x/creatures/owl/creature.yaml": CREATURE, "kt_x/work.py": "import os\nos.system('x')\n"}
    return make_pack(tmp_path_factory.mktemp("fuzz"), "kt-x", files=files, requires=["kt-core>=0.1"])


def looked_at(path: Path, data: bytes) -> None:
    """Inspect a damaged wheel; a DataError is fine, and everything that is said can be printed."""
    path.write_bytes(data)
    try:
        wheel = Wheel.read(path)
        lines = inspect(wheel, installed=Installed(versions={"kt-core": "0.1.0"}), official=["kt-biome"]).lines()
    except DataError as error:
        lines = [error.line()]
    assert all(line.isprintable() for line in lines)


@given(data=st.binary(max_size=400))
@SLOW
def test_random_bytes(data: bytes, tmp_path: Path) -> None:
    looked_at(tmp_path / "kt_x-1.0-py3-none-any.whl", data)


@given(seed=st.integers(0, 2**32), changes=st.integers(1, 12))
@SLOW
def test_changed_bytes(seed: int, changes: int, wheel: Path, tmp_path: Path) -> None:
    chance, data = random.Random(seed), bytearray(wheel.read_bytes())
    for _ in range(changes):
        data[chance.randrange(len(data))] = chance.randrange(256)
    looked_at(tmp_path / wheel.name, bytes(data))


@given(seed=st.integers(0, 2**32))
@SLOW
def test_changes_of_the_directory(seed: int, wheel: Path, tmp_path: Path) -> None:
    chance, data = random.Random(seed), bytearray(wheel.read_bytes())
    start = data.index(b"PK\x01\x02")
    for _ in range(chance.randint(1, 4)):
        data[chance.randrange(start, len(data))] = chance.choice([0, 1, 0xFF, chance.randrange(256)])
    looked_at(tmp_path / wheel.name, bytes(data))


@given(start=st.integers(0, 5000), length=st.integers(1, 400))
@SLOW
def test_cuts(start: int, length: int, wheel: Path, tmp_path: Path) -> None:
    data = wheel.read_bytes()
    looked_at(tmp_path / wheel.name, data[:start] + data[start + length :])


@given(name=st.sampled_from(["METADATA", "RECORD", "WHEEL", "entry_points.txt"]), data=st.binary(max_size=300))
@SLOW
def test_any_metadata(name: str, data: bytes, wheel: Path, tmp_path: Path) -> None:
    """A sound archive whose metadata is anything."""
    out = io.BytesIO()
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(out, "w") as new:
        for info in old.infolist():
            new.writestr(info, data if info.filename.endswith(f".dist-info/{name}") else old.read(info))
    looked_at(tmp_path / wheel.name, out.getvalue())


@given(names=st.lists(st.text(st.characters(exclude_characters="\0"), min_size=1, max_size=8), max_size=6))
@SLOW
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_any_names(names: list[str]) -> None:
    out = io.BytesIO()
    try:
        with zipfile.ZipFile(out, "w") as file:
            for name in names:
                file.writestr(name, b"x")
        archive = Archive.open(out.getvalue(), where="x.whl")
    except (DataError, UnicodeEncodeError):
        return
    sound = not archive.findings
    assert not sound or len(archive.names) == len({n for n in names if not n.endswith("/")})
    assert not sound or not any(n.startswith("/") or ".." in n.split("/") or "\\" in n for n in archive.names)


@given(text=st.text(max_size=200), name=st.sampled_from(["a.yaml", "a.toml"]))
@SLOW
def test_any_document(text: str, name: str) -> None:
    for parsed in (lambda: parse(text, name), lambda: rows(text), lambda: Metadata.parse(text.encode(), where="x")):
        try:
            parsed()
        except DataError:
            continue
    assert ambiguous(text) in (True, False)
    assert isinstance(entry_points(text), dict)


@pytest.mark.parametrize("way", ["streamed", "zip64"])
def test_ways_to_write_an_honest_archive(way: str, wheel: Path) -> None:
    class Stream(io.BytesIO):
        def seekable(self) -> bool:
            return way != "streamed"

        def seek(self, *where: int) -> int:
            if way == "streamed":
                raise OSError("a stream")
            return super().seek(*where)

        def tell(self) -> int:
            if way == "streamed":
                raise OSError("a stream")
            return super().tell()

    out = Stream()
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            with new.open(name, "w", force_zip64=way == "zip64") as member:
                member.write(old.read(name))
    assert Archive.open(out.getvalue(), where="x.whl").findings == ()


def test_references_that_blow_up_take_no_time() -> None:
    lines = ["a0: &a0 {name: http}"]
    lines += [f"a{i}: &a{i} {{<<: [*a{i - 1}, *a{i - 1}], b: [{', '.join([f'*a{i - 1}'] * 9)}]}}" for i in range(1, 60)]
    document = parse("\n".join(lines), "a.yaml")
    assert isinstance(document, dict)
    assert len(document) == 60
    deep = parse("[" * 50 + "]" * 50, "a.yaml")
    assert deep
    with pytest.raises(DataError):
        parse("[" * 50_000, "a.yaml")
