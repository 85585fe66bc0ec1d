"""Checks of what a presentation is given for every step: waveforms and spikes."""

from collections.abc import Mapping, Sequence

import numpy as np

from circuits.circuit import (
    Circuit,
    opens_conductances,
    refuse_negative_conductances,
)
from circuits.waveform import GroupedWaveform, check_grouped
from dendrites._checks import mapping, names, numbers, shown
from dendrites.errors import ConfigError, choices
from dendrites.spike_trains import check_forced, check_unit, spikes_in_steps


def check_waveforms(
    circuit: Circuit, waveforms: Mapping | None, n_steps: int, *, where: str = ""
) -> dict[str, np.ndarray]:
    """Waveforms (n_samples or 1, n_steps, n) by clamped population.

    Raises
    ------
    ConfigError
        For unknown populations, other shapes, and values that are not finite.
    """
    clamped = {p.name: p for p in circuit.populations if p.model.clamped}
    result = {}
    waveforms = mapping("waveforms", waveforms, "waveforms by population")
    for name, values in waveforms.items():
        if name not in clamped:
            raise ConfigError(
                f"{where}waveforms: {name!r} is no clamped population. "
                + choices(name, clamped)
            )
        place = f"{where}waveforms[{name!r}]"
        values = numbers(place, values)
        values = values[np.newaxis] if values.ndim == 2 else values
        if values.ndim != 3 or values.shape[1:] != (n_steps, clamped[name].size):
            raise ConfigError(
                f"{place} has shape {values.shape}, must be ({n_steps}, "
                f"{clamped[name].size}), one row for each step of the presentation, or "
                "one such array per sample"
            )
        refuse_negative_conductances(circuit, name, values, place)
        result[name] = values
    return result


def check_forced_spikes(
    circuit: Circuit,
    forced: Mapping | None,
    n_steps: int,
    n_samples: int,
    unit: str = "ms",
) -> dict:
    """Forced spikes as (steps, units), or a list of these per sample, by population.

    `unit` is that of the times, ms or s.

    Raises
    ------
    ConfigError
        For populations without spikes and impossible trains.
    """
    check_unit(unit, forced)
    sizes = spiking_sizes(circuit)
    forced = mapping("forced_spikes", forced, "(times, channels) by population")
    several = {}
    for name in [k for k, v in forced.items() if _one_per_sample(v)]:
        several[name] = forced.pop(name)
        if len(several[name]) != n_samples:
            raise ConfigError(
                f"forced_spikes[{name!r}] has {len(several[name])} trains for "
                f"{n_samples} samples; give one for each, or one pair for all"
            )
    shared = check_forced(forced, sizes)
    each = (
        [
            check_forced({k: v[i] for k, v in several.items()}, sizes)
            for i in range(n_samples)
        ]
        if several
        else []
    )

    def steps_of(name, train, which=""):
        return spikes_in_steps(
            *train,
            n_units=sizes[name],
            n_steps=n_steps,
            dt=circuit.dt,
            where=f"forced_spikes[{name!r}]{which}",
            unit=unit,
        )

    result = {name: steps_of(name, train) for name, train in shared.items()}
    for name in several:
        result[name] = [
            steps_of(name, trains[name], f", sample {i}")
            for i, trains in enumerate(each)
        ]
    return result


def check_piece(
    circuit: Circuit,
    inputs,
    n_steps: int,
    *,
    driven: tuple[str, ...],
    forced: tuple[str, ...],
    where: str,
) -> tuple[dict, dict]:
    """Waveforms, (1, n_steps, n) or grouped, and forced (steps, units) of a piece.

    Raises
    ------
    ConfigError
        For other populations than those announced, shapes that do not fit, and steps
        or units that do not exist.
    """
    waves, spikes = getattr(inputs, "waveforms", None), getattr(inputs, "spikes", None)
    for option, given, announced in (
        ("waveforms", waves, driven),
        ("spikes", spikes, forced),
    ):
        if not isinstance(given, Mapping):
            raise ConfigError(
                f"{where}: given returned {shown(inputs)}, must return Inputs with "
                "mappings of waveforms and of spikes"
            )
        for name in given:
            if name not in announced:
                raise ConfigError(
                    f"{where}: {option} of {name!r}, which is not announced as "
                    f"{'driven' if option == 'waveforms' else 'forced'}. "
                    + choices(name, announced)
                )
    grouped = {}
    for name in driven:
        if name not in waves:
            raise ConfigError(f"{where}: no waveform of {name!r}, which is driven")
        place = f"{where}: waveforms[{name!r}]"
        size = circuit.population(name).size
        if isinstance(waves[name], GroupedWaveform):
            grouped[name] = check_grouped(place, waves[name], n_steps, size)
            if opens_conductances(circuit, name):
                values = grouped[name].values()
                refuse_negative_conductances(circuit, name, values, place)
            continue
        shape = numbers(place, waves[name], finite=False).shape
        if shape != (n_steps, size):
            raise ConfigError(
                f"{place} has shape {shape}, must be ({n_steps}, {size}), one row for "
                "each step of the piece"
            )
    waves = {name: wave for name, wave in waves.items() if name not in grouped}
    single = check_waveforms(circuit, waves, n_steps, where=f"{where}: ")
    found = {}
    for name in forced:
        pair, size = spikes.get(name, ((), ())), circuit.population(name).size
        found[name] = _steps_and_units(pair, size, n_steps, f"{where}: {name!r}")
    return single | grouped, found


def _steps_and_units(pair, size, n_steps, where):
    """Forced spikes of a piece, in ascending steps."""
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise ConfigError(f"{where}: spikes are {shown(pair)}, must be (steps, units)")
    arrays = []
    for word, given, end in zip(("steps", "units"), pair, (n_steps, size), strict=True):
        array = numbers(f"{where}: {word}", given)
        wrong = np.flatnonzero((array != np.rint(array)) | (array < 0) | (array >= end))
        if array.ndim != 1 or wrong.size:
            which = f"of shape {array.shape}"
            if array.ndim == 1:
                which = f"[{wrong[0]}] = {array[wrong[0]]:g}"
            raise ConfigError(
                f"{where}: {word} {which}: must be whole numbers from 0 to {end - 1}, "
                "one for each spike"
            )
        arrays.append(array.astype(np.int64))
    if arrays[0].size != arrays[1].size:
        raise ConfigError(
            f"{where}: {arrays[0].size} steps and {arrays[1].size} units of spikes"
        )
    return arrays[0], arrays[1]


def _one_per_sample(trains):
    return (
        isinstance(trains, list)
        and all(isinstance(t, tuple) for t in trains)
        and (len(trains) > 0)
    )


def check_announced(
    circuit: Circuit, driven: Sequence[str], forced: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of populations that are given waveforms and forced spikes.

    Raises
    ------
    ConfigError
        For populations that are not clamped, or have no spikes.
    """
    kinds = {
        "driven": (driven, lambda model: model.clamped, "clamped population"),
        "forced": (forced, lambda model: model.spiking, "population with spikes"),
    }
    found = []
    for option, (given, fits, kind) in kinds.items():
        allowed = [p.name for p in circuit.populations if fits(p.model)]
        found.append(names(option, given, error=ConfigError))
        for name in found[-1]:
            if name not in allowed:
                raise ConfigError(
                    f"{option}: {name!r} is no {kind}. {choices(name, allowed)}"
                )
    return tuple(found)


def spiking_sizes(circuit: Circuit) -> dict[str, int]:
    """Cells of each population that spikes."""
    return {p.name: p.size for p in circuit.populations if p.model.spiking}
