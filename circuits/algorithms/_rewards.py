"""What schemes whose only feedback is a scalar have in common."""

from circuits.initialisers import Constant
from circuits.phase import Phase
from circuits.population import Population
from circuits.projection import Projection
from dendrites.activity_difference import ActivityDifference

ONES = {"initial": Constant(1.0)}
HELD = ("soma", "noise")


def scalar_rules(learning_rate, n_layers, teaching, **options):
    """A rule per layer, which learns from what its cells were told in the end."""
    rates = learning_rate
    if not isinstance(rates, (tuple, list)):
        rates = [rates] * n_layers
    told = {"moments": ("told", "told"), **options}
    return [
        ActivityDifference(teaching, None, learning_rate=rate, **told) for rate in rates
    ]


def critic(stack, model, *, signal="reward"):
    """A cell that hears the loss of all outputs and tells all cells one number."""
    yield Population("critic", model, 1)
    yield Projection("output", "critic", "loss", "loss", **ONES)
    for layer in stack.layers[1:]:
        yield Projection("critic", layer, "reward", signal, **ONES)


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
