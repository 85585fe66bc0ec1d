"""Errors a user can meet. Each message says where, what value, what is allowed."""

import difflib
from collections.abc import Iterable


class DendritesError(Exception):
    """Base of every error a user can cause."""


class ConfigError(DendritesError, ValueError):
    """An option or a configuration file does not say something possible."""


class ModelError(DendritesError, ValueError):
    """A cell, rule or circuit is not well formed."""


class NumericalError(DendritesError, ArithmeticError):
    """A run left the range of finite numbers."""


class StorageError(DendritesError, OSError):
    """A result could not be written or read."""


class CheckpointError(DendritesError):
    """A checkpoint cannot be used."""


class DataError(DendritesError, ValueError):
    """Data do not have the form a task or a file format needs."""


class JobError(DendritesError):
    """A job of a sweep failed."""


class CompileError(ModelError):
    """A user's scalar function cannot be compiled."""


def choices(name: str, allowed: Iterable[str]) -> str:
    """Close matches of a misspelt name and, for a short list, all names allowed."""
    allowed = [str(item) for item in allowed]
    if not allowed:
        return "there are none"
    close = difflib.get_close_matches(str(name), allowed, n=3, cutoff=0.5)
    parts = []
    if close:
        parts.append("did you mean " + " or ".join(repr(item) for item in close) + "?")
    if len(allowed) <= 12:
        parts.append("allowed: " + ", ".join(allowed))
    return " ".join(parts)
