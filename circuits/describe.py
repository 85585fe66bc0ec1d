"""A circuit as plain data: for a run's configuration and for comparing checkpoints."""

import dataclasses
import hashlib

import numpy as np

from circuits.circuit import Circuit
from dendrites.compile.source import ModuleText
from dendrites.errors import ModelError


def describe(circuit: Circuit) -> dict:
    """Names, sizes, parameters, rules and phases of a circuit, ready for JSON."""
    return {
        "name": circuit.name,
        "dt_ms": circuit.dt,
        "stepper": circuit.stepper,
        "seed": circuit.seed,
        "output": circuit.output,
        "readout": circuit.readout,
        "populations": {
            p.name: {
                "model": p.model.name,
                "equations": _fingerprint(*_functions(p.model)),
                "size": p.size,
                "parameters": p.model.parameters._asdict(),
                **({} if p.pattern is None else {"pattern": p.pattern}),
                **({} if p.noise is None else {"noise": list(p.noise)}),
            }
            for p in circuit.populations
        },
        "projections": {p.name: _projection(p) for p in circuit.projections},
        "schedule": _schedule(circuit.schedule),
        "test_schedule": _schedule(circuit.test_schedule or circuit.schedule),
    }


def _projection(p):
    connectivity = p.connectivity
    if isinstance(connectivity, np.ndarray):
        connectivity = f"sparse, {int(connectivity.sum())} synapses"
    result = {
        "pre": p.pre,
        "post": p.post,
        "field": p.field,
        "signal": p.signal,
        "connectivity": connectivity,
        "initial": _plain(p.initial),
    }
    if p.tied_to is not None:
        result["tied_to"] = _plain(p.tied_to)
    if p.rule is not None:
        result["plastic"] = p.plastic
        result["rule"] = _rule(p.rule)
    if p.delay is not None:
        result["delay_ms"] = p.delay
    if p.carries:
        result["carries"] = dict(p.carries)
    if p.bounds is not None:
        result["bounds"] = list(p.bounds)
        if p.clip != "weights":
            result["clip"] = p.clip
    if p.weight_decay:
        result["weight_decay"] = p.weight_decay
    return result


def _rule(rule):
    result = {"kind": type(rule).__name__} | {
        field.name: _plain(value)
        for field in dataclasses.fields(rule)
        if field.name != "others" and (value := getattr(rule, field.name)) is not None
    }
    others = getattr(rule, "others", ())
    return result | ({"plus": [_rule(other) for other in others]} if others else {})


def _schedule(schedule):
    return {
        "carry_state": schedule.carry_state,
        "phases": [
            {
                field.name: _plain(getattr(phase, field.name))
                for field in dataclasses.fields(phase)
                if getattr(phase, field.name) is not None
            }
            for phase in schedule.phases
        ],
    }


def _plain(value):
    if dataclasses.is_dataclass(value):
        return {"kind": type(value).__name__, **dataclasses.asdict(value)}
    if isinstance(value, np.ndarray):
        return f"array {value.shape}"
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if callable(value):
        name = getattr(value, "__qualname__", type(value).__name__)
        return f"{name} {_fingerprint(value)}".strip()
    return value


def _functions(model):
    return [
        function
        for function in (
            model.derivative,
            model.step,
            model.instantaneous,
            model.spike,
            model.fired,
            *(model.reads[name] for name in sorted(model.reads)),
        )
        if function is not None
    ]


def _fingerprint(*functions):
    """Of source and captured values, or of instructions where there is no source."""
    text = ModuleText(single_precision=False)
    try:
        for function in functions:
            if hasattr(function, "field"):  # a read of a State field
                text.lines.append(f"# {function.field}")
            else:
                text.function(function)
    except ModelError:
        return ""
    return hashlib.sha256("\n".join(text.lines).encode()).hexdigest()[:12]
