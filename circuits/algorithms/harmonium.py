"""Harmonium (restricted Boltzmann machine): a few steps from the data are enough."""

from collections.abc import Sequence

from circuits._stack_options import checked_sizes
from circuits.algorithms._machines import machine
from circuits.circuit import Circuit
from circuits.initialisers import Normal
from circuits.phase import Phase
from circuits.schedule import Schedule
from dendrites._checks import flag, number, shown, whole_number
from dendrites.activity_difference import ActivityDifference
from dendrites.errors import ModelError

TINY = Normal(0.0, 0.01)


def harmonium(
    sizes: Sequence[int],
    *,
    learning_rate: float = 0.1,
    momentum: float = 0.0,
    steps: int = 1,
    persistent: bool = False,
    sweeps: int | None = None,
    bias: bool = True,
    initial=TINY,
    weight_decay: float = 0.0,
    name: str = "harmonium",
    seed: int = 0,
) -> Circuit:
    """Visible and hidden cells, learned by contrastive divergence (CD-k).

        dW = rate (<p(h|v) v^T> of the data - <p(h|v) v^T> after k steps of the chain)

    A step draws the visible cells given the hidden ones, then the hidden ones. A chain
    begins at the data, or goes on where it was (`persistent`).

    Parameters
    ----------
    sizes : sequence of int
        Visible and hidden cells; with a third size these are the cells of a target,
        visible too: p(input, target) is learned.
    learning_rate : float
        Per presentation.
    momentum : float
        Of updates, in [0, 1).
    steps : int
        k, per presentation.
    persistent : bool
        Keep a chain for every sample of the batch (the first starts from hidden cells
        that are all 0).
    sweeps : int, optional
        Steps of a test, over which the answer is averaged; default: 20. With two sizes
        hidden cells depend on the input alone, so there are none.
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
        Populations "input", "visible", "hidden1" and, with a third size, "target" and
        "output". The answer is the mean probability of "output", or of "hidden1".

    Raises
    ------
    ModelError
        For options out of range.

    A hidden cell gets no error: its probability in two phases. CD-k is no gradient of
    any loss; it tends to that of -log p(data) as k grows, a persistent chain as the
    learning rate falls. Values between 0 and 1 may be shown and count as such.

    Source: Smolensky (1986); Hinton, Neural Comput. 14 (2002) 1771; Tieleman, ICML
    (2008) 1064, whose chains give samples where this one gives p(h|v) too.
    """
    where = "harmonium"
    sizes = checked_sizes(sizes, where, most=3, of="two or three layers")
    number(f"{where}: learning_rate", learning_rate, least=0.0)
    flag(f"{where}: persistent", persistent)
    count = {"lowest": 1, "error": ModelError}
    steps = whole_number(f"{where}: steps", steps, **count)
    if sweeps is not None and len(sizes) == 2:
        raise ModelError(
            f"{where}: sweeps = {shown(sweeps)}: without a target the answer takes one "
            "step; leave sweeps out, or give three sizes"
        )
    sweeps = whole_number(f"{where}: sweeps", 20 if sweeps is None else sweeps, **count)
    read = {"bias": "rate", "hidden1": "p"}

    def rule(pre, post):
        return ActivityDifference(
            read.get(post, "activity"),
            read.get(post, "activity"),
            presynaptic=read.get(pre, "activity"),
            moments=("data", "fantasy"),
            learning_rate=learning_rate,
            momentum=momentum,
        )

    parts = machine(
        sizes,
        rule,
        models="inputs" if len(sizes) == 2 else "joint",
        bias=bias,
        initial=initial,
        weight_decay=weight_decay,
    )
    order, clamped = parts.order, tuple(parts.visible.values())
    # The chain lives in the hidden spikes, which data may not touch.
    kept = {"hold": {"hidden1": ("spikes",)}} if persistent else {}
    phases = [Phase("data", advance=order, on=clamped, **kept)]
    if steps > 1:
        phases.append(Phase("chain", advance=order, times=steps - 1))
    phases.append(Phase("fantasy", advance=order))
    test = Phase("data", advance=order, on=("input",), times=sweeps)
    if len(sizes) == 2:
        test = phases[0]
    always = {"always_on": parts.always}
    return Circuit(
        tuple(parts.populations),
        tuple(parts.projections),
        Schedule(tuple(phases), carry_state=persistent, **always),
        Schedule((test,), **always),
        output=parts.layers[-1],
        readout="p",
        readout_phase="data",
        name=name,
        seed=seed,
    )
