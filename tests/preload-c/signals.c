/* A timer signal interrupts the library at any instruction, and its handler uses it too. argv[1] is
 * the file, argv[2] its content, argv[3] how many rounds. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

static const char *path, *content;
static volatile sig_atomic_t ticks, wrong;

static int once(void) {
    char buffer[256];
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 1;
    size_t len = strlen(content);
    int bad = read(fd, buffer, 3) != 3 || memcmp(buffer, content, 3) != 0;
    bad |= read(fd, buffer, sizeof buffer) != (long)len - 3 || memcmp(buffer, content + 3, len - 3) != 0;
    bad |= lseek(fd, 0, SEEK_SET) != 0 || fstat(fd, &st) != 0 || st.st_size != (long)len;
    int copy = dup(fd);
    bad |= read(copy, buffer, sizeof buffer) != (long)len;
    bad |= close(copy) != 0 || close(fd) != 0;
    return bad;
}

static void handler(int signal) {
    ticks++;
    wrong += once();
}

int main(int count, char **arguments) {
    path = arguments[1];
    content = arguments[2];
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    sigaction(SIGALRM, &action, 0);
    struct itimerval timer = {{0, 100}, {0, 100}};
    setitimer(ITIMER_REAL, &timer, 0);
    int bad = 0;
    for (int i = 0; i < atoi(arguments[3]); i++)
        bad += once();
    timer = (struct itimerval){{0, 0}, {0, 0}};
    setitimer(ITIMER_REAL, &timer, 0);
    int low = open(path, O_RDONLY);
    printf("wrong %d, in the handler %d, enough signals %d, lowest %d\n", bad, (int)wrong, ticks > 100, low);
    return 0;
}
