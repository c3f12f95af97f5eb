/* How much stack calls take: each runs in a thread whose stack is painted before. argv[1]: the secret's
 * path. */
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
static const char *secret;
static char through_link[4096];
static char *words[] = {"true", 0};

static void open_missing(void) { close(open("/no/such/file", O_RDONLY)); }
static void open_alike(void) { close(open("no/../such/password", O_RDONLY)); }
static void open_link(void) { close(open(through_link, O_RDONLY)); }
static void open_secret(void) {
    char bytes[8];
    int fd = open(secret, O_RDONLY);
    read(fd, bytes, 8);
    close(fd);
}
static void stat_missing(void) {
    struct stat stat_;
    stat("/no/such/file", &stat_);
}
static void stat_secret(void) {
    struct stat stat_;
    stat(secret, &stat_);
}
static void start_spawn(void) {
    pid_t child;
    if (posix_spawnp(&child, "true", 0, 0, words, environ) == 0)
        waitpid(child, 0, 0);
}
static void start_vfork(void) {
    pid_t child = vfork();
    if (child == 0) {
        execvp("true", words);
        _exit(1);
    }
    waitpid(child, 0, 0);
}
static void start_fork(void) {
    pid_t child = fork();
    if (child == 0) {
        execvp("true", words);
        _exit(1);
    }
    waitpid(child, 0, 0);
}

static const struct {
    const char *name;
    void (*run)(void);
} calls[] = {
    {"open_missing", open_missing}, {"open_alike", open_alike},   {"open_link", open_link},
    {"open_secret", open_secret},   {"stat_missing", stat_missing}, {"stat_secret", stat_secret},
    {"start_spawn", start_spawn},   {"start_vfork", start_vfork}, {"start_fork", start_fork},
};

enum { SIZE = 1 << 18, PAINT = 0xa5 };

static char *stack;
static size_t used;

static __attribute__((noinline)) void *thread(void *run) {
    char *here = __builtin_frame_address(0);
    /* Not what memset itself stands on. */
    char *top = here - 512;
    memset(stack, PAINT, top - stack);
    ((void (*)(void))run)();
    char *place = stack;
    while (place < top && *place == (char)PAINT)
        place++;
    used = here - place;
    return 0;
}

int main(int count, char **arguments) {
    secret = arguments[1];
    snprintf(through_link, sizeof through_link, "link-to-secret");
    unlink(through_link);
    if (symlink(secret, through_link) != 0)
        return 1;
    /* An environment that is not small. */
    for (int index = 0; index < 300; index++) {
        char name[16];
        snprintf(name, sizeof name, "FILLER_%d", index);
        setenv(name, "some value", 1);
    }
    stack = mmap(0, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (size_t index = 0; index < sizeof calls / sizeof *calls; index++) {
        pthread_attr_t attributes;
        pthread_t id;
        /* What is bound at the first call is not measured. */
        calls[index].run();
        pthread_attr_init(&attributes);
        pthread_attr_setstack(&attributes, stack, SIZE);
        if (pthread_create(&id, &attributes, thread, calls[index].run) != 0)
            return 1;
        pthread_join(id, 0);
        printf("%s %zu\n", calls[index].name, used);
    }
    return 0;
}
