"""Kernel: how a synapse passes on a spike, for traces that a run keeps by itself."""

import math
from dataclasses import dataclass

import numpy as np

from dendrites._checks import choice, number
from dendrites._time import MOST_STEPS, is_multiple
from dendrites.errors import ModelError, choices
from dendrites.spikes import psp_kernel

NORMALISATIONS = ("area", "peak")


@dataclass(frozen=True)
class Kernel:
    """The response to one spike as a function of its age t.

    kappa(t) = (exp(-t/tau_decay) - exp(-t/tau_rise)) / (tau_decay - tau_rise), which
    is t/tau^2 exp(-t/tau) for equal time constants and exp(-t/tau_decay)/tau_decay
    without a rise; the two time constants may be exchanged.

    In a run with steps dt a spike has the weight kappa(dt) in the step in which it
    arrives, and kappa((n + 1) dt) in the n-th step after that.

    Parameters
    ----------
    tau_rise : float or None
        ms, >= 0. None or 0: no rise, a single exponential.
    tau_decay : float
        ms, > 0.
    memory : float, optional
        ms, whole steps of the run: a spike has the weights kappa(dt), kappa(2 dt), ...,
        kappa(memory) and then none. Default: the whole kernel.
    normalisation : {"area", "peak"}
        Whether the integral of the whole kernel is 1, so that kappa is in 1/ms, or its
        largest value, which has no unit. `memory` cuts the kernel and changes neither.

    Raises
    ------
    ModelError
        If a number is out of its range.

    Source: Guerguiev, Lillicrap and Richards (2017), eq. 12 ("area"); the recursion by
    which a run keeps it is that of `dendrites.spikes`.
    """

    tau_rise: float | None
    tau_decay: float
    memory: float | None = None
    normalisation: str = "area"

    def __post_init__(self):
        rise = 0.0 if self.tau_rise is None else self.tau_rise
        rise = number("Kernel: tau_rise", rise, unit="ms", least=0.0)
        decay = number("Kernel: tau_decay", self.tau_decay, unit="ms", above=0.0)
        object.__setattr__(self, "tau_rise", float(rise))
        object.__setattr__(self, "tau_decay", float(decay))
        if self.memory is not None:
            kept = number("Kernel: memory", self.memory, unit="ms", above=0.0)
            object.__setattr__(self, "memory", float(kept))
        choice("Kernel: normalisation", self.normalisation, NORMALISATIONS)

    def __call__(self, age):
        """kappa at an age, ms, without the memory; 0 before the spike.

        Parameters
        ----------
        age : float or array_like

        Returns
        -------
        float, or ndarray of the shape of `age`
        """
        if np.ndim(age):
            return np.array([self(t) for t in np.ravel(age)]).reshape(np.shape(age))
        rise, decay = self.tau_rise, self.tau_decay
        if rise == 0.0:
            kappa = math.exp(-age / decay) / decay if age >= 0.0 else 0.0
            return kappa * decay if self.normalisation == "peak" else kappa
        kappa = psp_kernel(age, rise, decay)
        if self.normalisation == "peak":
            kappa /= psp_kernel(_peak_time(rise, decay), rise, decay)
        return kappa

    def factors(self, age: float) -> tuple[float, float, float]:
        """What a time `age`, ms, does to the two numbers of a trace.

        (rise, decay, gain), by which ``trace <- decay trace + gain fast`` and
        ``fast <- rise fast``.
        """
        rise = math.exp(-age / self.tau_rise) if self.tau_rise else 0.0
        return rise, math.exp(-age / self.tau_decay), self(age)

    def steps(self, dt: float) -> int:
        """Steps of the memory, 0 for the whole kernel."""
        return 0 if self.memory is None else round(self.memory / dt)

    def problem(self, dt: float) -> str | None:
        """Why the memory does not fit steps of `dt`, ms; None if it does."""
        if self.memory is None:
            return None
        if self.memory / dt > MOST_STEPS:
            return (
                f"memory = {self.memory:g} ms is more than the {MOST_STEPS:g} steps of "
                f"dt = {dt:g} ms that can be counted"
            )
        if self.steps(dt) == 0 or not is_multiple(self.memory, dt):
            return (
                f"memory = {self.memory:g} ms is no whole number of steps of "
                f"dt = {dt:g} ms, at least one: give whole steps, or another dt"
            )
        return None


def memory_kernel(where: str, tau_rise, tau_decay, memory) -> Kernel:
    """The kernel of a model whose memory is 0 for the whole one.

    Raises
    ------
    ModelError
        If a time constant is not above 0 or the memory below 0.
    """
    for name, value in (("tau_rise", tau_rise), ("tau_decay", tau_decay)):
        number(f"{where}: {name}", value, unit="ms", above=0.0)
    memory = number(f"{where}: memory", memory, unit="ms", least=0.0)
    return Kernel(tau_rise, tau_decay, memory or None)


def _peak_time(rise, decay):
    """Age of the largest value of the kernel."""
    if math.isclose(rise, decay, rel_tol=1e-6):
        # The logarithm of nearly 1 would be rounded; the peak is flat there.
        return 0.5 * (rise + decay)
    return math.log(decay / rise) * decay * rise / (decay - rise)


def check_kernels(where: str, traces, model) -> None:
    """Refuse traces of fields that a cell has not, or that cannot be kept for it.

    `traces` maps names to what should be kernels; ModelError.
    """
    own = model.state._fields
    for name, kernel in traces.items():
        of = f"{where}: traces[{name!r}]"
        if not isinstance(kernel, Kernel):
            raise ModelError(
                f"{of} is a {type(kernel).__name__}: must be "
                "Kernel(tau_rise, tau_decay, memory)"
            )
        if name not in (*model.inputs._fields, *own):
            raise ModelError(
                f"{of}: no field of its inputs or its state. "
                + choices(name, (*model.inputs._fields, *own))
            )
        if name in model.random:
            raise ModelError(
                f"{of}: this input is filled with random numbers; nothing arrives there"
            )
        if name not in model.inputs._fields:
            if not model.spiking:
                raise ModelError(
                    f"{of}: a State field keeps the cell's own spikes, and it has none "
                    "(spike, fired); name an input to keep what arrives there"
                )
            if name == "spikes" or (model.clamped and name in ("value", "active")):
                raise ModelError(
                    f"{of}: this field holds something else; name one of its own"
                )
