"""Equilibrium propagation: a network at rest, and the same one gently nudged."""

from collections.abc import Sequence

from circuits._microcircuit_parts import layer_names
from circuits._stack_options import checked_sizes
from circuits.algorithms._errors import RANDOM_FEEDBACK
from circuits.algorithms._options import check_options, rates_of
from circuits.algorithms._relaxing import only_free
from circuits.circuit import Circuit
from circuits.initialisers import Constant
from circuits.phase import Phase
from circuits.population import Population
from circuits.projection import Projection
from circuits.stack import ONE_TO_ONE, bottom_up, layered
from circuits.ties import Tied
from dendrites._checks import choice, number
from dendrites.activity_difference import ActivityDifference
from dendrites.errors import ModelError
from dendrites.models import coin, energy_cell

NUDGING = ("one_sided", "random_sign", "symmetric")
FEEDBACK = ("transposed", "learned")


def equilibrium_propagation(
    sizes: Sequence[int],
    *,
    learning_rate: float | Sequence[float] = 0.1,
    momentum: float = 0.0,
    beta: float = 0.1,
    nudging: str = "symmetric",
    feedback: str = "transposed",
    feedback_initial=None,
    sweeps: int = 1000,
    nudged_sweeps: int | None = None,
    step: float = 0.5,
    tolerance: float | None = 1e-6,
    **options,
) -> Circuit:
    """Two equilibria of one energy, without and with a weak pull of the output.

        ds/dt = -dPhi/ds + beta (t - s) on the output
        Phi = |s|^2 / 2 - sum_l phi(s_l)^T W_l phi(s_(l-1)) - b^T phi(s)
        dW_l = learning_rate mean(phi(s_l) phi(s_(l-1))^T (nudged) - same (free)) / beta

    tends to the exact negative gradient of |t - s_L|^2 / 2 at the free equilibrium as
    beta goes to 0: with an error of first order where one nudges with beta
    ("one_sided"), or with beta or -beta by the throw of a coin for every sample
    ("random_sign", whose mean is the symmetric update); of second order where one
    contrasts beta with -beta ("symmetric"). The answer is the output's state s.

    With ``feedback="learned"`` it is the vector-field form: forces phi'(s) o (W phi(s)
    below + B phi(s) above) - s come from no energy, and every weight learns

        dW_ij = learning_rate mean(phi'(s_i) (s_i (nudged) - s_i) phi(s_j)) / beta

    by itself. With B = W^T what W and B^T learn adds up to the update above, to first
    order; else it is biased. A hidden cell gets activities, and their difference in
    time is its error; one presentation, two phases (three if symmetric).

    Parameters
    ----------
    sizes : sequence of int
        Input, hidden layers, output.
    learning_rate : float or one per layer
        Per presentation, of weights and biases.
    momentum : float
        Of updates, in [0, 1).
    beta : float
        > 0. Where it is large the network may go to another equilibrium.
    nudging : {"one_sided", "random_sign", "symmetric"}
        Each phase begins where the one before ended.
    feedback : {"transposed", "learned"}
        B = W^T, or weights of their own.
    feedback_initial : initialiser, optional
        Of learned feedback. Default: uniform(-0.5, 0.5).
    sweeps, step, tolerance : int, float, float or None
        Of relaxations, as in `Phase`. A sample that is not at rest after so many sweeps
        is a NumericalError; None: always as many, at rest or not.
    nudged_sweeps : int, optional
        Of nudged phases; default: as `sweeps`.
    **options
        Further arguments of `circuits.layered`: transfer functions (by default the hard
        sigmoid, with s clipped to [0, 1]), biases, ...

    Returns
    -------
    Circuit
        Without a reference network: its equilibrium is not that of a feedforward one.

    Raises
    ------
    ModelError
        For an unknown option, what learned feedback alone has, and as
        `circuits.layered`.

    Source: Scellier & Bengio, Front. Comput. Neurosci. 11 (2017) 24; Scellier et al.,
    arXiv:1808.04873 (vector field); Laborieux et al., Front. Neurosci. 15 (2021) 633674
    (symmetric). Differs: cells of the vector field keep the slope phi'(s) of an energy;
    the article's are plain leaky integrators.
    """
    own = ("learning_rate", "momentum", "beta", "nudging", "feedback_initial")
    own = (*own, "sweeps", "nudged_sweeps", "step", "tolerance")
    without = ("forward", "phases", "test", "loss", "hidden", "output", "teacher")
    without = (*without, "signal", "extra", "reference", "readout", "feedback")
    where = "equilibrium_propagation"
    check_options(where, options, own=(*own, "feedback"), without=without)
    number(f"{where}: beta", beta, above=0.0)
    choice(f"{where}: nudging", nudging, NUDGING)
    choice(f"{where}: feedback", feedback, FEEDBACK)
    if feedback == "transposed" and feedback_initial is not None:
        raise ModelError(
            f"{where}: feedback_initial: transposed feedback has no weights of its "
            "own; leave it out, or use feedback='learned'"
        )
    sizes = checked_sizes(sizes, where)
    rates, names = rates_of(where, learning_rate, sizes), layer_names(sizes)
    apart = 2.0 if nudging == "symmetric" else 1.0
    learned = {
        "moments": ("nudged", "away" if nudging == "symmetric" else "free"),
        "momentum": momentum,
    }
    if feedback == "learned":
        learned |= {"gain": "gated", "gain_moment": "free"}
        learned |= {"presynaptic": "rate", "presynaptic_moments": ("free", "free")}
    relaxation = {"step": step, "tolerance": tolerance}

    def rule(rate):
        if feedback == "learned":
            return ActivityDifference("soma", "soma", learning_rate=rate, **learned)
        return ActivityDifference(
            "rate", "rate", gain="scale", learning_rate=rate, **learned
        )

    def back(above, here):
        if feedback == "transposed":
            tied = Tied(bottom_up(here, above), transpose=True)
            return Projection(above, here, "apical", tied_to=tied)
        initial = RANDOM_FEEDBACK if feedback_initial is None else feedback_initial
        own_rule = rule(rates[names.index(above) - 1])
        return Projection(above, here, "apical", rule=own_rule, initial=initial)

    def cell(phi, loss=None):
        scale, signed = 1.0 / (apart * beta), nudging == "random_sign"
        return energy_cell(phi, scale=scale, signed=signed)

    def more(stack):
        yield Projection("target", "output", "beta", "active", **ONE_TO_ONE)
        if nudging == "random_sign":
            yield Population("coin", coin(), 1)
            for layer in stack.layers[1:]:
                yield Projection("coin", layer, "sign", "sign", initial=Constant(1.0))

    def phases(stack):
        def relaxed(name, most=nudged_sweeps, **on):
            most = sweeps if most is None else most
            layers = stack.layers[1:]
            return Phase(name, relax=layers, sweeps=most, **relaxation, **on)

        if nudging == "random_sign":
            yield Phase("coin", settle=("coin",))
        yield relaxed("free", sweeps)
        yield relaxed("nudged", on={"target": beta})
        if nudging == "symmetric":
            yield relaxed("away", on={"target": -beta})

    return layered(
        sizes,
        forward=[rule(rate) for rate in rates],
        feedback=back,
        phases=phases,
        test=only_free(sweeps=sweeps, **relaxation),
        hidden=cell,
        output=cell,
        extra=more,
        reference=False,
        readout="soma",
        **{"phi": "hard_sigmoid", "name": where, **options},
    )
