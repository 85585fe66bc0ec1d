"""Feedback alignment of cells that spike by chance, both pathways at once."""

from collections.abc import Sequence

import numpy as np

from circuits._microcircuit_parts import layer_names
from circuits._stack_options import checked_sizes
from circuits.algorithms._machines import LAYERS
from circuits.circuit import Circuit
from circuits.initialisers import Constant, Uniform
from circuits.network import Feedforward, Layer
from circuits.phase import Phase
from circuits.population import Population
from circuits.projection import Projection
from circuits.schedule import Schedule
from circuits.stack import ONE_TO_ONE, bottom_up
from dendrites._checks import choice, flag, number, whole_number
from dendrites.activity_difference import ActivityDifference
from dendrites.errors import ModelError
from dendrites.models import (
    bernoulli_source,
    source,
    stochastic_error_cell,
    stochastic_taught_cell,
    summing_cell,
)
from dendrites.transfer import LOGISTIC

PUBLISHED = (784, 1500, 1500, 1500, 10)
FORWARD, BACKWARD = Uniform(-0.05, 0.05), Uniform(-0.1, 0.1)
ANSWERS = ("spikes", "rate")


def stochastic_feedback_alignment(
    sizes: Sequence[int] = PUBLISHED,
    *,
    cells_per_class: int = 100,
    learning_rate: float = 1e-3,
    weight_decay: float = 1e-8,
    tau: float = 0.9,
    error: str = "rate",
    delay: float = 0.0,
    most: float = 0.95,
    steps: int = 5,
    test_steps: int = 5,
    answer: str = "spikes",
    bias: bool = True,
    initial=FORWARD,
    feedback_initial=BACKWARD,
    name: str = "stochastic_feedback_alignment",
    seed: int = 0,
) -> Circuit:
    """Spiking layers that learn at every step from random feedback, without phases.

        v' = (1 - tau) v + tau (W s + b),   s ~ Bernoulli(logistic(v))
        d' = (1 - tau) d + tau B f(d_above),   f(d) = logistic(d) - 1/2
        dW = rate logistic'(v) f(d) s_below^T - decay W

    at every step; d of an output cell is its target minus its rate. Nothing is reset
    between examples.

    Parameters
    ----------
    sizes : sequence of int
        Input, hidden layers, classes. Default: those of the article.
    cells_per_class : int
        Output cells of each class; 1 for one cell per target.
    learning_rate : float
        Per step of 1 ms, of weights and biases.
    weight_decay : float
        Share of weights and biases that a step takes.
    tau : float
        Share of both potentials that a step replaces; 0.1 is the other reading of the
        article, a slow filter.
    error : {"rate", "spikes"}
        What output cells compare with their targets.
    delay : float
        Of spikes from layer to layer, ms: 0, all layers in one step, or whole steps.
        Errors take a step from layer to layer.
    most : float
        Largest probability of a spike of an input cell.
    steps, test_steps : int
        For which an example is shown.
    answer : {"spikes", "rate"}
        What output cells are asked for in a test: mean of a class over the steps.
    bias : bool
        Whether cells have biases, which start at 0 and learn.
    initial, feedback_initial : initialiser
        Of forward weights, and of the fixed weights B.
    name : str
    seed : int

    Returns
    -------
    Circuit
        Populations "input", "hidden1", ..., "output", and "answer" with a cell per
        class. With one cell per class its reference network is that of the rates.

    Raises
    ------
    ModelError
        For options out of range.

    A hidden cell gets a vector: filtered errors of all cells above, in presentations
    without phases. No limit makes it exact: errors are squashed on their way, slopes
    are those of noisy potentials, and spikes stand for rates.

    Source: Lillicrap, Cownden, Tweed & Akerman, Nat. Commun. 7 (2016) 13276, Fig. 4;
    formulas reconstructed from words.
    """
    where = "stochastic_feedback_alignment"
    sizes = checked_sizes(sizes, where, of=LAYERS)
    number(f"{where}: learning_rate", learning_rate, least=0.0)
    count = {"lowest": 1, "error": ModelError}
    group = whole_number(f"{where}: cells_per_class", cells_per_class, **count)
    steps = whole_number(f"{where}: steps", steps, **count)
    test_steps = whole_number(f"{where}: test_steps", test_steps, **count)
    number(f"{where}: weight_decay", weight_decay, least=0.0, most=1.0)
    number(f"{where}: delay", delay, unit="ms", least=0.0)
    choice(f"{where}: answer", answer, ANSWERS)
    flag(f"{where}: bias", bias)
    names, n_classes = layer_names(sizes), sizes[-1]
    cells = (*sizes[:-1], n_classes * group)
    rule = ActivityDifference("delta", None, learning_rate=learning_rate)
    learned = {"rule": rule, "weight_decay": weight_decay}
    populations = [
        Population("input", bernoulli_source(most=most), sizes[0], pattern="inputs"),
        Population("target", source(), n_classes, pattern="targets"),
        *(
            Population(layer, stochastic_error_cell(tau=tau), n)
            for layer, n in zip(names[1:-1], cells[1:-1], strict=True)
        ),
        Population("output", stochastic_taught_cell(tau=tau, error=error), cells[-1]),
        Population("answer", summing_cell(), n_classes),
    ]
    projections = [
        Projection(
            below,
            here,
            "basal",
            "spikes",
            initial=initial,
            delay=delay,
            name=bottom_up(below, here),
            **learned,
        )
        for below, here in zip(names[:-1], names[1:], strict=True)
    ]
    projections += [
        Projection(above, here, "apical", "sent", initial=feedback_initial)
        for here, above in zip(names[1:-1], names[2:], strict=True)
    ]
    to_group = of_group = ONE_TO_ONE
    if group > 1:
        belongs = np.kron(np.eye(n_classes, dtype=bool), np.ones((1, group), bool))
        to_group = {"connectivity": belongs.T.copy(), "initial": Constant(1.0)}
        of_group = {"connectivity": belongs, "initial": Constant(1.0 / group)}
    projections += [
        Projection("target", "output", "target", **to_group),
        Projection("output", "answer", "total", answer, delay=0.0, **of_group),
    ]
    if bias:
        populations.append(Population("bias", source(), 1, pattern=1.0))
        projections += [Projection("bias", n, "basal", **learned) for n in names[1:]]
    layers = [
        Layer(here, bottom_up(below, here), 1.0, 1.0, bottom_up("bias", here) * bias)
        for below, here in zip(names[:-1], names[1:], strict=True)
    ]
    always = {"carry_state": True, "always_on": ("bias",) if bias else ()}
    shown, asked = (
        Phase("shown", float(n), on=on, window=float(n))
        for n, on in ((steps, ("input", "target")), (test_steps, ("input",)))
    )
    return Circuit(
        tuple(populations),
        tuple(projections),
        Schedule((shown,), **always),
        Schedule((asked,), **always),
        output="answer",
        readout="total",
        readout_phase="shown",
        network=Feedforward(layers, LOGISTIC, "squared") if group == 1 else None,
        dt=1.0,
        name=name,
        seed=seed,
    )
