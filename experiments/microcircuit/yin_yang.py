"""The yin-yang experiment: curved borders between three classes, from four inputs."""

import time
from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge, Gt

from experiments.checks import given_or_usual
from experiments.parameters import Argument, Checkpoint, Progress, Resume, Seed, Threads
from experiments.record import question

CITATION = "Sacramento, Costa, Bengio & Senn (2018), NeurIPS 31, 8721-8732"
SIZES = (4, 120, 3)
TWO_SWEEP, CONTINUOUS = "two_sweep", "continuous"
# A public reimplementation's conductances for its continuous form.
CONDUCTANCES = {
    TWO_SWEEP: {"g_apical": 0.8, "g_interneuron_nudge": 0.8, "g_output_nudge": 0.8},
    CONTINUOUS: {"g_apical": 0.28, "g_interneuron_nudge": 0.34, "g_output_nudge": 0.34},
}
# Of options that act under a condition only.
USUAL = {
    "interneuron_rate": 0.15,
    "presentation": 30.0,
    "learning_lag": 20.0,
    "dt": 0.1,
    "block": 10,
}
VALIDATION, TEST = 1000, 1000
SETTLED = 20.0
# Steps of the output and of the hidden layer for batches of 10, the best of 16 tried on
# the validation points of seed 0.
BACKPROP_STEPS, BACKPROP_BATCH = (0.3, 400.0), 10
GRID = 201


@question()
def yin_yang(
    *,
    epochs: Annotated[int, Argument("passes over the training points"), Ge(1)] = 45,
    train: Annotated[int, Argument("training points"), Ge(2)] = 6000,
    hidden: Annotated[int, Argument("cells of the hidden layer"), Ge(1)] = SIZES[1],
    form: Annotated[
        Literal["two_sweep", "continuous"],
        Argument("steady-state form, or continuous time"),
    ] = TWO_SWEEP,
    output_step: Annotated[
        float,
        Argument("of the output layer down the gradient, per presentation"),
        Ge(0),
    ] = 0.023,
    hidden_step: Annotated[
        float,
        Argument("of the hidden layer down the gradient, per presentation"),
        Ge(0),
    ] = 32.0,
    rate_decay: Annotated[float, Argument("of all rates, per epoch")] = 0.93,
    interneurons: Annotated[
        Literal["tied", "plastic"], Argument("weights from pyramidal cells to them")
    ] = "tied",
    interneuron_rate: Annotated[
        float | None,
        Argument(
            "of plastic interneuron weights",
            "1/presentation",
            usual=USUAL["interneuron_rate"],
        ),
        Ge(0),
    ] = None,
    batch: Annotated[int, Argument("points shown side by side"), Ge(1)] = 1,
    presentation: Annotated[
        float | None,
        Argument(
            "time a point is shown, continuous form", "ms", usual=USUAL["presentation"]
        ),
        Gt(0),
    ] = None,
    learning_lag: Annotated[
        float | None,
        Argument(
            "plasticity waits so long, continuous form",
            "ms",
            usual=USUAL["learning_lag"],
        ),
        Ge(0),
    ] = None,
    dt: Annotated[
        float | None,
        Argument("Euler step, continuous form", "ms", usual=USUAL["dt"]),
        Gt(0),
    ] = None,
    block: Annotated[
        int | None,
        Argument(
            "steps per block of plasticity, continuous form", usual=USUAL["block"]
        ),
        Ge(1),
    ] = None,
    seed: Annotated[
        Seed, Argument("of points, initial weights and order of points")
    ] = 0,
    threads: Threads = None,
    progress: Progress = False,
    checkpoint: Checkpoint = None,
    resume: Resume = False,
):
    """Can a small circuit learn curved borders between three classes?

    A 4-120-3 circuit of logistic cells learns which part of the Yin-Yang symbol a point
    lies in, beside a control with a frozen hidden layer. Backprop on the same network,
    the best readout of the frozen hidden layer and a linear classifier see the same
    points.

    Returns
    -------
    xarray.DataTree
        ``/training``, ``/diagnostics``, ``/weights`` and ``/predictions`` of the
        circuit, ``/controls/frozen_hidden``, ``/references``, ``/points/test`` (where
        the test points lie and what was answered) and ``/map`` (answers and parts of
        the symbol on a grid, -1 outside).

    Source: Kriener, Goeltz & Petrovici (2022), arXiv:2102.08211 (task); Sacramento et
    al. (2018) (circuit). Size, points and epochs are those of a public
    reimplementation.
    """
    import circuits
    from dendrites.dataset import update_root, with_groups
    from experiments import tasks

    begun = time.perf_counter()
    given = {
        "interneuron_rate": interneuron_rate,
        "presentation": presentation,
        "learning_lag": learning_lag,
        "dt": dt,
        "block": block,
    }
    acting = _acting(given, form, interneurons)
    block = acting.pop("block")
    if interneurons == "tied":
        acting["interneuron_rate"] = None
    task = tasks.yin_yang(n_train=train, validation=VALIDATION, n_test=TEST, seed=seed)
    circuit = symbol_circuit(
        hidden=hidden,
        form=form,
        steps=(hidden_step, output_step),
        seed=seed,
        **acting,
    )
    first = circuit.network.layers[0]
    tree = circuits.train(
        circuit,
        task,
        epochs=epochs,
        batch=batch,
        integrator="blocked",
        block=block,
        rate_decay=rate_decay,
        threads=threads,
        controls={"frozen_hidden": (first.projection, first.bias)},
        progress=progress,
        checkpoint=checkpoint,
        resume=resume,
        config={
            "form": form,
            "train": train,
            "output_step": output_step,
            "hidden_step": hidden_step,
            "interneurons": interneurons,
        },
        title="A microcircuit learns the parts of the Yin-Yang symbol",
        citation=CITATION,
    )
    errors, curves = references_of(circuit, task, epochs, rate_decay, seed)
    tree = with_groups(
        tree,
        {
            "/references": _references(errors, curves),
            "/points/test": _points(task, tree),
            "/map": answer_map(circuit, tree),
        },
    )
    seconds = time.perf_counter() - begun
    return update_root(tree, headline=_headline(tree, errors, seconds))


def _acting(given, form, interneurons):
    """Values of options that act under a condition, the usual ones if not given."""
    continuous = (form == CONTINUOUS, "form = continuous")
    plastic = (interneurons == "plastic", "interneurons = plastic")
    conditions = dict.fromkeys(given, continuous) | {"interneuron_rate": plastic}
    return {
        name: given_or_usual(name, value, USUAL[name], acts=acts, needs=needs)
        for name, value in given.items()
        for acts, needs in [conditions[name]]
    }


def symbol_circuit(
    *, hidden, form, steps, interneuron_rate, presentation, learning_lag, dt, seed
):
    """The circuit of the experiment, with a plastic threshold for every cell.

    `steps` of the hidden and the output layer are in units of the gradient: each is
    divided by the first-order size of that layer's update. Interneurons keep mirroring
    the output unless they have a rate.
    """
    from circuits.algorithms import sacramento
    from dendrites.errors import ConfigError

    per = 1.0
    timing = {}
    if form == CONTINUOUS:
        per = presentation - learning_lag
        if not per > 0:
            raise ConfigError(
                f"learning_lag = {learning_lag:g} ms leaves nothing of a presentation "
                f"of {presentation:g} ms"
            )
        timing = {
            "presentation": presentation,
            "learning_lag": learning_lag,
            "test_presentation": SETTLED,
            "dt": dt,
        }
    tied = interneuron_rate is None

    def build(learning_rates):
        return sacramento(
            [SIZES[0], hidden, SIZES[-1]],
            learning_rates=learning_rates,
            interneuron_rate=None if tied else interneuron_rate / per,
            tie_interneurons=tied,
            tie_inhibition=tied,
            bias=True,
            form=form,
            seed=seed,
            **CONDUCTANCES[form],
            **timing,
        )

    scales = [layer.update_scale for layer in build((0.0, 0.0)).network.layers]
    return build(
        [step / scale / per for step, scale in zip(steps, scales, strict=True)]
    )


def references_of(circuit, task, epochs, rate_decay, seed):
    """Test errors of other learners by name, and the curve of backprop over epochs."""
    from experiments.baselines.gradient_descent import descend
    from experiments.baselines.linear import linear_error
    from experiments.baselines.readout import frozen_readout, settled_score

    output, hidden = BACKPROP_STEPS
    backprop = descend(
        circuit,
        task,
        epochs=epochs,
        batch=BACKPROP_BATCH,
        output_rate=output,
        hidden_rate=hidden,
        rate_decay=rate_decay,
        seed=seed,
    )["error_rate"]["test"]
    readout = frozen_readout(circuit, task)
    errors = {
        "backprop": float(backprop[-1]),
        "frozen_hidden_readout": settled_score(circuit, task, readout)["error_rate"],
        "linear": linear_error(task),
    }
    return errors, backprop


def answer_map(circuit, tree):
    """What the trained circuit answers on a grid over the symbol, and the truth.

    Returns
    -------
    xarray.Dataset
        ``answer`` and ``part`` (y, x): classes 0, 1, 2; -1 outside the symbol.
    """
    from circuits.gradient import feedforward
    from dendrites.dataset import group
    from experiments.tasks import yin_yang_class

    weights = {
        name: node.w.values[-1] for name, node in tree["weights"].children.items()
    }
    place = np.linspace(0.0, 1.0, GRID)
    x, y = (side.ravel() for side in np.meshgrid(place, place))
    inputs = np.stack([x, y, 1.0 - x, 1.0 - y], axis=1)
    answers = feedforward(circuit, weights, inputs)[-1].argmax(axis=1)
    part = yin_yang_class(x, y)
    shape = (GRID, GRID)
    return group(
        {
            "answer": (
                ("y", "x"),
                np.where(part < 0, -1, answers).reshape(shape),
                "1",
                "class of the largest output",
            ),
            "part": (("y", "x"), part.reshape(shape), "1", "part of the symbol"),
        },
        {"y": place, "x": place},
    )


def _points(task, tree):
    """Test points with their part of the symbol and the circuit's answer."""
    from dendrites.dataset import group

    test = task.splits["test"]
    found = tree["predictions/test"].prediction.values[-1]
    return group(
        {
            "x": (("example",), test.inputs[:, 0], "1"),
            "y": (("example",), test.inputs[:, 1], "1"),
            "target": (("example",), test.labels, "1"),
            "prediction": (("example",), found, "1"),
        },
        {"example": test.index},
    )


def _references(errors, curve):
    from dendrites.dataset import group

    return group(
        {
            "error_rate": (
                ("reference",),
                np.array([*errors.values()]),
                "1",
                "test error of other learners on the same points",
            ),
            "error_rate_backprop": (("epoch",), curve, "1", "test error"),
        },
        {"reference": [*errors], "epoch": np.arange(1, len(curve) + 1)},
    )


def _headline(tree, errors, seconds):
    from experiments.baselines.linear import has_learned

    here = "same points, this run"
    control = tree["controls/frozen_hidden"].error_rate.sel(split="test")
    angles = tree["diagnostics"].angle_to_bp.sel(layer="hidden1")
    figures = (
        (
            "test_error",
            tree["training"].error_rate.sel(split="test")[-1],
            "1",
            "0.033 +- 0.008, in continuous time",
            "public reimplementation, 10 seeds",
        ),
        (
            "test_error_backprop",
            errors["backprop"],
            "1",
            "" if has_learned(errors["backprop"], 3) else "not trained: no reference",
            f"same network, {tree['training'].sizes['epoch']} epochs, {here}",
        ),
        (
            "test_error_frozen_hidden",
            control[-1],
            "1",
            f"converged readout {errors['frozen_hidden_readout']:.4f}",
            f"the circuit's own rule, {here}",
        ),
        (
            "test_error_frozen_hidden_readout",
            errors["frozen_hidden_readout"],
            "1",
            "",
            "readout trained to convergence, same loss",
        ),
        (
            "test_error_linear",
            errors["linear"],
            "1",
            "",
            f"logistic regression, {here}",
        ),
        (
            "angle_deg_hidden1",
            angles[1:].median(),
            "degree",
            "90 for a random direction",
            "exact gradient of the same network, median over epochs",
        ),
        ("wall_s", seconds, "s", "", "this run"),
    )
    return {
        name: {"value": float(value), "unit": unit, "reference": ref, "source": source}
        for name, value, unit, ref, source in figures
    }
