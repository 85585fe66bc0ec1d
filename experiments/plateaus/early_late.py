"""The early-late experiment: when apical input comes decides the sign of plasticity."""

from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt

from experiments.parameters import Argument, Repeats, Seed, changed_cell
from experiments.record import Answer, question
from experiments.statistics import crossing, deviation

CITATION = "Guerguiev, Lillicrap & Richards (2017), eLife 6:e22901"
CONDITIONS = ("none", "early", "late", "both")
WINDOW = 20  # ms, end of each half
# Long enough for the slower exponential of the kernel to fall to 1e-16 of itself.
SETTLED = 400  # ms
PEAK_RATE = 200.0  # Hz, of the apical source
HALVES = ("forward", "target")


# Parameters of the cell that its learning depends on.
CELL = ("phi_max", "g_leak", "g_basal", "g_apical")


@question(title="Apical input early or late in a basal input", citation=CITATION)
def early_late(
    *,
    amplitude: Annotated[
        float, Argument("mean apical potential while the input is on", "1")
    ] = 2.0,
    duration: Annotated[
        int, Argument("length of the apical input of the onset curve", "ms"), Ge(1)
    ] = 50,
    phase: Annotated[
        int, Argument("length of each half of the basal input", "ms"), Ge(WINDOW)
    ] = 50,
    onset_step: Annotated[
        int, Argument("between onsets, and durations of the map", "ms"), Ge(1)
    ] = 2,
    learning_rate: Annotated[
        float, Argument("eta of the published rule"), Ge(0)
    ] = 0.21,
    inputs: Annotated[int, Argument("basal synapses, spiking version"), Ge(1)] = 100,
    input_rate: Annotated[float, Argument("of every basal input", "Hz"), Gt(0)] = 50.0,
    repeats: Annotated[
        Repeats, Argument("draws of apical spikes at every onset"), Ge(2)
    ] = 50,
    cell: changed_cell("guerguiev_hidden", CELL) = None,
    seed: Annotated[Seed, Argument("of spikes and basal weights")] = 0,
):
    """Does apical input early or late in a basal input set the sign of plasticity?

    One hidden cell of Guerguiev et al. (2017) receives basal input in two halves of
    equal length. Its basal synapses learn from its plateau potential at the end of the
    second half minus that of the first. Apical input comes early (first half), late
    (second half), throughout or never, and then with every onset and duration.

    Returns
    -------
    xarray.DataTree
        ``/settled``: weight changes per unit of presynaptic activity and plateaus
        (condition) in long halves without spikes. ``/onset``: the same over the onset
        of the apical input in halves of usual length, and with basal and apical spikes
        (onset, repeat). ``/map``: over onset and duration, without spikes.
        ``/conditions``: the four conditions with spikes, at synapses with and without
        input.

    Source: Guerguiev et al. (2017), Fig. 10 and eqs. 32-35.
    """
    from dendrites.errors import ConfigError

    if onset_step > phase:
        raise ConfigError(
            f"onset_step = {onset_step} ms is longer than a half, phase = {phase} ms: "
            "no onset would lie inside the first one"
        )
    options = {"learning_rate": learning_rate, "seed": seed, "changes": cell}
    settled = present(
        pulses([*_timing(SETTLED).values()], SETTLED), amplitude, SETTLED, **options
    )
    onsets = np.arange(0, 2 * phase, onset_step)
    durations = np.arange(onset_step, 2 * phase + 1, onset_step)
    single = present(
        pulses([(onset, duration) for onset in onsets], phase),
        amplitude,
        phase,
        **options,
    )
    both = present(
        pulses([(onset, d) for d in durations for onset in onsets], phase),
        amplitude,
        phase,
        **options,
    )
    spiking = {
        "inputs": inputs,
        "share": input_rate / PEAK_RATE,
        **options,
    }
    named = np.repeat([*_timing(phase).values()], repeats, axis=0)
    swept = np.repeat([(onset, duration) for onset in onsets], repeats, axis=0)
    # One run for all, so that every cell has the same basal spikes.
    drawn = present(pulses([*named, *swept], phase), amplitude, phase, **spiking)
    groups = {
        "/settled": _by_condition(settled),
        "/onset": _over_onset(onsets, single, drawn, len(named), repeats),
        "/map": _map(onsets, durations, both),
        "/conditions": _drawn_conditions(drawn, len(named), repeats),
    }
    return Answer(
        groups,
        dt=1.0,
        duration=2.0 * phase,
        headline=_headline(groups, amplitude, learning_rate, cell),
    )


def pulses(timing, phase: int) -> np.ndarray:
    """Apical input (2 * phase, n_cells): 1 from onset on, for a duration, both ms."""
    step = np.arange(2 * phase)[:, None]
    onset, duration = np.array(timing).T
    return ((step >= onset) & (step < onset + duration)).astype(float)


def present(
    apical, amplitude, phase, *, learning_rate, seed, inputs=0, share=0.0, changes=None
) -> dict:
    """Show a course of apical input to each of some equal cells, which then learn.

    Parameters
    ----------
    apical : ndarray (n_steps, n_cells)
    amplitude : float
        Apical potential at which a constant input of 1 settles.
    phase : int
        Steps of each half.
    inputs : int
        Basal synapses with Poisson spikes, to which one without spikes is added; 0 for
        a cell at rest and apical input without spikes.
    share : float
        Rate of basal inputs in shares of 200 Hz.
    changes : dict, optional
        Parameters of the cell by name.

    Returns
    -------
    dict of ndarray
        ``dw`` (n_cells,) per unit of presynaptic activity, ``dw_paired`` and
        ``dw_unpaired`` (n_cells,), the mean change of synapses with spikes and that of
        the one without, ``plateaus`` (half, n_cells), ``rate`` (n_cells,), mean rate of
        the first window, Hz.
    """
    import circuits
    from circuits import Record
    from dendrites.transfer import logistic
    from experiments.pairing import weight_change

    circuit = one_cell(
        apical.shape[1],
        amplitude,
        phase,
        learning_rate=learning_rate,
        inputs=inputs,
        changes=changes,
    )
    shown = {"input": np.append(np.full(inputs, share), 0.0)} if inputs else {}
    tree = circuits.simulate(
        circuit,
        shown,
        [Record("cell", compartments=["soma", "apical"], reads=["rate"])],
        weights=_basal_weights(apical.shape[1], inputs, seed),
        learning=True,
        seed=seed,
        waveforms={"apical": apical},
    )
    cells = tree["populations/cell"].to_dataset()
    ends = [slice(n * phase - WINDOW, n * phase) for n in (1, 2)]
    means = np.array(
        [
            cells.v.sel(compartment="apical").isel(time=end).mean("time").values
            for end in ends
        ]
    )
    result = {
        "dw": weight_change(tree, "unit_to_cell_bias")[:, 0],
        "plateaus": np.vectorize(logistic)(means),
        "rate": 1000.0 * cells.rate.isel(time=ends[0]).mean("time").values,
    }
    if inputs:
        change = weight_change(tree, "input_to_cell_basal")
        result["dw_paired"] = change[:, :-1].mean(axis=1)
        result["dw_unpaired"] = change[:, -1]
    return result


def one_cell(n_cells, amplitude, phase, *, learning_rate, inputs=0, changes=None):
    """Equal hidden cells, each with an apical source of its own.

    Population ``unit`` has the activity 1: the change of its weights is that of a
    synapse per unit of presynaptic activity.
    """
    from dataclasses import replace

    from circuits import Circuit, Constant, Phase, Population, Projection, Schedule
    from circuits.algorithms.guerguiev import UPDATE_SCALE
    from dendrites import rules
    from dendrites.models import guerguiev_hidden, source, spike_source
    from dendrites.models.guerguiev import hidden_coupling
    from experiments.pairing import partners

    model = guerguiev_hidden().with_parameters(**(changes or {}))
    p = model.parameters
    area = sum(model.traces["basal"](n) for n in range(1, 1000))
    rule = rules.plateau_difference(learning_rate * UPDATE_SCALE * hidden_coupling(p))
    spiking = spike_source(rate_scale=PEAK_RATE, newest="kernel")
    populations = [
        Population("unit", source(), 1, pattern=1.0),
        Population("apical", spiking if inputs else source(), n_cells),
        Population("cell", model, n_cells),
    ]
    projections = [
        Projection(
            "unit",
            "cell",
            "bias",
            initial=Constant(0.0),
            rule=replace(rule, presynaptic="rate"),
        ),
        partners(
            "apical",
            "cell",
            "apical",
            amplitude / (area * (PEAK_RATE / 1000.0 if inputs else 1.0)),
            signal="spikes" if inputs else "rate",
            delay=0.0,
        ),
    ]
    if inputs:
        populations.append(Population("input", spiking, inputs + 1))
        projections.append(
            Projection("input", "cell", "basal", signal="spikes", rule=rule, delay=0.0)
        )
    on = tuple(x.name for x in populations if x.name != "cell")
    return Circuit(
        tuple(populations),
        tuple(projections),
        Schedule(
            tuple(
                Phase(name, float(phase), on, window=float(WINDOW)) for name in HALVES
            )
        ),
        output="cell",
        dt=1.0,
        name="one_cell",
    )


def _basal_weights(n_cells, inputs, seed):
    """One draw of weights for all cells, of the size of the published start."""
    if not inputs:
        return None
    from circuits.algorithms.guerguiev import initial_scale
    from dendrites.random import generator

    scale = initial_scale(inputs)
    row = generator(seed, "early_late/basal").uniform(-1.0, 1.0, inputs + 1)
    row = scale.mean + scale.half_width * row
    return {"input_to_cell_basal": np.tile(row, (n_cells, 1))}


def _timing(phase):
    """Onset and duration of the apical input, ms, by condition."""
    found = (0, 0), (0, phase), (phase, phase), (0, 2 * phase)
    return dict(zip(CONDITIONS, found, strict=True))


_DW = "change per unit of presynaptic activity"


def _by_condition(found):
    from dendrites.dataset import group

    return group(
        {
            "dw": (("condition",), found["dw"], "1", _DW),
            "plateau": (("half", "condition"), found["plateaus"], "1"),
        },
        {"condition": [*CONDITIONS], "half": [*HALVES]},
    )


def _over_onset(onsets, single, drawn, first, repeats):
    from dendrites.dataset import group

    dw = drawn["dw"][first:].reshape(len(onsets), repeats)
    plateaus = drawn["plateaus"][:, first:].reshape(2, len(onsets), repeats)
    return group(
        {
            "dw": (("onset",), single["dw"], "1", _DW),
            "plateau": (("half", "onset"), single["plateaus"], "1"),
            "dw_spikes": (("onset", "repeat"), dw, "1", f"{_DW}, with spikes"),
            "dw_spikes_mean": (("onset",), dw.mean(axis=1), "1"),
            "dw_spikes_sd": (("onset",), deviation(dw), "1"),
            "plateau_spikes": (("half", "onset", "repeat"), plateaus, "1"),
        },
        {
            "onset": onsets.astype(float),
            "half": [*HALVES],
            "repeat": np.arange(repeats),
        },
        units={"onset": "ms"},
    )


def _map(onsets, durations, found):
    from dendrites.dataset import group

    dw = found["dw"].reshape(len(durations), len(onsets))
    return group(
        {"dw": (("duration", "onset"), dw, "1", _DW)},
        {"duration": durations.astype(float), "onset": onsets.astype(float)},
        units={"duration": "ms", "onset": "ms"},
    )


def _drawn_conditions(drawn, count, repeats):
    from dendrites.dataset import group

    dims = ("condition", "repeat")
    shape = (len(CONDITIONS), repeats)
    texts = {
        "dw": f"{_DW}, with spikes",
        "dw_paired": "mean change of the synapses with spikes",
        "dw_unpaired": "change of a synapse without spikes",
    }
    variables = {
        name: (dims, drawn[name][:count].reshape(shape), "1", text)
        for name, text in texts.items()
    }
    variables["rate"] = (
        dims,
        drawn["rate"][:count].reshape(shape),
        "Hz",
        "of the cell, end of the first half",
    )
    variables["plateau"] = (
        ("half", *dims),
        drawn["plateaus"][:, :count].reshape(2, *shape),
        "1",
    )
    return group(
        variables,
        {
            "condition": [*CONDITIONS],
            "half": [*HALVES],
            "repeat": np.arange(repeats),
        },
    )


def _headline(groups, amplitude, learning_rate, cell):
    figures = {}
    published = amplitude == 2.0 and learning_rate == 0.21 and not cell
    known = {"early": "-0.342717", "late": "0.342717", "both": "0"}
    for name, value in known.items():
        figures[f"dw_{name}"] = {
            "value": float(groups["/settled"].dw.sel(condition=name)),
            "unit": "1",
            "reference": value if published or name == "both" else "",
            "source": "model page, check 8: closed form",
        }
    for name in ("early", "late"):
        figures[f"dw_{name}_spikes"] = {
            "value": float(groups["/conditions"].dw.sel(condition=name).mean()),
            "unit": "1",
            "reference": "same sign",
            "source": "mean over draws of spikes",
        }
    turns = crossing(groups["/onset"].onset.values, groups["/onset"].dw.values)
    if np.isfinite(turns):
        figures["onset_of_sign_change_ms"] = {
            "value": turns,
            "unit": "ms",
            "reference": "",
            "source": "onset of apical input at which the change is 0",
        }
    return figures
