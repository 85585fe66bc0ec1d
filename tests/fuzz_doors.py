"""Tries of public doors with random arrays, as a process: ``fuzz_doors.py FIRST N``."""

import collections
import sys
import traceback
import warnings
from pathlib import Path

import numpy as np
from scipy import sparse

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]

from systems import two_populations  # noqa: E402

import circuits  # noqa: E402
import dendrites as dn  # noqa: E402
from circuits.run.pieces import Inputs  # noqa: E402
from dendrites import models, rules  # noqa: E402
from dendrites.errors import DendritesError  # noqa: E402

PACKAGES = ("circuits", "dendrites")
N_PRE, N_POST, STEPS, DT = 4, 3, 10, 0.5
CELLS = models.three_compartment(tau_soma=10.0, tau_dendrite=3.0)
RULE = dn.ActivityDifference("rate", "basal", 0.01)
DTYPES = ("f8", "f4", "f2", ">f8", "i8", "u1", "?", "c16", "O", "U3", "M8[s]")
VALUES = (0.0, 1.0, -1.0, 0.5, 1e3, -1e9, 1e30, np.nan, np.inf, -np.inf, 1e-300)


def array(rng, shape):
    """An array near the shape that is right, of some type, order and content."""
    if rng.random() < 0.7:
        right = rng.uniform(0.1, 0.9, shape)
        forms = (np.asfortranarray, np.float32, np.ascontiguousarray, np.rint)
        return forms[rng.integers(len(forms))](right)
    shape = list(shape)
    while rng.random() < 0.3:
        kind = rng.integers(5)
        if kind == 0 and shape:
            shape[rng.integers(len(shape))] = int(rng.choice([0, 1, 2, 5, 1000]))
        elif kind == 1:
            shape.insert(0, int(rng.integers(0, 3)))
        elif kind == 2 and shape:
            shape.pop(rng.integers(len(shape)))
        elif kind == 3:
            shape = shape[::-1]
        else:
            shape.append(1)
    values = rng.uniform(0.0, 1.0, shape)
    if rng.random() < 0.3:
        values = rng.choice(VALUES, shape)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if rng.random() < 0.3:
            values = np.asarray(values).astype(rng.choice(DTYPES[:-1]))
    form = rng.integers(9)
    if form == 0:
        return np.asfortranarray(values)
    if form == 1 and np.ndim(values):
        return np.repeat(values, 2, axis=-1)[..., ::2]
    if form == 2 and np.ndim(values):
        return values[::-1]
    if form == 3:
        return values.tolist()
    if form == 4:
        return np.ma.array(values, mask=rng.random(np.shape(values)) < 0.2)
    if form == 5 and np.ndim(values) == 2 and values.dtype.kind in "fi":
        return sparse.csr_array(values.astype(float))
    if form == 6:
        return np.broadcast_to(values[..., :1], np.shape(values)) if np.ndim(
            values
        ) else values  # fmt: skip
    return values


def integers(rng, n, most):
    """Whole numbers near those that are right."""
    values = rng.integers(0, most, n)
    kind = rng.integers(6)
    if kind == 0 and n:
        values[rng.integers(n)] = rng.choice([-1, most, 2**31, -(2**40), 2**62])
    if kind == 1:
        values = values.astype(rng.choice(["u1", "i2", "u8", "f8", "?"]))
    return values.tolist() if kind == 2 else values


def some(rng, make):
    """Mostly what `make` gives, now and then nothing or nonsense."""
    other = (None, 5, "abc", [], {}, object(), np.zeros(0), -1, 2**70)
    if rng.random() < 0.05:
        return other[rng.integers(len(other))]
    return make()


def train(rng):
    """A spike train with its channels."""
    n = int(rng.integers(0, 6))
    times = np.sort(rng.uniform(0.0, STEPS * DT * 1.1, n))
    times = times if rng.random() < 0.8 else array(rng, (n,))
    channels = integers(rng, n, N_PRE)
    if rng.random() < 0.1:
        return times
    return times, channels if rng.random() < 0.9 else array(rng, (n,))


def spiking(**options):
    return two_populations(
        N_PRE, N_POST, steps=STEPS, dt=DT, post=CELLS, pre=models.presynaptic(),
        signal="spike_rate", **options,
    )  # fmt: skip


def rates(**options):
    return two_populations(N_PRE, N_POST, steps=STEPS, dt=DT, post=CELLS, **options)


def mask(rng):
    return array(rng, (N_POST, N_PRE)) if rng.random() < 0.5 else (
        rng.random((N_POST, N_PRE)) < 0.5
    )  # fmt: skip


def simulate(rng):
    samples = int(rng.integers(1, 4))
    options = {}
    if rng.random() < 0.5:
        options["waveforms"] = some(
            rng, lambda: {"input": array(rng, (samples, STEPS, N_PRE))}
        )
    if rng.random() < 0.7:
        options["weights"] = some(
            rng, lambda: {"feedforward": array(rng, (N_POST, N_PRE))}
        )
    circuit = rates(
        rule=RULE,
        connectivity=some(rng, lambda: mask(rng)) if rng.random() < 0.4 else "dense",
        initial=array(rng, (N_POST, N_PRE)) if rng.random() < 0.3 else
        circuits.Constant(0.1),
    )  # fmt: skip
    record = circuits.Record(
        "output", units=some(rng, lambda: integers(rng, int(rng.integers(0, 4)), 3))
    )
    return circuits.simulate(
        circuit,
        some(rng, lambda: {"input": array(rng, (samples, N_PRE))}),
        [record],
        learning=True,
        **options,
    )


def force(rng):
    samples = int(rng.integers(1, 3))
    trains = [train(rng) for _ in range(samples)]
    forced = trains if rng.random() < 0.5 else trains[0]
    return circuits.simulate(
        spiking(rule=RULE),
        {"input": array(rng, (samples, N_PRE))},
        ["output", circuits.Record("input", spikes=True)],
        learning=True,
        forced_spikes=some(rng, lambda: {"input": forced}),
    )


def sequence(rng):
    count = int(rng.integers(1, 4))
    return circuits.present_sequence(
        rates(rule=RULE),
        some(rng, lambda: {"input": array(rng, (count, N_PRE))}),
        keep=some(rng, lambda: integers(rng, 2, count + 1)),
        weights={"feedforward": array(rng, (N_POST, N_PRE))},
    ).weights


def task(rng):
    def split(n):
        return circuits.Split(
            array(rng, (n, N_PRE)),
            array(rng, (n, N_POST)),
            some(rng, lambda: integers(rng, n, N_POST)) if rng.random() < 0.5 else None,
            np.arange(n),
        )

    splits = {"train": split(5), "test": split(2)}
    return circuits.train(
        rates(rule=RULE), circuits.Task("random", splits), epochs=1, batch=2,
        threads=1, probe=0, weights={"feedforward": array(rng, (N_POST, N_PRE))},
    )  # fmt: skip


def cell(rng):
    n = int(rng.integers(1, 4))
    drives = {
        "basal": lambda: dn.waveform(array(rng, (2 * STEPS,)), dt=DT),
        "apical": lambda: dn.spike_train(np.sort(array(rng, (4,)))),
        "soma": lambda: [array(rng, ()) for _ in range(n)],
    }
    name = str(rng.choice(list(drives)))
    return dn.simulate(
        CELLS, duration=STEPS * DT, dt=DT, **{name: some(rng, drives[name])}
    )


def fired(rng):
    trains = [np.sort(array(rng, (4,)), axis=0) for _ in range(2)]
    return dn.simulate(
        models.urbanczik_senn(),
        duration=STEPS * DT,
        dt=0.1,
        forced_spikes=some(rng, lambda: trains if rng.random() < 0.5 else trains[0]),
    )


def alignment(rng):
    return circuits.measure_alignment(array(rng, (3, 2)), array(rng, (3, 2)))


def timing(rng):
    return dn.ActivityDifference("rate", "basal"), rules.stdp_pair(
        a_plus=array(rng, ()), a_minus=1.0
    )


def pieces(rng):
    bias = circuits.Population("bias", models.source(), 1, pattern=1.0)
    joined = circuits.Projection("bias", "output", "soma")
    circuit = spiking(rule=RULE, more=(bias,), extra=(joined,))

    def given(first, count):
        steps = np.sort(rng.integers(0, count, 3))
        if rng.random() < 0.3:
            steps = integers(rng, 3, count)
        return Inputs({}, {"input": (steps, integers(rng, 3, N_PRE))})

    return [
        piece.weights
        for piece in circuits.run_in_pieces(
            circuit, given, n_steps=2 * STEPS, piece=STEPS, forced=["input"],
            record=["output"],
        )
    ]  # fmt: skip


DOORS = (
    simulate,
    simulate,
    force,
    force,
    sequence,
    task,
    cell,
    fired,
    alignment,
    timing,
    pieces,
)


def outcome(door, rng):
    """How one try ended; anything but a result or our error is raised."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            door(rng)
        except DendritesError:
            return "refused"
    return "run"


def reached_the_library(error):
    """Whether an error comes from behind a door, not from making the arrays."""
    frames = traceback.extract_tb(error.__traceback__)
    return any(
        f"/{package}/" in frame.filename and "/tests/" not in frame.filename
        for frame in frames
        for package in PACKAGES
    )


def main(first, count):
    ended = collections.Counter()
    for number in range(first, first + count):
        door = DOORS[number % len(DOORS)]
        try:
            ended[door.__name__, outcome(door, np.random.default_rng(number))] += 1
        except Exception as error:
            if reached_the_library(error):
                print(f"try {number} of {door.__name__}:\n{traceback.format_exc()}")
                return 1
            ended[door.__name__, "not made"] += 1
    for (door, end), n in sorted(ended.items()):
        print(f"{door}: {n} {end}")
    print(f"{count} tries")
    return 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:3])))
