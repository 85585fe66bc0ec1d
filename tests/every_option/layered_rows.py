"""Options of stacks of layers and of the algorithms built on them."""

import circuits
from circuits import Perturbation, Phase, Population, Uniform, layered
from circuits.algorithms import (
    backprop,
    direct_feedback_alignment,
    error_network,
    feedback_alignment,
    kolen_pollack,
    shallow,
    sign_symmetry,
    weight_mirror,
)
from circuits.describe import describe
from circuits.stack import Stack, up, up_and_down
from dendrites import ActivityDifference
from dendrites.models import (
    code_source,
    error_cell,
    error_partner,
    mirror_cell,
    summing_cell,
    taught_cell,
)
from dendrites.transfer import IDENTITY, LOGISTIC, TANH
from every_option.doors import Door, acts, refused

SIZES = (4, 3, 3, 2)
RULE = ActivityDifference("delta", None, moments=("backward", "backward"))


def built(make):
    """The description that a builder makes, and its initial weights."""

    def run(sizes=SIZES, **options):
        circuit = make(sizes, **options)
        layers = circuit.network and circuit.network.layers
        return describe(circuit), circuits.initial_weights(circuit), layers

    return run


def down(above, here):
    return circuits.Projection(above, here, "apical", "delta", initial=Uniform())


def longer(stack):
    return (*up_and_down(stack), Phase("after", settle=("output",)))


def a_critic(stack):
    return (Population("critic", summing_cell(), 1),)


def of_stack(**names):
    usual = {
        "sizes": SIZES,
        "layers": ("input", "hidden1", "output"),
        "forward": ("a",),
    }
    stack = Stack(**{**usual, **names})
    return [phase.__dict__ for phase in up_and_down(stack)], stack.sizes


def of_model(make, *base):
    def run(**options):
        model = make(*base, **options)
        zero = model.state(*[0.3] * len(model.state._fields))
        reads = {name: f(zero, model.parameters) for name, f in model.reads.items()}
        return model.name, reads, model.parameters

    return run


STACK = {
    "sizes": [acts((4, 2, 3, 2)), refused((4,))],
    "forward": [acts(RULE), refused([RULE])],
    "feedback": acts(down),
    "phases": acts(longer),
    "test": [acts(None), acts(up_and_down)],
    "phi": [
        acts("tanh"),
        acts("tanh", sizes=(3, 2)),
        acts((TANH, LOGISTIC)),
        refused("sine"),
        refused("sine", sizes=(3, 2)),
    ],
    "output_phi": [acts("tanh"), refused("softmax")],
    "loss": [acts("cross_entropy"), refused("cross_entropy", output_phi="tanh")],
    "hidden": [acts(mirror_cell), acts([error_cell, mirror_cell]), refused([])],
    "output": acts(lambda phi, loss: taught_cell(IDENTITY)),
    "visible": acts(code_source()),
    "teacher": acts(None, phases=up),
    "signal": acts("slope", output=lambda phi, loss: error_cell(phi), teacher="apical"),
    "connectivity": acts(0.5),
    "bias": acts(False),
    "extra": acts(a_critic),
    "initial": acts(Uniform(-0.1, 0.1)),
    "weight_decay": acts(0.1, forward=RULE),
    "perturbation": [acts(Perturbation(0.1, phases=("forward",))), refused(0.1)],
    "reference": acts(False),
    "readout": acts("error"),
    "name": acts("another"),
    "seed": acts(3),
}
RATES = {"learning_rate": acts(0.3), "momentum": [acts(0.5), refused(1.0)]}
FEEDBACK = {"feedback_initial": acts(Uniform(-0.1, 0.1))}
LAYERS = {"sizes": acts((4, 2, 3, 2))}

DOORS = [
    Door(layered, built(layered), STACK),
    Door(
        Stack,
        of_stack,
        {
            "sizes": acts((4, 3, 2)),
            "layers": acts(("input", "output")),
            "forward": acts(("b",)),
            "feedback": acts(("c",)),
            "normaliser": acts(("normaliser",)),
        },
    ),
    Door(backprop, built(backprop), LAYERS | RATES),
    Door(shallow, built(shallow), LAYERS | RATES),
    Door(
        feedback_alignment,
        built(feedback_alignment),
        LAYERS
        | RATES
        | FEEDBACK
        | {
            "transmitted": [acts("gated"), refused("both")],
            "feedback_connectivity": acts(0.5),
        },
    ),
    Door(
        direct_feedback_alignment,
        built(direct_feedback_alignment),
        LAYERS | RATES | FEEDBACK | {"transmitted": acts("raw")},
    ),
    Door(
        sign_symmetry,
        built(sign_symmetry),
        LAYERS | RATES | {"magnitudes": acts("redrawn"), "scale": acts(2.0)},
    ),
    Door(
        kolen_pollack,
        built(kolen_pollack),
        LAYERS | RATES | FEEDBACK | {"weight_decay": acts(0.1)},
    ),
    Door(
        weight_mirror,
        built(weight_mirror),
        LAYERS
        | RATES
        | FEEDBACK
        | {
            "mirror_rate": acts(0.3),
            "mirror_decay": acts(0.1),
            "sigma": [acts(0.5), refused(-1.0)],
        },
    ),
    Door(
        error_network,
        built(error_network),
        LAYERS
        | RATES
        | FEEDBACK
        | {
            "baseline": [acts(0.5), refused(-1.0)],
            "feedback": [acts("transposed"), refused("none")],
        },
    ),
    Door(error_cell, of_model(error_cell), {"phi": [acts(TANH), refused("tanh")]}),
    Door(mirror_cell, of_model(mirror_cell), {"phi": acts(TANH), "sigma": acts(0.5)}),
    Door(
        taught_cell,
        of_model(taught_cell),
        {
            "phi": [acts(TANH), refused("softmax")],
            "loss": [acts("cross_entropy"), refused("cross_entropy", phi=TANH)],
        },
    ),
    Door(summing_cell, of_model(summing_cell), {}),
    Door(error_partner, of_model(error_partner), {"baseline": acts(0.5)}),
]
