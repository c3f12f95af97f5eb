/* One thread starts programs that are served, another one makes workers that start a static program.
 * argv[1]: that program, argv[2]: `fork` or `vfork`, argv[3]: how often. */
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
static volatile int is_over;

static long raw(long number, long a, long b, long c) {
    long answer;
    __asm__ volatile("syscall" : "=a"(answer) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
    return answer;
}

/* Whether the kernel would hand a descriptor of a high number on. */
static int is_open(void) {
    for (int fd = 700; fd < 720; fd++) {
        long flags = raw(SYS_fcntl, fd, F_GETFD, 0);
        if (flags >= 0 && !(flags & FD_CLOEXEC))
            return 1;
    }
    return 0;
}

static void *starter(void *unused) {
    char *words[] = {"/bin/true", 0};
    while (!is_over) {
        pid_t child;
        if (posix_spawn(&child, words[0], 0, 0, words, environ) == 0)
            waitpid(child, 0, 0);
    }
    return 0;
}

int main(int count, char **arguments) {
    pthread_t thread;
    char *words[] = {arguments[1], 0};
    int is_vfork = strcmp(arguments[2], "vfork") == 0;
    int given = 0, kept = 0, failed = 0, seen = 0;
    pthread_create(&thread, 0, starter, 0);
    for (int i = 0; i < atoi(arguments[3]); i++) {
        int status;
        /* In the middle of a start, as often as there is one. */
        for (int j = 0; j < 10000 && !is_open(); j++)
            ;
        seen += is_open();
        pid_t child = is_vfork ? vfork() : fork();
        if (child == 0) {
            if (!is_vfork && is_open())
                _exit(2);
            execve(words[0], words, environ);
            _exit(99);
        }
        waitpid(child, &status, 0);
        given += WEXITSTATUS(status) == 1;
        kept += WEXITSTATUS(status) == 2;
        failed += WEXITSTATUS(status) > 2;
    }
    is_over = 1;
    pthread_join(thread, 0);
    printf("given %d, kept %d, failed %d, open in the parent: %s\n", given, kept, failed,
           seen ? "yes" : "no");
    return 0;
}
