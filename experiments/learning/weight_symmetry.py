"""The weight-symmetry experiment: do forward and feedback weights become alike?"""

from itertools import pairwise
from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge, Gt, Le, Lt

from experiments.learning.feedback_schemes import SCHEMES
from experiments.parameters import Argument, Repeats, Seed
from experiments.record import Answer, question

CITATION = (
    "Lillicrap et al. (2016), Nat. Commun. 7, 13276; Akrout et al. (2019), NeurIPS 32; "
    "Amit (2019), Front. Comput. Neurosci. 13, 18; Payeur et al. (2021), Nat. Neurosci."
)
NAMES = (*SCHEMES,)
BATCH = 10


@question(title="Forward and feedback weights during learning", citation=CITATION)
def weight_symmetry(
    *,
    schemes: Annotated[
        tuple[Literal[NAMES], ...], Argument("whose feedback is not tied")
    ] = NAMES,
    hidden: Annotated[
        tuple[Annotated[int, Ge(1)], ...], Argument("cells per hidden layer")
    ] = (40, 30),
    epochs: Annotated[int, Argument("passes over the digits"), Ge(1)] = 30,
    learning_rate: Annotated[float, Argument("per presentation"), Gt(0)] = 0.5,
    decay: Annotated[
        float,
        Argument("of Kolen and Pollack's weights, per presentation"),
        Gt(0),
        Lt(1),
    ] = 5e-4,
    records: Annotated[
        int, Argument("looks at the weights, closer at first"), Ge(2), Le(10_000)
    ] = 30,
    seeds: Annotated[Repeats, Argument("networks per scheme")] = 3,
    seed: Annotated[
        Seed, Argument("of the first network; the others have the next ones")
    ] = 0,
):
    """Do feedback weights and forward weights become alike while a network learns?

    Networks learn small handwritten digits. Every hidden layer gets its error through
    weights B that start random; the angle between B and the transposed forward weights
    is measured over learning, with the angle of updates to the exact gradient and the
    test error.

    Returns
    -------
    xarray.DataTree
        ``/symmetry``: ``angle`` (scheme, replica, look, layer), degree, between B and
        W^T of the layer above; ``difference``, the length of W^T - B over that at
        first; ``angle_to_bp`` (scheme, replica, look, layer), degree, of the update of
        the hidden layer's own weights; ``error_rate`` (scheme, replica, look), test.
        ``presentation`` of every look, of batches of 10.

    Source: angles as in Lillicrap et al. (2016) and Akrout et al. (2019).
    """
    from dendrites.dataset import group
    from experiments import tasks

    schemes = tuple(dict.fromkeys(schemes))
    task = tasks.digits(seed=seed)
    batches = len(task.splits["train"].inputs) // BATCH
    looks = look_times(epochs * batches, records)
    parts = [
        [
            watched(name, task, looks, hidden, learning_rate, decay, seed + replica)
            for replica in range(seeds)
        ]
        for name in schemes
    ]
    dims = ("scheme", "replica", "look", "layer")
    texts = {
        "angle": ("degree", "of feedback to transposed forward weights"),
        "difference": ("1", "length of W^T - B over that at first"),
        "angle_to_bp": ("degree", "of the update to the exact gradient"),
        "error_rate": ("1", "test"),
    }
    variables = {}
    for name, (unit, text) in texts.items():
        values = np.array([[found[name] for found in row] for row in parts])
        variables[name] = (dims[: values.ndim], values, unit, text)
    symmetry = group(
        variables,
        {
            "scheme": [*schemes],
            "replica": seed + np.arange(seeds),
            "look": np.arange(len(looks)),
            "presentation": ("look", looks),
            "layer": [f"hidden{k}" for k in range(1, len(hidden) + 1)],
        },
    )
    return Answer(
        {"/symmetry": symmetry},
        dt=1.0,
        n_epochs=epochs,
        sources=task.sources,
        headline=_headline(symmetry, decay),
    )


def look_times(presentations: int, records: int) -> np.ndarray:
    """Numbers of presentations after which to look: 0, the last, closer at first."""
    found = np.geomspace(1.0, presentations, min(records - 1, presentations))
    return np.unique(np.concatenate([[0], np.rint(found).astype(int)]))


def watched(name, task, looks, hidden, learning_rate, decay, seed) -> dict:
    """One network while it learns, by measure: (look, layer), test error (look,)."""
    import circuits
    from dendrites.random import generator

    train = task.splits["train"]
    sizes = (train.inputs.shape[1], *hidden, train.targets.shape[1])
    circuit = SCHEMES[name].circuit(
        sizes, learning_rate=learning_rate, decay=decay, seed=seed
    )
    order = generator(seed, "weight_symmetry/order")
    batches = len(train.inputs) // BATCH
    epochs = -(-int(looks[-1]) // batches)
    shown = np.concatenate(
        [order.permutation(len(train.inputs))[: batches * BATCH] for _ in range(epochs)]
    )
    found = {key: [] for key in ("angle", "difference", "angle_to_bp", "error_rate")}
    first = None
    with circuits.Presenter(circuit, batch=BATCH) as presenter:
        for before, after in pairwise([0, *looks]):
            if after > before:
                some = shown[before * BATCH : after * BATCH]
                patterns = {"input": train.inputs[some], "target": train.targets[some]}
                presenter.present_many({**patterns, **_gate(circuit, len(some))})
            weights = presenter.weights()
            pairs = forward_and_feedback(circuit, weights)
            gaps = np.array([np.linalg.norm(w.T - b) for w, b in pairs])
            first = gaps if first is None else first
            found["difference"].append(gaps / first)
            found["angle"].append(
                [circuits.measure_alignment(b, w.T).angle for w, b in pairs]
            )
            found["angle_to_bp"].append(update_angles(circuit, weights, train))
            found["error_rate"].append(error_rate(circuit, weights, task))
    return {key: np.array(values) for key, values in found.items()}


def forward_and_feedback(circuit, weights) -> list:
    """Forward weights of the layer above, and feedback from it, of hidden layers."""
    layers = circuit.network.layers
    return [
        (
            weights[above.projection],
            weights[f"{above.population}_to_{here.population}_apical"],
        )
        for here, above in pairwise(layers)
    ]


def update_angles(circuit, weights, split, examples: int = 50) -> list[float]:
    """Angle of what each hidden layer learns to the exact gradient, degrees.

    Of the error alone: what decay of weights adds to the update is taken off again.
    """
    import circuits

    shown, targets = split.inputs[:examples], split.targets[:examples]
    gradient = circuits.negative_gradient(circuit, weights, shown, targets)
    found = circuits.gradient_estimate(circuit, shown, targets, weights=weights)
    angles = []
    for layer in circuit.network.layers[:-1]:
        name = layer.projection
        own = circuit.projection(name)
        decayed = own.weight_decay / own.rule.learning_rate * weights[name]
        angles.append(
            circuits.measure_alignment(found[name] + decayed, gradient[name]).angle
        )
    return angles


def error_rate(circuit, weights, task) -> float:
    """Share of test examples whose label is not the most active output cell."""
    from circuits.gradient import feedforward

    test = task.splits["test"]
    potentials = feedforward(circuit, weights, test.inputs)[-1]
    return float(np.mean(potentials.argmax(axis=1) != test.labels))


def _gate(circuit, n):
    """What opens the mirror, where there is one."""
    names = [population.name for population in circuit.populations]
    return {"gate": np.ones((n, 1))} if "gate" in names else {}


def _headline(symmetry, decay):
    last = symmetry.isel(look=-1).mean(("replica", "layer"))
    figures = {
        f"angle_deg_{name}": {
            "value": float(last.angle.sel(scheme=name)),
            "unit": "degree",
            "source": "mean of layers and networks at the end",
        }
        for name in symmetry.scheme.values
    }
    left = (1.0 - decay) ** symmetry.presentation
    for name in symmetry.scheme.values:
        if SCHEMES[str(name)].decays:
            ratio = symmetry.difference.sel(scheme=name) / left
            figures[f"{name}_max_deviation"] = {
                "value": float(abs(ratio - 1.0).max()),
                "unit": "1",
                "reference": "0",
                "source": "W^T - B shrinks by 1 - decay per presentation",
            }
    return figures
