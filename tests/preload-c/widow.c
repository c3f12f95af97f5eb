/* Kills the wrapper, and then starts a program that cannot be served. argv[1]: that program, argv[2]: where
 * to say how it went. */
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

int main(int count, char **arguments) {
    pid_t wrapper = getppid(), parent = getpid();
    if (fork() != 0) {
        pause();
        return 1;
    }
    kill(wrapper, SIGKILL);
    while (getppid() == parent)
        usleep(1000);
    char *words[] = {arguments[1], 0};
    pid_t child;
    int status = -1;
    if (posix_spawn(&child, words[0], 0, 0, words, environ) == 0)
        waitpid(child, &status, 0);
    FILE *out = fopen(arguments[2], "w");
    sigset_t pending;
    sigpending(&pending);
    fprintf(out, "status %d, pending %d\n", status, sigismember(&pending, SIGPIPE));
    return fclose(out);
}
