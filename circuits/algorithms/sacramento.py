"""The dendritic error microcircuit as a learning algorithm."""

import inspect
from collections.abc import Sequence

from circuits._conductances import per_layer
from circuits.circuit import Circuit
from circuits.initialisers import Uniform
from circuits.microcircuit import microcircuit
from dendrites._checks import items, number
from dendrites.errors import ModelError, choices

_OWN = (
    "learning_rate",
    "hidden_rate",
    "interneuron_rate",
    "apical_rate",
    "top_down_rate",
)
INTERNEURON_RATE = 0.1


def sacramento(
    sizes: Sequence[int],
    *,
    learning_rate: float = 0.05,
    learning_rates: str | Sequence[float] = "matched",
    hidden_rate: float = 1.0,
    interneuron_rate: float | None = None,
    apical_rate: float = 0.0,
    top_down_rate: float = 0.0,
    seed: int = 0,
    **options,
) -> Circuit:
    """A microcircuit that learns a task from its apical errors, plasticity always on.

    Starts self-predicting, with bottom-up weights uniform(-1, 1) / sqrt(n_pre) and
    random top-down weights uniform(-1, 1). Rates are per ms, or per presentation with
    ``form="two_sweep"``.

    Parameters
    ----------
    sizes : sequence of int
        Input, hidden layers, output.
    learning_rate : float
        Rate of the output layer's bottom-up weights.
    learning_rates : "matched" or one per layer
        "matched" divides every layer's rate by the first-order size of its update
        relative to the error it is given, which each layer dilutes, so that deep
        circuits do not stall (with B = W^T, that is relative to the exact gradient);
        numbers are the rates themselves.
    hidden_rate : float
        Further factor on the matched rates of hidden layers.
    interneuron_rate : float, optional
        Rate of pyramidal-to-interneuron weights: they must track the weights they
        mirror, and are never rescaled. Default: 0.1, or 0 where they are tied.
    apical_rate : float
        Rate of interneuron-to-apical weights; 0 keeps the exact cancellation.
    top_down_rate : float
        Rate of top-down weights; 0 keeps them as they are.
    seed : int
    **options
        Further arguments of `circuits.microcircuit.microcircuit`.

    Returns
    -------
    Circuit

    Raises
    ------
    ModelError
        As `microcircuit`, and if rates cannot be matched to a layer without a teacher.

    Source: Sacramento et al. (2018); matched rates are our derivation (model page).
    """
    allowed = inspect.signature(microcircuit).parameters
    for name in options:
        if name not in allowed or name == "basal_rates":
            raise ModelError(
                f"sacramento has no option {name!r}. "
                + choices(name, [*_OWN, *(key for key in allowed if key != "sizes")])
            )
    if interneuron_rate is None:
        interneuron_rate = 0.0 if options.get("tie_interneurons") else INTERNEURON_RATE
    own = (learning_rate, hidden_rate, interneuron_rate, apical_rate, top_down_rate)
    for name, value in zip(_OWN, own, strict=True):
        number(f"sacramento: {name}", value, least=0.0)
    options = {
        "basal_initial": Uniform(-1.0, 1.0, per_root_fan_in=True),
        "name": "sacramento",
        "seed": seed,
        "interneuron_rates": interneuron_rate,
        "apical_rates": apical_rate,
        "top_down_rates": top_down_rate,
        **options,
    }
    if isinstance(learning_rates, str):
        if learning_rates != "matched":
            raise ModelError(
                f"learning_rates = {learning_rates!r}: must be 'matched' or one number "
                "per layer"
            )
        network = microcircuit(sizes, **options).network
        scales = [layer.update_scale for layer in network.layers]
        if not min(scales) > 0:
            raise ModelError(
                "learning_rates = 'matched' needs conductances > 0: with g_apical or "
                f"g_output_nudge 0 a layer is never taught (update scales {scales})"
            )
        learning_rates = [
            learning_rate * hidden_rate * scales[-1] / scale for scale in scales[:-1]
        ] + [learning_rate]
    layers = len(items("sizes", sizes, "layer sizes")) - 1
    rates = per_layer("learning_rates", learning_rates, layers)
    return microcircuit(sizes, basal_rates=rates, **options)
