"""One step of a cell: Euler, exponential Euler and Heun around a derivative.

A stepper turns ``derivative(cell, inputs, p)`` into the text of a scalar function
``advance(cell, inputs, p, dt)``. It is written out field by field because a compiled
NamedTuple has no fields to loop over.

- `euler`: explicit, order 1.
- `exponential_euler`: exact for a compartment whose derivative is linear in its own
  potential while the rest of the cell and its inputs stand still, so exact only for
  uncoupled compartments; order 1 otherwise. The decay rate of each variable is the
  secant of its derivative over one unit, which is its exact slope where the
  derivative is linear in the variable itself.
- `settled`: no step but the steady state under the present inputs, exact where the
  derivative is linear in each compartment and compartments do not act on each other
  (the secant over one unit is then the slope); for circuits that settle, see
  `circuits.Phase`. A variable whose derivative does not depend on it keeps its value.
- `heun`: explicit trapezoid, order 2 for cells (weights of a circuit move once per
  step, from its start). A circuit evaluates its projections a second
  time at the predicted state; a single cell takes its inputs at both ends of the step.
"""

from dendrites._checks import choice
from dendrites.errors import ConfigError

STEPPERS = ("euler", "exponential_euler", "heun")

# What a population does in a sweep: no stepper of a circuit.
SETTLED = "settled"

_SLOW_DECAY = 1e-6


def check_stepper(name: str) -> str:
    """The stepper's name, or a ConfigError that lists all of them."""
    return choice("stepper", name, STEPPERS, error=ConfigError)


def is_explicit(name: str) -> bool:
    """Whether the stepper has a largest stable step."""
    return name != "exponential_euler"


def advance_text(name: str, fields, state: str, derivative: str, number) -> list[str]:
    """Source lines of ``advance(cell, inputs, p, dt)`` for one cell model.

    Heun's stage is the Euler text: the time loops run two and keep the mean of the
    start and the second, so that the second stage can see new inputs.
    """
    head = [
        "",
        "@njit(**INNER)",
        "def advance(cell, inputs, p, dt):",
        f"    d = {derivative}(cell, inputs, p)",
    ]
    if name not in ("exponential_euler", SETTLED):
        terms = ", ".join(f"cell.{field} + dt * d.{field}" for field in fields)
        return [*head, f"    return {state}({terms})"]
    body, one, zero = [], number(1.0), number(0.0)
    for field in fields:
        moved = ", ".join(
            f"cell.{other} + {one}" if other == field else f"cell.{other}"
            for other in fields
        )
        body += [
            f"    d_{field} = {derivative}({state}({moved}), inputs, p).{field}",
            f"    g_{field} = d.{field} - d_{field}",
        ]
    if name == SETTLED:
        terms = ", ".join(
            f"cell.{f} + (d.{f} / g_{f} if g_{f} != {zero} else {zero})" for f in fields
        )
        return [*head, *body, f"    return {state}({terms})"]
    terms = ", ".join(f"cell.{f} + weight(g_{f}, dt) * d.{f}" for f in fields)
    small, half = number(_SLOW_DECAY), number(0.5)
    weight = [
        "",
        "@njit(**INNER)",
        "def weight(g, dt):",
        # Below this decay per step the series is exact to rounding, and g may be 0.
        f"    if abs(g * dt) < {small}:",
        f"        return dt * ({one} - {half} * g * dt)",
        "    return -math.expm1(-g * dt) / g",
    ]
    return [*weight, *head, *body, f"    return {state}({terms})"]
