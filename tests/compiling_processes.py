"""Compute two functions in new processes, as a program with a cache folder would.

A server: reads jobs from standard input, one JSON object on a line, and answers each
with a list on a line, one [exit status, printed] for each process. Processes are
forked from one that has loaded Numba, which takes most of the time, and has compiled
nothing of ours. A job has

cwd, environment : where a process runs, and variables that are set first
before, between : Python code run before the first function and between the two
n, threads : processes at once, and threads in each that compute both functions at once

A process prints its values, how many functions it compiled, and its warnings.
"""

import json
import os
import shutil  # noqa: F401 (used by jobs)
import sys
import threading
import warnings

import numba
from numba.core import event

from dendrites.compile.loops import elementwise


def affine(x):
    return 3.0 * x + 1.0


def square(x):
    return x * x


class Count(event.Listener):
    compiled = 0

    def on_start(self, _):
        self.compiled += 1

    def on_end(self, _):
        pass


def computed(job):
    os.chdir(job["cwd"])
    os.environ.update(job["environment"])
    count, results = Count(), []

    def both():
        start.wait()
        first = elementwise(affine, [2.0])
        exec(job["between"])
        results.append([float(first[0]), float(elementwise(square, [3.0])[0])])

    start = threading.Barrier(job["threads"])
    racers = [threading.Thread(target=both) for _ in range(job["threads"] - 1)]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        exec(job["before"])
        with event.install_listener("numba:compile", count):
            for racer in racers:
                racer.start()
            both()
            for racer in racers:
                racer.join()
    return {
        "values": results,
        "compiled": count.compiled,
        "warnings": [str(warning.message) for warning in caught],
    }


def begun(job):
    """Process id, and a file for what it prints."""
    reader, writer = os.pipe()
    child = os.fork()
    if child:
        os.close(writer)
        return child, reader
    try:
        os.write(writer, json.dumps(computed(job)).encode())
        os._exit(0)
    except BaseException as error:
        os.write(writer, json.dumps(repr(error)[:1000]).encode())
        os._exit(1)


def finished(child, reader):
    with open(reader) as file:
        printed = file.read()
    # Negative: the signal that ended it.
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return status, json.loads(printed or "null")


def main():
    numba.njit(lambda x: x)(1.0)
    for line in sys.stdin:
        job = json.loads(line)
        running = [begun(job) for _ in range(job["n"])]
        print(json.dumps([finished(*process) for process in running]), flush=True)


if __name__ == "__main__":
    main()
