"""A plain model of a terrarium: who is there, what connects them, who hears what. It knows nothing of the engine."""

from dataclasses import dataclass, field


@dataclass(eq=False)
class Pipe:
    """A broadcast channel."""

    name: str
    capacity: int
    senders: set[str] = field(default_factory=set)
    listeners: set[str] = field(default_factory=set)

    @property
    def members(self) -> set[str]:
        return self.senders | self.listeners


class Plain:
    """Creatures and their edges. Graphs are what a search finds; two channels of one name in one graph are one."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.pipes: list[Pipe] = []
        self.wires: set[tuple[str, str]] = set()
        self.links: set[frozenset[str]] = set()

    def group(self, name: str) -> set[str]:
        """Return the connected component of a creature."""
        sets = [{*wire} for wire in self.wires] + [{*link} for link in self.links] + [p.members for p in self.pipes]
        found = {name}
        while grown := [s for s in sets if s & found and not s <= found]:
            found = found.union(*grown)
        return found

    def groups(self) -> set[frozenset[str]]:
        return {frozenset(self.group(name)) for name in self.names}

    def pipes_of(self, name: str) -> dict[str, Pipe]:
        """Return the channels of a creature's graph by name."""
        group = self.group(name)
        return {pipe.name: pipe for pipe in self.pipes if pipe.members & group}

    def unify(self) -> None:
        """Make one of the channels that have the same name in the same graph."""
        for group in self.groups():
            known: dict[str, Pipe] = {}
            for pipe in [p for p in self.pipes if p.members & group]:
                first = known.setdefault(pipe.name, pipe)
                if first is not pipe:
                    first.senders |= pipe.senders
                    first.listeners |= pipe.listeners
                    first.capacity = min(first.capacity, pipe.capacity)  # one of the two; bounds only what may be lost
                    self.pipes.remove(pipe)

    def join(self, name: str, senders: set[str], listeners: set[str], capacity: int) -> None:
        pipes = [p for who in senders | listeners if (p := self.pipes_of(who).get(name)) is not None]
        pipe = pipes[0] if pipes else Pipe(name, capacity)
        if not pipes:
            self.pipes.append(pipe)
        pipe.senders |= senders
        pipe.listeners |= listeners
        self.unify()

    def leave(self, sender: str, listener: str, name: str | None) -> None:
        for pipe in [p for p in self.pipes if sender in p.senders and listener in p.listeners]:
            if name in (None, pipe.name):
                pipe.listeners.discard(listener)
                if not pipe.listeners:
                    self.pipes.remove(pipe)

    def remove(self, name: str) -> None:
        for pipe in [p for p in self.pipes if name in p.members]:
            pipe.senders.discard(name)
            pipe.listeners.discard(name)
            if not (pipe.senders and pipe.listeners):
                self.pipes.remove(pipe)
        self.wires = {wire for wire in self.wires if name not in wire}
        self.links = {link for link in self.links if name not in link}
        self.names.discard(name)

    def leads(self, source: str, target: str) -> bool:
        """Tell whether what `source` answers can reach `target` over wires."""
        reached, waiting = {source}, [source]
        while waiting:
            at = waiting.pop()
            new = {b for a, b in self.wires if a == at} - reached
            reached |= new
            waiting += new
        return target in reached
