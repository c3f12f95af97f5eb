/* One thread reads a descriptor while another puts other files there by dup2, as POSIX allows. argv[1] and
 * argv[2] are secrets of the letters A and B, argv[3] an ordinary file, argv[4] how often. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static volatile int is_over;
static int shared;

static void *reader(void *unused) {
    char bytes[64];
    while (!is_over) {
        lseek(shared, 0, SEEK_SET);
        read(shared, bytes, 60);
    }
    return 0;
}

static int is_of(int fd, char letter) {
    char bytes[64];
    long len = pread(fd, bytes, 60, 0);
    for (long index = 0; index < len; index++)
        if (bytes[index] != letter)
            return 0;
    return len == 14;
}

int main(int count, char **arguments) {
    struct stat before, now;
    pthread_t thread;
    int wrong = 0, touched = 0;
    stat(arguments[3], &before);
    shared = open(arguments[1], O_RDONLY);
    pthread_create(&thread, 0, reader, 0);
    for (int round = 0; round < atoi(arguments[4]); round++) {
        for (int which = 1; which <= 3; which++) {
            int fd = open(arguments[which], O_RDONLY);
            dup2(fd, shared);
            usleep(round % 3);
            wrong += !is_of(fd, '@' + which);
            close(fd);
        }
        stat(arguments[3], &now);
        touched += now.st_mtime != before.st_mtime;
    }
    is_over = 1;
    pthread_join(thread, 0);
    printf("wrong %d, touched %d\n", wrong, touched);
    return 0;
}
