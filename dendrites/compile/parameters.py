"""Text of the parameters that a loop hands to a scalar function."""


def parameters_text(text, model, column: int, differing) -> list[str]:
    """Lines before a loop: parameters that all cells share, as `p` if all do."""
    params = f"    params = at(weights, row[{column}])"
    if differing:
        return [params]
    return [params, f"    p = {_p(text, model, {})}"]


def own_text(text, model, differing, cell: str = "i", *, indent: int = 8) -> list[str]:
    """Lines within a loop: `p` of one cell, where some parameters differ.

    The values of these follow the parameters of all, each as wide as a variable.
    """
    if not differing:
        return []
    first = len(model.params._fields)
    own = {
        name: f"params[{first} + {k} * stride + {cell}]"
        for k, name in enumerate(differing)
    }
    return [" " * indent + f"p = {_p(text, model, own)}"]


def _p(text, model, own):
    fields = enumerate(model.params._fields)
    places = [own.get(name, f"params[{v}]") for v, name in fields]
    return f"{text.tuple_type(model.params)}({', '.join(places)})"
