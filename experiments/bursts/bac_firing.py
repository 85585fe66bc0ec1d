"""The bac-firing experiment: when a back-propagating spike and apical current meet."""

import math
from typing import Annotated

import numpy as np
from annotated_types import Gt, Le

from experiments.bursts.burst_ensemble import CELL
from experiments.checks import ascending
from experiments.parameters import Argument, Step, changed_cell
from experiments.record import Answer, question

CITATION = "Payeur et al. (2021), Nat. Neurosci. 24, 1010; Naud & Sprekeler (2018)"
# Conditions of the traces and the output spikes of the reference.
CONDITIONS = {"soma": "1", "apical": "0", "both": "3"}
AXES = {
    "delays": "ms",
    "apical_currents": "pA",
    "constant_soma": "pA",
    "constant_apical": "pA",
}
START = 100.0  # ms, of the somatic pulse
AFTER = 150.0  # ms, from the end of the last pulse
PLATEAU = -20.0  # mV, apical potential above which area counts
SETTLED = 1000.0  # ms of constant current before spikes are counted
TOLERANCE = 0.5  # pA, of thresholds
WIDEST = 256  # conditions side by side
PER = 100.0  # pA, for which gains are given
OURS = "own simulation of the released cell"


@question(title="Coincidence of a somatic spike and apical current", citation=CITATION)
def bac_firing(
    *,
    soma_current: Annotated[float, Argument("of the somatic pulse", "pA")] = 2000.0,
    soma_duration: Annotated[
        float, Argument("of the somatic pulse", "ms"), Gt(0), Le(1000)
    ] = 5.0,
    apical_current: Annotated[
        float, Argument("of the apical pulse, in the traces", "pA")
    ] = 400.0,
    apical_duration: Annotated[
        float, Argument("of the apical pulse", "ms"), Gt(0), Le(1000)
    ] = 20.0,
    delays: Annotated[
        tuple[float, ...], Argument("onset of the apical after the somatic pulse", "ms")
    ] = tuple(float(x) for x in range(-30, 21)),
    apical_currents: Annotated[
        tuple[float, ...], Argument("of apical pulses at these delays", "pA")
    ] = tuple(float(x) for x in range(0, 1001, 50)),
    constant_soma: Annotated[
        tuple[float, ...], Argument("constant somatic currents", "pA")
    ] = tuple(float(x) for x in range(0, 1001, 25)),
    constant_apical: Annotated[
        tuple[float, ...], Argument("constant apical currents", "pA")
    ] = (-200.0, 0.0, 100.0, 200.0, 300.0, 400.0),
    counted: Annotated[
        float,
        Argument("time under constant currents in which spikes count", "ms"),
        Gt(0),
    ] = 2000.0,
    dt: Annotated[Step, Le(0.5)] = 0.1,
    cell: changed_cell("naud_sprekeler", CELL) = None,
):
    """When do a somatic spike and apical current together make a burst?

    A burst cell receives a short current into its soma, one into its apical dendrite,
    or both; then both at many delays and apical currents; then constant currents into
    both compartments. There is no noise.

    Returns
    -------
    xarray.DataTree
        ``/populations/cell`` and ``/spikes/cell``: traces and spikes of soma, apical
        and both. ``/coincidence``: ``n_spikes``, ``plateau_area`` (mV ms above
        -20 mV) and ``apical_peak`` (delay, apical_current), the same with the suffix
        ``_alone`` without somatic pulse (apical_current); ``threshold`` (delay), the
        lowest apical current that adds a spike, and ``threshold_alone``, NaN where no
        current up to the largest does. ``/gain``: ``rate``, ``event_rate``,
        ``burst_rate`` (apical_current, soma_current), Hz; per apical current the
        ``rheobase``, pA, and ``spike_gain`` and ``event_gain``, Hz per 100 pA.

    Raises
    ------
    ConfigError
        If currents or delays are empty, repeated or not finite, or an apical pulse
        would start before the run.

    Source: the cell is the pyramidal cell of the public code of Payeur et al. (2021);
    the question is that of Larkum, Zhu and Sakmann (1999).
    """
    from dendrites.dataset import labels
    from dendrites.models import naud_sprekeler

    given = {
        "delays": delays,
        "apical_currents": apical_currents,
        "constant_soma": constant_soma,
        "constant_apical": constant_apical,
    }
    axes = {name: ascending(name, x, AXES[name]) for name, x in given.items()}
    _check(axes)
    model = naud_sprekeler(**(cell or {}))
    pulses = Pulses(
        soma_current,
        soma_duration,
        apical_duration,
        max(float(axes["delays"][-1]), 0.0),
        dt,
        model,
    )
    traces = pulses.traces(apical_current)
    recorded = traces["populations/cell"].to_dataset()
    groups = {
        "/populations/cell": recorded.assign_coords(
            condition=("condition", labels([*CONDITIONS]))
        ),
        "/spikes/cell": traces["spikes/cell"].to_dataset(),
        "/coincidence": coincidence(pulses, axes["delays"], axes["apical_currents"]),
        "/gain": gain(
            axes["constant_soma"], axes["constant_apical"], counted, dt, model
        ),
    }
    return Answer(
        groups,
        dt=dt,
        duration=max(pulses.length, SETTLED + counted),
        headline=_headline(groups),
        integrator="own step",
    )


def _check(axes):
    from dendrites.errors import ConfigError

    earliest = float(axes["delays"][0])
    if earliest < -START:
        raise ConfigError(
            f"delays: {earliest:g} ms: the somatic pulse is {START:g} ms after the "
            f"start, so delays must be >= {-START:g} ms"
        )
    if axes["apical_currents"][-1] <= 0:
        raise ConfigError(
            "apical_currents: the largest must be > 0 pA, since thresholds are "
            f"searched up to it; it is {axes['apical_currents'][-1]:g} pA"
        )


class Pulses:
    """The cell under pulses of given form, many conditions at a time."""

    def __init__(self, soma_current, soma_duration, apical_duration, latest, dt, cell):
        self.soma_current = soma_current
        self.soma_duration, self.apical_duration = soma_duration, apical_duration
        self.length = START + latest + max(soma_duration, apical_duration) + AFTER
        self.dt, self.cell = dt, cell

    def drives(self, paired, delay, current):
        """Drives of both compartments for one condition."""
        import dendrites as dn

        soma = (
            dn.pulse(self.soma_current, start=START, duration=self.soma_duration)
            if paired
            else 0.0
        )
        apical = dn.pulse(current, start=START + delay, duration=self.apical_duration)
        return soma, apical

    def traces(self, current):
        """The run tree of soma pulse, apical pulse and both at delay 0."""
        return self._simulate(
            [(True, 0.0, 0.0), (False, 0.0, current), (True, 0, current)]
        )

    def look(self, conditions) -> dict[str, np.ndarray]:
        """What the cell does under every (paired, delay, current), arrays (n,).

        ``n_spikes``, ``plateau_area`` (mV ms), ``apical_peak`` (mV).
        """
        parts = [
            self._measured(conditions[first : first + WIDEST])
            for first in range(0, len(conditions), WIDEST)
        ]
        return {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}

    def _measured(self, conditions):
        tree = self._simulate(conditions)
        v = tree["populations/cell"].v.sel(compartment="apical").values[..., 0]
        return {
            "n_spikes": np.bincount(
                tree["spikes/cell"].spike_trial.values, minlength=len(conditions)
            ),
            "plateau_area": np.maximum(v - PLATEAU, 0.0).sum(axis=1) * self.dt,
            "apical_peak": v.max(axis=1),
        }

    def _simulate(self, conditions):
        import dendrites as dn

        soma, apical = zip(*(self.drives(*c) for c in conditions), strict=True)
        return dn.simulate(
            self.cell,
            soma=list(soma),
            apical=list(apical),
            duration=round(self.length / self.dt) * self.dt,
            dt=self.dt,
        )

    def thresholds(self, paired, delays, highest) -> np.ndarray:
        """Lowest apical currents that add a spike, by halving, (n_delays,); pA.

        NaN where `highest` adds none.
        """
        low, high = np.zeros(len(delays)), np.full(len(delays), highest)

        def spikes(currents):
            return self.look(
                [(paired, d, c) for d, c in zip(delays, currents, strict=True)]
            )["n_spikes"]

        before = spikes(low)
        reached = spikes(high) > before
        for _ in range(math.ceil(math.log2(max(highest / TOLERANCE, 2.0)))):
            middle = 0.5 * (low + high)
            adds = spikes(middle) > before
            low, high = np.where(adds, low, middle), np.where(adds, middle, high)
        return np.where(reached, high, np.nan)


TEXTS = {
    "n_spikes": ("1", "output spikes"),
    "plateau_area": ("mV ms", f"apical potential above {PLATEAU:g} mV"),
    "apical_peak": ("mV", "highest apical potential"),
}


def coincidence(pulses: Pulses, delays, currents):
    """The group ``/coincidence``: delay x apical current, with and without soma."""
    from dendrites.dataset import group

    paired = pulses.look([(True, d, c) for d in delays for c in currents])
    alone = pulses.look([(False, 0.0, c) for c in currents])
    dims, shape = ("delay", "apical_current"), (len(delays), len(currents))
    table = {}
    for name, (unit, text) in TEXTS.items():
        table[name] = (dims, paired[name].reshape(shape), unit, text)
        text = f"{text}, without somatic pulse"
        table[f"{name}_alone"] = (dims[1:], alone[name], unit, text)
    base = int(pulses.look([(True, 0.0, 0.0)])["n_spikes"][0])
    table["n_spikes_soma"] = ((), base, "1", "output spikes without apical pulse")
    text = "lowest apical current that adds a spike"
    highest = float(currents[-1])
    found = pulses.thresholds(True, delays, highest)
    table["threshold"] = (dims[:1], found, "pA", text)
    found = pulses.thresholds(False, np.zeros(1), highest)[0]
    table["threshold_alone"] = ((), found, "pA", f"{text}, without somatic pulse")
    return group(
        table,
        {"delay": delays, "apical_current": currents},
        units={"delay": "ms", "apical_current": "pA"},
        nonfinite=("threshold", "threshold_alone"),
    )


def gain(soma, apical, counted, dt, cell):
    """The group ``/gain``: rates under constant currents and their slopes."""
    import dendrites as dn
    from dendrites.bursts import events_and_bursts
    from dendrites.dataset import group

    rates = {name: [] for name in ("rate", "event_rate", "burst_rate")}
    duration = round((SETTLED + counted) / dt) * dt
    for current in apical:
        spikes = dn.simulate(
            cell,
            soma=soma.tolist(),
            apical=[float(current)] * len(soma),
            duration=duration,
            dt=dt,
            record_every=duration,
        )["spikes/cell"]
        time, unit = spikes.spike_time.values, spikes.spike_trial.values
        found = events_and_bursts(time, unit, dt=dt)
        for name, times, units in (
            ("rate", time, unit),
            ("event_rate", found.event_time, found.event_unit),
            ("burst_rate", found.burst_time, found.burst_unit),
        ):
            late = units[times > SETTLED]
            n = np.bincount(late, minlength=len(soma))
            rates[name].append(n / (counted / 1000.0))
    rates = {name: np.array(values) for name, values in rates.items()}
    dims = ("apical_current", "soma_current")
    fires = rates["rate"] > 0
    rheobase = [soma[row.argmax()] if row.any() else np.nan for row in fires]
    per = f"per {PER:g} pA, from the rheobase up"
    table = {name: (dims, values, "Hz") for name, values in rates.items()}
    table["rheobase"] = (dims[:1], rheobase, "pA", "lowest current that fires the cell")
    for name, of in (("spike_gain", "rate"), ("event_gain", "event_rate")):
        slopes = [slope(soma, r, b) for r, b in zip(rates[of], rheobase, strict=True)]
        table[name] = (dims[:1], slopes, "Hz", f"slope of {of} {per}")
    return group(
        table,
        {"apical_current": apical, "soma_current": soma},
        units=dict.fromkeys(dims, "pA"),
        nonfinite=("rheobase", "spike_gain", "event_gain"),
    )


def slope(current, rate, rheobase) -> float:
    """Least-squares slope of a rate over current from the rheobase up, Hz per 100 pA.

    NaN with fewer than three currents there.
    """
    chosen = current >= rheobase
    if chosen.sum() < 3:
        return math.nan
    return float(np.polyfit(current[chosen], rate[chosen], 1)[0] * PER)


def _headline(groups):
    trial = groups["/spikes/cell"].spike_trial.values
    n_spikes = np.bincount(trial, minlength=len(CONDITIONS))
    figures = {
        f"spikes_{name}": _figure(int(n), "1", expected)
        for (name, expected), n in zip(CONDITIONS.items(), n_spikes, strict=True)
    }
    found, rates = groups["/coincidence"], groups["/gain"]

    def add(name, value, unit, reference):
        if np.isfinite(value):
            figures[name] = _figure(float(value), unit, reference)

    if 0.0 in found.delay.values:
        value = found.threshold.sel(delay=0.0)
        add("threshold_with_spike", value, "pA", "200 to 400")
    add("threshold_alone", found.threshold_alone, "pA", "600 to 800")
    if 300.0 in found.apical_current.values:
        adds = found.n_spikes.sel(apical_current=300.0) > found.n_spikes_soma
        if adds.any():
            near = found.delay.values[adds.values]
            add("window_first", near[0], "ms", "-10; 1 spike at -20")
            add("window_last", near[-1], "ms", "2; 1 spike at 5")
    if {0.0, 200.0} <= set(rates.apical_current.values):
        for name in ("spike_gain", "event_gain"):
            here = rates[name].sel(apical_current=200.0)
            add(
                f"{name}_ratio_200_pa",
                here / rates[name].sel(apical_current=0.0),
                "1",
                "",
            )
    return figures


def _figure(value, unit, reference):
    source = OURS if reference else ""
    return {"value": value, "unit": unit, "reference": reference, "source": source}
