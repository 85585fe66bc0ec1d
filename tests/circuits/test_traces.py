"""Declared traces: fields that hold present weights times signals through a kernel.

What the engine keeps by recursions, behind the synapse or before it, is compared with
sums over all spikes, written from the definition.
"""

from dataclasses import replace
from typing import Annotated, NamedTuple

import numpy as np
import pytest
from thinned import combined

import circuits
import dendrites as dn
from circuits import Circuit, Phase, Population, Presenter, Projection, Record, Schedule
from dendrites.errors import ConfigError, ModelError
from dendrites.models import source, spike_source

pytestmark = pytest.mark.usefixtures("every_engine")

DT, STEPS = 0.5, 40
N_PRE, N_POST = 5, 3
KERNELS = {
    "rise and decay": (dn.Kernel(3.0, 10.0), 1e-13),
    "memory": (dn.Kernel(3.0, 10.0, memory=2.5), 1e-13),
    "memory of one step": (dn.Kernel(3.0, 10.0, memory=DT), 1e-13),
    "equal time constants": (dn.Kernel(4.0, 4.0, memory=6.0), 1e-13),
    "no rise": (dn.Kernel(None, 5.0), 1e-13),
    "peak": (dn.Kernel(2.0, 6.0, normalisation="peak"), 1e-13),
}


class State(NamedTuple):
    seen: Annotated[float, "1"] = 0.0
    spikes: Annotated[float, "1"] = 0.0
    psp: Annotated[float, "1/ms"] = 0.0


class Inputs(NamedTuple):
    drive: Annotated[float, "1"] = 0.0


class Params(NamedTuple):
    pass


def step(cell, inputs, p, dt):
    return State(inputs.drive, 0.0, cell.psp)


def fired(cell, count, p, dt):
    return State(cell.seen, count, cell.psp)


def spike(cell, u, p, dt):
    return 1.0 if u < 0.5 * abs(cell.seen) else 0.0


def seer(kernel):
    """A cell that shows what its traced input holds."""
    return dn.CellModel(
        "seer", State, Params, Inputs, step=step, spike=spike, fired=fired,
        sparse=True, compartments=("seen",), traces={"drive": kernel, "psp": kernel},
    )  # fmt: skip


def network(kernel, *, schedule=None, rule=None, sizes=(N_PRE, N_POST), **options):
    """Spiking cells and those that see them through a kernel."""
    n_pre, n_post = sizes
    cells = spike_source(newest="kernel", tau_rise=3.0, tau_decay=10.0)
    cells = replace(cells, traces={"psp": kernel})
    return Circuit(
        populations=(
            Population("input", cells, n_pre, pattern="inputs"),
            Population("cell", seer(kernel), n_post),
        ),
        projections=(
            Projection(
                "input", "cell", "drive", signal="spikes", rule=rule,
                **{"initial": circuits.Uniform(-1.0, 2.0), **options},
            ),
        ),
        schedule=schedule or Schedule((Phase("shown", STEPS * DT, on=("input",)),)),
        output="cell",
        readout="seen",
        dt=DT,
    )  # fmt: skip


def counts_of(seed=0, steps=STEPS, n=N_PRE):
    """Counts (steps, n), some above 1."""
    return np.random.default_rng(seed).poisson(0.3, (steps, n)).astype(float)


def train(counts):
    step, unit = np.nonzero(counts)
    times = counts[step, unit].astype(int)
    return (np.repeat(step, times) + 1.0) * DT, np.repeat(unit, times)


def through(kernel, signals):
    """sum_n kappa((n + 1) dt) s(k - n) in every step k, n below the memory."""
    steps = len(signals)
    kept = round(kernel.memory / DT) if kernel.memory else steps
    kappa = np.array([kernel((n + 1) * DT) for n in range(steps)])
    kappa[kept:] = 0.0
    return np.array([kappa[: k + 1][::-1] @ signals[: k + 1] for k in range(steps)])


def later(signals, steps):
    return np.concatenate([np.zeros((steps, signals.shape[1])), signals])[
        : len(signals)
    ]


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(("delay", "late"), [(None, 1), (0.0, 0), (1.5, 3)])
def test_every_step_holds_the_weighted_sum_of_all_spikes_through_the_kernel(
    kernel, delay, late
):
    kernel, rounded = KERNELS[kernel]
    circuit = network(kernel, delay=delay)
    counts = counts_of()
    tree = circuits.simulate(
        circuit, {"input": np.zeros(N_PRE)},
        [Record("cell"), Record("input", reads=["psp"])],
        forced_spikes={"input": train(counts)},
    )  # fmt: skip
    weights = circuits.initial_weights(circuit)["input_to_cell_drive"]
    expected = through(kernel, later(counts, late)) @ weights.T
    seen = tree["populations/cell"].v.sel(compartment="seen").values
    np.testing.assert_allclose(seen, expected, rtol=1e-12, atol=rounded)
    psp = tree["populations/input"].psp.values
    np.testing.assert_allclose(psp, through(kernel, counts), rtol=1e-12, atol=rounded)


CONNECTIVITY = {
    "sparse": np.random.default_rng(1).random((N_POST, N_PRE)) < 0.6,
    "one to one": "one_to_one",
}


@pytest.mark.parametrize("connectivity", CONNECTIVITY)
def test_every_connectivity_carries_traces(connectivity):
    kernel = dn.Kernel(3.0, 10.0, memory=5.0)
    sizes = (N_POST, N_POST) if connectivity == "one to one" else (N_PRE, N_POST)
    circuit = network(kernel, connectivity=CONNECTIVITY[connectivity], sizes=sizes)
    counts = counts_of(n=sizes[0])
    tree = circuits.simulate(
        circuit, {"input": np.zeros(sizes[0])}, ["cell"],
        forced_spikes={"input": train(counts)},
    )  # fmt: skip
    weights = circuits.initial_weights(circuit)["input_to_cell_drive"]
    weights = np.diag(weights) if weights.ndim == 1 else weights
    expected = through(kernel, later(counts, 1)) @ weights.T
    seen = tree["populations/cell"].v.sel(compartment="seen").values
    np.testing.assert_allclose(seen, expected, rtol=1e-12, atol=1e-13)


def test_signals_that_are_no_spikes_are_seen_through_the_kernel_too():
    kernel = dn.Kernel(1.0, 4.0, memory=6.0)
    circuit = network(kernel)
    cells = replace(circuit.populations[0], model=source())
    circuit = replace(
        circuit,
        populations=(cells, circuit.populations[1]),
        projections=(replace(circuit.projections[0], signal="rate"),),
    )
    shown = np.random.default_rng(2).random((1, STEPS, N_PRE))
    tree = circuits.simulate(
        circuit, {"input": np.zeros(N_PRE)}, ["cell"], waveforms={"input": shown}
    )
    weights = circuits.initial_weights(circuit)["input_to_cell_drive"]
    expected = through(kernel, shown[0]) @ weights.T
    seen = tree["populations/cell"].v.sel(compartment="seen").values
    np.testing.assert_allclose(seen, expected, rtol=1e-12, atol=1e-13)


# --- weights that move ----------------------------------------------------------------

AT_THE_END = dn.ActivityDifference(
    teaching="seen",
    baseline=None,
    presynaptic="psp",
    moments=("shown", "shown"),
    learning_rate=0.5,
    batch="sum",
)
CARRIED = Schedule(
    (Phase("shown", STEPS * DT, on=("input",), window=5.0),), carry_state=True
)


def learning(kernel, **options):
    return network(kernel, **{"rule": AT_THE_END, "schedule": CARRIED, **options})


@pytest.mark.parametrize("kernel", ["rise and decay", "memory", "no rise"])
@pytest.mark.parametrize("delay", [None, 0.0])
def test_remembered_spikes_have_the_weights_of_now(kernel, delay):
    """Updates at the end of presentations, whose cells are not reset."""
    kernel, _ = KERNELS[kernel]
    circuit = learning(kernel, delay=delay)
    n, window = 3, round(5.0 / DT)
    parts = [counts_of(seed) for seed in range(n)]
    kept = circuits.present_sequence(
        circuit, {"input": np.zeros((n, N_PRE))}, keep=range(1, n + 1),
        reads=[("cell", "seen")],
        forced_spikes=[{"input": train(counts)} for counts in parts],
    )  # fmt: skip
    counts = np.concatenate(parts)
    arrived = through(kernel, later(counts, 0 if delay == 0.0 else 1))
    psp = through(kernel, counts)
    weights = circuits.initial_weights(circuit)["input_to_cell_drive"]
    for k in range(n):
        last = slice((k + 1) * STEPS - window, (k + 1) * STEPS)
        seen = arrived[last] @ weights.T
        values = kept.reads["cell", "seen"][k]
        np.testing.assert_allclose(values, seen[-1], rtol=1e-12, atol=1e-13)
        weights = weights + 0.5 * np.outer(seen.mean(0), psp[last].mean(0))
        moved = kept.weights[k]["input_to_cell_drive"]
        np.testing.assert_allclose(moved, weights, rtol=1e-12, atol=1e-13)
    assert np.abs(weights - circuits.initial_weights(circuit)[
        "input_to_cell_drive"]).max() > 1e-2  # fmt: skip


WAYS = {
    "several samples": {},
    "lanes": {"chunk": 2},
    "single precision": {"dtype": "float32"},
    "blocks": {"integrator": circuits.Blocked(7)},
}


UPDATES = {
    "plain": {},
    "bounds": {"bounds": (-1.0, 2.1)},
    "decay": {"weight_decay": 0.1},
    "momentum": {"rule": replace(AT_THE_END, momentum=0.5)},
}


@pytest.mark.parametrize("way, update", combined([*WAYS], [*UPDATES], every=4))
def test_every_sample_and_lane_sees_the_weights_of_now(way, update):
    options = {"delay": 0.0, **UPDATES[update]}
    circuit = learning(dn.Kernel(3.0, 10.0, memory=4.0), **options)
    shown = {"input": np.random.default_rng(3).random((5, N_PRE)) * 400.0}
    rounded = 2e-5 if way == "single precision" else 1e-12
    before = circuits.initial_weights(circuit)
    with Presenter(circuit, batch=5, **WAYS[way]) as presenter:
        for _ in range(4):
            presenter.present(shown)
            seen, psp = presenter.read("cell", "seen"), presenter.read("input", "psp")
            expected = psp @ before["input_to_cell_drive"].T
            np.testing.assert_allclose(seen, expected, rtol=rounded, atol=rounded)
            before = presenter.weights()
    assert np.ptp(psp) > 0.01


def test_weights_put_in_between_act_on_what_is_remembered():
    circuit = learning(dn.Kernel(3.0, 10.0, memory=4.0), delay=0.0)
    silent = {"input": np.zeros(N_PRE)}
    weights = np.random.default_rng(4).random((N_POST, N_PRE))
    one = Schedule((Phase("shown", DT, on=("input",), window=DT),), carry_state=True)
    with Presenter(circuit) as presenter:
        presenter.present({"input": np.full(N_PRE, 300.0)})
        presenter.set_weights({"input_to_cell_drive": weights})
        presenter.present(silent, one)
        psp = presenter.read("input", "psp")
        assert psp.min() > 0.0
        seen = presenter.read("cell", "seen")
    np.testing.assert_allclose(seen, psp @ weights.T, rtol=1e-12)


def test_tied_weights_and_several_projections_share_a_traced_field():
    kernel = dn.Kernel(3.0, 10.0, memory=4.0)
    circuit = learning(kernel, delay=0.0, sizes=(N_POST, N_POST))
    name = "input_to_cell_drive"
    back = Projection(
        "cell", "cell", "drive", signal="spikes", name="back", delay=DT,
        tied_to=circuits.Tied(name, factor=-0.5, transpose=True),
    )  # fmt: skip
    circuit = replace(circuit, projections=(*circuit.projections, back))
    before = circuits.initial_weights(circuit)
    shown, earlier = {"input": np.full(N_POST, 300.0)}, np.zeros(N_POST)
    short = Schedule((Phase("shown", DT, on=("input",), window=DT),), carry_state=True)
    with Presenter(circuit) as presenter:
        for schedule in (CARRIED, *[short] * 4):
            presenter.present(shown, schedule)
            (seen,), (psp,) = (
                presenter.read("cell", "seen"),
                presenter.read("input", "psp"),
            )
            if schedule is short:
                expected = before[name] @ psp - 0.5 * before[name].T @ earlier
                np.testing.assert_allclose(seen, expected, rtol=1e-11, atol=1e-12)
            (earlier,) = presenter.read("cell", "psp")
            assert earlier.max() > 0.0
            before = presenter.weights()


@pytest.mark.parametrize("delay", [None, 0.0])
def test_weights_that_move_at_every_step_act_on_what_is_remembered(delay):
    kernel, rate = dn.Kernel(3.0, 10.0, memory=4.0), 0.05
    rule = dn.ActivityDifference(
        teaching="seen", baseline=None, presynaptic="psp", learning_rate=rate
    )
    circuit = network(kernel, rule=rule, delay=delay)
    counts = counts_of()
    tree = circuits.simulate(
        circuit, {"input": np.zeros(N_PRE)}, ["cell"], learning=True,
        forced_spikes={"input": train(counts)},
    )  # fmt: skip
    arrived = through(kernel, later(counts, 0 if delay == 0.0 else 1))
    psp = np.concatenate([np.zeros((1, N_PRE)), through(kernel, counts)])
    weights = circuits.initial_weights(circuit)["input_to_cell_drive"]
    shown, seen = np.zeros(N_POST), []
    for k in range(STEPS):
        now = weights @ arrived[k]
        weights = weights + DT * rate * np.outer(shown, psp[k])
        shown = now
        seen.append(now)
    values = tree["populations/cell"].v.sel(compartment="seen").values
    np.testing.assert_allclose(values, seen, rtol=1e-11, atol=1e-12)
    moved = tree["connections/input_to_cell_drive"].w.values[-1]
    np.testing.assert_allclose(moved, weights, rtol=1e-11)


# --- one cell -------------------------------------------------------------------------


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_cell_by_itself_sees_its_drive_and_its_spikes_through_the_kernel(kernel):
    kernel, rounded = KERNELS[kernel]
    times = np.array([1.0, 4.0, 4.0, 11.5])
    tree = dn.simulate(
        seer(kernel), duration=STEPS * DT, dt=DT, reads=["psp"], forced_spikes=times,
        drive=dn.pulse(2.0, start=1.0, duration=3.0),
    )["populations/cell"].isel(condition=0, unit=0)  # fmt: skip
    drive = np.where((np.arange(STEPS) >= 2) & (np.arange(STEPS) < 8), 2.0, 0.0)
    counts = np.bincount(np.rint(times / DT).astype(int) - 1, minlength=STEPS)
    for values, signals in ((tree.v[:, 0], drive), (tree.psp, counts)):
        expected = through(kernel, signals[:, np.newaxis].astype(float))[:, 0]
        np.testing.assert_allclose(values, expected, rtol=1e-12, atol=rounded)


# --- what is refused ------------------------------------------------------------------


def rate_cell(traces, **options):
    return replace(dn.models.three_compartment(), traces=traces, **options)


KAPPA = dn.Kernel(3.0, 10.0)
REFUSED_CELLS = {
    "no kernel": ({"basal": 3.0}, "must be Kernel"),
    "no field": ({"bsal": KAPPA}, "no field of its inputs or its state"),
    "no mapping": (KAPPA, "traces"),
}


@pytest.mark.parametrize("case", REFUSED_CELLS)
def test_impossible_traces_are_refused(case):
    traces, message = REFUSED_CELLS[case]
    with pytest.raises(ModelError, match=message):
        rate_cell(traces)


def test_a_state_field_without_spikes_or_with_another_use_is_no_trace():
    model = seer(KAPPA)
    with pytest.raises(ModelError, match="holds something else"):
        replace(model, traces={"spikes": KAPPA})
    with pytest.raises(ModelError, match="the cell's own spikes, and it has none"):
        replace(dn.models.source(tau=3.0), traces={"value": KAPPA})


def test_numbers_of_a_kernel_are_checked():
    for given in ((-1.0, 10.0), (3.0, 0.0), (3.0, 10.0, 0.0), ("3", 10.0)):
        with pytest.raises(ModelError, match=r"Kernel: (tau|memory)"):
            dn.Kernel(*given)
    with pytest.raises(ModelError, match="normalisation"):
        dn.Kernel(3.0, 10.0, normalisation="integral")


@pytest.mark.parametrize("memory", [0.2, 3.3])
def test_a_memory_must_be_whole_steps(memory):
    kernel = dn.Kernel(3.0, 10.0, memory=memory)
    with pytest.raises(ModelError, match=r"memory = .* no whole number of steps"):
        network(kernel)
    with pytest.raises(ModelError, match=r"memory = .* no whole number of steps"):
        dn.simulate(seer(kernel), duration=5.0, dt=DT)


def test_steppers_schedules_and_integrators_without_single_steps_are_refused():
    model = rate_cell({"basal": KAPPA}, quiet_dt=DT)
    populations = (
        Population("input", source(), 2, pattern="inputs"),
        Population("cell", model, 2),
    )
    projections = (Projection("input", "cell", "basal"),)
    options = {"output": "cell", "dt": DT, "readout": "soma"}
    timed = Schedule((Phase("shown", 5.0, on=("input",)),))
    with pytest.raises(ModelError, match="heun takes two stages"):
        Circuit(populations, projections, timed, stepper="heun", **options)
    with pytest.raises(ModelError, match="takes no time"):
        settled = Schedule((Phase("shown", settle=("cell",), on=("input",)),))
        Circuit(populations, projections, settled, **options)
    circuit = Circuit(populations, projections, timed, **options)
    with pytest.raises(ConfigError, match="has traces"):
        Presenter(circuit, integrator="equilibrium")
    with pytest.raises(ConfigError, match="heun takes two stages"):
        dn.simulate(model, duration=5.0, dt=DT, stepper="heun")
