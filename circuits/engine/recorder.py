"""Recorder: what is recorded of one replica, in the order in which results have it."""

from typing import NamedTuple

import numpy as np

from dendrites.compile.calls import hold

# Of the list of a lane's spikes, which is emptied before it can be full. Pages of it
# that are never written take no memory.
EVENTS = 1 << 16
MOST_STEPS = 1 << 40


class Events(NamedTuple):
    """Spikes of a presentation, by sample and then step: arrays of int64 (n_events,).

    `row` counts recorded cells, and step k ends at k dt.
    """

    step: np.ndarray
    sample: np.ndarray
    row: np.ndarray
    count: np.ndarray


def room(layout, recording) -> int:
    """Steps after which a lane's list of spikes must be emptied."""
    return max(EVENTS // (len(recording.units) * layout.capacity), 1)


def recorded_bytes(layout, batch: int) -> int:
    """Memory of all records of a replica; that of spikes without what they become."""
    lanes, total = -(-batch // layout.capacity), 0
    for r in layout.recordings:
        cells = len(r.units)
        if r.events:
            steps = room(layout, r) + layout.block + 1
            total += 24 * lanes * steps * cells * layout.capacity
        else:
            total += 8 * batch * (layout.steps // r.every + 1) * cells * len(r.names)
    return total


class Recorder:
    """Arrays that operations record into.

    Parameters
    ----------
    layout : Layout
    batch : int
    spans : int64 (lanes, columns)
        Of the lanes of a replica: they are told where the arrays lie.
    columns : mapping
        Of ("record", number of the recording) to a column of the span.
    """

    def __init__(self, layout, batch, spans, columns):
        self.layout, self._held = layout, []
        self.most, self._arrays, self._lists, self._events = MOST_STEPS, {}, {}, {}
        for k, r in enumerate(layout.recordings):
            n = len(r.units)
            if r.events:
                self.most = min(self.most, room(layout, r))
                numbers = (room(layout, r) + layout.block + 1) * n * layout.capacity
                each = [np.empty(1 + 3 * numbers, np.int64) for _ in spans]
                self._lists[k] = each
            else:
                shape = batch, layout.steps // r.every + 1, len(r.names), n
                self._arrays[k] = whole = np.zeros(shape)
                firsts = range(0, batch, layout.capacity)
                each = [whole[b:].view(np.int64).reshape(-1) for b in firsts]
            self._held += each
            for span, array in zip(spans, each, strict=True):
                span[columns["record", k]] = hold(array)
        self.begin()

    def begin(self) -> None:
        """Forget the spikes of an earlier presentation."""
        for k, each in self._lists.items():
            self._events[k] = []
            for array in each:
                array[0] = 0

    def collect(self, lane: int) -> None:
        """Take over what stands in the lists of a lane."""
        for k, each in self._lists.items():
            array, n = each[lane], len(self.layout.recordings[k].units)
            step, place, count = array[1 : 1 + 3 * array[0]].reshape(-1, 3).T.copy()
            array[0] = 0
            sample, row = np.divmod(place, n)
            sample += lane * self.layout.capacity
            self._events[k].append((step, sample, row, count))

    def recorded(self, samples: int) -> list:
        """For every recording its array (samples, records, names, units), or Events.

        Record 0 is the state before the first step.
        """
        found = []
        for k, _ in enumerate(self.layout.recordings):
            if k in self._arrays:
                found.append(self._arrays[k][:samples])
                continue
            none = np.zeros((4, 0), np.int64)
            events = Events(*np.concatenate([none, *self._events[k]], axis=1))
            order = np.lexsort((events.row, events.step, events.sample))
            found.append(Events(*(x[order] for x in events)))
        return found
