"""Hedonistic synapses: release becomes likelier where it was followed by reward."""

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from circuits._microcircuit_parts import layer_names
from circuits._stack_options import as_transfer, checked_sizes
from circuits.algorithms._options import rates_of
from circuits.algorithms._rewards import expected, gate, sampled, scalar_rules, tell
from circuits.circuit import Circuit
from circuits.initialisers import Constant, Uniform
from circuits.population import Population
from circuits.projection import Projection
from circuits.schedule import Schedule
from circuits.stack import ONE_TO_ONE, bottom_up
from dendrites._checks import number
from dendrites.models import judged_cell, release_site, reward_critic, source

EFFICACIES = Uniform(-1.0, 1.0)
EVEN = Constant(0.0)


def hedonistic_synapses(
    sizes: Sequence[int],
    *,
    learning_rate: float | Sequence[float] = 0.1,
    momentum: float = 0.0,
    baseline: float = 0.0,
    averaging: float = 0.0,
    phi="logistic",
    initial=EFFICACIES,
    release_initial=EVEN,
    name: str = "hedonistic_synapses",
    seed: int = 0,
) -> Circuit:
    """Every synapse releases or fails at random, and is told a scalar.

        z_ij ~ Bernoulli(p_ij),  p_ij = logistic(q_ij)
        r_i = phi(sum_j J_ij z_ij r_j),  R = -|t - r_L|^2 / 2
        dq_ij = eta mean((R - b - m) (z_ij - p_ij)) where the presynaptic cell fires

    with fixed efficacies J, a constant baseline b and a running mean m of earlier
    rewards. A synapse whose presynaptic cell is silent (r_j = 0) learns nothing. Its
    loss is the expectation of -R; tests show p in place of samples.

    Parameters
    ----------
    sizes : sequence of int
        Input, hidden layers, output.
    learning_rate : float or one per layer
        Of q, per presentation.
    momentum : float
        Of updates, in [0, 1).
    baseline, averaging : float
        As in `reinforce`.
    phi : name in `dendrites.transfer.TRANSFERS` or Transfer
        Of hidden and output cells.
    initial, release_initial : initialiser
        Of J, which never changes, and of q.
    name : str
    seed : int

    Returns
    -------
    Circuit
        With populations "release1", ..., of one cell per synapse, and q as weights
        "release1_q", ..., (n_post * n_pre, 1): of the first postsynaptic cell, then
        the next. A synapse gets a scalar. One presentation has one pass. The mean
        update is the gradient of the expected reward with respect to q, exactly, for
        any baseline.

    Raises
    ------
    ModelError
        For values out of range.

    Source: Seung, Neuron 40 (2003) 1063. Differs: no time, and no eligibility beyond
    the presentation.
    """
    where = "hedonistic_synapses"
    sizes = checked_sizes(sizes, where)
    rates = rates_of(where, learning_rate, sizes)
    number(f"{where}: baseline", baseline)
    number(f"{where}: averaging", averaging, least=0.0, most=1.0)
    layers, function = layer_names(sizes), as_transfer(f"{where}: phi", phi)
    rules = scalar_rules(rates, "credit", momentum=momentum)
    made = reward_critic(baseline=baseline, averaging=averaging)
    populations = [
        Population("input", source(), sizes[0], pattern="inputs"),
        Population("target", source(), sizes[-1], pattern="targets"),
        Population("one", source(), 1, pattern=1.0),
    ]
    projections = [Projection("target", "output", "target", **ONE_TO_ONE)]
    steps, sites = [], []
    for k, (below, here) in enumerate(zip(layers[:-1], layers[1:], strict=True)):
        n_pre, n_post, site = sizes[k], sizes[k + 1], f"release{k + 1}"
        apart, together = np.ones((n_post, 1)), np.ones((1, n_pre))
        out_of = sparse.kron(apart, sparse.identity(n_pre))
        into = sparse.kron(sparse.identity(n_post), together)
        populations += [
            Population(site, release_site(), n_pre * n_post),
            Population(here, judged_cell(function), n_post),
        ]
        fixed = {"connectivity": out_of, "initial": Constant(1.0)}
        drawn = {"initial": release_initial, "name": f"{site}_q"}
        projections += [
            Projection(below, site, "pre", **fixed),
            Projection("one", site, "q", rule=rules[k], **drawn),
            Projection(
                site,
                here,
                "basal",
                "sent",
                connectivity=into,
                initial=initial,
                name=bottom_up(below, here),
            ),
        ]
        steps += [site, here]
        sites.append(site)
    for part in (*tell(made, sites), *gate(sites)):
        (populations if isinstance(part, Population) else projections).append(part)
    always = ("input", "one")
    return Circuit(
        tuple(populations),
        tuple(projections),
        Schedule(
            sampled(tuple(steps), (), chosen=tuple(sites)),
            carry_state=averaging > 0,
            always_on=always,
        ),
        Schedule(expected(tuple(steps)), always_on=always),
        name=name,
        seed=seed,
    )
