"""The trees that the benchmark reads: what is in them, and how they are made.

Sizes and contents of the synthetic ones depend on their names alone, so two machines make the same trees. `real` is a
copy of /usr/lib and /usr/share, and differs from machine to machine. This module times nothing.
"""
import contextlib
import os
import random
import stat
import subprocess

BLOB = 8 << 20
PIECE = BLOB // 2
REAL = ["/usr/lib", "/usr/share"]



def flat(files: int):
    """So many files in each folder."""
    return lambda number: f"{number // files:04d}"


def nested(number: int) -> str:
    """Five files in each of 200 folders, which are the third level of 5 × 5 × 8."""
    leaf = number // 5
    return f"{leaf // 40}/{leaf // 8 % 5}/{leaf % 8}"


TREES = {  # name: (files, bytes of one file, the folder of a file)
    "small": (100_000, lambda rng: rng.randrange(200, 8192), flat(500)),
    "medium": (2_000, lambda rng: 1 << 20, flat(100)),
    "large": (4, lambda rng: 768 << 20, flat(4)),
    "one": (1, lambda rng: 4 << 30, flat(1)),
    "wide": (1_000, lambda rng: 16 << 10, flat(50)),
    "nested": (1_000, lambda rng: 16 << 10, nested),
}
NAMES = ["small", "medium", "large", "real", "one"]
DISTANT = ["wide", "nested"]

SAMPLE = 2_000  # files of `small`


def tree(root: str, name: str) -> str:
    """The directory of tree `name` below `root`, made if it is not there whole."""
    path = os.path.join(root, name)
    if not os.path.isdir(path):
        making = os.path.join(root, "unfinished")
        remove(making)
        (copy_real if name == "real" else make)(making, name)
        os.rename(os.path.join(making, name), path)
        os.rmdir(making)
        os.sync()  # or else the first runs share the disk with the write-back
    return path


@contextlib.contextmanager
def transient(root: str, name: str, files: int, size: int):
    """A tree of `files` files of `size` bytes each, removed on leaving."""
    remove(os.path.join(root, name))
    try:
        write(root, name, files, lambda rng: size, flat(1000))
        os.sync()
        yield os.path.join(root, name)
    finally:
        remove(os.path.join(root, name))


def make(root: str, name: str) -> None:
    write(root, name, *TREES[name])


def write(root: str, name: str, files: int, size, folder) -> None:
    rng = random.Random(name)
    blob = memoryview(rng.randbytes(BLOB))
    made = None
    for i in range(files):
        where = f"{root}/{name}/{folder(i)}"
        if where != made:
            os.makedirs(where)
            made = where
        left = size(rng)
        with open(f"{where}/f{i:06d}.bin", "wb", buffering=0) as out:
            while left > 0:
                at = rng.randrange(0, PIECE)
                piece = min(left, PIECE)
                out.write(blob[at : at + piece])
                left -= piece


def copy_real(root: str, name: str) -> None:
    """Copies what can be read; `cp` says what cannot, and that is no failure."""
    into = os.path.join(root, name)
    os.makedirs(into)
    subprocess.run(["cp", "-a", "--reflink=never", *REAL, into], stderr=subprocess.DEVNULL, check=False)


def sample(root: str, files: int) -> str:
    """A tree of the first so many files of `small`, in a directory of its own below `root`."""
    into = os.path.join(root, f"sample-{files}")
    remove(into)
    _, size, folder = TREES["small"]
    write(into, "small", files, size, folder)
    return into


def remove(path: str) -> None:
    subprocess.run(["rm", "-rf", "--", path], check=True)


def count(path: str) -> tuple[int, int]:
    """Regular files below `path`, and their bytes."""
    files = size = 0
    for folder, _, names in os.walk(os.fsencode(path)):
        for name in names:
            facts = os.lstat(os.path.join(folder, name))
            if stat.S_ISREG(facts.st_mode):
                files, size = files + 1, size + facts.st_size
    return files, size
