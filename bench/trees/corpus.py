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

TREES = {  # name: (files, bytes of one file, files a folder)
    "small": (100_000, lambda rng: rng.randrange(200, 8192), 500),
    "medium": (2_000, lambda rng: 1 << 20, 100),
    "large": (4, lambda rng: 768 << 20, 4),
    "one": (1, lambda rng: 4 << 30, 1),
}
NAMES = ["small", "medium", "large", "real", "one"]

SMALL_SAMPLE = ["0000", "0001", "0002", "0003"]  # folders of `small`: 2,000 files


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
def transient(root: str, name: str, files: int, size: int, folder: int = 1000):
    """A tree of `files` files of `size` bytes each, removed on leaving."""
    remove(os.path.join(root, name))
    try:
        write(root, name, files, lambda rng: size, folder)
        os.sync()
        yield os.path.join(root, name)
    finally:
        remove(os.path.join(root, name))


def make(root: str, name: str) -> None:
    write(root, name, *TREES[name])


def write(root: str, name: str, files: int, size, folder: int) -> None:
    rng = random.Random(name)
    blob = memoryview(rng.randbytes(BLOB))
    for i in range(files):
        where = f"{root}/{name}/{i // folder:04d}"
        if i % folder == 0:
            os.makedirs(where, exist_ok=True)
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


def sample(small: str, into: str) -> None:
    """Copies the first 2,000 files of tree `small`."""
    os.makedirs(into)
    subprocess.run(["cp", "-a", *(os.path.join(small, folder) for folder in SMALL_SAMPLE), into], check=True)


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
