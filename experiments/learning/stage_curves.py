"""How singular values of a deep linear network grow: the curves of theory.

A network of N weight matrices sees white inputs and learns a map of singular values s.
Its matrices start as the same singular vectors, with strengths a_1, ..., a_N each; then
every mode goes its own way,

    da_k/dt = (product of g_j, j > k) (product of a_j, j < k) (s - product of all a_j)

with g_j = a_j where errors travel back through the transposed weights and g_j constant
where they do through fixed weights of the same singular vectors. Time is counted in
units of 1 / learning rate.
"""

import numpy as np


def stages(time, strength: float, start: float) -> np.ndarray:
    """Backprop's two matrices from a balanced start: the sigmoid of Saxe et al.

        u = s e^(2 s t) / (e^(2 s t) - 1 + s / u_0)

    Parameters
    ----------
    time : ndarray (n_times,)
    strength, start : float
        s, and u_0, the product of both strengths at first.

    Source: Saxe, McClelland & Ganguli (2014), for half the squared error.
    """
    faded = np.exp(-2.0 * strength * np.asarray(time))
    return strength / (1.0 + (strength / start - 1.0) * faded)


def modes(time, strength: float, first, feedback=None) -> np.ndarray:
    """Strengths of one mode in every matrix, by numerical integration.

    Parameters
    ----------
    time : ndarray (n_times,)
        Rising, from 0.
    strength : float
        s.
    first : sequence of float (n_matrices,)
        a_1, ..., a_N at time 0.
    feedback : sequence of float (n_matrices - 1,), optional
        g_2, ..., g_N; None: the strengths themselves, as backprop has it.

    Returns
    -------
    ndarray (n_times, n_matrices)
    """
    from scipy.integrate import solve_ivp

    def growth(t, a):
        down = a[1:] if feedback is None else feedback
        below = np.cumprod([1.0, *a[:-1]])
        above = np.cumprod([1.0, *down[::-1]])[::-1]
        return above * below * (strength - np.prod(a))

    time = np.asarray(time, float)
    if len(time) < 2:
        return np.array([first], float)
    found = solve_ivp(
        growth, time[[0, -1]], first, t_eval=time, method="LSODA", rtol=1e-9, atol=1e-12
    )
    return found.y.T
