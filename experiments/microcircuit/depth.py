"""The depth experiment: how many hidden layers can the microcircuit train?"""

import time
from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge, Gt

from experiments.checks import given_or_usual
from experiments.parameters import Argument, Checkpoint, Progress, Resume, Seed, Threads
from experiments.record import question

CITATION = "Sacramento, Costa, Bengio & Senn (2018), NeurIPS 31, 8721-8732"
# Rates of layers; how weights start.
SETTINGS = {
    "matched": {"matched": True, "start": "centred"},
    "equal_rates": {"matched": False, "start": "centred"},
    "plain_start": {"matched": True, "start": "plain"},
}
# An error keeps its size from one hidden layer to the next below if top-down weights
# are uniform over +-8.5 / sqrt(n): sqrt(1/3) of that, times the largest slope 1/4 and
# the attenuation 0.82, is 1. Lower layers learn better with larger steps (tried on seed
# 0): the lowest takes about twelve times the highest's.
EQUAL_STEPS, LARGEST_RATIO, LARGEST_FEEDBACK = 8.5, 12.6, 30.0
HIDDEN_STEP = 0.008
SHOWN = 500  # images on which the signal that reaches the top is measured


@question()
def depth(
    *,
    depths: Annotated[tuple[int, ...], Argument("numbers of hidden layers")] = (
        1,
        3,
        5,
    ),
    width: Annotated[int, Argument("cells of each hidden layer"), Ge(1)] = 500,
    epochs: Annotated[int, Argument("passes over the training images"), Ge(1)] = 3,
    settings: Annotated[tuple[str, ...], Argument("of " + ", ".join(SETTINGS))] = tuple(
        SETTINGS
    ),
    dataset: Annotated[
        Literal["mnist", "fashion_mnist"], Argument("images to learn")
    ] = "mnist",
    output_step: Annotated[
        float, Argument("of the output layer down the gradient, per presentation")
    ] = 0.02,
    hidden_step: Annotated[
        float | None,
        Argument(
            "of hidden layers down the gradient, per presentation, matched rates",
            usual=HIDDEN_STEP,
        ),
    ] = None,
    rate_decay: Annotated[float, Argument("of all rates, per epoch")] = 0.93,
    output_mixing: Annotated[
        float, Argument("share of the teacher in an output cell"), Gt(0)
    ] = 0.5,
    mixing: Annotated[
        float, Argument("share of the apical dendrite, and of the nudge"), Gt(0)
    ] = 0.1,
    top_feedback: Annotated[
        float, Argument("largest initial top-down weight from the output"), Gt(0)
    ] = 30.0,
    hidden_feedback: Annotated[
        float | None,
        Argument("the same from hidden layers, times sqrt(size) [default: by depth]"),
        Gt(0),
    ] = None,
    batch: Annotated[int, Argument("images shown side by side"), Ge(1)] = 10,
    train: Annotated[
        int | None, Argument("first so many training images [default: 55,000]"), Ge(1)
    ] = None,
    dtype: Annotated[
        Literal["float32", "float64"], Argument("of state and weights")
    ] = "float32",
    seed: Annotated[Seed, Argument("of weights and order of images")] = 0,
    threads: Threads = None,
    progress: Progress = False,
    checkpoint: Annotated[
        Checkpoint, Argument("file saved after every network")
    ] = None,
    resume: Resume = False,
):
    """How many hidden layers can the microcircuit train, and what stops it?

    Two-sweep circuits of growing depth learn MNIST: with rates matched to the dilution
    of errors, with equal rates, and with weights that let the differences between
    images fade on their way up. Needs the MNIST files.

    Returns
    -------
    xarray.DataTree
        ``/sweep``: errors (setting, depth, epoch) of test and validation images, the
        spread of top hidden rates over images before training (setting, depth), and
        the angle of the lowest layer to the exact gradient.

    Source: our experiment; the circuit of Sacramento et al. (2018).
    """
    from dendrites._checks import whole_number
    from dendrites.dataset import group, run_tree
    from dendrites.provenance import now
    from experiments import tasks

    created, begun = now(), time.perf_counter()
    _check_settings(settings)
    depths = tuple(
        sorted({whole_number("depths", layers, lowest=1) for layers in depths})
    )
    hidden_step = given_or_usual(
        "hidden_step",
        hidden_step,
        HIDDEN_STEP,
        acts=any(SETTINGS[name]["matched"] for name in settings),
        needs="settings of matched rates",
    )
    given_or_usual(
        "hidden_feedback",
        hidden_feedback,
        None,
        acts=any(layers > 1 for layers in depths),
        needs="depths of two hidden layers or more",
    )
    task = getattr(tasks, dataset)()
    if train is not None:
        task = task.subset(train=train)
    config = {
        "depths": list(depths),
        "width": width,
        "epochs": epochs,
        "settings": list(settings),
        "task": task.name,
        "output_step": output_step,
        "hidden_step": hidden_step,
        "rate_decay": rate_decay,
        "output_mixing": output_mixing,
        "mixing": mixing,
        "top_feedback": top_feedback,
        "hidden_feedback": hidden_feedback or 0.0,
        "batch": batch,
        "train": train or 0,
        "dtype": dtype,
        "seed": str(seed),
    }
    keys = [f"{name}/{layers}" for name in settings for layers in depths]
    finished = _finished(checkpoint, config, resume, keys, epochs) if resume else {}
    for name in settings:
        for layers in depths:
            key = f"{name}/{layers}"
            if f"{key}/test" in finished:
                continue
            finished |= _train_network(
                key,
                task,
                (width,) * layers,
                config,
                seed=seed,
                threads=threads,
                progress=progress,
                **SETTINGS[name],
            )
            _save(checkpoint, config, finished)
    rows = [[f"{name}/{layers}" for layers in depths] for name in settings]

    def table(quantity):
        return np.array(
            [[finished[f"{key}/{quantity}"] for key in row] for row in rows]
        )

    curve, single = ("setting", "depth", "epoch"), ("setting", "depth")
    variables = {
        f"{split}_error": (curve, table(split), "1", f"on {split} images")
        for split in ("validation", "test")
        if split in task.splits
    }
    variables["angle_to_bp"] = (
        curve,
        table("angle"),
        "degree",
        "of the lowest hidden layer's update, after the epoch",
    )
    variables["signal"] = (
        single,
        table("signal"),
        "1",
        "standard deviation over images of top hidden rates before training, mean",
    )
    dataset = group(
        variables,
        {
            "setting": list(settings),
            "depth": np.array(depths),
            "epoch": np.arange(1, epochs + 1),
        },
    )
    return run_tree(
        "sweep",
        config,
        {"/sweep": dataset},
        title=f"Depth of dendritic microcircuits on {task.name}",
        integrator="settled",
        dt_ms=0.1,
        dtype=dtype,
        seed=seed,
        n_epochs=epochs,
        created_utc=created,
        citation=CITATION,
        headline=_headline(dataset, time.perf_counter() - begun),
        data_sources=task.sources,
        extra={"finished_utc": now()},
    )


def _train_network(
    key, task, hidden, config, *, matched, start, seed, threads, progress
):
    """Curves of one network by ``key/quantity``."""
    import circuits
    from circuits.gradient import feedforward
    from dendrites.compile.loops import elementwise
    from experiments.microcircuit.image_circuit import image_circuit, initial

    circuit = image_circuit(
        (task.n_inputs, *hidden, task.n_outputs),
        two_sweep=True,
        steps=(config["output_step"], config["hidden_step"]),
        mixing=config["mixing"],
        output_mixing=config["output_mixing"],
        matched=matched,
        seed=seed,
    )
    weights = initial(
        circuit,
        task,
        top_feedback=config["top_feedback"],
        hidden_feedback=config["hidden_feedback"] or feedback_of(len(hidden)),
        start=start,
    )
    tree = circuits.train(
        circuit,
        task,
        epochs=config["epochs"],
        batch=config["batch"],
        rate_decay=config["rate_decay"],
        weights=weights,
        dtype=config["dtype"],
        threads=threads,
        progress=progress,
    )
    errors = tree["training"].error_rate
    drawn = circuits.initial_weights(circuit, seed=seed, given=weights)
    images = task.splits["train"].inputs[:SHOWN]
    top = feedforward(circuit, drawn, images)[-2]
    rates = elementwise(circuit.network.phi[0], top)
    return {
        **{
            f"{key}/{split}": errors.sel(split=split).values
            for split in ("validation", "test")
            if split in errors.split.values
        },
        f"{key}/angle": tree["diagnostics"].angle_to_bp.sel(layer="hidden1").values[1:],
        f"{key}/signal": np.array(rates.std(axis=0).mean()),
    }


def feedback_of(layers: int) -> float:
    """Scale of top-down weights between hidden layers in a network of that depth."""
    if layers < 2:
        return LARGEST_FEEDBACK
    return min(LARGEST_FEEDBACK, EQUAL_STEPS * LARGEST_RATIO ** (1 / (layers - 1)))


def _check_settings(settings):
    from dendrites.errors import ConfigError, choices

    for name in settings:
        if name not in SETTINGS:
            raise ConfigError(
                f"settings: {name!r} is unknown. {choices(name, SETTINGS)}"
            )


def _finished(checkpoint, config, resume, keys, epochs):
    """Networks trained before an interruption, checked to be of these settings."""
    from circuits.checkpoint import check_arrays, load_same_run

    _, arrays = load_same_run(checkpoint, config, resume) or ({}, {})
    wanted = {}
    for key in keys:
        if f"{key}/test" in arrays:
            wanted |= {f"{key}/{part}": np.empty(epochs) for part in ("test", "angle")}
            wanted[f"{key}/signal"] = np.empty(())
        if f"{key}/validation" in arrays:
            wanted[f"{key}/validation"] = np.empty(epochs)
    check_arrays(arrays, wanted)
    return arrays


def _save(checkpoint, config, finished):
    from circuits.checkpoint import run_header, save_checkpoint

    if checkpoint is not None:
        save_checkpoint(checkpoint, run_header(config), finished)


def _headline(dataset, seconds):
    result = {}
    for layers in (3, 5):
        if layers in dataset.depth.values:
            for name in dataset.setting.values:
                row = dataset.test_error.sel(setting=name, depth=layers)
                result[f"test_error_{layers}_{name}"] = {
                    "value": float(row[-1]),
                    "unit": "1",
                    "reference": "",
                    "source": f"{layers} hidden layers, last epoch",
                }
    result["wall_s"] = {
        "value": seconds,
        "unit": "s",
        "reference": "",
        "source": "whole run",
    }
    return result
