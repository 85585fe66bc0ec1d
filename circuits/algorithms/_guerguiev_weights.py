"""Projections of the segregated network, and the published size of their weights."""

import math
from dataclasses import replace
from typing import NamedTuple

from circuits.initialisers import Constant, Uniform
from circuits.projection import Projection
from circuits.ties import Tied
from dendrites.activity_difference import ActivityDifference

FED_BACK = {"spikes": "spikes", "rate": "expected"}
PEAK_RATE = 200.0  # Hz
BIAS, BIAS_SD = 0.8, 0.001
KEPT, RESCALED = 0.2, 5.0  # of sparse feedback
NOISE = 0.05


class Scale(NamedTuple):
    """Initial weights of a layer: mean, standard deviation and half-width drawn."""

    mean: float
    sd: float
    half_width: float


def initial_scale(n_inputs: int) -> Scale:
    """Size of initial weights for so many inputs.

    Chosen in the published code so that dendritic potentials have mean 3 and standard
    deviation 3 for cells at half the peak rate. The uniform distribution it draws from
    has half-width 2 sqrt(3) sd, so its standard deviation is 2 sd.

    Source: public code of Guerguiev, Lillicrap and Richards (2017).
    """
    mean_v, sd_v, bias = 3.0, 3.0, BIAS
    square_v = mean_v**2 + sd_v**2
    slope = 0.25 * PEAK_RATE / 1000.0
    n = n_inputs
    mean = (mean_v - bias) / (slope * n * mean_v)
    square = (
        square_v
        + slope**2 * (n - n**2) * mean**2 * mean_v**2
        - 2 * n * slope * bias * mean_v * mean
        - bias**2
    ) / (n * slope**2 * square_v)
    sd = math.sqrt(square - mean**2)
    return Scale(mean, sd, 3.465 * sd)


def feedforward_projections(pre, post, n_pre, rule):
    """Weights and biases of a layer."""
    scale = initial_scale(n_pre)
    weights = Projection(
        pre,
        post,
        "basal",
        signal="spikes",
        initial=Uniform(scale.mean - scale.half_width, scale.mean + scale.half_width),
        rule=rule,
        delay=0.0,
    )
    bias = Projection(
        "bias",
        post,
        "bias",
        initial=Uniform(BIAS - 3.465 * BIAS_SD, BIAS + 3.465 * BIAS_SD),
        rule=replace(rule, presynaptic="rate"),
    )
    return [weights, bias]


def inverse_rule(rate):
    """Feedback learns to make the plateau what the soma's rate is: an inverse mapping.

    dY = rate * (phi_max sigma(C) - sigma(A)) * sigma'(A) * psp, of the forward phase.
    """
    return ActivityDifference(
        "somatic_rate",
        "plateau",
        rate,
        gain="apical_slope",
        presynaptic="psp",
        moments=("forward", "forward"),
    )


def feedback_projection(post, scale, feedback, fed_back, rate=0.0):
    """What the output sends to the apical dendrites of a layer, learned at a rate."""
    low, high = scale.mean - scale.half_width, scale.mean + scale.half_width
    initial, tied = Uniform(low, high), None
    if feedback == "zero":
        initial = Constant(0.0)
    elif feedback == "sparse":
        initial = Uniform(RESCALED * low, RESCALED * high, share=KEPT)
    elif feedback in ("symmetric", "noisy"):
        noise = NOISE if feedback == "noisy" else 0.0
        tied = Tied(f"{post}_to_output_basal", transpose=True, noise=noise)
    return Projection(
        "output",
        post,
        "apical",
        signal=FED_BACK[fed_back],
        initial=initial,
        tied_to=tied,
        rule=inverse_rule(rate) if rate else None,
    )
