"""What an argument of a question means, and the arguments that questions share.

A question says more of its own by a further `Argument`; the last one counts::

    seed: Annotated[Seed, Argument("of the noise")] = 0
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Gt
from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

#: More repetitions, cells or pairings than anybody waits for.
MOST_REPEATS = 100_000
NOISE_TAU = 2.0  # ms, of Ornstein-Uhlenbeck currents
SIGMA = 0.1  # of the noise of somata
#: How a question is run, which is no part of what it asks or of its record.
CONTROLS = ("threads", "progress", "checkpoint", "resume")


@dataclass(frozen=True)
class Argument:
    """What an argument means, for help texts.

    Parameters
    ----------
    text : str
    unit : str
        "1" where it has none.
    usual : object
        What None, its default, stands for where it acts.
    """

    text: str
    unit: str = ""
    usual: object = None


def _few_enough(count):
    if count > MOST_REPEATS:
        raise PydanticCustomError(
            "too_many",
            f"too large: at most {MOST_REPEATS} in one run. Use several runs, each "
            "with a seed of its own",
        )
    return count


Repeats = Annotated[int, Argument("repetitions"), Ge(1), AfterValidator(_few_enough)]
Seed = Annotated[int, Argument("of all random numbers"), Ge(0)]
FirstSeed = Annotated[
    Seed, Argument("of the first repetition; the others have the next ones")
]
Step = Annotated[float, Argument("Euler step", "ms"), Gt(0)]
Threads = Annotated[
    int | None,
    Argument("default: all processors; results do not depend on it"),
    Ge(1),
]
Progress = Annotated[bool, Argument("show a progress bar")]
Checkpoint = Annotated[str | None, Argument("file saved after every epoch")]
Resume = Annotated[
    bool | Literal["any-version"],
    Argument("go on from the checkpoint, also of another version if any-version"),
]
