/* Circumstances that programs bring along. argv[1]: the file, argv[2]: a shared library to load,
 * argv[3]: a real file. One line each. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *path, *real;

static long get(const char *file) {
    char buffer[256];
    int fd = open(file, O_RDONLY);
    long len = fd < 0 ? -errno : read(fd, buffer, sizeof buffer);
    if (fd >= 0)
        close(fd);
    return len;
}

static void *blocked(void *pipe_end) {
    char byte;
    read(*(int *)pipe_end, &byte, 1);
    return "not cancelled";
}

/* Waits for a lock that its parent has. */
static void *waiting(void *fd) {
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    fcntl(*(int *)fd, F_SETLKW, &lock);
    return "not cancelled";
}

static int is_cleaned;

static void clean(void *unused) {
    is_cleaned++;
}

static void *with_cleanup(void *pipe_end) {
    pthread_cleanup_push(clean, 0);
    blocked(pipe_end);
    pthread_cleanup_pop(0);
    return "not cancelled";
}

static void cancelled(void *(*start)(void *), void *argument) {
    pthread_t thread;
    void *result;
    pthread_create(&thread, 0, start, argument);
    usleep(20000);
    pthread_cancel(thread);
    pthread_join(thread, &result);
    printf("cancelled: %d, cleaned %d\n", result == PTHREAD_CANCELED, is_cleaned);
}

static void cancellation(void) {
    int pipes[2], ready[2];
    pipe(pipes);
    cancelled(blocked, &pipes[0]);
    cancelled(with_cleanup, &pipes[0]);
    pipe(ready);
    char name[] = "/tmp/guest-XXXXXX", byte;
    int file = mkstemp(name);
    unlink(name);
    pid_t child = fork();
    if (child == 0) {
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        fcntl(file, F_SETLK, &lock);
        write(ready[1], "x", 1);
        read(pipes[0], &byte, 1);
        _exit(0);
    }
    read(ready[0], &byte, 1);
    cancelled(waiting, &file);
    write(pipes[1], "x", 1);
    waitpid(child, 0, 0);
    for (int i = 0; i < 2; i++) {
        close(pipes[i]);
        close(ready[i]);
    }
    close(file);
}

static void *worker(void *unused) {
    long bad = 0;
    for (int i = 0; i < 200; i++)
        bad += get(path) != 14;
    return (void *)bad;
}

static void threads(void) {
    pthread_t all[64];
    long bad = 0;
    for (int i = 0; i < 64; i++)
        pthread_create(&all[i], 0, worker, 0);
    /* Forks while the threads open and close. */
    for (int i = 0; i < 50; i++) {
        pid_t child = fork();
        if (child == 0)
            _exit(get(path) == 14 ? 0 : 1);
        int status;
        waitpid(child, &status, 0);
        bad += status != 0;
    }
    for (int i = 0; i < 64; i++) {
        void *result;
        pthread_join(all[i], &result);
        bad += (long)result;
    }
    printf("threads and forks: %ld wrong\n", bad);
}

static void many_descriptors(void) {
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max < 5000 ? limit.rlim_max : 5000;
    setrlimit(RLIMIT_NOFILE, &limit);
    int null = open("/dev/null", O_RDONLY), high = fcntl(null, F_DUPFD, 1500);
    for (int i = 0; i < 1600; i++)
        dup(null);
    int fd = open(path, O_RDONLY);
    char buffer[64];
    long first = read(fd, buffer, 3), second = read(fd, buffer, 64);
    printf("above 1024: %d, read %ld and %ld\n", fd > 1500 && high >= 1500, first, second);
    for (int i = 3; i < 3300; i++)
        close(i);
}

static void passed_on(void) {
    int pair[2], fd = open(path, O_RDONLY);
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    char space[CMSG_SPACE(sizeof fd)] = {0}, byte = 'x';
    struct iovec piece = {&byte, 1};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = space,
                             .msg_controllen = sizeof space};
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(head), &fd, sizeof fd);
    sendmsg(pair[0], &message, 0);
    int got = -1;
    recvmsg(pair[1], &message, 0);
    memcpy(&got, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof got);
    char buffer[64];
    long len = read(got, buffer, 64);
    printf("passed through a socket: %s\n", len == 14 ? "whole" : len < 0 ? "an error" : "WRONG");
    close(fd);
    close(got);
    close(pair[0]);
    close(pair[1]);
}

static void sandbox(void) {
    fflush(stdout);
    if (fork() == 0) {
        int fd = open(real, O_RDONLY);
        char buffer[64];
        prctl(PR_SET_SECCOMP, 1 /* SECCOMP_MODE_STRICT */);
        long len = read(fd, buffer, 64);
        write(1, len == 14 ? "strict sandbox: 14\n" : "strict sandbox: other\n", len == 14 ? 19 : 22);
        syscall(SYS_exit, 0);
    }
    int status;
    wait(&status);
    printf("sandbox ended: %d\n", status);
}

int main(int count, char **arguments) {
    path = arguments[1];
    real = arguments[3];
    setvbuf(stdout, 0, _IONBF, 0);
    cancellation();
    threads();
    void *library = dlopen(arguments[2], RTLD_NOW);
    printf("loaded: %d\n", library != 0);
    printf("unloaded: %d\n", library ? dlclose(library) : -1);
    many_descriptors();
    passed_on();
    sandbox();
    printf("at the end: %ld\n", get(path));
    return 0;
}
