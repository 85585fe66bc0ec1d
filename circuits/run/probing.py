"""One presentation that probes look at, beside the training."""

from dataclasses import replace

import numpy as np

from circuits.circuit import Circuit
from circuits.engine.replicas import Replicas
from circuits.run.jumps import drift
from circuits.schedule import Schedule


class Look:
    """The first training examples, shown to a copy of the trained circuit.

    Every look starts from the given weights, cells at rest and empty update filters:
    what the last one ended in is not part of a checkpoint.

    Attributes
    ----------
    circuit : Circuit
    inputs, targets : ndarray (n_examples, n)
    weights : dict
        Those of this moment, (n_post, n_pre) by projection.
    """

    def __init__(self, runner: Replicas, patterns, inputs, targets):
        self.circuit: Circuit = runner.circuit
        self.runner, self._patterns = runner, patterns
        self.inputs, self.targets = inputs, targets
        self._rates = runner.rates[0]
        self._from_rest = replace(self.circuit.schedule, carry_state=False)

    def at(self, trained: Replicas, presentation: int, decay: float) -> "Look":
        """Look at the weights there are, with learning rates that have decayed so far.

        `presentation` addresses the random numbers.
        """
        self.weights, self._presentation = trained.weights(0), presentation
        self._drawn = trained.drawn(0)
        self.runner.rates[0] = self._rates * decay
        return self

    def update(self) -> tuple[dict, dict]:
        """Weights before and after the presentation, with learning."""
        shown = self._patterns, self._from_rest, self.weights, self._drawn
        return self.weights, update_of(self.runner, *shown, self._presentation)

    def untaught(self, populations, compartment: str) -> dict[str, np.ndarray]:
        """Potentials (n_examples, n) at the end of a presentation without a teacher."""
        _begin(self.runner, self.weights, self._drawn)
        lanes = self.runner.present(
            0, self._patterns, untaught(self.circuit), learning=False
        )
        return {n: self.runner.read_out(lanes, n, compartment) for n in populations}

    def drift(self) -> float:
        """How far the weight change is from that with twice the jumps."""
        _begin(self.runner, self.weights, self._drawn)
        return drift(
            self.runner,
            self._patterns,
            self._from_rest,
            presentation=self._presentation,
        )


def update_of(runner, patterns, schedule, weights, drawn, number: int) -> dict:
    """Weights after one presentation with learning from given ones, by projection.

    It begins with empty filters of updates; `number` addresses its random numbers, and
    `drawn` is what tied weights hold besides those they follow. That is drawn anew at
    the end of a presentation, which is no part of the update.
    """
    _begin(runner, weights, drawn)
    runner.present(0, patterns, schedule, presentation=number, learning=True)
    runner.set_drawn(0, drawn)
    runner.follow(0)
    return runner.weights(0)


def _begin(runner, weights, drawn):
    runner.set_weights(0, weights)
    runner.set_drawn(0, drawn)
    runner.clear_filters(0)


def answering(circuit: Circuit) -> Schedule:
    """The test presentation; answers do not depend on what was shown before."""
    return replace(circuit.test_schedule or circuit.schedule, carry_state=False)


def untaught(circuit: Circuit) -> Schedule:
    """A presentation without teacher in which every cell takes part."""
    schedule = circuit.schedule
    if not any(phase.timeless for phase in schedule.phases):
        return answering(circuit)
    # Sweeps that only answer leave the apical dendrites out.
    teachers = {p.name for p in circuit.populations if p.pattern == "targets"}
    return Schedule(tuple(phase.without(teachers) for phase in schedule.phases))
