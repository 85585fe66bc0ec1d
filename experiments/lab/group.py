"""One compiled run of the lab: protocols of one length, all seeds, one model."""

from typing import NamedTuple

import numpy as np

import circuits
from circuits.run.pieces import STEPS_OF_A_PIECE, Inputs
from circuits.waveform import GroupedWaveform
from experiments.lab.background import Background, KeptBackground
from experiments.lab.measures import PlateauMeter, spike_counts
from experiments.lab.model import APICAL, CELL, PRE, SOMA, SYNAPSE, LabModel
from experiments.lab.protocol import Protocol

METER_INTERVAL = 1.0  # ms between looks at the apical potential
NAN_COUNTS = ("spikes", "events", "bursts")


class Group(NamedTuple):
    """Protocols that take equally long, to be run side by side."""

    model: LabModel
    protocols: list[Protocol]
    background: Background | KeptBackground
    silent: bool = False  # whether the cell is kept from spiking

    @property
    def n_steps(self) -> int:
        """Steps of the run."""
        return self.model.steps_of(self.protocols[0])[-1]


def run_group(group: Group) -> dict[Protocol, dict[str, np.ndarray]]:
    """Weight change and counts (n_seeds,) of every protocol of the group."""
    model, seeds = group.model, group.background.seeds
    n = len(group.protocols) * len(seeds)
    weights = np.repeat(
        [model.weight if p.weight is None else p.weight for p in group.protocols],
        len(seeds),
    )
    circuit = model.circuit(
        n,
        group.protocols[0],
        weights=weights,
        noise=list(seeds) * len(group.protocols),
    )
    found = _whole(group, circuit) if model.halves else _pieces(group, circuit)
    found["weight_change"] = found.pop("weights") - weights
    shape = len(group.protocols), len(seeds)
    rows = {name: values.reshape(shape) for name, values in found.items()}
    return {
        protocol: {name: values[k] for name, values in rows.items()}
        for k, protocol in enumerate(group.protocols)
    }


def _pieces(group, circuit):
    """A long run with a rule that acts at every step."""
    model = group.model
    given = _Given(group)
    every = max(round(METER_INTERVAL / model.dt), 1)
    spiking, looks = model.cell.spiking, "apical" in model.cell.read_names
    record = [
        circuits.Record(
            CELL,
            compartments=(),
            reads=("apical",) if looks else (),
            every=every * model.dt,
            spikes=spiking,
        )
    ]
    meter = PlateauMeter(given.n, model.plateau, every * model.dt)
    trains = []
    for piece in circuits.run_in_pieces(
        circuit,
        given,
        n_steps=group.n_steps,
        record=record if spiking or looks else (),
        driven=model.currents,
        forced=(PRE, CELL) if group.silent else (PRE,),
        piece=STEPS_OF_A_PIECE,
    ):
        if spiking:
            trains.append(piece.spikes[CELL])
        if looks:
            meter.add(piece.reads[CELL, "apical"])
    return {
        "weights": piece.weights[SYNAPSE],
        **meter.counts(),
        **_spikes(model, trains, given.n),
    }


def _whole(group, circuit):
    """One presentation with a rule that acts at its end."""
    model = group.model
    given = _Given(group)
    inputs = given(0, group.n_steps)
    steps, units = inputs.spikes[PRE]
    none = np.zeros(0), np.zeros(0, int)
    tree = circuits.simulate(
        circuit,
        {},
        [circuits.Record(CELL, compartments=("apical",), spikes=model.cell.spiking)],
        learning=True,
        waveforms={k: wave.values() for k, wave in inputs.waveforms.items()},
        forced_spikes={PRE: ((steps + 1) * model.dt, units)}
        | ({CELL: none} if group.silent else {}),
    )
    meter = PlateauMeter(given.n, model.plateau, model.dt)
    meter.add(tree[f"populations/{CELL}"].v.values[:, 0])
    trains = []
    if model.cell.spiking:
        spikes = tree[f"spikes/{CELL}"]
        times = np.rint(spikes.spike_time.values / model.dt).astype(int) - 1
        trains = [(times, spikes.spike_unit.values)]
    return {
        "weights": tree[f"connections/{SYNAPSE}"].w.values[-1],
        **meter.counts(),
        **_spikes(model, trains, given.n),
    }


def _spikes(model, trains, n):
    if not model.cell.spiking:
        return {name: np.full(n, np.nan) for name in NAN_COUNTS}
    steps, units = (np.concatenate(part) for part in zip(*trains, strict=True))
    return spike_counts(
        steps, units, n, dt=model.dt, burst_interval=model.burst_interval
    )


class _Given:
    """What every piece of a group's run is given; call it in the order of time.

    Cells are ordered by protocol, then by seed.
    """

    def __init__(self, group):
        model, dt = group.model, group.model.dt
        lines = [p.timeline(halves=model.halves) for p in group.protocols]
        self.n_seeds = len(group.background.seeds)
        self.n = len(lines) * self.n_seeds
        nothing = np.zeros(0, int), np.zeros(0, int)
        self.silenced = {CELL: nothing} if group.silent else {}
        pulses = {
            SOMA: [line.soma for line in lines],
            APICAL: [line.apical for line in lines],
        }
        self.pulses = {name: _Pulses(pulses[name], dt) for name in model.currents}
        self.noise = {}
        for name, where in ((SOMA, "soma"), (APICAL, "apical")):
            self.noise[name] = group.background.course(where, dt)
            next(self.noise[name])
        steps = [np.rint(line.spikes / dt).astype(int) for line in lines]
        self.steps = np.concatenate(steps)
        self.rows = np.repeat(np.arange(len(steps)), [len(s) for s in steps])

    def __call__(self, first, count):
        waveforms = {
            name: GroupedWaveform(
                self.noise[name].send(count), pulses.courses(first, count)
            )
            for name, pulses in self.pulses.items()
        }
        here = (self.steps >= first) & (self.steps < first + count)
        steps, rows = self.steps[here] - first, self.rows[here]
        units = rows[:, np.newaxis] * self.n_seeds + np.arange(self.n_seeds)
        steps = np.repeat(steps, self.n_seeds)
        order = np.argsort(steps, kind="stable")
        spikes = {PRE: (steps[order], units.ravel()[order]), **self.silenced}
        return Inputs(waveforms, spikes)


class _Pulses:
    """Pulses of all protocols into one place, and the courses they make piece by piece.

    Pulses that meet stand in several courses, to be added in their order.
    """

    def __init__(self, pulses, dt):
        self.n_protocols, found = len(pulses), []
        for row, each in enumerate(pulses):
            spans = []  # by course, from the first begin to the last end
            for start, stop, amplitude in each:
                if not amplitude:
                    continue
                start, stop = round(start / dt), round(stop / dt)
                met = [k for k, (a, b) in enumerate(spans) if a < stop and start < b]
                course = met[-1] + 1 if met else 0
                if course == len(spans):
                    spans.append((start, stop))
                low, high = spans[course]
                spans[course] = min(low, start), max(high, stop)
                found.append((course, row, start, stop, amplitude))
        table = np.array(found).reshape(-1, 5)
        self.places = table[:, :4].astype(int)
        self.amplitudes = table[:, 4]
        self.n_courses = 1 + max(self.places[:, 0], default=0)

    def courses(self, first, count):
        """What is added up in a piece, (count, n_protocols) each."""
        found = np.zeros((self.n_courses, count, self.n_protocols))
        start, stop = self.places[:, 2], self.places[:, 3]
        here = np.flatnonzero((start < first + count) & (stop > first))
        for (course, row, a, b), amplitude in zip(
            self.places[here].tolist(), self.amplitudes[here].tolist(), strict=True
        ):
            found[course, max(a - first, 0) : b - first, row] = amplitude
        return tuple(found)
