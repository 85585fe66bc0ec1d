"""Recurrent backpropagation: exact gradients at a fixed point."""

from collections.abc import Sequence

from circuits._microcircuit_parts import layer_names
from circuits._stack_options import checked_sizes
from circuits.algorithms._errors import delta_rules
from circuits.algorithms._options import check_options, rates_of
from circuits.circuit import Circuit
from circuits.initialisers import Constant, Uniform
from circuits.phase import Phase
from circuits.population import Population
from circuits.projection import Projection
from circuits.stack import ONE_TO_ONE, bottom_up, layered
from circuits.ties import Tied
from dendrites._checks import flag
from dendrites.errors import ModelError
from dendrites.models import error_cell, source

ERROR = ("target_to_output_error", "output_to_output_error")
RECURRENT = Uniform(-0.5, 0.5, per_root_fan_in=True)


def almeida_pineda(
    sizes: Sequence[int],
    *,
    learning_rate: float | Sequence[float] = 0.1,
    momentum: float = 0.0,
    lateral: bool = True,
    top_down: bool = True,
    recurrent_initial=None,
    sweeps: int = 1000,
    step: float = 0.5,
    tolerance: float | None = 1e-6,
    **options,
) -> Circuit:
    """A recurrent network relaxes, then errors relax through its transposed weights.

        a = W phi(a) + I,   z = W^T (phi'(a) o z) + (t - r on the output)
        dW = learning_rate * mean((phi'(a) o z) r^T)

    W joins every layer to the next, to itself (`lateral`) and to the one below
    (`top_down`). The update is the exact negative gradient of half the squared error
    at the fixed point; without recurrent weights it is backprop. Where the fixed point
    is stable for a step, so are the errors: both need the spectral radius of phi' W
    (with a step of 1) below 1, and a sample that finds none is a NumericalError. A
    hidden cell gets a vector, and nothing travels in its activity; one presentation,
    two phases. The weights of the second are ties: this is weight transport.

    Parameters
    ----------
    sizes : sequence of int
        Input, hidden layers, output.
    learning_rate : float or one per layer
        Per presentation, of all weights and biases that reach a layer.
    momentum : float
        Of updates, in [0, 1).
    lateral, top_down : bool
    recurrent_initial : initialiser, optional
        Of lateral and top-down weights. Default: uniform(-0.5, 0.5) / sqrt(n_pre).
    sweeps, step, tolerance : int, float, float or None
        Of both relaxations, as in `Phase`; None: always as many sweeps, at rest or not.
    **options
        Further arguments of `circuits.layered`: transfer functions, biases, ...

    Returns
    -------
    Circuit
        With a reference network where nothing is recurrent.

    Raises
    ------
    ModelError
        For an unknown option, initial weights of what there is not, and as
        `circuits.layered`.

    Source: Almeida (1987); Pineda, Phys. Rev. Lett. 59 (1987) 2229.
    """
    own = ("learning_rate", "momentum", "lateral", "top_down", "recurrent_initial")
    own = (*own, "sweeps", "step", "tolerance")
    without = ("forward", "feedback", "phases", "test", "loss", "hidden", "output")
    without = (*without, "teacher", "signal", "extra", "reference", "readout")
    check_options("almeida_pineda", options, own=own, without=without)
    flag("almeida_pineda: lateral", lateral)
    flag("almeida_pineda: top_down", top_down)
    sizes = checked_sizes(sizes, "almeida_pineda")
    recurrent = lateral or (top_down and len(sizes) > 2)
    if recurrent_initial is not None and not recurrent:
        raise ModelError(
            "almeida_pineda: recurrent_initial: there are no recurrent weights; leave "
            "it out, or give lateral=True, or top_down=True and a hidden layer"
        )
    rates = rates_of("almeida_pineda", learning_rate, sizes)
    rules = delta_rules(rates, momentum)
    names = layer_names(sizes)
    joined = [(n, n) for n in names[1:]] if lateral else []
    joined += zip(names[2:], names[1:], strict=False) if top_down else []
    relaxation = {"sweeps": sweeps, "step": step, "tolerance": tolerance}
    adjoint = []

    def transposed(pre, post):
        tied = Tied(bottom_up(pre, post), transpose=True)
        found = Projection(post, pre, "apical", "delta", tied_to=tied)
        adjoint.append(found.name)
        return found

    def more(stack):
        initial = RECURRENT if recurrent_initial is None else recurrent_initial
        for pre, post in joined:
            rule = rules[names.index(post) - 1]
            yield Projection(pre, post, "basal", rule=rule, initial=initial)
            yield transposed(pre, post)
        yield Population("target", source(), stack.sizes[-1], pattern="targets")
        minus = {"connectivity": "one_to_one", "initial": Constant(-1.0)}
        yield Projection("target", "output", "apical", name=ERROR[0], **ONE_TO_ONE)
        yield Projection("output", "output", "apical", name=ERROR[1], **minus)

    def free(stack):
        silent = (*adjoint, *ERROR)
        return (Phase("free", relax=stack.layers[1:], silent=silent, **relaxation),)

    def phases(stack):
        layers = stack.layers[1:]
        backward = Phase(
            "backward",
            relax=layers,
            on=("target",),
            silent=(*stack.forward, *(f"{a}_to_{b}_basal" for a, b in joined)),
            hold={name: ("soma",) for name in layers},
            **relaxation,
        )
        return (*free(stack), backward)

    return layered(
        sizes,
        forward=rules,
        feedback=lambda above, here: transposed(here, above),
        phases=phases,
        test=free,
        hidden=error_cell,
        output=lambda phi, loss: error_cell(phi),
        teacher=None,
        extra=more,
        reference=not recurrent,
        **{"name": "almeida_pineda", **options},
    )
