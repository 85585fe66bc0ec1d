"""What comparisons know of a learning scheme."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

from dendrites.random import generator

#: What a hidden cell is told of the error, from the least specific to the most.
INFORMATION = {
    "none": "nothing tells hidden cells of the error",
    "scalar": "one number for all cells",
    "activity": "differences of activity",
    "vector": "an error for every cell",
}
OWN = "own"
#: Of schemes in `circuits.layered`, unless their row says otherwise.
USUAL = {"phi": "tanh", "output_phi": "logistic", "loss": "cross_entropy"}


class Limit(NamedTuple):
    """A parameter in whose limit a scheme is exact.

    Parameters
    ----------
    option : str
        Of the builder.
    values : (float, float)
        Two small ones, between which the order is measured.
    order : float
        With which power of it the relative error falls.
    also : mapping
        Further options with which it is measured.
    """

    option: str
    values: tuple[float, float]
    order: float
    also: Mapping[str, Any] = MappingProxyType({})

    def options(self, value: float) -> dict:
        """Options of the builder at this value."""
        return {self.option: value, **self.also}


@dataclass(frozen=True)
class Scheme:
    """A row of the table.

    Parameters
    ----------
    name : str
        Of its figures; of the function in `circuits.algorithms` unless `algorithm` is
        another, or `own` the function itself.
    information : str
        A key of `INFORMATION`: what a hidden cell is told.
    feedback : str
        How it gets there.
    exact_when : str
        What makes the update the exact gradient of its loss.
    options : mapping
        Of the builder.
    hidden_rate : float, optional
        Learning rate of hidden layers, where it is not that of the output.
    quick : mapping
        Further ones where it learns for long: relaxations that end early, say.
    usual : mapping
        Options that all schemes in `circuits.layered` share.
    limit : Limit, optional
    exact : callable, optional
        ``exact(circuit, weights, inputs, targets)``: the negative gradient of its own
        loss by projection, where that is not the loss of the reference network.
    loss : str, optional
        That loss in words.
    samples : int
        Presentations over which a random update is averaged; 1 where none is random.
    target_rates : (float, float)
        Rate of the wrong output cells and of the right one.
    batch : int, optional
        Examples side by side, where the question's number does not do.
    tasks : tuple of str
        Which questions it takes part in.
    why : str
        What keeps its error on digits from that of backprop, if anything.
    """

    name: str
    information: str
    feedback: str
    exact_when: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    usual: Mapping[str, Any] = field(default_factory=lambda: USUAL)
    quick: Mapping[str, Any] = field(default_factory=dict)
    hidden_rate: float | None = None
    algorithm: str = ""
    own: Callable | None = None
    limit: Limit | None = None
    exact: Callable | None = None
    loss: str = ""
    samples: int = 1
    target_rates: tuple[float, float] = (0.1, 0.8)
    batch: int | None = None
    tasks: tuple[str, ...] = ("atlas", "compare")
    why: str = ""

    def circuit(self, sizes: Sequence[int], *, seed: int = 0, **changed):
        """The circuit of these layers; of a user's own function as it is."""
        from circuits import algorithms
        from circuits.circuit import check_circuit

        if self.own is not None:
            circuit = self.own([*sizes])
            check_circuit(f"circuits: {self.name}", circuit)
            return circuit
        build = getattr(algorithms, self.algorithm or self.name)
        options = {**self.usual, **self.options, **changed}
        if self.hidden_rate is not None:
            hidden = [self.hidden_rate] * (len(sizes) - 2)
            options["learning_rate"] = [*hidden, options["learning_rate"]]
        return build([*sizes], **options, seed=seed)

    def gradient(self, circuit, weights, inputs, targets) -> dict:
        """The exact negative gradient of the scheme's own loss, by projection."""
        from circuits import negative_gradient

        find = self.exact or negative_gradient
        return find(circuit, weights, inputs, targets)

    def loss_of(self, circuit) -> str:
        """Its loss in words."""
        if self.loss or circuit.network is None:
            return self.loss
        return circuit.network.loss.replace("_", " ")


def counted(schedule, dt: float) -> tuple[int, int]:
    """Phases of a presentation, and how often its cells move: sweeps, or steps."""
    moves = 0
    for phase in schedule.phases:
        if phase.timeless:
            moves += phase.sweeps or phase.times or 1
        else:
            duration = phase.duration
            if callable(duration):  # a length that is drawn: one of them
                duration = duration(generator(0, "family/length"))
            moves += phase.steps(duration, dt)[0]
    return len(schedule.phases), moves
