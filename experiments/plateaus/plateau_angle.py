"""The plateau-angle experiment: hidden updates against backpropagation."""

from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge

from experiments.parameters import Argument, Progress, Repeats, Seed
from experiments.record import Answer, question

CITATION = "Guerguiev, Lillicrap & Richards (2017), eLife 6:e22901"
FIGURE = "Fig. 7A, read off the plot, 60,000 images per epoch"
PUBLISHED = {"spikes": "65 to 70, from 90", "rate": "35 to 40, from 90"}
WORDS = {"spikes": "spiking", "rate": "rate"}


@question(
    title="Hidden updates of segregated dendrites and backpropagation",
    citation=CITATION,
)
def plateau_angle(
    *,
    task: Annotated[
        Literal["mnist", "mnist-test-file", "digits"],
        Argument("images; mnist-test-file: 8,000 of MNIST's test images"),
    ] = "mnist-test-file",
    images: Annotated[
        int, Argument("training images shown, each at most once"), Ge(1)
    ] = 8000,
    hidden: Annotated[int, Argument("cells of the hidden layer"), Ge(1)] = 500,
    fed_back: Annotated[
        tuple[Literal["spikes", "rate"], ...],
        Argument("what the output sends back, a network for each"),
    ] = ("spikes", "rate"),
    feedback: Annotated[
        Literal["random", "sparse", "symmetric", "noisy"],
        Argument("weights to apical dendrites; the last two with spikes only"),
    ] = "random",
    memory: Annotated[
        int, Argument("ms a synapse remembers a spike, 0: the full kernel"), Ge(0)
    ] = 10,
    networks: Annotated[Repeats, Argument("draws of weights and spikes")] = 1,
    stretch: Annotated[int, Argument("images per point of a curve"), Ge(1)] = 500,
    summed: Annotated[
        int, Argument("images whose updates are summed before comparing"), Ge(2)
    ] = 100,
    seed: Annotated[
        Seed, Argument("of the first network; the others have the next ones")
    ] = 0,
    progress: Progress = False,
):
    """How close are updates from plateau potentials to backpropagation?

    A network of segregated dendrites learns image by image. For each image the change
    of the hidden layer's basal weights is compared with the gradient of the output's
    loss through the output weights of that moment, from the same window means; and so
    are the sums of both over many images. The output sends back its spikes, or its
    rates.

    Returns
    -------
    xarray.DataTree
        ``/alignment`` with the angles (degree): ``angle`` (fed_back, replica, example)
        of single images, ``angle_median`` (fed_back, replica, stretch) and
        ``angle_sum`` (fed_back, replica, block); also ``error_rate``, the share of
        images that the network had wrong in their forward phase.

    Source: Guerguiev et al. (2017), Fig. 7A. How the published angle was averaged is
    our reading.
    """
    from tqdm import tqdm

    from circuits.algorithms import guerguiev
    from dendrites.errors import ConfigError
    from experiments.plateaus.watched import image_task

    if summed > images:
        raise ConfigError(
            f"summed = {summed} is more than there are images = {images}: no sum would "
            "be complete"
        )
    fed_back = tuple(dict.fromkeys(fed_back))
    tasks = [image_task(task, seed=seed + k, n_train=images) for k in range(networks)]
    circuits = {
        (sent, k): guerguiev(
            (tasks[k].n_inputs, hidden, tasks[k].n_outputs),
            fed_back=sent,
            feedback=feedback,
            memory=memory,
            seed=seed + k,
        )
        for sent in fed_back
        for k in range(networks)
    }
    found = {}
    total = images * len(circuits)
    bar = tqdm(total=total, unit="image", disable=None if progress else True)
    with bar:
        for (sent, k), circuit in circuits.items():
            found[sent, k] = follow(
                circuit, tasks[k], stretch=stretch, summed=summed, tick=bar.update
            )
    alignment = _alignment(found, fed_back, networks, seed, stretch, summed)
    return Answer(
        {"/alignment": alignment},
        dt=1.0,
        headline=_headline(alignment),
        n_epochs=1,
        sources=tasks[0].sources,
    )


def follow(circuit, task, *, stretch, summed, tick):
    """Train a network on all images of a task once and compare its updates.

    Returns
    -------
    dict of ndarray
        ``angle`` (image,), ``angle_median`` and ``error_rate`` (stretch,), in the order
        shown, and ``angle_sum`` (block,).
    """
    from circuits import measure_alignment
    from dendrites.random import generator
    from experiments.plateaus.watched import Watched

    split = task.splits["train"]
    count = len(split.inputs)
    order = generator(circuit.seed, "order/1").permutation(count)
    angles, wrong, sums, block = np.empty(count), np.empty(count), [], []
    output = "hidden1_to_output_basal"
    with Watched(circuit) as network:
        for k, row in enumerate(order):
            weights = network.weights(output)[output]
            means = network.watch(k, split.inputs[row], split.targets[row])
            (own,) = means.hidden_update
            reference = backpropagated(means, weights)
            angles[k] = measure_alignment(own, reference).angle
            wrong[k] = split.targets[row].argmax() != means.predicted.argmax()
            block.append((own, reference, means.active))
            if len(block) == summed:
                own, reference, active = (
                    np.array(rows) for rows in zip(*block, strict=True)
                )
                sums.append(
                    measure_alignment(own.T @ active, reference.T @ active).angle
                )
                block = []
            tick()
    parts = [slice(at, at + stretch) for at in range(0, count, stretch)]
    return {
        "angle": angles,
        "angle_median": np.array([np.median(angles[part]) for part in parts]),
        "error_rate": np.array([wrong[part].mean() for part in parts]),
        "angle_sum": np.array(sums),
    }


def backpropagated(means, weights) -> np.ndarray:
    """What backpropagation would change of the hidden layer, per unit of input.

    W^T [(taught rate - predicted rate) slope] slope, up to a positive factor: minus
    the gradient of the squared distance of the output's rates from the taught ones,
    in a network without spikes that has these mean potentials.

    Parameters
    ----------
    means : Means
    weights : ndarray (n_outputs, n_hidden), of the output, before the update
    """
    hidden, output = means.slope
    error = (means.rate_target - means.predicted) * output
    return (weights.T @ error) * hidden


def _alignment(found, fed_back, networks, seed, stretch, summed):
    from dendrites.dataset import group

    def stacked(name):
        return np.array(
            [[found[sent, k][name] for k in range(networks)] for sent in fed_back]
        )

    angle, sums = stacked("angle"), stacked("angle_sum")
    count = angle.shape[-1]
    ends = [min(at + stretch, count) for at in range(0, count, stretch)]
    dims = ("fed_back", "replica")
    return group(
        {
            "angle": ((*dims, "example"), angle, "degree", "of one image's update"),
            "angle_median": (
                (*dims, "stretch"),
                stacked("angle_median"),
                "degree",
                "median over the images of a stretch",
            ),
            "angle_sum": (
                (*dims, "block"),
                sums,
                "degree",
                "of updates summed over the images of a block",
            ),
            "error_rate": (
                (*dims, "stretch"),
                stacked("error_rate"),
                "1",
                "share of a stretch that the network had wrong before learning it",
            ),
        },
        {
            "fed_back": [*fed_back],
            "replica": seed + np.arange(networks),
            "example": np.arange(count),
            "stretch": np.arange(len(ends)),
            "block": np.arange(sums.shape[-1]),
            "examples_seen": ("stretch", np.array(ends)),
            "examples_summed": ("block", summed * np.arange(1, sums.shape[-1] + 1)),
        },
    )


def _headline(alignment):
    """Of the last stretch, means over networks."""
    result = {}
    blocks = _last_blocks(alignment)
    for sent in alignment.fed_back.values:
        at = alignment.sel(fed_back=sent)
        word, published = WORDS[sent], PUBLISHED[sent]
        result[f"angle_deg_{word}"] = {
            "value": float(at.angle_median[..., -1].mean()),
            "unit": "degree",
            "reference": published,
            "source": FIGURE,
        }
        result[f"angle_deg_{word}_lowest"] = {
            "value": float(at.angle_median.mean("replica").min()),
            "unit": "degree",
            "reference": "",
            "source": "lowest median of a stretch",
        }
        result[f"angle_deg_{word}_summed"] = {
            "value": float(at.angle_sum[..., -blocks:].mean()),
            "unit": "degree",
            "reference": published,
            "source": f"{FIGURE}; sums of updates here",
        }
    return result


def _last_blocks(alignment):
    """Number of sums that end in the last stretch, at least one."""
    ends = alignment.examples_seen.values
    begin = ends[-2] if len(ends) > 1 else 0
    return max(int((alignment.examples_summed.values > begin).sum()), 1)
