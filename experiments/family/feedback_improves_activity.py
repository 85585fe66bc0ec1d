"""The feedback-improves-activity experiment: is what feedback makes cells do better?"""

from dataclasses import replace
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt

from experiments.family.chosen import ALL, named
from experiments.parameters import Argument, Progress, Repeats, Seed
from experiments.record import Answer, question

CITATION = "Lillicrap et al. (2020), Nat. Rev. Neurosci. 21, 335"
BATCH = 10
STATES = ("start", "learned")


@question(title="Activity with feedback and the loss above it", citation=CITATION)
def feedback_improves_activity(
    *,
    rules: Annotated[
        tuple[str, ...], Argument("schemes with feedback, or the word all")
    ] = (ALL,),
    hidden: Annotated[
        tuple[Annotated[int, Gt(0)], ...], Argument("cells of each hidden layer")
    ] = (30, 20),
    examples: Annotated[int, Argument("digits that are looked at"), Ge(1)] = 100,
    learning: Annotated[
        int, Argument("digits learned by each scheme before the second look"), Ge(0)
    ] = 10_000,
    networks: Annotated[Repeats, Argument("draws of digits and weights")] = 3,
    seed: Annotated[
        Seed, Argument("of the first network; the others have the next ones")
    ] = 0,
    progress: Progress = False,
):
    """Does activity in the phase in which feedback acts have a lower loss?

    Schemes that learn from differences of activity predict that what feedback makes
    hidden cells do is better than what they did before. The activity of each hidden
    layer is taken at the end of both phases; the network above it runs forward from
    each, and the two losses are compared, example by example: at the start, and after
    the scheme has learned handwritten digits for a while. Where feedback leaves
    activity as it was, as in backprop, nothing can change.

    Returns
    -------
    xarray.DataTree
        ``/improvement``, (scheme, replica, state, layer): ``share_improved``, of the
        examples, those whose loss fell; ``relative_fall`` of the mean loss;
        ``loss_first``, the mean loss in the first phase, above that of the targets
        themselves; ``activity_change``, length of the change of activity over that of
        the activity; NaN relative to 0. By scheme, in words, ``information`` and
        ``feedback``.

    Raises
    ------
    ConfigError
        For names of schemes that have no such phase, and without a hidden layer.

    Source: the prediction of Lillicrap et al. (2020); our measure.
    """
    from tqdm import tqdm

    from dendrites.errors import ConfigError
    from experiments.family.second_phase import TAKING_PART

    schemes = named(rules, TAKING_PART)
    if not hidden:
        raise ConfigError(
            "hidden: no layer: activity of hidden cells is compared; give at least one"
        )
    total, found = len(schemes) * networks, []
    with tqdm(total=total, unit="network", disable=None if progress else True) as bar:
        for scheme in schemes:
            rows = []
            for replica in range(networks):
                rows.append(
                    _looked_at(scheme, hidden, examples, learning, seed + replica)
                )
                bar.update()
            found.append(rows)
    improvement = _group(schemes, np.array(found), networks, seed)
    return Answer(
        {"/improvement": improvement},
        dt=1.0,
        duration=0.0,
        settings={"rules": [s.name for s in schemes]},
        headline=_headline(improvement),
    )


def _looked_at(scheme, hidden, examples, learning, seed):
    """Figures of one network, (state, layer, figure)."""
    import circuits
    from experiments.family.comparing import batch_of
    from experiments.family.learners import Learners
    from experiments.family.second_phase import SECOND_PHASES

    task, inputs, targets = batch_of(scheme, examples, seed)
    sizes = [task.n_inputs, *hidden, task.n_outputs]
    also = SECOND_PHASES[scheme.name].options
    looked = replace(scheme, options={**scheme.options, **also})
    circuit = looked.circuit(sizes, seed=seed)
    weights = {
        name: w
        for name, w in circuits.initial_weights(circuit, seed=seed).items()
        if circuit.projection(name).tied_to is None
    }
    states = [improvement(looked, circuit, weights, inputs, targets, seed=seed)]
    if learning:
        quick = scheme.circuit(sizes, seed=seed, **scheme.quick)
        batch = scheme.batch or BATCH
        learners = Learners(quick, [task], [seed], batch=batch, threads=1)
        learners.advance(learning)
        learned = learners.weights(0)
        states.append(improvement(looked, circuit, learned, inputs, targets, seed=seed))
    return states


def improvement(scheme, circuit, weights, inputs, targets, *, seed=0) -> np.ndarray:
    """Share improved, relative fall, first loss and change of activity, (layer, 4)."""
    from experiments.family.second_phase import (
        SECOND_PHASES,
        activities,
        losses_above,
    )

    seen = SECOND_PHASES[scheme.name]
    rows = []
    pairs = activities(circuit, seen, weights, inputs, targets, seed=seed)
    for layer, pair in enumerate(pairs, start=1):
        first, second = (
            losses_above(scheme, circuit, layer, weights, rates, targets, seed=seed)
            for rates in pair
        )
        change = _over(np.linalg.norm(pair[1] - pair[0]), np.linalg.norm(pair[0]))
        fall = _over((first - second).mean(), first.mean())
        rows.append(((second < first).mean(), fall, first.mean(), change))
    return np.array(rows)


def _over(part, whole):
    """NaN of cells that are all silent, or where there is no loss to fall."""
    return part / whole if whole else np.nan


def _group(schemes, found, networks, seed):
    from dendrites.dataset import group

    dims = ("scheme", "replica", "state", "layer")
    texts = {
        "share_improved": "of examples, whose loss fell",
        "relative_fall": "of the mean loss",
        "loss_first": "mean loss in the first phase",
        "activity_change": "length of the change over that of the activity",
    }
    words = {
        "information": [s.information for s in schemes],
        "feedback": [s.feedback for s in schemes],
    }
    return group(
        {
            name: (dims, found[..., k], "1", text)
            for k, (name, text) in enumerate(texts.items())
        },
        {
            "scheme": [s.name for s in schemes],
            "replica": seed + np.arange(networks),
            "state": [*STATES[: found.shape[2]]],
            "layer": [f"hidden{k + 1}" for k in range(found.shape[3])],
            **{name: ("scheme", values) for name, values in words.items()},
        },
        nonfinite="found",
    )


def _headline(improvement):
    """Means over networks and layers, after learning and before."""
    means = improvement.mean(("replica", "layer"))
    figures = {}
    for name in improvement.scheme.values:
        one = means.sel(scheme=name)
        last = one.isel(state=-1)
        found = {
            f"share_improved_{name}": last.share_improved,
            f"relative_fall_{name}": last.relative_fall,
        }
        if improvement.sizes["state"] > 1:
            at = one.sel(state="start")
            found[f"share_improved_{name}_start"] = at.share_improved
        figures |= {
            key: {"value": float(value), "unit": "1"} for key, value in found.items()
        }
    return figures
