"""What a call of the lab runs: models, protocols and seeds, checked."""

from collections.abc import Mapping
from itertools import islice
from typing import NamedTuple

import numpy as np

from dendrites._checks import flag, number, shown
from dendrites.errors import ConfigError
from dendrites.random import check_seed
from experiments.lab.grids import MOST_PROTOCOLS, Axes, axes_of
from experiments.lab.model import LabModel
from experiments.lab.models import lab_models
from experiments.lab.protocol import Protocol
from experiments.parameters import MOST_REPEATS

# Cells that step side by side: enough to fill loops, few enough for the cache.
WIDEST = 1024


class Plan(NamedTuple):
    """What is run, and where it goes.

    Parameters
    ----------
    models : list of LabModel
    axes : Axes
    seeds : tuple of int
    wanted : list of dict of Protocol
        Every protocol with its controls, by kind.
    reasons : ndarray of str (model, protocol)
        Why a protocol is not run; "" where it is.
    """

    models: list
    axes: Axes
    seeds: tuple
    wanted: list
    reasons: np.ndarray

    def batches(self):
        """Models with lists of protocols to be run side by side, each once."""
        for model, reasons in zip(self.models, self.reasons, strict=True):
            unique = dict.fromkeys(
                protocol
                for each, reason in zip(self.wanted, reasons, strict=True)
                if not reason
                for protocol in each.values()
            )
            for members in _side_by_side(unique, model, len(self.seeds)):
                yield model, members

    def gathered(self, found, kind, name):
        """One quantity (model, protocol, seed); NaN where it was not run."""
        nothing = np.full(len(self.seeds), np.nan)
        return np.array(
            [
                [
                    nothing if reason else found[model.name][each[kind]][name]
                    for each, reason in zip(self.wanted, reasons, strict=True)
                ]
                for model, reasons in zip(self.models, self.reasons, strict=True)
            ]
        )


def planned(models, protocols, seeds, controls, silent, noise_soma, noise_apical):
    """Check everything but the time constant of noise and the number of threads."""
    models, seeds = _models(models), tuple(_seeds(seeds))
    alone, asked = isinstance(protocols, Protocol), getattr(protocols, "axes", ())
    protocols = _protocols(protocols)
    noise = {"soma": noise_soma, "apical": noise_apical}
    for where, value in noise.items():
        name = f"lab: noise_{where}"
        number(name, value, unit="pA", least=0.0, error=ConfigError)
    flag("lab: silent", silent, error=ConfigError)
    flag("lab: controls", controls, error=ConfigError)
    wanted = [_controls(p) if controls else {"paired": p} for p in protocols]
    reasons = np.array(
        [_refusals(model, wanted, noise, silent) for model in models], dtype=object
    )
    for column in reasons.T:
        if all(column):
            others = {1: "", 2: "\nNor can the other model be given it."}
            more = others.get(len(models), "\nNor can any of the other models.")
            raise ConfigError(column[0] + more)
    axes = axes_of(protocols, alone=alone, asked=asked)
    return Plan(models, axes, seeds, wanted, reasons)


def _models(given):
    """A list of lab models out of every way to give them."""
    if isinstance(given, Mapping):
        given = given.values()
    elif isinstance(given, (LabModel, str)) or not np.iterable(given):
        given = [given]
    models = []
    for each in given:
        if isinstance(each, str):
            each = lab_models(each)[each]
        if not isinstance(each, LabModel):
            raise ConfigError(
                f"lab: models hold {shown(each)}: each must be a LabModel or the name "
                "of one, see lab_models()"
            )
        models.append(each)
    names = [model.name for model in models]
    if not names or len(set(names)) < len(names):
        raise ConfigError(
            f"lab: models {names}: give at least one, and each a name of its own"
        )
    return models


def _protocols(given):
    """A list of protocols out of every way to give them."""
    if isinstance(given, Mapping):
        given = given.values()
    elif not np.iterable(given):
        given = [given]
    protocols = list(given)
    for each in protocols:
        if not isinstance(each, Protocol):
            raise ConfigError(
                f"lab: protocols hold {shown(each)}: each must be a Protocol"
            )
    if not protocols or len(protocols) > MOST_PROTOCOLS:
        raise ConfigError(
            f"lab: {len(protocols)} protocols: must be between 1 and {MOST_PROTOCOLS}"
        )
    return protocols


def _seeds(given):
    if not np.iterable(given):
        raise ConfigError(
            f"lab: seeds = {shown(given)}: must be several numbers, such as (0,) for "
            "one and range(10) for ten"
        )
    seeds = [check_seed(seed) for seed in islice(given, MOST_REPEATS + 1)]
    if len(seeds) > MOST_REPEATS:
        raise ConfigError(
            f"lab: seeds = {shown(given)}: too many, at most {MOST_REPEATS} in one run"
        )
    if not seeds or len(set(seeds)) < len(seeds):
        raise ConfigError(f"lab: seeds = {seeds}: give at least one, none twice")
    return seeds


def _refusals(model, wanted, noise, silent):
    """Why a model cannot be given each of the protocols; "" where it can."""
    for where, value in noise.items():
        if value and getattr(model, where) is None:
            return [
                f"lab: noise_{where} = {value:g} pA: model {model.name!r} has no place "
                "for it. Use 0, or leave this model out"
            ] * len(wanted)
    if silent and not model.cell.spiking:
        return [
            f"lab: silent = True: cells of model {model.name!r} do not spike. "
            "Use False, or leave this model out"
        ] * len(wanted)
    known = {}
    for protocol in dict.fromkeys(p for each in wanted for p in each.values()):
        try:
            model.check(protocol)
        except ConfigError as error:
            known[protocol] = str(error)
    return [
        next((known[p] for p in each.values() if p in known), "") for each in wanted
    ]


def _controls(protocol):
    return {
        "paired": protocol,
        "no_apical": protocol.without_apical(),
        "unpaired": protocol.unpaired(),
        "nothing": protocol.unpaired().without_apical(),
    }


def _side_by_side(protocols, model, n_seeds):
    """Lists of protocols with phases of one length that fit side by side."""
    by_length = {}
    for protocol in protocols:
        by_length.setdefault(model.steps_of(protocol), []).append(protocol)
    most = max(WIDEST // n_seeds, 1)
    for members in by_length.values():
        for first in range(0, len(members), most):
            yield members[first : first + most]
