"""The segregated-dendrites experiment: learning from plateau potentials."""

import time
from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge, Gt

from experiments.checks import given_or_usual
from experiments.parameters import Argument, Checkpoint, Progress, Resume, Seed, Threads
from experiments.record import question

CITATION = "Guerguiev, Lillicrap & Richards (2017), eLife 6:e22901"
HIDDEN = {"mnist": (500,), "mnist-test-file": (500,), "digits": (100,)}
NAMES = {
    "mnist": "MNIST",
    "mnist-test-file": "a part of MNIST",
    "digits": "8 x 8 digits",
}
START, END = "start", "end"
HZ = 1000.0
WATCHED = 500
PEAK_RATE = 0.2  # 1/ms
# Published test errors after 60 epochs of MNIST, by hidden layers and feedback.
PUBLISHED = {
    (0, "random"): "0.083",
    (1, "random"): "0.041",
    (2, "random"): "0.032",
    (1, "sparse"): "0.037",
    (1, "symmetric"): "0.036",
}


@question()
def segregated_dendrites(
    *,
    task: Annotated[
        Literal["mnist", "mnist-test-file", "digits"],
        Argument("images; mnist-test-file: 8,000 and 2,000 of MNIST's test images"),
    ] = "mnist-test-file",
    hidden: Annotated[
        tuple[Annotated[int, Ge(0)], ...] | None,
        Argument("cells of each hidden layer, 0: no layer [default: 500; digits: 100]"),
    ] = None,
    epochs: Annotated[int, Argument("passes over the training images"), Ge(1)] = 1,
    feedback: Annotated[
        Literal["random", "sparse", "symmetric", "noisy", "zero"],
        Argument("weights from the output to apical dendrites"),
    ] = "random",
    fed_back: Annotated[
        Literal["spikes", "rate"], Argument("what the output sends back")
    ] = "spikes",
    g_apical: Annotated[
        float, Argument("coupling of soma and apical dendrite", "1/ms"), Ge(0)
    ] = 0.0,
    memory: Annotated[
        int, Argument("ms a synapse remembers a spike, 0: the full kernel"), Ge(0)
    ] = 10,
    window: Annotated[
        Literal["last", "settled"],
        Argument("averaged of a phase: its last 20 ms, or all after 30 ms"),
    ] = "last",
    learning_rates: Annotated[
        tuple[Annotated[float, Ge(0)], ...] | None,
        Argument("of each hidden layer and the output [default: the published ones]"),
    ] = None,
    test_duration: Annotated[
        float, Argument("time a test image is shown", "ms"), Gt(30)
    ] = 250.0,
    n_train: Annotated[
        int | None, Argument("first so many training images [default: all]"), Ge(1)
    ] = None,
    watched: Annotated[
        int | None,
        Argument("training images on which local losses are measured", usual=WATCHED),
        Ge(2),
    ] = None,
    dtype: Annotated[
        Literal["float64", "float32"], Argument("of state and weights")
    ] = "float64",
    seed: Annotated[
        Seed, Argument("of split, weights, order of images and spikes")
    ] = 0,
    threads: Threads = None,
    progress: Progress = False,
    checkpoint: Checkpoint = None,
    resume: Resume = False,
):
    """Can plateau potentials of segregated dendrites teach a spiking network?

    The network of Guerguiev et al. (2017): every image is shown without and with a
    teacher, and the difference of a hidden cell's two plateau potentials moves its
    basal weights. One image at a time; cells are not reset in between. MNIST needs its
    files.

    Returns
    -------
    xarray.DataTree
        ``/training``, ``/weights`` and ``/predictions``, and ``/plateaus``: local
        losses of every hidden layer, the output's loss, their correlation and mean
        rates, with the weights of the start and of the end.

    Source: Guerguiev et al. (2017), Figs. 5, 6, 8 and 9.
    """
    import circuits
    from circuits.algorithms import guerguiev
    from dendrites.dataset import update_root, with_groups
    from experiments.plateaus.watched import image_task

    begun = time.perf_counter()
    layers = [n for n in (HIDDEN[task] if hidden is None else hidden) if n > 0]
    watched = given_or_usual(
        "watched", watched, WATCHED, acts=bool(layers), needs="a hidden layer"
    )
    images = image_task(task, seed=seed, n_train=n_train)
    circuit = guerguiev(
        [images.n_inputs, *layers, images.n_outputs],
        learning_rate=learning_rates,
        feedback=feedback,
        fed_back=fed_back,
        g_apical=g_apical,
        memory=memory,
        window=window,
        test_duration=test_duration,
        seed=seed,
    )
    tree = circuits.train(
        circuit,
        images,
        epochs=epochs,
        batch=1,
        integrator="exact",
        probe=0,
        dtype=dtype,
        threads=threads,
        progress=progress,
        checkpoint=checkpoint,
        resume=resume,
        config={
            "hidden": layers,
            "feedback": feedback,
            "fed_back": fed_back,
            "g_apical": g_apical,
            "memory": memory,
            "window": window,
            "test_duration": test_duration,
            "watched": watched,
        },
        title=f"Segregated dendrites learn {NAMES[task]}",
        citation=CITATION,
    )
    if layers:
        found = local_losses(circuit, images, tree, watched)
        tree = with_groups(tree, {"/plateaus": found})
    seconds = time.perf_counter() - begun
    reference = _reference(task, len(layers), feedback)
    return update_root(tree, headline=_headline(tree, reference, seconds))


def local_losses(circuit, task, tree, count):
    """Losses and rates for the first training images, before and after training.

    Returns
    -------
    xarray.Dataset
        ``loss_hidden`` (moment, layer, example), the squared plateau differences of a
        layer, summed; ``loss_output`` (moment, example), the squared distance of the
        taught from the forward rates of the output, in shares of the peak rate;
        ``correlation`` of the two (moment, layer) and ``rate`` (moment, population).
    """
    from dendrites.dataset import group
    from experiments.plateaus.watched import Watched

    split = task.splits["train"]
    count = min(count, len(split.inputs))
    stored = {name: node.w.values for name, node in tree["weights"].children.items()}
    seen = []
    for moment in (0, -1):
        weights = {name: values[moment] for name, values in stored.items()}
        with Watched(circuit, weights, stream="local losses") as network:
            seen.append(
                [
                    network.watch(k, split.inputs[k], split.targets[k], learning=False)
                    for k in range(count)
                ]
            )
    layers = network.layers
    hidden = np.array(
        [
            [[np.sum(d**2) for d in x.plateau_difference] for x in shown]
            for shown in seen
        ]
    ).transpose(0, 2, 1)
    output = np.array(
        [[np.sum((x.rate_target - x.predicted) ** 2) for x in shown] for shown in seen]
    )
    output /= PEAK_RATE**2
    rates = np.array(
        [
            [
                np.mean([x.rate_forward[k].mean() for x in shown])
                for k in range(len(layers))
            ]
            for shown in seen
        ]
    )
    correlation = [
        [_correlation(losses, own) for losses in hidden[k]]
        for k, own in enumerate(output)
    ]
    return group(
        {
            "loss_hidden": (
                ("moment", "layer", "example"),
                hidden,
                "1",
                "sum of squared differences of the plateaus of the two phases",
            ),
            "loss_output": (
                ("moment", "example"),
                output,
                "1",
                "squared distance from taught rates, in shares of the peak rate",
            ),
            "correlation": (
                ("moment", "layer"),
                np.array(correlation),
                "1",
                "of the two losses over examples",
            ),
            "rate": (
                ("moment", "population"),
                HZ * rates,
                "Hz",
                "mean over cells and examples, forward phase",
            ),
        },
        {
            "moment": [START, END],
            "layer": layers[:-1],
            "population": layers,
            "example": split.index[:count],
        },
    )


def _correlation(a, b):
    """Pearson's r; 0 if one of the two does not vary (no feedback)."""
    return float(np.corrcoef(a, b)[0, 1]) if np.ptp(a) > 0 and np.ptp(b) > 0 else 0.0


def _reference(task, n_hidden, feedback):
    """What is known of the test error: text and source."""
    if task == "mnist" and (n_hidden, feedback) in PUBLISHED:
        published = PUBLISHED[n_hidden, feedback]
        return f"{published} after 60 epochs", CITATION
    return "", "this run"


def _headline(tree, reference, seconds):
    text, source = reference
    training = tree["training"]
    test = training.error_rate.sel(split="test")
    figures = [("test_error", test[-1], "1", text, source)]
    if "plateaus" in tree.children:
        found = tree["plateaus"].to_dataset().sel(moment=END)
        first = str(found.layer.values[0])
        figures += [
            (
                f"loss_correlation_{first}",
                found.correlation.sel(layer=first),
                "1",
                "0.61 for one digit in epoch 2, 0.2 to 0.6 for most",
                "Fig. 5B, after training",
            ),
            (
                f"rate_hz_{first}",
                found.rate.sel(population=first),
                "Hz",
                "24 in the text; 106 of the public code, rates",
                "forward phase, after training",
            ),
        ]
    figures += [
        ("epoch_s", training.wall_time.median(), "s", "", "training, median"),
        ("wall_s", seconds, "s", "", "whole run"),
    ]
    return {
        name: {"value": float(value), "unit": unit, "reference": ref, "source": where}
        for name, value, unit, ref, where in figures
    }
