"""Products and sums between maps: convolutions, pooling, local fields.

Address `index` holds the geometry (`circuits.maps.Maps.index`): channels, height and
width of the presynaptic maps and of the postsynaptic ones, rows and columns of a field,
strides, padding, how weights belong to fields, and whether the projection carries
signals from the postsynaptic maps to the presynaptic ones. Cells lie channel by
channel, row by row.

A convolution is one matrix product for each sample, of the kernels (c_out, fields)
with the fields of all places, laid out at `patches` as (fields, places). Where weights
are not shared by places, or maps not joined to all others, rows of maps are walked.
"""

from circuits.engine.operations.kinds import operation
from circuits.engine.operations.outer import OUTER, SUM, rows_of
from circuits.engine.operations.products import (
    ADD,
    PRODUCT,
    clear_first,
    signal_place,
)
from dendrites.compile.calls import (
    add_eight,
    add_product,
    add_product_turned,
    at,
    cast,
    copy_eight,
    integers,
    real,
)
from dendrites.compile.jit import inlined_kernel
from dendrites.compile.rows import SAMPLES

# The geometry at `index`.
C_PRE, HEIGHT, WIDTH, C_POST, ROWS, COLUMNS = range(6)
FIELD_ROWS, FIELD_COLUMNS, DOWN, RIGHT, PAD_ROWS, PAD_COLUMNS, KIND, BACK = range(6, 14)
POOLING, LOCAL = 1, 2


@inlined_kernel
def first_column(g, j):
    """First column of postsynaptic maps for which column j of the field is inside."""
    outside = max((g[PAD_COLUMNS] - j + g[RIGHT] - 1) // g[RIGHT], 0)
    return min(outside, g[COLUMNS])


@inlined_kernel
def last_column(g, j):
    """Column behind the last one for which column j of the field is inside."""
    inside = (g[WIDTH] - 1 + g[PAD_COLUMNS] - j) // g[RIGHT] + 1
    return min(max(inside, 0), g[COLUMNS])


@inlined_kernel
def copy_row(source, target, n):
    """Copy n numbers of a row, and up to seven more.

    What is written too much is written over by the next row, or lies behind the last.
    """
    c = n * 0
    while c < n:
        copy_eight(at(source, c), at(target, c))
        c += 8


@inlined_kernel
def add_row(source, target, n):
    """Add n numbers of a row to others."""
    c = n * 0
    while c + 8 <= n:
        add_eight(at(source, c), at(target, c))
        c += 8
    while c < n:
        target[c] += source[c]
        c += 1


@inlined_kernel
def lay_out(g, image, patches):
    """Fields of all places of a sample, (fields, places), zero outside of the maps."""
    height, width, n_rows, n_columns = g[HEIGHT], g[WIDTH], g[ROWS], g[COLUMNS]
    down, right, above = g[DOWN], g[RIGHT], g[PAD_ROWS]
    zero = cast(image, 0.0)
    k = height * 0
    for channel in range(g[C_PRE]):
        for i in range(g[FIELD_ROWS]):
            for j in range(g[FIELD_COLUMNS]):
                first, last = first_column(g, j), last_column(g, j)
                begin = (channel * height + i - above) * width + j - g[PAD_COLUMNS]
                for r in range(n_rows):
                    y, out = r * down + i - above, at(patches, k)
                    k += n_columns
                    if y < 0 or y >= height:
                        for c in range(n_columns):
                            out[c] = zero
                        continue
                    seen = begin + r * down * width
                    if right == 1:
                        copy_row(at(image, seen + first), at(out, first), last - first)
                    else:
                        for c in range(first, last):
                            out[c] = image[seen + c * right]
                    for c in range(first):
                        out[c] = zero
                    for c in range(last, n_columns):
                        out[c] = zero


@inlined_kernel
def put_back(g, patches, image):
    """Add fields laid out by `lay_out` to the places they came from."""
    height, width, n_rows, n_columns = g[HEIGHT], g[WIDTH], g[ROWS], g[COLUMNS]
    down, right, above = g[DOWN], g[RIGHT], g[PAD_ROWS]
    k = height * 0
    for channel in range(g[C_PRE]):
        for i in range(g[FIELD_ROWS]):
            for j in range(g[FIELD_COLUMNS]):
                first, last = first_column(g, j), last_column(g, j)
                begin = (channel * height + i - above) * width + j - g[PAD_COLUMNS]
                for r in range(n_rows):
                    y, values = r * down + i - above, at(patches, k)
                    k += n_columns
                    if y < 0 or y >= height:
                        continue
                    seen = begin + r * down * width
                    if right == 1:
                        row = at(image, seen + first)
                        add_row(at(values, first), row, last - first)
                    else:
                        for c in range(first, last):
                            image[seen + c * right] += values[c]


@operation(f"{PRODUCT} index patches", ADD)
def convolution_product(weights, lane, row, span):
    """Kernels times fields, or with `BACK` fields of kernels times what is there."""
    n_pre, n_post, factor = row[1], row[2], cast(lane, real(row, 6))
    g, w, patches = integers(row[12]), at(weights, row[3]), at(lane, row[13])
    fields = g[C_PRE] * g[FIELD_ROWS] * g[FIELD_COLUMNS]
    places, maps = g[ROWS] * g[COLUMNS], g[C_POST]
    one, zero = cast(lane, 1.0), cast(lane, 0.0)
    clear_first(lane, row, span)
    signals = at(lane, signal_place(row, span))
    for b in range(span[SAMPLES]):
        signal, out = at(signals, b * n_pre), at(lane, row[5] + b * n_post)
        if g[BACK]:
            add_product(True, fields, places, maps, factor, w, signal, zero, patches)
            put_back(g, patches, out)
        else:
            lay_out(g, signal, patches)
            add_product(False, maps, places, fields, factor, w, patches, one, out)


@operation(f"{OUTER} index patches", SUM)
def convolution_outer(weights, lane, row, span):
    """What is at places times their fields, summed over places."""
    n_pre, n_post, out = row[1], row[2], at(lane, row[5])
    g, patches = integers(row[8]), at(lane, row[9])
    fields = g[C_PRE] * g[FIELD_ROWS] * g[FIELD_COLUMNS]
    places, maps = g[ROWS] * g[COLUMNS], g[C_POST]
    one, zero = cast(lane, 1.0), cast(lane, 0.0)
    for s in range(rows_of(row, span)):
        image, there = at(lane, row[3] + s * n_pre), at(lane, row[4] + s * n_post)
        if g[BACK]:
            image, there = at(lane, row[4] + s * n_post), at(lane, row[3] + s * n_pre)
        lay_out(g, image, patches)
        beta = zero if row[7] and s == 0 else one
        add_product_turned(maps, fields, places, one, there, patches, beta, out)


@operation(f"{PRODUCT} index", ADD)
def fields_product(weights, lane, row, span):
    """Fields with weights of their own at every place, or one weight for each map."""
    n_pre, n_post, factor = row[1], row[2], cast(lane, real(row, 6))
    m, g = span[SAMPLES], integers(row[12])
    clear_first(lane, row, span)
    signals, targets = at(lane, signal_place(row, span)), at(lane, row[5])
    places, right, back = g[ROWS] * g[COLUMNS], g[RIGHT], g[BACK]
    local = g[KIND] == LOCAL
    k = row[3] * 1
    for o in range(g[C_POST]):
        for channel in range(0 if local else o, g[C_PRE] if local else o + 1):
            for tap in range(g[FIELD_ROWS] * g[FIELD_COLUMNS]):
                i, j = tap // g[FIELD_COLUMNS], tap % g[FIELD_COLUMNS]
                first, last = first_column(g, j), last_column(g, j)
                for r in range(g[ROWS]):
                    y = r * g[DOWN] + i - g[PAD_ROWS]
                    if y < 0 or y >= g[HEIGHT]:
                        continue
                    seen = (channel * g[HEIGHT] + y) * g[WIDTH] + j - g[PAD_COLUMNS]
                    seen += first * right
                    there = o * places + r * g[COLUMNS] + first
                    own = k + r * g[COLUMNS] + first if local else row[3] + o
                    w = at(weights, own)
                    for b in range(m):
                        if back:
                            x = at(signals, b * n_pre + there)
                            out = at(targets, b * n_post + seen)
                            for c in range(last - first):
                                one = w[c] if local else w[0]
                                out[c * right] += factor * one * x[c]
                        else:
                            x = at(signals, b * n_pre + seen)
                            out = at(targets, b * n_post + there)
                            for c in range(last - first):
                                one = w[c] if local else w[0]
                                out[c] += factor * one * x[c * right]
                k += places


@operation(f"{OUTER} index", SUM)
def fields_outer(weights, lane, row, span):
    """What is at places times their fields, for every place or summed over a map."""
    n_pre, n_post, out = row[1], row[2], at(lane, row[5])
    g, rows = integers(row[8]), rows_of(row, span)
    places, right = g[ROWS] * g[COLUMNS], g[RIGHT]
    local = g[KIND] == LOCAL
    images, theres, n_image, n_there = row[3], row[4], n_pre, n_post
    if g[BACK]:
        images, theres, n_image, n_there = row[4], row[3], n_post, n_pre
    if row[7]:
        taps = g[C_PRE] * g[FIELD_ROWS] * g[FIELD_COLUMNS]
        for k in range(n_there * taps if local else g[C_POST]):
            out[k] = 0
    k = row[1] * 0
    for o in range(g[C_POST]):
        for channel in range(0 if local else o, g[C_PRE] if local else o + 1):
            for tap in range(g[FIELD_ROWS] * g[FIELD_COLUMNS]):
                i, j = tap // g[FIELD_COLUMNS], tap % g[FIELD_COLUMNS]
                first, last = first_column(g, j), last_column(g, j)
                for r in range(g[ROWS]):
                    y = r * g[DOWN] + i - g[PAD_ROWS]
                    if y < 0 or y >= g[HEIGHT]:
                        continue
                    seen = (channel * g[HEIGHT] + y) * g[WIDTH] + j - g[PAD_COLUMNS]
                    seen += first * right
                    there = o * places + r * g[COLUMNS] + first
                    for s in range(rows):
                        x = at(lane, images + s * n_image + seen)
                        e = at(lane, theres + s * n_there + there)
                        if local:
                            total = at(out, k + r * g[COLUMNS] + first)
                            for c in range(last - first):
                                total[c] += e[c] * x[c * right]
                        else:
                            total = cast(lane, 0.0)
                            for c in range(last - first):
                                total += e[c] * x[c * right]
                            out[o] += total
                k += places


@operation(f"{PRODUCT} index", ADD)
def slots_product(weights, lane, row, span):
    """Synapses one by one: their post and pre cells and slots lie at `index`."""
    n_pre, n_post, factor = row[1], row[2], cast(lane, real(row, 6))
    clear_first(lane, row, span)
    w, signals = at(weights, row[3]), at(lane, signal_place(row, span))
    n = integers(row[12])[0]
    posts, pres = at(integers(row[12]), 1), at(integers(row[12]), 1 + n)
    slots = at(integers(row[12]), 1 + 2 * n)
    for b in range(span[SAMPLES]):
        signal, out = at(signals, b * n_pre), at(lane, row[5] + b * n_post)
        for k in range(n):
            out[posts[k]] += factor * signal[pres[k]] * w[slots[k]]


@operation(f"{OUTER} index n", SUM)
def slots_outer(weights, lane, row, span):
    """The same: factor times signal of every synapse, summed into its slot."""
    n_pre, n_post, out = row[1], row[2], at(lane, row[5])
    if row[7]:
        for k in range(row[9]):
            out[k] = 0
    n = integers(row[8])[0]
    posts, pres = at(integers(row[8]), 1), at(integers(row[8]), 1 + n)
    slots = at(integers(row[8]), 1 + 2 * n)
    for s in range(rows_of(row, span)):
        signal, factor = at(lane, row[3] + s * n_pre), at(lane, row[4] + s * n_post)
        for k in range(n):
            out[slots[k]] += signal[pres[k]] * factor[posts[k]]
