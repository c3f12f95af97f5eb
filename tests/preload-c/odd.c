/* Calls that a read-only file system answers in its own way, which a real file of the test has not.
 * argv[1] is the file, argv[2] its folder. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

static void line(const char *name, long result) {
    printf("%s: %ld\n", name, result < 0 ? -(long)errno : result > 0 ? 1 : 0);
}

int main(int count, char **arguments) {
    const char *file = arguments[1], *folder = arguments[2];
    line("write", open(file, O_WRONLY));
    line("truncate", open(file, O_RDONLY | O_TRUNC));
    line("creat", creat(file, 0600));
    line("tmpfile", open(folder, O_TMPFILE | O_RDWR, 0600));
    struct { struct file_handle head; char room[128]; } handle = {{128}};
    int mount;
    line("handle", name_to_handle_at(AT_FDCWD, file, &handle.head, &mount, 0));
    line("inotify", inotify_add_watch(inotify_init1(0), file, IN_MODIFY));
    struct open_how how = {.flags = O_RDONLY | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS};
    int fd = syscall(SYS_openat2, AT_FDCWD, file, &how, sizeof how);
    char buffer[64];
    line("openat2", fd);
    line("  read", read(fd, buffer, 64) == 14);
    struct statvfs fs;
    line("statvfs", statvfs(file, &fs));
    printf("read-only: %d\n", (fs.f_flag & ST_RDONLY) != 0);
    line("chmod", chmod(file, 0600));
    line("unlink", unlink(file));
    line("rename", rename(file, "/tmp/x"));
    line("link", link(file, "/tmp/x"));
    line("truncate path", truncate(file, 0));
    return 0;
}
