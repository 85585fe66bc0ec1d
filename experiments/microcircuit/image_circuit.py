"""Microcircuits for images: shares and gradient steps as conductances and rates.

Shared by the experiments on MNIST.
"""

from collections.abc import Sequence

import numpy as np

from circuits.algorithms import sacramento
from circuits.circuit import Circuit
from circuits.initialisers import Uniform
from circuits.microcircuit import microcircuit
from circuits.task import Task
from circuits.weights import initial_weights
from dendrites.errors import ConfigError

G_LEAK, G_BASAL = 0.1, 1.0  # 1/ms, published
SETTLED = 10.0  # ms after which a test image is answered, continuous time
# Weights uniform(-4, 4) / sqrt(n_pre) around the middle of the logistic let the
# differences between images fade less on their way up (docs, depth).
CENTRED_WEIGHTS = 4.0


def image_circuit(
    sizes: Sequence[int],
    *,
    two_sweep: bool,
    steps: tuple[float, float],
    mixing: float,
    output_mixing: float,
    tied: bool = True,
    matched: bool = True,
    learned_feedback: bool = False,
    interneuron_rate: float = 0.0,
    apical_rate: float = 0.0,
    top_down_rate: float = 0.0,
    presentation: float = 100.0,
    learning_lag: float = 0.0,
    dt: float = 0.1,
    seed: int = 0,
) -> Circuit:
    """A microcircuit with plastic thresholds; all rates are per presentation.

    Parameters
    ----------
    two_sweep : bool
        The steady-state form, else continuous time.
    steps : (float, float)
        Steps of the output and of hidden layers down the gradient: their rates times
        `circuits.Layer.update_scale`.
    mixing, output_mixing : float
        A share s stands for the conductance (g_leak + g_basal) s / (1 - s): of apical
        dendrites and of the nudge of interneurons, and of the teacher.
    tied : bool
        Interneurons mirror the layer above at every moment.
    matched : bool
        Else all layers have the rate of the output.
    learned_feedback : bool
        Top-down weights learn by eq. 10, and inhibition has to follow them.
    interneuron_rate, apical_rate, top_down_rate : float
        Of plastic interneuron weights, and with learned feedback.

    Raises
    ------
    ConfigError
        If no time is left to learn.
    """
    if not two_sweep and not learning_lag < presentation:
        raise ConfigError(
            f"learning_lag = {learning_lag:g} ms leaves nothing of a presentation of "
            f"{presentation:g} ms"
        )
    # A rate per ms acts for as long as plasticity does.
    time = 1.0 if two_sweep else presentation - learning_lag
    total = G_LEAK + G_BASAL
    options = {
        "g_leak": G_LEAK,
        "g_basal": G_BASAL,
        "g_apical": total * mixing / (1 - mixing),
        "g_interneuron_nudge": total * mixing / (1 - mixing),
        "g_output_nudge": total * output_mixing / (1 - output_mixing),
        "bias": True,
        "tie_interneurons": tied,
        "tie_inhibition": not learned_feedback,
        "form": "two_sweep" if two_sweep else "continuous",
        "seed": seed,
    }
    if not two_sweep:
        options |= {
            "g_dendrite": "matched",
            "presentation": presentation,
            "learning_lag": learning_lag,
            "test_presentation": SETTLED,
            "dt": dt,
        }
    layers = microcircuit(sizes, **options).network.layers
    output_step, hidden_step = (step / time for step in steps)
    output_rate = output_step / layers[-1].update_scale
    rates = [
        hidden_step / layer.update_scale if matched else output_rate
        for layer in layers[:-1]
    ]
    return sacramento(
        sizes,
        learning_rates=[*rates, output_rate],
        interneuron_rate=0.0 if tied else interneuron_rate / time,
        apical_rate=apical_rate / time if learned_feedback else 0.0,
        top_down_rate=top_down_rate / time if learned_feedback else 0.0,
        **options,
    )


def initial(
    circuit: Circuit,
    task: Task,
    *,
    top_feedback: float,
    hidden_feedback: float | None = None,
    start: str = "plain",
    seed: int | None = None,
) -> dict:
    """Initial weights that differ from the circuit's own, by projection.

    Parameters
    ----------
    top_feedback : float
        Top-down weights from the output are uniform(-top_feedback, top_feedback).
    hidden_feedback : float, optional
        Those between hidden layers, uniform over +-hidden_feedback / sqrt(n_above).
    start : {"plain", "centred"}
        Centred: hidden weights uniform(-4, 4) / sqrt(n_pre), and thresholds that put
        every cell into the middle of its range for the mean input.
    seed : int, optional
        Of the weights that thresholds are set for. Default: the circuit's.
    """
    given = {}
    for p in circuit.projections:
        if p.field not in ("apical", "top_down") or not p.post.startswith("hidden"):
            continue
        if p.pre == "output":
            given[p.name] = Uniform(-top_feedback, top_feedback)
        elif p.pre.startswith("hidden") and hidden_feedback is not None:
            given[p.name] = Uniform(-hidden_feedback, hidden_feedback, True)
    if start != "centred":
        return given
    for layer in circuit.network.layers[:-1]:
        given[layer.projection] = Uniform(-CENTRED_WEIGHTS, CENTRED_WEIGHTS, True)
    drawn = initial_weights(circuit, seed=seed, given=given)
    mean = task.splits["train"].inputs.mean(axis=0, dtype=float)
    for layer in circuit.network.layers:
        weights = drawn[layer.projection]
        given[layer.bias] = -(weights @ mean)[:, None]
        mean = np.full(len(weights), 0.5)
    return given
