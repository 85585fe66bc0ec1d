"""Which variables of a cell change, and which matter if only some are looked at."""

from dendrites.cell import StateField
from dendrites.compile.dependence import NOTHING, cell_of, dependence
from dendrites.compile.source import ModuleText
from dendrites.steppers import SETTLED, advance_text


def cell_call(text: ModuleText, model, stepper: str | None) -> str:
    """The call that gives a cell's next state, with its functions put into a module.

    Without a stepper that which fills its algebraic compartments.
    """
    state = text.tuple_type(model.state)
    if stepper is None:
        return f"{text.function(model.instantaneous)}(cell, inputs, p)"
    if model.step is not None:
        return f"{text.function(model.step)}(cell, inputs, p, dt)"
    name = text.function(model.derivative)
    text.lines.insert(0, "import math")
    text.lines += advance_text(stepper, model.state._fields, state, name, text.number)
    if stepper == SETTLED and model.instantaneous:
        fill = text.function(model.instantaneous)
        return f"advance({fill}(cell, inputs, p), inputs, p, dt)"
    return "advance(cell, inputs, p, dt)"


def arguments(model) -> dict:
    """What scalar functions of a model are given, of which the cell matters."""
    return {
        "cell": cell_of(model.state._fields),
        "inputs": cell_of(model.inputs._fields, known=False),
        "p": cell_of(model.params._fields, known=False),
        **dict.fromkeys(("dt", "u", "count", "weight", "pre"), NOTHING),
    }


def needed_by(model, function, names: str = "cell, p") -> frozenset:
    """Variables that a scalar function looks at; `names` are its arguments."""
    if isinstance(function, StateField):
        return frozenset([function.field])
    text = ModuleText(single_precision=False)
    text.tuple_type(model.state)
    call = f"{text.function(function)}({names})"
    found = dependence(text.lines, call, arguments(model))
    parts = found if isinstance(found, list) else [found]
    return frozenset().union(*(part.needs for part in parts))


def live_variables(model, stepper: str, wanted: frozenset) -> frozenset:
    """Variables that must be computed so that the `wanted` ones are right.

    Parameters
    ----------
    model : CellModel
    stepper : str
    wanted : frozenset of str
        State fields.
    """
    fields, calls = model.state._fields, []
    text = ModuleText(single_precision=False)
    if model.instantaneous is not None:
        calls.append(cell_call(text, model, None))
    if not model.constant:
        calls.append(cell_call(text, model, stepper))
    decides = frozenset()
    if model.spiking:
        decides = needed_by(model, model.spike, "cell, u, p, dt")
        calls.append(f"{text.function(model.fired)}(cell, count, p, dt)")
    each = [dependence(text.lines, call, arguments(model)) for call in calls]
    if not all(isinstance(new, list) for new in each):
        return frozenset(fields)
    live = frozenset(wanted) | decides
    while True:
        more = [
            value.needs
            for new in each
            for field, value in zip(fields, new, strict=True)
            if field in live
        ]
        larger = live.union(*more)
        if larger == live:
            return live
        live = larger


def fires_by_what_stands_still(model, stepper: str) -> bool:
    """Whether spikes depend on variables alone that steps and spikes leave alone."""
    if model.instantaneous is not None:
        return False
    text = ModuleText(single_precision=False)
    calls = [cell_call(text, model, stepper)]
    calls.append(f"{text.function(model.fired)}(cell, count, p, dt)")
    each = [dependence(text.lines, call, arguments(model)) for call in calls]
    if not all(isinstance(new, list) for new in each):
        return False
    still = set(model.state._fields)
    for new in each:
        pairs = zip(model.state._fields, new, strict=True)
        still &= {field for field, value in pairs if value.same == field}
    return needed_by(model, model.spike, "cell, u, p, dt") <= still


def written(text, model, call, unread):
    """Lines that write the variables that a call changes and something reads."""
    fields = model.state._fields
    new = dependence(text.lines, call, arguments(model))
    passed = [v.same for v in new] if isinstance(new, list) else [None for _ in fields]
    return [
        f"        state[{v} * stride + i] = new[{v}]"
        for v, field in enumerate(fields)
        if passed[v] != field and field not in unread
    ]
