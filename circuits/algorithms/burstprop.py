"""Burst-dependent plasticity in ensembles: bursts before and after a teacher."""

from collections.abc import Sequence

from circuits._microcircuit_parts import layer_names
from circuits._stack_options import checked_sizes
from circuits.algorithms._bursts import OWN_PARTS, teacher_is_there
from circuits.algorithms._options import check_options, rates_of
from circuits.circuit import Circuit
from circuits.initialisers import Normal, Uniform
from circuits.phase import Phase
from circuits.projection import Projection
from circuits.stack import layered, up
from dendrites._checks import choice, flag, number
from dendrites.activity_difference import ActivityDifference
from dendrites.errors import ModelError
from dendrites.models import burst_cell, taught_burst_cell

FEEDBACK = ("fixed", "learned")
MOMENTS = ("teacher", "student")
RECURRENT_RATE = 1e-4
NORMAL = Normal(0.0, 1.0)


def burstprop(
    sizes: Sequence[int],
    *,
    learning_rate: float | Sequence[float] = 0.1,
    momentum: float = 0.0,
    weight_decay: float = 0.0,
    feedback: str = "learned",
    feedback_initial=NORMAL,
    recurrent: bool = True,
    recurrent_rate: float | None = None,
    recurrent_initial=None,
    resting: float = 0.2,
    **options,
) -> Circuit:
    """Weights follow the change of the burst rate that a teacher brings about.

        e_l = phi(W_l e_(l-1) + c_l)
        output:  b = p_0 e without a teacher, p_0 (1 + (t - e) h) e with one
        hidden:  b = logistic(u) e,  u = h o (Y b_(l+1)) - R b_pre,  h = phi' / phi
        dW_l = learning_rate * mean((b_l with teacher - b_l without) e_(l-1)^T)
        dY_l = the same product as dW_(l+1), transposed      (feedback "learned")
        dR_l = recurrent_rate * mean(u b_pre^T), without a teacher

    R keeps u near 0, where the logistic has its largest slope, 1/4. With b_pre a cell
    sends the bursts that feedback alone would cause before there is a teacher, e o
    logistic(Y b_(l+1)), and R b_pre stays what it was when the teacher comes.

    Exact: the output layer learns p_0 times the gradient of half the squared error;
    without a teacher no weight but R moves. For small errors, u = 0 and Y = W^T the
    update of layer l is p_0 / 4^(L - l) times the gradient, to second order of the
    error. A hidden cell is told a vector, by a difference in time. One presentation,
    two phases (without and with teacher) after the way up.

    Parameters
    ----------
    sizes : sequence of int
        Input, hidden layers, output.
    learning_rate : float or one per layer
        Per presentation, of weights, biases and learned feedback. Published: 0.1, of
        the output 0.01.
    momentum : float
        Of these updates, in [0, 1). Published: 0.8.
    weight_decay : float
        Share of weights, biases and learned feedback that a presentation takes.
        Published: 1e-6, not of biases.
    feedback : {"fixed", "learned"}
        Whether the weights Y learn.
    feedback_initial : initialiser
        What they are drawn from.
    recurrent : bool
        Whether hidden layers have the weights R.
    recurrent_rate : float, optional
        Per presentation, of R. Default: 1e-4.
    recurrent_initial : initialiser, optional
        What R is drawn from. Default: uniform(-0.01, 0.01).
    resting : float
        p_0, burst probability of output cells without a teacher, in (0, 1).
    **options
        Further arguments of `circuits.layered`: transfer functions above 0, biases, ...

    Returns
    -------
    Circuit

    Raises
    ------
    ModelError
        For an unknown option, one of R without R, a transfer function that gives no
        event rates, and as `circuits.layered`.

    Source: Payeur, Guerguiev, Zenke, Richards & Naud, Nat. Neurosci. 24 (2021) 1010;
    sizes, R and b_pre as in its public program.
    """
    own = ("learning_rate", "momentum", "weight_decay", "feedback_initial")
    own = (*own, "recurrent", "recurrent_rate", "recurrent_initial", "resting")
    without = (*OWN_PARTS, "loss", "signal", "readout")
    check_options("burstprop", options, own=(*own, "feedback"), without=without)
    sizes = checked_sizes(sizes, "burstprop")
    rates = rates_of("burstprop", learning_rate, sizes)
    choice("burstprop: feedback", feedback, FEEDBACK)
    flag("burstprop: recurrent", recurrent)
    if not recurrent and (recurrent_rate, recurrent_initial) != (None, None):
        raise ModelError(
            "burstprop: recurrent_rate and recurrent_initial have no effect with "
            "recurrent = False; leave them out"
        )
    if recurrent_rate is None:
        recurrent_rate = RECURRENT_RATE
    number("burstprop: recurrent_rate", recurrent_rate, least=0.0)
    if recurrent_initial is None:
        recurrent_initial = Uniform(-0.01, 0.01)
    names = layer_names(sizes)
    shared = {"moments": MOMENTS, "momentum": momentum}
    # Event rates are the same in both phases: read once, equal bursts cancel exactly.
    once = {"presynaptic_moments": ("teacher", "teacher")}
    forward = [
        ActivityDifference("burst", "burst", learning_rate=rate, **once, **shared)
        for rate in rates
    ]

    def down(above, here):
        learned = {}
        if feedback == "learned":
            rate = forward[names.index(above) - 1].learning_rate
            rule = ActivityDifference("rate", "rate", learning_rate=rate, **shared)
            learned = {"rule": rule, "weight_decay": weight_decay}
        yield Projection(
            above, here, "apical", "burst", initial=feedback_initial, **learned
        )
        if recurrent:
            balance = ActivityDifference(
                "potential", None, recurrent_rate, moments=("student", "student")
            )
            yield Projection(
                here,
                here,
                "recurrent",
                "before",
                rule=balance,
                initial=recurrent_initial,
            )

    return layered(
        sizes,
        forward=forward,
        feedback=down,
        phases=_recurrent_phases if recurrent else _phases,
        hidden=burst_cell,
        output=lambda phi, loss: taught_burst_cell(phi, resting=resting),
        extra=lambda stack: (teacher_is_there(),),
        weight_decay=weight_decay,
        **{"name": "burstprop", **options},
    )


def _phases(stack):
    hold = {name: ("soma",) for name in stack.layers[1:]}
    down = {"settle": stack.layers[:0:-1], "silent": stack.forward, "hold": hold}
    student = Phase("student", **down)
    return (*up(stack), student, Phase("teacher", on=("target",), **down))


def _recurrent_phases(stack):
    """As `_phases`, layer by layer: first feedback, then what its bursts inhibit."""
    *forward, student, teacher = _phases(stack)
    hidden = stack.layers[-2:0:-1]
    if not hidden:
        return (*forward, student, teacher)
    recurrent = tuple(name for name in stack.feedback if name.endswith("recurrent"))
    steps = []
    for layer in hidden:
        kept = {"hold": {layer: ("soma",)}, "settle": (layer,)}
        silent = (*stack.forward, *recurrent)
        steps.append(Phase(f"feedback_to_{layer}", silent=silent, **kept))
        last = layer == hidden[-1]
        name = "student" if last else f"recurrent_in_{layer}"
        steps.append(Phase(name, silent=stack.forward, **kept))
    hold = {**teacher.hold, **{name: ("soma", "recurrent") for name in hidden}}
    teacher = Phase(
        "teacher",
        settle=teacher.settle,
        on=teacher.on,
        silent=(*stack.forward, *recurrent),
        hold=hold,
    )
    return (*forward, *steps, teacher)
