"""Questions asked from Python: run one, draw its picture."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from dendrites._streams import draw_seed
from dendrites.errors import ConfigError, DataError, DendritesError, choices
from experiments.arguments import called_with
from experiments.options import all_options
from experiments.registry import EXPERIMENTS, find

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from xarray import DataTree


def run(name: str, *, full: bool = False, **arguments) -> "DataTree":
    """Ask a question: the result that ``dendrites run NAME`` would store.

    Parameters
    ----------
    name : str
        Such as ``"plasticity-sign"``; `experiments.list` has them all.
    full : bool
        Start from the arguments of a published or otherwise complete size, as
        ``--full`` does; those given win.
    **arguments
        Of the question, in its units; ``experiments.run("drift", cells=50)``. Its
        function tells them: ``help(experiments.drift.drift)``. ``progress``,
        ``threads``, ``checkpoint`` and ``resume`` where it has them.

    Returns
    -------
    xarray.DataTree
        To look at, to draw with `plot`, to store with `dendrites.save_run`.

    Raises
    ------
    ConfigError
        If there is no such question, or arguments are unknown, missing or wrong; all
        are named, with close matches, before anything compiles.
    """
    experiment = find(name)
    function = experiment.load()
    if full:
        if not experiment.full:
            raise ConfigError(f"{name}: full=True: this question has one size only")
        arguments = {**experiment.full, **arguments}
    arguments = called_with(function, arguments, name)
    if "seed" in all_options(function) and arguments["seed"] is None:
        arguments["seed"] = draw_seed()
    from dendrites.compile.jit import told_once
    from dendrites.dataset import update_root

    with told_once():
        tree = function(**arguments)
    return update_root(tree, experiment=name)


def plot(run: "DataTree | str | os.PathLike") -> "Figure":
    """Draw the picture of a question's result.

    Parameters
    ----------
    run : xarray.DataTree or path
        As `run` gives it, or the file where it is stored. Questions that have one
        seed also draw what `experiments.sweep.open_sweep` gives of a sweep over seeds.

    Returns
    -------
    matplotlib.figure.Figure
        To show, to change, or to store with ``figure.savefig`` or `save_picture`.

    Raises
    ------
    DataError
        If no question made it, or it lacks what its picture shows.
    """
    where = "this tree"
    if isinstance(run, (str, os.PathLike)):
        from dendrites.storage import open_run

        where, run = str(run), open_run(Path(run))
    attrs = getattr(run, "attrs", {})
    name = attrs.get("experiment", attrs.get("sweep_of"))
    if name is None:
        raise DataError(
            f"{where}: no attribute 'experiment': no question of 'dendrites list' made "
            "it, so the picture to draw is not known"
        )
    if name not in EXPERIMENTS:
        raise DataError(
            f"{where}: unknown experiment {name!r:.60}. "
            + choices(str(name)[:60], EXPERIMENTS)
        )
    plots = EXPERIMENTS[name].load_plots()
    try:
        return plots.plot(run)
    except (KeyError, AttributeError, IndexError, TypeError, ValueError) as error:
        if isinstance(error, DendritesError):
            raise
        # What a question answers it also draws, so this is not as it was answered.
        raise DataError(
            f"{where}: lacks what the picture of {name} shows"
            f" ({type(error).__name__}: {error!s:.100})\n"
            "Was it made by 'dendrites run' or experiments.run, with this version?"
        ) from error
