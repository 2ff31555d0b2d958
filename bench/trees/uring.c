// The floor by io_uring: it walks a tree as floor.c does, then reads every regular file with so many under way, each an
// open, a read and a close that are linked. It shows whether a ring asks a cold disk better than threads do.
//   gcc -O2 -o uring uring.c -luring && ./uring DIR DEPTH
// Files larger than a buffer are read on, a piece at a time. Prints what floor.c prints.
#define _GNU_SOURCE
#include <fcntl.h>
#include <fts.h>
#include <liburing.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BUFFER = 64 << 10, MOST = 1024 };
enum step { OPEN, READ, CLOSE };

struct file {
    long long at; // how much of it is read
    int slot;
};

static char **paths;
static size_t count, room, next, opened;
static long long bytes;
static struct io_uring ring;
static struct file files[MOST];
static char *buffers[MOST];

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

// The kernel's table of descriptors is not used: each file has a slot of the ring's own.
static struct io_uring_sqe *ask(int slot, enum step step, unsigned flags) {
    struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
    switch (step) {
    case OPEN: io_uring_prep_openat_direct(sqe, AT_FDCWD, paths[next++], O_RDONLY | O_NOFOLLOW, 0, slot); break;
    case READ: io_uring_prep_read(sqe, slot, buffers[slot], BUFFER, files[slot].at); break;
    case CLOSE: io_uring_prep_close_direct(sqe, slot); break;
    }
    sqe->flags |= flags | (step == READ ? IOSQE_FIXED_FILE : 0);
    io_uring_sqe_set_data64(sqe, (unsigned long long)slot << 2 | step);
    return sqe;
}

static void begin(int slot) {
    files[slot] = (struct file){0, slot};
    ask(slot, OPEN, IOSQE_IO_LINK);
    ask(slot, READ, 0);
}

// Whether a file is still under way in its slot.
static int go_on(int slot, enum step step, int result) {
    switch (step) {
    case OPEN:
        opened += result >= 0;
        return 1; // what is linked to it says the rest
    case READ:
        if (result > 0) bytes += result, files[slot].at += result;
        ask(slot, result == BUFFER ? READ : CLOSE, 0);
        return 1;
    default: return 0;
    }
}

static void read_all(int depth) {
    int busy = 0;
    for (; busy < depth && next < count; busy++) begin(busy);
    while (busy) {
        io_uring_submit_and_wait(&ring, 1);
        struct io_uring_cqe *cqe;
        unsigned head, seen = 0;
        io_uring_for_each_cqe(&ring, head, cqe) {
            int slot = cqe->user_data >> 2;
            seen++;
            if (go_on(slot, cqe->user_data & 3, cqe->res)) continue;
            if (next < count) begin(slot);
            else busy--;
        }
        io_uring_cq_advance(&ring, seen);
    }
}

int main(int argc, char **argv) {
    if (argc != 3) return fprintf(stderr, "usage: uring DIR DEPTH\n"), 2;
    int depth = atoi(argv[2]);
    if (depth < 1 || depth > MOST) return fprintf(stderr, "a depth of 1 to %d\n", MOST), 2;
    double start = now();
    char *roots[] = {argv[1], NULL};
    FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_NOSTAT, NULL);
    if (!tree) return perror(argv[1]), 1;
    for (FTSENT *e; (e = fts_read(tree));) {
        if (e->fts_info != FTS_F && e->fts_info != FTS_NSOK) continue;
        if (count == room) paths = realloc(paths, (room = room ? room * 2 : 1024) * sizeof *paths);
        paths[count++] = strdup(e->fts_path);
    }
    double walked = now();
    int failed = io_uring_queue_init(4 * MOST, &ring, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
    if (failed) return fprintf(stderr, "io_uring: %s\n", strerror(-failed)), 1;
    failed = io_uring_register_files_sparse(&ring, depth);
    if (failed) return fprintf(stderr, "io_uring: slots: %s\n", strerror(-failed)), 1;
    for (int i = 0; i < depth; i++) buffers[i] = aligned_alloc(4096, BUFFER);
    read_all(depth);
    double done = now();
    double walk = walked - start, reading = done - walked;
    printf("files %zu bytes %lld walk_s %.3f read_s %.3f total_s %.3f\n", opened, bytes, walk, reading, walk + reading);
}
