/* What docs/preload.md says of odd calls. argv[1]: a file; argv[2]: one that may be opened once. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static int error_of(long answer) {
    return answer < 0 ? errno : 0;
}

int main(int count, char **arguments) {
    const char *path = arguments[1];
    /* Read from memory, so that no compiler knows them. */
    void *volatile null = 0;
    const char *volatile low = (const char *)8;

    setvbuf(stdout, 0, _IONBF, 0);
    printf("path: null %d, low %d\n", error_of(open((char *)null, O_RDONLY)),
           error_of(open(low, O_RDONLY)));
    int fd = open(path, O_RDONLY), other = open(path, O_RDONLY);
    printf("read into null: %d\n", error_of(read(fd, null, 8)));
    int first = flock(fd, LOCK_EX | LOCK_NB);
    printf("flock: %d %d\n", first, flock(other, LOCK_EX | LOCK_NB));
    close(fd);
    close(other);

    struct rlimit limit, none;
    char value[64];
    fd = open(path, O_RDONLY);
    getrlimit(RLIMIT_NOFILE, &limit);
    none = limit;
    none.rlim_cur = 3;
    setrlimit(RLIMIT_NOFILE, &none);
    int size = read(fd, value, sizeof value);
    printf("read above the limit: %.*s\n", size < 0 ? 0 : size, value);
    setrlimit(RLIMIT_NOFILE, &limit);
    close(fd);

    if (count > 2) {
        setrlimit(RLIMIT_NOFILE, &none);
        printf("no number left: %d\n", error_of(open(arguments[2], O_RDONLY)));
        setrlimit(RLIMIT_NOFILE, &limit);
        printf("the next open: %d\n", error_of(open(arguments[2], O_RDONLY)));
    }
    return 0;
}
