"""The external-timing experiment: two ways in which apical input can set a sign."""

from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt, Le, Lt

from experiments.bursts.burst_ensemble import CELL
from experiments.parameters import Argument, Repeats, Seed, Step, changed_cell
from experiments.record import Answer, question
from experiments.voltage.external_timing_circuit import (
    DENDRITES,
    REST,
    RULES,
    SOMATIC,
    TAIL,
    control_spike,
    paired,
)

CITATION = "Kwag & Paulsen (2009), Nat. Neurosci. 12, 1219-1221"
LATEST = 60.0  # ms, of an external pulse or a presynaptic spike
SHOWN = 5.0  # ms, pairing_dt of noisy runs and headline figures


@question(
    title="External input that moves a spike or makes it a burst", citation=CITATION
)
def external_timing(
    *,
    amplitudes: Annotated[
        tuple[Annotated[float, Ge(-1000), Le(1000)], ...],
        Argument("of the external pulse", "pA"),
    ] = (200.0, 300.0, 400.0, 500.0),
    pairing_dt: Annotated[
        tuple[Annotated[float, Gt(-LATEST), Lt(LATEST)], ...],
        Argument("from the presynaptic spike to the control's spike", "ms"),
    ] = (-10.0, -5.0, 2.0, 5.0, 10.0, 20.0),
    first: Annotated[
        float, Argument("earliest external pulse, from the control's spike", "ms")
    ] = -70.0,
    last: Annotated[
        float, Argument("latest external pulse, from the control's spike", "ms")
    ] = 20.0,
    interval: Annotated[
        float, Argument("between times of external pulses", "ms"), Gt(0)
    ] = 2.0,
    duration: Annotated[
        float, Argument("of external pulses", "ms"), Gt(0), Le(50)
    ] = 20.0,
    noise: Annotated[
        float, Argument("standard deviation of noisy currents", "pA"), Gt(0)
    ] = 50.0,
    repeats: Annotated[Repeats, Argument("draws of the noise"), Ge(2)] = 20,
    cell: changed_cell("naud_sprekeler", CELL) = None,
    dt: Annotated[Step, Le(0.5)] = 0.1,
    seed: Annotated[Seed, Argument("of the noise")] = 0,
):
    """Does apical input set a sign by moving the spike or by making it a burst?

    A burst cell receives a presynaptic spike, a local current that makes it fire and
    an external pulse into its apical dendrite. In model A spike timing decides: pairs
    of the presynaptic spike and the first spike of an event. In model B bursts decide.
    Two controls tell them apart: the time of the spike clamped by a strong somatic
    pulse, and the dendrite's own regenerative current blocked.

    Returns
    -------
    xarray.DataTree
        ``/timing``: ``dW_A``, ``dW_A_every_spike``, ``dW_B`` (somatic, dendrite,
        amplitude, external_delay, pairing_dt); ``shift`` of the first spike from the
        control's, ms, ``n_spikes``, ``n_events`` and ``n_bursts`` (somatic, dendrite,
        amplitude, external_delay). Delays count from the control's spike.
        ``/control``: the same without external input. ``/noise``: the same at the
        largest amplitude and the pairing_dt nearest to 5 ms, with noise (..., repeat);
        the shift of a cell that stays silent is NaN.

    Source: after Kwag and Paulsen (2009); both models are ours.
    """

    amplitudes = np.array(sorted(set(amplitudes)))
    pairing = np.array(sorted(set(pairing_dt)))
    delays = external_delays(first, last, interval, dt)
    control = {name: control_spike(name, dt, cell) for name in DENDRITES}
    shared = {"duration": duration, "dt": dt, "seed": seed, "changes": cell}

    def in_every_setting(amplitudes, delays, **options):
        return [
            [
                paired(
                    somatic,
                    dendrite,
                    amplitudes,
                    delays,
                    control=control[dendrite],
                    **options,
                    **shared,
                )
                for dendrite in DENDRITES
            ]
            for somatic in SOMATIC
        ]

    grid = [x.ravel() for x in np.meshgrid(amplitudes, delays, indexing="ij")]
    quiet = in_every_setting(*grid, pairing=pairing)
    alone = in_every_setting(np.zeros(1), np.zeros(1), pairing=pairing)
    shown = pairing[[np.argmin(abs(pairing - SHOWN))]]
    many = np.repeat(delays, repeats)
    noisy = in_every_setting(
        np.full(many.shape, amplitudes[-1]),
        many,
        pairing=shown,
        noise=noise,
        streams=np.tile(np.arange(repeats), len(delays)),
    )
    coordinates = {"amplitude": (amplitudes, "pA"), "external_delay": (delays, "ms")}
    drawn = {"external_delay": (delays, "ms"), "repeat": (np.arange(repeats), "1")}
    groups = {
        "/timing": _group(quiet, coordinates, pairing, control),
        "/control": _group(alone, {}, pairing, control),
        "/noise": _group(
            noisy, drawn, shown, control, amplitude_pA=float(amplitudes[-1])
        ),
    }
    return Answer(
        groups,
        dt=dt,
        duration=max(control.values()) + TAIL,
        headline=_headline(groups["/timing"]),
        extra={"allow_nonfinite": 1},
    )


def external_delays(first: float, last: float, interval: float, dt: float):
    """Times of external pulses, ms, from `first` to at most `last`.

    Raises
    ------
    ConfigError
        If there are fewer than two, one comes before the run or too late, or the
        interval is no whole number of steps.
    """
    from dendrites.errors import ConfigError

    if abs(interval / dt - round(interval / dt)) > 1e-6:
        raise ConfigError(
            f"interval = {interval:g} ms is no whole number of steps of dt = {dt:g} ms"
        )
    if not first > -REST or not last <= LATEST:
        raise ConfigError(
            f"first = {first:g}, last = {last:g} ms: external pulses can come from "
            f"{-REST:g} to {LATEST:g} ms after the control's spike"
        )
    if last < first + interval:
        raise ConfigError(
            f"first = {first:g}, last = {last:g}, interval = {interval:g} ms: need at "
            "least two times"
        )
    return first + interval * np.arange(int((last - first) / interval + 1e-9) + 1)


SPIKE_TEXTS = {
    "shift": ("ms", "first spike after that of the control"),
    "n_spikes": ("1", "spikes"),
    "n_events": ("1", "single spikes and bursts"),
    "n_bursts": ("1", "bursts"),
}


def _group(found, coordinates, pairing, control, **attrs):
    from dendrites.dataset import group

    dims = ("somatic", "dendrite", *coordinates)
    shape = tuple(len(values) for values, _ in coordinates.values())
    start = np.array([control[name] for name in DENDRITES])

    def gathered(values, *last):
        whole = np.array([[values(x) for x in row] for row in found])
        return whole.reshape(len(SOMATIC), len(DENDRITES), *shape, *last)

    spikes = {
        "shift": gathered(lambda x: x.first_spike)
        - start.reshape(-1, *[1] * len(coordinates)),
        "n_spikes": gathered(lambda x: x.n_spikes),
        "n_events": gathered(lambda x: x.n_events),
        "n_bursts": gathered(lambda x: x.n_bursts),
    }
    variables = {
        f"dW_{rule}": (
            (*dims, "pairing_dt"),
            gathered(lambda x, k=k: x.dW[k], len(pairing)),
            "1",
            f"weight change of one pairing, model {rule.replace('_', ' ')}",
        )
        for k, rule in enumerate(RULES)
    }
    variables |= {
        name: (dims, values, *SPIKE_TEXTS[name]) for name, values in spikes.items()
    }
    return group(
        variables,
        {
            "somatic": [*SOMATIC],
            "dendrite": [*DENDRITES],
            **{name: values for name, (values, _) in coordinates.items()},
            "pairing_dt": pairing,
        },
        units={"pairing_dt": "ms"} | {k: unit for k, (_, unit) in coordinates.items()},
        **attrs,
    )


def _headline(timing):
    """The separating controls, at the largest amplitude and one pairing."""
    at = timing.isel(amplitude=-1).sel(pairing_dt=SHOWN, method="nearest")
    clamped = at.sel(somatic="clamped", dendrite="intact")
    blocked = at.sel(somatic="free", dendrite="blocked")
    # A second event is a second pair, at whatever time the first one is held.
    single = clamped.dW_A.where(clamped.n_events == 1, drop=True)
    found = {
        "range_A_clamped_intact": (single.max() - single.min(), "0, of one event"),
        "highest_B_clamped_intact": (clamped.dW_B.max(), "> 0"),
        "lowest_A_free_blocked": (blocked.dW_A.min(), "< 0"),
        "highest_B_free_blocked": (blocked.dW_B.max(), "not > 0"),
        "most_bursts_blocked": (timing.n_bursts.sel(dendrite="blocked").max(), "0"),
    }
    return {
        name: {
            "value": float(value),
            "unit": "1",
            "reference": reference,
            "source": f"over external delays, pairing_dt {float(at.pairing_dt):g} ms",
        }
        for name, (value, reference) in found.items()
    }
