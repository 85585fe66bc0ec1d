"""A passive dendrite of n compartments on a driven soma.

Checks what one dendritic compartment leaves out: attenuation over distance and the time
that a potential takes to spread.
"""

import functools
from collections import namedtuple
from typing import Annotated, NamedTuple

import numpy as np

from dendrites.cell import NON_NEGATIVE, POSITIVE, CellModel
from dendrites.errors import ModelError

LARGEST = 64


class Params(NamedTuple):
    capacitance: Annotated[float, "pF", POSITIVE] = 281.0
    g_leak: Annotated[float, "nS", POSITIVE] = 30.0
    e_leak: Annotated[float, "mV"] = -70.6
    capacitance_cable: Annotated[float, "pF", POSITIVE] = 100.0
    g_leak_cable: Annotated[float, "nS", NON_NEGATIVE] = 10.0
    distance: Annotated[float, "um", POSITIVE] = 300.0
    length_constant: Annotated[float, "um", POSITIVE] = 300.0


def axial_conductance(n: int, p) -> float:
    """Conductance between neighbouring compartments, nS.

    n leak (length_constant / distance)^2 for a cable of that leak in all, so that n
    compartments have the cable's length constant. Between the soma and the middle of
    the first compartment it is twice as large.

    Parameters
    ----------
    n : int
        Number of compartments.
    p : parameters of `cable`
    """
    return n * p.g_leak_cable * (p.length_constant / p.distance) ** 2


def time_constants(n: int, p) -> np.ndarray:
    """Time constants with which a cable of `n` compartments relaxes, ms, ascending.

    Parameters
    ----------
    n : int
        Number of compartments.
    p : parameters of `cable`

    Returns
    -------
    ndarray (n + 1,)
    """
    axial = np.full(n, axial_conductance(n, p))
    axial[0] *= 2.0
    capacitance = np.r_[p.capacitance, np.full(n, p.capacitance_cable / n)]
    conductance = np.r_[p.g_leak, np.full(n, p.g_leak_cable / n)]
    conductance[:-1] += axial
    conductance[1:] += axial
    # Potentials times the root of their capacitance relax by a symmetric matrix.
    matrix = np.diag(conductance / capacitance)
    across = -axial / np.sqrt(capacitance[:-1] * capacitance[1:])
    matrix += np.diag(across, 1) + np.diag(across, -1)
    return np.sort(1.0 / np.linalg.eigvalsh(matrix))


@functools.cache
def _types(n):
    """State and Inputs: ``soma``, ``apical1`` ... ``apicaln``."""
    names = ("soma", *(f"apical{k}" for k in range(1, n + 1)))

    def tuple_type(name, unit, default):
        made = namedtuple(name, names, defaults=(default,) * len(names))
        made.__annotations__ = dict.fromkeys(names, Annotated[float, unit])
        made.__module__ = __name__
        return made

    return tuple_type("State", "mV", -70.6), tuple_type("Inputs", "pA", 0.0)


def _outward(k, n):
    """Derivatives of compartments k to n as a tuple: of one and of the next ones.

    A compiled function cannot fill a tuple in a loop, but it can join two.
    """
    count = n

    def last(cell, inputs, p):
        axial = axial_conductance(count, p) * (2.0 if count == 1 else 1.0)
        current = (
            axial * (cell[count - 1] - cell[count])
            + p.g_leak_cable / count * (p.e_leak - cell[count])
            + inputs[count]
        )
        return (current / (p.capacitance_cable / count),)

    if k == n:
        return last
    beyond, here = _outward(k + 1, n), k

    def outward(cell, inputs, p):
        axial = axial_conductance(count, p)
        current = (
            axial * (2.0 if here == 1 else 1.0) * (cell[here - 1] - cell[here])
            + axial * (cell[here + 1] - cell[here])
            + p.g_leak_cable / count * (p.e_leak - cell[here])
            + inputs[here]
        )
        return (current / (p.capacitance_cable / count), *beyond(cell, inputs, p))

    return outward


@functools.cache
def _derivative(n):
    state, count, dendrite = _types(n)[0], n, _outward(1, n)

    def derivative(cell, inputs, p):
        current = (
            p.g_leak * (p.e_leak - cell[0])
            + 2.0 * axial_conductance(count, p) * (cell[1] - cell[0])
            + inputs[0]
        )
        return state(*(current / p.capacitance, *dendrite(cell, inputs, p)))

    return derivative


def cable(*, n: int = 8, **parameters: float) -> CellModel:
    """Passive soma with an unbranched, sealed dendrite of `n` equal compartments.

    C_k dv_k/dt = -g_k (v_k - e_leak) + sum over neighbours g_axial (v_j - v_k) + I_k

    The dendrite has length `distance`; compartment k has a share 1/n of its capacitance
    and leak and its potential at the middle, (k - 1/2) distance / n from the soma.
    In the steady state v_k - e_leak, relative to the soma's, is

    cosh((n - k + 1/2) q) / (cosh(n q) cosh(q / 2)),
    2 cosh(q) - 2 = (distance / (n length_constant))^2,

    which tends to the cable's cosh((L - x)/lambda) / cosh(L/lambda) with 1/n^2.

    Compartments and inputs (pA) are ``soma``, ``apical1`` ... ``apicaln``.

    Parameters
    ----------
    n : int
        Number of compartments, 1 to 64.
    **parameters : float
        capacitance, g_leak of the soma; e_leak; capacitance_cable, g_leak_cable of the
        whole dendrite; distance, length_constant in um.

    Raises
    ------
    ModelError
        If `n` or a parameter is out of its range.

    Source: the passive cable; our discretisation.
    """
    if isinstance(n, bool) or not isinstance(n, int) or not 1 <= n <= LARGEST:
        raise ModelError(
            f"cable: n = {n!r}: must be a whole number of compartments, 1 to {LARGEST}"
        )
    state, inputs = _types(n)

    return CellModel(
        name="cable",
        state=state,
        params=Params,
        inputs=inputs,
        derivative=_derivative(n),
        parameters=parameters,
        time_constant=lambda p: time_constants(n, p)[0],
        source="passive cable",
    )
