"""Who is measured: md5all, its peers and the floor; how each is built, called and read.

Adding a peer is adding a row to `PEERS`. Every command runs in the directory of the tree. This module runs no contender
but to ask for its version.
"""
import dataclasses
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable

HERE = os.path.dirname(os.path.abspath(__file__))
GOCODE = "/usr/share/gocode"  # where Debian's golang-golang-x-sync-dev puts errgroup

Line = tuple[bytes, bytes]  # path, digest in hexadecimal
Lines = Iterable[Line]


@dataclasses.dataclass
class Contender:
    name: str  # in --only-peers
    title: str  # in tables and pictures
    command: list[str]
    read: Callable[[Iterable[bytes]], Lines] | None  # its output; None: no MD5 to compare
    kind: str = "peer"  # ours, peer, other (another digest), floor
    needs: list[str] = dataclasses.field(default_factory=list)  # programs
    version: list[str] = dataclasses.field(default_factory=list)
    only: str | None = None  # the one tree it is for


def gnu_lines(output: Iterable[bytes]) -> Lines:
    """md5sum's lines, with its escapes: a leading backslash says that the name has some."""
    for line in output:
        name = unescape if line.startswith(b"\\") else bytes
        yield from ((plain_name(name(path)), digest) for path, digest in plain(line.removeprefix(b"\\")))


def plain_lines(output: Iterable[bytes]) -> Lines:
    """The same without escapes."""
    for line in output:
        yield from ((plain_name(path), digest) for path, digest in plain(line))


def hashdeep_lines(output: Iterable[bytes]) -> Lines:
    for line in output:
        if found := re.fullmatch(rb"\d+,([0-9a-f]{32}),(.*)\n", line):
            yield plain_name(found[2]), found[1]


def plain(line: bytes) -> Lines:
    """Nothing if it is no such line, as when a name with a newline was written as it is."""
    if found := re.fullmatch(rb"([0-9a-f]{32}) [ *](.*)\n", line):
        yield found[2], found[1]


def plain_name(name: bytes) -> bytes:
    return name.removeprefix(b"./")


def unescape(name: bytes) -> bytes:
    return re.sub(rb"\\(.)", lambda found: {b"n": b"\n", b"r": b"\r"}.get(found[1], found[1]), name)


def shell(script: str) -> list[str]:
    return ["sh", "-c", script]


MD5SUM = Contender(
    "md5sum", "md5sum, find | xargs", shell("find . -type f -print0 | xargs -0 -r md5sum"), gnu_lines,
    needs=["find", "xargs", "md5sum"], version=["md5sum", "--version"])
B3SUM = Contender(
    "b3sum", "b3sum, find | xargs (another digest)", shell("find . -type f -print0 | xargs -0 -r b3sum"), None,
    kind="other", needs=["find", "xargs", "b3sum"], version=["b3sum", "--version"])

RCLONE = Contender("rclone", "rclone hashsum md5", ["rclone", "hashsum", "md5", "."], plain_lines,
                   needs=["rclone"], version=["rclone", "version"])


def md5sum_twice(batch: int) -> Contender:
    """Two at once, each given so many files."""
    script = f"find . -type f -print0 | xargs -0 -r -P2 -n{batch} md5sum"
    return Contender("md5sum-P2", f"md5sum, xargs -P2 -n{batch}", shell(script), gnu_lines,
                     needs=["find", "xargs", "md5sum"], version=["xargs", "--version"])


PEERS = [
    MD5SUM,
    md5sum_twice(512),
    Contender("md5deep", "md5deep -r -l", ["md5deep", "-r", "-l", "."], plain_lines,
              needs=["md5deep"], version=["md5deep", "-v"]),
    Contender("hashdeep", "hashdeep -c md5 -r -l", ["hashdeep", "-c", "md5", "-r", "-l", "."], hashdeep_lines,
              needs=["hashdeep"], version=["hashdeep", "-V"]),
    Contender("rhash", "rhash -r --md5", ["rhash", "-r", "--md5", "."], plain_lines,
              needs=["rhash"], version=["rhash", "--version"]),
    RCLONE,
    B3SUM,
    Contender("openssl", "openssl md5", ["openssl", "md5", "-r", "0000/f000000.bin"], plain_lines,
              needs=["openssl"], version=["openssl", "version"], only="one"),
]
NAMES = [peer.name for peer in PEERS] + ["go"]

DISTANT = [md5sum_twice(16), RCLONE]  # a batch so small because finding the files takes long too
ONE_STREAM = ["md5all", "md5sum", "b3sum", "openssl", "floor-2"]  # who reads the one large file


def missing(peer: Contender) -> list[str]:
    return [program for program in peer.needs if not shutil.which(program)]


def version(contender: Contender) -> str:
    """The first line of what it says of itself."""
    if not contender.version:
        return ""
    said = subprocess.run(contender.version, capture_output=True, text=True, check=False)
    return (said.stdout + said.stderr).strip().split("\n")[0]


def build_md5all() -> Contender:
    program = build_rust(HERE, "md5all")
    return Contender("md5all", "md5all", [program, "."], gnu_lines, kind="ours", version=[program, "--version"])


def build_rust(where: str, package: str) -> str:
    """The one program of a package, built from directory `where`."""
    if not shutil.which("cargo"):
        raise SystemExit(f"trees: needs cargo, to build {package}")
    cargo = ["cargo", "build", "--release", "--locked", "--package", package, "--message-format", "json"]
    said = subprocess.run(cargo, cwd=where, stdout=subprocess.PIPE, check=True).stdout.splitlines()
    built = [path for line in said if (path := json.loads(line).get("executable"))]
    if len(built) != 1:
        raise SystemExit(f"trees: cargo built {len(built)} programs, not one")
    return built[0]


def build_c(name: str, into: str) -> str:
    program = os.path.join(into, name)
    cc = shutil.which("gcc") or shutil.which("cc")
    if not cc:
        raise SystemExit("trees: needs gcc, or another C compiler as cc")
    subprocess.run([cc, "-O2", "-o", program, os.path.join(HERE, f"{name}.c"), "-lpthread"], check=True)
    return program


def build_floors(into: str, *readers: int) -> list[Contender]:
    """The floor with each of these numbers of readers."""
    program = build_c("floor", into)
    return [floor(program, number) for number in readers]


def floor(program: str, readers: int) -> Contender:
    title = f"floor: walk, open, read, close; {readers} threads"
    return Contender(f"floor-{readers}", title, [program, ".", str(readers)], None, kind="floor")


def build_go(into: str) -> Contender | None:
    """Go's MD5All, if there is a compiler with errgroup."""
    if not shutil.which("go"):
        print("trees: go is not installed: going on without Go's MD5All")
        return None
    program = os.path.join(into, "go-md5all")
    environment = os.environ | {"GO111MODULE": "off", "GOPATH": os.environ.get("GOPATH", GOCODE)}
    go = ["go", "build", "-o", program, os.path.join(HERE, "md5all.go")]
    if subprocess.run(go, env=environment, check=False).returncode:
        print("trees: Go's MD5All does not build (golang.org/x/sync?): going on without it")
        return None
    return Contender("go", "Go's MD5All", [program, "."], plain_lines, version=["go", "version"])


def installed(peers: list[Contender], only: list[str]) -> list[Contender]:
    """Those that are here and wanted; says which are not here."""
    wanted = [peer for peer in peers if peer.name in only]
    for peer in wanted:
        if lacks := missing(peer):
            print(f"trees: {', '.join(lacks)} not installed: going on without {peer.name}")
    return [peer for peer in wanted if not missing(peer)]
