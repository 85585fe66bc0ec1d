"""Memory is estimated before it is taken."""

import os

from dendrites.errors import ConfigError

FRACTION = 0.5
ADVICE = (
    "Use smaller populations, record fewer units or a longer interval, or smaller "
    "batches."
)


def available_bytes() -> int:
    """Memory that is free now."""
    return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def check_memory(
    needed: int, what: str, *, limit: int | None = None, advice: str = ADVICE
) -> None:
    """Refuse what would take more than half of the free memory.

    Raises
    ------
    ConfigError
        With both figures and what makes the request smaller.
    """
    limit = int(available_bytes() * FRACTION) if limit is None else limit
    if needed > limit:
        raise ConfigError(
            f"{what} would need {gib(needed)}; the limit is {gib(limit)} (half of the "
            f"free memory). {advice}"
        )


def gib(n: int) -> str:
    """Bytes as text."""
    return f"{n / 2**30:.3g} GiB"
