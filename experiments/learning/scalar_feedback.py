"""The scalar-feedback experiment: how learning from one number slows with size."""

from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt, Le, Lt

from experiments.parameters import Argument, Repeats, Seed
from experiments.record import Answer, question

CITATION = (
    "Werfel, Xie & Seung (2005), Neural Comput. 17, 2699; Flower & Jabri (1993), "
    "NeurIPS 5, 212"
)
#: Scheme: options of its algorithm.
SCHEMES = {
    "weight_perturbation": {"form": "symmetric", "sigma": 0.1},
    "node_perturbation": {"sigma": 1e-3},
}


@question(title="Learning from one number, and its time", citation=CITATION)
def scalar_feedback(
    *,
    cells: Annotated[
        tuple[Annotated[int, Ge(1), Le(1000)], ...], Argument("output cells")
    ] = (2, 4, 8, 16, 32),
    inputs: Annotated[
        int, Argument("inputs, each with a weight to every cell"), Ge(1)
    ] = 4,
    left: Annotated[
        float, Argument("share of the loss at which learning is over"), Gt(0), Lt(1)
    ] = 0.1,
    networks: Annotated[Repeats, Argument("per size, of which the mean is taken")] = 40,
    seed: Annotated[
        Seed, Argument("of the first network; the others have the next ones")
    ] = 0,
):
    """How much longer does learning take when all cells hear one number alone?

    One layer of linear cells learns a random map of white inputs. Weights, or the
    potentials of cells, move at random, and all hear what the loss made of it. With N
    that move independently, the mean square of an estimate is N + 2 times that of the
    gradient; the loss then shrinks in the mean by 1 - 2 eta + eta^2 (N + 2) per
    presentation, fastest at eta = 1 / (N + 2), which is used.

    Returns
    -------
    xarray.DataTree
        ``/times``: ``moving`` (scheme, size), N; ``presentations`` (scheme, size) until
        the mean loss is at that share, NaN if never; ``expected``, by theory;
        ``shrinks`` (scheme, size), by how much the loss does per presentation, and
        ``shrinks_expected``. ``/curves``: ``loss`` (scheme, size, presentation), mean
        over networks, of that at first, NaN after its end.

    Source: Werfel et al. (2005); the step that is best is our derivation.
    """
    from dendrites.dataset import group

    cells = np.array(sorted(set(cells)))
    moving = np.array([cells * inputs, cells])
    factor = 1.0 - 1.0 / (moving + 2.0)
    expected = np.log(left) / np.log(factor)
    lengths = np.ceil(1.5 * expected).astype(int) + 5
    loss = np.full((*moving.shape, lengths.max() + 1), np.nan)
    for k, scheme in enumerate(SCHEMES):
        for j, n in enumerate(cells):
            each = [
                learned(scheme, inputs, n, moving[k, j], lengths[k, j], seed + replica)
                for replica in range(networks)
            ]
            loss[k, j, : lengths[k, j] + 1] = np.mean(each, axis=0)
    found = np.array([[time_to(row, left) for row in rows] for rows in loss])
    shrinks = 1.0 - left ** (1.0 / found)
    dims = ("scheme", "size")
    times = group(
        {
            "moving": (dims, moving.astype(float), "1", "N"),
            "presentations": (dims, found, "1", "until the loss is at that share"),
            "expected": (dims, expected, "1", "by theory"),
            "shrinks": (dims, shrinks, "1", "share of the loss per presentation"),
            "shrinks_expected": (dims, 1.0 - factor, "1", "1 / (N + 2)"),
        },
        {"scheme": [*SCHEMES], "size": cells},
        nonfinite="found",
    )
    curves = group(
        {"loss": (("scheme", "size", "presentation"), loss, "1", "of that at first")},
        {
            "scheme": [*SCHEMES],
            "size": cells,
            "presentation": np.arange(loss.shape[-1]),
        },
        nonfinite=("loss",),
    )
    return Answer(
        {"/times": times, "/curves": curves},
        dt=1.0,
        n_epochs=int(lengths.max()),
        headline=_headline(times),
    )


def learned(scheme, inputs, cells, moving, presentations, seed) -> np.ndarray:
    """Loss of one network over presentations, of that at first."""
    import circuits
    from circuits import algorithms
    from dendrites.random import generator

    circuit = getattr(algorithms, scheme)(
        [inputs, int(cells)],
        output_phi="identity",
        bias=False,
        learning_rate=1.0 / (moving + 2.0),
        initial=circuits.Constant(0.0),
        seed=seed,
        **SCHEMES[scheme],
    )
    wanted = generator(seed, "scalar_feedback/map").normal(size=(cells, inputs))
    shown = np.sqrt(inputs) * np.eye(inputs)  # white: mean x x^T = 1
    patterns = {"input": shown, "target": shown @ wanted.T}
    name = circuit.network.layers[0].projection
    for population in circuit.populations:
        if population.model.clamped and population.pattern is None:
            patterns[population.name] = np.ones((inputs, population.size))
    found = [np.sum(wanted**2)]
    with circuits.Presenter(circuit, batch=inputs) as presenter:
        for _ in range(presentations):
            presenter.present(patterns)
            found.append(np.sum((presenter.weights(name)[name] - wanted) ** 2))
    return np.array(found) / found[0]


def time_to(loss, left: float) -> float:
    """When a falling curve is at a share, exponential between two points."""
    from experiments.statistics import crossing

    seen = loss[np.isfinite(loss)]
    x = np.arange(len(seen))
    return crossing(x, -np.log(np.maximum(seen, 1e-300)), -np.log(left))


def _headline(times):
    figures = {}
    for scheme in times.scheme.values:
        one = times.sel(scheme=scheme)
        seen = np.isfinite(one.presentations)
        x, y = one.moving[seen] + 2.0, one.presentations[seen]
        if len(y) < 2:
            continue
        name = "exponent" if scheme == "weight_perturbation" else f"exponent_{scheme}"
        slope, theory = (
            float(np.polyfit(np.log(x), np.log(z), 1)[0])
            for z in (y, one.expected[seen])
        )
        figures[name] = {
            "value": slope,
            "unit": "1",
            "reference": f"{theory:.3f}",
            "source": "learning time over N + 2",
        }
    ratio = times.presentations / times.expected
    figures["max_deviation"] = {
        "value": float(abs(ratio - 1.0).max()),
        "unit": "1",
        "reference": "0, sampling",
        "source": "time over ln(left) / ln(1 - 1 / (N + 2))",
    }
    return figures
