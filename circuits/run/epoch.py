"""What a function that is called after every epoch of training can look at."""

from collections.abc import Callable, Mapping

import numpy as np

from circuits.circuit import Circuit
from circuits.run.history import MAIN
from circuits.run.present import Presented, WeightsOfRun, present
from circuits.run.session import Session
from circuits.schedule import Schedule
from dendrites._checks import shown
from dendrites.errors import ConfigError, choices


class Epoch:
    """A training run between two epochs: looking changes no bit of it.

    Made by `circuits.train`, and of use until the function that it is given to returns.

    Attributes
    ----------
    circuit : Circuit
    number : int
        Epochs that are done, from 1.
    epochs : int
        Epochs that were asked for.
    """

    def __init__(self, session: Session, tree: Callable):
        self.circuit: Circuit = session.circuit
        self.number, self.epochs = len(session.history.epochs), session.options.epochs
        self._session, self._tree = session, tree

    def __repr__(self) -> str:
        return f"Epoch({self.number} of {self.epochs})"

    @property
    def curves(self) -> dict[str, np.ndarray]:
        """Curves (n_done,) so far by name.

        Such as "test/loss" and "test/error_rate", of a control
        "frozen/test/error_rate", and "wall_time", s.
        """
        rows = self._running().history.epochs
        return {
            name.removeprefix(f"{MAIN}/"): np.array([row[name] for row in rows], float)
            for name in rows[0]
        }

    def weights(self, *names: str, control: str = MAIN) -> dict[str, np.ndarray]:
        """Weights (n_post, n_pre) of these projections or of all, as they are now.

        Parameters
        ----------
        names : str
        control : str
            Those of a control; default: of the trained circuit itself.

        Raises
        ------
        ModelError, ConfigError
            For projections and controls that there are none of.
        """
        number = self._replica(control)
        for name in names:
            self.circuit.projection(name)
        return self._running().trainer.weights(number, names or None)

    def present(
        self,
        patterns: Mapping[str, np.ndarray],
        schedule: Schedule | None = None,
        *,
        control: str = MAIN,
        **options,
    ) -> Presented:
        """Show a batch to a copy with the weights of now; see `circuits.present`.

        Cells begin at rest and filters empty; seed, type of numbers and chunks are
        those of the training unless `options` say otherwise.
        """
        session = self._running()
        run = session.options.run
        options = {"seed": run.seed, "dtype": run.dtype, "chunk": run.chunk} | options
        if "weights" in options:
            raise ConfigError(
                "weights: an Epoch presents with its own; circuits.present takes any"
            )
        drawn = session.trainer.drawn(self._replica(control))
        weights = WeightsOfRun(self.circuit, self.weights(control=control), drawn)
        return present(self.circuit, patterns, schedule, weights=weights, **options)

    def run(self):
        """The run tree so far, marked ``complete=0`` before the last epoch."""
        self._running()
        return self._tree()

    # --- inside ---------------------------------------------------------------

    def _replica(self, control):
        names = self._running().names
        if control not in names:
            raise ConfigError(
                f"control = {shown(control)}: no such replica is trained. "
                + choices(control, names)
            )
        return names.index(control)

    def _running(self):
        if self._session is None:
            raise ConfigError(
                f"{self!r} has passed: training has gone on; take what is needed "
                "within on_epoch"
            )
        return self._session

    def _close(self):
        self._session = None


def ends_after(session: Session, on_epoch: Callable | None, tree: Callable) -> bool:
    """Whether training ends after this epoch, which on_epoch is told of.

    Raises
    ------
    ConfigError
        If it returns anything but True, False or None.
    """
    if on_epoch is None:
        return False
    epoch = Epoch(session, tree)
    try:
        answer = on_epoch(epoch)
    finally:
        epoch._close()
    if answer is not None and not isinstance(answer, bool | np.bool_):
        raise ConfigError(
            f"on_epoch returned {shown(answer)} after epoch {epoch.number}: must "
            "return True to end the training, else nothing"
        )
    return bool(answer)
