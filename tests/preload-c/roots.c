/* Paths after chroot. argv[1]: a directory that exists, argv[2]: the rest of the file's path below
 * it, argv[3]: another directory that exists. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static void try(const char *name, const char *path) {
    char buffer[64] = "";
    int fd = open(path, O_RDONLY);
    if (fd < 0)
        printf("%s: error %d\n", name, errno);
    else
        printf("%s: %ld\n", name, (long)read(fd, buffer, 64));
    close(fd);
    fflush(stdout);
}

int main(int count, char **arguments) {
    char whole[4096];
    snprintf(whole, sizeof whole, "%s%s", arguments[1], arguments[2]);
    try("before", whole);
    if (fork() == 0) {
        chroot(arguments[1]);
        chdir("/");
        try("inside", arguments[2]);
        try("inside, the old path", whole);
        _exit(0);
    }
    wait(0);
    if (fork() == 0) {
        chroot(arguments[3]);
        chdir("/");
        try("elsewhere", whole);
        try("elsewhere, short", arguments[2]);
        _exit(0);
    }
    wait(0);
    try("after", whole);
    return 0;
}
