/* One thread opens, reads and closes while another starts processes. argv[1] and argv[2]: two files
 * of the letters A and B, argv[3]: a file of the letter C that can be written, argv[4]: rounds,
 * argv[5]: `fork`, `spawn` or `system`. Nothing may get what is another's, and no number may stay. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
static volatile int is_over;
static long started;

static void *starter(void *how) {
    char *words[] = {"true", 0};
    int status;
    pid_t child;
    while (!is_over) {
        if (!strcmp(how, "system")) {
            system(":");
        } else if (!strcmp(how, "spawn")) {
            if (posix_spawn(&child, "/bin/true", 0, 0, words, environ) == 0)
                waitpid(child, &status, 0);
        } else {
            child = fork();
            if (child == 0)
                _exit(0);
            waitpid(child, &status, 0);
        }
        started++;
    }
    return 0;
}

/* Opens, reads twice, and closes. */
static int is_wrong(const char *path, int flags, char letter) {
    char buffer[64];
    int fd = open(path, flags), bad = fd < 0;
    long len = read(fd, buffer, sizeof buffer);
    bad |= len != 14 || buffer[0] != letter || buffer[13] != letter;
    len = pread(fd, buffer, sizeof buffer, 0);
    bad |= len != 14 || buffer[0] != letter || buffer[13] != letter;
    if (flags == O_RDWR)
        bad |= pwrite(fd, "C", 1, 0) != 1;
    return bad | (close(fd) != 0);
}

/* Numbers that are open, those that the program was started with included. */
static long number_open(void) {
    long number = 0;
    for (int fd = 0; fd < 600; fd++)
        number += fcntl(fd, F_GETFD) >= 0;
    return number;
}

int main(int count, char **arguments) {
    pthread_t thread;
    long wrong[3] = {0}, left;
    open(arguments[1], O_RDONLY); /* one that stays open */
    left = number_open();
    pthread_create(&thread, 0, starter, arguments[5]);
    for (long i = 0; i < atol(arguments[4]); i++) {
        wrong[0] += is_wrong(arguments[1], O_RDONLY, 'A');
        wrong[1] += is_wrong(arguments[2], O_RDONLY, 'B');
        close(open(arguments[1], O_RDONLY));
        wrong[2] += is_wrong(arguments[3], O_RDWR, 'C');
    }
    is_over = 1;
    pthread_join(thread, 0);
    left = number_open() - left;
    printf("wrong %ld, %ld and %ld, left open %ld, started %d\n", wrong[0], wrong[1], wrong[2], left,
           started > 20);
    return 0;
}
