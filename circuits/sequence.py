"""Show patterns to a circuit one after the other, and look in between."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from circuits.circuit import Circuit
from circuits.engine.plan import Recording, check_dtype
from circuits.engine.runner import Runner, serial_blas
from circuits.schedule import Schedule
from circuits.session import EQUILIBRIUM, EXACT
from circuits.simulation import JUMPS, check_patterns
from circuits.task import whole_number
from circuits.training import BLOCK, check_integrator, check_jumps
from circuits.weights import initial_weights
from dendrites.errors import ConfigError
from dendrites.random import check_seed


class Presented(NamedTuple):
    """What was kept of a sequence of presentations.

    Parameters
    ----------
    presentations : ndarray (n_kept,)
        Numbers of presentations shown by then; 0 is the start.
    weights : list of dict, one per kept moment
        Arrays (n_post, n_pre) by projection.
    reads : dict of (population, read) to ndarray (n_kept, n_cells)
        Values at the end of the presentation.
    """

    presentations: np.ndarray
    weights: list[dict[str, np.ndarray]]
    reads: dict[tuple[str, str], np.ndarray]


def present_sequence(
    circuit: Circuit,
    patterns: Mapping[str, np.ndarray],
    *,
    keep: Sequence[int] | None = None,
    reads: Sequence[tuple[str, str]] = (),
    weights: Mapping | None = None,
    schedule: Schedule | None = None,
    learning: bool = True,
    integrator: str = EXACT,
    block: int = BLOCK,
    jumps: int | None = None,
    dtype: str = "float64",
    seed: int | None = None,
    tick: Callable[[], None] | None = None,
) -> Presented:
    """Patterns shown one after the other; weights and reads kept on the way.

    Weights and update filters carry over from one presentation to the next; states of
    cells do if the schedule says `carry_state`. The first presentation starts from the
    models' default states. Looking does not disturb: what is kept changes nothing.

    Parameters
    ----------
    circuit : Circuit
    patterns : mapping of str to ndarray (n_presentations, n)
        What each clamped population shows, one row per presentation; a constant pattern
        of the population itself (a bias) is the default.
    keep : sequence of int, optional
        Numbers of presentations after which to keep weights and reads; 0 is the start.
        Default: the end alone.
    reads : sequence of (population, read)
        Scalar reads, such as ("output", "rate"), to keep as well.
    weights : mapping, optional
        Weights (n_post, n_pre) or initialisers, by projection.
    schedule : Schedule, optional
        Default: the circuit's training schedule.
    learning : bool
        Whether rules act.
    integrator, block, dtype, seed : see `circuits.train`
    jumps : int, optional
        As in `circuits.train`; default 10.
    tick : callable, optional
        Called after every presentation, for a progress bar.

    Returns
    -------
    Presented
        In ascending order of presentations.

    Raises
    ------
    ConfigError, ModelError
        Before anything is compiled.
    NumericalError
        If the circuit diverges.
    """
    schedule = schedule or circuit.schedule
    seed = circuit.seed if seed is None else check_seed(seed)
    shown = check_patterns(circuit, patterns, schedule)
    count = len(next(iter(shown.values())))
    kept = _check_kept(keep, count)
    planned = [_planned(circuit, read) for read in reads]
    exact = check_integrator(integrator) == EXACT
    jumps = check_jumps(circuit, integrator, jumps)
    if integrator == EQUILIBRIUM:
        jumps = jumps or JUMPS
    result = Presented(np.array(kept), [], {tuple(read): [] for read in reads})
    with serial_blas():
        runner = Runner(
            circuit.with_schedule(schedule),
            [initial_weights(circuit, seed=seed, given=weights)],
            block=1 if exact else whole_number("block", block, lowest=1),
            jumps=jumps,
            dtype=check_dtype(dtype),
            seed=seed,
            recordings=planned,
        )
        lanes = [(runner.lanes[0][0], 1)]
        for number in range(count + 1):
            if number in kept:
                result.weights.append(runner.weights(0))
                for (population, name), values in result.reads.items():
                    values.append(runner.read(0, lanes, population, name)[0])
            if number == count:
                break
            lanes = runner.present(
                0,
                {name: rows[number : number + 1] for name, rows in shown.items()},
                schedule,
                presentation=number,
                learning=learning,
            )
            if tick is not None:
                tick()
    found = {read: np.array(values, float) for read, values in result.reads.items()}
    return result._replace(reads=found)


def _check_kept(keep, count):
    """Numbers of presentations in ascending order, each once."""
    if keep is None:
        return [count]
    numbers = {whole_number("keep", n, lowest=0, highest=count) for n in keep}
    if not numbers:
        raise ConfigError(
            f"keep is empty: give numbers of presentations from 0 to {count}, or "
            "leave it out to keep the end"
        )
    return sorted(numbers)


def _planned(circuit, read):
    """A recording that is never made: it has the loop of its read compiled."""
    if isinstance(read, str) or len(read) != 2:
        raise ConfigError(
            f"reads holds {read!r}: must hold pairs (population, read) such as "
            "('output', 'rate')"
        )
    population, name = read
    circuit.model(population).read(name)
    return Recording(population, name, np.arange(1), 1)
