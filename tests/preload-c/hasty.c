/* One thread tries to execute what does not exist, another starts a static program. argv[1]: that
 * program, argv[2]: how often. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
static volatile int is_over;

static void *trier(void *unused) {
    char *words[] = {"x", 0};
    while (!is_over)
        execvp("no-such-program", words);
    return 0;
}

int main(int count, char **arguments) {
    pthread_t thread;
    int given = 0, other = 0;
    char *words[] = {arguments[1], 0};
    pthread_create(&thread, 0, trier, 0);
    for (int i = 0; i < atoi(arguments[2]); i++) {
        int status;
        pid_t child = fork();
        if (child == 0) {
            execve(words[0], words, environ);
            _exit(99);
        }
        waitpid(child, &status, 0);
        given += WEXITSTATUS(status) == 1;
        other += WEXITSTATUS(status) > 1;
    }
    is_over = 1;
    pthread_join(thread, 0);
    printf("given %d, failed %d\n", given, other);
    return 0;
}
