"""Tasks to learn: digits, clothes, points of a symbol, outputs of a random network.

Names are loaded when first used, so that importing the package takes no time.
"""

from typing import TYPE_CHECKING

from dendrites._lazy import lazy_names

if TYPE_CHECKING:
    from experiments.tasks.idx import read_idx as read_idx
    from experiments.tasks.images import digits as digits
    from experiments.tasks.images import fashion_mnist as fashion_mnist
    from experiments.tasks.images import mnist as mnist
    from experiments.tasks.symbol import yin_yang as yin_yang
    from experiments.tasks.symbol import yin_yang_class as yin_yang_class
    from experiments.tasks.teacher import teacher_student as teacher_student
else:
    __all__, __getattr__, __dir__ = lazy_names(__name__)
