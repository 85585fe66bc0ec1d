"""``dendrites`` with the experiment of `sweep_jobs`, for worker processes as well.

The first word is run beforehand, in this process alone.
"""

import signal
import sys

import sweep_jobs

from experiments.command.cli import main

sweep_jobs.dask_setup()

if __name__ == "__main__":
    # Shells have what they start in the background ignore it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    exec(sys.argv.pop(1))
    sys.exit(main(sys.argv[1:]))
