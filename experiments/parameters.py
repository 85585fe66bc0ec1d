"""What an argument of a question means, and the arguments that questions share.

A question says more of its own by a further `Argument`; the last one counts::

    seed: Annotated[Seed, Argument("of the noise")] = 0
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Gt
from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from dendrites.errors import ModelError, choices

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
    typed : bool
        Whether it can be typed or written in a file; False for objects of Python.
    """

    text: str
    unit: str = ""
    usual: object = None
    typed: bool = True


def _few_enough(count):
    if count > MOST_REPEATS:
        raise PydanticCustomError(
            "too_many",
            f"too large: at most {MOST_REPEATS} in one run. Use several runs, each "
            "with a seed of its own",
        )
    return count


def changed_cell(model: str, parameters: tuple[str, ...]):
    """The type of an argument that changes parameters of a question's published cell.

    Parameters
    ----------
    model : str
        In `dendrites.models`.
    parameters : tuple of str
        Those of its parameters that act on what the question finds and that no other
        argument sets.
    """

    def check(changes):
        if changes is None:
            return None
        from dendrites import models

        unknown = [name for name in changes if name not in parameters]
        if unknown:
            close = choices(unknown[0][:60], parameters)
            text = f"no parameter {unknown[0]!r:.60} that acts here; {close}"
            if "allowed" not in close:
                text += " allowed: " + ", ".join(parameters)
            raise PydanticCustomError("cell", "{text}", {"text": text})
        try:
            getattr(models, model)().with_parameters(**changes)
        except ModelError as error:
            text = " ".join(str(error).split())
            raise PydanticCustomError("cell", "{text}", {"text": text}) from None
        return changes

    meaning = Argument(f"changed parameters of the {model} cell, NAME=VALUE")
    return Annotated[dict[str, float] | None, meaning, AfterValidator(check)]


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
