"""What a presentation is given for every step: forced spikes and waveforms."""

from typing import Any, NamedTuple

import numpy as np


class Given(NamedTuple):
    """Numbers of one lane, for every step of a presentation.

    forced (n_forced, 2) : row of a population, and where its steps begin in `events`;
    events : for each step (and one more) where its spikes begin in `events`, then the
    places, b * n + i, of the cells that fire;
    driven (n_driven, 2) : row of a population, and where its values begin in `values`;
    values : for each step the values (samples, n) its cells show.
    """

    forced: Any
    events: Any
    driven: Any
    values: Any


def nothing_given(dtype) -> Given:
    """No forced spikes and no waveforms."""
    none = np.zeros((0, 2), np.int64)
    return Given(none, np.zeros(0, np.int64), none, np.zeros(0, dtype))


def given_to_lane(plan, forced, waveforms, n_steps, first, samples) -> Given:
    """Forced spikes and waveforms of the samples that one lane holds.

    Parameters
    ----------
    forced : dict of population to (steps, units) or list of these, one per sample
        Arrays of int64 (n_spikes,); one pair is for all samples.
    waveforms : dict of population to ndarray (n_samples, n_steps, n)
        One sample stands for all.
    n_steps : int
    first, samples : int
        Samples of the lane, counted in the batch.
    """
    if not forced and not waveforms:
        return nothing_given(plan.dtype)
    forced_rows, events, offset = [], [], 0
    for name, trains in forced.items():
        n = plan.circuit.population(name).size
        each = trains if isinstance(trains, list) else [trains] * (first + samples)
        mine = each[first : first + samples]
        steps = np.concatenate([s for s, _ in mine])
        places = np.concatenate([b * n + u for b, (_, u) in enumerate(mine)])
        order = np.argsort(steps, kind="stable")
        starts = np.searchsorted(steps[order], np.arange(n_steps + 1))
        forced_rows.append((plan.rows[name], offset))
        events += [starts + offset + n_steps + 1, places[order]]
        offset += n_steps + 1 + len(places)
    driven, values, offset = [], [], 0
    for name, array in waveforms.items():
        mine = np.asarray(array, plan.dtype)
        if len(mine) == 1:
            mine = np.repeat(mine, samples, axis=0)
        else:
            mine = mine[first : first + samples]
        driven.append((plan.rows[name], offset))
        # (samples, steps, n) to (steps, samples, n)
        values.append(np.swapaxes(mine, 0, 1).ravel())
        offset += mine.size
    nothing = nothing_given(plan.dtype)
    return Given(
        np.array(forced_rows, np.int64).reshape(-1, 2),
        np.concatenate(events).astype(np.int64) if events else nothing.events,
        np.array(driven, np.int64).reshape(-1, 2),
        np.concatenate(values) if values else nothing.values,
    )
