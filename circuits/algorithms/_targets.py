"""What schemes that send targets down through learned inverses have in common."""

from circuits._stack_options import as_transfer, checked_sizes
from circuits.algorithms._options import check_options
from circuits.phase import Phase
from circuits.population import Population
from circuits.projection import Projection
from circuits.stack import ONE_TO_ONE, ROOT_FAN_IN, Stack
from dendrites._checks import choice, number
from dendrites.errors import ModelError
from dendrites.models import noise_cell, target_hidden, target_output
from dendrites.models.target_cells import INVERSES

INVERSE_INITIAL = ROOT_FAN_IN
# What builders of these schemes give `layered` themselves.
WITHOUT = ("forward", "feedback", "phases", "hidden", "output", "signal", "extra")
WITHOUT = (*WITHOUT, "teacher")


def inverse(above: str, here: str, field: str = "apical") -> str:
    """Name of the projection from a layer to the inverse at the layer below."""
    return f"{above}_to_{here}_{field}"


def noise_of(layer: str) -> str:
    """Name of the population of noise of a hidden layer."""
    return layer.replace("hidden", "noise")


def into(stack: Stack, layer: str) -> tuple[str, ...]:
    """Bottom-up projections into a layer."""
    return tuple(n for n in stack.forward if n.endswith(f"_to_{layer}_basal"))


def check_targets(name, sizes, options, own, *, target_step, inverse_of="rates"):
    """The sizes; refuses what no scheme of targets can have, and unknown options."""
    sizes = checked_sizes(sizes, name)
    check_options(name, options, own=own, without=WITHOUT)
    if len(sizes) < 3:
        raise ModelError(
            f"{name}: sizes = {sizes}: targets are for hidden layers, and there "
            "is none. Give the sizes of an input, one or more hidden layers and an "
            "output, or use `shallow`"
        )
    choice(f"{name}: inverse_of", inverse_of, INVERSES)
    number(f"{name}: target_step", target_step, above=0.0)
    return sizes


def cells(name, inverse_phi, inverse_of, target_step, difference=True):
    """Arguments `hidden` and `output` of `layered`."""
    shared = {"inverse_of": inverse_of, "target_step": target_step}
    back = inverse_phi
    if back is not None:
        back = as_transfer(f"{name}: inverse_phi", inverse_phi)

    def hidden(phi):
        return target_hidden(phi, inverse_phi=back, difference=difference, **shared)

    def output(phi, loss):
        return target_output(phi, loss=loss, **shared)

    return {"hidden": hidden, "output": output}


def noises(layers, sizes, sigma):
    """Populations of noise, one cell for each of these layers, and where it goes."""
    for layer, size in zip(layers, sizes, strict=False):
        name = noise_of(layer)
        yield Population(name, noise_cell(sigma), size)
        yield Projection(name, layer, "noise", "noise", **ONE_TO_ONE)


def target_phase(stack: Stack, silent: tuple[str, ...]) -> Phase:
    """Targets travel from the output down while somata keep what they were."""
    layers = stack.layers[:0:-1]
    return Phase(
        "target",
        settle=(*stack.normaliser, *layers),
        on=("target",),
        silent=(*stack.forward, *silent),
        hold={name: ("soma", "heard") for name in layers},
    )
