/* What the benchmarks of the preload library measure, in rounds. Each line on standard input is a
 * number N and starts one round; the answer is a line "UNITS NANOSECONDS SWITCHES": what was done,
 * in which time, and how often threads of the round gave up the processor to wait for something.
 *
 *   rounds open FILE             N times: open, read, close
 *   rounds threads FILE          N threads do that for 200 ms; a value is one letter, repeated
 *   rounds spawn PROGRAM ARG...  N times: posix_spawn, wait; its output is not shown */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_THREADS 64
#define MAX_VALUE 256
#define ROUND_NS 200000000L /* chosen: long against a thread's start, short against the machine's moods */

extern char **environ;
static const char *path;
static long deadline;

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static long now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000L + t.tv_nsec;
}

/* Voluntary context switches (getrusage(2)) of the calling thread or of the whole process. */
static long switches(int who) {
    struct rusage usage;
    if (getrusage(who, &usage) != 0)
        fail("getrusage");
    return usage.ru_nvcsw;
}

static long open_read_close(char *value) {
    int fd = open(path, O_RDONLY);
    if (fd < 0)
        fail(path);
    long len = read(fd, value, MAX_VALUE);
    if (len <= 0)
        fail("read");
    close(fd);
    return len;
}

static long opens(int count) {
    char value[MAX_VALUE];
    for (int i = 0; i < count; i++)
        open_read_close(value);
    return count;
}

struct reader {
    pthread_t thread;
    long reads, switches;
};

static void *read_until_deadline(void *argument) {
    struct reader *reader = argument;
    char value[MAX_VALUE];
    long before = switches(RUSAGE_THREAD);
    do {
        /* One version, never half of two. */
        long len = open_read_close(value);
        for (long i = 1; i < len; i++)
            if (value[i] != value[0]) {
                fprintf(stderr, "a value of two versions\n");
                exit(1);
            }
        reader->reads++;
    } while (now() < deadline);
    reader->switches = switches(RUSAGE_THREAD) - before;
    return 0;
}

static long threads(int count, long *switched) {
    struct reader readers[MAX_THREADS] = {0};
    if (count > MAX_THREADS)
        exit(64);
    long reads = 0;
    deadline = now() + ROUND_NS;
    for (int i = 0; i < count; i++)
        if (pthread_create(&readers[i].thread, 0, read_until_deadline, &readers[i]) != 0)
            fail("pthread_create");
    for (int i = 0; i < count; i++) {
        pthread_join(readers[i].thread, 0);
        reads += readers[i].reads;
        *switched += readers[i].switches;
    }
    return reads;
}

static long spawns(int count, char **program) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    for (int i = 0; i < count; i++) {
        pid_t pid;
        int status;
        if (posix_spawnp(&pid, program[0], &actions, 0, program, environ) != 0)
            fail(program[0]);
        if (waitpid(pid, &status, 0) != pid || status != 0) {
            fprintf(stderr, "%s: status %#x\n", program[0], status);
            exit(1);
        }
    }
    posix_spawn_file_actions_destroy(&actions);
    return count;
}

int main(int words, char **word) {
    char line[32];
    if (words < 3)
        return 64;
    path = word[2];
    while (fgets(line, sizeof line, stdin)) {
        int count = atoi(line);
        long units = 0, switched = 0, start = now();
        if (strcmp(word[1], "open") == 0)
            units = opens(count);
        else if (strcmp(word[1], "threads") == 0)
            units = threads(count, &switched);
        else if (strcmp(word[1], "spawn") == 0)
            units = spawns(count, word + 2);
        else
            return 64;
        printf("%ld %ld %ld\n", units, now() - start, switched);
        fflush(stdout);
    }
    return 0;
}
