/* What the C library lets a program do with an open regular file, one line an operation. Run over
 * a real file of mode 0400 and over a virtual one, the lines must be the same; what may differ
 * (inode, device, time) is not printed. argv[1]: the file, argv[2]: a scratch folder. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

static const char *path;
static char buffer[4096];

/* The result, or the error's number. */
static void line(const char *name, long result) {
    if (result < 0)
        printf("%s: error %d\n", name, errno);
    else
        printf("%s: %ld\n", name, result);
    errno = 0;
}

static void bytes(const char *name, const void *start, long count) {
    if (count < 0) {
        line(name, count);
        return;
    }
    printf("%s: %ld [%.*s]\n", name, count, (int)count, (const char *)start);
}

static int open_it(int flags) {
    int fd = open(path, flags);
    if (fd < 0) {
        printf("cannot open: %d\n", errno);
        exit(1);
    }
    return fd;
}

static void show(const char *name, int result, const struct stat *st) {
    if (result < 0) {
        line(name, result);
        return;
    }
    printf("%s: mode %o size %ld links %ld user %d group %d block %ld blocks %ld time %d\n", name,
           st->st_mode, (long)st->st_size, (long)st->st_nlink, st->st_uid, st->st_gid,
           (long)st->st_blksize, (long)(st->st_blocks > 0), st->st_mtime > 1600000000);
}

static void reading(void) {
    int fd = open_it(O_RDONLY);
    bytes("read 3", buffer, read(fd, buffer, 3));
    bytes("read 0", buffer, read(fd, buffer, 0));
    line("tell", lseek(fd, 0, SEEK_CUR));
    bytes("pread", buffer, pread(fd, buffer, 4, 2));
    bytes("pread at the end", buffer, pread(fd, buffer, 4, 100000));
    line("pread negative", pread(fd, buffer, 4, -1));
    char a[2], b[3], c[500];
    struct iovec pieces[] = {{a, 2}, {b, 3}, {c, 500}};
    line("readv", readv(fd, pieces, 3));
    bytes("  first", a, 2);
    bytes("  second", b, 3);
    line("readv at the end", readv(fd, pieces, 3));
    line("readv too many", readv(fd, pieces, 5000));
    line("preadv", preadv(fd, pieces, 2, 1));
    bytes("  first", a, 2);
#ifdef __GLIBC__
    lseek(fd, 1, SEEK_SET);
    line("preadv2 current", preadv2(fd, pieces, 2, -1, 0));
    line("tell", lseek(fd, 0, SEEK_CUR));
#endif
    bytes("read at the end", buffer, read(fd, buffer, 10));
    line("seek set", lseek(fd, 5, SEEK_SET));
    line("seek end", lseek(fd, -4, SEEK_END));
    bytes("read rest", buffer, read(fd, buffer, 100));
    line("seek beyond", lseek(fd, 10000, SEEK_SET));
    bytes("read beyond", buffer, read(fd, buffer, 10));
    line("seek negative", lseek(fd, -1, SEEK_SET));
    line("seek nonsense", lseek(fd, 0, 99));
    line("seek data", lseek(fd, 0, SEEK_DATA));
    line("seek data beyond", lseek(fd, 10000, SEEK_DATA));
    line("seek hole", lseek(fd, 0, SEEK_HOLE));
    line("close", close(fd));
    line("read closed", read(fd, buffer, 1));
    line("close closed", close(fd));
}

static void writing(void) {
    int fd = open_it(O_RDONLY);
    struct iovec piece = {"x", 1};
    line("write", write(fd, "x", 1));
    line("pwrite", pwrite(fd, "x", 1, 0));
    line("writev", writev(fd, &piece, 1));
    line("pwritev", pwritev(fd, &piece, 1, 0));
    line("ftruncate", ftruncate(fd, 0));
    line("fallocate", posix_fallocate(fd, 0, 10));
    line("fsync", fsync(fd));
    line("fdatasync", fdatasync(fd));
    close(fd);
}

static void states(void) {
    struct stat st;
    int fd = open_it(O_RDONLY | O_CLOEXEC);
    show("fstat", fstat(fd, &st), &st);
    ino_t inode = st.st_ino;
    dev_t device = st.st_dev;
    show("stat", stat(path, &st), &st);
    printf("same inode: %d %d\n", st.st_ino == inode, st.st_dev == device);
    show("lstat", lstat(path, &st), &st);
    show("fstatat", fstatat(AT_FDCWD, path, &st, 0), &st);
    show("fstatat nofollow", fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW), &st);
    show("fstatat empty", fstatat(fd, "", &st, AT_EMPTY_PATH), &st);
#ifdef __GLIBC__
    struct statx sx;
    int result = statx(AT_FDCWD, path, 0, STATX_BASIC_STATS, &sx);
    printf("statx: %d mode %o size %ld same %d\n", result, sx.stx_mode, (long)sx.stx_size,
           sx.stx_ino == inode);
    result = statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &sx);
    printf("statx empty: %d mode %o\n", result, sx.stx_mode);
#endif
    line("access r", access(path, R_OK));
    line("access f", access(path, F_OK));
    line("access x", access(path, X_OK));
    line("faccessat", faccessat(AT_FDCWD, path, R_OK, 0));
    line("faccessat effective", faccessat(AT_FDCWD, path, R_OK, AT_EACCESS));
    line("readlink", readlink(path, buffer, sizeof buffer));
    line("getfd", fcntl(fd, F_GETFD));
    line("setfd", fcntl(fd, F_SETFD, 0));
    line("getfd", fcntl(fd, F_GETFD));
    line("getfl", fcntl(fd, F_GETFL));
    line("isatty", isatty(fd));
    int left = -1;
    line("ioctl tty", ioctl(fd, TIOCGWINSZ, buffer));
    read(fd, buffer, 2);
    line("ioctl nread", ioctl(fd, FIONREAD, &left));
    printf("  left %d\n", left);
    struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
    line("lock", fcntl(fd, F_SETLK, &lock));
    line("flock", flock(fd, LOCK_SH));
    line("flock un", flock(fd, LOCK_UN));
    line("fadvise", posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL));
    line("readahead", readahead(fd, 0, 10));
    struct pollfd poller = {fd, POLLIN | POLLOUT, 0};
    line("poll", poll(&poller, 1, 0));
    printf("  events %x\n", poller.revents);
    fd_set set;
    FD_ZERO(&set);
    FD_SET(fd, &set);
    struct timeval none = {0, 0};
    line("select", select(fd + 1, &set, 0, 0, &none));
    int epoll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN};
    line("epoll", epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
    close(epoll);
    line("fgetxattr", fgetxattr(fd, "user.x", buffer, 10));
    line("fchdir", fchdir(fd));
    close(fd);
}

static void flags(void) {
    static const struct { const char *name; int flags; } cases[] = {
        {"excl", O_RDONLY | O_CREAT | O_EXCL}, {"directory", O_RDONLY | O_DIRECTORY},
        {"nofollow", O_RDONLY | O_NOFOLLOW},   {"nonblock", O_RDONLY | O_NONBLOCK},
        {"cloexec", O_RDONLY | O_CLOEXEC},     {"create", O_RDONLY | O_CREAT},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        int fd = open(path, cases[i].flags, 0600);
        printf("open %s: %s %d\n", cases[i].name, fd < 0 ? "error" : "opened", fd < 0 ? errno : 0);
        if (fd >= 0) {
            bytes("  read", buffer, read(fd, buffer, 2));
            close(fd);
        }
    }
    int fd = open(path, O_PATH);
    struct stat st;
    show("path only", fstat(fd, &st), &st);
    line("path only read", read(fd, buffer, 1));
    line("path only seek", lseek(fd, 0, SEEK_SET));
    close(fd);
    snprintf(buffer, sizeof buffer, "%s/", path);
    line("trailing slash", open(buffer, O_RDONLY));
    line("stat trailing slash", stat(buffer, &st));
    line("access trailing slash", access(buffer, R_OK));
    snprintf(buffer, sizeof buffer, "%s/x", path);
    printf("below a file: %s\n", open(buffer, O_RDONLY) < 0 ? "error" : "opened");
    snprintf(buffer, sizeof buffer, "%sx", path);
    line("neighbour", open(buffer, O_RDONLY));
    line("lowest number", open_it(O_RDONLY));
    close(3);
}

static void numbers(void) {
    int fd = open_it(O_RDONLY);
    int copy = dup(fd);
    line("dup", copy);
    bytes("read copy", buffer, read(copy, buffer, 3));
    bytes("read first", buffer, read(fd, buffer, 3));
    line("dup2", dup2(fd, 10));
    lseek(fd, 1, SEEK_SET);
    bytes("read 10", buffer, read(10, buffer, 2));
    line("dup2 same", dup2(10, 10));
    line("dup3", dup3(10, 11, O_CLOEXEC));
    line("getfd", fcntl(11, F_GETFD));
    line("dup3 same", dup3(10, 10, 0));
    line("dupfd", fcntl(fd, F_DUPFD, 20));
    line("dupfd cloexec", fcntl(fd, F_DUPFD_CLOEXEC, 20));
    close(fd);
    bytes("read 20", buffer, read(20, buffer, 2));
    int null = open("/dev/null", O_RDONLY);
    line("dup2 over", dup2(null, 20));
    bytes("read null", buffer, read(20, buffer, 2));
    line("dup2 back", dup2(10, null));
    bytes("read back", buffer, read(null, buffer, 2));
    for (int n = 3; n < 30; n++)
        close(n);
    line("after close", read(10, buffer, 1));
    fd = open_it(O_RDONLY);
#ifdef __GLIBC__
    line("close range", close_range(3, ~0U, 0));
    line("closed", read(fd, buffer, 1));
    fd = open_it(O_RDONLY);
    bytes("opened again", buffer, read(fd, buffer, 3));
    closefrom(3);
    line("closefrom", read(fd, buffer, 1));
    fd = open_it(O_RDONLY);
    bytes("opened again", buffer, read(fd, buffer, 3));
#endif
    close(fd);
}

static void mapping(void) {
    int fd = open_it(O_RDONLY);
    struct stat st;
    fstat(fd, &st);
    size_t len = st.st_size;
    char *map = mmap(0, len, PROT_READ, MAP_PRIVATE, fd, 0);
    bytes("map private", map, len);
    printf("zero behind: %d\n", map[len]);
    char *shared = mmap(0, len, PROT_READ, MAP_SHARED, fd, 0);
    bytes("map shared", shared, len);
    line("map shared write", mmap(0, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED ? -1 : 0);
    char *copy = mmap(0, len, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    copy[0] = '#';
    bytes("written copy", copy, len);
    bytes("others", map, len);
    bytes("file", buffer, pread(fd, buffer, 3, 0));
    char *grown = mremap(map, len, 8192, MREMAP_MAYMOVE);
    bytes("mremap", grown, grown == MAP_FAILED ? -1 : (long)len);
    line("mprotect", mprotect(grown, 4096, PROT_NONE));
    line("mprotect back", mprotect(grown, 4096, PROT_READ));
    close(fd);
    bytes("map after close", shared, len);
    if (fork() == 0) {
        bytes("child", shared, len);
        fflush(stdout);
        _exit(0);
    }
    wait(0);
    line("munmap", munmap(shared, len));
    fd = open_it(O_RDONLY);
    line("map length 0", mmap(0, 0, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED ? -1 : 0);
    line("map odd offset", mmap(0, 10, PROT_READ, MAP_PRIVATE, fd, 3) == MAP_FAILED ? -1 : 0);
    close(fd);
}

static void copying(const char *scratch) {
    int fd = open_it(O_RDONLY), pipes[2];
    pipe(pipes);
    off_t offset = 2;
    line("sendfile", sendfile(pipes[1], fd, &offset, 4));
    printf("  offset %ld\n", (long)offset);
    bytes("  got", buffer, read(pipes[0], buffer, 100));
    line("tell", lseek(fd, 0, SEEK_CUR));
    line("sendfile all", sendfile(pipes[1], fd, 0, 1000));
    bytes("  got", buffer, read(pipes[0], buffer, 1000));
    line("sendfile at the end", sendfile(pipes[1], fd, 0, 1000));
    lseek(fd, 0, SEEK_SET);
    line("splice", splice(fd, 0, pipes[1], 0, 5, 0));
    bytes("  got", buffer, read(pipes[0], buffer, 100));
    snprintf(buffer, sizeof buffer, "%s/copy", scratch);
    int out = open(buffer, O_RDWR | O_CREAT | O_TRUNC, 0600);
    lseek(fd, 0, SEEK_SET);
    long copied = copy_file_range(fd, 0, out, 0, 1000, 0);
    printf("copy_file_range: %s\n", copied > 0 ? "some" : "none");
    bytes("  got", buffer, pread(out, buffer, 1000, 0));
    line("into the file", sendfile(fd, out, 0, 10));
    close(out);
    close(fd);
}

static void processes(void) {
    int fd = open_it(O_RDONLY);
    bytes("parent", buffer, read(fd, buffer, 2));
    fflush(stdout);
    if (fork() == 0) {
        bytes("child", buffer, read(fd, buffer, 2));
        fflush(stdout);
        _exit(0);
    }
    wait(0);
    bytes("parent after child", buffer, read(fd, buffer, 2));
    snprintf(buffer, sizeof buffer, "/proc/self/fd/%d", fd);
    int again = open(buffer, O_RDONLY);
    bytes("through proc", buffer, read(again, buffer, 3));
    close(again);
    snprintf(buffer, sizeof buffer, "/dev/fd/%d", fd);
    again = open(buffer, O_RDONLY);
    bytes("through dev", buffer, read(again, buffer, 3));
    close(again);
    snprintf(buffer, sizeof buffer, "/proc/self/fd/%d", fd);
    char target[4096];
    long len = readlink(buffer, target, sizeof target);
    printf("link of proc: %d\n", len == (long)strlen(path) && memcmp(target, path, len) == 0);
    struct stat st;
    show("stat of proc", stat(buffer, &st), &st);
    dup2(fd, 0);
    again = open("/dev/stdin", O_RDONLY);
    bytes("through stdin", buffer, read(again, buffer, 3));
    close(again);
    close(fd);
}

/* Ways to write the path: each line says what was read. */
static void names(const char *scratch) {
    char folder[4096], name[4096], text[8192];
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    snprintf(name, sizeof name, "%s", slash + 1);
    *slash = 0;
    const char *forms[] = {"%s//%s", "%s/./%s", "%s/../%s/%s"};
    for (int i = 0; i < 3; i++) {
        char *last = strrchr(folder, '/');
        if (i == 2)
            snprintf(text, sizeof text, "%s/../%s/%s", folder, last + 1, name);
        else
            snprintf(text, sizeof text, forms[i], folder, name);
        int fd = open(text, O_RDONLY);
        bytes(forms[i], buffer, fd < 0 ? -1 : read(fd, buffer, 3));
        close(fd);
    }
    int root = open("/", O_RDONLY | O_DIRECTORY);
    int fd = openat(root, path + 1, O_RDONLY);
    bytes("openat", buffer, fd < 0 ? -1 : read(fd, buffer, 3));
    close(fd);
    fd = openat(root, path, O_RDONLY);
    bytes("openat absolute", buffer, fd < 0 ? -1 : read(fd, buffer, 3));
    close(fd);
    fchdir(root);
    fd = open(path + 1, O_RDONLY);
    bytes("relative", buffer, fd < 0 ? -1 : read(fd, buffer, 3));
    close(fd);
    close(root);
    snprintf(text, sizeof text, "/proc/self/cwd%s", path);
    fd = open(text, O_RDONLY);
    bytes("through cwd", buffer, fd < 0 ? -1 : read(fd, buffer, 3));
    close(fd);
    snprintf(text, sizeof text, "%s/link", scratch);
    /* To the deepest directory that surely exists: the file's grandparent's parent. */
    char above[4096];
    snprintf(above, sizeof above, "%s", folder);
    char *mid = strrchr(above, '/');
    char below[4096];
    snprintf(below, sizeof below, "%s/%s", mid + 1, name);
    *mid = 0;
    char *top = strrchr(above, '/');
    char lower[8192];
    snprintf(lower, sizeof lower, "%s/%s", top + 1, below);
    *top = 0;
    unlink(text);
    line("symlink", symlink(above[0] ? above : "/", text));
    snprintf(text, sizeof text, "%s/link/%s", scratch, lower);
    fd = open(text, O_RDONLY);
    bytes("through a link", buffer, fd < 0 ? -1 : read(fd, buffer, 3));
    close(fd);
    int directory = open(folder, O_RDONLY | O_DIRECTORY);
    line("directory", directory < 0 ? -1 : 0);
    fd = openat(directory, name, O_RDONLY);
    bytes("openat directory", buffer, fd < 0 ? -1 : read(fd, buffer, 3));
    struct stat st;
    show("fstatat directory", fstatat(directory, name, &st, 0), &st);
    line("read directory", read(directory, buffer, 10));
    line("neighbour in directory", openat(directory, "nothing", O_RDONLY));
    close(fd);
    close(directory);
    line("empty", open("", O_RDONLY));
}

int main(int count, char **arguments) {
    if (count < 3)
        return 2;
    path = arguments[1];
    setvbuf(stdout, 0, _IONBF, 0);
    reading();
    writing();
    states();
    flags();
    numbers();
    mapping();
    copying(arguments[2]);
    names(arguments[2]);
    processes();
    return 0;
}
