"""The limits experiment: schemes that become exact, and how fast."""

from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge, Gt, Le

from experiments.learning.limit_table import FIRST, LIMITS
from experiments.parameters import Argument, Repeats, Seed
from experiments.record import Answer, question

CITATION = "Lillicrap et al. (2020), Nat. Rev. Neurosci. 21, 335"
NAMES = (*LIMITS,)
FITTED = 3
#: Errors below are those of finite differences and of relaxations.
FLOOR = 1e-6


@question(title="Schemes that are exact in a limit", citation=CITATION)
def limits(
    *,
    rules: Annotated[tuple[Literal[NAMES], ...], Argument("schemes")] = NAMES,
    values: Annotated[
        tuple[Annotated[float, Gt(0), Le(0.3)], ...],
        Argument("of the parameter that goes to 0, at least three"),
    ] = (0.1, 0.03, 0.01, 0.003, 0.001, 0.0003),
    cells: Annotated[int, Argument("per layer"), Ge(2), Le(100)] = 5,
    examples: Annotated[int, Argument("in the batch"), Ge(1), Le(1000)] = 4,
    networks: Annotated[Repeats, Argument("draws of weights and examples")] = 3,
    seed: Annotated[
        Seed, Argument("of the first network; the others have the next ones")
    ] = 0,
):
    """With which power of its parameter does a scheme become exact?

    Networks of three equal layers of logistic cells see a batch. The update of the
    first hidden layer is compared with what it should go to as a parameter of the
    scheme goes to 0: the gradient of its loss, or the Gauss-Newton step. The order is
    the slope of the logarithm of the relative error, over the three smallest values
    whose error is above 1e-6.

    Returns
    -------
    xarray.DataTree
        ``/limits``: ``error`` (scheme, replica, value), relative; of directions where
        lengths are not compared. ``order`` (scheme, replica) and ``expected``
        (scheme,); ``parameter`` (scheme,), in words.

    Source: each scheme's own, see `circuits.algorithms`.
    """
    from dendrites.dataset import group

    names = tuple(dict.fromkeys(rules))
    values = np.array(sorted(set(values), reverse=True))
    _check(values)
    errors = np.array(
        [
            [
                relative_errors(LIMITS[name], values, cells, examples, seed + k)
                for k in range(networks)
            ]
            for name in names
        ]
    )
    orders = np.array([[order_of(values, row) for row in rows] for rows in errors])
    found = group(
        {
            "error": (("scheme", "replica", "value"), errors, "1", "relative"),
            "order": (("scheme", "replica"), orders, "1", "measured"),
            "expected": (
                ("scheme",),
                np.array([LIMITS[n].order for n in names], float),
                "1",
                "exact order",
            ),
        },
        {
            "scheme": [*names],
            "replica": seed + np.arange(networks),
            "value": values,
            "parameter": ("scheme", [LIMITS[n].parameter for n in names]),
        },
        nonfinite="found",
    )
    return Answer({"/limits": found}, dt=1.0, duration=0.0, headline=_headline(found))


def relative_errors(limit, values, cells, examples, seed) -> np.ndarray:
    """Of the update of the first hidden layer, at every value, (n_values,)."""
    import circuits
    from circuits import algorithms
    from dendrites.random import generator

    shown, targets = (generator(seed, f"limits/{x}") for x in ("input", "target"))
    shown = shown.normal(size=(examples, cells))
    targets = targets.uniform(0.2, 0.8, (examples, cells))
    exact, errors = None, []
    for value in values:
        make = getattr(algorithms, limit.algorithm)
        circuit = make([cells] * 4, seed=seed, **limit.options(value))
        start = circuits.initial_weights(circuit)
        free = {
            name: w
            for name, w in start.items()
            if circuit.projection(name).tied_to is None
        }
        if limit.weights is not None:
            free |= limit.weights(circuit, free)
        if exact is None:
            exact = limit.exact(circuit, free, shown, targets)
        update = circuits.gradient_estimate(circuit, shown, targets, weights=free)[
            FIRST
        ]
        one, other = update, exact
        if limit.direction:
            one, other = (x / np.linalg.norm(x) for x in (update, exact))
        errors.append(np.linalg.norm(one - other) / np.linalg.norm(other))
    return np.array(errors)


def order_of(values, errors) -> float:
    """Slope of log error over log value, of the smallest values above the floor."""
    seen = np.flatnonzero(errors > FLOOR)[-FITTED:]
    if len(seen) < 2:
        return float("nan")
    return float(np.polyfit(np.log(values[seen]), np.log(errors[seen]), 1)[0])


def _check(values):
    from dendrites.errors import ConfigError

    if len(values) < FITTED:
        raise ConfigError(
            f"values: {len(values)} different ones, must be at least {FITTED} to tell "
            "an order"
        )


def _headline(found):
    return {
        f"order_{name}": {
            "value": float(found.order.sel(scheme=name).mean()),
            "unit": "1",
            "reference": f"{float(found.expected.sel(scheme=name)):g}",
            "source": "exact order, of " + str(found.parameter.sel(scheme=name).values),
        }
        for name in found.scheme.values
    }
