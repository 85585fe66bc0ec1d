"""What replicas keep from one presentation to the next: weights, filters, states."""

from contextlib import contextmanager

import numpy as np

from circuits.engine.facts import REMEMBERED
from circuits.engine.interpret import run_list


class Kept:
    """The part of `Replicas` that gives, takes and copies what replicas keep."""

    def weights(self, number: int, names=None) -> dict:
        """Weights of a replica, by projection; of all by default."""
        names = [p.name for p in self.circuit.projections] if names is None else names
        arena = self.arenas[number]
        return {name: self.layout.get_weights(arena, name) for name in names}

    def perturbation(self, number: int, name: str) -> np.ndarray:
        """What the last presentation added to the weights of a projection."""
        p, shape = self.circuit.projection(name), self.circuit.shape(name)
        flat = self.arenas[number][self.layout.replica.part("xi", name)]
        return p.connectivity.unflatten(flat, *shape)

    def flat_weights(self, number: int) -> np.ndarray:
        """All weights of a replica as they lie, projection by projection."""
        return self.arenas[number][self.layout.replica.stretch("weights")]

    def set_weights(self, number: int, weights: dict) -> None:
        """Put weights of some projections; filters stay as they are."""
        for name, value in weights.items():
            self.layout.put_weights(self.arenas[number], name, value)
        self.stale[number] = True

    def follow(self, number: int) -> None:
        """Set tied weights from those they follow, as these are now."""
        made, lane = self.programs.ties(), self.lanes[number][0]
        run_list(made, self.arenas[number], lane, self.spans[number, 0])

    @property
    def _drawn(self):
        """Kinds of what tied weights hold besides those they follow."""
        times = ("times",) if self.layout.replica.of_kind("times") else ()
        return ("noise", *times)

    def drawn(self, number: int) -> list[np.ndarray]:
        """Copies of what tied weights are multiplied by, and of their noise."""
        arena, places = self.arenas[number], self.layout.replica
        return [arena[places.stretch(kind)].copy() for kind in self._drawn]

    def set_drawn(self, number: int, arrays) -> None:
        """Take up the arrays of `drawn`, of a run of the same projections."""
        for kind, theirs in zip(self._drawn, arrays, strict=True):
            self.arenas[number][self.layout.replica.stretch(kind)] = theirs

    def clear_filters(self, number: int) -> None:
        """Let what updates of a replica remember begin from nothing."""
        for kind in REMEMBERED:
            self.arenas[number][self.layout.replica.stretch(kind)] = 0

    def copy_weights(self, number: int, other: "Kept") -> None:
        """Take over the weights of the same replica of another run.

        Both must be of the same projections and numbers of one type.
        """
        self.flat_weights(number)[:] = other.flat_weights(number)
        self.set_drawn(number, other.drawn(number))
        self.stale[number] = True

    @contextmanager
    def undone(self, number: int):
        """Whatever a replica is shown within leaves weights and states as before."""
        arenas = (self.arenas[number], *self.lanes[number], self.shown, self.clocks)
        arenas += (self.stale,)
        kept = [arena.copy() for arena in arenas]
        try:
            yield
        finally:
            for arena, old in zip(arenas, kept, strict=True):
                arena[:] = old

    # --- checkpoints ----------------------------------------------------------

    def arrays(self) -> dict:
        """Everything a later run needs to go on, by name (for checkpoints)."""
        layout, result = self.layout, {}
        of_optimisers = (kind for kind in REMEMBERED[1:] if layout.replica.total(kind))
        kinds = ("weights", "filter", *self._drawn, *of_optimisers)
        for k, arena in enumerate(self.arenas):
            for kind in kinds:
                result[f"replica{k}/{kind}"] = arena[layout.replica.stretch(kind)]
            result[f"replica{k}/shown"] = self.shown[k]
            result[f"replica{k}/clock"] = self.clocks[k]
            for c, lane in enumerate(self.lanes[k]):
                result[f"replica{k}/state{c}"] = lane[layout.carried]
        return result

    def restore(self, arrays: dict) -> None:
        """Take up the arrays of `arrays()`."""
        for name, mine in self.arrays().items():
            mine[:] = arrays[name]
