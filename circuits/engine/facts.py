"""Facts about a description that the layout and the lists share."""

import math
from typing import NamedTuple

from dendrites.errors import ConfigError, ModelError

# What updates leave to the next: a number for every weight, and two CORRECTIONS.
CORRECTIONS = "corrections"
REMEMBERED = ("filter", "velocity", "moment1", "moment2", CORRECTIONS)
# Whole numbers up to here are exact in single precision, in which lanes list cells.
MOST_LISTED = 2**24
SPIKES = "what decides spikes"  # the input field behind those of the model


def is_alias(projection) -> bool:
    """Whether weights lie in the place of those they are tied to."""
    return projection.tied_to is not None and projection.tied_to.is_alias


def holder(projection) -> str:
    """The projection in whose place its weights lie."""
    return projection.tied_to.to if is_alias(projection) else projection.name


def filter_factor(p, dt: float) -> float:
    """a of D' = a D + (1 - a) term, by which the update of a projection is filtered."""
    low_pass = getattr(p.rule, "low_pass", None) if p.learns else None
    if low_pass is None:
        return 0.0
    if dt >= low_pass.tau and not low_pass.exact:
        raise ModelError(
            f"projection {p.name!r}: the filter of its rule has tau = "
            f"{low_pass.tau:g} ms, which must exceed dt = {dt:g} ms: take a smaller "
            "dt, or LowPass(tau, exact=True)"
        )
    return math.exp(-dt / low_pass.tau) if low_pass.exact else 1 - dt / low_pass.tau


class Switched(NamedTuple):
    """What a phase switches: amplitudes of what is on, and variables that are held.

    Both are tuples of pairs with the name of a population, so that lists can be known
    by them; as `perturbed` are pairs of projection and what multiplies the numbers that
    are added to its weights.
    """

    on: tuple[tuple[str, float], ...] = ()
    held: tuple[tuple[str, tuple[str, ...]], ...] = ()
    perturbed: tuple[tuple[str, float], ...] = ()


def switched(circuit, phase) -> Switched:
    """What a phase of a circuit switches."""
    perturbed = tuple(
        (p.name, p.perturbation.phases[phase.name])
        for p in circuit.projections
        if p.perturbation is not None and phase.name in p.perturbation.phases
    )
    on, held = tuple(phase.amplitudes.items()), tuple(phase.hold.items())
    return Switched(on, held, perturbed)


def perturbed_in(circuit, phases) -> tuple[str, ...]:
    """Projections whose weights something is added to in one of some phases."""
    own = (p for p in circuit.projections if p.perturbation is not None)
    return tuple(p.name for p in own if p.perturbation.acts_in(phases))


def held_variables(schedules) -> tuple[tuple[str, str], ...]:
    """Population and variable of all that some phase holds."""
    phases = [phase for s in schedules for phase in s.phases]
    found = [(n, v) for phase in phases for n, held in phase.hold.items() for v in held]
    return tuple(dict.fromkeys(found))


def stops_early(schedules) -> tuple[str, ...]:
    """Names of the relaxing phases with a tolerance, in order."""
    phases = [phase for s in schedules for phase in s.phases]
    return tuple(dict.fromkeys(p.name for p in phases if p.tolerance is not None))


def modulated(circuit) -> tuple[str, ...]:
    """Projections whose filtered updates are multiplied by something of the cell."""
    return tuple(
        p.name
        for p in circuit.projections
        if p.learns and getattr(p.rule, "modulator", None) is not None
    )


def modulator_of(p, post):
    """The modulator of a rule as a function of cells; `post` is their model."""
    read = p.rule.modulator
    return post.read(read) if isinstance(read, str) else read


def refuse_shared_traces(circuit, samples: int, moving=None) -> None:
    """Refuse several samples where a rule keeps the trace of one.

    `moving` names the projections that learn; all by default.
    """
    for name in modulated(circuit) if samples > 1 else ():
        if moving is None or name in moving:
            raise ConfigError(
                f"projection {name!r}: its rule has a modulator, which multiplies the "
                f"eligibility trace of one sample, and {samples} are shown side by "
                "side. Show them one after the other (batch=1, "
                "circuits.present_sequence), or leave the modulator out"
            )


def windows(schedules) -> tuple[str, ...]:
    """Names of the phases that are averaged or take no time, in order."""
    names = [phase.name for s in schedules for phase in s.phases if phase.readable]
    return tuple(dict.fromkeys(names))
