"""Wake-sleep: two directions of a Helmholtz machine teach each other."""

from collections.abc import Sequence

from circuits._stack_options import checked_sizes
from circuits.algorithms._machines import LAYERS
from circuits.circuit import Circuit
from circuits.initialisers import Constant
from circuits.phase import Phase
from circuits.population import Population
from circuits.projection import Projection
from circuits.schedule import Schedule
from circuits.stack import ONE_TO_ONE, ROOT_FAN_IN
from dendrites._checks import flag, number, shown, whole_number
from dendrites.activity_difference import ActivityDifference
from dendrites.errors import ModelError
from dendrites.models import helmholtz_cell, source


def wake_sleep(
    sizes: Sequence[int],
    *,
    learning_rate: float = 0.1,
    recognition_rate: float | None = None,
    momentum: float = 0.0,
    taught: bool = False,
    sweeps: int | None = None,
    bias: bool = True,
    initial=ROOT_FAN_IN,
    weight_decay: float = 0.0,
    name: str = "wake_sleep",
    seed: int = 0,
) -> Circuit:
    """A recognition network q(h | x) and a generative one p(x, h), of any depth.

        wake:   h ~ q(h | x),    dB_l = rate <(h_(l-1) - p_(l-1)) h_l^T>
        sleep:  h, x ~ p(x, h),  dW_l = rate <(h_l - q_l) h_(l-1)^T>

    with p and q the probabilities that generation and recognition give a cell when its
    neighbours are what was sampled.

    Parameters
    ----------
    sizes : sequence of int
        Visible cells and hidden layers, from below.
    learning_rate : float
        Of generative weights B and biases, per presentation.
    recognition_rate : float, optional
        Of recognition weights W and biases. Default: the same.
    momentum : float
        Of updates, in [0, 1).
    taught : bool
        The last layer is "output" and shows a target by day. Recognition learns of
        targets in dreams alone.
    sweeps : int, optional
        Samples of a test, over which the answer is averaged; default: 20. With two
        sizes the last layer depends on the input alone, so one is enough.
    bias : bool
        Whether cells have biases in both directions, which start at 0; those of the
        last layer are the prior.
    initial : initialiser
        Of both kinds of weights. Default: uniform(-1, 1) / sqrt(n_pre).
    weight_decay : float
        Of all weights, as in `Projection`.
    name : str
    seed : int

    Returns
    -------
    Circuit
        Populations "input", "visible", "hidden1", ...; W is
        "visible_to_hidden1_basal", ..., B "hidden1_to_visible_apical", .... The answer
        is the mean probability of the last layer in recognition.

    Raises
    ------
    ModelError
        For options out of range.

    A hidden cell gets samples of its neighbours from above by day and from below in
    dreams; four phases of one presentation. The mean of the wake update is the
    gradient of E_q log p(x, h), so of the bound on log p(x), exactly; that of the sleep
    update descends KL(p || q), where the bound needs KL(q || p).

    Source: Hinton, Dayan, Frey & Neal, Science 268 (1995) 1158.
    """
    where = "wake_sleep"
    sizes = checked_sizes(sizes, where, of=LAYERS)
    number(f"{where}: learning_rate", learning_rate, least=0.0)
    flag(f"{where}: taught", taught)
    flag(f"{where}: bias", bias)
    if sweeps is not None and len(sizes) == 2:
        raise ModelError(
            f"{where}: sweeps = {shown(sweeps)}: with one hidden layer the answer "
            "takes one; leave sweeps out, or give more layers"
        )
    count = {"lowest": 1, "error": ModelError}
    sweeps = whole_number(f"{where}: sweeps", 20 if sweeps is None else sweeps, **count)
    hidden = [f"hidden{k}" for k in range(1, len(sizes))]
    layers = ("visible", *hidden[:-1], "output" if taught else hidden[-1])

    def learned(baseline, phase, rate, pre):
        rule = ActivityDifference(
            "activity",
            baseline,
            presynaptic="rate" if pre == "bias" else "activity",
            moments=(phase, phase),
            learning_rate=rate,
            momentum=momentum,
        )
        return {"rule": rule, "weight_decay": weight_decay}

    def generates(pre):
        return learned("generated", "wake_told", learning_rate, pre)

    def recognises(pre):
        rate = learning_rate if recognition_rate is None else recognition_rate
        return learned("recognised", "sleep_told", rate, pre)

    populations = [
        Population("input", source(), sizes[0], pattern="inputs"),
        Population("dream", source(), 1, pattern=1.0),
        *(
            Population(layer, helmholtz_cell(), n)
            for layer, n in zip(layers, sizes, strict=True)
        ),
    ]
    shows = {"input": "visible"}
    if taught:
        populations.append(Population("target", source(), sizes[-1], pattern="targets"))
        shows["target"] = "output"
    projections = [
        Projection(given, layer, field, signal, **ONE_TO_ONE)
        for given, layer in shows.items()
        for field, signal in (("clamp", "rate"), ("clamped", "active"))
    ]
    for below, here in zip(layers[:-1], layers[1:], strict=True):
        sent = {"signal": "activity", "initial": initial}
        projections += [
            Projection(below, here, "basal", **sent, **recognises(below)),
            Projection(here, below, "apical", **sent, **generates(here)),
        ]
    for layer in layers:
        dreams = Projection("dream", layer, "dream", initial=Constant(1.0))
        projections.append(dreams)
    if bias:
        populations.append(Population("bias", source(), 1, pattern=1.0))
        for layer in layers:
            projections.append(Projection("bias", layer, "apical", **generates("bias")))
        for layer in layers[1:]:
            projections.append(Projection("bias", layer, "basal", **recognises("bias")))
    kept = {"hold": {layer: ("spikes",) for layer in layers}}
    day, night = tuple(shows), ("dream",)
    phases = (
        Phase("wake", advance=layers, on=day),
        Phase("wake_told", advance=layers, on=day, **kept),
        Phase("sleep", advance=layers[::-1], on=night),
        Phase("sleep_told", advance=layers, on=night, **kept),
    )
    passes = 1 if len(sizes) == 2 else sweeps
    test = (Phase("wake", advance=layers, on=("input",), times=passes),)
    always = {"always_on": ("bias",) if bias else ()}
    return Circuit(
        tuple(populations),
        tuple(projections),
        Schedule(phases, **always),
        Schedule(test, **always),
        output=layers[-1],
        readout="p",
        readout_phase="wake",
        name=name,
        seed=seed,
    )
