"""Stage: a part of a training, in which a schedule is shown and projections learn."""

from dataclasses import dataclass

from circuits.schedule import Schedule, as_schedule
from dendrites._checks import names, whole_number
from dendrites._sendable import Sendable
from dendrites.errors import ConfigError


@dataclass(frozen=True, eq=False)
class Stage(Sendable):
    """What is shown and what learns for so many presentations of a training.

    A presentation is one batch. A list of stages is gone through in order and, when it
    is through, again from the first one until the epochs are over; a last stage without
    a length stays until then. So ``[Stage(mirror, presentations=1), Stage(forward,
    presentations=1)]`` alternate, and ``[Stage(learning="W0", presentations=2000),
    Stage(learning="W")]`` follow each other once.

    Stages go by the number of presentations, epochs or not: a stage may begin and end
    within an epoch. Tests, and what probes measure, are those of the circuit: its own
    schedules, and the updates of all that learns.

    Parameters
    ----------
    schedule : Schedule or Phase, optional
        What is shown. Default: the circuit's training schedule.
    learning : str or tuple of str, optional
        Projections that learn. All others are frozen meanwhile: their weights and
        update filters stand still. Default: all that have a rule and are plastic.
    presentations, epochs : int, optional
        Length of the stage, one of the two.

    Raises
    ------
    ConfigError, ModelError
        For no length that is possible, and a stage in which nothing learns.
    """

    schedule: Schedule | None = None
    learning: tuple[str, ...] | None = None
    presentations: int | None = None
    epochs: int | None = None

    def __post_init__(self):
        if self.schedule is not None:
            schedule = as_schedule("stage: schedule", self.schedule)
            object.__setattr__(self, "schedule", schedule)
        if self.learning is not None:
            given = self.learning
            given = (given,) if isinstance(given, str) else given
            given = names("stage: learning", given, error=ConfigError)
            if not given:
                raise ConfigError(
                    "stage: learning = (): nothing would learn; name projections, or "
                    "leave it out so that all learn that can"
                )
            object.__setattr__(self, "learning", given)
        for option in ("presentations", "epochs"):
            if (length := getattr(self, option)) is not None:
                whole_number(f"stage: {option}", length, lowest=1)
        if self.presentations is not None and self.epochs is not None:
            raise ConfigError(
                f"stage: presentations = {self.presentations} and epochs = "
                f"{self.epochs}: give one of them"
            )

    def length(self, per_epoch: int) -> int | None:
        """Presentations, of which an epoch has so many; None without an end."""
        return self.presentations if self.epochs is None else self.epochs * per_epoch
