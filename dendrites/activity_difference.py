"""ActivityDifference: a synapse learns from a difference of two reads of one cell.

    dw_ij = learning_rate * gain_i * (teaching_i * x_j(A) - baseline_i * x_j(B))

The two sides may differ across compartments (the same instant) or across phases (the
same read, two moments). Since every factor receives one cell, a rule cannot see a
neighbour; since the form is separable, a circuit's update is a matrix product. Rules
that need several such differences are sums of them: ``rule + other``.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from numbers import Real

from dendrites.cell import CellModel
from dendrites.errors import ModelError

NOW = "now"


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
        if isinstance(self.tau, (bool, str)) or not 0 < self.tau < float("inf"):
            raise ModelError(f"LowPass: tau = {self.tau!r} ms: must be > 0 and finite")
        if self.read not in ("after", "before"):
            raise ModelError(f"LowPass: read = {self.read!r}: allowed: after, before")


@dataclass(frozen=True, eq=False)
class ActivityDifference:
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
    others : tuple of ActivityDifference
        Further differences whose changes are added; made by ``rule + other``, which
        must agree in learning rate, filter, batch and in acting now or at the end.

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
    others: tuple["ActivityDifference", ...] = ()

    def __post_init__(self):
        if self.teaching is None and self.baseline is None:
            raise ModelError("ActivityDifference: teaching and baseline are both None")
        check_rate("ActivityDifference: learning_rate", self.learning_rate)
        if self.low_pass is not None and not isinstance(self.low_pass, LowPass):
            raise ModelError(
                f"ActivityDifference: low_pass = {self.low_pass!r} is a "
                f"{type(self.low_pass).__name__}, must be LowPass(tau in ms)"
            )
        if self.batch not in ("mean", "sum"):
            raise ModelError(
                f"ActivityDifference: batch = {self.batch!r}: allowed: mean, sum"
            )
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

    @property
    def continuous(self) -> bool:
        """Whether the rule acts at every step."""
        return tuple(self.moments) == (NOW, NOW)

    def __add__(self, other: "ActivityDifference") -> "ActivityDifference":
        if not isinstance(other, ActivityDifference):
            return NotImplemented
        for name in ("learning_rate", "low_pass", "batch", "continuous"):
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


def check_rate(where: str, value) -> None:
    """Refuse a learning rate that is no finite number >= 0."""
    wrong = isinstance(value, (str, bool)) or not isinstance(value, Real)
    if wrong or not 0 <= value < float("inf"):
        raise ModelError(f"{where} = {value!r}: must be a finite number >= 0")
