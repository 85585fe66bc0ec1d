"""LabModel: a cell, a rule and how a protocol reaches them."""

from dataclasses import dataclass, field

import numpy as np

from circuits import Circuit, Phase, Population, Projection, Schedule
from dendrites._checks import shown
from dendrites.activity_difference import ActivityDifference
from dendrites.bursts import BURST_INTERVAL
from dendrites.cell import CellModel, units
from dendrites.errors import ConfigError, ModelError, choices
from dendrites.models import source
from dendrites.synaptic_rule import SynapticRule
from experiments.lab.protocol import Protocol

PRE, CELL, SYNAPSE = "pre", "cell", "pre_to_cell"
SOMA, APICAL = "somatic_current", "apical_current"
HALVES = ("forward", "target")


@dataclass(frozen=True, eq=False)
class LabModel:
    """A postsynaptic cell, a plastic basal synapse on it, and its injection scales.

    Parameters
    ----------
    name : str
    cell, presynaptic : CellModel
        The presynaptic cell must spike: its spikes are given.
    rule : ActivityDifference or SynapticRule
    soma, apical : str or None
        Input fields of the cell that take the somatic and the apical current. None:
        the model has no place for it, and protocols with that current are refused.
    soma_scale, apical_scale : float
        What 1 pA is in the unit of that field: 1 for cells with currents, a declared
        scale for cells without.
    synapse, signal : str
        Input field of the cell and read of the presynaptic cell that the plastic
        synapse joins.
    weight : float
        Initial weight.
    bounds : (float, float), optional
        The weight is clipped to it.
    dt : float
        ms.
    delays : tuple of (str, str, float)
        Reads of the cell that come back to an input field of its own after so many ms.
    halves : bool
        Whether the rule compares the two halves of an epoch: the train of pairings is
        the epoch, cut in its middle, the rule acts at its end with phases "forward" and
        "target", and the usual apical current is that of the second half.
    apical_range : (float, float)
        pA that the model can be given.
    highest_frequency : float
        Hz of pairings that the model can follow.
    plateau : float, optional
        Apical potential, in the unit of the cell, above which a plateau is counted.
    burst_interval : float
        ms; spikes closer than this belong to a burst.
    source : str

    Raises
    ------
    ModelError
        If the cell or the presynaptic cell has no such field or read, or a number is
        impossible.
    """

    name: str
    cell: CellModel
    rule: ActivityDifference | SynapticRule
    presynaptic: CellModel
    soma: str | None = "soma"
    apical: str | None = "apical"
    soma_scale: float = 1.0
    apical_scale: float = 1.0
    synapse: str = "synapse"
    signal: str = "spikes"
    weight: float = 0.5
    bounds: tuple[float, float] | None = None
    dt: float = 0.1
    delays: tuple[tuple[str, str, float], ...] = ()
    halves: bool = False
    apical_range: tuple[float, float] = (-1000.0, 2000.0)
    highest_frequency: float = 100.0
    plateau: float | None = None
    burst_interval: float = BURST_INTERVAL
    source: str = field(default="")

    def __post_init__(self):
        where = f"lab model {self.name!r}"
        for kind in ("cell", "presynaptic"):
            if not isinstance(getattr(self, kind), CellModel):
                raise ModelError(
                    f"{where}: {kind} is a {type(getattr(self, kind)).__name__}, must "
                    "be a CellModel"
                )
        if not self.presynaptic.spiking:
            raise ModelError(
                f"{where}: {self.presynaptic.name} cells have no spikes, and a "
                "protocol gives the presynaptic cell its spikes. Use "
                "dendrites.models.presynaptic() or spike_source()"
            )
        for name in (self.soma, self.apical):
            if name is not None and name not in self.cell.inputs._fields:
                raise ModelError(
                    f"{where}: {self.cell.name} cells have no input {name!r}. "
                    + choices(name, self.cell.inputs._fields)
                )
        for scale, name in (("soma_scale", self.soma), ("apical_scale", self.apical)):
            if name is None and getattr(self, scale) != 1.0:
                kind = scale.removesuffix("_scale")
                raise ModelError(
                    f"{where}: {scale} = {shown(getattr(self, scale))}: without an "
                    f"input field {kind} there is nothing to scale"
                )
        if not self.cell.spiking and self.burst_interval != BURST_INTERVAL:
            raise ModelError(
                f"{where}: burst_interval = {shown(self.burst_interval)}: "
                f"{self.cell.name} cells do not spike, so they have no bursts"
            )
        if self.plateau is not None and "apical" not in self.cell.read_names:
            raise ModelError(
                f"{where}: plateaus are counted in the read 'apical', and "
                f"{self.cell.name} cells have " + ", ".join(self.cell.read_names)
            )
        # A circuit of one cell names every other problem.
        self.circuit(1, Protocol())

    def __repr__(self):
        return f"LabModel({self.name!r}: {self.cell.name}, dt {self.dt:g} ms)"

    def check(self, protocol: Protocol) -> None:
        """Refuse a protocol that this model cannot be given.

        Raises
        ------
        ConfigError
        """
        low, high = self.apical_range
        where = f"protocol for lab model {self.name!r}"
        for name, field_ in (
            ("somatic_current", self.soma),
            ("apical_current", self.apical),
            ("inhibition", self.apical),
        ):
            current = getattr(protocol, name)
            if field_ is None and current:
                raise ConfigError(
                    f"{where}: {name} = {current:g} pA: its cell has no place for it. "
                    f"Use {name}=0, or leave this model out"
                )
        if not low <= protocol.apical_current <= high:
            raise ConfigError(
                f"{where}: apical_current = {protocol.apical_current:g} pA lies "
                f"outside its range, {low:g} to {high:g} pA"
            )
        least = min(protocol.apical_current, 0.0) - protocol.inhibition
        if protocol.inhibition and least < low:
            raise ConfigError(
                f"{where}: inhibition = {protocol.inhibition:g} pA: with it the apical "
                f"current falls to {least:g} pA, outside its range, {low:g} to "
                f"{high:g} pA"
            )
        if protocol.weight is not None and self.bounds is not None:
            least, most = self.bounds
            if not least <= protocol.weight <= most:
                raise ConfigError(
                    f"{where}: weight = {protocol.weight:g} lies outside its bounds, "
                    f"{least:g} to {most:g}"
                )
        if protocol.frequency > self.highest_frequency:
            raise ConfigError(
                f"{where}: frequency = {protocol.frequency:g} Hz, and it can follow at "
                f"most {self.highest_frequency:g} Hz"
            )
        pulses = [("somatic", protocol.somatic_duration)]
        if protocol.apical_pulse is not None:
            pulses.append(("apical", protocol.apical_pulse[1]))
        for name, duration in pulses:
            if duration < self.dt:
                raise ConfigError(
                    f"{where}: {name} pulses of {duration:g} ms are shorter than its "
                    f"step of {self.dt:g} ms"
                )
        if self.halves and len(set(self.steps_of(protocol))) < len(HALVES) + 3:
            raise ConfigError(
                f"{where}: rest, lead and tail must leave a step of {self.dt:g} ms "
                "before and after the train of pairings"
            )
        if self.halves and protocol.apical_pulse is not None:
            delay, duration = protocol.apical_pulse
            raise ConfigError(
                f"{where}: apical pulses of {duration:g} ms at {delay:g} ms: its rule "
                "compares two halves of the train, and single pulses have no place in "
                "one. Use neither apical_delay nor apical_duration"
            )

    def circuit(
        self, n: int, protocol: Protocol, *, weights=None, noise=None
    ) -> Circuit:
        """n such cells side by side, each with its own synapse and currents.

        Parameters
        ----------
        n : int
        protocol : Protocol
            Its length and epoch are those of the schedule.
        weights : array_like (n,), optional
            Initial weights.
        noise : sequence of int (n,), optional
            Random streams, see `circuits.Population`.
        """
        start = np.full(n, self.weight) if weights is None else np.asarray(weights)
        pair = {"connectivity": "one_to_one"}
        projections = [
            Projection(
                PRE,
                CELL,
                self.synapse,
                signal=self.signal,
                rule=self.rule,
                initial=start,
                bounds=self.bounds,
                name=SYNAPSE,
                **pair,
            )
        ]
        populations = [
            Population(PRE, self.presynaptic, n),
            Population(CELL, self.cell, n, noise=noise),
        ]
        for population, name, scale in (
            (SOMA, self.soma, self.soma_scale),
            (APICAL, self.apical, self.apical_scale),
        ):
            if name is not None:
                populations.append(Population(population, source(), n))
                projections.append(
                    Projection(
                        population,
                        CELL,
                        name,
                        initial=np.full(n, scale),
                        **pair,
                    )
                )
        for read, name, delay in self.delays:
            projections.append(
                Projection(
                    CELL,
                    CELL,
                    name,
                    signal=read,
                    delay=delay,
                    initial=np.ones(n),
                    name=f"delayed_{name}",
                    **pair,
                )
            )
        return Circuit(
            populations=tuple(populations),
            projections=tuple(projections),
            schedule=self.schedule(protocol),
            output=CELL,
            readout=self.cell.read_names[0],
            dt=self.dt,
            name=f"lab_{self.name}",
        )

    def schedule(self, protocol: Protocol) -> Schedule:
        """One phase, or the halves that the rule compares and what is around them."""
        lengths = np.diff(self.steps_of(protocol)) * self.dt
        names = ("before", *HALVES, "after") if self.halves else ("all",)
        return Schedule(
            tuple(
                Phase(
                    name,
                    float(length),
                    on=self.currents,
                    window=float(length) if name in HALVES else None,
                )
                for name, length in zip(names, lengths, strict=True)
            )
        )

    def steps_of(self, protocol: Protocol) -> tuple[int, ...]:
        """Steps at which phases begin, and the end of the last one."""
        marks = (0.0, *(protocol.epoch if self.halves else ()), protocol.duration)
        return tuple(round(mark / self.dt) for mark in marks)

    @property
    def apical_unit(self) -> str:
        """Unit of the field that takes the apical current; "" without one."""
        return "" if self.apical is None else units(self.cell.inputs)[self.apical]

    @property
    def currents(self) -> tuple[str, ...]:
        """Populations that inject currents."""
        fields = {SOMA: self.soma, APICAL: self.apical}
        return tuple(name for name in fields if fields[name] is not None)
