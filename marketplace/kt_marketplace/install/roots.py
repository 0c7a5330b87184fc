"""From what a user wrote to a root: the wheel of an index, a file, a folder or a repository, in the quarantine."""

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kt.errors import DataError
from packaging.requirements import Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from ..inspect import Installed, Wheel
from ..manifest import FILE, normal
from .base import admits, applies
from .consent import Consent
from .editable import Project
from .errors import Refused
from .lock import Locked
from .plan import OF_INDEX, PACKAGE_INDEX, Root
from .reference import Reference
from .resolve import best_of

if TYPE_CHECKING:
    from kt import Plugins

    from ..index import Sources


@dataclass(frozen=True, slots=True)
class Finder:
    """Find roots. `work` is a folder for what is built, `quarantine` one for wheels; `kernel` is kt-core's version."""

    plugins: "Plugins"
    consent: Consent
    work: Path
    quarantine: Path
    kernel: str

    def root(self, reference: Reference) -> Root:
        """Return the root of a reference. Raises NotFound, Refused, Unreachable, InstallFailed, DataError."""
        match reference.form:
            case "index":
                from ..index import Sources

                return self._of_index(reference, Sources())
            case "requirement":
                return Root(reference.text, Requirement(reference.text), PACKAGE_INDEX)
            case "wheel":
                return self._of_wheel(reference.text, reference.path, "file")
            case "folder" if reference.editable:
                project = Project(reference.path)
                self._check_editable(project)
                return Root(reference.text, Requirement(project.name), "folder", project=project)
            case "folder":
                self.consent.ask(f"Build {reference.path.name} from {reference.path}, behind the sandbox's walls?")
                return self._of_wheel(reference.text, self._built(reference.path), "folder")
            case _:
                self.consent.ask(f"Fetch {reference.text}, and build it behind the sandbox's walls?")
                from .clone import clone

                folder, commit = clone(reference.text, self.work)
                return self._of_wheel(reference.text, self._built(folder), commit)

    def with_needed(self, roots: Iterable[Root], stays: Mapping[str, Locked], base: Installed) -> list[Root]:
        """Return roots, and behind them what those of an index need and the same index has, each of it from there.

        `stays` is what is installed and does not move. No other index gives what an index has, in whatever version.
        """
        out = list(roots)
        if not any(root.source.startswith(OF_INDEX) for root in out):
            return out
        from ..index import Sources

        sources, named = Sources(), {normal(r.requirement.name) for r in out} | base.versions.keys()
        for root in out:  # which grows meanwhile
            for needed in root.wheel.requires if root.wheel and root.source.startswith(OF_INDEX) else ():
                there = stays.get(name := normal(needed.name))
                if name in named or not applies(needed) or (there and admits(needed, there.version)):
                    continue
                source = root.source.removeprefix(OF_INDEX)
                if sources.find(name, source=source):
                    asked = there.requested if there else ""
                    out.append(self._of_index(Reference(asked, "index", name, needed.specifier, source), sources))
                    named.add(name)
        return out

    def _check_editable(self, project: Project) -> None:
        """Raise Refused unless a project says of itself what the manifest of a wheel must say."""
        pack = project.manifest
        if pack is None:
            raise Refused(f"{project.name} has no {FILE} that says what it needs", where=str(project.package))
        if normal(pack.name) != project.name or not SpecifierSet(f"=={project.version}").contains(pack.version):
            says = f"{FILE} calls it {pack.name} {pack.version}, pyproject.toml {project.name} {project.version}"
            raise Refused(says, where=str(project.package))
        try:
            fits = SpecifierSet(pack.kt).contains(self.kernel, prereleases=True)
        except InvalidSpecifier:
            raise Refused(f"pack.kt {pack.kt!r} is no range of versions", where=str(project.package / FILE)) from None
        if not fits:
            raise Refused(f"{project.name} needs kt-core {pack.kt}, and this is {self.kernel}")

    def _built(self, folder: Path) -> Path:
        from .build import build

        into = self.work / "built"
        into.mkdir(exist_ok=True)
        return build(folder, into, self.plugins)

    def _of_index(self, reference: Reference, sources: "Sources") -> Root:
        from ..index import choose
        from ..transport import fetch

        found = sources.find(reference.name, source=reference.source)
        if not found:
            raise sources.not_found(reference.name)
        choice = choose(found, reference.specifier, self.kernel)
        for question in choice.asks:
            self.consent.ask(f"{question}. Install it all the same?")
        requirement = Requirement(f"{choice.name}=={choice.version}")
        source = f"{OF_INDEX}{choice.source.name}"
        releases = next(f.entry.versions for f in found if f.source.name == choice.source.name)
        withdrawn = {version: release.yanked for version, release in releases.items() if release.yanked}
        best = best_of({file.name: file for file in choice.files})
        if best is None and choice.files:
            raise DataError(f"{choice.name} {choice.version} has no wheel for this Python", where=choice.source.name)
        if best is None or not best[1].url:
            digests = frozenset(file.sha256 for file in choice.files)
            return Root(reference.text, requirement, source, digests=digests, withdrawn=withdrawn)
        file = best[1]
        wheel = Wheel.read(fetch(file.url, file.sha256, self.quarantine / file.name, size=file.size))
        if (wheel.name, wheel.version) != (choice.name, choice.version):
            says = f"the index calls it {choice.name} {choice.version}, the wheel says {wheel.name} {wheel.version}"
            raise Refused(says, hint="tell the publisher")
        return Root(reference.text, requirement, source, file.url, wheel, withdrawn=withdrawn)

    def _of_wheel(self, asked: str, file: Path, source: str) -> Root:
        kept = self.quarantine / file.name
        shutil.copyfile(file, kept)
        wheel = Wheel.read(kept)
        return Root(asked, Requirement(f"{wheel.name}=={wheel.version}"), source, wheel=wheel)
