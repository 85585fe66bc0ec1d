"""The message for a number that left the finite range."""

from circuits.engine.tables import LIMIT
from dendrites.errors import NumericalError

MEANT = ", or CellModel(limit=...) if such values are meant"
WEIGHT = 2  # first entry of a status that speaks of a weight


def divergence(plan, status, rates, check_every, presentation=None) -> NumericalError:
    """What left the finite range, where, when, and what to do.

    Parameters
    ----------
    plan : Plan
    status : ndarray of 6 int
        Kind, step, row of the population or projection, variable or synapse, sample,
        unit.
    rates : ndarray
        Learning rates by projection.
    check_every : int
        Steps between two checks.
    presentation : int, optional
        Number of the presentation, where presentations take no time.
    """
    circuit = plan.circuit
    kind, step, row, variable, sample, unit = (int(x) for x in status)
    dt = circuit.dt
    settled = presentation is not None or step == 0
    after = (step - 1) // check_every * check_every * dt
    when = f"between t = {after:g} and {step * dt:g} ms of the presentation"
    if settled:
        when = "in a settled phase"
        if presentation is not None:
            when = f"by presentation {presentation}"
    if kind == WEIGHT:
        name = circuit.projections[row].name
        n_post, _ = circuit.shape(name)
        which = f"number {variable} of its sparse pattern"
        if plan.patterns[name] is None:
            which = f"(post, pre) = ({variable % n_post}, {variable // n_post})"
        return NumericalError(
            f"projection {name!r}: weight {which} left the finite range (its limit "
            f"is {plan.tables.real[row, LIMIT]:g}) {when}. Lower its learning rate "
            f"({rates[row]:g}) or give it bounds."
        )
    population = circuit.populations[row]
    model = population.model
    text = (
        f"population {population.name!r}, compartment "
        f"{model.state._fields[variable]!r}, unit {unit} (sample {sample}) left "
        f"the finite range (its limit is {model.limit:g}) {when}"
    )
    if settled:
        return NumericalError(
            f"{text}. Use smaller weights or a lower learning rate{MEANT}."
        )
    text += f"; dt = {dt:g} ms"
    if model.time_constant is not None:
        tau = float(model.time_constant(model.parameters))
        text += f" is {dt / tau:.2g} x the fastest time constant"
    return NumericalError(
        f"{text}. Use a smaller dt, smaller weights or a lower learning rate{MEANT}."
    )
