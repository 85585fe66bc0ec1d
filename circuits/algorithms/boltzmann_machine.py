"""Boltzmann machine: correlations while clamped minus correlations while free."""

from collections.abc import Sequence

from circuits._stack_options import checked_sizes
from circuits.algorithms._machines import LAYERS, MODELS, machine
from circuits.circuit import Circuit
from circuits.initialisers import Normal
from circuits.phase import Phase
from circuits.schedule import Schedule
from dendrites._checks import choice, flag, items, number, shown, whole_number
from dendrites.activity_difference import ActivityDifference
from dendrites.errors import ModelError

ANNEALING = ((4.0, 5), (2.0, 5), (1.0, 5))
SMALL = Normal(0.0, 0.1)


def boltzmann_machine(
    sizes: Sequence[int],
    *,
    learning_rate: float = 0.1,
    momentum: float = 0.0,
    models: str = "targets",
    lateral: bool = False,
    sweeps: int = 20,
    annealing: Sequence[tuple[float, int]] = ANNEALING,
    bias: bool = True,
    initial=SMALL,
    weight_decay: float = 0.0,
    name: str = "boltzmann_machine",
    seed: int = 0,
) -> Circuit:
    """Symmetric binary cells that learn the distribution of what they are clamped to.

        p(s) ~ exp(sum_(i<j) w_ij s_i s_j + sum_i b_i s_i)
        dw_ij = rate (<s_i s_j>_clamped - <s_i s_j>_free)

    Each phase is sampled by Gibbs' method, after annealing. The mean of the update is
    the negative gradient of -log p(clamped), or of -log p(targets | inputs), exactly
    once the chains have reached equilibrium; it is not that of a squared error.

    Parameters
    ----------
    sizes : sequence of int
        Layers, each joined to the next both ways by one weight.
    learning_rate : float
        Per presentation.
    momentum : float
        Of updates, in [0, 1).
    models : {"targets", "inputs", "joint"}
        What is learned. "targets": p(target | input), so the first layer shows its
        input in both phases and the last is clamped in one. "inputs": p(input), all
        other layers are hidden. "joint": p(input, target).
    lateral : bool
        Cells of a layer are joined, too (with two layers the general machine), and
        drawn one after the other; else a layer is drawn at once.
    sweeps : int
        Times that every cell is drawn, whose mean is what a phase has seen.
    annealing : sequence of (temperature, sweeps)
        Before, in both phases; () for none.
    bias : bool
        Whether cells have biases, which start at 0.
    initial : initialiser
        Of weights.
    weight_decay : float
        Of all weights, as in `Projection`.
    name : str
    seed : int

    Returns
    -------
    Circuit
        Populations "input", "hidden1", ..., "output" and "target"; where the input is
        learned "visible" cells stand for it, and the answer without targets is the last
        hidden layer. It is the mean probability of a cell in the last phase of a test.

    Raises
    ------
    ModelError
        For options out of range.

    A hidden cell gets no error: two averages of its activity, from two phases of one
    presentation. Exact in the mean as annealing and `sweeps` grow. Values between 0 and
    1 may be clamped and count as such.

    Source: Ackley, Hinton & Sejnowski, Cogn. Sci. 9 (1985) 147. Differs: their cells
    are 0 or 1 in data made noisy, and updates have a fixed size.
    """
    where = "boltzmann_machine"
    sizes = checked_sizes(sizes, where, of=LAYERS)
    number(f"{where}: learning_rate", learning_rate, least=0.0)
    choice(f"{where}: models", models, MODELS)
    flag(f"{where}: lateral", lateral)
    count = {"lowest": 1, "error": ModelError}
    sweeps = whole_number(f"{where}: sweeps", sweeps, **count)
    annealing = _annealing(annealing)

    def rule(pre, post):
        return ActivityDifference(
            "activity",
            "activity",
            presynaptic="rate" if pre in ("bias", "input") else "activity",
            moments=("clamped", "free"),
            average="products",
            learning_rate=learning_rate,
            momentum=momentum,
        )

    warm = any(temperature != 1.0 for temperature, _ in annealing)
    parts = machine(
        sizes,
        rule,
        models=models,
        lateral=lateral,
        bias=bias,
        initial=initial,
        weight_decay=weight_decay,
        heat=warm,
    )
    turns = 1
    if lateral:
        turns = sum(sizes[1:]) if models == "targets" else sum(sizes)

    def sampled(phase, on):
        """The phase, after those in which its cells cool down."""
        for k, (temperature, n) in enumerate(annealing, start=1):
            heat = {"heat": temperature - 1.0} if temperature != 1.0 else {}
            yield Phase(
                f"{phase}_cooling{k}",
                advance=parts.order,
                times=n * turns,
                on={**dict.fromkeys(on, 1.0), **heat},
            )
        yield Phase(phase, advance=parts.order, times=sweeps * turns, on=on)

    always = {"always_on": parts.always}
    clamped, only_input = tuple(parts.visible.values()), ("input",)
    phases = *sampled("clamped", clamped), *sampled("free", ())
    last = "clamped" if models == "inputs" else "free"
    asked = () if models == "targets" else only_input
    return Circuit(
        tuple(parts.populations),
        tuple(parts.projections),
        Schedule(phases, **always),
        Schedule(tuple(sampled(last, asked)), **always),
        output=parts.layers[-1],
        readout="p",
        readout_phase=last,
        name=name,
        seed=seed,
    )


def _annealing(given):
    """Pairs of a temperature and a number of sweeps."""
    where, found = "boltzmann_machine: annealing", []
    for pair in items(where, given, "pairs (temperature, sweeps)"):
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise ModelError(
                f"{where} holds {shown(pair)}: must hold pairs (temperature, sweeps)"
            )
        temperature = number(f"{where}: temperature", pair[0], above=0.0)
        check = {"lowest": 1, "error": ModelError}
        found.append((temperature, whole_number(f"{where}: sweeps", pair[1], **check)))
    return found
