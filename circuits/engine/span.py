"""What a lane is told while a program runs: whole numbers that operations read.

The first ones are those of generated loops (`dendrites.compile.rows`). Behind the
last column named here lie the learning rates of all projections (bits of float64), and
then addresses of what is given for every step.
"""

from dendrites.compile.rows import CLOCK as CLOCK
from dendrites.compile.rows import SPAN_FREE

# BLOCK: steps of the present block. DONE of TOTAL steps of the stretch. STEP: number of
# the step within its presentation.
BLOCK, DONE, TOTAL, STEP = range(SPAN_FREE, SPAN_FREE + 4)
# BATCH: samples in all lanes of the replica. FIRST: place of this lane's first sample
# among them. PATTERN: row of that sample's pattern; PATTERNS: address of all patterns.
BATCH, FIRST, PATTERN, PATTERNS = range(SPAN_FREE + 4, SPAN_FREE + 8)
REPLICA, PRESENTATION = range(SPAN_FREE + 8, SPAN_FREE + 10)
# What ended the run, and where: kind, step, row of the population or projection,
# variable or synapse, sample, unit. MOVED: largest move of a sweep (bits of float64).
# SWEEPS: how many were made where cells did not come to rest.
STATUS = SPAN_FREE + 10
MOVED = STATUS + 6
SWEEPS = MOVED + 1
RATES = SWEEPS + 1

# Kinds of STATUS.
STATE_LEFT, WEIGHT_LEFT, NOT_SETTLED, NOT_RELAXED = 1, 2, 3, 4
