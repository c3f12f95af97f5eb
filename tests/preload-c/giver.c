/* Executes argv[2] with the file argv[1] as its standard input: argv[3] says how. */
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

int main(int count, char **arguments) {
    char *words[] = {arguments[2], 0};
    dup2(open(arguments[1], O_RDONLY), 0);
    if (strcmp(arguments[3], "exec") == 0)
        return execve(words[0], words, environ);
    pid_t child;
    int status;
    posix_spawn(&child, words[0], 0, 0, words, environ);
    waitpid(child, &status, 0);
    return WEXITSTATUS(status);
}
