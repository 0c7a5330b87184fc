"""Random changes of what is installed; after each it is held against a model that shares no code with the installer."""

import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, precondition, rule
from kt.errors import NotFound, UsageError
from kt_marketplace import doctor
from kt_marketplace.install import overlay, store, transaction
from kt_marketplace.install.errors import InstallFailed, Refused
from kt_marketplace.install.intact import damaged
from kt_marketplace.install.lock import Lock
from kt_marketplace.install.path import folders, lock_file

from .install_model import Entry, Problem, Range, Release, State, needed, requested, without
from .install_world import NAMES, Shelf, World, fresh_look, installed, key
from .installing import Asked, PackageIndex

names = st.sampled_from(NAMES)
ranges = st.builds(Range, names, st.sampled_from([0, 0, 0, 1, 2, 4]), st.sampled_from([0, 0, 0, 0, 3, 5]))
requirements = st.lists(ranges, max_size=2, unique_by=lambda r: r.name)
numbers = st.integers(0, 100)
places = st.lists(numbers, max_size=2)
often = st.sampled_from([True, True, True, False])


@dataclass(frozen=True, slots=True)
class Wanted:
    """One word of `kt install`: a requirement, or the wheel that it means."""

    range: Range
    release: Release | None = None

    def __str__(self) -> str:
        return str(self.release.wheel if self.release else self.range)


class Packs(RuleBasedStateMachine):
    """One user's packs. `state` is what should be there, `before` what a rollback should bring (None: nothing)."""

    index: PackageIndex
    parts = 0
    wheels: Bundle[Release] = Bundle("wheels")
    locks: Bundle[tuple[Path, State]] = Bundle("locks")

    @initialize(requires=st.lists(requirements, min_size=8, max_size=8), net=st.lists(st.booleans(), min_size=8))
    def begin(self, requires: list[list[Range]], net: list[bool]) -> None:
        """Publish two versions of everything."""
        Packs.parts += 1
        self.world = World(Shelf(self.index, f"part{Packs.parts}"))
        self.words: dict[str, Wanted] = {}
        for name, own, more in zip(NAMES * 2, requires, net, strict=False):
            self.world.publish(name, own, net=more)
        self.begin_home()

    def begin_home(self) -> None:
        self.home = self.world.new_home()
        self.state: State = {}
        self.before: State | None = None
        self.bytes, self.built, self.flipped = Lock().text(), False, False

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.world.close()

    @rule(target=wheels, name=names, requires=requirements, net=st.booleans())
    def publish(self, name: str, requires: list[Range], net: bool) -> Release:
        return self.world.publish(name, requires, net=net)

    @rule(target=wheels, name=names, version=st.sampled_from([1, 3, 5]), requires=requirements, net=st.booleans())
    def build(self, name: str, version: int, requires: list[Range], net: bool) -> Release:
        """Make a wheel that no index has, with an odd version: those of the index are even."""
        return self.world.make(name, version, requires, net=net)

    # changes

    def attempt(self, change: Callable[[], object], *errors: type[Exception]) -> Exception | None:
        """Return the error of a change; it must have left everything as it was."""
        before = self.home.state()
        try:
            change()
        except errors as error:
            assert self.home.state() == before
            return error
        return None

    def applied(self, after: State) -> None:
        if lock_file().read_bytes() != self.bytes:
            self.before, self.bytes = self.state, lock_file().read_bytes()
        self.state, self.built, self.flipped = after, True, False

    def solve(
        self,
        asked: Mapping[str, Wanted],
        moving: Collection[str],
        change: Callable[[], object],
        asks: Callable[[State], bool],
    ) -> State | None:
        """Make a change that has several good ends; return the one that it came to, None if it can't be made."""
        held = {n: e.release for n, e in self.state.items() if n not in moving and n not in asked}
        roots = [w.range for w in asked.values()]
        roots += [self.words[e.requested].range for n, e in self.state.items() if e.requested and n not in asked]
        own = {n: [e.release] for n, e in self.state.items() if e.release not in self.world.published[n]}
        offered = {n: self.world.published[n] + own.get(n, []) for n in NAMES}
        problem = Problem(roots, held | {n: w.release for n, w in asked.items() if w.release}, offered)
        ends = [self.end(versions, asked) for versions in problem.solutions()]
        error = self.attempt(change, InstallFailed, Refused)
        if error is not None:
            assert ends if isinstance(error, Refused) else not ends, (error, problem)
            assert not isinstance(error, Refused) or any(map(asks, ends)), error
            return None
        (end,) = [e for e in ends if self.keys(e) == installed()] or [None]
        assert end is not None, f"no solution: {installed()}"
        assert not asks(end)
        assert not list(problem.newer({n: e.release for n, e in end.items()})), f"not the newest: {installed()}"
        return end

    def end(self, versions: Mapping[str, Release], asked: Mapping[str, Wanted]) -> State:
        """Return what is installed then: what was asked for once stays asked for."""
        texts = {n: e.requested for n, e in self.state.items()} | {n: str(w) for n, w in asked.items()}
        return {n: Entry(release, texts.get(n, "")) for n, release in versions.items()}

    @staticmethod
    def keys(state: State) -> set[str]:
        return {entry.release.key for entry in state.values()}

    @rule(words=st.lists(ranges, min_size=1, max_size=2, unique_by=lambda r: r.name), yes=often)
    def install(self, words: list[Range], yes: bool) -> None:
        self.install_all([Wanted(r) for r in words], yes)

    @rule(release=wheels, more=st.none() | ranges, yes=often)
    def install_wheel(self, release: Release, more: Range | None, yes: bool) -> None:
        words = [Wanted(Range.only(release), release)]
        self.install_all([*words, *([Wanted(more)] if more and more.name != release.name else [])], yes)

    def meets_a_defect(self, asked: Mapping[str, Wanted], moving: Collection[str]) -> bool:
        """Tell whether a change would end wrong: test_install_random.py has each case, as a test that must fail."""
        kept = [name for name in moving if name in self.state and (name not in asked or not asked[name].release)]
        unpublished = [n for n in kept if self.state[n].release not in self.world.published[n]]
        return bool(unpublished or [n for n in kept if n not in asked and self.state[n].requested])

    def install_all(self, words: list[Wanted], yes: bool) -> None:
        there = {n: self.state[n].release for n in requested(self.state)}
        new = [w for w in words if w.release or w.range.name not in there or not w.range.admits(there[w.range.name])]
        if not new:
            assert self.home.install(*words, yes=False)[0].already == tuple(map(str, words))
            return
        asked = {w.range.name: w for w in new}
        if self.meets_a_defect(asked, asked):
            return
        self.words |= {str(w): w for w in new}
        after = self.solve(
            asked, (), lambda: self.home.install(*words, yes=yes), lambda end: not yes and self.comes(end)
        )
        if after is not None:
            self.applied(after)

    def comes(self, end: State) -> bool:
        """Tell whether something comes, or is asked for that was there only as a dependency."""
        here = self.state
        return any(n not in here or e.release != here[n].release or (e.requested and not here[n].requested)
                   for n, e in end.items())  # fmt: skip

    def chosen(self, places: Sequence[int]) -> set[str]:
        """Return names, most of them of requested packs."""
        known = [*requested(self.state) * 5, *NAMES]
        return {known[place % len(known)] for place in places}

    @precondition(lambda self: self.state)
    @rule(places=places, yes=often, fresh=numbers, requires=requirements)
    def update(self, places: list[int], yes: bool, fresh: int, requires: list[Range]) -> None:
        """Update all or some packs, mostly after a new version of one that is installed was published."""
        if fresh:
            self.world.publish(sorted(self.state)[fresh % len(self.state)], requires, net=fresh % 2 == 0)
        chosen = self.chosen(places)
        if unknown := chosen - set(requested(self.state)):
            assert self.attempt(lambda: self.home.update(*chosen), NotFound), unknown
            return
        asked = {n: self.words[self.state[n].requested] for n in chosen or requested(self.state)}

        def asks(end: State) -> bool:
            fresh = [e.release for n, e in end.items() if n not in self.state or e.release != self.state[n].release]
            return not yes and any(map(self.grown, fresh))

        if self.meets_a_defect(asked, needed(self.state, asked)):
            return
        after = self.solve(asked, needed(self.state, asked), lambda: self.home.update(*chosen, yes=yes), asks)
        if after is not None and self.keys(after) != self.keys(self.state):
            self.applied(after)

    def grown(self, release: Release) -> bool:
        """Tell whether a release is new, or reaches or depends on more than the one of its name that is installed."""
        if release.name not in self.state:
            return True
        before = self.state[release.name].release
        return release.net > before.net or bool({r.name for r in release.requires} - {r.name for r in before.requires})

    @precondition(lambda self: self.state)
    @rule(places=st.lists(numbers, min_size=1, max_size=2))
    def uninstall(self, places: list[int]) -> None:
        chosen = self.chosen(places)
        wrong = [n for n in chosen if n not in requested(self.state)]
        if wrong:
            error = self.attempt(lambda: self.home.uninstall(*chosen), UsageError, NotFound)
            assert any(isinstance(error, UsageError if n in self.state else NotFound) for n in wrong), error
            return
        self.home.uninstall(*chosen)
        self.applied(without(self.state, chosen))

    @precondition(lambda self: self.before is not None)
    @rule()
    def rollback(self) -> None:
        assert self.before is not None
        self.home.rollback()
        self.applied(self.before)

    @precondition(lambda self: lock_file().exists())
    @rule(target=locks)
    def save(self) -> tuple[Path, State]:
        kept = self.world.new_folder() / "kt.lock"
        kept.write_bytes(lock_file().read_bytes())
        return kept, self.state

    @rule(saved=locks, yes=often, elsewhere=st.booleans())
    def sync(self, saved: tuple[Path, State], yes: bool, elsewhere: bool) -> None:
        """Install what a lock says, here or on another machine, which has only the wheels that came from files."""
        lock, state = saved
        if elsewhere:
            self.begin_home()
        beside = self.world.new_folder()
        for name, pack in Lock.read(lock).packs.items():
            if not pack.url:
                shutil.copy(state[name].release.wheel, beside)

        def change() -> None:
            transaction.sync(lock, wheels=beside, plugins=self.home.plugins, consent=Asked(yes))

        error = self.attempt(change, Refused)
        assert (error is None) == yes
        if yes:
            assert lock_file().read_bytes() == lock.read_bytes()
            self.applied(state)

    @precondition(lambda self: self.state)
    @rule()
    def sync_own(self) -> None:
        assert not self.home.sync()[0].change.arrivals
        self.applied(self.state)

    # what happens to the files

    @precondition(lambda self: self.built)
    @rule()
    def delete_overlay(self) -> None:
        shutil.rmtree(overlay.overlay(lock_file().read_bytes()))
        self.built, self.flipped = False, False

    @precondition(lambda self: self.built and not self.flipped and self.state)
    @rule(place=st.integers(0, 1000), bit=st.integers(0, 7))
    def flip(self, place: int, bit: int) -> None:
        files = sorted(self.home.site.rglob("build.txt"))
        file = files[place % len(files)]
        file.write_bytes(bytes([file.read_bytes()[0] ^ 1 << bit]) + file.read_bytes()[1:])
        self.flipped = True

    @precondition(lambda self: self.built)
    @rule()
    def start(self) -> None:
        """Look from a new process: every pack is found, and the base comes first on the path."""
        found, failed, base_first, path = fresh_look()
        assert set(self.state) == {name for name in found if name in NAMES}
        assert not failed
        assert base_first
        assert path[-1] == str(self.home.site)

    # what holds after each step

    @invariant()
    def the_lock_is_as_it_should_be(self) -> None:
        lock = Lock.current()
        assert installed() == self.keys(self.state)
        assert {n: p.requested for n, p in lock.packs.items()} == {n: e.requested for n, e in self.state.items()}
        for name, pack in lock.packs.items():
            assert set(pack.requires) == {r.name for r in self.state[name].release.requires}
            assert pack.url.startswith(self.world.shelf.url) if pack.source == "package index" else not pack.url, pack

    @invariant()
    def nothing_is_there_that_nobody_needs(self) -> None:
        assert set(self.state) == needed(self.state, requested(self.state))
        assert self.home.leftovers() == []
        assert not list(self.home.folder.rglob("*.new"))

    @invariant()
    def every_wheel_is_kept(self) -> None:
        assert all(store.holds(pack) for pack in Lock.current().packs.values())
        if self.before is not None:
            assert {key(pack) for pack in overlay.previous().packs.values()} == self.keys(self.before)
            assert all(store.holds(pack) for pack in overlay.previous().packs.values())

    @invariant()
    def what_is_built_is_what_was_inspected(self) -> None:
        assert bool(folders()) == self.built
        if self.built:
            assert bool(damaged(Lock.current(), self.home.site)) == self.flipped
        if self.state:
            assert doctor.check()[0][0] == (self.built and not self.flipped)
