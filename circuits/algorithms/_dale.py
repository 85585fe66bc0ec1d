"""Which projections of a circuit obey Dale's law when it is laid down for them."""

from circuits.circuit import Circuit, check_circuit
from dendrites._checks import names
from dendrites.errors import ModelError


def chosen(where: str, circuit: Circuit, given) -> list[str]:
    """The projections that are named; by default all that learn, but no biases.

    Raises
    ------
    ModelError
        For names that do not exist, tied projections and those that have signs.
    """
    check_circuit(where, circuit)
    if given is None:
        constants = {
            p.name for p in circuit.populations if isinstance(p.pattern, float | int)
        }
        given = [
            p.name
            for p in circuit.projections
            if p.learns and p.sign is None and p.pre not in constants
        ]
        if not given:
            raise ModelError(
                f"{where}: nothing in {circuit.name!r} learns but biases and weights "
                "that have signs; name projections"
            )
    for name in names(f"{where}: projections", given):
        p = circuit.projection(name)
        if p.tied_to is not None:
            raise ModelError(
                f"{where}: {name!r} has the weights of {p.tied_to.to!r}; name that one"
            )
        if p.sign is not None:
            raise ModelError(f"{where}: {name!r} has signs already; leave it out")
    return list(given)
