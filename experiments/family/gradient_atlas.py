"""The gradient-atlas experiment: every learning scheme beside its exact gradient."""

from collections.abc import Callable
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt

from experiments.family.chosen import ALL, chosen
from experiments.family.scheme import counted
from experiments.parameters import Argument, Progress, Repeats, Seed
from experiments.record import Answer, question

CITATION = "Lillicrap et al. (2020), Nat. Rev. Neurosci. 21, 335"
BATCH = 10
STATES = ("start", "learned")


@question(title="Updates of learning schemes and the exact gradient", citation=CITATION)
def gradient_atlas(
    *,
    rules: Annotated[
        tuple[str, ...], Argument("schemes of the table, or the word all")
    ] = (ALL,),
    circuits: Annotated[
        tuple[Callable, ...] | None,
        Argument("your own functions of layer sizes that give a Circuit", typed=False),
    ] = None,
    hidden: Annotated[
        tuple[Annotated[int, Gt(0)], ...], Argument("cells of each hidden layer")
    ] = (30, 20),
    examples: Annotated[int, Argument("digits in the batch"), Ge(1)] = 100,
    learning: Annotated[
        int, Argument("digits learned by each scheme before the second look"), Ge(0)
    ] = 10_000,
    averaged: Annotated[
        float,
        Argument("factor on the presentations that random updates are the mean of"),
        Gt(0),
    ] = 1.0,
    networks: Annotated[Repeats, Argument("draws of digits and weights")] = 3,
    seed: Annotated[
        Seed, Argument("of the first network; the others have the next ones")
    ] = 0,
    progress: Progress = False,
):
    """How close does the update of each learning scheme come to the gradient?

    All schemes of the family are shown the same batch of handwritten digits, from the
    same forward weights, and the update that each makes is compared with the exact
    gradient of its own loss, layer by layer: at the start, and after the scheme has
    learned the digits for a while. Of random updates that of one presentation is taken,
    and at the start the mean of many as well. Where a parameter makes a scheme exact,
    two small values of it tell the order with which its error falls.

    Returns
    -------
    xarray.DataTree
        ``/atlas``: ``angle`` (degree) and ``size_ratio`` (length over that of the
        gradient), (scheme, replica, state, layer), and ``angle_of_mean`` and
        ``size_ratio_of_mean`` (scheme, replica, layer), NaN where nothing is random. A
        layer without an update has an angle of 90 degrees and the ratio 0. By scheme:
        ``order`` and ``order_expected`` of the limit, NaN where there is none;
        ``averaged``, ``phases``, ``sweeps``; and in words ``information``,
        ``feedback``, ``exact_when``, ``limit``, ``loss``.

    Source: our form of Lillicrap et al. (2020), Fig. 2; schemes as in
    `circuits.algorithms`.
    """
    from tqdm import tqdm

    schemes = chosen(rules, circuits, "atlas")
    _check_own(schemes, hidden, seed)
    rows = []
    total = len(schemes) * networks
    with tqdm(total=total, unit="network", disable=None if progress else True) as bar:
        for scheme in schemes:
            found = []
            for replica in range(networks):
                found.append(
                    _looked_at(
                        scheme, hidden, examples, learning, averaged, seed + replica
                    )
                )
                bar.update()
            rows.append(_joined(scheme, found, hidden, examples, averaged, seed))
    atlas = _group(schemes, rows, hidden, networks, seed)
    return Answer(
        {"/atlas": atlas},
        dt=1.0,
        duration=0.0,
        settings={
            "rules": [s.name for s in schemes if s.own is None],
            "circuits": [s.name for s in schemes if s.own is not None],
        },
        headline=_headline(atlas),
    )


def _check_own(schemes, hidden, seed):
    """Refuse a user's functions that give no circuit, or one without a gradient."""
    from dendrites.errors import ConfigError
    from experiments.family.comparing import batch_of

    for scheme in schemes:
        if scheme.own is not None:
            task, *_ = batch_of(scheme, 1, seed)
            circuit = scheme.circuit([task.n_inputs, *hidden, task.n_outputs])
            if circuit.network is None:
                raise ConfigError(
                    f"circuits: {scheme.name}: the circuit has no reference network to "
                    "take the exact gradient of; give it network=Feedforward(...), as "
                    "circuits.layered does"
                )


def _looked_at(scheme, hidden, examples, learning, averaged, seed):
    """Of one network: (state, layer, 2), and the mean of many updates (layer, 2)."""
    from experiments.family.comparing import batch_of, compare, start_weights
    from experiments.family.learners import Learners

    task, inputs, targets = batch_of(scheme, examples, seed)
    sizes = [task.n_inputs, *hidden, task.n_outputs]
    circuit = scheme.circuit(sizes, seed=seed)
    weights = start_weights(circuit, seed)
    shown = inputs, targets
    states = [compare(scheme, circuit, weights, *shown, seed=seed)]
    mean = np.full(states[0].shape, np.nan)
    if scheme.samples > 1:
        count = max(2, round(averaged * scheme.samples))
        mean = compare(scheme, circuit, weights, *shown, samples=count, seed=seed)
    if learning:
        batch = scheme.batch or BATCH
        quick = scheme.circuit(sizes, seed=seed, **scheme.quick)
        learners = Learners(quick, [task], [seed], batch=batch, threads=1)
        learners.advance(learning)
        weights = learners.weights(0)
        # After learning some sample may not come to rest.
        whole = {k: None for k in scheme.quick if k == "tolerance"}
        circuit = scheme.circuit(sizes, seed=seed, **whole)
        states.append(compare(scheme, circuit, weights, *shown, seed=seed))
    return np.array(states), mean


def _joined(scheme, found, hidden, examples, averaged, seed):
    """Everything of one scheme, by name."""
    from experiments.family.comparing import batch_of, relative_error

    task, inputs, targets = batch_of(scheme, examples, seed)
    sizes = [task.n_inputs, *hidden, task.n_outputs]
    circuit = scheme.circuit(sizes, seed=seed)
    states, means = (np.array(part) for part in zip(*found, strict=True))
    order = expected = np.nan
    if scheme.limit is not None:
        errors = [
            relative_error(
                scheme,
                scheme.circuit(sizes, seed=seed, **scheme.limit.options(value)),
                inputs,
                targets,
                seed=seed,
            )
            for value in scheme.limit.values
        ]
        order = float(
            np.diff(np.log(errors))[0] / np.diff(np.log(scheme.limit.values))[0]
        )
        expected = scheme.limit.order
    learning = scheme.circuit(sizes, seed=seed, **scheme.quick)
    phases, sweeps = counted(learning.schedule, learning.dt)
    many = max(2, round(averaged * scheme.samples)) if scheme.samples > 1 else 1
    return {
        "states": states,
        "means": means,
        "order": order,
        "order_expected": expected,
        "averaged": many,
        "phases": phases,
        "sweeps": sweeps,
        "loss": scheme.loss_of(circuit),
    }


def _group(schemes, rows, hidden, networks, seed):
    from dendrites.dataset import group

    states, means = (np.array([row[k] for row in rows]) for k in ("states", "means"))
    layers = [*(f"hidden{k + 1}" for k in range(len(hidden))), "output"]
    every, some = (
        ("scheme", "replica", "state", "layer"),
        ("scheme", "replica", "layer"),
    )
    numbers = {
        "order": "with which the error falls in the limit, measured",
        "order_expected": "with which it should",
        "averaged": "presentations in the mean",
        "phases": "of a presentation",
        "sweeps": "and settled layers of a presentation, or its steps",
    }
    words = {
        "information": [s.information for s in schemes],
        "feedback": [s.feedback for s in schemes],
        "exact_when": [s.exact_when for s in schemes],
        "limit": [s.limit.option if s.limit else "" for s in schemes],
        "loss": [row["loss"] for row in rows],
    }
    return group(
        {
            "angle": (every, states[..., 0], "degree", "to the exact gradient"),
            "size_ratio": (every, states[..., 1], "1", "length over the gradient's"),
            "angle_of_mean": (some, means[..., 0], "degree", "of the mean update"),
            "size_ratio_of_mean": (some, means[..., 1], "1", "of the mean update"),
            **{
                name: (("scheme",), np.array([row[name] for row in rows]), "1", text)
                for name, text in numbers.items()
            },
        },
        {
            "scheme": [s.name for s in schemes],
            "replica": seed + np.arange(networks),
            "state": [*STATES[: states.shape[2]]],
            "layer": layers,
            **{name: ("scheme", values) for name, values in words.items()},
        },
        nonfinite="found",
    )


def _headline(atlas):
    """Means over networks in the first hidden layer."""
    figures = {}
    first = str(atlas.layer.values[0])
    means = atlas.sel(layer=first).mean("replica")
    for name in atlas.scheme.values:
        one = means.sel(scheme=name)
        at = one.sel(state="start")
        found = {
            f"angle_deg_{name}_{first}": (at.angle, "degree"),
            f"size_ratio_{name}_{first}": (at.size_ratio, "1"),
        }
        if "learned" in atlas.state.values:
            learned = one.angle.sel(state="learned")
            found[f"angle_deg_{name}_{first}_learned"] = (learned, "degree")
        if np.isfinite(one.angle_of_mean):
            found[f"angle_deg_{name}_{first}_mean"] = (one.angle_of_mean, "degree")
        figures |= {
            key: {"value": float(value), "unit": unit}
            for key, (value, unit) in found.items()
        }
    return figures
