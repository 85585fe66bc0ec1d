"""What must hold while a program runs; what does not is written into the status."""

from circuits.engine.operations.kinds import operation
from circuits.engine.span import MOVED, NOT_SETTLED, STATE_LEFT, STATUS, STEP
from dendrites.compile.calls import at, bits_of, real
from dendrites.compile.rows import SAMPLES


@operation("n variables <state stride ~limit population", "check {state}")
def check_state(weights, lane, row, span):
    """Whether the variables of a population are finite and below their limit."""
    if span[STATUS] != 0:
        return
    n, limit = row[1], real(row, 5)
    for v in range(row[2]):
        values, wrong = at(lane, row[3] + v * row[4]), n * 0
        # Counted: a loop that may end early is not vectorised.
        for i in range(n * span[SAMPLES]):
            wrong += 0 if abs(values[i]) < limit else 1
        for i in range(n * span[SAMPLES] if wrong > 0 else 0):
            if not abs(values[i]) < limit:
                span[STATUS], span[STATUS + 1] = STATE_LEFT, span[STEP]
                span[STATUS + 2], span[STATUS + 3] = row[6], v
                span[STATUS + 4], span[STATUS + 5] = i // n, i % n
                return


@operation(
    "n variables <state <stepped stride ~tolerance population phase",
    "check that {state} settled",
)
def check_settled(weights, lane, row, span):
    """Whether a population stays where it is: `stepped` is its state a step later."""
    if span[STATUS] != 0:
        return
    n, tolerance = row[1], real(row, 6)
    for v in range(row[2]):
        values = at(lane, row[3] + v * row[5])
        stepped = at(lane, row[4] + v * row[5])
        for i in range(n * span[SAMPLES]):
            allowed = tolerance * max(abs(values[i]), 1.0)
            if not abs(stepped[i] - values[i]) <= allowed:
                span[STATUS], span[STATUS + 1] = NOT_SETTLED, row[8]
                span[STATUS + 2], span[STATUS + 3] = row[7], v
                span[STATUS + 4], span[STATUS + 5] = i // n, i % n
                span[MOVED] = bits_of(values[i])
                return


@operation("total <state =before", "largest move of {state}")
def largest_move(weights, lane, row, span):
    """How far the farthest of n numbers moved, and where they are now."""
    state, before = at(lane, row[2]), at(lane, row[3])
    largest = abs(state[0] - before[0])
    for i in range(row[1]):
        largest = max(largest, abs(state[i] - before[i]))
    for i in range(row[1]):
        before[i] = state[i]
    span[MOVED] = bits_of(largest)
