/* A program that closes everything that it did not open, and runs out of descriptors. argv[1] is
 * the file. After each step the file must be there, here and in a child. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *path;

static void try(const char *step) {
    char buffer[64] = "";
    int fd = open(path, O_RDONLY);
    long len = fd < 0 ? -errno : read(fd, buffer, sizeof buffer);
    printf("%s: %ld [%s] variable [%s]\n", step, len, buffer, getenv("SECRET") ?: "none");
    if (fd >= 0)
        close(fd);
    fflush(stdout);
    if (fork() == 0) {
        execlp("cat", "cat", path, (char *)0);
        _exit(99);
    }
    int status = -1;
    wait(&status);
    printf(" [child %d]\n", status);
    fflush(stdout);
}

int main(int count, char **arguments) {
    path = arguments[1];
    try("start");
    for (int fd = 3; fd < 2000; fd++)
        close(fd);
    try("close loop");
#ifdef __GLIBC__
    closefrom(3);
    try("closefrom");
    close_range(3, ~0U, 0);
    try("close_range");
    close_range(3, ~0U, 4); /* CLOSE_RANGE_CLOEXEC */
    try("close_range cloexec");
#endif
    DIR *all = opendir("/proc/self/fd");
    for (struct dirent *one; (one = readdir(all)) != 0;)
        if (atoi(one->d_name) > 2 && atoi(one->d_name) != dirfd(all))
            close(atoi(one->d_name));
    closedir(all);
    try("listed");
    int null = open("/dev/null", O_RDONLY);
    for (int fd = 3; fd < 1024; fd++)
        if (fd != null)
            dup2(null, fd);
    for (int fd = 3; fd < 1024; fd++)
        close(fd);
    try("dup2 over all");
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = 1024;
    setrlimit(RLIMIT_NOFILE, &limit);
    int last = -1;
    for (int fd; (fd = open("/dev/null", O_RDONLY)) >= 0;)
        last = fd;
    printf("all used: %d\n", last > 500);
    printf("open: %d", open(path, O_RDONLY));
    printf(" error %d\n", errno);
    for (int fd = 3; fd <= last; fd++)
        close(fd);
    try("after EMFILE");
    chdir("/");
    if (fork() == 0) {
        daemon(0, 1);
        try("daemon");
        _exit(0);
    }
    wait(0);
    usleep(1000);
    return 0;
}
