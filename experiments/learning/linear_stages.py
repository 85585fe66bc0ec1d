"""The linear-stages experiment: what a deep linear network learns first, and when."""

from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt, Le

from experiments.learning.linear_networks import SCHEMES, linear_network
from experiments.parameters import Argument, Repeats, Seed
from experiments.record import Answer, question

CITATION = "Saxe, McClelland & Ganguli (2014), ICLR, arXiv:1312.6120"


@question(title="Stages of learning in deep linear networks", citation=CITATION)
def linear_stages(
    *,
    strengths: Annotated[
        tuple[Annotated[float, Gt(0), Le(100)], ...],
        Argument("singular values of the map to be learned"),
    ] = (4.0, 2.0, 1.0, 0.5),
    start: Annotated[
        float,
        Argument("strength of every mode at first, of all layers together"),
        Gt(0),
    ] = 1e-3,
    hidden: Annotated[int, Argument("hidden layers"), Ge(1), Le(5)] = 1,
    cells: Annotated[
        int, Argument("per layer, at least one for every singular value"), Ge(1)
    ] = 8,
    feedback: Annotated[
        float, Argument("strength of fixed feedback in every mode"), Gt(0)
    ] = 1.0,
    learning_rate: Annotated[
        float, Argument("per presentation of all inputs"), Gt(0), Le(0.1)
    ] = 1e-3,
    duration: Annotated[
        float, Argument("of learning, in units of 1 / learning rate"), Gt(0), Le(1e4)
    ] = 10.0,
    records: Annotated[int, Argument("looks at the weights"), Ge(2), Le(10_000)] = 200,
    networks: Annotated[Repeats, Argument("draws of singular vectors")] = 3,
    seed: Annotated[
        Seed, Argument("of the first network; the others have the next ones")
    ] = 0,
):
    """Do deep linear networks learn in stages, the strongest direction first?

    Networks of linear layers see white inputs and learn a map of given singular values
    from small weights along its singular vectors. The strength u of each mode in the
    product of all weights is held against theory: the sigmoids of Saxe et al. for
    backprop, and the same derivation with fixed feedback for feedback alignment and for
    the dendritic microcircuit, whose feedback has the same singular vectors. Feedback
    of random directions has no such curves; it is drawn over those of aligned ones.

    Returns
    -------
    xarray.DataTree
        ``/stages``: ``strength`` (replica, scheme, elapsed, mode) and ``expected``
        (scheme, elapsed, mode); ``half_time`` (replica, scheme, mode) and
        ``expected_half_time`` (scheme, mode), when half of a singular value is learned,
        NaN if never; ``deviation`` (replica, scheme), the largest distance to the
        curve, as a share of the singular value. Times in units of 1 / learning rate.

    Source: Saxe, McClelland & Ganguli (2014); curves of fixed feedback are our
    derivation.
    """
    from dendrites.dataset import group

    strengths = np.array(sorted(set(strengths), reverse=True), float)
    _check(strengths, start, cells)
    every = max(1, round(duration / learning_rate / (records - 1)))
    elapsed = np.arange(records) * every * learning_rate
    expected = theory(elapsed, strengths, start, hidden, feedback)
    found = np.empty((networks, *expected.shape))
    for replica in range(networks):
        for k, scheme in enumerate(SCHEMES):
            network = linear_network(
                scheme,
                strengths,
                start=start,
                hidden=hidden,
                cells=cells,
                feedback=feedback,
                learning_rate=learning_rate,
                seed=seed + replica,
            )
            found[replica, k] = learned(network, every, records)
    deviation = (abs(found - expected) / strengths).max(axis=(2, 3))
    dims = ("scheme", "elapsed", "mode")
    curves = group(
        {
            "strength": (("replica", *dims), found, "1", "learned singular value"),
            "expected": (dims, expected, "1", "theory; random feedback: of aligned"),
            "half_time": (
                ("replica", "scheme", "mode"),
                half_times(elapsed, found, strengths),
                "1",
                "when half is learned",
            ),
            "expected_half_time": (
                ("scheme", "mode"),
                half_times(elapsed, expected, strengths),
                "1",
            ),
            "deviation": (
                ("replica", "scheme"),
                deviation,
                "1",
                "largest distance to theory over the singular value",
            ),
        },
        {
            "replica": seed + np.arange(networks),
            "scheme": [*SCHEMES],
            "elapsed": elapsed,
            "mode": strengths,
        },
        nonfinite="found",
    )
    return Answer(
        {"/stages": curves},
        dt=1.0,
        n_epochs=every * (records - 1),
        headline=_headline(curves),
    )


def theory(elapsed, strengths, start, hidden, feedback) -> np.ndarray:
    """Curves of every scheme and mode, (n_schemes, n_times, n_modes)."""
    from experiments.learning.stage_curves import modes, stages

    first = np.full(hidden + 1, start ** (1.0 / (hidden + 1)))
    curves = np.empty((len(SCHEMES), len(elapsed), len(strengths)))
    for m, strength in enumerate(strengths):
        fixed = modes(elapsed, strength, first, np.full(hidden, feedback))
        curves[..., m] = fixed.prod(axis=1)
        exact = [*SCHEMES].index("backprop")
        if hidden == 1:
            curves[exact, :, m] = stages(elapsed, strength, start)
        else:
            curves[exact, :, m] = modes(elapsed, strength, first).prod(axis=1)
    return curves


def learned(network, every: int, records: int) -> np.ndarray:
    """Strengths of all modes, (n_records, n_modes), at first and while it learns."""
    import circuits

    shown = {
        "input": np.tile(network.inputs, (every, 1)),
        "target": np.tile(network.targets, (every, 1)),
    }
    found = [network.strengths(network.weights)]
    with circuits.Presenter(
        network.circuit, weights=network.weights, batch=len(network.inputs)
    ) as presenter:
        for _ in range(records - 1):
            presenter.present_many(shown)
            found.append(network.strengths(presenter.weights()))
    return np.array(found)


def half_times(elapsed, curves, strengths) -> np.ndarray:
    """When curves (..., n_times, n_modes) first reach half of each strength."""
    from experiments.statistics import crossing

    found = np.empty((*curves.shape[:-2], len(strengths)))
    for place in np.ndindex(found.shape[:-1]):
        for m, strength in enumerate(strengths):
            values = curves[(*place, slice(None), m)]
            found[(*place, m)] = crossing(elapsed, values, 0.5 * strength)
    return found


def _check(strengths, start, cells):
    from dendrites.errors import ConfigError

    if len(strengths) > cells:
        raise ConfigError(
            f"cells = {cells}: fewer than the {len(strengths)} singular values of the "
            "map; give at least as many cells"
        )
    if start >= 0.5 * strengths[-1]:
        raise ConfigError(
            f"start = {start:g}: must be below half of the smallest singular value, "
            f"{strengths[-1]:g}, to have stages"
        )


def _headline(curves):
    theory = {"reference": "0", "source": "curves of theory, of the singular value"}
    figures = {}
    for scheme in SCHEMES:
        known = scheme != "random_feedback"
        name = "max_deviation" if scheme == "backprop" else f"max_deviation_{scheme}"
        value = float(curves.deviation.sel(scheme=scheme).max())
        figures[name] = {"value": value, "unit": "1", **(theory if known else {})}
    return figures
