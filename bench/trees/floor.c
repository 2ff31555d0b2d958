// The floor: what it costs to walk a tree and read every regular file, with no hashing.
//   gcc -O2 -o floor floor.c -lpthread && ./floor DIR THREADS
// Prints the regular files and bytes read, and the seconds for the walk, the reading and both.
#define _GNU_SOURCE
#include <fcntl.h>
#include <fts.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER = 256 << 10, MOST_THREADS = 256 };
static char **paths;
static size_t count, room;
static atomic_size_t next, opened;
static atomic_llong bytes;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void *reader(void *unused) {
    char *buffer = aligned_alloc(4096, BUFFER);
    for (size_t i; (i = atomic_fetch_add(&next, 1)) < count;) {
        int fd = open(paths[i], O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0) continue;
        opened++;
        long long sum = 0;
        for (ssize_t n; (n = read(fd, buffer, BUFFER)) > 0;) sum += n;
        bytes += sum;
        close(fd);
    }
    free(buffer);
    return unused;
}

int main(int argc, char **argv) {
    if (argc != 3) return fprintf(stderr, "usage: floor DIR THREADS\n"), 2;
    int threads = atoi(argv[2]);
    if (threads < 1 || threads > MOST_THREADS) return fprintf(stderr, "1 to %d threads\n", MOST_THREADS), 2;
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
    pthread_t ids[MOST_THREADS];
    for (int i = 0; i < threads; i++) pthread_create(&ids[i], NULL, reader, NULL);
    for (int i = 0; i < threads; i++) pthread_join(ids[i], NULL);
    double done = now();
    double walk = walked - start, reading = done - walked;
    printf("files %zu bytes %lld walk_s %.3f read_s %.3f total_s %.3f\n", (size_t)opened, (long long)bytes, walk, reading,
           walk + reading);
}
