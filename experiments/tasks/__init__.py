"""Tasks to learn: digits, clothes, points of a symbol, outputs of a random network.

Names are loaded when first used, so that importing the package takes no time.
"""

from dendrites._lazy import lazy_names

_WHERE = {
    "digits": "images",
    "fashion_mnist": "images",
    "mnist": "images",
    "read_idx": "idx",
    "teacher_student": "teacher",
    "yin_yang": "symbol",
    "yin_yang_class": "symbol",
}

__all__ = [*_WHERE]

__getattr__, __dir__ = lazy_names(__name__, _WHERE)
