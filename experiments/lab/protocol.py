"""Protocol: an induction protocol as data, in physical units, for any model."""

import math
import numbers
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dendrites.drives import Drive
from dendrites.errors import ConfigError, choices
from experiments.lab.replay import drives_of
from experiments.parameters import MOST_REPEATS

if TYPE_CHECKING:
    from experiments.lab.model import LabModel

USUAL_DURATION = 20.0  # ms, of an apical pulse
OPTIONAL = ("apical_delay", "apical_duration", "weight")
PARTS = ("usual", "early", "late", "throughout")
UNITS = {
    "apical_current": "pA",
    "apical_delay": "ms",
    "apical_duration": "ms",
    "frequency": "Hz",
    "pairings": "1",
    "pairing_dt": "ms",
    "somatic_current": "pA",
    "somatic_duration": "ms",
    "presynaptic": "1",
    "inhibition": "pA",
    "weight": "1",
    "rest": "ms",
    "lead": "ms",
    "tail": "ms",
}


@dataclass(frozen=True)
class Protocol:
    """Apical drive x basal pairing x timing x inhibition, independent of the model.

    The cell rests, the apical current comes on, and `pairings` pairings follow at
    `frequency`: a presynaptic spike and a pulse of somatic current, each. Times are
    taken to the nearest step of a model. Every field acts or is refused; where a
    current or `presynaptic` is 0, the times of its pulses have nothing to move.

    Parameters
    ----------
    apical_current : float
        pA into the apical dendrite.
    apical_delay, apical_duration : float, optional
        Either one makes the apical current a pulse with every somatic pulse: ms from
        the onset of the somatic pulse to its own (negative: it comes first; 0 if only
        the duration is given), and its length, ms, > 0 (20 if only the delay is given).
        With neither the current stays on.
    apical_part : {"usual", "early", "late", "throughout"}
        When a current that stays on is on: in the first or the second half of the train
        of pairings, or from `lead` before it to the end. "usual" is "throughout", and
        "late" for models whose rule compares the two halves. Pulses come with every
        pairing and take no other part than "usual".
    frequency : float
        Hz, of pairings; one pairing alone has none.
    pairings : int
    pairing_dt : float
        ms from the presynaptic spike to the onset of the somatic pulse, t_post - t_pre.
    somatic_current, somatic_duration : float
        pA and ms of every somatic pulse. A current of 0 leaves the soma alone.
    presynaptic : int
        1 with presynaptic spikes, 0 without.
    inhibition : float
        pA drawn from the apical dendrite as long as the apical current can be on, >= 0.
    weight : float, optional
        Of the synapse at the start; None: that of the model.
    rest : float
        ms before an apical current that stays on comes on.
    lead : float
        ms from there to the first somatic pulse.
    tail : float
        ms from the end of the last somatic pulse to the end; an apical current that
        stays on does so until then.

    Raises
    ------
    ConfigError
        For impossible values, all at once.
    """

    apical_current: float = 0.0
    apical_delay: float | None = None
    apical_duration: float | None = None
    apical_part: str = "usual"
    frequency: float = 10.0
    pairings: int = 5
    pairing_dt: float = 10.0
    somatic_current: float = 4000.0
    somatic_duration: float = 3.0
    presynaptic: int = 1
    inhibition: float = 0.0
    weight: float | None = None
    rest: float = 100.0
    lead: float = 100.0
    tail: float = 100.0

    def __post_init__(self):
        problems = list(self._problems())
        if problems:
            raise ConfigError("\n".join(problems))

    def _problems(self):
        for name in UNITS:
            value = getattr(self, name)
            if value is None and name in OPTIONAL:
                continue
            if isinstance(value, bool) or not isinstance(value, numbers.Real):
                yield f"protocol: {name} = {value!r}: must be a number in {UNITS[name]}"
                return
            if not math.isfinite(value):
                yield f"protocol: {name} = {value}: must be finite ({UNITS[name]})"
                return
        if self.apical_part not in PARTS:
            yield (
                f"protocol: apical_part = {self.apical_part!r}: no part of a protocol. "
                + choices(self.apical_part, PARTS)
            )
        for name in ("frequency", "somatic_duration"):
            if not getattr(self, name) > 0:
                yield (
                    f"protocol: {name} = {getattr(self, name):g} {UNITS[name]}: must "
                    "be > 0"
                )
                return
        for name in ("inhibition", "rest", "lead", "tail"):
            if getattr(self, name) < 0:
                yield (
                    f"protocol: {name} = {getattr(self, name):g} {UNITS[name]}: must "
                    "be >= 0"
                )
        if self.pairings != int(self.pairings) or self.pairings < 1:
            yield f"protocol: pairings = {self.pairings}: must be a whole number >= 1"
        if self.pairings > MOST_REPEATS:
            yield (
                f"protocol: pairings = {self.pairings}: too large, at most "
                f"{MOST_REPEATS}"
            )
        if self.presynaptic not in (0, 1):
            yield f"protocol: presynaptic = {self.presynaptic}: must be 0 or 1"
        interval = 1000.0 / self.frequency
        if self.somatic_duration > interval:
            yield (
                f"protocol: somatic pulses of {self.somatic_duration:g} ms overlap at "
                f"{self.frequency:g} Hz; use at most {interval:g} ms"
            )
        delay, duration = self.apical_pulse or (0.0, 0.0)
        if self.apical_pulse and not duration > 0:
            yield f"protocol: apical_duration = {duration:g} ms: must be > 0"
        if self.apical_pulse and self.apical_part != "usual":
            yield (
                f"protocol: apical_part = {self.apical_part!r} is for a current that "
                "stays on, and apical_delay or apical_duration make pulses of it, one "
                "with every pairing. Give one or the other"
            )
        if duration > interval:
            yield (
                f"protocol: apical pulses of {duration:g} ms overlap at "
                f"{self.frequency:g} Hz; use at most {interval:g} ms, or neither "
                "apical_delay nor apical_duration for a current that stays on"
            )
        before = self.rest + self.lead
        earliest = min(-self.pairing_dt, delay)
        if before + earliest < 0:
            yield (
                f"protocol: something happens {-earliest:g} ms before the first "
                f"somatic pulse, which comes after rest + lead = {before:g} ms; make "
                "one of them longer"
            )
        latest = max(-self.pairing_dt, 0.0, delay + duration)
        if latest > self.somatic_duration + self.tail:
            yield (
                f"protocol: something happens {latest:g} ms after the last somatic "
                f"pulse begins, and the run ends {self.somatic_duration + self.tail:g} "
                "ms after it; use a longer tail"
            )

    def __repr__(self):
        given = ", ".join(
            f"{f.name}={getattr(self, f.name)!r}"
            for f in fields(self)
            if getattr(self, f.name) != f.default
        )
        return f"Protocol({given})"

    @property
    def apical_pulse(self) -> tuple[float, float] | None:
        """Delay and duration of every apical pulse, ms; None: the current stays on."""
        delay, duration = self.apical_delay, self.apical_duration
        if delay is None and duration is None:
            return None
        return (
            0.0 if delay is None else delay,
            USUAL_DURATION if duration is None else duration,
        )

    @property
    def duration(self) -> float:
        """Length of the run, ms."""
        last = (self.pairings - 1) * 1000.0 / self.frequency
        return self.rest + self.lead + last + self.somatic_duration + self.tail

    @property
    def epoch(self) -> tuple[float, float, float]:
        """Begin, middle and end of the train of pairings, ms."""
        begin = self.rest + self.lead - max(self.pairing_dt, 0.0)
        end = self.duration - self.tail
        return begin, (begin + end) / 2, end

    def without_apical(self) -> "Protocol":
        """The control with the same pairing and no apical current."""
        # When no current would flow does not matter: protocols share this control.
        return replace(
            self,
            apical_current=0.0,
            apical_delay=None,
            apical_duration=None,
            apical_part="usual",
        )

    def unpaired(self) -> "Protocol":
        """The control with the same apical current, and the soma left alone."""
        return replace(self, somatic_current=0.0)

    def timeline(self, *, halves: bool = False) -> "Timeline":
        """What happens when, for a model whose rule compares `halves` or another."""
        first = self.rest + self.lead
        onsets = first + np.arange(self.pairings) * (1000.0 / self.frequency)
        soma = [(t, t + self.somatic_duration, self.somatic_current) for t in onsets]
        if self.apical_pulse is None:
            apical = [(*self._stays_on(halves), self.apical_current)]
        else:
            delay, duration = self.apical_pulse
            starts = onsets + delay
            apical = [(t, t + duration, self.apical_current) for t in starts]
        if self.inhibition:
            apical.append((self.rest, self.duration, -self.inhibition))
        spikes = onsets - self.pairing_dt if self.presynaptic else onsets[:0]
        return Timeline(soma, apical, spikes)

    def drives(self, model: "LabModel | None" = None) -> dict[str, Drive]:
        """What `dendrites.simulate` needs to run this protocol on a cell.

        Parameters
        ----------
        model : LabModel, optional
            Its own input fields, units, steps and presynaptic signal; run its ``cell``
            with its ``dt``. Default: the currents alone, pA, at their own times, for a
            cell with the input fields ``soma`` and ``apical``.

        Returns
        -------
        dict of str to Drive
            By input field. Without background currents and delayed reads, and with the
            weight that the synapse starts with: potentials are those of `run_lab` where
            it has no noise and the cell does not hear a weight that changes. Spikes of
            the presynaptic cell are ``timeline().spikes``, ms.

        Raises
        ------
        ConfigError
            If the model cannot be given this protocol.

        Examples
        --------
        >>> protocol = Protocol(apical_current=300.0)
        >>> cell, drives = dendrites.models.naud_sprekeler(), protocol.drives()
        >>> tree = dendrites.simulate(cell, duration=protocol.duration, **drives)
        """
        return drives_of(self, model)

    def _stays_on(self, halves):
        """From when to when a current without delay is on, ms."""
        part = self.apical_part
        if part == "usual":
            part = "late" if halves else "throughout"
        begin, middle, end = self.epoch
        whole = self.rest, self.duration
        return {"early": (begin, middle), "late": (middle, end)}.get(part, whole)


class Timeline(NamedTuple):
    """Pulses (start ms, stop ms, pA) into soma and apical dendrite, presynaptic spikes.

    Currents of pulses that overlap add up.
    """

    soma: list[tuple[float, float, float]]
    apical: list[tuple[float, float, float]]
    spikes: np.ndarray
