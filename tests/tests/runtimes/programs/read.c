/* Reads a file in the way that its first argument names, and prints what it read. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <wordexp.h>

static void die(const char *what) {
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

static int opened(const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) die("open");
    return fd;
}

static size_t size_of(int fd) {
    struct stat st;
    if (fstat(fd, &st)) die("fstat");
    if (!S_ISREG(st.st_mode)) die("not regular");
    return (size_t)st.st_size;
}

static void print(const char *text, ssize_t len) {
    if (len < 0) die("read");
    fwrite(text, 1, (size_t)len, stdout);
}

static void *in_thread(void *path) {
    static char text[4096];
    int fd = opened(path);
    ssize_t len = read(fd, text, sizeof text);
    print(text, len);
    close(fd);
    return NULL;
}

int main(int argc, char **argv) {
    static char text[65536];
    if (argc != 3) return 2;
    const char *how = argv[1], *path = argv[2];
    if (!strcmp(how, "read")) {
        int fd = opened(path);
        char byte;
        ssize_t got;
        while ((got = read(fd, &byte, 1)) == 1) putchar(byte);
        if (got < 0) die("read");
    } else if (!strcmp(how, "pread")) {
        int fd = opened(path);
        size_t size = size_of(fd);
        off_t half = (off_t)(size / 2);
        print(text, pread(fd, text, sizeof text, half));
        print(text, pread(fd, text, (size_t)half, 0));
        printf("%lld\n", (long long)lseek(fd, 0, SEEK_END));
    } else if (!strcmp(how, "readv")) {
        int fd = opened(path);
        struct iovec parts[2] = {{text, 3}, {text + 3, 4000}};
        print(text, readv(fd, parts, 2));
    } else if (!strcmp(how, "mmap")) {
        int fd = opened(path);
        size_t size = size_of(fd);
        char *map = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (map == MAP_FAILED) die("mmap");
        close(fd);
        print(map, (ssize_t)size);
        if (munmap(map, size)) die("munmap");
    } else if (!strcmp(how, "mmap-shared")) {
        int fd = opened(path);
        size_t size = size_of(fd);
        char *map = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
        if (map == MAP_FAILED) die("mmap");
        print(map, (ssize_t)size);
        if (mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) != MAP_FAILED) return 3;
        printf("%d\n", errno);
    } else if (!strcmp(how, "stdio")) {
        FILE *file = fopen(path, "r");
        if (!file) die("fopen");
        if (fseek(file, 2, SEEK_SET)) die("fseek");
        printf("%ld %d\n", ftell(file), fgetc(file));
        rewind(file);
        char *line = NULL;
        size_t room = 0;
        while (getline(&line, &room, file) > 0) fputs(line, stdout);
        printf("eof %d, file %d\n", feof(file) != 0, fileno(file) > 2);
        if (fclose(file)) die("fclose");
    } else if (!strcmp(how, "fdopen")) {
        FILE *file = fdopen(opened(path), "r");
        if (!file) die("fdopen");
        if (!fgets(text, sizeof text, file)) die("fgets");
        fputs(text, stdout);
    } else if (!strcmp(how, "freopen")) {
        if (!freopen(path, "r", stdin)) die("freopen");
        int c;
        while ((c = getchar()) != EOF) putchar(c);
    } else if (!strcmp(how, "dup")) {
        int fd = opened(path), high = fcntl(fd, F_DUPFD_CLOEXEC, 200);
        if (high < 200) die("fcntl");
        print(text, read(fd, text, 4));
        close(fd);
        print(text, read(high, text, sizeof text));
        if (dup2(high, 0)) die("dup2");
        print(text, pread(0, text, sizeof text, 0));
    } else if (!strcmp(how, "fork")) {
        int fd = opened(path);
        fflush(stdout);
        if (fork() == 0) {
            print(text, read(fd, text, 4));
            exit(0);
        }
        int status;
        wait(&status);
        print(text, read(fd, text, sizeof text));
    } else if (!strcmp(how, "thread")) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, in_thread, (void *)path)) die("pthread_create");
        pthread_join(thread, NULL);
    } else if (!strcmp(how, "stat")) {
        struct stat st, link;
        if (stat(path, &st) || lstat(path, &link)) die("stat");
        printf("%o %lld %d %d\n", (unsigned)st.st_mode, (long long)st.st_size, (int)st.st_nlink,
               st.st_uid == geteuid());
        printf("%d %d %d\n", st.st_ino == link.st_ino, access(path, R_OK), access(path, X_OK));
        printf("%d %d\n", open(path, O_WRONLY | O_NOFOLLOW | O_EXCL | O_CREAT, 0600), errno);
    } else if (!strcmp(how, "sendfile")) {
        int fd = opened(path), pipes[2];
        if (pipe(pipes)) die("pipe");
        ssize_t sent = sendfile(pipes[1], fd, NULL, sizeof text);
        print(text, sent < 0 ? -1 : read(pipes[0], text, sizeof text));
    } else if (!strcmp(how, "exec")) {
        int fd = open(path, O_RDONLY);
        if (fd < 0) die("open");
        if (dup2(fd, 0)) die("dup2");
        execlp("cat", "cat", "-", path, NULL);
        die("exec");
    } else if (!strcmp(how, "wordexp")) {
        wordexp_t words;
        if (wordexp(path, &words, 0)) die("wordexp");
        for (size_t i = 0; i < words.we_wordc; i++) printf("%s ", words.we_wordv[i]);
    } else if (!strcmp(how, "env")) {
        const char *value = getenv(path);
        if (!value) die("getenv");
        puts(value);
    } else {
        return 2;
    }
    return fflush(stdout) ? 1 : 0;
}
