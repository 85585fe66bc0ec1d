"""What schemes that contrast two relaxed states have in common."""

from circuits._stack_options import functions_by_name
from circuits.network import SOFTMAX
from circuits.phase import Phase
from circuits.projection import Projection
from circuits.stack import ONE_TO_ONE
from dendrites._checks import number
from dendrites.activity_difference import ActivityDifference
from dendrites.models import relaxing_cell
from dendrites.transfer import TRANSFERS

# The loss whose derivative of the potential is t - r, where there is one.
MATCHING = {"logistic": "cross_entropy", "identity": "squared"}


def free_and_clamped(**sweeps):
    """``phases(stack)``: all layers relax, then with the output at the target."""

    def phases(stack):
        layers = stack.layers[1:]
        free = Phase("free", relax=layers, **sweeps)
        return free, Phase("clamped", relax=layers, on=("target",), **sweeps)

    return phases


def only_free(**sweeps):
    """``test(stack)``: all layers relax without a target."""
    return lambda stack: (Phase("free", relax=stack.layers[1:], **sweeps),)


def clamp(stack):
    """What says to output cells that they are clamped."""
    return (Projection("target", "output", "clamped", "active", **ONE_TO_ONE),)


def weak_feedback(where, gain, n_hidden, share=1.0):
    """Cells whose learning makes up for feedback that is `gain` times W^T.

    Options of `layered`: layer l multiplies what it learns by gain^(l-L).
    """
    number(f"{where}: gain", gain, above=0.0)

    def cell(k):
        return lambda phi: relaxing_cell(phi, scale=share * gain**-k)

    return {
        "hidden": [cell(k) for k in range(n_hidden, 0, -1)],
        "output": lambda phi, loss: cell(0)(phi),
    }


def matching_loss(options, n_hidden):
    """The reference network of a clamped output, as options of `layered`."""
    given = options.get("phi", "logistic"), options.get("output_phi")
    last = functions_by_name(*given, n_hidden, SOFTMAX)[-1]
    for name, loss in MATCHING.items():
        if last == TRANSFERS[name]:
            return {"loss": loss}
    return {"reference": False}


def contrast(rate, momentum):
    """Products of rates, clamped minus free."""
    return ActivityDifference(
        "rate",
        "rate",
        gain="scale",
        moments=("clamped", "free"),
        learning_rate=rate,
        momentum=momentum,
    )
