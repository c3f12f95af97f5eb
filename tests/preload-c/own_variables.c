/* What a process sees of a secret variable while it changes its environment. argv[1]: the name. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void say(const char *when, const char *name) {
    const char *plain = getenv(name), *secure = secure_getenv(name);
    printf("%s [%s] [%s]\n", when, plain ? plain : "none", secure ? secure : "none");
}

int main(int count, char **arguments) {
    const char *name = arguments[1];
    static char put[64];
    say("start", name);
    setenv(name, "kept out", 0);
    say("setenv without overwriting", name);
    setenv(name, "changed", 1);
    say("setenv", name);
    snprintf(put, sizeof put, "%s=put", name);
    putenv(put);
    say("putenv", name);
    unsetenv(name);
    say("unsetenv", name);
    setenv(name, "again", 1);
    say("again", name);
    clearenv();
    say("clearenv", name);
    return 0;
}
