"""SynapticRule: plasticity that depends on the weight itself.

    dw_ij = learning_rate * change(w_ij, cell_i, x_j, p)

The escape hatch for rules that are not separable (Oja, weight-dependent bounds,
behavioural-time-scale plasticity). It costs one pass over the weights per step.
"""

from collections.abc import Callable
from dataclasses import dataclass

from dendrites._brief import brief_repr
from dendrites._checks import choice, number, shown, text
from dendrites._sendable import Sendable
from dendrites.activity_difference import NOW, Needs, check_needs
from dendrites.errors import ModelError


@dataclass(frozen=True, eq=False)
class SynapticRule(Sendable):
    """One scalar function of (weight, one postsynaptic cell, one signal, p).

    Parameters
    ----------
    change : callable
        ``change(weight, cell, pre, p) -> float``.
    learning_rate : float
        Per ms for moment "now", else per presentation.
    presynaptic : str, optional
        Read of the presynaptic cell; default: the signal of the projection.
    moment : str
        "now" (every step) or the name of a phase, whose window-averaged cell and
        signal are read at the end of the presentation.
    batch : {"mean", "sum"}
        How the samples of a batch combine.
    needs : Needs, optional
        What a circuit must have for the rule to be what it says; checked there.
    """

    change: Callable
    learning_rate: float = 1.0
    presynaptic: str | None = None
    moment: str = NOW
    batch: str = "mean"
    needs: Needs | None = None

    __repr__ = brief_repr

    def __post_init__(self):
        number("SynapticRule: learning_rate", self.learning_rate, least=0.0)
        where = "SynapticRule"
        if self.presynaptic is not None:
            text(f"{where}: presynaptic", self.presynaptic)
        text(f"{where}: moment", self.moment)
        choice(f"{where}: batch", self.batch, ("mean", "sum"))
        check_needs(where, self.needs)
        code = getattr(getattr(self.change, "py_func", self.change), "__code__", None)
        if code is None:
            raise ModelError(
                f"SynapticRule: change = {shown(self.change)} is a "
                f"{type(self.change).__name__}, must be a function of (weight, cell, "
                "pre, p)"
            )
        if code.co_argcount != 4:
            raise ModelError(
                f"SynapticRule: change takes {code.co_argcount} arguments, must take "
                "4: (weight, cell, pre, p)"
            )

    @property
    def continuous(self) -> bool:
        """Whether the rule acts at every step."""
        return self.moment == NOW
