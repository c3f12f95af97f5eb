/* What the preload library cannot interpose: system calls by the program's own instruction. argv[1]
 * is the file. Each line says which call, and its error or what it read. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static long call(long number, long a, long b, long c, long d, long e, long f) {
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

struct ring_parameters { unsigned entries[30]; };

int main(int count, char **arguments) {
    char buffer[256];
    int fd = open(arguments[1], O_RDONLY);
    printf("opened %d\n", fd >= 0);
    printf("open %ld\n", call(SYS_openat, AT_FDCWD, (long)arguments[1], O_RDONLY, 0, 0, 0));
    printf("read %ld\n", call(SYS_read, fd, (long)buffer, 256, 0, 0, 0));
    printf("pread %ld\n", call(SYS_pread64, fd, (long)buffer, 256, 0, 0, 0));
    printf("lseek %ld\n", call(SYS_lseek, fd, 0, SEEK_SET, 0, 0, 0));
    int pipes[2];
    pipe(pipes);
    printf("sendfile %ld\n", call(SYS_sendfile, pipes[1], fd, 0, 100, 0, 0));
    printf("splice %ld\n", call(SYS_splice, fd, 0, pipes[1], 0, 100, 0));
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    printf("reopen %ld\n", call(SYS_openat, AT_FDCWD, (long)link, O_RDONLY, 0, 0, 0));
    /* A mapping can be had, and not looked at. */
    fflush(stdout);
    if (fork() == 0) {
        char *map = (char *)call(SYS_mmap, 0, 4096, PROT_READ, MAP_SHARED, fd, 0);
        printf("map %.64s\n", map);
        return 0;
    }
    int status;
    wait(&status);
    printf("mapped %d\n", WIFSIGNALED(status) ? WTERMSIG(status) : 0);
    printf("map private %ld\n", call(SYS_mmap, 0, 4096, PROT_READ, MAP_PRIVATE, fd, 0));
    return 0;
}
