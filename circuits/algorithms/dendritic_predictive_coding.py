"""The balance of a dendritic branch as the error of a prediction."""

from collections.abc import Sequence

import numpy as np

from circuits._microcircuit_parts import layer_names
from circuits._stack_options import checked_sizes
from circuits.circuit import Circuit
from circuits.initialisers import Constant
from circuits.phase import Phase
from circuits.population import Population
from circuits.projection import Projection
from circuits.schedule import Schedule
from dendrites._checks import choice, number
from dendrites.activity_difference import ActivityDifference
from dendrites.models import balanced_branch, balanced_cell, source
from dendrites.random import generator

INHIBITION = ("balanced", "none")


def dendritic_predictive_coding(
    sizes: Sequence[int],
    *,
    learning_rate: float = 0.01,
    inhibitory_rate: float = 0.1,
    apical_rate: float = 0.1,
    momentum: float = 0.0,
    inhibition: str = "balanced",
    decay: float = 0.1,
    sweeps: int = 2000,
    step: float = 0.1,
    tolerance: float | None = 1e-6,
    seed: int = 0,
    name: str = "dendritic_predictive_coding",
) -> Circuit:
    """Cells explain their input; each branch of a dendrite tells what is unexplained.

        u_ij = F_ij x_j + sum_k W^j_ik z_k         the branch of cell i for input j
        dv_i/dt = sum_j u_ij - decay (v_i - apical_i),   z = max(v, 0)
        dF_ij = learning_rate * mean(z_i u_ij),          F >= 0
        dW^j_ik = -inhibitory_rate * mean(u_ij z_k),     W <= 0
        dA_ik = apical_rate * mean((z_i - apical_i) z^above_k),   apical = A z^above

    Lateral inhibition learns to cancel the input of each branch. At W^j_ik = -F_ij F_kj
    a branch holds F_ij times the error x_j - sum_k F_kj z_k of the prediction that all
    cells make of its input. There is no teacher: the loss of a layer is E = |x - F^T
    z|^2 / 2 + decay |z - apical|^2 / 2, and a higher layer explains a lower one.

    Exact at that balance: activity at rest is the minimum of E over z >= 0 (one layer),
    and dF_ij = -learning_rate F_ij dE/dF_ij. A cell is told a vector, one error for
    each of its inputs. One presentation, one phase, which relaxes.

    Parameters
    ----------
    sizes : sequence of int
        Input, and one or more layers of cells. n cells of m inputs have n m branches
        and n^2 m inhibitory weights.
    learning_rate, inhibitory_rate, apical_rate : float
        Per presentation, of F, W and A.
    momentum : float
        Of updates, in [0, 1).
    inhibition : {"balanced", "none"}
        Where W starts: -F_ij F_kj or 0.
    decay : float
        Of somata, 1/ms, > 0.
    sweeps, step, tolerance : optional
        Of the relaxation, as in `circuits.Phase`.
    seed : int
        Also of F, uniform in (0, 1) / sqrt(m), with which W starts in balance: part of
        the description.
    name : str

    Returns
    -------
    Circuit
        With populations "branches_<layer>".

    Raises
    ------
    ModelError
        For impossible sizes and options. While it runs, NumericalError if it does not
        come to rest.

    Source: the idea of Mikulasch, Rudelt & Priesemann, PNAS 118 (2021) e2021925118 and
    Mikulasch et al., Trends Neurosci. 46 (2023) 45, of which abstracts were read; the
    rate form is our derivation.
    """
    where = "dendritic_predictive_coding"
    sizes = checked_sizes(sizes, where, of="an input and one or more layers of cells")
    for option, rate in (
        ("learning_rate", learning_rate),
        ("inhibitory_rate", inhibitory_rate),
        ("apical_rate", apical_rate),
    ):
        number(f"{where}: {option}", rate, least=0.0)
    choice(f"{where}: inhibition", inhibition, INHIBITION)
    number(f"{where}: decay", decay, unit="1/ms", above=0.0)
    relaxed = {"moments": ("relaxed", "relaxed"), "momentum": momentum}
    excite = ActivityDifference(
        "coincidence", None, learning_rate, presynaptic="active", **relaxed
    )
    inhibit = ActivityDifference(None, "potential", inhibitory_rate, **relaxed)
    predict = ActivityDifference("surprise", None, apical_rate, **relaxed)

    names = layer_names(sizes)
    populations = [Population("input", source(), sizes[0], pattern="inputs")]
    projections, moving = [], []
    for below, here, m, n in zip(
        names[:-1], names[1:], sizes[:-1], sizes[1:], strict=True
    ):
        branches = f"branches_{here}"
        populations += [
            Population(here, balanced_cell(decay), n),
            Population(branches, balanced_branch(), n * m),
        ]
        of_input = np.kron(np.ones((n, 1)), np.eye(m))
        of_cell = np.kron(np.eye(n), np.ones((m, 1)))
        rng = generator(seed, f"excitation/{here}")
        f = rng.uniform(0.0, 1.0 / np.sqrt(m), (n, m))
        w = -np.einsum("ij,kj->ijk", f, f).reshape(n * m, n)
        ones = Constant(1.0)
        projections += [
            Projection(
                below,
                branches,
                "excitation",
                connectivity=of_input > 0,
                rule=excite,
                initial=of_input * f.reshape(-1, 1),
                sign=1,
            ),
            Projection(
                here,
                branches,
                "inhibition",
                rule=inhibit,
                initial=w if inhibition == "balanced" else 0.0 * w,
                sign=-1,
            ),
            Projection(here, branches, "soma", connectivity=of_cell > 0, initial=ones),
            Projection(
                branches,
                here,
                "branches",
                "potential",
                connectivity=of_cell.T > 0,
                initial=ones,
            ),
        ]
        if below != "input":
            projections.append(Projection(here, below, "apical", rule=predict))
        moving += [branches, here]
    phase = Phase(
        "relaxed", relax=tuple(moving), sweeps=sweeps, step=step, tolerance=tolerance
    )
    return Circuit(
        tuple(populations),
        tuple(projections),
        Schedule((phase,), always_on=("input",)),
        output=names[-1],
        readout="rate",
        name=name,
        seed=seed,
    )
