/* What O_PATH of argv[1] leads to: the errors of opening it so, and of opening it again twice. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int main(int count, char **arguments) {
    char again[64], byte;
    int fd = open(arguments[1], O_PATH);

    printf("path only: %d\n", fd < 0 ? errno : 0);
    printf("read: %d\n", read(fd, &byte, 1) < 0 ? errno : 0);
    snprintf(again, sizeof again, "/proc/self/fd/%d", fd);
    for (int round = 0; round < 2; round++) {
        int other = open(again, O_RDONLY);
        int error = other < 0 ? errno : 0;
        printf("again: %d, %d bytes\n", error, (int)(other < 0 ? 0 : read(other, &byte, 1)));
    }
    return 0;
}
