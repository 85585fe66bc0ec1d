"""A protocol as drives of `dendrites.simulate`."""

from typing import TYPE_CHECKING

import numpy as np

import dendrites as dn

if TYPE_CHECKING:
    from experiments.lab.model import LabModel
    from experiments.lab.protocol import Protocol


def drives_of(protocol: "Protocol", model: "LabModel | None") -> dict[str, dn.Drive]:
    """Drives by input field; see `Protocol.drives`."""
    if model is None:
        line = protocol.timeline()
        return {"soma": _sum(line.soma), "apical": _sum(line.apical)}
    model.check(protocol)
    line, dt = protocol.timeline(halves=model.halves), model.dt
    found = {}
    for field, scale, pulses in (
        (model.soma, model.soma_scale, line.soma),
        (model.apical, model.apical_scale, line.apical),
    ):
        if field is not None:
            on_steps = [
                (round(start / dt) * dt, round(stop / dt) * dt, scale * amplitude)
                for start, stop, amplitude in pulses
            ]
            found[field] = found.get(field, dn.Drive()) + _sum(on_steps)
    return found | {model.synapse: _heard(protocol, model, line.spikes)}


def _sum(pulses):
    total = dn.Drive()
    for start, stop, amplitude in pulses:
        if amplitude:
            total += dn.pulse(amplitude, start=start, duration=stop - start)
    return total


def _heard(protocol, model, spikes):
    """What the synapse brings: the presynaptic cell's signal of the step before."""
    dt, n = model.dt, model.steps_of(protocol)[-1]
    tree = dn.simulate(
        model.presynaptic,
        duration=n * dt,
        dt=dt,
        reads=[model.signal],
        forced_spikes=(np.rint(spikes / dt) + 1) * dt,
    )
    signal = tree["populations/cell"][model.signal].values[0, :, 0]
    weight = model.weight if protocol.weight is None else protocol.weight
    return dn.waveform(weight * np.concatenate([[0.0], signal[:-1]]), dt=dt)
