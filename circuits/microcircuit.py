"""Stacks pyramidal and interneuron layers into a dendritic error microcircuit."""

from collections.abc import Callable, Sequence

from circuits._conductances import Conductances, per_layer
from circuits._microcircuit_parts import (
    Rates,
    bottom_up_projections,
    cells,
    error_circuit,
    layer_names,
    one_to_one,
    sweeps,
)
from circuits.circuit import Circuit
from circuits.initialisers import INITIALISERS, Uniform
from circuits.network import Feedforward
from circuits.phase import Phase
from circuits.population import Population
from circuits.schedule import Schedule
from dendrites._checks import check_size, choice, flag, function, items, number, shown
from dendrites.activity_difference import LowPass
from dendrites.errors import ModelError
from dendrites.models import (
    source,
)
from dendrites.transfer import LOGISTIC

UNIFORM = Uniform(-1.0, 1.0)
CONTINUOUS, TWO_SWEEP = "continuous", "two_sweep"
PUBLISHED = "published"
FILTER_TAU, PRESENTATION, LEARNING_LAG = 30.0, 100.0, 0.0  # ms, continuous form


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
    top_down_rates: Sequence[float] | float = 0.0,
    filter_tau: float | str | None = PUBLISHED,
    basal_initial: Uniform = UNIFORM,
    top_down_initial: Uniform = UNIFORM,
    self_predicting: bool = True,
    tie_interneurons: bool = False,
    tie_inhibition: bool = False,
    bias: bool = False,
    form: str = CONTINUOUS,
    noise: str | None = None,
    sigma: float | None = None,
    input_tau: float | None = None,
    presentation: float | None = None,
    learning_lag: float | None = None,
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
        Learning rates of bottom-up weights (0: frozen). All rates are per ms of
        plasticity in the continuous form and per presentation in two sweeps.
    interneuron_rates, apical_rates, top_down_rates : float or one per hidden layer
        Learning rates of pyramidal-to-interneuron (W_IP), interneuron-to-apical (W_PI)
        and top-down weights (B). A layer that learns B has an apical tree in two parts,
        and B reaches the input field ``top_down``.
    filter_tau : "published", float or None
        Time constant of the low-pass filter of every update, ms; None: no filter;
        "published": 30 in the continuous form. Two sweeps have none.
    basal_initial, top_down_initial : Uniform
        Initial weights.
    self_predicting : bool
        Start with silent apical dendrites: W_PI = -B and W_IP = W a_above / a_I. Else
        both are drawn like the basal weights.
    tie_interneurons, tie_inhibition : bool
        Keep W_IP, or W_PI, at these values at every moment; they have no rule then.
    bias : bool
        Adds a population of one cell at constant rate one to every basal and
        interneuron dendrite.
    form : {"continuous", "two_sweep"}
        Continuous time, or the steady-state form: one sweep up with silent apical
        dendrites, one down with the teacher, then every rule acts once, on the
        presynaptic rates of the upward sweep.
    noise : {None, "white", "per_step"}
        White noise of every soma by Euler-Maruyama, or as public codes add it (see
        `dendrites.models.sacramento_pyramidal`).
    sigma : float, optional
        Its size; default: that of the cells, 0.1.
    input_tau : float, optional
        Inputs pass a low-pass filter of this time constant, ms.
    presentation, test_presentation : float, optional
        Duration of a training and of a test presentation, ms; continuous form.
        Default: 100, and that of training.
    learning_lag : float, optional
        Plasticity starts this many ms after a pattern appears; continuous form.
        Default: 0.
    carry_state : bool
        Whether a presentation starts from the state the previous one ended in.
    dt : float
        Step, ms; of two sweeps, in schedules of your own that take time.
    stepper, seed, name : see Circuit

    Returns
    -------
    Circuit

    Raises
    ------
    ModelError
        For impossible sizes or conductances.

    Source: Sacramento et al. (2018), eqs. 1-10 and section 3.4; the self-predicting
    ratio for unequal attenuations and the matched dendrite are our derivation (docs,
    model page).
    """
    sizes = _check_sizes(sizes)
    hidden = len(sizes) - 2
    choice("form", form, (CONTINUOUS, TWO_SWEEP))
    for option, value in (
        ("self_predicting", self_predicting),
        ("tie_interneurons", tie_interneurons),
        ("tie_inhibition", tie_inhibition),
        ("bias", bias),
    ):
        flag(option, value)
    two_sweep = form == TWO_SWEEP
    published = isinstance(filter_tau, str) and filter_tau == PUBLISHED
    if two_sweep:
        _refuse_times(
            filter_tau=None if published else filter_tau,
            presentation=presentation,
            learning_lag=learning_lag,
            test_presentation=test_presentation,
        )
    filter_tau = FILTER_TAU if published else filter_tau
    presentation = PRESENTATION if presentation is None else presentation
    learning_lag = LEARNING_LAG if learning_lag is None else learning_lag
    for option, value in (("filter_tau", filter_tau), ("input_tau", input_tau)):
        if value is not None:
            number(option, value, unit="ms", above=0.0)
    number("learning_lag", learning_lag, unit="ms", least=0.0)
    for option, value in (
        ("basal_initial", basal_initial),
        ("top_down_initial", top_down_initial),
    ):
        if not isinstance(value, INITIALISERS):
            raise ModelError(
                f"{option} = {shown(value)}: must be an initialiser such as "
                "Uniform(-1, 1)"
            )
    if not isinstance(phi, tuple | list) or len(phi) != 3:
        raise ModelError(
            f"phi = {shown(phi)}: must be three functions (transfer function, slope, "
            "inverse)"
        )
    for part in phi:
        function("phi", part, "of one number")
    g = Conductances.of_layers(
        hidden,
        leak=g_leak,
        basal=g_basal,
        apical=g_apical,
        dendrite=g_dendrite,
        interneuron_nudge=g_interneuron_nudge,
        output_nudge=g_output_nudge,
    )
    rates = Rates(
        per_layer("basal_rates", basal_rates, hidden + 1),
        per_layer("interneuron_rates", interneuron_rates, hidden),
        per_layer("apical_rates", apical_rates, hidden),
        per_layer("top_down_rates", top_down_rates, hidden),
    )
    _check_tied("interneuron", tie_interneurons, rates.interneuron)
    _check_tied("apical", tie_inhibition, rates.apical)
    if two_sweep and (noise is not None or input_tau is not None):
        raise ModelError(
            "form = 'two_sweep' takes no time: leave out noise and input_tau"
        )
    if noise is None and sigma is not None:
        raise ModelError(
            f"sigma = {shown(sigma)} needs a kind of noise: add noise='white' (or "
            "'per_step'), or leave out sigma"
        )
    names = layer_names(sizes)
    populations = [
        Population("input", source(tau=input_tau), sizes[0], pattern="inputs"),
        Population("target", source(potential=phi[2]), sizes[-1], pattern="targets"),
        *cells(sizes, names, g, phi[0], rates, noise, sigma),
    ]
    if bias:
        populations.append(Population("bias", source(), 1, pattern=1.0))
    low_pass = None if two_sweep or filter_tau is None else LowPass(filter_tau)
    projections, layers = bottom_up_projections(
        names, g, rates, low_pass, basal_initial, bias, two_sweep
    )
    for k in range(1, hidden + 1):
        projections += error_circuit(
            k,
            names,
            g,
            rates,
            low_pass,
            top_down_initial,
            None if self_predicting else basal_initial,
            (tie_interneurons, tie_inhibition),
            bias,
            two_sweep,
        )
    projections += [
        one_to_one("target", "output", field, signal)
        for signal, field in (("potential", "target"), ("active", "teaching"))
    ]
    sources = ("input", "bias") if bias else ("input",)
    if two_sweep:
        training, test = sweeps(names, sources, projections)
    else:
        on = (*sources, "target")
        taught = Phase("nudged", presentation, on=on, lag=learning_lag)
        duration = presentation if test_presentation is None else test_presentation
        free = Phase("free", duration, on=sources, learning=False)
        training, test = (taught,), (free,)
    return Circuit(
        tuple(populations),
        tuple(projections),
        Schedule(training, carry_state=carry_state),
        Schedule(test),
        dt=dt,
        stepper=stepper,
        network=Feedforward(tuple(layers), phi),
        name=name,
        seed=seed,
    )


def _refuse_times(**times):
    for name, value in times.items():
        if value is not None:
            raise ModelError(
                f"{name} = {shown(value)}: form = 'two_sweep' takes no time: leave "
                f"out {name}, or use form='continuous'"
            )


def _check_tied(kind, tied, rates):
    if tied and any(rates):
        name = "tie_interneurons" if kind == "interneuron" else "tie_inhibition"
        raise ModelError(
            f"{kind}_rates = {rates} with {name}: tied weights do not learn by "
            f"themselves; set {kind}_rates to 0 or {name} to False"
        )


def _check_sizes(sizes):
    sizes = items("sizes", sizes, "layer sizes, such as [64, 100, 10]")
    if len(sizes) < 3:
        raise ModelError(
            f"sizes = {list(sizes)!r}: needs an input, at least one hidden layer and "
            "an output"
        )
    return [check_size(f"sizes[{k}]", size) for k, size in enumerate(sizes)]
