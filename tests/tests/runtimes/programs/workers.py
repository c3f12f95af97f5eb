"""Reads a file in worker processes that are started in each way that Python has."""

import multiprocessing
import sys


def read(path):
    with open(path) as file:
        return file.read()


if __name__ == "__main__":
    for how in ("fork", "spawn", "forkserver"):
        with multiprocessing.get_context(how).Pool(2) as pool:
            print(how, pool.map(read, [sys.argv[1]] * 3))
