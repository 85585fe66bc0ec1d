"""Predictive coding: values relax between predictions from below and a clamped top."""

from collections.abc import Sequence

from circuits._microcircuit_parts import layer_names
from circuits._stack_options import checked_sizes
from circuits.algorithms._errors import RANDOM_FEEDBACK
from circuits.algorithms._options import check_options, rates_of
from circuits.algorithms._relaxing import clamp
from circuits.circuit import Circuit
from circuits.phase import Phase
from circuits.projection import Projection
from circuits.stack import bottom_up, layered, up
from circuits.ties import Tied
from dendrites._checks import choice, number
from dendrites.activity_difference import ActivityDifference
from dendrites.errors import ModelError
from dendrites.models import predictive_cell

FORMS = ("strict", "fixed_prediction", "zero_divergence")
FEEDBACK = ("transposed", "learned")


def predictive_coding(
    sizes: Sequence[int],
    *,
    learning_rate: float | Sequence[float] = 0.1,
    momentum: float = 0.0,
    form: str = "strict",
    output_precision: float = 1.0,
    feedback: str = "transposed",
    feedback_initial=None,
    weight_decay: float = 0.0,
    sweeps: int | None = None,
    step: float | None = None,
    tolerance: float | None = 1e-6,
    **options,
) -> Circuit:
    """Values go down the energy of all errors, and weights then, too.

        F = sum_l pi_l |epsilon_l|^2 / 2,   epsilon_l = v_l - phi(W_l v_(l-1) + b_l)
        dv_l/dt = -pi_l epsilon_l + W_(l+1)^T delta_(l+1),   v_L = t
        delta_l = pi_l epsilon_l o phi'(a_l)
        dW_l = learning_rate mean(delta_l v_(l-1)^T) / pi_L

    with pi_l = 1 in hidden layers. Forms, after a sweep up, in which all errors are 0:

    - "strict": values relax, and predictions with them. The update tends to backprop as
      the *output precision* goes to 0, with an error of first order; small errors are
      no such limit.
    - "fixed_prediction": predictions and slopes stay those of the sweep up while values
      relax. Backprop exactly.
    - "zero_divergence": values make one full step after the other, and the weights of
      layer L - k learn from step k. Backprop exactly.

    A test is the sweep up, the minimum of F without a target. The error of a cell is
    the difference of its value and its prediction; a hidden cell gets a vector from the
    errors above; one presentation, three phases (of the last form one per layer).

    Parameters
    ----------
    sizes : sequence of int
        Input, hidden layers, output.
    learning_rate : float or one per layer
        Per presentation, of weights and biases.
    momentum : float
        Of updates, in [0, 1).
    form : {"strict", "fixed_prediction", "zero_divergence"}
    output_precision : float
        pi_L, > 0.
    feedback : {"transposed", "learned"}
        W^T, or weights of their own, B, which learn the same product; so W - B^T
        shrinks by the weight decay alone.
    feedback_initial : initialiser, optional
        Of learned feedback. Default: uniform(-0.5, 0.5).
    weight_decay : float
        Share of all learned weights that a presentation takes.
    sweeps, step, tolerance : int, float, float or None
        Of the relaxation, as in `Phase`; by default at most 1000 sweeps of 0.2 ms
        (strict) or 1 ms (fixed prediction). A sample that is not at rest by then is a
        NumericalError; tolerance None: always as many, at rest or not. Not of
        "zero_divergence", which has its own.
    **options
        Further arguments of `circuits.layered`: transfer functions, biases, ...

    Returns
    -------
    Circuit

    Raises
    ------
    ModelError
        For an unknown option, what a form or learned feedback alone has, and as
        `circuits.layered`.

    Source: Rao & Ballard (1999); Whittington & Bogacz, Neural Comput. 29 (2017) 1229;
    fixed predictions: Millidge et al., Neural Comput. 34 (2022) 1329; zero divergence:
    Song et al., NeurIPS 33 (2020). Differs: values and errors are compartments of one
    cell, which reads its prediction one sweep late while it relaxes.
    """
    own = ("learning_rate", "momentum", "form", "output_precision", "feedback")
    own = (*own, "feedback_initial", "sweeps", "step", "tolerance")
    without = ("forward", "phases", "test", "loss", "hidden", "output", "teacher")
    without = (*without, "signal", "extra", "reference", "readout", "feedback")
    where = "predictive_coding"
    check_options(where, options, own=own, without=without)
    choice(f"{where}: form", form, FORMS)
    choice(f"{where}: feedback", feedback, FEEDBACK)
    number(f"{where}: output_precision", output_precision, above=0.0)
    _check_options(form, feedback, feedback_initial, sweeps, step, tolerance)
    sizes = checked_sizes(sizes, where)
    n_layers, names = len(sizes) - 1, layer_names(sizes)
    rates = rates_of(where, learning_rate, sizes)
    errors_at = ["relaxed"] * n_layers
    if form == "zero_divergence":
        errors_at = [f"step{k}" for k in range(n_layers - 1, 0, -1)] + ["clamped"]
    values_at = errors_at if form == "strict" else ["forward"] * n_layers

    def rule(k, teaching="delta", presynaptic=None):
        at = errors_at[k], values_at[k]
        post, pre = at if teaching == "delta" else reversed(at)
        return ActivityDifference(
            teaching,
            None,
            gain="scale",
            presynaptic=presynaptic,
            moments=(post, post),
            presynaptic_moments=(pre, pre),
            learning_rate=rates[k],
            momentum=momentum,
        )

    def back(above, here):
        if feedback == "transposed":
            tied = Tied(bottom_up(here, above), transpose=True)
            return Projection(above, here, "apical", "delta", tied_to=tied)
        return Projection(
            above,
            here,
            "apical",
            "delta",
            rule=rule(names.index(above) - 1, "rate", "delta"),
            initial=RANDOM_FEEDBACK if feedback_initial is None else feedback_initial,
            weight_decay=weight_decay,
        )

    def cell(precision):
        scale = 1.0 / output_precision
        return lambda phi, loss=None: predictive_cell(
            phi, precision=precision, scale=scale
        )

    def phases(stack):
        layers = stack.layers[1:]
        yield from up(stack)
        yield Phase("clamped", settle=("output",), on=("target",))
        if form == "zero_divergence":
            for k in range(1, n_layers):
                yield Phase(f"step{k}", relax=layers, sweeps=1, on=("target",))
            return
        fixed = form == "fixed_prediction"
        yield Phase(
            "relaxed",
            relax=layers,
            sweeps=1000 if sweeps is None else sweeps,
            step=(1.0 if fixed else 0.2) if step is None else step,
            tolerance=tolerance,
            on=("target",),
            hold={name: ("basal",) for name in layers} if fixed else {},
        )

    return layered(
        sizes,
        forward=[rule(k) for k in range(n_layers)],
        feedback=back,
        phases=phases,
        hidden=cell(1.0),
        output=cell(output_precision),
        extra=clamp,
        weight_decay=weight_decay,
        **{"name": where, **options},
    )


def _check_options(form, feedback, initial, sweeps, step, tolerance):
    """Refuse options that would not act."""
    where = "predictive_coding"
    if feedback == "transposed" and initial is not None:
        raise ModelError(
            f"{where}: feedback_initial: transposed feedback has no weights of its "
            "own; leave it out, or use feedback='learned'"
        )
    if form == "zero_divergence" and (sweeps, step, tolerance) != (None, None, 1e-6):
        raise ModelError(
            f"{where}: sweeps, step, tolerance: form = 'zero_divergence' makes one "
            "step of 1 ms per layer; leave them out, or use another form"
        )
