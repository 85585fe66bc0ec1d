"""The compare-rules experiment: learning schemes learn the same task."""

import functools
from collections.abc import Callable
from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge, Gt, Le

from experiments.family.chosen import ALL, chosen
from experiments.parameters import Argument, Progress, Repeats, Seed, Threads
from experiments.record import Answer, question

CITATION = "Lillicrap et al. (2020), Nat. Rev. Neurosci. 21, 335"
FIRST, PER_DECADE = 100, 8
VALIDATION = 0.2
MNIST_VALIDATION = 5000


@question(title="Learning schemes on the same task", citation=CITATION)
def compare_rules(
    *,
    rules: Annotated[
        tuple[str, ...], Argument("schemes of the table, or the word all")
    ] = (ALL,),
    circuits: Annotated[
        tuple[Callable, ...] | None,
        Argument("your own functions of layer sizes that give a Circuit", typed=False),
    ] = None,
    task: Annotated[Literal["digits", "mnist"], Argument("what is learned")] = "digits",
    hidden: Annotated[
        tuple[Annotated[int, Gt(0)], ...], Argument("cells of each hidden layer")
    ] = (50,),
    presentations: Annotated[
        int, Argument("examples shown to each network"), Ge(2 * FIRST)
    ] = 60_000,
    goal: Annotated[
        float,
        Argument("error whose presentations are counted", "percent"),
        Gt(0),
        Le(100),
    ] = 5.0,
    rate_factor: Annotated[
        float, Argument("on the learning rates of the table"), Gt(0)
    ] = 1.0,
    tested: Annotated[
        Literal["test", "validation"],
        Argument("examples the error is of; rates were chosen on those of validation"),
    ] = "test",
    batch: Annotated[int, Argument("examples shown side by side"), Ge(1)] = 10,
    seeds: Annotated[Repeats, Argument("networks of each scheme")] = 5,
    seed: Annotated[
        Seed, Argument("of the first network; the others have the next ones")
    ] = 0,
    threads: Threads = None,
    progress: Progress = False,
):
    """What does a learning scheme gain by telling hidden cells more of the error?

    Networks of one size learn to read digits, each scheme with its own rule, cells and
    loss and with a learning rate that was chosen on validation examples. Schemes are
    ordered by what they tell a hidden cell: nothing, one number for all cells,
    differences of activity, or an error of its own.

    Returns
    -------
    xarray.DataTree
        ``/compare``: ``error_rate`` (scheme, replica, presentation), of examples never
        shown; ``test_error``, its last value; ``presentations_to_goal`` and
        ``seconds_to_goal`` (processor time of learning), NaN where a network never gets
        there, and ``seconds`` of all presentations, (scheme, replica). In words
        ``information``, ``feedback``, ``loss`` and ``why``: what keeps a scheme from
        the error of backprop.

    Source: our form of Lillicrap et al. (2020), Fig. 2; schemes as in
    `circuits.algorithms`.
    """
    from tqdm import tqdm

    from experiments.family.learners import Learners

    schemes = chosen(rules, circuits, "compare")
    moments = measured_at(presentations)
    numbers = range(seed, seed + seeds)
    n = len(moments)
    error = np.empty((len(schemes), seeds, n))
    seconds = np.empty((len(schemes), seeds, n))
    losses, sources = [], ()
    with tqdm(
        total=len(schemes) * n, unit="look", disable=None if progress else True
    ) as bar:
        for s, scheme in enumerate(schemes):
            shown = [task_of(task, k, scheme.target_rates) for k in numbers]
            sizes = [shown[0].n_inputs, *hidden, shown[0].n_outputs]
            circuit = scheme.circuit(sizes, **scheme.quick)
            learners = Learners(
                circuit,
                shown,
                numbers,
                batch=scheme.batch or batch,
                factor=rate_factor,
                threads=threads,
            )
            for k, moment in enumerate(moments):
                learners.advance(moment)
                error[s, :, k] = learners.test(tested)
                seconds[s, :, k] = learners.seconds
                bar.update()
            losses.append(scheme.loss_of(circuit))
            sources = shown[0].sources
    found = _group(schemes, losses, error, seconds, moments, numbers, goal / 100.0)
    return Answer(
        {"/compare": found},
        dt=1.0,
        duration=0.0,
        settings={
            "rules": [s.name for s in schemes if s.own is None],
            "circuits": [s.name for s in schemes if s.own is not None],
        },
        headline=_headline(found, goal),
        sources=sources,
    )


def measured_at(presentations: int) -> list[int]:
    """Numbers of presentations after which networks are tested, in equal ratios."""
    decades = np.log10(presentations / FIRST)
    steps = max(2, round(PER_DECADE * decades) + 1)
    return sorted({round(x) for x in np.geomspace(FIRST, presentations, steps)})


@functools.cache
def task_of(name: str, seed: int, target_rates):
    """The task with training, validation and test examples.

    Of digits the last fifth of the training examples is for validation.
    """
    from circuits.task import Split, Task
    from experiments import tasks

    if name == "mnist":
        return tasks.mnist(validation=MNIST_VALIDATION, target_rates=target_rates)
    task = tasks.digits(seed=seed, target_rates=target_rates)
    train = task.splits["train"]
    kept = round((1.0 - VALIDATION) * len(train.inputs))
    splits = {
        "train": Split(*(part[:kept] for part in train)),
        "validation": Split(*(part[kept:] for part in train)),
        "test": task.splits["test"],
    }
    return Task(task.name, splits, task.sources)


def first_reached(curves, moments, goal):
    """Where curves (..., moment) are first no larger than the goal; NaN if never."""
    there = curves <= goal
    first = np.asarray(moments, float)[there.argmax(axis=-1)]
    return np.where(there.any(axis=-1), first, np.nan)


def _group(schemes, losses, error, seconds, moments, numbers, goal):
    from dendrites.dataset import group

    reached = first_reached(error, moments, goal)
    at = (error <= goal).argmax(axis=-1)[..., np.newaxis]
    spent = np.take_along_axis(seconds, at, axis=-1)[..., 0]
    each = ("scheme", "replica")
    words = {
        "information": [s.information for s in schemes],
        "feedback": [s.feedback for s in schemes],
        "why": [s.why for s in schemes],
        "loss": losses,
    }
    return group(
        {
            "error_rate": (
                (*each, "presentation"),
                error,
                "1",
                "share of examples never shown with a wrong answer",
            ),
            "test_error": (each, error[..., -1], "1", "at the end"),
            "presentations_to_goal": (
                each,
                reached,
                "1",
                "until the error is the goal",
            ),
            "seconds_to_goal": (
                each,
                np.where(np.isfinite(reached), spent, np.nan),
                "s",
                "processor time of learning until then",
            ),
            "seconds": (each, seconds[..., -1], "s", "processor time of learning"),
        },
        {
            "scheme": [s.name for s in schemes],
            "replica": np.array(numbers),
            "presentation": np.array(moments),
            **{name: ("scheme", values) for name, values in words.items()},
        },
        nonfinite="found",
        goal=goal,
    )


def _headline(found, goal):
    """Means over seeds; no number of presentations where a seed never gets there."""
    figures = {}
    for name in found.scheme.values:
        one = found.sel(scheme=name)
        figures[f"test_error_{name}"] = {"value": float(one.test_error.mean())}
        reached = one.presentations_to_goal.values
        if np.isfinite(reached).all():
            key = f"presentations_to_{goal:g}_percent_{name}"
            figures[key] = {"value": float(reached.mean())}
    return {key: {**entry, "unit": "1"} for key, entry in figures.items()}
