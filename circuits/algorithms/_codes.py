"""What layers that learn codes of the layers below them have in common."""

from circuits._microcircuit_parts import layer_names
from circuits._stack_options import as_transfer, checked_sizes
from circuits.algorithms._options import check_options
from circuits.projection import Projection
from circuits.stack import Stack
from dendrites.activity_difference import ActivityDifference
from dendrites.errors import ModelError
from dendrites.models import code_hidden, code_source

# What builders of these schemes give `layered` themselves.
WITHOUT = ("forward", "feedback", "phases", "hidden", "visible", "teacher", "extra")
WITHOUT = (*WITHOUT, "signal", "output")


def check_codes(name, sizes, options, own):
    """The sizes; refuses unknown options, and stacks without a layer that codes."""
    sizes = checked_sizes(sizes, name)
    check_options(name, options, own=own, without=WITHOUT)
    if len(sizes) < 3:
        raise ModelError(
            f"{name}: sizes = {sizes}: hidden layers are the codes, and there "
            "is none. Give the sizes of an input, of hidden layers and of an output"
        )
    return sizes


def cells(name, input_phi, **parameters):
    """Arguments `hidden` and `visible` of `layered`."""
    phi = as_transfer(f"{name}: input_phi", input_phi)
    return {
        "hidden": lambda phi: code_hidden(phi, **parameters),
        "visible": code_source(phi, **parameters),
    }


def decoders(sizes, rates, error, initial, bias, **learns):
    """Projections, by layer, through which the layer above reconstructs it."""
    layers = layer_names(sizes)[:-1]
    found = {}
    for here, above, rate in zip(layers[:-1], layers[1:], rates, strict=False):
        rule = ActivityDifference(*error, rate, **learns)
        found[here] = [
            Projection(above, here, "reconstruction", rule=rule, initial=initial)
        ]
        if bias:
            found[here].append(Projection("bias", here, "reconstruction", rule=rule))
    return found


def settled(stack: Stack, name: str) -> dict:
    """Options of a phase in which reconstructions, and what follows them, settle.

    From the input up, with somata as they were; with a target for the output.
    """
    hidden = stack.layers[1:-1]
    return {
        "name": name,
        "settle": ("input", *hidden, *stack.normaliser, "output"),
        "on": ("target",),
        "silent": stack.forward,
        "hold": {layer: ("soma",) for layer in stack.layers[1:]},
    }
