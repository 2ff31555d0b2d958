"""A tree that is far away: bench/distant mounted over it anew before each run, and the page of what came of it."""
import os
import subprocess

from contenders import Contender
from report import COLUMNS, Page, faster_than

DELAY = 20  # milliseconds, of each request
READY = b"mounted\n"


class Mount:
    """A tree seen from afar. Leaving it unmounts, and so does the end of this program, however it ends: `distant` does
    once its standard input ends."""

    def __init__(self, program: str, tree: str, point: str):
        self.program, self.tree, self.point = program, tree, point
        self.server: subprocess.Popen | None = None

    def __enter__(self) -> "Mount":
        if is_mounted(self.point):  # both programs of an earlier run were killed
            detach(self.point)
        os.makedirs(self.point, exist_ok=True)
        self.renew()
        return self

    def __exit__(self, *_) -> None:
        self.end()

    def renew(self) -> None:
        """Mounts again, so that the kernel knows nothing of what is there."""
        self.end()
        command = [self.program, self.tree, self.point, str(DELAY)]
        # A session of its own: Ctrl-C is for this program, which then unmounts.
        self.server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
        if self.server.stdout.readline() != READY:
            self.end()
            raise SystemExit("trees: --distant has to mount a FUSE file system, and may not: it takes root and /dev/fuse")

    def end(self) -> None:
        if self.server:
            self.server.stdin.close()
            self.server.stdout.close()
            try:
                self.server.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self.server.kill()
                self.server.wait()
            self.server = None
        if is_mounted(self.point):
            detach(self.point)


def is_mounted(point: str) -> bool:
    """Whether it is in the table: a mount that nobody serves answers no question itself."""
    with open("/proc/self/mountinfo", "rb") as table:
        return any(line.split(b" ")[4] == os.fsencode(point) for line in table)


def detach(point: str) -> None:
    subprocess.run(["umount", "--lazy", point], check=True)


def insist_on_net(ours: Contender, tree: str) -> None:
    """Ends the program unless md5all finds out by itself what it has before it."""
    said = subprocess.run([*ours.command, "-v"], cwd=tree, capture_output=True, check=False).stderr
    if b": net, " not in said:
        raise SystemExit(f"trees: md5all did not see that the mount is far away: {os.fsdecode(said)}")


PAGE = Page("DISTANT.md", f"""\
# Results at a distance

Written by `bench/trees/run --distant`. The tree lies beyond a FUSE file system (`bench/distant`) that takes {DELAY} ms
for each request and as long for many at once; bandwidth is no limit. Names and attributes hold for a second, data for as
long as a file is open; a close waits for nothing. It was mounted anew before each run. Every contender ran once a round,
each round began with another one, and figures are medians over the rounds. Seconds are those of the whole process from
fork to exit, output to /dev/null.
""", COLUMNS + """
The floor walks first, in one thread, and then reads with so many.
""", [
    ("wide: md5sum under xargs -P2 / ours", "≥ 20", faster_than("wide", "md5sum-P2", 20)),
    ("nested: md5sum under xargs -P2 / ours", "≥ 20", faster_than("nested", "md5sum-P2", 20)),
])
