/* Closes every descriptor from 3 on past the C library, and uses the numbers for a file of its own.
 * argv[1]: that file, argv[2]: a program that prints `started`. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static long raw(long number, long a, long b, long c) {
    long answer;
    __asm__ volatile("syscall" : "=a"(answer) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
    return answer;
}

int main(int count, char **arguments) {
    int hidden = 0, wrong = 0, fd;
    for (fd = 3; fd < 1024; fd++)
        hidden += raw(SYS_fcntl, fd, F_GETFD, 0) >= 0 && fcntl(fd, F_GETFD) < 0;
    for (fd = 3; fd < 1024; fd++)
        raw(SYS_close, fd, 0, 0);
    int own = open(arguments[1], O_RDONLY);
    for (fd = 700; fd < 1000; fd++)
        raw(SYS_dup2, own, fd, 0);
    for (fd = 700; fd < 1000; fd++) {
        char byte = 0;
        wrong += fcntl(fd, F_GETFD) < 0 || pread(fd, &byte, 1, 0) != 1 || byte != 'C';
        wrong += close(fd) != 0;
    }
    printf("hidden %d, wrong %d\n", hidden != 0, wrong);
    fflush(stdout);
    if (fork() == 0) {
        execl("/bin/echo", "echo", "started", (char *)0);
        _exit(1);
    }
    wait(0);
    return 0;
}
