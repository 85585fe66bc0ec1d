"""Seeds and named streams on the host; imports no compiler.

A stream is a name such as ``"hidden1/noise"``. What it yields depends on the seed and
on that name alone, never on how many streams exist or on the order of their creation.
"""

import hashlib
import secrets

import numpy as np

from dendrites.errors import ConfigError

# Part of every hash, so that the same text hashed elsewhere gives unrelated numbers.
_PERSON = b"dendrites"
# Stored results hold seeds of so many digits.
LARGEST_SEED = 10**100


def check_seed(seed: int) -> int:
    """The seed as a Python integer, or an error that says what a seed is.

    Parameters
    ----------
    seed : int
        Any non-negative integer of up to 100 digits; numpy integers are accepted.

    Raises
    ------
    ConfigError
        If `seed` is negative, longer or not an integer (a float, a bool, a string,
        None). Callers that accept None replace it by `draw_seed()` first and record it.
    """
    if seed is None:
        raise ConfigError(
            "seed=None: a non-negative integer is needed here.\n"
            "Pass seed=0, or draw one with draw_seed() and record it."
        )
    is_bool = isinstance(seed, (bool, np.bool_))
    if is_bool or not isinstance(seed, (int, np.integer)):
        raise ConfigError(
            f"seed={seed!r} is a {type(seed).__name__}: "
            "a seed is a non-negative integer.\n"
            "Write it without quotes or a decimal point, for example seed=0."
        )
    if seed < 0:
        raise ConfigError(
            f"seed={seed}: a seed is a non-negative integer.\n"
            "Use 0 or larger, for example the absolute value."
        )
    if seed >= LARGEST_SEED:
        raise ConfigError(
            f"seed of {int(seed).bit_length()} bits: a seed has at most 100 digits.\n"
            "Use a smaller one."
        )
    return int(seed)


def draw_seed() -> int:
    """A fresh seed from the operating system, for a run that was given none.

    It has 53 bits, so that every reader of a stored configuration keeps it exactly.
    """
    return secrets.randbits(53)


def stream_key(seed: int, name: str) -> tuple[int, int]:
    """The Philox key of a named stream: two words below 2**32.

    The first eight bytes of BLAKE2b over ``"<seed>:<name>"``, read as two
    little-endian words. Among n streams two share a key with probability n**2 / 2**65.

    Parameters
    ----------
    seed : int
        Non-negative, see `check_seed`.
    name : str
        Name of the stream, not empty.

    Raises
    ------
    ConfigError
        If the seed is not a non-negative integer or the name not a text.
    """
    digest = _digest(f"{check_seed(seed)}:{_check_name(name)}", size=8)
    return int.from_bytes(digest[:4], "little"), int.from_bytes(digest[4:], "little")


def generator(seed: int, name: str) -> np.random.Generator:
    """A numpy generator (PCG64) of its own for a named stream on the host.

    Its `SeedSequence` has the seed as entropy and the hash of the name as spawn key.

    Parameters
    ----------
    seed : int
        Non-negative, see `check_seed`.
    name : str
        Name of the stream, not empty.

    Raises
    ------
    ConfigError
        If the seed is not a non-negative integer or the name not a text.
    """
    seed = check_seed(seed)
    spawn_key = np.frombuffer(_digest(_check_name(name), size=16), dtype="<u4")
    sequence = np.random.SeedSequence(seed, spawn_key=tuple(spawn_key.tolist()))
    return np.random.Generator(np.random.PCG64(sequence))


def _check_name(name):
    if not isinstance(name, str) or not name:
        raise ConfigError(
            f"stream name {name!r}: a stream is named by a text that is not empty.\n"
            "Name what it draws, for example 'hidden1/noise'."
        )
    return name


def _digest(text, size):
    encoded = text.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(encoded, digest_size=size, person=_PERSON).digest()
