"""What schemes whose only feedback is a scalar have in common."""

import numpy as np

from circuits.initialisers import Constant
from circuits.phase import Phase
from circuits.population import Population
from circuits.projection import Projection
from dendrites.activity_difference import ActivityDifference
from dendrites.models import chance_cell, source

ONES = {"initial": Constant(1.0)}
HELD = ("soma", "noise")
ALWAYS = ("input", "bias")


def scalar_rules(rates, teaching, **options):
    """A rule per layer, which learns from what its cells were told in the end."""
    told = {"moments": ("told", "told"), **options}
    return [
        ActivityDifference(teaching, None, learning_rate=rate, **told) for rate in rates
    ]


def tell(model, populations, *, signal="reward"):
    """A critic that hears the loss of all outputs and tells these cells one number."""
    yield Population("critic", model, 1)
    yield Projection("output", "critic", "loss", "loss", **ONES)
    for name in populations:
        yield Projection("critic", name, "reward", signal, **ONES)


def judged(stack, name, *, on=(), hold=()):
    """Phases in which layers settle from the first to the output, then the critic."""
    hold = {"critic": tuple(hold)} if hold else {}
    on = ("target", *on)
    layers = stack.layers[1:]
    if not stack.normaliser:
        return (Phase(name, settle=(*layers, "critic"), on=on, hold=hold),)
    shares = Phase(
        f"{name}_shares",
        settle=("output", "critic"),
        on=on,
        silent=stack.forward,
        hold={"output": HELD, **hold},
    )
    return Phase(name, settle=(*layers, *stack.normaliser), on=on), shares


def told(stack):
    """A phase in which nothing changes but what the critic tells."""
    layers = stack.layers[1:]
    hold = dict.fromkeys(layers, HELD)
    return Phase("told", settle=layers, silent=stack.forward, hold=hold)


def gate(populations):
    """What opens the cells of these populations to chance."""
    yield Population("gate", source(), 1, pattern=1.0)
    for name in populations:
        yield Projection("gate", name, "gate", **ONES)


def chance(n_outputs):
    """What draws one output by its share: a number, and sums of those before it."""
    before = {"initial": np.tri(n_outputs, k=-1)}
    yield Population("chance", chance_cell(), 1)
    yield Projection("chance", "output", "chance", "drawn", **ONES)
    yield Projection("output", "output", "before", "unnormalised", **before)


def sampled(layers, silent, *, chosen=None, also=("critic",)):
    """Phases "sampled", in which cells choose one after the other, and "told".

    `chosen` are the populations that do; by default all `layers`.
    """
    chosen = layers if chosen is None else chosen
    hold = dict.fromkeys(chosen, ("spikes", "p"))
    return (
        Phase("sampled", advance=(*layers, *also), on=("target", "gate")),
        Phase("told", advance=chosen, silent=silent, hold=hold, on=("gate",)),
    )


def expected(layers):
    """One phase, "expected": layers show what they expect in the place of samples."""
    return (Phase("expected", advance=layers),)
