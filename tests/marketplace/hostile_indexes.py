"""Attacks by indexes: where they take place, how each is made ready, and what must stop it."""

import shutil
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from kt.errors import KTError
from kt_marketplace.index import Sources
from kt_marketplace.index.signing import SigningKey
from kt_marketplace.install import transaction

from .index_world import Web, a_file, a_pack, a_release, an_index, document, later, write_index
from .installing import Asked, Home, PackageIndex
from .wheels import canary, make_pack

Outcome: TypeAlias = Literal["refused", "asked"]


@dataclass
class Attacker:
    """Who makes wheels in a folder, and has somebody install them in a home where kt-lake is."""

    folder: Path
    home: Home

    def wheel(self, name: str = "kt-owl", version: str = "1.0", **options: Any) -> Path:
        return make_pack(self.folder, name, version, **options)

    def bytes(self) -> dict[str, bytes]:
        """Return every file of the home."""
        files = self.home.folder.rglob("*")
        return {str(f): f.read_bytes() for f in files if f.is_file() and "__pycache__" not in f.parts}

    def attempt(self, word: str, person: Asked) -> KTError | None:
        try:
            transaction.install([word], plugins=self.home.plugins, consent=person)
        except KTError as error:
            return error
        return None

    def attack(self, word: str, level: Outcome) -> str:
        """Have it installed by a person who says no and by one who says yes; return what stopped it.

        What is refused must be refused to both, and nobody is asked. Nothing is imported.
        """
        before = self.bytes()
        person = Asked(False)
        error = self.attempt(word, person)
        assert error is not None
        assert bool(person.questions) == (level == "asked"), (person.questions, error.line())
        assert self.bytes() == before
        assert (self.attempt(word, Asked()) is None) == (level == "asked")
        assert level == "asked" or self.bytes() == before
        assert not canary(self.folder).exists()
        return error.what if level == "refused" else "\n".join([*person.shown, *person.questions])


@dataclass
class Stage(Attacker):
    """An attacker who has a say in the package index, and in an index that the user added."""

    index: PackageIndex
    web: Web
    key: SigningKey
    other: SigningKey

    def served(self, *wheels: Path, name: str = "team", **more: Any) -> Path:
        """Add a source: the signed folder of an index that has these wheels."""
        folder = write_index(self.folder / name, self.listing(*wheels, name=name, **more), self.key)
        (folder / "wheels").mkdir(exist_ok=True)
        for wheel in wheels:
            shutil.copy(wheel, folder / "wheels")
        self.add(str(folder))
        return folder

    def listing(self, *wheels: Path, release: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
        """Return the `signed` of an index with these wheels."""
        packs: dict[str, dict[str, Any]] = {}
        for wheel in wheels:
            name, version = wheel.name.split("-")[:2]
            made = a_release(files=[a_file(wheel.name, wheel.read_bytes())], **(release or {}))
            packs.setdefault(name.replace("_", "-"), {})[version] = made
        return an_index(packs={name: a_pack(versions=versions) for name, versions in packs.items()}, **more)

    def add(self, address: str) -> None:
        sources = Sources()
        sources.add(sources.offer(address))


def _tampered_in_an_index(stage: Stage) -> str:
    folder = stage.served(stage.wheel())
    file = folder / "wheels" / "kt_owl-1.0-py3-none-any.whl"
    file.write_bytes(file.read_bytes() + b" ")
    return "@kt-owl"


def _swapped_in_an_index(stage: Stage) -> str:
    """Serve a wheel of the same length, so that its digest alone tells."""
    folder = stage.served(stage.wheel())
    file = folder / "wheels" / "kt_owl-1.0-py3-none-any.whl"
    file.write_bytes(file.read_bytes()[:-1] + b"!")
    return "@kt-owl"


def _tampered_in_the_package_index(stage: Stage) -> str:
    file = stage.index.add(stage.wheel())
    file.write_bytes(file.read_bytes() + b" ")
    return "kt-owl"


def _withdrawn(stage: Stage) -> str:
    stage.served(stage.wheel(), release={"yanked": "it hoots by day"})
    return "@kt-owl==1.0"


def _withdrawn_and_not_named(stage: Stage) -> str:
    stage.served(stage.wheel(), release={"yanked": "it hoots by day"})
    return "@kt-owl"


def _withdrawn_in_the_package_index(stage: Stage) -> str:
    stage.index.add(stage.wheel(), attributes={"data-yanked": "it hoots by day"})
    return "kt-owl"


def _two_sources(stage: Stage) -> str:
    stage.served(stage.wheel())
    stage.served(stage.wheel(version="9.0"), name="squatter")
    return "@kt-owl"


def _spoilt_source(stage: Stage) -> str:
    """Spoil what is kept of an index, so that another one might be asked instead."""
    stage.served(stage.wheel())
    stage.served(stage.wheel(version="9.0"), name="squatter")
    (stage.home.folder / "marketplace" / "team.json").write_text("{}")
    return "@kt-owl"


def _another_wheel(stage: Stage) -> str:
    """Serve a wheel under the name and version of another one."""
    hawk = stage.wheel("kt-hawk")
    stage.served(hawk.rename(hawk.with_name("kt_owl-1.0-py3-none-any.whl")))
    return "@kt-owl"


def _other_file_in_the_package_index(stage: Stage) -> str:
    """List a pack whose files the package index has, with a digest; it has another file."""
    wheel = stage.wheel()
    file = {**a_file(wheel.name, b"what was looked at"), "url": ""}
    packs = {"kt-owl": a_pack(versions={"1.0": a_release(files=[file])})}
    stage.add(str(write_index(stage.folder / "team", an_index(packs=packs), stage.key)))
    stage.index.add(wheel)
    return "@kt-owl"


def _one_letter_off(stage: Stage) -> str:
    stage.served(stage.wheel("kt-biorne"))
    return "@kt-biorne"


def _official_name(stage: Stage) -> str:
    stage.served(stage.wheel("kt-biome", "99.0"))
    return "@kt-biome>=99"


def _official_name_in_a_file(stage: Stage) -> str:
    return str(stage.wheel("kt-biome", "99.0"))


def _official_dependency(stage: Stage) -> str:
    stage.index.add(stage.wheel("kt-yaml", "99.0"))
    stage.index.add(stage.wheel(requires=["kt-yaml>=99"]))
    return "kt-owl"


def _source_only(stage: Stage) -> str:
    """Offer a source archive, whose setup.py would run."""
    made = stage.folder / "kt_owl-1.0.tar.gz"
    setup = f"open({str(canary(stage.folder))!r}, 'w').close()\nfrom setuptools import setup\nsetup(name='kt-owl')\n"
    (stage.folder / "setup.py").write_text(setup)
    with tarfile.open(made, "w:gz") as archive:
        archive.add(stage.folder / "setup.py", "kt_owl-1.0/setup.py")
    stage.index.add(made)
    return "kt-owl"


def _dependency_by_url(stage: Stage) -> str:
    stage.index.add(stage.wheel(requires=[f"kt-hawk @ {stage.wheel('kt-hawk').as_uri()}"]))
    return "kt-owl"


def _squatted_dependency(stage: Stage) -> str:
    """Offer in the package index what a pack of an index needs, and that index has."""
    stage.served(stage.wheel(requires=["kt-nest"]), stage.wheel("kt-nest"))
    stage.index.add(stage.wheel("kt-nest", "99.0", needs={"secrets": ["GH_TOKEN"]}))
    return "@kt-owl"


def _hostile_dependency(stage: Stage) -> str:
    stage.index.add(stage.wheel("kt-nest", files={"kt_nest.pth": "import os"}))
    stage.index.add(stage.wheel(requires=["kt-nest"]))
    return "kt-owl"


def _expired(stage: Stage) -> str:
    stage.served(stage.wheel())
    kept = stage.home.folder / "marketplace" / "team.json"
    kept.write_bytes(document(stage.listing(stage.wheel(), name="team", expires=later(-1)), stage.key))
    return "@kt-owl"


INDEX: dict[str, tuple[Callable[[Stage], str], Outcome, str]] = {
    "tampered wheel in a signed index": (_tampered_in_an_index, "refused", "is larger than"),
    "swapped wheel in a signed index": (_swapped_in_an_index, "refused", "is not the file that its index names"),
    "tampered wheel in the package index": (_tampered_in_the_package_index, "refused", "kt_owl-1.0"),
    "withdrawn version": (_withdrawn, "asked", "was withdrawn: it hoots by day"),
    "withdrawn version, not named": (_withdrawn_and_not_named, "refused", "was withdrawn: it hoots by day"),
    "withdrawn in the package index": (_withdrawn_in_the_package_index, "refused", "yanked"),
    "higher version in a second index": (_two_sources, "refused", "is in the sources"),
    "index spoilt, a second one has the name": (_spoilt_source, "refused", "spoilt"),
    "index names another wheel": (_another_wheel, "refused", "no .dist-info folder of its name"),
    "package index has another file": (_other_file_in_the_package_index, "refused", "does not know"),
    "one letter off, in an index": (_one_letter_off, "asked", "could be taken for kt-biome"),
    "official name in an index": (_official_name, "refused", "part of this installation"),
    "official name in a file": (_official_name_in_a_file, "refused", "kt-biome"),
    "official dependency, newer": (_official_dependency, "refused", "kt-yaml"),
    "source archive only": (_source_only, "refused", "no usable wheels"),
    "dependency by URL": (_dependency_by_url, "refused", "kt-hawk"),
    "dependency squatted in the package index": (_squatted_dependency, "asked", "+ kt-nest 1.0 (index team)"),
    "dependency with a .pth": (_hostile_dependency, "refused", "kt_nest.pth"),
    "expired index": (_expired, "refused", "expired"),
}


def _older(stage: Stage, wheel: Path) -> bytes:
    return document(stage.listing(wheel, name="team", version=4), stage.key)


def _other_content(stage: Stage, wheel: Path) -> bytes:
    return document(stage.listing(wheel, name="team", version=5, publisher="Somebody"), stage.key)


def _other_key(stage: Stage, wheel: Path) -> bytes:
    return document(stage.listing(wheel, name="team", version=6), stage.other)


def _unsigned(stage: Stage, wheel: Path) -> bytes:
    return document(stage.listing(wheel, name="team", version=6))


def _renamed(stage: Stage, wheel: Path) -> bytes:
    return document(stage.listing(wheel, name="crew", version=6), stage.key)


def _endless(stage: Stage, wheel: Path) -> bytes:
    return b" " * (33 << 20)


REFRESHED: dict[str, tuple[Callable[[Stage, Path], bytes], str]] = {
    "index of a lower version": (_older, "went back from version 5 to 4"),
    "other index of the same version": (_other_content, "call themselves version 5"),
    "index signed by another key": (_other_key, "another key"),
    "index without a signature": (_unsigned, "not signed"),
    "index of another name": (_renamed, "calls itself 'crew' now"),
    "index without an end": (_endless, "larger than"),
}
