"""Behavioural-time-scale plasticity of a whole trial, in closed form per synapse.

The rule of `rules.btsp` is linear in the weight, dW/dt = a(t) - c(t) W, so that a trial
does the same to every weight:

    W(T) = W(0) exp(-int c) + int a(t) exp(-int_t^T c) dt.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike
from scipy.integrate import solve_ivp

from dendrites._checks import flag, items, number, numbers, shown
from dendrites.errors import ModelError
from dendrites.rules.btsp import (
    FIT,
    ONE_CELL,
    SINGLE_SPIKE,
    BtspParameters,
    activation,
    check_parameters,
)

__all__ = [
    "FIT",
    "ONE_CELL",
    "REFERENCE_PLATEAU",
    "SINGLE_SPIKE",
    "BtspParameters",
    "Trial",
    "activation",
    "btsp_change",
    "btsp_trial",
]

REFERENCE_PLATEAU = 300.0
# What is left of ET IS at the end of a trial: e^-40.
FADED = 40.0
_RELATIVE, _ABSOLUTE = 1e-10, 1e-13


@dataclass(frozen=True)
class Trial:
    """What one trial does to a synapse of any weight.

    Parameters
    ----------
    offset, exponent : float
        A weight W becomes exp(-exponent) W + offset.
    potentiation, depression : float
        Areas of q+(ET IS) and q-(ET IS), ms.
    parameters : BtspParameters
    """

    offset: float
    exponent: float
    potentiation: float
    depression: float
    parameters: BtspParameters

    def change(self, weight: ArrayLike, *, frozen: bool = False) -> np.ndarray:
        """Change of weights, an array of their shape.

        Parameters
        ----------
        weight : array-like
            Weights before the trial.
        frozen : bool
            Add up (weight_max - W) k_potentiation q+ - W k_depression q- with W held
            at its first value, as the published fits do before they clip the result:
            the weight can then leave [0, weight_max]. It never does otherwise.
        """
        weight = numbers("Trial.change: weight", weight, error=ModelError)
        flag("Trial.change: frozen", frozen)
        if not frozen:
            return self.offset + math.expm1(-self.exponent) * weight
        p = self.parameters
        return (
            p.weight_max - weight
        ) * p.k_potentiation * self.potentiation - weight * (
            p.k_depression * self.depression
        )

    @property
    def equilibrium(self) -> float:
        """W_eq = weight_max k+ Q+ / (k+ Q+ + k- Q-), Q the areas; NaN if both are 0.

        The weight that a trial with `frozen` weights leaves as it is.
        """
        p = self.parameters
        up = p.k_potentiation * self.potentiation
        down = p.k_depression * self.depression
        return p.weight_max * up / (up + down) if up + down > 0.0 else math.nan

    @property
    def fixed_point(self) -> float:
        """The weight that the trial itself leaves as it is; NaN if it leaves all.

        Below `equilibrium` where depression outlasts potentiation within the trial,
        and the same in the limit of small rates.
        """
        lost = -math.expm1(-self.exponent)
        return self.offset / lost if lost > 0.0 else math.nan


def btsp_trial(
    spike_times: ArrayLike,
    plateaus: Sequence[tuple[float, float]],
    parameters: BtspParameters = FIT,
    *,
    reference_plateau: float = REFERENCE_PLATEAU,
    largest: float = 1.0,
) -> Trial:
    """What presynaptic spikes and plateaus do to a synapse, until their traces fade.

    ET jumps by 1 / `largest` with every spike and decays with tau_eligibility. IS
    approaches 1 / (1 - exp(-reference_plateau / tau_instructive)) during a plateau, and
    0 between them, with tau_instructive. With these in closed form the integrals are
    solved between the times at which a trace jumps or bends, by a Runge-Kutta method of
    order 8 to a relative error of 1e-10 per step.

    Parameters
    ----------
    spike_times : array-like (n_spikes,)
        ms, ascending; any sign.
    plateaus : sequence of (start, stop)
        ms, ascending, each over before the next begins.
    parameters : BtspParameters
    reference_plateau : float
        Length of the first plateau at whose end IS is 1, ms, > 0.
    largest : float
        Value of ET, in spikes, that counts as 1, > 0.

    Returns
    -------
    Trial

    Raises
    ------
    ModelError
        If times are not finite or not in order, or a number is not > 0.

    Source: Milstein et al. (2021), eqs. 1 and 8-16; the exact solution is our
    derivation.
    """
    spikes, plateaus = _checked(spike_times, plateaus, reference_plateau, largest)
    check_parameters("btsp_trial", parameters)
    p = parameters
    areas = [0.0, 0.0, 0.0, 0.0]
    if spikes.size and plateaus:
        peak = -math.expm1(-reference_plateau / p.tau_instructive)
        rate = 1.0 / p.tau_eligibility + 1.0 / p.tau_instructive
        last = max(spikes[-1], plateaus[-1][1])
        ends = {t for plateau in plateaus for t in plateau}
        times = sorted({*spikes.tolist(), *ends, last + FADED / rate})
        eligibility = instructive = 0.0
        for start, stop in pairwise(times):
            eligibility += np.count_nonzero(spikes == start) / largest
            held = any(on <= start < off for on, off in plateaus) / peak
            now = (eligibility, instructive, held)
            if eligibility > 0.0 and (instructive > 0.0 or held > 0.0):
                areas = _integrate(areas, now, stop - start, p)
            eligibility, instructive = _traces(now, stop - start, p)
    offset, exponent, up, down = (float(area) for area in areas)
    return Trial(offset, exponent, up, down, p)


def btsp_change(
    weight: ArrayLike,
    spike_times: ArrayLike,
    plateaus: Sequence[tuple[float, float]],
    parameters: BtspParameters = FIT,
    *,
    frozen: bool = False,
    reference_plateau: float = REFERENCE_PLATEAU,
    largest: float = 1.0,
) -> np.ndarray:
    """Change of weights by one trial: `btsp_trial` and its `Trial.change`.

    Parameters
    ----------
    weight : array-like
        Weights before the trial, of any shape.
    spike_times, plateaus, parameters, reference_plateau, largest
        As in `btsp_trial`.
    frozen : bool
        As in `Trial.change`.

    Returns
    -------
    ndarray, of the shape of `weight`
    """
    trial = btsp_trial(
        spike_times,
        plateaus,
        parameters,
        reference_plateau=reference_plateau,
        largest=largest,
    )
    return trial.change(weight, frozen=frozen)


def _traces(now, age, p):
    """ET and IS some ms after a bend."""
    eligibility, instructive, held = now
    left = math.exp(-age / p.tau_instructive)
    return (
        eligibility * math.exp(-age / p.tau_eligibility),
        held + (instructive - held) * left,
    )


def _integrate(areas, now, duration, p):
    """Offset, exponent and the areas of q+ and q- at the end of a smooth stretch."""

    def slopes(age, areas):
        eligibility, instructive = _traces(now, age, p)
        x = eligibility * instructive
        up = activation(x, p.alpha_potentiation, p.beta_potentiation)
        down = activation(x, p.alpha_depression, p.beta_depression)
        rise = p.k_potentiation * up
        decay = rise + p.k_depression * down
        return (p.weight_max * rise - decay * areas[0], decay, up, down)

    # A step that jumps over a sigmoid as narrow as that of the fit would not see it.
    longest = 0.1 * min(p.tau_eligibility, p.tau_instructive)
    found = solve_ivp(
        slopes,
        (0.0, duration),
        areas,
        method="DOP853",
        rtol=_RELATIVE,
        atol=_ABSOLUTE,
        max_step=longest,
    )
    return found.y[:, -1]


def _checked(spike_times, plateaus, reference_plateau, largest):
    for name, value in (
        ("reference_plateau", reference_plateau),
        ("largest", largest),
    ):
        number(f"btsp_trial: {name}", value, above=0.0)
    where = "btsp_trial: spike_times"
    spikes = numbers(where, spike_times, finite=False, error=ModelError)
    spikes = np.atleast_1d(spikes)
    if spikes.ndim != 1 or not np.isfinite(spikes).all() or (np.diff(spikes) < 0).any():
        raise ModelError(
            f"{where} = {shown(spike_times)}: must be finite times, ms, "
            "in ascending order"
        )
    where = "btsp_trial: plateaus"
    pairs = items(where, plateaus, "pairs (start, stop), ms")
    pairs = numbers(where, pairs, finite=False, error=ModelError)
    if pairs.size == 0:
        return spikes, []
    if pairs.ndim != 2 or pairs.shape[1] != 2:
        raise ModelError(
            f"{where} = {shown(plateaus)}: must be pairs (start, stop), ms"
        )
    edges = pairs.ravel()
    apart = (np.diff(edges) >= 0).all() and (pairs[:, 0] < pairs[:, 1]).all()
    if not np.isfinite(edges).all() or not apart:
        raise ModelError(
            f"{where} = {shown(pairs.tolist())}: each must begin before it "
            "ends, and end before the next begins"
        )
    return spikes, [(float(on), float(off)) for on, off in pairs]
