/* Holds descriptors of many versions while another process publishes new ones: each value is one letter,
 * repeated. Counts what is not the version that was opened, in this process, in a forked child whose parent
 * goes on opening, and in programs that inherit the descriptors. argv[1] is the file, argv[2] a file whose
 * existence ends the writer. With more words: `check FD LETTER…`. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { HELD = 60, BYTES = 200 };

extern char **environ;
static int fds[HELD];
static char letters[HELD];

static int is_of(int fd, char letter) {
    char bytes[BYTES + 1];
    if (pread(fd, bytes, sizeof bytes, 0) != BYTES)
        return 0;
    for (int index = 0; index < BYTES; index++)
        if (bytes[index] != letter)
            return 0;
    return 1;
}

static int wrong(void) {
    int count = 0;
    for (int index = 0; index < HELD; index++)
        count += !is_of(fds[index], letters[index]);
    return count;
}

/* A descriptor of another version than `before`. */
static int open_next(const char *path, char before, char *letter) {
    for (;;) {
        int fd = open(path, O_RDONLY);
        if (pread(fd, letter, 1, 0) == 1 && *letter != before)
            return fd;
        close(fd);
        usleep(50);
    }
}

static int exit_of(pid_t child) {
    int status;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000;
}

static int check(int count, char **words) {
    int bad = 0;
    /* Some versions later. */
    usleep(20000);
    for (int index = 0; index + 1 < count; index += 2)
        bad += !is_of(atoi(words[index]), *words[index + 1]);
    return bad;
}

int main(int count, char **arguments) {
    if (strcmp(arguments[1], "check") == 0)
        return check(count - 2, arguments + 2);
    char letter = 0;
    for (int index = 0; index < HELD; index++) {
        fds[index] = open_next(arguments[1], letter, &letters[index]);
        letter = letters[index];
    }
    int own = wrong();
    int pipes[2];
    char byte;
    pipe(pipes);
    pid_t child = fork();
    if (child == 0) {
        close(pipes[1]);
        read(pipes[0], &byte, 1);
        _exit(wrong());
    }
    /* The parent gives its descriptors up, and others take the places of their versions. */
    for (int index = 0; index < HELD; index++)
        close(fds[index]);
    for (int round = 0; round < 100; round++)
        close(open_next(arguments[1], letter, &letter));
    close(pipes[1]);
    int forked = exit_of(child);

    char numbers[8][8], texts[8][2], *words[19] = {arguments[0], "check"};
    for (int index = 0; index < 8; index++) {
        int fd = open_next(arguments[1], letter, &letter);
        sprintf(numbers[index], "%d", fd);
        sprintf(texts[index], "%c", letter);
        words[2 + 2 * index] = numbers[index];
        words[3 + 2 * index] = texts[index];
    }
    pid_t spawned;
    posix_spawn(&spawned, words[0], 0, 0, words, environ);
    child = fork();
    if (child == 0) {
        execve(words[0], words, environ);
        _exit(100);
    }
    int by_spawn = exit_of(spawned), by_exec = exit_of(child);
    printf("wrong: own %d, forked %d, spawned %d, executed %d\n", own, forked, by_spawn, by_exec);
    close(open(arguments[2], O_CREAT | O_WRONLY, 0600));
    return 0;
}
