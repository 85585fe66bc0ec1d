"""Cells with a teacher, replayed on given spikes, equal their plain twin."""

import numpy as np
import pytest

import circuits
import dendrites as dn
from circuits import Record
from circuits.algorithms import urbanczik_senn
from dendrites.errors import ConfigError
from dendrites.models import urbanczik_senn_units as units
from tests.reference import urbanczik_senn_twin as twin

pytestmark = pytest.mark.usefixtures("every_engine")

DT, STEPS = 0.1, 3000
N_INPUTS, N_CELLS = 12, 3


def events(counts, dt=DT):
    """Counts (n_steps, n) as times and channels."""
    step, unit = np.nonzero(counts)
    times = counts[step, unit].astype(int)
    return np.repeat((step + 1) * dt, times), np.repeat(unit, times)


def protocol(seed=0):
    """Input and own counts, teacher's waveforms (n_steps, n)."""
    rng = np.random.default_rng(seed)
    inputs = rng.poisson(0.004, (STEPS, N_INPUTS)).astype(float)
    own = (rng.random((STEPS, N_CELLS)) < 0.005).astype(float)
    time = np.arange(STEPS)[:, None] * DT
    phase = np.array([0.0, 1.0, 2.0])
    exc = 162.0 + 144.0 * np.sin(2 * np.pi * time / 100.0 + phase)
    inh = np.where(time < 150.0, 540.0, 0.0) * np.ones(N_CELLS)
    return inputs, own, exc, inh


def both(*, twin_params=None, teacher="held", clip="weights", **options):
    inputs, own, exc, inh = protocol()
    if teacher == "jumps":
        # The same mean conductance, decaying between the jumps.
        exc, inh = exc * DT / 3.0, inh * DT / 3.0
    options = {"initial": 90.0, **options}
    circuit = urbanczik_senn(
        N_INPUTS,
        N_CELLS,
        teacher=teacher,
        clip=clip,
        duration=STEPS * DT,
        dt=DT,
        **options,
    )
    tree = circuits.simulate(
        circuit,
        {},
        [
            Record(
                "output",
                ("soma", "dendrite"),
                reads=["current", "g_exc", "g_inh"],
                spikes=True,
            )
        ],
        learning=True,
        forced_spikes={"input": events(inputs), "output": events(own)},
        waveforms={"exc": exc, "inh": inh},
    )
    params = twin.NEST._replace(**(twin_params or {}))
    name = {"held": "held", "jumps": "jumps"}[teacher]
    theirs = twin.run(
        params,
        np.full((N_CELLS, N_INPUTS), options["initial"]),
        inputs,
        dt=DT,
        forced=own,
        clip=clip,
        **{f"g_exc_{name}": exc, f"g_inh_{name}": inh},
    )
    return tree, theirs


CASES = {
    "held conductances": {},
    "conductance jumps": {"teacher": "jumps"},
    "clipped where read": {"clip": "readout", "initial": 10.0, "learning_rate": 3e4},
    "clipped itself": {"initial": 10.0, "learning_rate": 3e4},
    "equal time constants": {"tau_syn": 10.0, "twin_params": {"tau_syn": 10.0}},
    "current flows back": {"g_back": 50.0, "twin_params": {"g_back": 50.0}},
}


@pytest.mark.parametrize("case", CASES)
def test_replay_equals_the_twin(case):
    options = dict(CASES[case])
    params = dict(options.pop("twin_params", {}))
    rate = options.get("learning_rate", units.learning_rate_from_nest(0.17))
    tree, theirs = both(twin_params={**params, "eta": rate}, **options)
    data = tree["populations/output"]
    for name in ("soma", "dendrite"):
        ours = data.v.sel(compartment=name).values
        np.testing.assert_allclose(ours, theirs[name], rtol=1e-12)
    for name in ("current", "g_exc", "g_inh"):
        np.testing.assert_allclose(
            data[name].values, theirs[name], rtol=1e-12, atol=1e-10
        )
    w = tree["connections/input_to_output_dendrite"].w.values
    np.testing.assert_allclose(w[-1], theirs["weights"][-1], rtol=1e-12, atol=1e-10)
    assert np.abs(w[-1] - w[0]).max() > 1.0
    if case.startswith("clipped"):
        assert (w[-1] == 0.0).any()


def test_both_kinds_of_clipping_differ_once_a_bound_is_touched():
    kinds = [
        both(clip=clip, initial=10.0, learning_rate=3e4)[0]
        for clip in ("weights", "readout")
    ]
    a, b = (t["connections/input_to_output_dendrite"].w.values[-1] for t in kinds)
    assert np.abs(a - b).max() > 1.0


def test_parameters_in_paper_units_give_the_same_run():
    nest, _ = both()
    paper, _ = both(
        units="paper",
        **{
            name: getattr(twin.PAPER, name)
            for name in ("capacitance", "g_leak", "g_dendrite", "e_leak", "e_exc")
        },
        e_inh=twin.PAPER.e_inh,
        beta=twin.PAPER.beta,
        theta=twin.PAPER.theta,
    )
    ours = [t["populations/output"].v.values for t in (nest, paper)]
    np.testing.assert_allclose(ours[0], ours[1], rtol=1e-13)
    w = [t["connections/input_to_output_dendrite"].w.values for t in (nest, paper)]
    np.testing.assert_allclose(w[0], w[1], rtol=1e-12)


def test_the_same_seed_draws_the_same_spikes_in_both_unit_systems():
    spikes = []
    for options in (
        {},
        {"units": "paper", "beta": 5.0, "theta": 1.0, "e_exc": 14.0 / 3.0},
    ):
        circuit = urbanczik_senn(20, 2, duration=400.0, **options)
        tree = circuits.simulate(
            circuit,
            {"input": np.full(20, 50.0)},
            [Record("output", (), spikes=True)],
            seed=4,
        )
        spikes.append(tree["spikes/output"].spike_time.values)
    assert len(spikes[0]) > 10
    np.testing.assert_array_equal(*spikes)


def test_blocks_of_steps_learn_what_single_steps_learn():
    inputs, own, exc, inh = protocol(1)
    circuit = urbanczik_senn(N_INPUTS, N_CELLS, duration=STEPS * DT)
    after = {}
    for block in (1, 5, 10):
        tree = circuits.simulate(
            circuit,
            {},
            [Record("output", ("soma",), every=STEPS * DT)],
            learning=True,
            integrator="blocked",
            block=block,
            forced_spikes={"input": events(inputs), "output": events(own)},
            waveforms={"exc": exc, "inh": inh},
        )
        w = tree["connections/input_to_output_dendrite"].w.values
        after[block] = w[-1] - w[0]
    size = np.abs(after[1]).max()
    # Held weights of second order in the block: 1 ms against the filter's 100 ms.
    errors = [np.abs(after[k] - after[1]).max() / size for k in (5, 10)]
    assert errors[0] < errors[1] < 2e-3


def test_recorded_spikes_forced_again_give_the_same_run():
    circuit = urbanczik_senn(20, 2, duration=400.0)
    record = [
        Record("input", (), spikes=True),
        Record("output", ("soma",), spikes=True),
    ]
    shown = {"input": np.full(20, 30.0)}
    first = circuits.simulate(circuit, shown, record, seed=1, learning=True)
    trains = {
        name: (
            first[f"spikes/{name}"].spike_time.values,
            first[f"spikes/{name}"].spike_unit.values,
        )
        for name in ("input", "output")
    }
    again = circuits.simulate(
        circuit, shown, record, seed=2, learning=True, forced_spikes=trains
    )
    for path in ("populations/output", "spikes/output", "spikes/input"):
        assert first[path].to_dataset().identical(again[path].to_dataset())
    name = "connections/input_to_output_dendrite"
    assert (first[name].w.values == again[name].w.values).all()


def test_negative_conductances_are_refused():
    circuit = urbanczik_senn(3, 2, duration=10.0)
    shown = {"input": np.zeros(3)}
    with pytest.raises(ConfigError, match="opens the conductance 'g_exc' of 'output'"):
        circuits.simulate(circuit, {**shown, "exc": [10.0, -1.0]}, ["output"])
    with pytest.raises(ConfigError, match=r"waveforms\['inh'\]: -2 .* it opens"):
        circuits.simulate(
            circuit, shown, ["output"], waveforms={"inh": np.full((100, 2), -2.0)}
        )
    with pytest.raises(dn.ModelError, match="g_exc = -5 nS in step 10: a conductance"):
        dn.simulate(
            dn.models.urbanczik_senn(), g_exc=dn.step(-5.0, start=1.0), duration=5
        )
