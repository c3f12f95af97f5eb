/* Loads argv[1] with RTLD_DEEPBIND (glibc) and has it look at argv[2]. Linked as a library, what looks. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void look(const char *path) {
    char value[64] = "";
    int fd = open(path, O_RDONLY);
    long len = read(fd, value, sizeof value - 1);
    printf("read %ld [%s]\n", len, len < 0 ? "" : value);
    fflush(stdout);
    system("echo $SECRET; for name in SECRET HOME; do grep -cz ^$name= /proc/$$/environ; done");
}

int main(int count, char **arguments) {
    void *library = dlopen(arguments[1], RTLD_NOW | RTLD_DEEPBIND);
    if (!library) {
        puts(dlerror());
        return 1;
    }
    ((void (*)(const char *))dlsym(library, "look"))(arguments[2]);
    return 0;
}
