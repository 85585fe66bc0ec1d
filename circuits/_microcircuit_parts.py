"""Parts of a microcircuit: its cells, pathways and phases of two sweeps."""

from dataclasses import dataclass

from circuits.initialisers import Constant, ScaledCopy
from circuits.network import Layer
from circuits.phase import Phase
from circuits.population import Population
from circuits.projection import Projection
from circuits.ties import Tied
from dendrites.models import (
    sacramento_interneuron,
    sacramento_output,
    sacramento_pyramidal,
)
from dendrites.rules import (
    apical_silencing,
    dendritic_prediction,
    top_down_reconstruction,
)


@dataclass(frozen=True)
class Rates:
    """Learning rates by kind of projection, one per layer that has it."""

    basal: list[float]
    interneuron: list[float]
    apical: list[float]
    top_down: list[float]


def layer_names(sizes):
    """Names of the populations from the input to the output."""
    hidden = (f"hidden{k}" for k in range(1, len(sizes) - 1))
    return ["input", *hidden, "output"]


def cells(sizes, names, g, phi, rates, noise, sigma):
    """Populations of pyramidal cells, then of interneurons."""
    noisy = {} if noise is None else {"noise": noise}
    if sigma is not None:
        noisy["sigma"] = sigma
    models = [
        sacramento_pyramidal(
            phi=phi,
            split_apical=rate > 0,
            g_leak=g.leak,
            g_basal=g.basal,
            g_apical=g_apical,
            **noisy,
        )
        for g_apical, rate in zip(g.apical, rates.top_down, strict=True)
    ]
    models.append(
        sacramento_output(
            phi=phi,
            g_leak=g.leak,
            g_basal=g.basal,
            g_nudge=g.output_nudge,
            **noisy,
        )
    )
    for name, model, size in zip(names[1:], models, sizes[1:], strict=True):
        yield Population(name, model, size)
    pairs = zip(g.dendrite, g.interneuron_nudge, strict=True)
    for k, (g_dendrite, g_nudge) in enumerate(pairs, start=1):
        model = sacramento_interneuron(
            phi=phi, g_leak=g.leak, g_dendrite=g_dendrite, g_nudge=g_nudge, **noisy
        )
        yield Population(f"interneuron{k}", model, sizes[k + 1])


def bottom_up_projections(names, g, rates, low_pass, initial, bias, two_sweep):
    """Basal projections of every layer, and the feedforward network they make."""
    projections, layers = [], []
    moments = ("nudged", "forward") if two_sweep else None
    for k in range(1, len(names)):
        pre, post = names[k - 1], names[k]
        rule = dendritic_prediction(
            rates.basal[k - 1], low_pass=low_pass, moments=moments
        )
        bottom_up = Projection(pre, post, "basal", rule=rule, initial=initial)
        projections.append(bottom_up)
        if bias:
            projections.append(Projection("bias", post, "basal", rule=rule))
        layers.append(
            Layer(
                post,
                bottom_up.name,
                g.attenuation[k - 1],
                g.update_scales[k - 1],
                f"bias_to_{post}_basal" if bias else "",
            )
        )
    return projections, layers


def error_circuit(
    k, names, g, rates, low_pass, top_down_initial, drawn, tied, bias, two_sweep
):
    """What gives hidden layer k its error: feedback, and interneurons to cancel it.

    `drawn` is the initialiser of lateral weights that do not start self-predicting.
    """
    here, above, inter = names[k], names[k + 1], f"interneuron{k}"
    tie_interneurons, tie_inhibition = tied
    upward = ("nudged", "forward") if two_sweep else None
    downward = ("nudged", "nudged") if two_sweep else None
    rate = rates.top_down[k - 1]
    top_down = Projection(
        above,
        here,
        "top_down" if rate > 0 else "apical",
        initial=top_down_initial,
        rule=top_down_reconstruction(rate, low_pass=low_pass, moments=downward)
        if rate > 0
        else None,
    )
    predict = dendritic_prediction(
        rates.interneuron[k - 1], low_pass=low_pass, moments=upward
    )
    silence = apical_silencing(rates.apical[k - 1], low_pass=low_pass, moments=downward)

    def lateral(pre, post, field, of, factor, tie, rule):
        if tie:
            return Projection(pre, post, field, tied_to=Tied(of, factor))
        initial = ScaledCopy(of, factor) if drawn is None else drawn
        return Projection(pre, post, field, rule=rule, initial=initial)

    ratio = g.prediction_ratio(k)
    result = [
        top_down,
        lateral(inter, here, "apical", top_down.name, -1.0, tie_inhibition, silence),
        lateral(
            here,
            inter,
            "dendrite",
            f"{here}_to_{above}_basal",
            ratio,
            tie_interneurons,
            predict,
        ),
        one_to_one(above, inter, "nudge", "soma"),
    ]
    if bias:
        of = f"bias_to_{above}_basal"
        copy = {"rule": predict, "initial": ScaledCopy(of, ratio)}
        if tie_interneurons:
            copy = {"tied_to": Tied(of, ratio)}
        result.append(Projection("bias", inter, "dendrite", **copy))
    return result


def one_to_one(pre, post, field, signal):
    """A projection of weights 1 between pairs of cells."""
    return Projection(
        pre,
        post,
        field,
        signal=signal,
        connectivity="one_to_one",
        initial=Constant(1.0),
    )


def sweeps(names, sources, projections):
    """Phases of a training and of a test presentation in the steady-state form."""
    # Going up, a cell reaches what its basal dendrite alone predicts.
    silent = tuple(p.name for p in projections if p.field in ("apical", "top_down"))
    up = tuple(names[1:])
    down = ["output"]
    for k in reversed(range(1, len(names) - 1)):
        down += [f"interneuron{k}", names[k]]
    forward = Phase("forward", settle=up, silent=silent, on=sources)
    nudged = Phase("nudged", settle=tuple(down), on=(*sources, "target"))
    return (forward, nudged), (forward,)
