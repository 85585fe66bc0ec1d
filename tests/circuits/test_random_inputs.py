"""Random inputs of cells in circuits: their size, their addresses, who shares them."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest
from systems import patterns, plastic_microcircuit, run, two_populations
from tiny_training import tiny_circuit, tiny_task

from circuits.circuit import Circuit
from circuits.microcircuit import microcircuit
from circuits.population import Population
from circuits.projection import Projection
from circuits.run.options import run_options
from circuits.run.presenter import Presenter
from circuits.run.session import Session
from circuits.run.simulate import simulate
from circuits.run.train_options import TrainOptions
from circuits.schedule import Phase, Schedule
from dendrites import random
from dendrites._blas import serial_blas
from dendrites.cell import CellModel
from dendrites.errors import ModelError
from dendrites.models import sacramento_output, source

SEED = 7
SIZES = [6, 5, 4, 3]


class Shown(NamedTuple):
    number: float = 0.0


class Nothing(NamedTuple):
    pass


class ProbeInputs(NamedTuple):
    drive: float = 0.0
    noise: float = 0.0


def show(cell, inputs, p, dt):
    return Shown(inputs.noise)


PROBE = CellModel(
    "probe",
    Shown,
    Nothing,
    ProbeInputs,
    step=show,
    reads={"rate": lambda cell, p: cell.number},
    random={"noise": "normal"},
)


def probes(*kinds, n=3, steps=6, dt=0.25):
    """Populations `probe0`, ... whose cells show the number they have received."""
    cells = tuple(
        Population(f"probe{k}", replace(PROBE, random={"noise": kind}), n)
        for k, kind in enumerate(kinds)
    )
    drives = tuple(Projection("input", p.name, "drive") for p in cells)
    return Circuit(
        (Population("input", source(), 2), *cells),
        drives,
        Schedule((Phase("forward", steps * dt, on=("input",)),)),
        output=cells[0].name,
        dt=dt,
    )


def numbers(circuit, *, batch=2, presentations=(0,), **options):
    """Numbers (presentation, population, step, sample, cell)."""
    cells = [p.name for p in circuit.populations if p.model.random]
    shown = {"input": np.zeros((batch, 2))}
    presenter = Presenter(circuit, batch=batch, seed=SEED, record=cells, **options)
    found = []
    for number in presentations:
        presenter.present(shown, number=number)
        recorded = presenter.recorded()
        found.append([recorded[name, "number"][1:] for name in cells])
    return np.array(found)


# --- addresses ------------------------------------------------------------------------


@pytest.mark.nojit
@pytest.mark.parametrize("kind", ["white", "normal", "uniform"])
def test_every_number_is_that_of_its_stream_presentation_step_and_place(kind):
    circuit = probes("normal", kind, n=3, steps=4)
    draw = random.uniform if kind == "uniform" else random.normal
    scale = 2.0 if kind == "white" else 1.0  # 1 / sqrt(0.25), exact
    key = random.stream_key(SEED, "noise/probe1/noise")
    wanted = [
        [
            [scale * draw(*key, 0, number, step, place) for place in range(6)]
            for step in range(4)
        ]
        for number in (0, 5)
    ]
    got = numbers(circuit, presentations=(0, 5))[:, 1]
    np.testing.assert_array_equal(got.reshape(2, 4, 6), wanted)


def test_no_two_numbers_are_the_same():
    circuit = probes("normal", "normal", n=5, steps=20)
    main = numbers(circuit, batch=4, presentations=(0, 1, 2))
    test = numbers(circuit, batch=4, presentations=(0, 1, 2), stream="test")
    together = np.concatenate([main.ravel(), test.ravel()])
    # Of 4,800 numbers of 53 bits two are equal with probability 1e-8 or less.
    assert len(np.unique(together)) == together.size == 2 * 3 * 2 * 20 * 4 * 5


def correlation(one, other):
    return float(np.mean(one * other))


def test_numbers_of_any_two_addresses_are_uncorrelated():
    n = 20_000
    shape = {"batch": 2, "presentations": (0, 1)}
    circuit = probes("normal", "normal", n=2, steps=n)
    main = numbers(circuit, **shape)
    test = numbers(circuit, **shape, stream="test")
    # presentation, population, step, sample, cell
    first = main[0, 0, :, 0, 0]
    others = {
        "presentation": main[1, 0, :, 0, 0],
        "population": main[0, 1, :, 0, 0],
        "sample": main[0, 0, :, 1, 0],
        "cell": main[0, 0, :, 0, 1],
        "next step": np.roll(first, 1),
        "test": test[0, 0, :, 0, 0],
    }
    # Mean of n products of unit variance: standard error 1 / sqrt(n), five of them.
    bound = 5.0 / np.sqrt(n)
    for name, other in others.items():
        assert abs(correlation(first, other)) < bound, name
    assert abs(main.mean()) < 5.0 / np.sqrt(main.size)
    # The square of a normal number has variance 2.
    assert abs((main**2).mean() - 1.0) < 5.0 * np.sqrt(2.0 / main.size)


def test_seeds_and_streams_give_numbers_of_their_own():
    circuit = probes("normal", steps=3)
    plain = numbers(circuit)
    np.testing.assert_array_equal(plain, numbers(circuit))
    assert (plain != numbers(circuit, stream="test")).all()
    key = random.stream_key(SEED, "test/noise/probe0/noise")
    wanted = random.normal(*key, 0, 0, 0, 0)
    assert numbers(circuit, stream="test")[0, 0, 0, 0, 0] == wanted


def test_a_sample_keeps_its_numbers_in_a_larger_batch_and_in_chunks():
    circuit = probes("normal", "white", n=3, steps=5)
    whole = numbers(circuit, batch=7)
    np.testing.assert_array_equal(numbers(circuit, batch=3), whole[..., :3, :])
    for chunk in (2, 3, 4):
        for threads in (1, 2):
            mine = numbers(circuit, batch=7, chunk=chunk, threads=threads)
            np.testing.assert_array_equal(mine, whole)


def test_float32_rounds_the_same_numbers():
    circuit = probes("white", steps=5)
    single = numbers(circuit, dtype="float32")
    np.testing.assert_array_equal(single, numbers(circuit).astype(np.float32))


def test_blocks_and_single_steps_draw_the_same_numbers():
    circuit = plastic_microcircuit(SIZES, steps=40, noise="white")
    inputs, targets, _ = patterns(SIZES, batch=2)
    shown = {"input": inputs, "target": targets}
    ends = [
        [presenter.read(p.name, "soma") for p in circuit.populations[2:]]
        for presenter in (
            run(circuit, shown, learning=False, block=block) for block in (1, 8)
        )
    ]
    for exact, blocked in zip(*ends, strict=True):
        np.testing.assert_array_equal(blocked, exact)


def test_training_and_testing_draw_from_streams_of_their_own():
    circuit, task = tiny_circuit(noise="white"), tiny_task(4, 4)
    run = run_options(circuit, seed=SEED)
    options = TrainOptions(run, batch=4, controls={"control": ()})
    with serial_blas():
        session = Session(circuit, task, options)
        shown = session.patterns(task.splits["train"], slice(0, 4))
        schedule = circuit.test_schedule
        rates = {
            (name, k): runner.read(
                k, runner.present(k, shown, schedule, learning=False), "output", "rate"
            )
            for name in ("trainer", "tester")
            for k, runner in enumerate([getattr(session, name)] * 2)
        }
        alone = Presenter(
            circuit, weights=session.start, batch=4, seed=SEED, stream="test"
        )
        alone.present(shown, schedule, learning=False)
        wanted = alone.read("output", "rate")
    values = list(rates.values())
    for k, one in enumerate(values):
        for other in values[:k]:
            assert (one != other).all()
    np.testing.assert_array_equal(rates["tester", 0], wanted)


# --- size -----------------------------------------------------------------------------


def leaky(noise, sigma, *, dt=0.1, duration=12.0, stepper="euler", n=40):
    """Output cells that receive nothing but noise: du/dt = -1.1 u + sigma xi."""
    cells = sacramento_output(noise=noise, sigma=sigma)
    phase = Phase("forward", duration, on=("input",))
    return two_populations(1, n, post=cells, dt=dt, phases=(phase,), stepper=stepper)


G = 1.1  # g_leak + g_basal


def ends(circuit, batch=1000):
    presenter = run(circuit, {"input": np.zeros((batch, 1))})
    return presenter.read("output", "soma")


@pytest.mark.parametrize("dt", [0.1, 0.2])
@pytest.mark.parametrize("noise", ["white", "per_step"])
def test_the_stationary_variance_is_that_of_an_autoregression(noise, dt):
    sigma = 0.3
    u = ends(leaky(noise, sigma, dt=dt))
    # u' = k u + s z with k = 1 - g dt; 12 ms leave exp(-26) of the start.
    k = 1.0 - G * dt
    s = sigma * (np.sqrt(dt) if noise == "white" else dt)
    wanted = s**2 / (1.0 - k**2)
    # 40,000 independent cells: the variance has a relative error of sqrt(2 / 40,000)
    # = 0.7 %, four of them. Continuous time would differ by g dt / 2 = 5 to 11 %.
    assert abs(u.var() / wanted - 1.0) < 4.0 * np.sqrt(2.0 / u.size)
    assert abs(u.mean()) < 4.0 * np.sqrt(wanted / u.size)


def test_noise_per_step_is_weaker_by_the_root_of_the_step():
    dt = 0.1
    white, per_step = (
        ends(leaky(kind, 0.3), batch=4) for kind in ("white", "per_step")
    )
    # the same numbers, so the same ratio in every cell
    np.testing.assert_allclose(per_step, np.sqrt(dt) * white, rtol=1e-12)


@pytest.mark.parametrize("stepper", ["euler", "heun", "exponential_euler"])
def test_a_step_sees_one_number_in_all_its_stages(stepper):
    dt, sigma, steps = 0.1, 0.3, 30
    circuit = leaky("white", sigma, dt=dt, duration=steps * dt, stepper=stepper, n=2)
    u = ends(circuit, batch=2)
    key = random.stream_key(0, "noise/output/noise")
    wanted = np.zeros((2, 2))
    gain = {
        "euler": dt,
        # the mean of a step's slopes at its start and at its Euler end
        "heun": dt * (1.0 - 0.5 * G * dt),
        "exponential_euler": -np.expm1(-G * dt) / G,
    }[stepper]
    for step in range(steps):
        z = [
            [random.normal(*key, 0, 0, step, 2 * b + i) for i in (0, 1)] for b in (0, 1)
        ]
        slope = -G * wanted + sigma * np.array(z) / np.sqrt(dt)
        wanted = wanted + gain * slope
    np.testing.assert_allclose(u, wanted, rtol=0.0, atol=1e-14)


@pytest.mark.parametrize("noise", ["white", "per_step"])
def test_noise_of_size_zero_changes_no_bit(noise):
    inputs, targets, _ = patterns(SIZES, batch=2)
    shown = {"input": inputs, "target": targets}
    quiet = plastic_microcircuit(SIZES, steps=50)
    noisy = plastic_microcircuit(SIZES, steps=50, noise=noise, sigma=0.0)
    results = [run(circuit, shown).weights() for circuit in (quiet, noisy)]
    for name, value in results[0].items():
        np.testing.assert_array_equal(results[1][name], value)


def test_every_soma_of_a_noisy_microcircuit_is_noisy():
    inputs, targets, _ = patterns(SIZES, batch=2)
    shown = {"input": inputs, "target": targets}
    quiet, noisy = (
        run(plastic_microcircuit(SIZES, steps=20, **options), shown, learning=False)
        for options in ({}, {"noise": "white", "sigma": 0.1})
    )
    for k, name in enumerate(("hidden1", "hidden2", "output", "interneuron1")):
        one, other = (presenter.read(name, "soma") for presenter in (quiet, noisy))
        size = np.abs(one - other)
        # stationary 0.1 / sqrt(2 g) is 0.05 to 0.07; feedback changes it little
        assert 1e-3 < size.mean() < 0.2, k


def test_learning_from_noise_is_the_same_on_any_number_of_threads():
    inputs, targets, _ = patterns(SIZES, batch=5)
    shown = {"input": inputs, "target": targets}
    circuit = plastic_microcircuit(SIZES, steps=30, noise="white")
    one, two = (
        run(circuit, shown, chunk=2, threads=threads, seed=SEED).weights()
        for threads in (1, 2)
    )
    for name, value in one.items():
        np.testing.assert_array_equal(two[name], value)
    whole = run(circuit, shown, seed=SEED).weights()
    chunked = run(circuit, shown, chunk=2, seed=SEED).weights()
    # the same numbers, added up in another order
    for name, value in whole.items():
        assert np.abs(chunked[name] - value).max() < 1e-13


# --- what is refused ------------------------------------------------------------------


def test_nothing_else_reaches_a_random_field():
    noisy = sacramento_output(noise="white")
    with pytest.raises(
        ModelError, match="'noise' of sacramento_output.*random numbers"
    ):
        two_populations(post=noisy, dt=0.1, field="noise")


def test_an_unknown_kind_of_noise_is_refused():
    with pytest.raises(ModelError, match="noise = 'pink'.*allowed: white, per_step"):
        microcircuit(SIZES, noise="pink")


def test_a_recorded_run_of_one_seed_is_repeated_bit_for_bit():
    circuit = microcircuit(SIZES, noise="white", presentation=5.0)
    inputs, targets, _ = patterns(SIZES, batch=2)
    shown = {"input": inputs, "target": targets}
    runs = [
        simulate(circuit, shown, ["output"], seed=seed)["populations/output"].v.values
        for seed in (1, 1, 2)
    ]
    np.testing.assert_array_equal(runs[0], runs[1])
    assert np.abs(runs[0] - runs[2]).max() > 1e-3
