"""The weak-nudge experiment: a circuit's update against the exact gradient."""

from itertools import pairwise
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt, Le

from experiments.parameters import Argument, Progress, Repeats, Seed, Step
from experiments.record import Answer, question

CITATION = "Sacramento, Costa, Bengio & Senn (2018), NeurIPS 31, 8721-8732"
FEEDBACK = ("transpose", "random")
G_LEAK, G_BASAL = 0.1, 1.0
# High, so that a change stands out of the last digits of the weights it is read from;
# there is only one step of it, which nothing can follow.
LEARNING_RATE = 10.0


@question(
    title="Updates of a weakly taught microcircuit and the exact gradient",
    citation=CITATION,
)
def weak_nudge(
    *,
    sizes: Annotated[
        tuple[int, ...], Argument("cells per layer, input first, output last")
    ] = (30, 20, 20, 10),
    nudges: Annotated[
        tuple[Annotated[float, Gt(0), Le(0.9)], ...],
        Argument("shares of the teacher in the output potential"),
    ] = (1e-5, 3.16e-5, 1e-4, 3.16e-4, 1e-3, 3.16e-3, 1e-2, 3.16e-2, 0.1, 0.316, 0.7),
    g_apical: Annotated[float, Argument("of hidden cells", "1/ms"), Gt(0)] = 0.8,
    g_interneuron_nudge: Annotated[
        float, Argument("of interneurons by the layer above", "1/ms"), Ge(0)
    ] = 0.8,
    patterns: Annotated[Repeats, Argument("inputs with targets per network")] = 10,
    networks: Annotated[Repeats, Argument("draws of weights and patterns")] = 1,
    settling: Annotated[
        float, Argument("time to the fixed point, before the plastic step", "ms"), Gt(0)
    ] = 200.0,
    dt: Step = 0.1,
    seed: Annotated[
        Seed, Argument("of the first network; the others have the next ones")
    ] = 0,
    progress: Progress = False,
):
    """Does a weakly taught microcircuit follow the exact gradient?

    A circuit in its self-predicting state is shown one input with its target until it
    has settled, then learns for one step. The change of every layer's bottom-up weights
    is compared with the exact gradient of the feedforward network inside the circuit,
    over the teacher's share lambda = g_nudge / (g_leak + g_basal + g_nudge) of the
    output potential. Top-down weights are the transposed bottom-up ones, or random; the
    update is then compared with feedback alignment as well.

    Returns
    -------
    xarray.DataTree
        ``/alignment`` with ``angle_to_bp``, ``angle_to_fa`` (degree), ``size_ratio``
        (length over that of the gradient) and ``size_over_prediction`` (over the
        predicted length), all (feedback, replica, nudge, layer, pattern), and
        ``predicted_size`` (nudge, layer), the first-order size ratio.

    Source: Sacramento et al. (2018), section 2; angle and size to first order are our
    derivation (model page, "The loss" and "The size of the update").
    """
    from tqdm import tqdm

    from dendrites.dataset import group

    nudges = sorted(set(nudges))
    taught = [
        taught_circuit(
            sizes,
            nudge,
            g_apical=g_apical,
            g_interneuron_nudge=g_interneuron_nudge,
            settling=settling,
            dt=dt,
        )
        for nudge in nudges
    ]
    layers = taught[0].network.layers
    found = np.empty((len(FEEDBACK), networks, len(nudges), len(layers), patterns, 4))
    bar = tqdm(
        total=found[..., 0, 0, 0].size, unit="nudge", disable=None if progress else True
    )
    with bar:
        for replica in range(networks):
            shown = list(
                zip(*draw_patterns(sizes, patterns, seed + replica), strict=True)
            )
            for n, circuit in enumerate(taught):
                for f, feedback in enumerate(FEEDBACK):
                    weights = with_feedback(circuit, feedback, seed + replica)
                    for p, (inputs, targets) in enumerate(shown):
                        found[f, replica, n, :, p] = compare_update(
                            circuit, weights, inputs, targets
                        )
                    bar.update()
    dims = ("feedback", "replica", "nudge", "layer", "pattern")
    alignment = group(
        {
            "angle_to_bp": (dims, found[..., 0], "degree", "to the exact gradient"),
            "angle_to_fa": (dims, found[..., 1], "degree", "to feedback alignment"),
            "size_ratio": (dims, found[..., 2], "1", "length over the gradient's"),
            "size_over_prediction": (
                dims,
                found[..., 3],
                "1",
                "length over the first-order prediction",
            ),
            "predicted_size": (
                ("nudge", "layer"),
                np.array(
                    [[layer.update_scale for layer in c.network.layers] for c in taught]
                ),
                "1",
                "first-order length over the gradient's, for transposed feedback",
            ),
        },
        {
            "feedback": [*FEEDBACK],
            "replica": seed + np.arange(networks),
            "nudge": np.array(nudges),
            "layer": [layer.population for layer in layers],
            "pattern": np.arange(patterns),
        },
    )
    return Answer(
        {"/alignment": alignment},
        dt=dt,
        duration=settling + dt,
        headline=_headline(alignment),
    )


def taught_circuit(sizes, nudge, *, g_apical, g_interneuron_nudge, settling, dt):
    """A self-predicting circuit whose teacher has the share `nudge` of the output.

    A presentation settles without plasticity and ends with one plastic step.
    """
    from circuits.microcircuit import microcircuit

    return microcircuit(
        sizes,
        g_leak=G_LEAK,
        g_basal=G_BASAL,
        g_apical=g_apical,
        g_interneuron_nudge=g_interneuron_nudge,
        g_output_nudge=nudge / (1.0 - nudge) * (G_LEAK + G_BASAL),
        basal_rates=LEARNING_RATE,
        filter_tau=None,
        presentation=settling + dt,
        learning_lag=settling,
        dt=dt,
        name="weak_nudge",
    )


def draw_patterns(sizes, patterns: int, seed: int):
    """Inputs uniform(-1, 1), (patterns, n_in); target rates uniform(0.1, 0.8)."""
    from dendrites.random import generator

    inputs, targets = (generator(seed, f"weak_nudge/{x}") for x in ("input", "target"))
    return (
        inputs.uniform(-1.0, 1.0, (patterns, sizes[0])),
        targets.uniform(0.1, 0.8, (patterns, sizes[-1])),
    )


def with_feedback(circuit, feedback: str, seed: int) -> dict:
    """Self-predicting weights with transposed bottom-up or random top-down ones."""
    import circuits

    weights = circuits.initial_weights(circuit, seed=seed)
    if feedback == "random":
        return weights
    names = [layer.population for layer in circuit.network.layers]
    transposed = {
        f"{above}_to_{here}_apical": weights[f"{here}_to_{above}_basal"].T
        for here, above in pairwise(names)
    }
    return circuits.initial_weights(circuit, seed=seed, given=transposed)


def compare_update(circuit, weights: dict, inputs, targets) -> np.ndarray:
    """The plastic step's update of every layer for one pattern.

    Returns
    -------
    ndarray (layer, 4)
        Angle to the gradient and to feedback alignment (degree), length over the
        gradient's, length over the first-order prediction.
    """
    import circuits
    from experiments.pairing import weight_change

    tree = circuits.simulate(
        circuit,
        {"input": inputs, "target": targets},
        [],
        weights=weights,
        learning=True,
    )
    gradient = circuits.negative_gradient(circuit, weights, inputs[None], targets[None])
    assigned = feedback_alignment(circuit, weights, inputs, targets)
    rows = []
    for layer in circuit.network.layers:
        name = layer.projection
        update = weight_change(tree, name) / (LEARNING_RATE * circuit.dt)
        to_bp = circuits.measure_alignment(update, gradient[name])
        to_fa = circuits.measure_alignment(update, assigned[name])
        predicted = to_fa.size_ratio / layer.update_scale
        rows.append((to_bp.angle, to_fa.angle, to_bp.size_ratio, predicted))
    return np.array(rows)


def feedback_alignment(circuit, weights: dict, inputs, targets) -> dict:
    """Direction of feedback alignment for one pattern: -dL/dW with B in place of W^T.

    The gated form: what travels down has met the slope of the cell that sends it, as in
    the gradient and as the circuit's own rates carry it.

    Parameters
    ----------
    inputs, targets : ndarray (n_in,), (n_out,), rates

    Returns
    -------
    dict of ndarray (n_post, n_pre), by projection
    """
    from circuits.gradient import feedforward
    from dendrites.compile.loops import elementwise

    phi, slope, inverse = circuit.network.phi
    potentials = [u[0] for u in feedforward(circuit, weights, inputs[None])]
    rates = [inputs, *(elementwise(phi, u) for u in potentials)]
    error = elementwise(inverse, targets) - potentials[-1]
    result = {}
    layers = circuit.network.layers
    for k in reversed(range(len(layers))):
        layer = layers[k]
        delta = layer.attenuation * elementwise(slope, potentials[k]) * error
        result[layer.projection] = np.outer(delta, rates[k])
        if k > 0:
            below = layers[k - 1].population
            error = weights[f"{layer.population}_to_{below}_apical"] @ delta
    return result


def _headline(alignment):
    """Means over patterns and networks, at the shares of the reference figures."""
    means = alignment.mean(("replica", "pattern"))
    first = str(alignment.layer.values[0])
    figures = {}

    def angle(name, variable, feedback, nudge, reference):
        if nudge in alignment.nudge.values:
            at = {"feedback": feedback, "nudge": nudge, "layer": first}
            figures[name] = {
                "value": float(means[variable].sel(at)),
                "unit": "degree",
                "reference": reference,
                "source": "mean of patterns and networks",
            }

    angle(
        f"angle_deg_{first}_at_1e-3",
        "angle_to_bp",
        "transpose",
        1e-3,
        "0 for a teacher of no weight",
    )
    angle(f"angle_deg_{first}_at_1e-1", "angle_to_bp", "transpose", 1e-1, "")
    if 1e-3 in alignment.nudge.values:
        ratio = means.size_over_prediction.sel(feedback="transpose", nudge=1e-3)
        figures["size_ratio_error_at_1e-3"] = {
            "value": float(abs(ratio - 1.0).max()),
            "unit": "1",
            "reference": "0 for a teacher of no weight",
            "source": "size of the update, model page; largest of the layers",
        }
    angle(
        f"angle_to_fa_deg_{first}_random_at_1e-3",
        "angle_to_fa",
        "random",
        1e-3,
        "0 for a teacher of no weight",
    )
    angle(
        f"angle_deg_{first}_random_at_1e-3",
        "angle_to_bp",
        "random",
        1e-3,
        "",
    )
    return figures
