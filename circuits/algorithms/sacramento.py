"""The dendritic error microcircuit as a learning algorithm."""

from collections.abc import Sequence

from circuits._conductances import per_layer
from circuits._stack_options import WITH_HIDDEN, checked_sizes
from circuits.algorithms._options import check_options
from circuits.circuit import Circuit
from circuits.initialisers import Uniform
from circuits.microcircuit import microcircuit
from dendrites._checks import number
from dendrites.errors import ModelError

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
    hidden_rate: float | Sequence[float] = 1.0,
    interneuron_rate: float | str | None = None,
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
    hidden_rate : float or one per hidden layer
        Further factor on the matched rates of hidden layers.
    interneuron_rate : float or "matched", optional
        Rate of pyramidal-to-interneuron weights: they must track the weights they
        mirror, and are never rescaled. "matched" gives those of layer k the rate of
        the layer above times (W_IP / W) / lamI: nudged by that layer, an interneuron
        moves by the share lamI of what its partner moves, so that to first order both
        take the same step and W_IP has nothing to catch up with. Default: 0.1, or 0
        where they are tied.
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
        As `microcircuit`, and if rates cannot be matched to a layer without a teacher,
        or to interneurons that no layer nudges.

    Source: Sacramento et al. (2018); matched rates are our derivation (model page).
    """
    check_options(
        "sacramento", options, own=_OWN, of=microcircuit, without=("basal_rates",)
    )
    sizes = checked_sizes(sizes, "sacramento", least=3, of=WITH_HIDDEN)
    if interneuron_rate is None:
        interneuron_rate = 0.0 if options.get("tie_interneurons") else INTERNEURON_RATE
    matched = _is_matched("interneuron_rate", interneuron_rate, "a number")
    if matched and "interneuron_rates" in options:
        raise ModelError(
            "interneuron_rate = 'matched' and interneuron_rates: both set the same "
            "rates; leave one out"
        )
    for name, value in {
        "learning_rate": learning_rate,
        "interneuron_rate": 0.0 if matched else interneuron_rate,
        "apical_rate": apical_rate,
        "top_down_rate": top_down_rate,
    }.items():
        number(f"sacramento: {name}", value, least=0.0)
    options = {
        "basal_initial": Uniform(-1.0, 1.0, per_root_fan_in=True),
        "name": "sacramento",
        "seed": seed,
        "interneuron_rates": 0.0 if matched else interneuron_rate,
        "apical_rates": apical_rate,
        "top_down_rates": top_down_rate,
        **options,
    }
    still = microcircuit(sizes, **options)
    layers = still.network.layers
    factors = per_layer("hidden_rate", hidden_rate, len(layers) - 1)
    if _is_matched("learning_rates", learning_rates, "one number per layer"):
        scales = [layer.update_scale for layer in layers]
        if not min(scales) > 0:
            raise ModelError(
                "learning_rates = 'matched' needs conductances > 0: with g_apical or "
                f"g_output_nudge 0 a layer is never taught (update scales {scales})"
            )
        learning_rates = [
            learning_rate * factor * scales[-1] / scale
            for factor, scale in zip(factors, scales[:-1], strict=True)
        ] + [learning_rate]
    rates = per_layer("learning_rates", learning_rates, len(layers))
    if matched:
        options["interneuron_rates"] = _mirroring_rates(still, rates)
    return microcircuit(sizes, basal_rates=rates, **options)


def _is_matched(name, value, otherwise):
    if not isinstance(value, str):
        return False
    if value != "matched":
        raise ModelError(f"{name} = {value!r}: must be 'matched' or {otherwise}")
    return True


def _mirroring_rates(circuit, rates):
    """Rates with which W_IP takes the steps of the weights it mirrors.

    The rate of the layer above, times W_IP / W in the self-predicting state, over the
    share of its nudge in an interneuron's potential.
    """
    found = []
    for k, layer in enumerate(circuit.network.layers[1:], start=1):
        p = circuit.population(f"interneuron{k}").model.parameters
        if not p.g_nudge > 0:
            raise ModelError(
                "interneuron_rate = 'matched' needs g_interneuron_nudge > 0: "
                f"interneuron{k} never sees the layer it mirrors (got {p.g_nudge:g})"
            )
        ratio = layer.attenuation * (p.g_leak + p.g_dendrite) / p.g_dendrite
        share = p.g_nudge / (p.g_leak + p.g_dendrite + p.g_nudge)
        found.append(rates[k] * ratio / share)
    return found
