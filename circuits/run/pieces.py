"""A long run of a circuit, given its inputs and read out piece by piece.

A recording of every step, or a waveform for it, would fill the memory long before the
run is over; a piece holds a fraction of a second of both.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from circuits.circuit import Circuit, check_circuit
from circuits.engine.replicas import Replicas
from circuits.phase import Phase
from circuits.run.given import check_announced, check_piece
from circuits.run.interrupts import handing_back
from circuits.run.options import run_options
from circuits.run.recording import Record, Recording, check_records, plan_record
from circuits.schedule import Schedule
from circuits.waveform import GroupedWaveform
from dendrites._blas import serial_blas
from dendrites._checks import flag, function, whole_number
from dendrites._memory import check_memory
from dendrites.errors import ConfigError

PHASE = "piece"
STEPS_OF_A_PIECE = 1000


class Inputs(NamedTuple):
    """What a piece is given.

    Parameters
    ----------
    waveforms : mapping of clamped population to ndarray (n_steps, n) or GroupedWaveform
    spikes : mapping of population to (steps, units), each ndarray of int (n_spikes,)
        Forced spikes, in steps counted from the start of the piece.
    """

    waveforms: Mapping[str, np.ndarray | GroupedWaveform]
    spikes: Mapping[str, tuple[np.ndarray, np.ndarray]]


class Piece(NamedTuple):
    """What was recorded of a piece.

    Parameters
    ----------
    first_step : int
        Steps of the run before the piece.
    reads : dict of (population, read) to ndarray (n_records, n_units)
        After every recording interval of the piece.
    spikes : dict of population to (steps, units)
        ndarrays of int; a spike of step k of the run (k = 0, 1, ...) is at
        (k + 1) dt.
    weights : dict of projection to ndarray
        At the end of the piece, (n_post, n_pre); of a one-to-one projection (n,).
    """

    first_step: int
    reads: dict[tuple[str, str], np.ndarray]
    spikes: dict[str, tuple[np.ndarray, np.ndarray]]
    weights: dict[str, np.ndarray]


def run_in_pieces(
    circuit: Circuit,
    given: Callable[[int, int], Inputs] | None = None,
    *,
    n_steps: int,
    record: Sequence[Record | str] = (),
    driven: Sequence[str] = (),
    forced: Sequence[str] = (),
    weights: Mapping | None = None,
    learning: bool = True,
    piece: int = STEPS_OF_A_PIECE,
    seed: int | None = None,
    dtype: str = "float64",
) -> Iterator[Piece]:
    """Run a circuit for `n_steps` steps of time, one piece after the other.

    All cells start in the default states of their models. Rules act at every step;
    those that wait for the end of a presentation have none here.

    Parameters
    ----------
    circuit : Circuit
        Its schedule is not used.
    given : callable, optional
        ``given(first_step, n_steps) -> Inputs`` of the piece that begins after
        `first_step` steps. Needed where something is driven or forced.
    n_steps : int
    record : sequence of Record or population names
        As in `circuits.simulate`; intervals must divide the piece.
    driven, forced : sequence of str
        The populations that `given` shows waveforms and spikes.
    weights, learning, seed, dtype : see `circuits.simulate`
    piece : int
        Steps of a piece. Random numbers are addressed by piece and step, so it is a
        part of the run's identity.

    Yields
    ------
    Piece

    Raises
    ------
    ConfigError, ModelError
        Before anything is compiled; also if `given` returns what does not fit.
    NumericalError
        If the circuit diverges.
    KeyboardInterrupt
        After Ctrl+C. Its attribute `run` is the Piece that was cut short, up to the
        last step made; None if there is none.
    """
    check_circuit("run_in_pieces", circuit)
    if given is not None or driven or forced:
        form = "(first_step, n_steps)"
        function("run_in_pieces: given", given, form, error=ConfigError)
    n_steps = whole_number("n_steps", n_steps, lowest=1)
    piece = min(whole_number("piece", piece, lowest=1), n_steps)
    learning = flag("learning", learning, error=ConfigError)
    for p in circuit.projections:
        if p.learns and learning and not p.rule.continuous:
            raise ConfigError(
                f"projection {p.name!r}: its rule acts at the end of a presentation, "
                "and a run in pieces has none. Use circuits.present_sequence"
            )
    options = run_options(circuit, dtype=dtype, seed=seed, weights=weights)
    recordings = [
        x for r in check_records(record) for x in plan_record(circuit, r, piece)
    ]
    _check_intervals(recordings, piece)
    driven, forced = check_announced(circuit, driven, forced)
    _check_patterns(circuit, driven, forced)
    wide = sum(circuit.population(name).size for name in driven)
    check_memory(
        8 * piece * wide,
        f"run_in_pieces: waveforms of a piece of {piece} steps",
        advice="Use a smaller piece.",
    )
    with handing_back(lambda: None), serial_blas():
        runner = Replicas(
            circuit.with_schedule(_schedule(circuit, piece, driven)),
            [options.start(circuit)],
            recordings=recordings,
            steps=piece,
            forced=forced,
            driven=driven,
            narrow=True,
            **options.engine,
        )
    run = _Run(runner, recordings, driven, forced, learning)
    return run.pieces(given or _nothing, n_steps, piece)


class _Run:
    """A run and what its pieces are given and leave."""

    def __init__(self, runner, recordings, driven, forced, learning):
        self.runner, self.recordings, self.learning = runner, recordings, learning
        self.driven, self.forced = driven, forced
        self.shown = {
            p.name: np.full((1, p.size), _constant(p) or 0.0)
            for p in runner.circuit.populations
            if p.model.clamped
        }

    def pieces(self, given, n_steps, piece):
        for number, first in enumerate(range(0, n_steps, piece)):
            count = min(piece, n_steps - first)
            with handing_back(lambda: None):
                waveforms, spikes = check_piece(
                    self.runner.circuit,
                    given(first, count),
                    count,
                    driven=self.driven,
                    forced=self.forced,
                    where=f"run_in_pieces, {count} steps from step {first}",
                )
            with handing_back(lambda first=first: self._cut_short(first)):
                lanes = self._present(number, count, waveforms, spikes)
            yield self._piece(lanes, first, count)

    def _present(self, number, count, waveforms, spikes):
        with serial_blas():
            return self.runner.present(
                0,
                self.shown,
                _schedule(self.runner.circuit, count, self.driven),
                presentation=number,
                learning=self.learning,
                ends=False,
                recording=bool(self.recordings),
                forced=spikes,
                waveforms=waveforms,
            )

    def _cut_short(self, first):
        """The piece that an interrupt cut short, or None if it made no step."""
        lanes, done = self.runner.interrupted(0)
        return self._piece(lanes, first, done) if done else None

    def _piece(self, lanes, first, count):
        reads, spikes = {}, {}
        found = self.runner.recorded(0, lanes)
        for recording, values in zip(self.recordings, found, strict=True):
            # Record 0 is the state before the piece.
            if recording.events:
                mine = (values.step > 0) & (values.step <= count)
                steps, rows = (
                    np.repeat(x[mine], values.count[mine])
                    for x in (values.step, values.row)
                )
                units = np.asarray(recording.units)[rows]
                spikes[recording.population] = steps - 1 + first, units
                continue
            rows = values[0, 1 : count // recording.every + 1]
            for k, name in enumerate(recording.names):
                reads[recording.population, name] = rows[:, k].astype(
                    self.runner.layout.dtype
                )
        return Piece(first, reads, spikes, self.runner.weights(0))


def _nothing(first_step, n_steps):
    return Inputs({}, {})


def _constant(population):
    """Its constant pattern, or None."""
    pattern = population.pattern
    return None if isinstance(pattern, str) or pattern is None else float(pattern)


def _check_patterns(circuit, driven, forced):
    """Refuse populations that show a task's examples and are given nothing."""
    for p in circuit.populations:
        given = p.name in driven or p.name in forced
        if p.model.clamped and isinstance(p.pattern, str) and not given:
            raise ConfigError(
                f"population {p.name!r} shows the {p.pattern} of a task, and a run in "
                "pieces has none: announce it as driven and give it waveforms"
            )


def _schedule(circuit, steps, driven):
    constant = [
        p.name
        for p in circuit.populations
        if p.model.clamped and _constant(p) is not None and p.name not in driven
    ]
    phase = Phase(PHASE, steps * circuit.dt, on=(*driven, *constant))
    return Schedule((phase,), carry_state=True)


def _check_intervals(recordings: Sequence[Recording], piece: int) -> None:
    for recording in recordings:
        if piece % recording.every:
            raise ConfigError(
                f"record of {recording.population!r}: an interval of "
                f"{recording.every} steps does not divide a piece of {piece} steps"
            )
