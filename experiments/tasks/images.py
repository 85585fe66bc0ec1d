"""Images to recognise: digits of scikit-learn, MNIST, Fashion-MNIST."""

import hashlib
import os

import numpy as np

from circuits.task import Task
from dendrites._checks import whole_number
from dendrites.errors import ConfigError
from experiments.tasks.checks import checked_rates, classification, number
from experiments.tasks.idx import published_arrays


def digits(
    *,
    seed: int = 0,
    test_fraction: float = 0.2,
    target_rates: tuple[float, float] = (0.1, 0.8),
    negatives: float = 0.0,
) -> Task:
    """Handwritten digits of 8 x 8 pixels: 1,797 real images that need no download.

    Parameters
    ----------
    seed : int
        Decides which images are held out and the order of both splits.
    test_fraction : float
        Share of the images held out, the same for each digit, 0.01 to 0.99.
    target_rates : tuple of float
        Rate of the wrong output cells and of the right one, unit "1".
    negatives : float
        Share of the images, drawn from the seed, that are shown in negative: 1 minus
        the pixel. With half of them no linear classifier reads the digits: what speaks
        for a digit in an image speaks against it in its negative.

    Returns
    -------
    Task
        64 inputs in [0, 1] (pixel count / 16), 10 outputs, splits "train" and "test".
        The recorded sha256 is over the images, then the labels, as unsigned bytes.

    Raises
    ------
    ConfigError
        If an option is out of range.

    Source: scikit-learn's copy of the UCI optical digits test set (E. Alpaydin and
    C. Kaynak, 1998).
    """
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    from dendrites.random import generator

    seed = whole_number("digits, seed", seed, lowest=0)
    images, labels = load_digits(return_X_y=True)
    fraction = number(test_fraction)
    if not 0.01 <= fraction <= 0.99:
        raise ConfigError(
            "digits, test_fraction: expected a share of the images from 0.01 to 0.99 "
            f"(each split needs all ten digits), got {test_fraction!r}"
        )
    train, test = train_test_split(
        np.arange(len(images)),
        test_size=fraction,
        stratify=labels,
        random_state=int(generator(seed, "digits/split").integers(2**32)),
    )
    inputs = images / 16.0
    share = number(negatives)
    if not 0.0 <= share <= 1.0:
        raise ConfigError(
            "digits, negatives: expected a share of the images from 0 to 1, got "
            f"{negatives!r}"
        )
    drawn = generator(seed, "digits/negatives").random(len(images)) < share
    inputs[drawn] = 1.0 - inputs[drawn]
    raw = images.astype(np.uint8).tobytes() + labels.astype(np.uint8).tobytes()
    source = {
        "name": "digits",
        "licence": "not stated by scikit-learn; UCI lists CC BY 4.0 (unverified)",
        "sha256": hashlib.sha256(raw).hexdigest(),
    }
    splits = {
        name: classification(inputs[rows], labels[rows], rows, target_rates)
        for name, rows in (("train", train), ("test", test))
    }
    return Task("digits", splits, (source,))


def mnist(
    *,
    data_dir: str | os.PathLike | None = None,
    validation: int = 5000,
    target_rates: tuple[float, float] = (0.1, 0.8),
) -> Task:
    """Handwritten digits of 28 x 28 pixels: 60,000 to train, 10,000 to test.

    The four gzipped idx files come from `data_dir`, else from the folder named by the
    environment variable DENDRITES_DATA (either may hold the files or a subfolder
    `mnist`), else from a public mirror, kept in the user's cache folder. All are
    checked against the sha256 of the decompressed files.

    Parameters
    ----------
    data_dir : path, optional
    validation : int
        Number of last training images to hold out; 0 gives no validation split.
    target_rates : tuple of float
        Rate of the wrong output cells and of the right one, unit "1".

    Returns
    -------
    Task
        784 inputs in [0, 1] (grey level / 255, float32), 10 outputs. `index` counts the
        training file's images from 0 and the test file's from 60,000.

    Raises
    ------
    ConfigError
        If an option is out of range.
    DataError
        If a file is missing, damaged or not the published one (a downloaded one is
        removed), or if nothing can be downloaded.

    Source: LeCun, Bottou, Bengio, Haffner, Proc. IEEE 86 (1998) 2278-2324.
    """
    return _idx_task("mnist", data_dir, validation, target_rates)


def fashion_mnist(
    *,
    data_dir: str | os.PathLike | None = None,
    validation: int = 5000,
    target_rates: tuple[float, float] = (0.1, 0.8),
) -> Task:
    """Clothes of 28 x 28 pixels in ten classes: 60,000 to train, 10,000 to test.

    Parameters, result and errors are those of `mnist`; the subfolder is
    `fashion_mnist`. Classes: T-shirt, trouser, pullover, dress, coat, sandal, shirt,
    sneaker, bag, ankle boot.

    Source: Xiao, Rasul, Vollgraf, arXiv:1708.07747 (2017).
    """
    return _idx_task("fashion_mnist", data_dir, validation, target_rates)


def _idx_task(name, data_dir, validation, target_rates):
    validation = whole_number(f"{name}, validation", validation, lowest=0)
    checked_rates(target_rates)
    arrays, sources = published_arrays(name, data_dir)
    train_images, train_labels, *test = arrays
    n_train, n_test = len(train_images), len(test[0])
    whole_number(f"{name}, validation", validation, lowest=0, highest=n_train - 1)
    kept = n_train - validation
    rows = {"train": (train_images, train_labels, 0, kept, 0)}
    if validation:
        rows["validation"] = (train_images, train_labels, kept, n_train, 0)
    rows["test"] = (*test, 0, n_test, n_train)
    splits = {}
    for split, (images, labels, start, stop, offset) in rows.items():
        pixels = images[start:stop].reshape(stop - start, -1)
        splits[split] = classification(
            np.divide(pixels, np.float32(255), dtype=np.float32),
            labels[start:stop],
            np.arange(start, stop) + offset,
            target_rates,
        )
    return Task(name, splits, sources)
