"""Test processes keep to one BLAS thread, so that several can share a machine."""

import os

from threadpoolctl import threadpool_limits

# Matrices of the tests are small, and threads wait for each other: two of them took
# twice the processor time of one (measured beside other programs). The variable is for
# processes started by tests and libraries not yet loaded, the limit for those that a
# plugin has loaded before.
BLAS_THREADS = int(os.environ.setdefault("OPENBLAS_NUM_THREADS", "1"))
threadpool_limits(limits=BLAS_THREADS, user_api="blas")
