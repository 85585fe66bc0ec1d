"""What hidden cells do when feedback acts, and the loss of the network above them."""

import re
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

import circuits
from circuits.circuit import Circuit
from circuits.gradient import feedforward
from circuits.losses import output_loss
from circuits.run.shown import patterns_of
from dendrites.compile.loops import elementwise
from experiments.family.scheme import Scheme
from experiments.family.table import SCHEMES


class Seen(NamedTuple):
    """Where activity is read: a read and the phase at whose end it is taken.

    Parameters
    ----------
    first, second : (str, str)
        Before feedback acts, and after. "{back}" in a phase stands for the number of
        layers from a layer to the output.
    moved_by : (str, phase before, phase after), optional
        The second activity is the first one plus the change of this read.
    options : mapping
        Further ones of the builder, with which activity is looked at.
    """

    first: tuple[str, str]
    second: tuple[str, str]
    moved_by: tuple[str, str, str] | None = None
    options: Mapping[str, Any] = MappingProxyType({})


def _rate(first, second, **options):
    return Seen(("rate", first), ("rate", second), options=options)


# Learned networks come to rest more slowly.
LONG = {"sweeps": 10_000}


GUERGUIEV = Scheme(
    "guerguiev",
    "vector",
    "plateaus of two phases, fixed random weights",
    options={},
    usual={},
    batch=1,
    target_rates=(0.0, 1.0),
    loss="squared, of mean rates",
)
TARGETS = Seen(("rate", "forward"), ("target_rate", "target"))
#: By scheme. Controls, whose activity feedback leaves as it is, come last.
SECOND_PHASES = {
    "target_propagation": TARGETS,
    "difference_target_propagation": TARGETS,
    "direct_difference_target_propagation": TARGETS,
    "generec": _rate("free", "clamped", **LONG),
    "contrastive_hebbian": _rate("free", "clamped", **LONG),
    "equilibrium_propagation": _rate("free", "nudged", **LONG),
    "predictive_coding": _rate("forward", "relaxed", **LONG),
    "zero_divergence_coding": _rate("forward", "step{back}"),
    # With the larger steps of its builder it swings after learning.
    "error_neurons": _rate("forward", "relaxed", step=0.05, **LONG),
    "sacramento": _rate("forward", "nudged"),
    "guerguiev": Seen(
        ("somatic_rate", "forward"),
        ("somatic_rate", "forward"),
        ("plateau", "forward", "target"),
    ),
    "recirculation": Seen(("rate", "forward"), ("regressed", "recirculated")),
    "burstprop": _rate("forward", "teacher"),
    "burst_ccn": _rate("forward", "backward"),
    "almeida_pineda": _rate("free", "backward", **LONG),
    "kording_konig": _rate("forward", "backward"),
    "backprop": _rate("forward", "backward"),
}
TAKING_PART = {
    name: GUERGUIEV if name == "guerguiev" else SCHEMES[name] for name in SECOND_PHASES
}


def activities(
    circuit: Circuit, seen: Seen, weights, inputs, targets, *, seed: int = 0
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Activity of every hidden layer without and with feedback, (n_samples, n) each.

    Parameters
    ----------
    circuit : Circuit
    seen : Seen
    weights : mapping of str to ndarray (n_post, n_pre)
    inputs, targets : ndarray (n_samples, n)
    """
    names = [p.name for p in circuit.populations]
    hidden = [name for name in names if re.fullmatch(r"hidden\d+", name)]
    reads = {}
    for k, name in enumerate(hidden):
        wanted = [seen.first, seen.second]
        if seen.moved_by:
            read, before, after = seen.moved_by
            wanted += [(read, before), (read, after)]
        back = len(hidden) - k
        reads[name] = [(name, read, at.format(back=back)) for read, at in wanted]
    found = circuits.present(
        circuit,
        patterns_of(circuit, inputs, targets),
        reads=[*dict.fromkeys(read for some in reads.values() for read in some)],
        weights=weights,
        seed=seed,
    )
    result = []
    for name in hidden:
        first, second, *moved = (found[read] for read in reads[name])
        if moved:
            # Plateaus are shares of the largest rate, and so are rates here.
            largest = circuit.model(name).parameters.phi_max
            first = first / largest
            second = np.clip(first + moved[1] - moved[0], 0.0, 1.0)
        result.append((first, second))
    return result


def losses_above(
    scheme: Scheme, circuit: Circuit, layer: int, weights, rates, targets, *, seed=0
) -> np.ndarray:
    """Loss (n_samples,) when the network above a hidden layer runs from its rates.

    Of networks that relax and of spiking ones the layers above are a circuit of the
    same scheme, to which the rates are the input; of others they are what is left of
    the reference network. Losses are those above what the targets themselves have.

    Parameters
    ----------
    scheme : Scheme
    circuit : Circuit
        Of this scheme.
    layer : int
        Of the hidden layers, from 1.
    weights : mapping of str to ndarray (n_post, n_pre)
    rates : ndarray (n_samples, n)
    targets : ndarray (n_samples, n_outputs)
    """
    network = circuit.network
    if network is None or any(p.relax for p in circuit.test_schedule.phases):
        answer = _answer(scheme, circuit, layer, weights, rates, seed)
        if network is None:
            return ((targets - answer) ** 2).sum(axis=1) / 2
        potentials = elementwise(network.transfer(-1)[2], answer)
    else:
        above = replace(network, layers=network.layers[layer:])
        potentials = feedforward(replace(circuit, network=above), weights, rates)[-1]
    found = output_loss(network, potentials, targets)
    if network.loss != "cross_entropy":
        return found
    best = elementwise(network.transfer(-1)[2], targets)
    return found - output_loss(network, best, targets)


def _answer(scheme, circuit, layer, weights, rates, seed):
    """Of a circuit of the same scheme that has only the layers above."""
    populations = {p.name: p.size for p in circuit.populations}
    hidden = sum(bool(re.fullmatch(r"hidden\d+", name)) for name in populations)
    names = ["input", *(f"hidden{k + 1}" for k in range(hidden)), "output"]
    above = scheme.circuit([populations[name] for name in names[layer:]])
    # Without hidden layers a builder may choose other output cells.
    cells = [
        p
        if p.name == "input"
        else replace(p, model=circuit.model(_renamed(p.name, layer)))
        for p in above.populations
    ]
    above = replace(above, populations=tuple(cells))
    kept = {
        p.name: weights[_renamed(p.name, layer)]
        for p in above.projections
        if p.tied_to is None and _renamed(p.name, layer) in weights
    }
    phase = above.readout_phase or above.test_schedule.phases[-1].name
    read = "output", above.readout, phase
    shown = {"input": rates}
    found = circuits.present(
        above, shown, above.test_schedule, reads=[read], weights=kept, seed=seed
    )
    return found[read]


def _renamed(projection, layer):
    """Name in the whole circuit of a projection of the layers above."""
    name = re.sub(r"hidden(\d+)", lambda m: f"hidden{int(m[1]) + layer}", projection)
    return re.sub(r"^input_|(?<=_)input_", f"hidden{layer}_", name)
