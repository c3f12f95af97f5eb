/* Numbers and offsets where a program counts on them. argv[1]: the file. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *path;
static char buffer[64];

static void show(const char *name, int fd) {
    memset(buffer, 0, sizeof buffer);
    long len = read(fd, buffer, sizeof buffer);
    printf("%s: %ld [%s]\n", name, len, buffer);
}

/* A child whose start the library does not see. */
static int cloned(void *unused) {
    int fd = open(path, O_RDONLY), copy;
    read(fd, buffer, 5);
    copy = dup(fd);
    show("copy in a clone", copy);
    show("first in a clone", fd);
    int fresh = open(path, O_RDONLY);
    dup2(fresh, fd);
    show("fresh over it", fd);
    return 0;
}

int main(int count, char **arguments) {
    path = arguments[1];
    setvbuf(stdout, 0, _IONBF, 0);
    close(0);
    printf("lowest %d\n", open(path, O_RDONLY));
    printf("next %d\n", open(path, O_RDONLY));
    close(0);
    printf("again %d\n", open(path, O_RDONLY));
    int fd = open(path, O_RDONLY);
    read(fd, buffer, 5);
    if (vfork() == 0) {
        close(fd);
        int other = open(path, O_RDONLY);
        read(other, buffer, 2);
        _exit(0);
    }
    show("after a vfork child", fd);
    char *stack = mmap(0, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    waitpid(clone(cloned, stack + (1 << 20), SIGCHLD, 0), 0, 0);
    if (syscall(SYS_fork) == 0) {
        cloned(0);
        _exit(0);
    }
    wait(0);
    return 0;
}
