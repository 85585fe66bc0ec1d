"""The self-prediction experiment: lateral weights learn to silence apical dendrites."""

from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge, Gt

from experiments.checks import given_or_usual
from experiments.parameters import SIGMA, Argument, Progress, Repeats, Seed
from experiments.record import Answer, question

CITATION = "Sacramento, Costa, Bengio & Senn (2018), NeurIPS 31, 8721-8732"
SIZES = (30, 20, 10)
INTERNEURON_RATE, APICAL_RATE = 2.375e-4, 5e-4
INPUT_TAU = 3.0
DT = 0.1
RANGES = {"unit": (0.0, 1.0), "symmetric": (-1.0, 1.0)}
FRESH = 20
SETTLED = 100.0
MEASURED = (0, 1, 2, 3, 5, 10, 20, 30, 60, 100, 200, 400, 600)
MEASURED += (1000, 2000, 4000, 6000, 10000)
REPORTED = (10, 30, 600)


@question(
    title="Random lateral weights learn to silence apical dendrites", citation=CITATION
)
def self_prediction(
    *,
    patterns: Annotated[int, Argument("inputs shown one after the other"), Ge(1)] = 600,
    seeds: Annotated[Repeats, Argument("runs, each with its own draws")] = 5,
    inputs: Annotated[
        Literal["unit", "symmetric"], Argument("uniform(0, 1) or uniform(-1, 1)")
    ] = "unit",
    noise: Annotated[
        Literal["none", "white", "per_step"],
        Argument("of every soma while learning: Euler-Maruyama, or as public codes do"),
    ] = "none",
    sigma: Annotated[
        float | None, Argument("size of the noise, if any", usual=SIGMA), Ge(0)
    ] = None,
    presentation: Annotated[
        float, Argument("time each input is shown", "ms"), Gt(0)
    ] = 100.0,
    integrator: Annotated[
        Literal["exact", "blocked", "equilibrium"], Argument("when weights move")
    ] = "exact",
    seed: Annotated[
        Seed, Argument("of the first run; the others have the next ones")
    ] = 0,
    progress: Progress = False,
):
    """Do interneurons learn to silence the apical dendrites they reach?

    All weights of a 30-20-10 circuit start random and only the lateral ones, W_IP and
    W_PI, learn, without a teacher, while one random input follows the other. Apical
    power is the mean over 20 other inputs of the squared length of the vector of apical
    potentials, once the cells have settled. It is measured without noise and without
    learning, and what is measured leaves no trace in the run.

    Returns
    -------
    xarray.DataTree
        ``/self_prediction`` with ``apical_power``, ``prediction_error`` (squared
        difference of output and interneuron potentials, summed over cells, mean over
        inputs) and ``feedback_mismatch`` (|W_PI + B| / |B|), all (seed, presentation).

    Source: Sacramento et al. (2018), Fig. S1; rates, filters and times are those of
    public reimplementations.
    """
    sigma = given_or_usual(
        "sigma", sigma, SIGMA, acts=noise != "none", needs="noise of a kind"
    )
    from tqdm import tqdm

    import circuits
    from dendrites.dataset import group

    keep = sorted({n for n in MEASURED if n <= patterns} | {patterns})
    options = {"presentation": presentation, "noise": noise, "sigma": sigma}
    numbers = seed + np.arange(seeds)
    found = []
    with tqdm(
        total=seeds * patterns, unit="input", disable=None if progress else True
    ) as bar:
        for number in numbers:
            shown, fresh = draw_inputs(inputs, patterns, int(number))
            run = circuits.present_sequence(
                untaught_circuit(seed=int(number), **options),
                {"input": shown},
                keep=keep,
                integrator=integrator,
                tick=bar.update,
            )
            still = untaught_circuit(seed=int(number), presentation=SETTLED)
            found.append([measure(still, w, fresh) for w in run.weights])
    found = np.array(found)
    dims = ("seed", "presentation")
    result = group(
        {
            "apical_power": (
                dims,
                found[..., 0],
                "1",
                "squared length of the apical potentials, mean over fresh inputs",
            ),
            "prediction_error": (
                dims,
                found[..., 1],
                "1",
                "sum of squared (output - interneuron) potentials, mean over inputs",
            ),
            "feedback_mismatch": (dims, found[..., 2], "1", "|W_PI + B| / |B|"),
        },
        {"seed": numbers, "presentation": np.array(keep)},
    )
    return Answer(
        {"/self_prediction": result},
        dt=DT,
        duration=patterns * presentation,
        headline=_headline(result),
        integrator=integrator,
    )


def untaught_circuit(*, seed, presentation, noise="none", sigma=SIGMA):
    """The circuit of the experiment, its input shown without a teacher."""
    import circuits
    from circuits.microcircuit import microcircuit

    circuit = microcircuit(
        SIZES,
        interneuron_rates=INTERNEURON_RATE,
        apical_rates=APICAL_RATE,
        self_predicting=False,
        input_tau=INPUT_TAU,
        noise=None if noise == "none" else noise,
        sigma=None if noise == "none" else sigma,
        dt=DT,
        seed=seed,
        name="self_prediction",
    )
    free = circuits.Phase("free", presentation, on=("input",))
    return circuit.with_schedule(circuits.Schedule(free, carry_state=True))


def draw_inputs(inputs: str, patterns: int, seed: int):
    """Inputs to learn from, (patterns, n_in), and fresh ones to measure on."""
    from dendrites.random import generator

    low, high = RANGES[inputs]
    return tuple(
        generator(seed, f"self_prediction/{name}").uniform(low, high, (n, SIZES[0]))
        for name, n in (("shown", patterns), ("fresh", FRESH))
    )


def measure(circuit, weights: dict, fresh) -> tuple[float, float, float]:
    """Apical power, prediction error and feedback mismatch of given weights."""
    import circuits

    end = circuit.schedule.phases[0].duration
    compartments = {"hidden1": "apical", "output": "soma", "interneuron1": "soma"}
    tree = circuits.simulate(
        circuit,
        {"input": fresh},
        [circuits.Record(name, (x,), every=end) for name, x in compartments.items()],
        weights=weights,
    )
    apical, above, below = (
        tree[f"populations/{name}"].v.values[:, -1, 0] for name in compartments
    )
    top_down = weights["output_to_hidden1_apical"]
    mismatch = weights["interneuron1_to_hidden1_apical"] + top_down
    return (
        float((apical**2).sum(axis=1).mean()),
        float(((above - below) ** 2).sum(axis=1).mean()),
        float(np.linalg.norm(mismatch) / np.linalg.norm(top_down)),
    )


def _headline(result):
    here = f"median of {result.sizes['seed']} seeds"
    ratio = result.apical_power / result.apical_power.sel(presentation=0)
    figures = {
        f"apical_power_ratio_{n}": {
            "value": float(ratio.sel(presentation=n).median()),
            "unit": "1",
            "reference": "",
            "source": here,
        }
        for n in REPORTED
        if n in result.presentation.values
    }
    if 30 in result.presentation.values:
        mismatch = result.feedback_mismatch.sel(presentation=30)
        figures["feedback_mismatch_30"] = {
            "value": float(mismatch.median()),
            "unit": "1",
            "reference": "0 where W_PI = -B",
            "source": here,
        }
    return figures
