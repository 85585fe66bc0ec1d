"""Functions typed in the cells of a notebook run as what they are."""

import os
import sys
import warnings

import pytest

# Whatever it warns of is no fault of ours.
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from jupyter_client.manager import KernelManager

pytestmark = [pytest.mark.nojit, pytest.mark.filterwarnings("ignore")]

CELLS = [
    """
import math
from dendrites.compile.loops import elementwise
GAIN = 1.0
def at(f):
    return float(elementwise(f, [2.0])[0])
""",
    """
one, other = (lambda x: math.floor(x) + 10.0, lambda x: 4.0)
print(at(one), at(other))
""",
    """
def f(x):
    return GAIN * x

print(at(f), [at(g) for g in (
    lambda x: GAIN + x,
    lambda x: GAIN - x,
)])
""",
    "GAIN = 3.0\nprint(at(f))",
    "def f(x):\n    return GAIN * x + 1\nprint(at(f))",
    "import inspect\nprint(inspect.getsource(f).splitlines()[1].strip())",
    "from dendrites.compile.proof import definition\nprint(definition(f) is not None)",
]
WANTED = [
    *("", "12.0 4.0\n", "2.0 [3.0, -1.0]\n", "6.0\n", "7.0\n"),
    *("return GAIN * x + 1\n", "True\n"),
]


@pytest.fixture(scope="module")
def kernel():
    manager = KernelManager()
    manager.kernel_spec.argv = [
        *(sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}")
    ]
    # The source of functions is the question here, not their machine code.
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    manager.start_kernel(env=environment, cwd=os.getcwd())
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=60)
    yield client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def test_what_a_cell_defines_is_what_runs(kernel):
    shown = []
    for cell in CELLS:
        parts = []

        def show(message, parts=parts):
            content = message["content"]
            parts += [content.get("text", ""), *content.get("traceback", [])]

        kernel.execute_interactive(cell, timeout=60, output_hook=show)
        shown.append("".join(parts))
    assert shown == WANTED
