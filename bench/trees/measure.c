// Runs one command and says what it cost: exit status, wall, user and system seconds, peak KiB.
//   measure FD COMMAND...      writes one line to the open descriptor FD
// User and system time are those of the command and all it waited for; the peak is that of its
// largest process. A program of its own, and not a few lines of the script, because Linux counts what a process occupied
// before exec into its peak: a child of Python would never seem smaller than Python.
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static double seconds(struct timeval t) {
    return t.tv_sec + t.tv_usec / 1e6;
}

int main(int argc, char **argv) {
    if (argc < 3) return fprintf(stderr, "usage: measure FD COMMAND...\n"), 2;
    int report = atoi(argv[1]);
    fcntl(report, F_SETFD, FD_CLOEXEC);
    double start = now();
    pid_t child = fork();
    if (child < 0) return perror("fork"), 1;
    if (child == 0) {
        execvp(argv[2], argv + 2);
        perror(argv[2]);
        _exit(127);
    }
    int status;
    struct rusage used;
    if (wait4(child, &status, 0, &used) < 0) return perror("wait4"), 1;
    double wall = now() - start;
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    double user = seconds(used.ru_utime), system = seconds(used.ru_stime);
    dprintf(report, "%d %.6f %.6f %.6f %ld\n", code, wall, user, system, used.ru_maxrss);
}
