"""Stacks pyramidal and interneuron layers into a dendritic error microcircuit."""

import math
import numbers
from collections.abc import Callable, Sequence

import numpy as np

from circuits.circuit import Circuit, Layer
from circuits.population import Population, check_size
from circuits.projection import Constant, Projection, ScaledCopy, Uniform
from circuits.schedule import Phase, Schedule
from dendrites import transfer
from dendrites.activity_difference import LowPass
from dendrites.errors import ModelError
from dendrites.models import (
    sacramento_interneuron,
    sacramento_output,
    sacramento_pyramidal,
    source,
)
from dendrites.rules import apical_silencing, dendritic_prediction

LOGISTIC = (
    transfer.logistic,
    transfer.logistic_derivative,
    transfer.inverse_logistic,
)
UNIFORM = Uniform(-1.0, 1.0)


def microcircuit(
    sizes: Sequence[int],
    *,
    phi: tuple[Callable, Callable, Callable] = LOGISTIC,
    g_leak: float = 0.1,
    g_basal: float = 1.0,
    g_apical: float | Sequence[float] = 0.8,
    g_dendrite: float | Sequence[float] | str = 1.0,
    g_interneuron_nudge: float | Sequence[float] = 0.8,
    g_output_nudge: float = 0.8,
    basal_rates: Sequence[float] | float = 0.0,
    interneuron_rates: Sequence[float] | float = 0.0,
    apical_rates: Sequence[float] | float = 0.0,
    filter_tau: float | None = 30.0,
    basal_initial: Uniform = UNIFORM,
    top_down_initial: Uniform = UNIFORM,
    self_predicting: bool = True,
    bias: bool = False,
    presentation: float = 100.0,
    learning_lag: float = 0.0,
    test_presentation: float | None = None,
    carry_state: bool = False,
    dt: float = 0.1,
    stepper: str = "euler",
    seed: int = 0,
    name: str = "microcircuit",
) -> Circuit:
    """Pyramidal layers of any depth, each hidden one with interneurons for the next.

    Populations: ``input``, ``hidden1`` ..., ``output``; ``interneuron1`` (one cell for
    every cell of the layer above) ...; ``target``. In hidden layer k the apical
    dendrite receives the layer above and, subtracted in the self-predicting state,
    what interneurons predict of it; what is left is the cell's error.

    Parameters
    ----------
    sizes : sequence of int
        Input, hidden layers, output; at least one hidden layer.
    phi : (transfer function, slope, inverse)
        Scalar functions of the potential (the inverse: of the rate).
    g_leak, g_basal, g_output_nudge : float
        Conductances, 1/ms.
    g_apical, g_interneuron_nudge : float or one per hidden layer
        Conductances, 1/ms.
    g_dendrite : float, one per hidden layer, or "matched"
        Interneuron dendrite, 1/ms. "matched" gives g_basal + g_apical of the layer
        above, with which the self-predicting state is silent through transients too.
    basal_rates : float or one per layer
        Learning rates of bottom-up weights, 1/ms (0: frozen).
    interneuron_rates, apical_rates : float or one per hidden layer
        Learning rates of pyramidal-to-interneuron and interneuron-to-apical weights.
    filter_tau : float or None
        Time constant of the low-pass filter of every update, ms.
    basal_initial, top_down_initial : Uniform
        Initial weights; top-down weights are fixed.
    self_predicting : bool
        Start with silent apical dendrites: W_PI = -B and W_IP = W a_above / a_I. Else
        both are drawn like the basal weights.
    bias : bool
        Adds a population of one cell at constant rate one to every basal and
        interneuron dendrite.
    presentation, test_presentation : float
        Duration of a training and of a test presentation, ms.
    learning_lag : float
        Plasticity starts this many ms after a pattern appears.
    carry_state : bool
        Whether a presentation starts from the state the previous one ended in.
    dt : float
        Step, ms.
    stepper, seed, name : see Circuit

    Returns
    -------
    Circuit

    Raises
    ------
    ModelError
        For impossible sizes or conductances.

    Source: Sacramento et al. (2018), eqs. 1-9; the self-predicting ratio for unequal
    attenuations and the matched dendrite are our derivation (docs, model page).
    """
    sizes = _check_sizes(sizes)
    depth = len(sizes) - 1
    hidden = depth - 1
    g_apical = _per_layer("g_apical", g_apical, hidden)
    g_nudge = _per_layer("g_interneuron_nudge", g_interneuron_nudge, hidden)
    if isinstance(g_dendrite, str):
        if g_dendrite != "matched":
            raise ModelError(
                f"g_dendrite = {g_dendrite!r}: must be a number, one per hidden layer, "
                "or 'matched'"
            )
        g_dendrite = [g_basal + g for g in (*g_apical[1:], 0.0)]
    g_dendrite = _per_layer("g_dendrite", g_dendrite, hidden)
    basal_rates = _per_layer("basal_rates", basal_rates, depth)
    interneuron_rates = _per_layer("interneuron_rates", interneuron_rates, hidden)
    apical_rates = _per_layer("apical_rates", apical_rates, hidden)
    low_pass = None if filter_tau is None else LowPass(filter_tau)

    transfer_function, _, inverse = phi
    names = ["input", *(f"hidden{k}" for k in range(1, depth)), "output"]
    pyramidal = [
        sacramento_pyramidal(
            phi=transfer_function, g_leak=g_leak, g_basal=g_basal, g_apical=g
        )
        for g in g_apical
    ]
    output = sacramento_output(
        phi=transfer_function, g_leak=g_leak, g_basal=g_basal, g_nudge=g_output_nudge
    )
    interneurons = [
        sacramento_interneuron(
            phi=transfer_function, g_leak=g_leak, g_dendrite=gd, g_nudge=gn
        )
        for gd, gn in zip(g_dendrite, g_nudge, strict=True)
    ]
    populations = [
        Population("input", source(), sizes[0], pattern="inputs"),
        Population("target", source(potential=inverse), sizes[-1], pattern="targets"),
        *(
            Population(name, model, size)
            for name, model, size in zip(
                names[1:], [*pyramidal, output], sizes[1:], strict=True
            )
        ),
        *(
            Population(f"interneuron{k}", model, size)
            for k, (model, size) in enumerate(
                zip(interneurons, sizes[2:], strict=True), start=1
            )
        ),
    ]
    attenuation = [g_basal / (g_leak + g_basal + g) for g in (*g_apical, 0.0)]
    scales = _update_scales(
        attenuation, g_leak, g_basal, g_apical, g_dendrite, g_nudge, g_output_nudge
    )
    projections, layers = [], []
    sources = ["input", "bias"] if bias else ["input"]
    for k in range(1, depth + 1):
        pre, post = names[k - 1], names[k]
        rule = dendritic_prediction(basal_rates[k - 1], low_pass=low_pass)
        bottom_up = Projection(pre, post, "basal", rule=rule, initial=basal_initial)
        projections.append(bottom_up)
        if bias:
            projections.append(Projection("bias", post, "basal", rule=rule))
        layers.append(
            Layer(
                post,
                bottom_up.name,
                attenuation[k - 1],
                scales[k - 1],
                f"bias_to_{post}_basal" if bias else "",
            )
        )
    for k in range(1, depth):
        here, above, inter = names[k], names[k + 1], f"interneuron{k}"
        ratio = attenuation[k] * (g_leak + g_dendrite[k - 1]) / g_dendrite[k - 1]
        top_down = Projection(above, here, "apical", initial=top_down_initial)
        predict = dendritic_prediction(interneuron_rates[k - 1], low_pass=low_pass)
        silence = apical_silencing(apical_rates[k - 1], low_pass=low_pass)

        def initial(of, factor):
            return ScaledCopy(of, factor) if self_predicting else basal_initial

        projections += [
            top_down,
            Projection(
                inter,
                here,
                "apical",
                rule=silence,
                initial=initial(top_down.name, -1.0),
            ),
            Projection(
                here,
                inter,
                "dendrite",
                rule=predict,
                initial=initial(f"{here}_to_{above}_basal", ratio),
            ),
            Projection(
                above,
                inter,
                "nudge",
                signal="soma",
                connectivity="one_to_one",
                initial=Constant(1.0),
            ),
        ]
        if bias:
            projections.append(
                Projection(
                    "bias",
                    inter,
                    "dendrite",
                    rule=predict,
                    initial=ScaledCopy(f"bias_to_{above}_basal", ratio),
                )
            )
    for signal, field in (("potential", "target"), ("active", "teaching")):
        projections.append(
            Projection(
                "target",
                "output",
                field,
                signal=signal,
                connectivity="one_to_one",
                initial=Constant(1.0),
            )
        )
    if bias:
        populations.append(Population("bias", source(), 1, pattern=1.0))
    taught = Phase("nudged", presentation, on=(*sources, "target"), lag=learning_lag)
    free = Phase(
        "free",
        presentation if test_presentation is None else test_presentation,
        on=tuple(sources),
        learning=False,
    )
    return Circuit(
        tuple(populations),
        tuple(projections),
        Schedule((taught,), carry_state=carry_state),
        Schedule((free,)),
        dt=dt,
        stepper=stepper,
        layers=tuple(layers),
        phi=phi,
        name=name,
        seed=seed,
    )


def _update_scales(
    attenuation, g_leak, g_basal, g_apical, g_dendrite, g_nudge, g_output_nudge
):
    """First-order size of each layer's update over -dL/dW (see Layer.update_scale)."""
    nudge = g_output_nudge / (g_leak + g_basal + g_output_nudge)
    scales = [nudge / attenuation[-1]]
    for k in reversed(range(len(g_apical))):
        apical = g_apical[k] / (g_leak + g_basal + g_apical[k])
        inter = g_nudge[k] / (g_leak + g_dendrite[k] + g_nudge[k])
        scales.append(scales[-1] * apical * (1.0 - inter) / attenuation[k])
    return scales[::-1]


def _check_sizes(sizes):
    if isinstance(sizes, (str, int)) or not hasattr(sizes, "__len__"):
        raise ModelError(
            f"sizes = {sizes!r}: must be a list of layer sizes, such as [64, 100, 10]"
        )
    if len(sizes) < 3:
        raise ModelError(
            f"sizes = {list(sizes)!r}: needs an input, at least one hidden layer and "
            "an output"
        )
    return [check_size(f"sizes[{k}]", size) for k, size in enumerate(sizes)]


def _per_layer(name, value, count):
    many = isinstance(value, (list, tuple, np.ndarray)) and np.ndim(value) == 1
    values = list(value) if many else [value] * count
    if len(values) != count:
        raise ModelError(
            f"{name} has {len(values)} values, must have one number or {count}"
        )
    for k, x in enumerate(values):
        number = isinstance(x, numbers.Real) and not isinstance(x, bool)
        if not number or not math.isfinite(x) or x < 0:
            raise ModelError(f"{name}[{k}] = {x!r}: must be a finite number >= 0")
    return [float(x) for x in values]
