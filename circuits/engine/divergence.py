"""The message of a status: what left the finite range, or did not settle."""

import numpy as np

from circuits.connectivity import Dense
from circuits.engine.facts import windows
from circuits.engine.plasticity import weight_limit
from circuits.engine.span import NOT_RELAXED, NOT_SETTLED, WEIGHT_LEFT
from circuits.shared_weights import SharedWeights
from dendrites.errors import NumericalError

MEANT = ", or CellModel(limit=...) if such values are meant"


def divergence(
    layout, status, rates, check_every, presentation=None, *, timed=True
) -> NumericalError:
    """What left the finite range, where, when, and what to do.

    Parameters
    ----------
    layout : Layout
    status : ndarray of 8 int
        Kind, step, row of the population or projection, variable or synapse, sample,
        unit; the bits of the largest move of a sweep, or of where it settled; how many
        sweeps were made.
    rates : ndarray
        Learning rates by projection.
    check_every : int
        Steps between two checks.
    presentation : int, optional
        Number of the presentation, where presentations take no time.
    timed : bool
        Whether it was found in a phase with a duration.
    """
    circuit = layout.circuit
    kind, step, row, variable, sample, unit, _, sweeps = (int(x) for x in status)
    dt = circuit.dt
    settled = presentation is not None or step == 0 or not timed
    after = (step - 1) // check_every * check_every * dt
    when = f"between t = {after:g} and {step * dt:g} ms of the presentation"
    if settled:
        when = "in a phase that takes no time"
        if presentation is not None:
            when = f"by presentation {presentation}"
    if kind == WEIGHT_LEFT:
        p = circuit.projections[row]
        n_post, _ = circuit.shape(p.name)
        which = f"number {variable}"
        if isinstance(p.connectivity, Dense):
            which = f"(post, pre) = ({variable % n_post}, {variable // n_post})"
        if isinstance(p.connectivity, SharedWeights):
            shape = p.connectivity.slot_shape
            order = p.connectivity.flatten(np.arange(np.prod(shape)).reshape(shape))
            place = np.unravel_index(int(order[variable]), shape)
            which = f"({', '.join(p.connectivity.axes)}) = {tuple(map(int, place))}"
        return NumericalError(
            f"projection {p.name!r}: weight {which} left the finite range (its limit "
            f"is {weight_limit(p):g}) {when}. Lower its learning rate "
            f"({rates[row]:g}) or give it bounds."
        )
    population = circuit.populations[row]
    model = population.model
    where = (
        f"population {population.name!r}, compartment "
        f"{model.state._fields[variable]!r}, unit {unit} (sample {sample})"
    )
    if kind == NOT_SETTLED:
        phase = f"phase {windows(layout.schedules)[step]!r}: " if step >= 0 else ""
        if not np.isfinite(value := float(status[6:7].view(np.float64)[0])):
            return NumericalError(
                f"{phase}{where} settled at {value}, which is no finite number: some "
                "function got what it is not defined for, such as the inverse of a "
                "transfer function a rate that no potential has, or weights have grown "
                "too far. Use smaller steps and learning rates"
            )
        return NumericalError(
            f"{phase}{where} did not settle: its derivative is not zero where it came "
            "to rest. Settling is exact where the derivative of each compartment is "
            "linear in that compartment and no other compartment of the cell that "
            "moves in the same sweep changes it. Use phases with a duration, or the "
            "integrators 'exact' and 'blocked', for other cells"
        )
    if kind == NOT_RELAXED:
        left = float(status[6:7].view(np.float64)[0])
        unit = model.unit(model.state._fields[variable])
        per = "1/ms" if unit == "1" else f"{unit}/ms"
        phase = windows(layout.schedules)[step]
        return NumericalError(
            f"phase {phase!r}: {where} did not come to rest: it still "
            f"moves by {left:.3g} {per} after {sweeps} sweeps. Allow more sweeps, take "
            "a smaller step if it swings, or a larger tolerance; without a tolerance "
            "all sweeps are made and nothing is said"
        )
    text = f"{where} left the finite range (its limit is {model.limit:g}) {when}"
    if settled:
        return NumericalError(
            f"{text}. Use smaller weights or a lower learning rate{MEANT}."
        )
    text += f"; dt = {dt:g} ms"
    if model.time_constant is not None:
        fastest = population.extreme().parameters
        tau = float(model.time_constant(fastest))
        text += f" is {dt / tau:.2g} x the fastest time constant"
    return NumericalError(
        f"{text}. Use a smaller dt, smaller weights or a lower learning rate{MEANT}."
    )
