"""Options of single cells: drives, runs, models, descriptions and files."""

import tempfile
import warnings
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np

import dendrites as dn
from dendrites import models
from dendrites.drives import sample
from every_option.doors import Door, acts, refused
from every_option.plain_cells import course

CELL = models.three_compartment()
SIMULATED = {"duration": 4.0, "dt": 0.5, "reads": "rate", "basal": 3.0}


def simulated(cell=CELL, **options):
    options = {k: v for k, v in (SIMULATED | options).items() if v is not None}
    return dn.simulate(cell, **options)


def driven(make):
    """Runs a drive: 20 steps of 0.5 ms."""
    return lambda **options: sample(make(**options), 20, 0.5, seed=1)


def built(factory, **base):
    """Runs a cell model as plain Python."""
    return lambda **options: course(factory(**{**base, **options}), steps=120)


class Leaky(NamedTuple):
    v: Annotated[float, "mV"] = 0.0
    w: Annotated[float, "mV"] = 0.0


class Slower(NamedTuple):
    v: Annotated[float, "mV"] = 1.0
    w: Annotated[float, "mV"] = 0.0


class Tau(NamedTuple):
    tau: Annotated[float, "ms", dn.POSITIVE] = 10.0


class OtherTau(NamedTuple):
    tau: Annotated[float, "ms", dn.POSITIVE] = 20.0


class Current(NamedTuple):
    current: Annotated[float, "mV"] = 0.0


class Opened(NamedTuple):
    current: Annotated[float, "mV", dn.NON_NEGATIVE] = 0.0


def leak(cell, inputs, p):
    return Leaky((inputs.current - cell.v) / p.tau, (cell.v - cell.w) / p.tau)


def no_leak(cell, inputs, p):
    return Leaky(inputs.current / p.tau, 0.0)


def leaky_step(cell, inputs, p, dt):
    return Leaky(cell.v + dt * (inputs.current - cell.v) / p.tau, 0.0)


def filled(cell, inputs, p):
    return Leaky(cell.v, 2.0 * cell.v)


def doubled(cell, p):
    return 2.0 * cell.v


class Counting(NamedTuple):
    v: Annotated[float, "mV"] = 0.0
    spikes: Annotated[float, "1"] = 0.0


def counting_leak(cell, inputs, p):
    return Counting((inputs.current - cell.v) / p.tau, 0.0)


def fires(cell, u, p, dt):
    return 1.0 if u < 0.5 else 0.0


def never_fires(cell, u, p, dt):
    return 0.0


def fired(cell, count, p, dt):
    return Counting(cell.v, count)


def reset(cell, count, p, dt):
    return Counting(cell.v - count, count)


SPIKING = {"state": Counting, "derivative": counting_leak, "spike": fires}
SPIKING |= {"fired": fired, "compartments": ("v",)}


LEAKY = {"name": "leaky", "state": Leaky, "params": Tau, "inputs": Current}
LEAKY["derivative"] = leak


def described_cell(**options):
    """What a description of a cell does: its run and its step's check."""
    cell = dn.CellModel(**LEAKY | options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        drives = {} if cell.random else {"current": -1.0}
        tree = dn.simulate(cell, duration=12.0, dt=6.0, **drives)
    return tree, tree.attrs["title"], tree.attrs["citation"], str(cell.check_step(6.0))


def traced(**options):
    kernel = dn.Kernel(**{"tau_rise": 3.0, "tau_decay": 10.0, **options})
    cell = dn.CellModel(**LEAKY, traces={"current": kernel})
    return dn.simulate(cell, duration=30.0, dt=6.0, current=1.0)


def drives_of(**options):
    return sample(dn.Drive(**{"parts": dn.constant(1.0).parts, **options}), 20, 0.5)


def saved(tree=None, path="run.nc", overwrite=False):
    """A second save beside a first, and what lies there then."""
    with tempfile.TemporaryDirectory() as folder:
        dn.save_run(simulated(), Path(folder) / "run.nc")
        dn.save_run(tree or simulated(), Path(folder) / path, overwrite=overwrite)
        names = sorted(p.name for p in Path(folder).iterdir())
        return names, dn.open_run(Path(folder) / path)


def opened(path="damaged.nc", verify=True):
    """A file with one number changed after it was sealed, beside a sound one."""
    with tempfile.TemporaryDirectory() as folder:
        dn.save_run(simulated(), Path(folder) / "run.nc")
        dn.save_run(simulated(), Path(folder) / "damaged.nc")
        if not verify or path == "damaged.nc":
            damage(Path(folder) / "damaged.nc")
        return dn.open_run(Path(folder) / path, verify=verify)


def damage(path):
    """One letter of the title."""
    content = path.read_bytes()
    assert b"three_compartment, 1" in content
    path.write_bytes(content.replace(b"three_compartment, 1", b"three-compartment, 1"))


SPIKING_RUN = {"cell": dn.CellModel(**LEAKY | SPIKING), "reads": (), "basal": None}
PULSE = {"amplitude": 2.0, "start": 2.0, "duration": 3.0}
RAMP = {"from_": 1.0, "to": 2.0, "start": 2.0, "duration": 3.0}
TRAIN = [1.0, 4.0]

DOORS = [
    Door(
        dn.simulate,
        simulated,
        {
            "cell": acts(models.three_compartment(tau_soma=5.0)),
            "duration": acts(5.0),
            "dt": acts(0.25),
            "stepper": [
                acts("heun"),
                acts("exponential_euler"),
                refused("heun", cell=models.plateau_cell(), reads=(), basal=None),
            ],
            "record_every": acts(1.0),
            "reads": acts(("rate", "basal")),
            "initial": acts({"soma": 1.0}),
            "seed": [acts(1, basal=dn.noise(1.0)), acts(1, soma=dn.poisson_train(500))],
            "forced_spikes": [refused([1.0]), acts([1.0], **SPIKING_RUN)],
            "spike_unit": [
                refused("s", **SPIKING_RUN),
                refused("min", **SPIKING_RUN, forced_spikes=[1.0]),
                acts("s", **{**SPIKING_RUN, "duration": 500.0, "forced_spikes": [0.5]}),
            ],
        },
        name="dendrites.simulate",
    ),
    Door(
        dn.constant,
        driven(lambda amplitude=1.0: dn.constant(amplitude)),
        {"amplitude": acts(2.0)},
    ),
    Door(
        dn.pulse,
        driven(lambda **o: dn.pulse(**PULSE | o)),
        {"amplitude": acts(1.0), "start": acts(3.0), "duration": acts(2.0)},
    ),
    Door(
        dn.step,
        driven(lambda **o: dn.step(**{"amplitude": 2.0, "start": 2.0, **o})),
        {"amplitude": acts(1.0), "start": acts(3.0)},
    ),
    Door(
        dn.ramp,
        driven(lambda **o: dn.ramp(**RAMP | o)),
        {
            "from_": acts(0.0),
            "to": acts(0.0),
            "start": acts(3.0),
            "duration": acts(2.0),
        },
    ),
    Door(
        dn.waveform,
        driven(lambda **o: dn.waveform(**{"values": np.arange(20.0), "dt": 0.5, **o})),
        {"values": acts(np.ones(20)), "dt": acts(1.0)},
    ),
    Door(
        dn.spike_train,
        driven(lambda **o: dn.spike_train(**{"times_ms": TRAIN, **o})),
        {
            "times_ms": acts([1.0]),
            "weight": acts(2.0),
            "unit": [acts("s", times_ms=[0.0005]), refused("s"), refused("min")],
        },
    ),
    Door(
        dn.poisson_train,
        driven(lambda **o: dn.poisson_train(**{"rate_hz": 500.0, **o})),
        {"rate_hz": acts(50.0), "weight": acts(2.0)},
    ),
    Door(
        dn.noise,
        driven(lambda **o: dn.noise(**{"sd": 1.0, **o})),
        {"sd": acts(2.0), "tau": acts(2.0), "mean": acts(1.0)},
    ),
    Door(
        dn.Kernel,
        traced,
        {
            "tau_rise": [acts(5.0), acts(None)],
            "tau_decay": acts(5.0),
            "memory": [acts(12.0), refused(8.0)],
            "normalisation": [acts("peak"), refused("sum")],
        },
    ),
    Door(dn.Drive, drives_of, {"parts": acts(dn.constant(2.0).parts)}),
    Door(
        dn.CellModel,
        described_cell,
        {
            "name": acts("other"),
            "state": acts(Slower),
            "params": acts(OtherTau),
            "inputs": refused(Opened),
            "derivative": acts(no_leak),
            "step": [refused(leaky_step), acts(leaky_step, derivative=None)],
            "instantaneous": acts(filled),
            "reads": acts({"rate": doubled}),
            "parameters": acts({"tau": 20.0}),
            "compartments": acts(("v",)),
            "time_constant": acts(lambda p: p.tau),
            "quiet_dt": acts(6.0, time_constant=lambda p: p.tau),
            "clamped": refused(True),
            "random": [
                acts({"current": "normal"}),
                refused({"elsewhere": "normal"}),
            ],
            "spike": [refused(fires), acts(never_fires, **SPIKING)],
            "fired": [refused(fired), acts(reset, **SPIKING)],
            "sparse": refused(True),
            "monotone": refused(True),
            "traces": [
                acts({"current": dn.Kernel(None, 12.0)}),
                refused({"elsewhere": dn.Kernel(None, 12.0)}),
            ],
            "limit": [refused(0.0), refused(1e-9)],
            "source": acts("somebody"),
        },
    ),
    Door(
        dn.save_run,
        saved,
        {
            "tree": acts(simulated(basal=1.0), overwrite=True),
            "path": acts("other.nc", overwrite=True),
            "overwrite": acts(True, path="run.nc"),
        },
    ),
    Door(
        dn.open_run,
        opened,
        {"path": refused("missing.nc"), "verify": acts(False)},
    ),
]
