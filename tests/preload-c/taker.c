/* Linked statically. Says what it gets from its standard input by read and by a mapping. */
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void) {
    char bytes[64] = "";
    int status;
    long len = read(0, bytes, 63);
    printf("read %ld [%s]\n", len < 0 ? (long)-errno : len, bytes);
    fflush(stdout);
    if (fork() == 0) {
        char *map = mmap(0, 4096, PROT_READ, MAP_SHARED, 0, 0);
        printf("map [%.14s]\n", map);
        return 0;
    }
    wait(&status);
    printf("mapped %d\n", WIFSIGNALED(status) ? WTERMSIG(status) : 0);
    return 0;
}
