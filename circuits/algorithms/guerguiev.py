"""Learning with plateau potentials in segregated apical dendrites."""

from collections.abc import Callable, Sequence

import numpy as np

from circuits._stack_options import checked_sizes
from circuits.algorithms._guerguiev_weights import (
    FED_BACK,
    PEAK_RATE,
    feedback_projection,
    feedforward_projections,
    initial_scale,
)
from circuits.algorithms._options import rates_of
from circuits.circuit import Circuit
from circuits.initialisers import Constant
from circuits.phase import Phase
from circuits.population import Population
from circuits.projection import Projection
from circuits.schedule import Schedule
from dendrites import rules
from dendrites._checks import (
    choice,
    flag,
    number,
    shown,
    whole_number,
)
from dendrites.errors import ModelError
from dendrites.models import guerguiev_leading, source, spike_source
from dendrites.models.guerguiev import (
    guerguiev_hidden,
    guerguiev_output,
    hidden_coupling,
    output_coupling,
)
from dendrites.random import generator

FEEDBACK = ("random", "sparse", "symmetric", "noisy", "zero")
# Published learning rates by number of hidden layers: hidden layers, output.
LEARNING_RATES = {0: (0.19,), 1: (0.21, 0.21), 2: (0.23, 0.23, 0.12)}
UPDATE_SCALE = 20.0  # published P_hidden * phi_max and P_output * phi_max**2
SETTLE = 30.0  # ms
LAST = 20.0  # ms
LONGEST_LEAD = 5  # ms, and steps


def drawn_length(shortest: float = 50.0) -> Callable:
    """Length of a phase: `shortest` plus the whole ms of a Wald(2, 1) number."""

    def draw(rng):
        return shortest + float(int(rng.wald(2.0, 1.0)))

    return draw


def guerguiev(
    sizes: Sequence[int],
    *,
    learning_rate: float | Sequence[float] | None = None,
    feedback: str = "random",
    fed_back: str = "spikes",
    feedback_rate: float = 0.0,
    g_apical: float = 0.0,
    plateau_leads: float = 0.0,
    memory: int = 10,
    window: str = "last",
    phase: float = 50.0,
    drawn: bool = True,
    test_duration: float = 250.0,
    seed: int = 0,
) -> Circuit:
    """A spiking network that learns from the plateau potentials of two phases.

    Each presentation has a forward phase and a target phase, in which a teacher drives
    the output somata; every hidden layer receives the output's spikes on its apical
    dendrites through fixed weights. At the end the difference of a cell's two plateau
    potentials moves its basal weights. Cells are not reset between presentations.

    Populations ``input`` (Poisson, 200 Hz at 1), ``hidden1``..., ``output``, ``bias``,
    ``teacher``. Biases are the projections ``bias_to_<layer>_bias``, feedback weights
    ``output_to_<layer>_apical``. Show one image at a time.

    Parameters
    ----------
    sizes : sequence of int
        Input, hidden layers (none, one or more), output.
    learning_rate : float or one per layer, optional
        Default: the published ones.
    feedback : {"random", "sparse", "symmetric", "noisy", "zero"}
        Random; a fifth of it, five times as large; at every moment the transposed
        weights of the output, exactly or with normal noise of 0.05 drawn anew after
        every update; none. The transposed ones need exactly one hidden layer.
    fed_back : {"spikes", "rate"}
        What the output sends: its spikes or their expected number.
    feedback_rate : float
        Learning rate of random feedback weights, in the code and not in the paper: dY =
        feedback_rate (phi_max sigma(C) - alpha) sigma'(A) psp of the forward phase, the
        loss of an inverse mapping. 0: they stay.
    g_apical : float
        Coupling of soma and apical dendrite, 1/ms; 0 segregates them.
    plateau_leads : float
        Each hidden cell has its plateau up to 5 ms before a phase ends: the whole ms of
        the size of a normal number of this standard deviation, ms; 3 in the published
        code. Drawn once, by `seed`. 0: all at the end.
    memory : int
        Whole ms that synapses remember a spike, 10 in the published code; 0 is the full
        kernel of the paper.
    window : {"last", "settled"}
        What of a phase is averaged: the last 20 ms, as in the code, or all after the
        first 30 ms, as in the paper.
    phase : float
        Shortest phase, ms.
    drawn : bool
        Whether the whole ms of a Wald(2, 1) number are added to it, each time anew.
    test_duration : float
        Length of a test presentation, ms: 250 in the code, 500 in the paper. All after
        the first 30 ms is averaged and the largest mean potential is the answer.
    seed : int

    Raises
    ------
    ModelError
        If sizes or options are impossible.

    Source: Guerguiev, Lillicrap and Richards (2017), eLife 6:e22901, and its public
    code where `memory`, `window` and initial weights differ from the text.
    """
    sizes = checked_sizes(sizes, "guerguiev")
    number("guerguiev: phase", phase, unit="ms", above=0.0)
    number("guerguiev: test_duration", test_duration, unit="ms", above=0.0)
    flag("guerguiev: drawn", drawn)
    whole_number("guerguiev: memory", memory, lowest=0, error=ModelError)
    for name, value, allowed in (
        ("feedback", feedback, FEEDBACK),
        ("fed_back", fed_back, FED_BACK),
        ("window", window, ("last", "settled")),
    ):
        choice(f"guerguiev: {name}", value, allowed)
    n_hidden = len(sizes) - 2
    if learning_rate is None:
        # Deeper networks were not published; they take the rates of the deepest.
        *first, last = LEARNING_RATES[min(n_hidden, 2)]
        learning_rate = [*first[:1] * n_hidden, last]
    rates = rates_of("guerguiev", learning_rate, sizes)
    if feedback in ("symmetric", "noisy") and (n_hidden != 1 or fed_back != "spikes"):
        raise ModelError(
            f"guerguiev: feedback = {feedback!r} needs exactly one hidden layer and "
            f"fed_back = 'spikes'; got {n_hidden} and {fed_back!r}"
        )
    number("guerguiev: feedback_rate", feedback_rate, least=0.0)
    number("guerguiev: plateau_leads", plateau_leads, unit="ms", least=0.0)
    if feedback_rate and (feedback, fed_back) != ("random", "spikes"):
        raise ModelError(
            f"guerguiev: feedback_rate = {feedback_rate:g} needs feedback = 'random' "
            f"and fed_back = 'spikes'; got {feedback!r} and {fed_back!r}"
        )
    for name, value, usual in (
        ("feedback_rate", feedback_rate, 0.0),
        ("plateau_leads", plateau_leads, 0.0),
        ("feedback", feedback, "random"),
        ("fed_back", fed_back, "spikes"),
        ("g_apical", g_apical, 0.0),
    ):
        if not n_hidden and value != usual:
            raise ModelError(
                f"guerguiev: {name} = {shown(value)}: has no effect without a hidden "
                f"layer; leave {name} out, or give sizes with a hidden layer"
            )
    if feedback == "zero" and fed_back != "spikes":
        raise ModelError(
            f"guerguiev: fed_back = {fed_back!r}: has no effect with feedback = 'zero'"
        )
    names = ["input", *(f"hidden{k + 1}" for k in range(n_hidden)), "output"]
    leads = plateau_leads > 0
    kind = guerguiev_leading if leads else guerguiev_hidden
    hidden = kind(memory=memory, g_apical=g_apical)
    output = guerguiev_output(memory=memory)
    pixels = spike_source(rate_scale=PEAK_RATE, newest="kernel", memory=memory)
    models = [pixels, *[hidden] * n_hidden, output]
    populations = [
        *(
            Population(
                name,
                model,
                n,
                pattern="inputs" if name == "input" else None,
                parameters=_leads(seed, name, n, plateau_leads)
                if leads and model is hidden
                else {},
            )
            for name, model, n in zip(names, models, sizes, strict=True)
        ),
        Population("bias", source(), 1, pattern=1.0),
        Population("teacher", source(), sizes[-1], pattern="targets"),
    ]
    projections = []
    for k, (name, rate) in enumerate(zip(names[1:], rates, strict=True)):
        is_output = name == "output"
        learns = _rule(rate, models[k + 1], is_output)
        projections += feedforward_projections(names[k], name, sizes[k], learns)
        if not is_output:
            above = initial_scale(sizes[k + 1])
            projections.append(
                feedback_projection(name, above, feedback, fed_back, feedback_rate)
            )
    projections += [
        Projection(
            "teacher",
            "output",
            field,
            signal=signal,
            connectivity="one_to_one",
            initial=Constant(1.0),
            name=f"teacher_to_output_{field}",
        )
        for field, signal in (("g_exc", "rate"), ("g_inh", "complement"))
    ]
    return Circuit(
        tuple(populations),
        tuple(projections),
        _schedule(phase, drawn, window),
        test_schedule=Schedule(
            (Phase("forward", test_duration, on=_SHOWN, window_start=SETTLE),)
        ),
        readout="activation",
        readout_phase="forward",
        dt=1.0,
        name="guerguiev",
        seed=seed,
    )


_SHOWN = ("input", "bias")


def _leads(seed, name, n, sd):
    """Whole ms by which plateaus of so many cells come before the end of a phase."""
    rng = generator(seed, f"plateau_leads/{name}")
    leads = np.floor(np.abs(rng.normal(0.0, sd, n)))
    return {"lead": np.minimum(leads, LONGEST_LEAD)}


def _schedule(phase, drawn, window):
    length = drawn_length(phase) if drawn else phase
    averaged = {"window": LAST} if window == "last" else {"window_start": SETTLE}
    return Schedule(
        (
            Phase("forward", length, on=_SHOWN, **averaged),
            Phase("target", length, on=(*_SHOWN, "teacher"), **averaged),
        ),
        carry_state=True,
    )


def _rule(rate, model, is_output):
    """dW = rate * P * k * phi_max * (...); the factor 2 of the loss is in the rate."""
    p, step = model.parameters, rate * UPDATE_SCALE
    if is_output:
        return rules.target_rate_difference(step * output_coupling(p) / p.phi_max)
    return rules.plateau_difference(step * hidden_coupling(p))
