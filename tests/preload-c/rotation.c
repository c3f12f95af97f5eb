/* Reads while another process publishes versions: each value is one letter, repeated. argv[1] is
 * the file, argv[2] threads, argv[3] reads of each, argv[4] a file whose existence ends the writer.
 * With the variable ROTATING_LEN each letter has a length of its own: see tests/src/bin/rotating.rs. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Bytes that each letter is shorter than the one before. */
#define STEP 101

static const char *path;
static int reads;
static long longest;
static long mixed, failed, changed, moved;

static int letter(const char *bytes, long len) {
    for (long i = 1; i < len; i++)
        if (bytes[i] != bytes[0])
            return -1;
    return len > 0 ? bytes[0] : -1;
}

static void *reader(void *unused) {
    char first[16384], again[16384];
    int before = 0;
    for (int i = 0; i < reads; i++) {
        int fd = open(path, O_RDONLY);
        struct stat st;
        if (fd < 0 || fstat(fd, &st) != 0) {
            __atomic_add_fetch(&failed, 1, __ATOMIC_RELAXED);
            continue;
        }
        long len = read(fd, first, sizeof first);
        int seen = letter(first, len);
        int is_cut = longest && len != longest - STEP * (seen - 'a');
        if (seen < 0 || len != st.st_size || is_cut)
            __atomic_add_fetch(&mixed, 1, __ATOMIC_RELAXED);
        if (i % 64 == 0)
            usleep(300);
        /* The descriptor keeps the version that it opened. */
        long len2 = pread(fd, again, sizeof again, 0);
        if (len2 != len || memcmp(first, again, len) != 0)
            __atomic_add_fetch(&moved, 1, __ATOMIC_RELAXED);
        if (before && before != seen)
            __atomic_add_fetch(&changed, 1, __ATOMIC_RELAXED);
        before = seen;
        close(fd);
    }
    return 0;
}

int main(int count, char **arguments) {
    path = arguments[1];
    reads = atoi(arguments[3]);
    if (getenv("ROTATING_LEN"))
        longest = atol(getenv("ROTATING_LEN"));
    int number = atoi(arguments[2]);
    pthread_t threads[64];
    for (int i = 0; i < number; i++)
        pthread_create(&threads[i], 0, reader, 0);
    for (int i = 0; i < number; i++)
        pthread_join(threads[i], 0);
    printf("mixed %ld failed %ld moved %ld changed %d\n", mixed, failed, moved, changed > 0);
    close(open(arguments[4], O_CREAT | O_WRONLY, 0600));
    return 0;
}
