"""Text of a loop over cells whose step has one exponential: tile by tile, in stages."""

from dendrites.compile.apart import GIVEN, apart
from dendrites.compile.calls import TILE


def in_stages(text, call, given, changed):
    """Lines of a loop that steps n cells, or None where their step has none or more.

    Parameters
    ----------
    text : ModuleText
    call : str
        What gives the new state of a cell.
    given, changed : list of str
        Lines that give what the call needs of cell i, and that write what it gives.
    """
    name, _, arguments = call.partition("(")
    found = apart(text, name)
    if found is None:
        return None
    ask, use = found
    exponential = "exp_of_each_32" if text.single_precision else "exp_of_each"
    text.add_import(f"from dendrites.compile.exponentials import {exponential}")
    text.add_import("from dendrites.compile.calls import tile")
    each = ["        for k in range(tiled):", "            i = first + k"]
    given = [f"    {line}" for line in given]
    return [
        "    exponents = tile(lane)",
        f"    for first in range(0, n, {TILE}):",
        f"        tiled = min(n - first, {TILE})",
        *each,
        *given,
        f"            exponents[k] = {ask}({arguments}",
        f"        {exponential}(exponents, tiled)",
        *each,
        *given,
        f"            {GIVEN} = exponents[k]",
        f"            new = {use}({arguments[:-1]}, {GIVEN})",
        *(f"    {line}" for line in changed),
    ]
