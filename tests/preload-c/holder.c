/* Reads an old version over and over while other threads start programs. argv[1] is the file, argv[2] a file
 * whose existence ends the writer. */
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BYTES = 200, STARTS = 150 };

extern char **environ;
static const char *path;
static volatile int is_over;
static long wrong, failed, reads;
static char *words[] = {"/bin/true", 0};

static void *reader(void *unused) {
    char bytes[BYTES + 1], first = 0;
    while (!is_over) {
        int fd = open(path, O_RDONLY);
        if (pread(fd, &first, 1, 0) != 1)
            failed++;
        /* Long enough that the version is an old one. */
        for (int round = 0; round < 4000 && !is_over; round++) {
            long len = pread(fd, bytes, sizeof bytes, 0);
            int same = 1;
            for (int index = 0; index < len; index++)
                same &= bytes[index] == first;
            failed += len < 0;
            wrong += len >= 0 && (len != BYTES || !same);
            reads++;
        }
        close(fd);
    }
    return 0;
}

static void *spawner(void *unused) {
    for (int round = 0; round < STARTS; round++) {
        pid_t child;
        if (posix_spawn(&child, words[0], 0, 0, words, environ) == 0)
            waitpid(child, 0, 0);
    }
    return 0;
}

int main(int count, char **arguments) {
    pthread_t threads[2];
    path = arguments[1];
    pthread_create(&threads[0], 0, reader, 0);
    pthread_create(&threads[1], 0, spawner, 0);
    for (int round = 0; round < STARTS; round++) {
        pid_t child = fork();
        if (child == 0) {
            execve(words[0], words, environ);
            _exit(1);
        }
        waitpid(child, 0, 0);
    }
    pthread_join(threads[1], 0);
    is_over = 1;
    pthread_join(threads[0], 0);
    printf("wrong %ld, failed %ld, enough %d\n", wrong, failed, reads > 10000);
    close(open(arguments[2], O_CREAT | O_WRONLY, 0600));
    return 0;
}
