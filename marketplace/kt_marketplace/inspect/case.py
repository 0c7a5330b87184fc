"""What the checks of a wheel go by."""

from collections.abc import Collection
from dataclasses import dataclass, field

from .findings import Level
from .installed import Installed
from .layout import importable, site_files
from .listed import What
from .wheel import Wheel

OURS = "kt-marketplace"
KERNEL = "kt-core"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A wheel, what is installed beside it, the names of official packs and other known names; `pack` says whether it
    is judged as a pack or as a dependency. `paths` are its files as they come to lie in site-packages, `modules` the
    dotted names among them."""

    wheel: Wheel
    installed: Installed
    official: Collection[str]
    known: Collection[str]
    pack: bool
    paths: tuple[str, ...] = field(repr=False)
    modules: frozenset[str] = field(repr=False)

    @classmethod
    def of(
        cls,
        wheel: Wheel,
        *,
        installed: Installed,
        official: Collection[str],
        known: Collection[str],
        plugin: bool | None,
    ) -> "Case":
        """Return the case of a wheel; without `plugin`, a manifest or an entry point of kt makes it a pack."""
        groups = any(group == "kt" or group.startswith("kt.") for group in wheel.entry_points)
        says = wheel.manifest is not None or groups or any(f.code == "manifest" for f in wheel.findings)
        pack = says or bool(plugin)
        paths = tuple(site_files(wheel.files))
        return cls(
            wheel=wheel,
            installed=installed,
            official=official,
            known=known,
            pack=pack,
            paths=paths,
            modules=importable(paths),
        )

    @property
    def is_official(self) -> bool:
        return self.wheel.name in self.official

    @property
    def strictly(self) -> Level:
        """The level of what a pack has no business with, and an ordinary library may have a reason for."""
        return "refuse" if self.pack else "ask"

    @property
    def lie(self) -> Level:
        """The level of a manifest that says less than what is found."""
        return "ask" if self.is_official else "refuse"

    def owner(self, what: What, name: str) -> str | None:
        """Return which other distribution has a file, a module or a program."""
        dist = self.installed.owner(what, name)
        return dist if dist != self.wheel.name else None
