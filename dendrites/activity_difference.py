"""ActivityDifference: a synapse learns from a difference of two reads of one cell.

    dw_ij = learning_rate * gain_i * (teaching_i * x_j(A) - baseline_i * x_j(B))

The two sides may differ across compartments (the same instant) or across phases (the
same read, two moments). Since every factor receives one cell, a rule cannot see a
neighbour; since the form is separable, a circuit's update is a matrix product. Rules
that need several such differences are sums of them: ``rule + other``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from dendrites._brief import brief_repr
from dendrites._checks import choice, flag, items, mapping, number, shown, text
from dendrites._difference_checks import (
    CELLS,
    check_average,
    check_modulator,
    check_read,
    checked_momentum,
    pair,
)
from dendrites._sendable import Sendable
from dendrites.cell import CellModel
from dendrites.errors import ModelError

NOW = "now"
# What all differences of a sum have in common.
SHARED = ("learning_rate", "low_pass", "batch", "modulator", "momentum", "continuous")


@dataclass(frozen=True)
class LowPass:
    """Low-pass filter of a weight update: D' = a D + (1 - a) term, dw = rate D dt.

    Parameters
    ----------
    tau : float
        Time constant, ms, > 0.
    exact : bool
        a = exp(-dt / tau) instead of the Euler factor 1 - dt / tau.
    read : {"after", "before"}
        Whether the weight reads the filter after or before the step's new term.
    """

    tau: float
    exact: bool = False
    read: str = "after"

    def __post_init__(self):
        tau = number("LowPass: tau", self.tau, unit="ms", above=0.0)
        object.__setattr__(self, "tau", tau)
        flag("LowPass: exact", self.exact)
        choice("LowPass: read", self.read, ("after", "before"))


class Needs(NamedTuple):
    """What a rule needs of the cells and the projection it acts between.

    Parameters
    ----------
    presynaptic, postsynaptic : mapping of str to number
        Values that parameters of the two cells must have, if these have them. Those of
        the presynaptic cell may be functions of the other's parameters, which return
        None where nothing is needed.
    undelayed : bool
        Whether times of presynaptic spikes count, so that signals must not arrive
        later than the rule reads them.
    """

    presynaptic: Mapping[str, float | Callable] = {}
    postsynaptic: Mapping[str, float] = {}
    undelayed: bool = False


@dataclass(frozen=True, eq=False)
class ActivityDifference(Sendable):
    """How a synapse learns from ``teaching - baseline`` of its postsynaptic cell.

    Parameters
    ----------
    teaching, baseline : callable, str or None
        ``read(cell, p) -> float`` or the name of a read of the postsynaptic cell;
        None stands for zero. Positive ``teaching - baseline`` means "be more active".
    learning_rate : float
        Per ms when both moments are "now", else per presentation.
    gain : callable or str, optional
        Read that multiplies both sides.
    presynaptic : str or (str, str), optional
        Read of the presynaptic cell for both sides, or one for each side. Default:
        the signal of the projection.
    moments : (str, str)
        When teaching and baseline are read: "now", or the name of a phase, whose
        window-averaged cell is read at the end of the presentation.
    gain_moment : str, optional
        When the gain is read; default: with the baseline.
    presynaptic_moments : (str, str), optional
        When each presynaptic signal is read; default: as its side.
    low_pass : LowPass, optional
        Filter of the update.
    batch : {"mean", "sum"}
        How the samples of a batch combine.
    average : {"cells", "products"}
        What is averaged in the window of a phase. "cells": each factor reads the
        averaged cell, dw is a product of means. "products": factor and presynaptic
        signal are read at every moment of the window, and each side is the mean of
        their product, the correlation that Boltzmann machines and rules of sampled or
        spiking cells contrast; the gain is read with each side. A settled phase has one
        moment, where both agree.
    modulator : callable or str, optional
        Read of the postsynaptic cell by which the filtered update is multiplied when it
        moves the weight: dw = learning_rate * modulator_i * D_ij dt, with the cell as
        it is in that step. D is then an eligibility trace, and a reward may come long
        after what it is for (a three-factor rule). Needs `low_pass`; since a trace
        belongs to one sample, samples are shown one by one and at every step ('exact').
    momentum : float
        mu of v' = mu v + g and dw = learning_rate * v', in [0, 1), for rules across
        phases; g is the update of a presentation and v starts from 0, as in PyTorch's
        SGD. Kept with the weights, in checkpoints too. The decay of a projection acts
        on the weight alone and does not enter v.
    others : tuple of ActivityDifference
        Further differences whose changes are added; made by ``rule + other``, which
        must agree in learning rate, filter, batch, modulator, momentum and in acting
        now or at the end.
    needs : Needs, optional
        What a circuit must have for the rule to be what it says; checked there.

    Source: the difference form of Lillicrap et al. (2020); our notation.
    """

    teaching: Callable | str | None
    baseline: Callable | str | None
    learning_rate: float = 1.0
    gain: Callable | str | None = None
    presynaptic: str | tuple[str, str] | None = None
    moments: tuple[str, str] = (NOW, NOW)
    gain_moment: str | None = None
    presynaptic_moments: tuple[str, str] | None = None
    low_pass: LowPass | None = None
    batch: str = "mean"
    average: str = CELLS
    modulator: Callable | str | None = None
    momentum: float = 0.0
    others: tuple["ActivityDifference", ...] = ()
    needs: Needs | None = None

    __repr__ = brief_repr

    def __post_init__(self):
        where = "ActivityDifference"
        if self.teaching is None and self.baseline is None:
            raise ModelError(f"{where}: teaching and baseline are both None")
        for name in ("teaching", "baseline", "gain", "modulator"):
            check_read(f"{where}: {name}", getattr(self, name))
        self._check_presynaptic(where)
        for name in ("moments", "presynaptic_moments"):
            value = getattr(self, name)
            if value is not None or name == "moments":
                object.__setattr__(self, name, pair(f"{where}: {name}", value))
        if self.gain_moment is not None:
            text(f"{where}: gain_moment", self.gain_moment)
        for other in items(f"{where}: others", self.others, "rules"):
            if not isinstance(other, ActivityDifference):
                raise ModelError(
                    f"{where}: others holds {shown(other)}, must hold "
                    "ActivityDifferences"
                )
        rate = number(f"{where}: learning_rate", self.learning_rate, least=0.0)
        object.__setattr__(self, "learning_rate", rate)
        if self.low_pass is not None and not isinstance(self.low_pass, LowPass):
            raise ModelError(
                f"ActivityDifference: low_pass = {shown(self.low_pass)} is a "
                f"{type(self.low_pass).__name__}, must be LowPass(tau in ms)"
            )
        choice(f"{where}: batch", self.batch, ("mean", "sum"))
        check_needs(where, self.needs)
        moments = {*self.moments, *(self.presynaptic_moments or ())}
        if self.gain_moment is not None:
            moments.add(self.gain_moment)
        if NOW in moments and moments != {NOW}:
            raise ModelError(
                f"ActivityDifference: moments {sorted(moments)}: either every factor "
                "is read 'now' or every factor is read in the window of a phase"
            )
        if self.low_pass is not None and not self.continuous:
            raise ModelError(
                "ActivityDifference: a low-pass filter needs a rule that acts at every "
                "step; this one acts at the end of a presentation"
            )
        check_average(where, self)
        check_modulator(where, self)
        object.__setattr__(self, "momentum", checked_momentum(where, self))

    def _check_presynaptic(self, where):
        given = self.presynaptic
        if given is not None and not isinstance(given, str):
            both = pair(f"{where}: presynaptic", given, "a read, or one for each side")
            object.__setattr__(self, "presynaptic", both)

    @property
    def continuous(self) -> bool:
        """Whether the rule acts at every step."""
        return tuple(self.moments) == (NOW, NOW)

    def __add__(self, other: "ActivityDifference") -> "ActivityDifference":
        if not isinstance(other, ActivityDifference):
            return NotImplemented
        for name in SHARED:
            mine, theirs = getattr(self, name), getattr(other, name)
            if mine != theirs:
                raise ModelError(
                    f"ActivityDifference: a sum of rules moves one weight at one rate, "
                    f"and {name} is {mine!r} here and {theirs!r} there; make them equal"
                )
        added = (*self.others, replace(other, others=()), *other.others)
        return replace(self, others=added)

    @property
    def parts(self) -> tuple["ActivityDifference", ...]:
        """Every difference of the sum."""
        return (self, *self.others)

    def local_error(self, model: CellModel, cell, baseline_cell=None) -> float:
        """gain * (teaching - baseline) of one cell, as plain Python.

        Of this difference alone; see `parts` for the others of a sum.

        Parameters
        ----------
        model : CellModel
            Model of the postsynaptic cell.
        cell : State
            Cell at the teaching moment.
        baseline_cell : State, optional
            Cell at the baseline moment; default: the same.
        """
        other = cell if baseline_cell is None else baseline_cell
        p = model.parameters
        teaching, baseline, gain = self.functions(model)
        difference = (teaching(cell, p) if teaching else 0.0) - (
            baseline(other, p) if baseline else 0.0
        )
        at = cell if self.gain_moment == self.moments[0] else other
        return difference * (gain(at, p) if gain else 1.0)

    def functions(self, model: CellModel):
        """Teaching, baseline and gain as scalar functions of that model's cells."""
        return tuple(
            model.read(part) if isinstance(part, str) else part
            for part in (self.teaching, self.baseline, self.gain)
        )


def check_needs(where: str, needs) -> None:
    """Refuse what is no Needs."""
    if needs is None:
        return
    if not isinstance(needs, Needs):
        raise ModelError(f"{where}: needs = {shown(needs)}: must be Needs, or None")
    for side in ("presynaptic", "postsynaptic"):
        of = f"{where}: needs: {side}"
        for name, value in mapping(
            of, getattr(needs, side), "parameters to values", error=ModelError
        ).items():
            if not (side == "presynaptic" and callable(value)):
                number(f"{of}: {name}", value)
    flag(f"{where}: needs: undelayed", needs.undelayed)
