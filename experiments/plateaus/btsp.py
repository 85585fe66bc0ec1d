"""Experiment btsp: what plateaus gate, and what decides the sign of plasticity."""

from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt, Le, Lt

from experiments.parameters import Argument, Progress, Step
from experiments.record import Answer, question

CITATION = "Milstein, Li, Bittner, Grienberger et al. (2021), eLife 10:e73046"
SETS = ("fit", "one-cell")
MOST_TIMES = 10_000
WEIGHT = Annotated[float, Ge(0), Le(5)]
# One spike and a plateau of 300 ms, the single-spike parameters: time of the spike, ms
# from the beginning of the plateau, and changes of the weights.
TABLE_WEIGHTS = (1.0, 2.0, 3.0, 4.0)
TABLE = {
    -6000.0: (0.057, -0.252, -0.561, -0.870),
    -4000.0: (0.260, -0.222, -0.703, -1.185),
    -2000.0: (0.765, 0.078, -0.608, -1.294),
    -1000.0: (1.135, 0.334, -0.466, -1.266),
    0.0: (1.480, 0.582, -0.315, -1.212),
    500.0: (1.357, 0.499, -0.358, -1.216),
    1000.0: (1.061, 0.292, -0.477, -1.246),
    2000.0: (0.508, -0.070, -0.649, -1.227),
    4000.0: (0.052, -0.230, -0.513, -0.795),
}
# Mean change of a ramp at its largest and its smallest in 26 inductions, mV.
PUBLISHED_RISE, PUBLISHED_FALL = 6.73, -3.89


@question(title="Plateaus gate plasticity, weights give it its sign", citation=CITATION)
def btsp(
    *,
    weights: Annotated[
        tuple[WEIGHT, ...], Argument("before the pairing, baseline 1")
    ] = TABLE_WEIGHTS,
    first: Annotated[
        float,
        Argument("earliest presynaptic spike, from the plateau's beginning", "ms"),
        Ge(-20000),
        Le(20000),
    ] = -6000.0,
    last: Annotated[
        float, Argument("latest presynaptic spike", "ms"), Ge(-20000), Le(20000)
    ] = 5000.0,
    interval: Annotated[
        float, Argument("between times of the spike", "ms"), Ge(1)
    ] = 250.0,
    currents: Annotated[
        tuple[Annotated[float, Ge(-2000), Le(5000)], ...],
        Argument("into the apical dendrite, for 300 ms", "pA"),
    ] = (0.0, 100.0, 200.0, 300.0, 340.0, 360.0, 400.0, 500.0, 700.0, 1000.0),
    durations: Annotated[
        tuple[Annotated[float, Gt(0), Le(10000)], ...],
        Argument("of an apical current of 700 pA", "ms"),
    ] = (10.0, 20.0, 50.0, 100.0, 150.0, 200.0, 300.0, 400.0, 600.0, 1000.0),
    gate_spike_times: Annotated[
        tuple[Annotated[float, Ge(-20000), Le(20000)], ...],
        Argument("of the spike where currents and durations vary", "ms"),
    ] = (-2000.0, -1000.0, 0.0, 1000.0),
    field_peaks: Annotated[
        tuple[Annotated[float, Ge(-20000), Le(20000)], ...],
        Argument("of existing place fields, running time from the plateau", "ms"),
    ] = (-3000.0, -2000.0, -1500.0, -1000.0, -500.0)
    + (0.0, 500.0, 1000.0, 1500.0, 2000.0, 3000.0),
    inputs: Annotated[
        int, Argument("place cells around the track"), Ge(2), Le(2000)
    ] = 200,
    speed: Annotated[float, Argument("of running", "cm/s"), Gt(0), Lt(200)] = 25.0,
    laps: Annotated[int, Argument("with a plateau each"), Ge(1), Le(100)] = 5,
    dt: Annotated[Step, Argument("step", "ms"), Le(20)] = 1.0,
    progress: Progress = False,
):
    """Does apical drive decide the sign of behavioural-time-scale plasticity?

    One presynaptic spike and one apical current per synapse: over the time of the
    spike, the amplitude of the current and its duration, each for several weights.
    Then laps on a circular track with a plateau at one place, for cells that have a
    place field elsewhere.

    Returns
    -------
    xarray.DataTree
        ``/pairing`` ``change`` and ``expected`` (w0, spike_time), ``equilibrium`` and
        ``fixed_point`` (spike_time). ``/table`` ``change`` (w0, spike_time), by Euler
        steps of 1 ms. ``/amplitude`` ``change`` (w0, spike_time, apical_current)
        and ``plateau_duration``. ``/duration`` ``change`` (w0, spike_time, duration),
        ``plateau_duration``, ``border`` (spike_time, duration), the weight that does
        not change by the line through the weakest and the strongest one, and
        ``fixed_point``, the same exactly. ``/laps`` ``ramp`` (parameters, field_peak,
        lap, position), mV, lap 0 before the plateaus, and ``rise`` and ``fall``
        (parameters, field_peak), mV, the extremes of its change.

    Raises
    ------
    ConfigError
        If a time of a pairing is no whole number of steps.

    Source: Milstein et al. (2021), eqs. 1 and 8-16.
    """
    from tqdm import tqdm

    from dendrites.errors import ConfigError
    from experiments.plateaus.plateau_laps import Track

    if last < first:
        raise ConfigError(f"last = {last:g} ms: must not be before first = {first:g}")
    if not (last - first) / interval < MOST_TIMES:
        raise ConfigError(
            f"first = {first:g}, last = {last:g}, interval = {interval:g} ms: too "
            f"large: at most {MOST_TIMES} spike times are run"
        )
    spike_times = np.arange(first, last + 0.5 * interval, interval)
    weights, gate_times = np.unique(weights), np.unique(gate_spike_times)
    currents, durations = np.unique(currents), np.unique(durations)
    field_peaks = np.unique(field_peaks)
    track = Track(inputs, speed, laps, dt)
    groups = {"/table": _table()}
    with tqdm(total=5, unit="run", disable=None if progress else True) as bar:
        groups["/pairing"] = _pairing(weights, spike_times, dt)
        bar.update()
        groups["/amplitude"] = _amplitude(weights, currents, gate_times, dt)
        bar.update()
        groups["/duration"] = _duration(weights, durations, gate_times, dt)
        bar.update()
        groups["/laps"] = _laps(track, field_peaks, bar)
    return Answer(
        groups, dt=dt, duration=(laps + 1) * track.lap, headline=_headline(groups)
    )


def _table():
    """The published changes as a group."""
    return _labelled(
        {"change": (("w0", "spike_time"), np.array([*TABLE.values()]).T, "1")},
        {"w0": np.array(TABLE_WEIGHTS), "spike_time": np.array([*TABLE])},
    )


def _pairing(weights, times, dt):
    from dendrites.btsp import SINGLE_SPIKE, btsp_trial
    from experiments.plateaus.plateau_pairing import (
        USUAL_DURATION,
        pairings,
        run_pairings,
    )

    found = run_pairings(pairings(times, weights[:, None]), SINGLE_SPIKE, dt)
    plateau = [(0.0, USUAL_DURATION)]
    trials = [btsp_trial([time], plateau, SINGLE_SPIKE) for time in times]
    both, one = ("w0", "spike_time"), ("spike_time",)
    expected = np.array([trial.change(weights) for trial in trials]).T
    equilibrium = np.array([trial.equilibrium for trial in trials])
    fixed = np.array([trial.fixed_point for trial in trials])
    return _labelled(
        {
            "change": (both, found["change"].reshape(expected.shape), "1"),
            "expected": (both, expected, "1", "exact solution"),
            "equilibrium": (one, equilibrium, "1", "W_eq: no change if W is held"),
            "fixed_point": (one, fixed, "1", "weight that does not change"),
        },
        {"w0": weights, "spike_time": times},
    )


def _amplitude(weights, currents, times, dt):
    from dendrites.btsp import SINGLE_SPIKE
    from experiments.plateaus.plateau_pairing import pairings, run_pairings

    given = pairings(times[:, None], weights[:, None, None], currents)
    found = run_pairings(given, SINGLE_SPIKE, dt)
    shape = len(weights), len(times), len(currents)
    return _labelled(
        {
            "change": (
                ("w0", "spike_time", "apical_current"),
                found["change"].reshape(shape),
                "1",
            ),
            "plateau_duration": (("apical_current",), _length(found, shape), "ms"),
        },
        {"w0": weights, "spike_time": times, "apical_current": currents},
    )


def _duration(weights, durations, times, dt):
    from dendrites.btsp import SINGLE_SPIKE, btsp_trial
    from experiments.plateaus.plateau_pairing import (
        USUAL_CURRENT,
        pairings,
        run_pairings,
    )

    given = pairings(times[:, None], weights[:, None, None], USUAL_CURRENT, durations)
    found = run_pairings(given, SINGLE_SPIKE, dt)
    shape = len(weights), len(times), len(durations)
    lengths, change = _length(found, shape), found["change"].reshape(shape)
    both = ("spike_time", "duration")
    plateaus = [[(0.0, length)] if length else [] for length in lengths]
    fixed = [
        [btsp_trial([time], plateau, SINGLE_SPIKE).fixed_point for plateau in plateaus]
        for time in times
    ]
    return _labelled(
        {
            "change": (("w0", *both), change, "1"),
            "plateau_duration": (("duration",), lengths, "ms"),
            "border": (both, _border(weights, change), "1", "NaN without a plateau"),
            "fixed_point": (both, np.array(fixed), "1", "NaN without a plateau"),
        },
        {"w0": weights, "spike_time": times, "duration": durations},
    )


def _border(weights, change):
    """Weight that does not change, from the first and the last; NaN if none does."""
    if len(weights) < 2:
        return np.full(change.shape[1:], np.nan)
    slope = (change[-1] - change[0]) / (weights[-1] - weights[0])
    some = slope < 0
    return np.where(some, weights[0] - change[0] / np.where(some, slope, 1.0), np.nan)


def _length(found, shape):
    """Durations of plateaus, ms, 0 where there is none; one per entry of the last axis.

    They do not depend on weights and spikes.
    """
    length = found["plateau_stop"] - found["plateau_start"]
    return np.nan_to_num(length.reshape(shape)[0, 0])


def _laps(track, peaks, bar):
    from dendrites.btsp import FIT, ONE_CELL
    from experiments.plateaus.plateau_laps import run_laps

    # 100 bins, as the released code has them.
    positions = track.lap * ((np.arange(100) + 0.5) / 100 - 0.5)
    ramps = []
    for parameters in (FIT, ONE_CELL):
        found = run_laps(track, peaks, parameters)
        ramps.append(np.swapaxes(track.ramp(found, positions), 0, 1))
        bar.update()
    ramps = np.array(ramps)
    change = ramps[:, :, -1] - ramps[:, :, 0]
    dims = ("parameters", "field_peak")
    return _labelled(
        {
            "ramp": (
                (*dims, "lap", "position"),
                ramps,
                "mV",
                "above that of weights 1",
            ),
            "rise": (dims, change.max(axis=-1), "mV", "largest change of the ramp"),
            "fall": (dims, change.min(axis=-1), "mV", "smallest change of the ramp"),
        },
        {
            "parameters": [*SETS],
            "field_peak": peaks,
            "lap": np.arange(ramps.shape[2]),
            "position": positions,
        },
    )


def _labelled(variables, coordinates):
    """A group whose coordinates have their units."""
    from dendrites.dataset import group

    times = ("spike_time", "duration", "field_peak", "position")
    units = dict.fromkeys(times, "ms") | {"apical_current": "pA"}
    return group(
        variables, coordinates, units={k: units[k] for k in coordinates if k in units}
    )


def _headline(groups):
    pairing, table = groups["/pairing"], groups["/table"]
    model = "model page, exact solution"
    figures = {}
    shared = [t for t in table.spike_time.values if t in pairing.spike_time.values]
    both = [w for w in table.w0.values if w in pairing.w0.values]
    if shared and both:
        at = {"spike_time": shared, "w0": both}
        off = abs(pairing.change.sel(at) - table.change.sel(at))
        figures["max_deviation_from_table"] = {
            "value": float(off.max()),
            "unit": "1",
            "reference": "at most 0.0015: three digits and Euler steps of 1 ms",
            "source": "tests/reference/btsp_twin.py reproduces the table",
        }
    figures["max_deviation_from_closed_form"] = {
        "value": float(abs(pairing.change - pairing.expected).max()),
        "unit": "1",
        "reference": "0",
        "source": model,
    }
    amplitude = groups["/amplitude"]
    signs = np.sign(amplitude.change.values[..., amplitude.plateau_duration > 0])
    if signs.size:
        figures["pairings_whose_sign_depends_on_the_current"] = {
            "value": int((signs != signs[..., :1]).any(axis=-1).sum()),
            "unit": "1",
            "reference": f"0 of {signs[..., 0].size}",
            "source": CITATION,
        }
    laps = groups["/laps"]
    for name, reference in (("rise", PUBLISHED_RISE), ("fall", PUBLISHED_FALL)):
        for parameters in SETS:
            mean = laps[name].sel(parameters=parameters).mean()
            figures[f"mean_{name}_mV_{parameters.replace('-', '_')}"] = {
                "value": float(mean),
                "unit": "mV",
                "reference": f"{reference:+.2f}, mean of 26 inductions",
                "source": CITATION,
            }
    return figures
