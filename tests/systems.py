"""Test systems shared by the tests of circuits: small circuits and what they need."""

from itertools import pairwise

import numpy as np
from reference.microcircuit_twin import MicrocircuitTwin, conductances

from circuits.circuit import Circuit
from circuits.integrators import Blocked, Equilibrium
from circuits.microcircuit import microcircuit
from circuits.population import Population
from circuits.projection import Projection
from circuits.run.presenter import Presenter
from circuits.schedule import Phase, Schedule
from dendrites.models import source, three_compartment

LEARNING = {"basal_rates": 1e-2, "interneuron_rates": 2e-2, "apical_rates": 1e-2}


def layer_names(n_layers):
    """Names of the pyramidal layers, the input included."""
    return ["input", *(f"hidden{k}" for k in range(1, n_layers)), "output"]


def projections_of(n_layers):
    """Projection names of a microcircuit under the twin's names of its weights."""
    names = layer_names(n_layers)
    hidden = range(1, n_layers)
    return {
        "W": [f"{pre}_to_{post}_basal" for pre, post in pairwise(names)],
        "B": [f"{names[k + 1]}_to_{names[k]}_apical" for k in hidden],
        "WIP": [f"{names[k]}_to_interneuron{k}_dendrite" for k in hidden],
        "WPI": [f"interneuron{k}_to_{names[k]}_apical" for k in hidden],
    }


def twin_of(circuit, weights, rates, *, tau_filter=30.0, batch=1, g=None):
    """The plain NumPy twin of a microcircuit with these weights and learning rates."""
    names = projections_of(len(circuit.network.layers))
    n_layers = len(circuit.network.layers)
    sizes = [circuit.population(name).size for name in layer_names(n_layers)]
    arrays = {key: [weights[name] for name in names[key]] for key in names}
    eta = {
        "W": [rates["basal_rates"]] * n_layers,
        "WIP": [rates["interneuron_rates"]] * (n_layers - 1),
        "WPI": [rates["apical_rates"]] * (n_layers - 1),
    }
    return MicrocircuitTwin(
        sizes,
        arrays,
        dt=circuit.dt,
        eta=eta,
        tau_filter=tau_filter,
        g=g or conductances(n_layers),
        batch=batch,
    )


def weight_deviation(twin, weights):
    """Largest difference between the twin's weights and those of a run."""
    return max(
        float(np.abs(weights[name] - mine).max())
        for key, names in projections_of(twin.n_layers).items()
        for name, mine in zip(names, getattr(twin, key), strict=True)
    )


def patterns(sizes, *, batch=1, seed=0):
    """Random input rates, target rates and target potentials."""
    rng = np.random.default_rng(seed)
    inputs = rng.uniform(0.0, 1.0, (batch, sizes[0]))
    targets = rng.uniform(0.1, 0.8, (batch, sizes[-1]))
    return inputs, targets, np.log(targets / (1.0 - targets))


def plastic_microcircuit(sizes, *, steps=200, rates=LEARNING, **options):
    """A microcircuit with everything but the top-down weights plastic."""
    options = {"self_predicting": False, **options}
    if options.get("form") != "two_sweep":
        options["presentation"] = 0.1 * steps
    return microcircuit(sizes, **rates, **options)


def run(circuit, shown, *, times=1, learning=True, block=1, jumps=None, **options):
    """Show one batch `times` times; returns the presenter.

    `shown` maps clamped populations to (samples, n) arrays. `block` and `jumps` with
    `onset` stand for the integrators that have them, `options` are the presenter's.
    """
    if jumps is not None:
        options["integrator"] = Equilibrium(jumps, onset=options.pop("onset", None))
    elif block > 1:
        options["integrator"] = Blocked(block)
    batch = len(next(iter(shown.values()), [None]))
    with Presenter(circuit, batch=batch, **options) as presenter:
        for _ in range(times):
            presenter.present(shown, learning=learning)
    return presenter


def two_populations(
    n_pre=4,
    n_post=3,
    *,
    steps=50,
    phases=None,
    post=None,
    pre=None,
    dt=0.5,
    carry_state=False,
    extra=(),
    more=(),
    stepper="euler",
    **projection,
):
    """Clamped `input` onto the basal dendrites of `output`, one projection, one rule.

    `post` replaces the three-compartment cells, `pre` the source, `phases` the single
    phase; `extra` and `more` are further projections and populations.
    """
    post = three_compartment(tau_soma=10.0, tau_dendrite=3.0) if post is None else post
    phases = phases or (Phase("forward", steps * dt, on=("input",)),)
    projection = {"field": "basal", "name": "feedforward", **projection}
    return Circuit(
        (
            Population("input", pre or source(), n_pre, pattern="inputs"),
            Population("output", post, n_post),
            *more,
        ),
        (Projection("input", "output", **projection), *extra),
        Schedule(phases, carry_state=carry_state),
        dt=dt,
        stepper=stepper,
    )


def driven_by_sources(model, fields, *, steps=200, dt=0.1, weights=None):
    """The presenter of one layer `output` whose fields are clamped one-to-one.

    `fields` maps input fields to (samples, n_post) arrays.
    """
    n_post = next(iter(fields.values())).shape[1]
    names = {field: f"{field}_source" for field in fields}
    circuit = Circuit(
        (
            Population("output", model, n_post),
            *(Population(name, source(), n_post) for name in names.values()),
        ),
        tuple(
            Projection(
                name,
                "output",
                field,
                connectivity="one_to_one",
                initial=np.ones(n_post),
            )
            for field, name in names.items()
        ),
        Schedule((Phase("forward", steps * dt, on=tuple(names.values())),)),
        dt=dt,
    )
    return run(circuit, {names[field]: value for field, value in fields.items()})


def euler_three_compartment(p, basal_drive, dt, soma_drive=0.0):
    """States (steps + 1, 3, ...) of three-compartment cells, starting from rest.

    `basal_drive` (steps, ...) is the potential the basal dendrite is pulled towards,
    `soma_drive` of the same shape the input to the soma.
    """
    soma_drive = np.broadcast_to(soma_drive, basal_drive.shape)
    soma, basal, apical = (np.zeros_like(basal_drive[0]) for _ in range(3))
    states = [np.stack([soma, basal, apical])]
    for drive, current in zip(basal_drive, soma_drive, strict=True):
        pull = (
            -soma
            + p.basal_coupling * (basal - soma)
            + p.apical_coupling * (apical - soma)
            + current
        )
        soma, basal = (
            soma + dt * pull / p.tau_soma,
            basal + dt * (drive - basal) / p.tau_dendrite,
        )
        states.append(np.stack([soma, basal, apical]))
    return np.array(states)


def logistic(x):
    """1 / (1 + exp(-x)) of an array, independent of `transfer`."""
    return 1.0 / (1.0 + np.exp(-np.asarray(x)))
