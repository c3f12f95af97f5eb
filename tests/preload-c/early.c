/* A library whose constructor runs before main, and perhaps before that of the preload library. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

__attribute__((constructor(101))) static void early(void) {
    char buffer[64] = "";
    const char *path = getenv("EARLY_PATH");
    int fd = path ? open(path, O_RDONLY) : -1;
    long len = fd < 0 ? -1 : read(fd, buffer, sizeof buffer);
    close(fd);
    const char *variable = getenv("SECRET");
    dprintf(1, "early %ld [%s] [%s]\n", len, buffer, variable ? variable : "none");
}
