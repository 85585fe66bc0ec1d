"""What a presentation is given for every step: forced spikes and waveforms."""

import numpy as np


class Given:
    """Columns of the span that say where given spikes and waveforms lie.

    Parameters
    ----------
    first : int
        The first free column.
    names : sequence of str
        Populations that are given something.
    """

    def __init__(self, first, names):
        self.columns = {name: first + k for k, name in enumerate(dict.fromkeys(names))}
        self.size = first + len(self.columns)


def events_of(trains, n, n_steps, first, samples) -> np.ndarray:
    """Forced spikes of the samples that one lane holds.

    For each step (and one more) where its spikes begin, then the places, b * n + i, of
    the cells that fire.

    Parameters
    ----------
    trains : (steps, units) or list of these, one per sample
        Arrays of int64 (n_spikes,); one pair is for all samples.
    n : int
        Cells of the population.
    n_steps : int
    first, samples : int
        Samples of the lane, counted in the batch.
    """
    each = trains if isinstance(trains, list) else [trains] * (first + samples)
    mine = each[first : first + samples]
    steps = np.concatenate([s for s, _ in mine])
    places = np.concatenate([b * n + u for b, (_, u) in enumerate(mine)])
    order = np.argsort(steps, kind="stable")
    starts = np.searchsorted(steps[order], np.arange(n_steps + 1))
    return np.concatenate([starts + n_steps + 1, places[order]]).astype(np.int64)


def waveform_of(array, dtype, first, samples) -> np.ndarray:
    """For each step the values (samples, n) that the cells of one lane show, flat.

    `array` is (n_samples, n_steps, n); one sample stands for all.
    """
    mine = np.asarray(array, dtype)
    if len(mine) == 1:
        mine = np.broadcast_to(mine, (samples, *mine.shape[1:]))
    else:
        mine = mine[first : first + samples]
    return np.ascontiguousarray(np.swapaxes(mine, 0, 1)).ravel()


def given_to_lane(layout, given, schedule, k, samples):
    """By population what lane k of so many samples is given: spikes or a waveform."""
    first = k * layout.capacity
    n_steps = sum(s.steps for s in schedule.segments(layout.circuit.dt))
    for name, value in given.items():
        if name in layout.driven:
            yield name, waveform_of(value, layout.dtype, first, samples)
        else:
            n = layout.sizes[name]
            yield name, events_of(value, n, n_steps, first, samples)
