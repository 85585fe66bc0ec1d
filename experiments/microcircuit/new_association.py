"""Experiment new-association: a teacher brings an apical error, learning ends it."""

from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge

from experiments.checks import given_or_usual
from experiments.parameters import SIGMA, Argument, Progress, Repeats, Seed
from experiments.record import Answer, question

CITATION = "Sacramento, Costa, Bengio & Senn (2018), NeurIPS 31, 8721-8732"
SIZES = (30, 20, 10)
INPUT_TAU = 3.0
DT = 0.1
EVERY = 10.0
# One published pattern; every figure is a mean over a stretch of this length.
WINDOW = 100.0


@question(title="A microcircuit learns a new association", citation=CITATION)
def new_association(
    *,
    taught: Annotated[
        float, Argument("time with the teacher", "s"), Ge(WINDOW / 1000)
    ] = 20.0,
    untaught: Annotated[
        float, Argument("time without it, before and after", "s"), Ge(WINDOW / 1000)
    ] = 1.0,
    hidden_rate: Annotated[float, Argument("of W_1", "1/ms"), Ge(0)] = 1.1875e-3,
    output_rate: Annotated[float, Argument("of W_2", "1/ms"), Ge(0)] = 5e-4,
    interneuron_rate: Annotated[float, Argument("of W_IP", "1/ms"), Ge(0)] = 1.1875e-3,
    apical_rate: Annotated[float, Argument("of W_PI", "1/ms"), Ge(0)] = 5e-4,
    noise: Annotated[
        Literal["none", "white", "per_step"],
        Argument("of every soma: Euler-Maruyama, or as public codes do"),
    ] = "none",
    sigma: Annotated[
        float | None, Argument("size of the noise, if any", usual=SIGMA), Ge(0)
    ] = None,
    seeds: Annotated[Repeats, Argument("runs, each with its own draws")] = 5,
    seed: Annotated[
        Seed, Argument("of the first run; the others have the next ones")
    ] = 0,
    progress: Progress = False,
):
    """Does an error appear in apical dendrites with a teacher, and vanish by learning?

    A self-predicting 30-20-10 circuit is shown one input. Then a teacher pulls the
    output to a target, and is removed again. All bottom-up and lateral weights learn
    all the time. The apical potential is the sum of a top-down part, B r_output, and a
    lateral part, W_PI r_interneuron, which cancel at first. Figures before the teacher,
    at its onset, at its end and at the end of the run are means over 100 ms each.

    Returns
    -------
    xarray.DataTree
        ``/new_association`` with root mean squares over cells (seed, time): ``apical``,
        ``top_down`` and ``lateral`` potentials; ``output_error`` and
        ``predicted_error``, distances from the target of output rates and of those that
        the basal dendrites alone predict; and ``weight_speed`` (seed, projection,
        time). ``/populations/hidden1`` with ``v``, ``/populations/output`` with
        ``rate`` and ``target``, ``/stimuli/teacher``.

    Source: Sacramento et al. (2018), Fig. 1; rates, filters and times are those of
    public reimplementations.
    """
    sigma = given_or_usual(
        "sigma", sigma, SIGMA, acts=noise != "none", needs="noise of a kind"
    )
    from tqdm import tqdm

    from dendrites.dataset import group

    rates = {
        "W_1": hidden_rate,
        "W_2": output_rate,
        "W_IP": interneuron_rate,
        "W_PI": apical_rate,
    }
    onset, offset = 1000.0 * untaught, 1000.0 * (untaught + taught)
    numbers = seed + np.arange(seeds)
    runs = [
        one_run(rates, onset, offset, noise=noise, sigma=sigma, seed=int(number))
        for number in tqdm(numbers, unit="run", disable=None if progress else True)
    ]
    curves = _curves(runs, rates, numbers)
    teacher = {"onset": [onset], "offset": [offset]}
    return Answer(
        {
            "/new_association": curves,
            **_populations(runs, numbers),
            "/stimuli/teacher": group(
                {k: (("interval",), np.array(v), "ms") for k, v in teacher.items()},
                {"interval": np.arange(1)},
            ),
        },
        dt=DT,
        duration=onset + offset,
        headline=_headline(curves, onset, offset),
    )


def association_circuit(rates, onset, offset, *, seed, noise="none", sigma=SIGMA):
    """A self-predicting circuit whose teacher is on from `onset` to `offset`, ms.

    It is shown the input as long after the teacher as before.
    """
    import circuits
    from circuits.microcircuit import microcircuit

    circuit = microcircuit(
        SIZES,
        basal_rates=[rates["W_1"], rates["W_2"]],
        interneuron_rates=rates["W_IP"],
        apical_rates=rates["W_PI"],
        input_tau=INPUT_TAU,
        noise=None if noise == "none" else noise,
        sigma=None if noise == "none" else sigma,
        dt=DT,
        seed=seed,
        name="new_association",
    )
    phases = (
        circuits.Phase("free", onset, on=("input",)),
        circuits.Phase("nudged", offset - onset, on=("input", "target")),
        circuits.Phase("relaxed", onset, on=("input",)),
    )
    return circuit.with_schedule(circuits.Schedule(phases))


def draw_pair(seed: int):
    """Input rates uniform(0, 1) and target rates phi(uniform(-1, 1))."""
    from dendrites.compile.loops import elementwise
    from dendrites.random import generator
    from dendrites.transfer import logistic

    inputs = generator(seed, "new_association/input").uniform(0.0, 1.0, SIZES[0])
    potentials = generator(seed, "new_association/target").uniform(-1.0, 1.0, SIZES[-1])
    return inputs, elementwise(logistic, potentials)


def one_run(rates, onset, offset, *, seed, noise="none", sigma=SIGMA) -> dict:
    """Recordings of one circuit by population, with its target and B."""
    import circuits

    circuit = association_circuit(
        rates, onset, offset, seed=seed, noise=noise, sigma=sigma
    )
    inputs, target = draw_pair(seed)
    both = ("rate", "predicted_rate")
    tree = circuits.simulate(
        circuit,
        {"input": inputs, "target": target},
        [
            circuits.Record("input", (), ("rate",), every=EVERY),
            circuits.Record("hidden1", ("apical",), both, every=EVERY),
            circuits.Record("interneuron1", (), both, every=EVERY),
            circuits.Record("output", (), both, every=EVERY),
        ],
        learning=True,
    )
    weights = circuits.initial_weights(circuit)
    return {
        **{name: node.to_dataset() for name, node in tree["populations"].items()},
        "target": target,
        "B": weights["output_to_hidden1_apical"],
    }


def follow(run: dict, rates: dict) -> dict:
    """Curves over time of one run, by name; arrays (time,) or (projection, time).

    Recorded dendrites are those the last step used, one step older than the rates.
    """
    r = {
        name: run[name].rate.values
        for name in ("input", "hidden1", "interneuron1", "output")
    }
    predicted = run["output"].predicted_rate.values
    apical = run["hidden1"].v.values[:, 0]
    top_down = r["output"] @ run["B"].T
    terms = {
        "W_1": (r["hidden1"] - run["hidden1"].predicted_rate.values, r["input"]),
        "W_2": (r["output"] - predicted, r["hidden1"]),
        "W_IP": (
            r["interneuron1"] - run["interneuron1"].predicted_rate.values,
            r["hidden1"],
        ),
        "W_PI": (-apical, r["interneuron1"]),
    }
    return {
        "apical": _rms(apical),
        "top_down": _rms(top_down),
        "lateral": _rms(apical - top_down),
        "output_error": _rms(r["output"] - run["target"]),
        "predicted_error": _rms(predicted - run["target"]),
        # A term is an outer product: its length is that of the two vectors.
        "weight_speed": np.array(
            [
                rates[name] * np.linalg.norm(post, axis=1) * np.linalg.norm(pre, axis=1)
                for name, (post, pre) in terms.items()
            ]
        ),
    }


def stretches(onset: float, offset: float) -> dict:
    """Ends, ms, of the stretches of `WINDOW` ms that are compared."""
    return {
        "before": onset,
        "onset": onset + WINDOW,
        "end": offset,
        "after": offset + onset,
    }


def _rms(values):
    return np.sqrt((values**2).mean(axis=-1))


def _curves(runs, rates, numbers):
    from dendrites.dataset import group

    texts = {
        "apical": "root mean square of apical potentials",
        "top_down": "root mean square of B r_output",
        "lateral": "root mean square of W_PI r_interneuron",
        "output_error": "root mean square of output rates less target rates",
        "predicted_error": "the same of the rates that basal dendrites predict",
        "weight_speed": "length of a rule's term, before its low-pass filter",
    }
    found = [follow(run, rates) for run in runs]
    variables = {}
    for name, text in texts.items():
        speed = name == "weight_speed"
        dims = ("seed", "projection", "time") if speed else ("seed", "time")
        array = np.array([one[name] for one in found])
        variables[name] = (dims, array, "1/ms" if speed else "1", text)
    step = runs[0]["output"].step.values
    return group(
        variables,
        {
            "seed": numbers,
            "projection": [*rates],
            "time": step * DT,
            "step": ("time", step),
        },
        units={"time": "ms"},
    )


def _populations(runs, numbers):
    from dendrites.dataset import population_dataset

    step, leading = runs[0]["output"].step.values, ("replica", numbers)
    apical = np.array([run["hidden1"].v.values for run in runs])
    rate = np.array([run["output"].rate.values for run in runs])
    target = np.array([run["target"] for run in runs])
    return {
        "/populations/hidden1": population_dataset(
            step,
            DT,
            apical,
            ["apical"],
            np.arange(SIZES[1]),
            v_units="1",
            leading=leading,
        ),
        "/populations/output": population_dataset(
            step,
            DT,
            None,
            [],
            np.arange(SIZES[2]),
            others={
                "rate": (("time", "unit"), rate, "1"),
                "target": (("unit",), target, "1"),
            },
            leading=leading,
        ),
    }


def _headline(curves, onset, offset):
    """Medians over seeds of means over equally long stretches, and two half times."""
    ends = stretches(onset, offset)
    seeds = f"median of {curves.sizes['seed']} seeds"

    def mean(name, stretch):
        # A sample is the state after its step: the first one of a stretch is outside.
        end = ends[stretch]
        inside = (curves.time > end - WINDOW + DT / 2) & (curves.time < end + DT / 2)
        return curves[name].isel(time=inside.values).mean("time")

    figures = {}
    for variable, name, stretch, reference in (
        ("apical", "apical_rms_before", "before", "0 in the self-predicting state"),
        ("apical", "apical_rms_onset", "onset", ""),
        ("apical", "apical_rms_end", "end", "near 0 (Fig. 1, in kind)"),
        ("apical", "apical_rms_after", "after", "near 0"),
        ("output_error", "output_error_before", "before", ""),
        ("output_error", "output_error_after", "after", "near 0 (Fig. 1, in kind)"),
    ):
        figures[name] = {
            "value": float(mean(variable, stretch).median()),
            "unit": "1",
            "reference": reference,
            "source": f"{seeds}, mean over {WINDOW:g} ms",
        }
    for variable, name in (
        ("apical", "apical_half_time"),
        ("predicted_error", "predicted_error_half_time"),
    ):
        value = _half_time(curves[variable], mean(variable, "onset"), onset, offset)
        if np.isfinite(value):
            figures[name] = {
                "value": value,
                "unit": "s",
                "reference": "",
                "source": f"{seeds}, to half of the first {WINDOW:g} ms",
            }
    return figures


def _half_time(values, start, onset, offset):
    """Median time, s, from `onset` to the first sample at most half of `start`.

    Infinite if half of the runs or more do not come so far by `offset`.
    """
    taught = (values.time > onset + DT / 2) & (values.time < offset + DT / 2)
    values = values.isel(time=taught.values)
    below = (values <= start / 2).values
    times = (values.time.values - onset) / 1000.0
    first = [times[row.argmax()] if row.any() else np.inf for row in below]
    return float(np.median(first))
