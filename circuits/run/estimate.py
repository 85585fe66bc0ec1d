"""The update that a circuit makes of one batch, as an estimate of a gradient."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from circuits.circuit import Circuit, check_circuit
from circuits.engine.memory import run_bytes
from circuits.engine.replicas import Replicas, count_samples
from circuits.integrators import EXACT, Integrator
from circuits.run.options import run_options
from circuits.run.probing import update_of
from circuits.run.shown import check_patterns
from circuits.schedule import Schedule, as_schedule
from circuits.synapses import numbers_of, with_numbers
from dendrites._blas import serial_blas
from dendrites._checks import whole_number
from dendrites._memory import check_memory
from dendrites.errors import ConfigError


def gradient_estimate(
    circuit: Circuit,
    inputs,
    targets=None,
    *,
    weights: Mapping | None = None,
    samples: int = 1,
    seed: int | None = None,
    schedule: Schedule | None = None,
    learning_rates: Mapping[str, float] | None = None,
    integrator: Integrator | str = EXACT,
) -> dict[str, np.ndarray]:
    """What the update of one batch, divided by the learning rate, says of the gradient.

    Of any circuit: what rules across phases do at the end of a presentation, or what
    those that act at every step have done by then, which their learning rates (1/ms)
    turn into the integral of dw/dt over the presentation. The sign is that of
    `negative_gradient`: a circuit that follows its loss gives about the same arrays,
    and `measure_alignment` compares the two. All that moves weights counts (decay,
    bounds).

    A presentation begins with the given weights, cells at rest, and empty filters and
    momenta of updates. Weights that move during it change what rules see; give lower
    `learning_rates` where that matters.

    Parameters
    ----------
    circuit : Circuit
    inputs : ndarray (n_examples, n_inputs) or (n_inputs,)
        What populations with pattern "inputs" show.
    targets : ndarray (n_examples, n_outputs) or (n_outputs,), optional
        What those with pattern "targets" show. Can be left out where there are none.
    weights : mapping, optional
        Weights or initialisers by projection. Default: those the circuit starts from.
    samples : int
        Presentations to average over; they differ in their random numbers alone.
    seed : int, optional
        Of random numbers and of initial weights. Default: the circuit's.
    schedule : Schedule, optional
        Default: the circuit's training schedule. Cells start at rest whatever it says.
    learning_rates : mapping of str to float, optional
        Replaces rules' rates, as in `circuits.train`.
    integrator : Integrator or {"exact", "blocked", "equilibrium"}

    Returns
    -------
    dict of ndarray, float64
        By projection, of the shape of its weights: of those that learn and of those
        that are tied to them (divided by the rate of what they follow). Frozen
        projections and those whose learning rate is 0 are left out. A batch counts as
        its rule says, as the mean of its examples by default.

    Raises
    ------
    ConfigError
        For patterns that do not fit, or if nothing learns.
    ModelError, NumericalError
    """
    check_circuit("gradient_estimate", circuit)
    count = whole_number("gradient_estimate: samples", samples, lowest=1)
    schedule = circuit.schedule if schedule is None else schedule
    schedule = as_schedule("gradient_estimate: schedule", schedule)
    schedule = replace(schedule, carry_state=False)
    shown = check_patterns(circuit, _patterns(circuit, inputs, targets), schedule)
    options = run_options(
        circuit,
        integrator=integrator,
        seed=seed,
        weights=weights,
        learning_rates=learning_rates,
    )
    planned = circuit.with_schedule(schedule)
    plan = {"batch": count_samples(shown), **options.engine}
    needed = run_bytes(planned, batch=plan["batch"], **options.sizes)
    check_memory(needed, f"gradient_estimate of {circuit.name!r}")
    with serial_blas():
        runner = Replicas(
            planned,
            [options.start(circuit)],
            rates=[options.learning_rates],
            looks=(),
            **plan,
        )
        rates = _rates(circuit, runner.rates[0])
        start, drawn = runner.weights(0), runner.drawn(0)
        total = {name: np.zeros_like(numbers_of(start[name])) for name in rates}
        for number in range(count):
            moved = update_of(runner, shown, schedule, start, drawn, number)
            for name in total:
                total[name] += numbers_of(moved[name]) - numbers_of(start[name])
    return {
        name: with_numbers(start[name], value / (rates[name] * count))
        for name, value in total.items()
    }


def _rates(circuit, rates):
    """Learning rates above 0, of projections that learn and of those tied to them."""
    own = dict(zip((p.name for p in circuit.projections), rates, strict=True))
    found = {
        p.name: own[p.tied_to.to if p.tied_to else p.name] for p in circuit.projections
    }
    found = {name: float(rate) for name, rate in found.items() if rate > 0}
    if not found:
        raise ConfigError(
            f"gradient_estimate: no projection of {circuit.name!r} learns with a rate "
            "above 0, so there is no update; give it rules, or learning_rates"
        )
    return found


def _patterns(circuit, inputs, targets):
    """Patterns by clamped population."""
    given = {"inputs": inputs, "targets": targets}
    sources = [p for p in circuit.populations if isinstance(p.pattern, str)]
    for option, value in given.items():
        if value is not None and all(p.pattern != option for p in sources):
            raise ConfigError(
                f"gradient_estimate: {option} are given, and no population of "
                f"{circuit.name!r} has the pattern {option!r} to show them"
            )
    return {p.name: given[p.pattern] for p in sources if given[p.pattern] is not None}
