"""What a presentation is given for every step: forced spikes and waveforms."""

import numpy as np

from circuits.waveform import GroupedWaveform
from dendrites.compile.calls import hold


class Given:
    """Columns of the span that say where given spikes and waveforms lie.

    Parameters
    ----------
    first : int
        The first free column.
    names : sequence of str or pair
        Populations that are given waveforms, (SPIKES, name) of those given spikes.
    """

    def __init__(self, first, names):
        self.columns = {name: first + k for k, name in enumerate(dict.fromkeys(names))}
        self.size = first + len(self.columns)


def events_of(trains, n, n_steps, first, samples) -> np.ndarray:
    """Forced spikes of the samples that one lane holds.

    For each step (and one more) where its spikes begin, then the places, b * n + i, of
    the cells that fire, in ascending order.

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
    order = np.lexsort((places, steps))
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


def listed_waveform(value, dtype, first, samples) -> list[np.ndarray]:
    """Arrays of a waveform, and last the list that `numbers.show_waveform` is given.

    It holds the number of arrays of groups, the cells of a group, and the addresses of
    what these cells show and of the arrays of groups.
    """
    if isinstance(value, GroupedWaveform):
        if dtype == np.float64:
            arrays = [value.each, *value.groups]
            head = len(value.groups), value.each.shape[1]
            return [*arrays, np.array([*head, *map(hold, arrays)], np.int64)]
        value = value.values()[np.newaxis]
    flat = waveform_of(value, dtype, first, samples)
    return [flat, np.array([0, 0, hold(flat)], np.int64)]


def given_to_lane(layout, given, schedule, k, samples):
    """By its key what lane k of so many samples is given: spikes or a waveform.

    Arrays to be kept, the last of which is what the lane is told of.
    """
    first = k * layout.capacity
    n_steps = sum(s.steps for s in schedule.segments(layout.circuit.dt))
    for key, value in given.items():
        if key in layout.driven:
            yield key, listed_waveform(value, layout.dtype, first, samples)
        else:
            n = layout.sizes[key[1]]
            yield key, [events_of(value, n, n_steps, first, samples)]
