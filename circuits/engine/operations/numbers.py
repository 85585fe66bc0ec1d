"""Numbers moved as they are: cleared, copied, added, kept in delay lines."""

from circuits.engine.operations.kinds import operation
from circuits.engine.span import BLOCK, CLOCK, PATTERN, PATTERNS, STEP
from dendrites.compile.calls import at, cast, integers, numbers, real
from dendrites.compile.rows import BLOCK_STEP, SAMPLES


@operation("n >target", "clear {target}")
def clear(weights, lane, row, span):
    """Set n numbers of every sample to 0."""
    n, out = row[1] * span[SAMPLES], at(lane, row[2])
    for i in range(n):
        out[i] = 0


@operation("n <source >target slot", "copy {source} to {target}")
def copy(weights, lane, row, span):
    """Copy n numbers of every sample; with `slot` 1 into the slot of the step."""
    n = row[1] * span[SAMPLES]
    values = at(lane, row[2])
    out = at(lane, row[3] + row[4] * span[BLOCK_STEP] * n)
    for i in range(n):
        out[i] = values[i]


@operation(
    "n <source <base =target ~factor",
    "add {factor:g} x what {source} sums to {target}",
)
def copy_scaled(weights, lane, row, span):
    """Add `factor` times another field without its base."""
    n, factor = row[1] * span[SAMPLES], cast(lane, real(row, 5))
    values, base, out = at(lane, row[2]), at(lane, row[3]), at(lane, row[4])
    for i in range(n):
        out[i] += factor * (values[i] - base[i])


@operation(
    "n <source =target ~factor first slot",
    "{factor:g} x {source} into {target}",
)
def combine(weights, lane, row, span):
    """Add `factor` times a signal or field to others, or begin with it."""
    n, factor = row[1] * span[SAMPLES], cast(lane, real(row, 4))
    values = at(lane, row[2] + row[6] * span[BLOCK_STEP] * n)
    out = at(lane, row[3])
    if row[5]:
        for i in range(n):
            out[i] = factor * values[i]
    else:
        for i in range(n):
            out[i] += factor * values[i]


@operation("n <source slot >line slots stride", "put {source} into its line")
def delay(weights, lane, row, span):
    """Put a signal into its delay line, a ring of slots."""
    n = row[1] * span[SAMPLES]
    values = at(lane, row[2] + row[3] * span[BLOCK_STEP] * n)
    out = at(lane, row[4] + span[CLOCK] % row[5] * row[6])
    for i in range(n):
        out[i] = values[i]


@operation("total <source >target", "copy {source} to {target}")
def copy_all(weights, lane, row, span):
    """Copy so many numbers, whatever the samples."""
    values, out = at(lane, row[2]), at(lane, row[3])
    for i in range(row[1]):
        out[i] = values[i]


@operation("total <source =target", "add {source} to {target}")
def add_all(weights, lane, row, span):
    """Add so many numbers, whatever the samples."""
    values, out = at(lane, row[2]), at(lane, row[3])
    for i in range(row[1]):
        out[i] += values[i]


@operation("total <source =target", "add {source} to {target} for every step")
def add_steps(weights, lane, row, span):
    """Add so many numbers once for every step of the block, whatever the samples."""
    values, out, steps = at(lane, row[2]), at(lane, row[3]), span[BLOCK]
    for i in range(row[1]):
        out[i] += steps * values[i]


@operation("total <start =state", "mean of the stages of {state}")
def mean_of_stages(weights, lane, row, span):
    """The state of Heun's method: half of what the step began with, half of now."""
    start, state, half = at(lane, row[2]), at(lane, row[3]), cast(lane, 0.5)
    for i in range(row[1]):
        state[i] = half * (start[i] + state[i])


@operation("total >target ~value", "set {target} to {value:g}")
def fill_all(weights, lane, row, span):
    """Set so many numbers, whatever the samples."""
    out, value = at(lane, row[2]), cast(lane, real(row, 3))
    for i in range(row[1]):
        out[i] = value


@operation("n >state stride column width ~on", "clamp {state}")
def clamp(weights, lane, row, span):
    """Let sources show their patterns times the amplitude `on`, or nothing at 0.

    Variable 1 is the amplitude.
    """
    n, m, on = row[1], span[SAMPLES], cast(lane, real(row, 6))
    shown, active = at(lane, row[2]), at(lane, row[2] + row[3])
    for i in range(n * m):
        active[i] = on
    if on == 0:
        for i in range(n * m):
            shown[i] = 0
        return
    patterns = numbers(lane, span[PATTERNS])
    for b in range(m):
        pattern = at(patterns, (span[PATTERN] + b) * row[5] + row[4])
        out = at(shown, b * n)
        for i in range(n):
            out[i] = on * pattern[i]


@operation("n >state given ~amplitude", "show the waveform of {state}")
def show_waveform(weights, lane, row, span):
    """Let sources show the values of this step.

    `given` says where the address of a list is: how many arrays of groups there are and
    how many cells in a group, then the addresses of what these show and of the arrays.
    Without groups what they show are the values of all cells.
    """
    n, amplitude = row[1] * span[SAMPLES], cast(lane, real(row, 4))
    listed, shown = integers(span[row[3]]), at(lane, row[2])
    layers, n_each = listed[0], listed[1]
    if layers == 0:
        values = at(numbers(lane, listed[2]), span[STEP] * n)
        for i in range(n):
            shown[i] = amplitude * values[i]
        return
    each, n_groups = at(numbers(lane, listed[2]), span[STEP] * n_each), n // n_each
    for g in range(n_groups):
        out, k = at(shown, g * n_each), span[STEP] * n_groups + g
        level = at(numbers(lane, listed[3]), k)[0]
        for i in range(n_each):
            out[i] = each[i] + level
        for j in range(1, layers):
            level = at(numbers(lane, listed[3 + j]), k)[0]
            for i in range(n_each):
                out[i] += level
    if amplitude != 1:
        for i in range(n):
            shown[i] *= amplitude
