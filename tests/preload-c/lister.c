/* Linked statically. Says by its status whether it was given a descriptor of secret memory. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(void) {
    char link[64], target[256];
    for (int fd = 3; fd < 1100; fd++) {
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        long len = readlink(link, target, sizeof target - 1);
        if (len > 0 && (target[len] = 0, strstr(target, "secretmem") != 0))
            return 1;
    }
    return 0;
}
