"""Targets that travel down layer by layer, through inverses that noise teaches."""

from circuits._microcircuit_parts import layer_names
from circuits.algorithms._errors import delta_rules
from circuits.algorithms._options import rates_of
from circuits.algorithms._targets import (
    cells,
    check_targets,
    into,
    inverse,
    noise_of,
    noises,
    target_phase,
)
from circuits.circuit import Circuit
from circuits.phase import Phase
from circuits.projection import Projection
from circuits.stack import bottom_up, layered, up
from circuits.ties import Tied
from dendrites._checks import choice, number
from dendrites.activity_difference import ActivityDifference

TOPS = ("inverse", "gradient")
OWN = (
    "learning_rate",
    "momentum",
    "inverse_rate",
    "sigma",
    "target_step",
    "inverse_phi",
    "inverse_of",
    "inverse_initial",
)


def target_stack(
    name, sizes, options, own, *, learning_rate, momentum, inverse_rate, sigma,
    target_step, inverse_phi, inverse_of, inverse_initial, difference, top="inverse",
) -> Circuit:  # fmt: skip
    """A stack whose hidden layers have inverses of the layers above them."""
    sizes = check_targets(
        name, sizes, options, own, target_step=target_step, inverse_of=inverse_of
    )
    rates = rates_of(name, learning_rate, sizes)
    number(f"{name}: sigma", sigma, least=0.0)
    choice(f"{name}: top", top, TOPS)
    layers = layer_names(sizes)
    inverted = layers[1:-1] if top == "inverse" else layers[1:-2]
    learns = {"moments": ("reconstructed", "reconstructed"), "momentum": momentum}
    rule, bias_rule = (
        ActivityDifference(
            "inverse_delta", None, inverse_rate, presynaptic=signal, **learns
        )
        for signal in ("answered", "rate")
    )

    def twice(pre, here, signals, **first):
        """Through the inverse at `here` come a target and an activity."""
        own = inverse(pre, here)
        yield Projection(pre, here, "apical", signals[0], name=own, **first)
        yield Projection(pre, here, "reconstruction", signals[1], tied_to=Tied(own))

    def feedback(above, here):
        if here not in inverted:
            tied = Tied(bottom_up(here, above), transpose=True)
            return [Projection(above, here, "error", "delta", tied_to=tied)]
        signals = ("goal", "answered")
        found = [*twice(above, here, signals, rule=rule, initial=inverse_initial)]
        if options.get("bias", True):
            found += twice("bias", here, ("rate", "rate"), rule=bias_rule)
        return found

    def phases(stack):
        to_noise = tuple(inverse(noise_of(here), here, "noise") for here in inverted)
        targets, activities, errors = (
            tuple(n for n in stack.feedback if n.endswith(field))
            for field in ("_apical", "_reconstruction", "_error")
        )
        unused = to_noise if difference else (*to_noise, *activities)
        hidden = stack.layers[1:-1]
        answering = stack.layers[2 : len(inverted) + 2]
        noisy = Phase(
            "noisy",
            settle=(*map(noise_of, inverted), "hidden1", *answering),
            silent=(*stack.feedback, *into(stack, "hidden1")),
            hold={"hidden1": ("soma", "heard"), **dict.fromkeys(answering, ("soma",))},
        )
        reconstructed = Phase(
            "reconstructed",
            settle=inverted,
            silent=(*stack.forward, *targets, *errors, *to_noise),
            hold={layer: ("soma", "heard", "noise") for layer in hidden},
        )
        learning = (noisy, reconstructed) if inverted else ()
        return (*up(stack), target_phase(stack, unused), *learning)

    return layered(
        sizes,
        forward=delta_rules(rates, momentum, "target", "rate"),
        feedback=feedback,
        phases=phases,
        signal="sent",
        extra=lambda stack: noises(inverted, stack.sizes[1:], sigma),
        **cells(name, inverse_phi, inverse_of, target_step, difference),
        **{"name": name, **options},
    )
