"""How often an experiment may repeat something, checked before it begins."""

from dendrites._checks import shown, whole_number
from dendrites.errors import ConfigError

#: More repetitions, cells or pairings than anybody waits for.
MOST_REPEATS = 100_000


def check_repeats(**counts: int) -> None:
    """Refuse counts, by the names of the arguments, that are too large to begin with.

    Raises
    ------
    ConfigError
        Also for what is no whole number >= 1.
    """
    for name, count in counts.items():
        if whole_number(name, count, lowest=1) > MOST_REPEATS:
            raise ConfigError(
                f"{name} = {shown(count)}: too large: at most {MOST_REPEATS} in one "
                "run. Use several runs, each with a seed of its own"
            )
