/* Executes itself in every way that a C library has, and shows what arrived.
 *
 *   show WORD...      prints the words, what getenv and main's third argument have, and whether the
 *                     kernel's copy of the environment names the variable
 *   descriptors       prints how many descriptors beyond the standard ones are open
 *   exec WAY          executes itself with "show"
 *   loop N            executes /bin/true N times between vfork and exec; prints what has grown
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define NAME "DB_PASSWORD"

extern char **environ;
static char self[4096], *name;
static const char *early;

__attribute__((constructor)) static void constructor(void) { early = getenv(NAME); }

static const char *or_none(const char *text) { return text ? text : "-"; }

static int show(int count, char **words, char **environment) {
    static char kernel[1 << 20];
    const char *in_main = 0, *state = "unreadable";
    for (char **at = environment; *at; at++)
        if (!strncmp(*at, NAME "=", sizeof NAME)) in_main = *at + sizeof NAME;
    int fd = open("/proc/self/environ", O_RDONLY);
    if (fd >= 0) {
        size_t total = 0;
        ssize_t got;
        while ((got = read(fd, kernel + total, sizeof kernel - total)) > 0) total += got;
        close(fd);
        state = memmem(kernel, total, NAME "=", sizeof NAME) ? "holds" : "clean";
    }
    for (int i = 0; i < count; i++) printf("%s ", words[i]);
    printf("| %s %s %s | %s | X=%s\n", or_none(getenv(NAME)), or_none(in_main), or_none(early), state,
           or_none(getenv("X")));
    return 0;
}

static int descriptors(void) {
    int count = 0;
    for (int fd = 3; fd < 2048; fd++) count += fcntl(fd, F_GETFD) >= 0;
    printf("%d\n", count);
    return 0;
}

static void wait_for(int pid) {
    int status = 0;
    if (waitpid(pid, &status, 0) != pid || status) printf("status %x\n", status);
}

static void *in_thread(void *words) {
    execv(self, words);
    return 0;
}

static int execute(const char *way) {
    char *words[] = {name, "show", (char *)way, 0};
    char *one[] = {"X=1", 0};
    char *many[3001 + 2] = {NAME "=", "X=1"};
    int pid = 0, status;
    char command[8192];
#define IS(text) (!strcmp(way, text))
    if (IS("execl")) execl(self, name, "show", way, (char *)0);
    if (IS("execl-8")) execl(self, name, "show", way, "1", "2", "3", "4", "5", "6", (char *)0);
    if (IS("execl-21"))
        execl(self, name, "show", way, "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12",
              "13", "14", "15", "16", "17", "18", (char *)0);
    if (IS("execle")) execle(self, name, "show", way, (char *)0, environ);
    if (IS("execle-own")) execle(self, name, "show", way, "b", "c", "d", "e", "f", (char *)0, one);
    if (IS("execlp")) execlp(name, name, "show", way, "a", "b", "c", "d", (char *)0);
    if (IS("execv")) execv(self, words);
    if (IS("execve")) execve(self, words, environ);
    if (IS("execvp")) execvp(name, words);
    if (IS("execvpe")) execvpe(name, words, environ);
    if (IS("fexecve")) fexecve(open(self, O_RDONLY | O_CLOEXEC), words, environ);
    if (IS("thread")) {
        pthread_t thread;
        pthread_create(&thread, 0, in_thread, words);
        pthread_join(thread, 0);
    }
    if (IS("vfork")) {
        pid = vfork();
        if (!pid) {
            execl(self, name, "show", way, (char *)0);
            _exit(9);
        }
    }
    if (IS("vfork-many")) {
        for (int i = 0; i < 3000; i++) {
            sprintf(command, "V%d", i);
            setenv(command, "value", 1);
        }
        for (int i = 0; i < 3; i++) {
            pid = vfork();
            if (!pid) {
                execv(self, words);
                _exit(9);
            }
            if (i < 2) wait_for(pid);
        }
    }
    if (IS("spawn")) errno = posix_spawn(&pid, self, 0, 0, words, environ);
    if (IS("spawnp")) errno = posix_spawnp(&pid, name, 0, 0, words, environ);
#ifdef __GLIBC__
    if (IS("spawn-closefrom")) {
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_addclosefrom_np(&actions, 3);
        errno = posix_spawn(&pid, self, &actions, 0, words, environ);
    }
#endif
    if (IS("system")) {
        snprintf(command, sizeof command, "%s show %s; exit 3", self, way);
        status = system(command);
        if (WEXITSTATUS(status) != 3) printf("status %x\n", status);
        return 0;
    }
    if (IS("popen")) {
        snprintf(command, sizeof command, "%s show %s; exit 4", self, way);
        FILE *other = popen("cat", "w"), *stream = popen(command, "r");
        char line[4096];
        while (fgets(line, sizeof line, stream)) fputs(line, stdout);
        status = pclose(stream);
        if (WEXITSTATUS(status) != 4) printf("status %x\n", status);
        /* "cat" ends only if the second shell has not kept the first one's pipe. */
        if (pclose(other)) puts("cat failed");
        if (popen("true", "rw") || errno != EINVAL) puts("a wrong mode was taken");
        return 0;
    }
    if (IS("changed")) setenv(NAME, "own", 1), execv(self, words);
    if (IS("put-again")) {
        snprintf(command, sizeof command, "%s=%s", NAME, getenv(NAME));
        clearenv();
        putenv(strdup(command));
        execv(self, words);
    }
    if (IS("unset")) unsetenv(NAME), execv(self, words);
    if (IS("clear")) clearenv(), execv(self, words);
    if (IS("fails")) {
        int result = execl("/nonexistent", "a", "b", "c", "d", "e", "f", "g", "h", (char *)0);
        printf("%d %d ", result, errno == ENOENT);
        result = execlp("nonexistent-program", "a", "b", "c", "d", "e", "f", "g", (char *)0);
        printf("%d %d ", result, errno == ENOENT);
        result = execv("/etc/passwd", words);
        printf("%d %d ", result, errno == EACCES);
        result = execle("/", "a", "b", "c", "d", "e", "f", "g", (char *)0, environ);
        printf("%d %d ", result, errno == EACCES);
        result = posix_spawnp(&pid, "nonexistent-program", 0, 0, words, environ);
        printf("%d ", result == ENOENT);
        fflush(stdout);
        execv(self, words);
    }
    if (IS("shell-script")) {
        FILE *file = fopen("no-line", "w");
        fprintf(file, "echo script \"$1\" \"$2\" \"$DB_PASSWORD\"\n");
        fclose(file);
        chmod("no-line", 0755);
        execlp("./no-line", "zero", "one", "two", (char *)0);
    }
    if (pid > 0)
        wait_for(pid);
    else
        printf("%s failed: %d\n", way, errno);
    return 0;
}

/* Lines of a file of /proc. */
static int lines(const char *path) {
    FILE *file = fopen(path, "r");
    int count = 0, byte;
    while ((byte = getc(file)) != EOF) count += byte == '\n';
    fclose(file);
    return count;
}

static int loop(int count) {
    char *words[] = {"true", 0};
    int maps = 0, descriptor = 0;
    for (int i = 0; i < count; i++) {
        int pid = vfork();
        if (!pid) {
            execve("/bin/true", words, environ);
            _exit(9);
        }
        wait_for(pid);
        if (i == 100) {
            maps = lines("/proc/self/maps");
            descriptor = dup(0);
            close(descriptor);
        }
    }
    int now = dup(0);
    printf("maps %d descriptors %d\n", lines("/proc/self/maps") - maps, now - descriptor);
    return 0;
}

int main(int count, char **words, char **environment) {
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    name = strrchr(self, '/') + 1;
    if (count < 2) return 2;
    if (!strcmp(words[1], "show")) return show(count - 2, words + 2, environment);
    if (!strcmp(words[1], "descriptors")) return descriptors();
    if (!strcmp(words[1], "loop")) return loop(atoi(words[2]));
    return len > 0 ? execute(words[2]) : 2;
}
