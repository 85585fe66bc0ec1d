"""What is recorded, put where the result will have it: beside the arenas, as float64.

`given` says where in the span the address of a lane's first sample stands, or that of
its list of spikes.
"""

from circuits.engine.operations.kinds import operation
from circuits.engine.operations.products import is_silent
from circuits.engine.span import STEP
from dendrites.compile.calls import at, bits_of, integers
from dendrites.compile.rows import SAMPLES


@operation(
    "n <source units count every place width sample given",
    "record {source}",
)
def record(weights, lane, row, span):
    """Keep some units of every sample in the record of this step.

    Records of one sample are `width` apart and those of two samples `sample`.
    """
    n, count = row[1], row[4]
    units, kept = integers(row[3]), integers(span[row[9]])
    first = (span[STEP] // row[5]) * row[7] + row[6]
    for b in range(span[SAMPLES]):
        values, out = at(lane, row[2] + b * n), at(kept, first + b * row[8])
        for i in range(count):
            out[i] = bits_of(values[units[i]])


@operation("n <source units count given", "record events of {source}")
def record_events(weights, lane, row, span):
    """Append step, place among the recorded cells and number of spikes.

    The first number of the list says how many events it holds.
    """
    n, count = row[1], row[4]
    units, kept = integers(row[3]), integers(span[row[5]])
    found, every_cell = kept[0], count == n
    for b in range(span[SAMPLES]):
        values, i = at(lane, row[2] + b * n), count * 0
        while i < count:
            # Most cells are silent: look at eight at once.
            if every_cell and i + 8 <= count and is_silent(at(values, i)):
                i += 8
                continue
            number = values[units[i]]
            if number != 0:
                place = 3 * found + 1
                kept[place], kept[place + 1] = span[STEP], b * count + i
                kept[place + 2] = int(number)
                found += 1
            i += 1
    kept[0] = found
