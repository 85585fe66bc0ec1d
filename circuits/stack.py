"""Stacks of layers: the common frame of learning schemes."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from circuits._microcircuit_parts import layer_names
from circuits._stack_options import checked_sizes, functions_by_name, of_bias, one_per
from circuits.circuit import Circuit
from circuits.initialisers import Constant, Uniform
from circuits.network import SOFTMAX, Feedforward, Layer
from circuits.perturbation import Perturbation
from circuits.phase import Phase
from circuits.population import Population
from circuits.projection import Projection
from circuits.schedule import Schedule
from dendrites._checks import choice, flag
from dendrites.activity_difference import ActivityDifference
from dendrites.cell import CellModel
from dendrites.models import error_cell, source, summing_cell, taught_cell
from dendrites.synaptic_rule import SynapticRule
from dendrites.transfer import TRANSFERS, Transfer

ROOT_FAN_IN = Uniform(-1.0, 1.0, per_root_fan_in=True)
ONE_TO_ONE = {"connectivity": "one_to_one", "initial": Constant(1.0)}


class Stack(NamedTuple):
    """Names in a stack of layers, for those who write its phases and more of it.

    Parameters
    ----------
    sizes : tuple of int
        Of input, hidden layers and output.
    layers : tuple of str
        "input", "hidden1", ..., "output".
    forward, feedback : tuple of str
        Projections up, with those of biases, and down.
    normaliser : tuple of str
        The population that divides a softmax output, if there is one.
    """

    sizes: tuple[int, ...]
    layers: tuple[str, ...]
    forward: tuple[str, ...]
    feedback: tuple[str, ...] = ()
    normaliser: tuple[str, ...] = ()


def bottom_up(below: str, here: str) -> str:
    """Name of the forward projection between two layers of a stack."""
    return f"{below}_to_{here}_basal"


def up(stack: Stack) -> tuple[Phase, ...]:
    """One phase, "forward": layers settle from the first to the output."""
    layers = (*stack.layers[1:], *stack.normaliser)
    phases = Phase("forward", settle=layers, silent=stack.feedback)
    if not stack.normaliser:
        return (phases,)
    shares = Phase("shares", settle=("output",), silent=stack.feedback)
    return phases, shares


def up_and_down(stack: Stack) -> tuple[Phase, ...]:
    """Phases "forward" and "backward": up without feedback, down with the teacher.

    On the way down somata keep what the way up has given them.
    """
    layers = stack.layers[:0:-1]
    backward = Phase(
        "backward",
        settle=(*stack.normaliser, *layers),
        on=("target",),
        silent=stack.forward,
        hold={name: ("soma",) for name in layers},
    )
    first = up(stack._replace(normaliser=()))
    return (*first, backward)


Rules = ActivityDifference | SynapticRule | None
Cell = Callable[[Transfer], CellModel]
Down = Callable[[str, str], Projection | Sequence[Projection]]


def layered(
    sizes: Sequence[int],
    *,
    forward: Rules | Sequence[Rules] = None,
    feedback: Down | None = None,
    phases: Callable[[Stack], Iterable[Phase] | Schedule] = up_and_down,
    test: Callable[[Stack], Iterable[Phase] | Schedule] | None = up,
    phi: str | Transfer | Sequence[str | Transfer] = "logistic",
    output_phi: str | Transfer | None = None,
    loss: str = "squared",
    hidden: Cell | Sequence[Cell] = error_cell,
    output: Callable[..., CellModel] = taught_cell,
    visible: CellModel | None = None,
    teacher: str | None = "target",
    signal: str = "rate",
    connectivity: float | str = "dense",
    bias: bool = True,
    extra: Callable[[Stack], Iterable[Population | Projection]] | None = None,
    initial=ROOT_FAN_IN,
    weight_decay: float = 0.0,
    perturbation: Perturbation | None = None,
    reference: bool = True,
    readout: str = "rate",
    name: str = "layered",
    seed: int = 0,
) -> Circuit:
    """Layers of cells, all connected to the next: most schemes differ in what is added.

    Populations "input", "hidden1", ..., "output", "target" and "bias"; projections
    "<below>_to_<layer>_basal" and "bias_to_<layer>_basal".

    Parameters
    ----------
    sizes : sequence of int
        Input, hidden layers, output: at least two.
    forward : rule or one per layer, optional
        Of bottom-up weights and biases; None: they never change.
    feedback : callable, optional
        ``feedback(above, here)`` gives the projection (or several) that brings errors
        to the hidden layer `here`; asked for each, from the first one up, with the name
        of the layer above it. It may come from elsewhere.
    phases : callable
        ``phases(stack)`` gives the phases of a training presentation, or a Schedule.
        The input and the bias are on in all phases. Default: `up_and_down`.
    test : callable, optional
        The same for test presentations; None: as in training. Default: `up`.
    phi : name in `dendrites.transfer.TRANSFERS` or Transfer, or one per hidden layer
        Of hidden layers.
    output_phi : the same or "softmax", optional
        Default: that of the last hidden layer; without hidden layers, `phi`.
    loss : {"squared", "cross_entropy"}
        What output cells learn, and that of the reference network.
    hidden : callable or one per hidden layer
        ``hidden(phi)`` gives the cell of a hidden layer, with an input field "basal".
    output : callable
        ``output(phi, loss=loss)`` gives the output cell.
    visible : CellModel, optional
        Clamped cell of the input. Default: `models.source`.
    teacher : str, optional
        Input field of output cells that the target reaches, one to one; None: no
        target.
    signal : str
        Read of cells that bottom-up projections carry.
    connectivity : float or word
        Of bottom-up projections, as in `Projection`: the probability of a synapse.
    bias : bool
        Whether layers have biases, which start at 0.
    extra : callable, optional
        ``extra(stack)`` gives further populations and projections.
    initial : initialiser
        Of bottom-up weights. Default: uniform(-1, 1) / sqrt(n_pre).
    weight_decay : float
        Of bottom-up weights and biases, as in `Projection`.
    perturbation : Perturbation, optional
        Of the same.
    reference : bool
        Whether the circuit knows its reference network, for exact gradients.
    readout : str
        Read of the output cells that is the answer.
    name : str
    seed : int

    Returns
    -------
    Circuit
        With the reference network of these weights and functions.

    Raises
    ------
    ModelError
        For sizes, transfer functions, rules and parts that do not fit.
    """
    sizes = checked_sizes(sizes)
    depth = len(sizes) - 1
    names = tuple(layer_names(sizes))
    functions = functions_by_name(phi, output_phi, depth - 1, SOFTMAX)
    softmax = functions[-1] == SOFTMAX
    rules = (type(None), ActivityDifference, SynapticRule)
    rules = one_per("layered: forward", forward, depth, "layer", rules)
    flag("layered: bias", bias)
    choice("layered: loss", loss, ("squared", "cross_entropy"))
    cells = one_per("layered: hidden", hidden, depth - 1, "hidden layer", Callable)
    models = [cell(f) for cell, f in zip(cells, functions, strict=False)]
    model = output(functions[-1], loss=loss)
    populations = [Population("input", visible or source(), sizes[0], pattern="inputs")]
    populations += map(Population, names[1:], [*models, model], sizes[1:])
    projections, biases = [], []
    for below, here, rule in zip(names[:-1], names[1:], rules, strict=True):
        learned = {"rule": rule, "weight_decay": weight_decay}
        learned["perturbation"] = perturbation
        sent = "rate" if below == "input" else signal
        projections.append(
            Projection(
                below, here, "basal", sent, connectivity, initial=initial, **learned
            )
        )
        if bias:
            learned["rule"] = of_bias(rule)
            biases.append(Projection("bias", here, "basal", **learned))
    if bias:
        populations.append(Population("bias", source(), 1, pattern=1.0))
        projections += biases
    stack = Stack(sizes, names, tuple(p.name for p in projections))
    down = _feedback(feedback, names)
    stack = stack._replace(feedback=tuple(p.name for p in down))
    projections += down
    if teacher is not None:
        populations.append(Population("target", source(), sizes[-1], pattern="targets"))
        projections.append(Projection("target", "output", teacher, **ONE_TO_ONE))
    if softmax:
        populations.append(Population("normaliser", summing_cell(), 1))
        ones = {"initial": Constant(1.0)}
        projections += [
            Projection("output", "normaliser", "total", "unnormalised", **ones),
            Projection("normaliser", "output", "total", "total", **ones),
        ]
        if teacher is not None and "taught" in model.inputs._fields:
            projections += [
                Projection("target", "normaliser", "taught", **ones),
                Projection("normaliser", "output", "taught", "taught", **ones),
            ]
        stack = stack._replace(normaliser=("normaliser",))
    for part in extra(stack) if extra is not None else ():
        (populations if isinstance(part, Population) else projections).append(part)
    network = _network(names, functions, loss, bias) if reference else None
    always = ("input", *(("bias",) if bias else ()))
    schedules = [
        None if make is None else _schedule(make(stack), always)
        for make in (phases, test)
    ]
    return Circuit(
        tuple(populations),
        tuple(projections),
        *schedules,
        readout=readout,
        network=network,
        name=name,
        seed=seed,
    )


def _feedback(make, names):
    """Projections that bring errors to every hidden layer."""
    found = []
    for here, above in zip(names[1:-1], names[2:], strict=True):
        made = make(above, here) if make is not None else ()
        found += [made] if isinstance(made, Projection) else made
    return found


def _schedule(phases, always):
    if isinstance(phases, Schedule):
        return phases
    return Schedule(tuple(phases), always_on=always)


def _network(names, functions, loss, bias):
    layers = []
    for below, here, phi in zip(names[:-1], names[1:], functions, strict=True):
        own = bottom_up("bias", here) if bias else ""
        layers.append(Layer(here, bottom_up(below, here), 1.0, 1.0, own, phi))
    return Feedforward(layers, TRANSFERS["logistic"], loss)
