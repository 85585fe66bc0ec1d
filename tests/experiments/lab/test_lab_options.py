"""Every field of a protocol and of a lab model acts, or is refused by name."""

from dataclasses import fields, replace

import numpy as np
import pytest

from dendrites import models, rules
from dendrites.errors import ConfigError, ModelError
from experiments.lab import LabModel, Protocol, count_runs, grid, lab_models, run_lab
from experiments.lab.models import BUILDERS

# Fields that another one needs, in every way an apical current can be given.
BASES = {
    "stays on": {},
    "early": {"apical_part": "early"},
    "late": {"apical_part": "late"},
    "throughout": {"apical_part": "throughout"},
    "pulses by delay": {"apical_delay": -5.0},
    "pulses by duration": {"apical_duration": 30.0},
    "pulses by both": {"apical_delay": 4.0, "apical_duration": 12.0},
    "inhibited": {"inhibition": 150.0},
}
CHANGES = {
    "apical_current": 410.0,
    "apical_delay": -12.0,
    "apical_duration": 35.0,
    "apical_part": "late",
    "frequency": 12.5,
    "pairings": 4,
    "pairing_dt": -6.0,
    "somatic_current": 3000.0,
    "somatic_duration": 5.0,
    "presynaptic": 0,
    "inhibition": 80.0,
    "weight": 0.75,
    "rest": 130.0,
    "lead": 140.0,
    "tail": 160.0,
}


def drives(model, protocol):
    """Currents and spikes on the model's own grid, its length and first weight."""
    line = protocol.timeline(halves=model.halves)
    n = model.steps_of(protocol)[-1]
    currents = np.zeros((2, n))
    for row, pulses in zip(currents, (line.soma, line.apical), strict=True):
        for start, stop, amplitude in pulses:
            row[round(start / model.dt) : round(stop / model.dt)] += amplitude
    spikes = np.rint(line.spikes / model.dt).astype(int)
    weight = model.weight if protocol.weight is None else protocol.weight
    return currents.tobytes(), spikes.tobytes(), weight, model.steps_of(protocol)


def refused(model, values):
    """Whether this protocol is refused, by itself or by the model, by name."""
    try:
        model.check(Protocol(**values))
    except ConfigError as error:
        assert model.name in str(error) or str(error).startswith("protocol: ")
        return True
    return False


@pytest.fixture(scope="module")
def every_model():
    return lab_models()


@pytest.fixture(scope="module")
def burst():
    return lab_models("burst")["burst"]


@pytest.mark.nojit
def test_the_table_goes_through_every_field():
    assert list(CHANGES) == [f.name for f in fields(Protocol)]


@pytest.mark.nojit
@pytest.mark.parametrize("name", BUILDERS)
@pytest.mark.parametrize("base", BASES)
def test_every_field_of_a_protocol_changes_the_drives_or_is_refused(
    every_model, name, base
):
    model = every_model[name]
    values = {"apical_current": 300.0, "weight": 0.5, **BASES[base]}
    if refused(model, values):
        assert model.halves and base.startswith("pulses")
        return
    before = drives(model, Protocol(**values))
    # Where a rule compares halves, the usual part of an apical current is the later.
    same = {"apical_part"} if base == "late" else set()
    same |= (
        {"apical_part"} if model.halves and base in ("stays on", "inhibited") else set()
    )
    for field, value in CHANGES.items():
        changed = {**values, field: value}
        if field in same or refused(model, changed):
            continue
        assert drives(model, Protocol(**changed)) != before, field


@pytest.mark.slow
@pytest.mark.parametrize("base", ["stays on", "pulses by both"])
def test_every_field_of_a_protocol_changes_what_the_burst_model_does(burst, base):
    values = {"apical_current": 300.0, "frequency": 20.0, **BASES[base]}
    values["inhibition"] = 20.0
    # Others than these leave the train and the size of a change alone.
    outside = {"weight", "rest", "tail"}
    wanted = {}
    for field, value in CHANGES.items():
        changed = {**values, field: value}
        if field not in outside and not refused(burst, changed):
            wanted[field] = Protocol(**changed)
    found = run_lab(burst, [Protocol(**values), *wanted.values()], controls=False)
    names = [name for name in found if name != "reason"]
    rows = found[names].to_dataarray().sel(model="burst").values[..., 0]
    for k, field in enumerate(wanted, start=1):
        assert not np.array_equal(rows[:, k], rows[:, 0]), field
    assert len(wanted) >= 11


@pytest.mark.nojit
def test_an_apical_duration_alone_makes_pulses_with_the_somatic_ones():
    line = Protocol(apical_current=300.0, apical_duration=50.0).timeline()
    assert line.apical == [(t, t + 50.0, 300.0) for t, _, _ in line.soma]
    same = Protocol(apical_current=300.0, apical_duration=50.0, apical_delay=0.0)
    assert line.apical == same.timeline().apical


@pytest.mark.nojit
def test_an_apical_delay_alone_makes_pulses_of_20_ms():
    line = Protocol(apical_current=300.0, apical_delay=-5.0).timeline()
    assert line.apical == [(t - 5.0, t + 15.0, 300.0) for t, _, _ in line.soma]


@pytest.mark.nojit
def test_without_delay_and_duration_the_apical_current_stays_on():
    protocol = Protocol(apical_current=300.0)
    assert protocol.timeline().apical == [(100.0, protocol.duration, 300.0)]
    pulsed = replace(protocol, apical_delay=0.0)
    assert replace(pulsed, apical_delay=None) == protocol


# Compiles a model; that the timelines are the same is tested above.
@pytest.mark.slow
def test_a_run_with_a_duration_alone_is_the_one_with_these_pulses(burst):
    values = {"apical_current": 300.0, "apical_duration": 50.0}
    protocols = [
        Protocol(**values),
        Protocol(**values, apical_delay=0.0),
        Protocol(apical_current=300.0),
    ]
    change = run_lab(burst, protocols, controls=False).weight_change.values[0, :, 0]
    assert change[0] == change[1] != change[2]


@pytest.mark.nojit
@pytest.mark.parametrize(
    "values, message",
    [
        ({"apical_delay": 0.0, "apical_part": "late"}, "Give one or the other"),
        ({"apical_duration": 5.0, "apical_part": "early"}, "Give one or the other"),
        ({"apical_duration": 0.0}, "apical_duration = 0 ms: must be > 0"),
        ({"apical_duration": -3.0}, "apical_duration = -3 ms: must be > 0"),
        ({"apical_duration": 150.0}, "apical pulses of 150 ms overlap at 10 Hz"),
    ],
)
def test_fields_that_contradict_each_other_are_refused(values, message):
    with pytest.raises(ConfigError, match=message):
        Protocol(apical_current=300.0, **values)


@pytest.mark.nojit
def test_a_pulse_shorter_than_a_step_of_the_model_is_refused(every_model):
    short = Protocol(apical_current=300.0, apical_duration=0.4)
    with pytest.raises(ConfigError, match=r"'btsp-weak': apical pulses of 0.4 ms are"):
        every_model["btsp-weak"].check(short)
    every_model["burst"].check(short)


@pytest.mark.nojit
def test_a_weight_outside_the_bounds_of_a_model_is_refused(every_model):
    with pytest.raises(ConfigError, match="'btsp-weak': weight = 9 lies outside"):
        every_model["btsp-weak"].check(Protocol(weight=9.0))


@pytest.mark.nojit
def test_inhibition_counts_towards_the_range_of_a_model(burst):
    narrow = replace(burst, apical_range=(-100.0, 500.0))
    narrow.check(Protocol(inhibition=100.0))
    with pytest.raises(ConfigError, match="inhibition = 300 pA: .* falls to -300 pA"):
        narrow.check(Protocol(apical_current=200.0, inhibition=300.0))


@pytest.fixture(scope="module")
def without_apical():
    return LabModel(
        "point",
        models.naud_sprekeler(tau_trace=20.0),
        rules.stdp_pair(a_plus=0.01, a_minus=0.0105),
        models.presynaptic(tau_trace=20.0),
        apical=None,
    )


@pytest.mark.nojit
@pytest.mark.parametrize(
    "values", [{"apical_current": 100.0}, {"inhibition": 50.0}], ids=lambda v: [*v][0]
)
def test_a_current_that_a_model_has_no_place_for_is_refused(without_apical, values):
    name = next(iter(values))
    with pytest.raises(ConfigError, match=f"'point': {name} = .*: its cell has no"):
        run_lab(without_apical, Protocol(**values))
    deaf = replace(without_apical, soma=None, name="deaf")
    with pytest.raises(ConfigError, match="'deaf': somatic_current = 4000 pA"):
        deaf.check(Protocol())
    deaf.check(Protocol(somatic_current=0.0))


@pytest.mark.nojit
def test_noise_that_a_model_has_no_place_for_is_refused(without_apical):
    with pytest.raises(ConfigError, match="noise_apical = 10 pA: model 'point'"):
        run_lab(without_apical, Protocol(), noise_apical=10.0)


@pytest.mark.nojit
def test_fields_of_a_model_that_could_do_nothing_are_refused(without_apical):
    with pytest.raises(ModelError, match="apical_scale = 2.0: without an input field"):
        replace(without_apical, apical_scale=2.0)
    silent = lab_models("btsp-weak")["btsp-weak"]
    with pytest.raises(ModelError, match="burst_interval = 9.0: .* do not spike"):
        replace(silent, burst_interval=9.0)


# --- every way to name models and protocols -----------------------------------------


@pytest.mark.nojit
def test_one_model_may_be_named_without_a_list():
    assert list(lab_models("burst")) == ["burst"]
    assert list(lab_models(["burst", "gating"])) == ["burst", "gating"]


def test_models_and_protocols_may_be_single_named_or_in_a_grid(burst):
    protocols = grid(apical_current=(0.0, 300.0))
    wanted = run_lab([burst], list(protocols.values()))
    for some in (burst, "burst", ["burst"], {"burst": burst}):
        assert run_lab(some, protocols).identical(wanted)
    alone = run_lab("burst", protocols[1,])
    assert alone.identical(wanted.isel(apical_current=1))


@pytest.mark.nojit
@pytest.mark.parametrize(
    "models_, protocols, options, message",
    [
        ("bursts", Protocol(), {}, "did you mean 'burst'"),
        (3, Protocol(), {}, "models hold 3: each must be a LabModel or the name"),
        (None, Protocol(), {}, "models hold None"),
        ("burst", None, {}, "protocols hold None: each must be a Protocol"),
        ("burst", [{}], {}, "protocols hold {}: each must be a Protocol"),
        ("burst", "burst", {}, "protocols hold 'b'"),
        ("burst", Protocol(), {"seeds": 3}, r"seeds = 3: must be several .* range\(10"),
        (
            "burst",
            Protocol(),
            {"noise_soma": "1"},
            "noise_soma = '1': must be a finite number",
        ),
        (
            "burst",
            Protocol(),
            {"noise_soma": 1.0, "noise_tau": "2"},
            "noise_tau = '2': must be a finite number",
        ),
        (
            "burst",
            Protocol(),
            {"noise_tau": 2.0},
            "noise_tau = 2.0: has no effect without noise_soma or noise_apical > 0",
        ),
        (
            "btsp-weak",
            Protocol(),
            {"silent": True},
            "silent = True: cells of model 'btsp-weak' do not spike",
        ),
        (
            "burst",
            Protocol(),
            {"silent": 1},
            "silent",
        ),
        (
            "burst",
            Protocol(),
            {"threads": 0},
            "threads: expected a whole number >= 1, got 0",
        ),
        ("burst", Protocol(), {"threads": 1.5}, "threads: expected a whole number"),
    ],
)
def test_what_is_no_model_protocol_or_number_is_refused(
    models_, protocols, options, message
):
    with pytest.raises(ConfigError, match=message):
        run_lab(models_, protocols, **options)


@pytest.mark.nojit
@pytest.mark.parametrize("names", [3, [3], [None]])
def test_what_is_no_name_of_a_model_is_refused(names):
    with pytest.raises(ConfigError, match="no model"):
        lab_models(names)


def test_the_number_of_runs_is_known_before_they_end(burst):
    protocols = grid(apical_current=(0.0, 300.0), frequency=(20.0, 40.0))
    ended = []
    run_lab(burst, protocols, tick=ended.append)
    assert sum(ended) == count_runs(burst, protocols)
