/* A sandbox that kills for every call that is not on its list. argv[1]: a file, argv[2]: "few", the
 * calls that the program itself makes; "ours", those and what docs/preload.md says that we add for
 * opening, reading and closing a file; "namesake", what it says of a path that only ends as one of
 * ours. argv[3], if there: leaves this number out of the list again. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* As in linux/filter.h and linux/seccomp.h, which musl's compiler does not find. */
struct instruction {
    unsigned short code;
    unsigned char yes, no;
    unsigned value;
};

struct instructions {
    unsigned short length;
    struct instruction *first;
};

#define LOAD_NUMBER 0x20 /* BPF_LD | BPF_W | BPF_ABS, of the call's number at offset 0 */
#define IF_EQUAL 0x15    /* BPF_JMP | BPF_JEQ | BPF_K */
#define ANSWER 0x06      /* BPF_RET | BPF_K */
#define ALLOW 0x7fff0000u
#define KILL 0x80000000u

#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif

/* Both C libraries' ways to open and to ask for a file's size. */
static const int few[] = {SYS_open,       SYS_openat, SYS_read,  SYS_fstat,
                          SYS_newfstatat, SYS_close,  SYS_write, SYS_exit_group};

static const int ours[] = {SYS_memfd_secret, SYS_ftruncate, SYS_mmap,    SYS_mremap,
                           SYS_munmap,       SYS_madvise,   SYS_fstat,   SYS_utimensat,
                           SYS_getpid,       SYS_geteuid,   SYS_getegid, SYS_close,
                           SYS_fcntl,        SYS_sched_yield};

static const int namesake[] = {SYS_readlinkat, SYS_mmap, SYS_munmap};

static struct instruction program[80];
static unsigned short length;

static void add(unsigned short code, unsigned value, unsigned char yes, unsigned char no) {
    program[length++] = (struct instruction){code, yes, no, value};
}

static void allow(const int *calls, size_t count, int left_out) {
    for (size_t i = 0; i < count; i++) {
        if (calls[i] == left_out)
            continue;
        add(IF_EQUAL, calls[i], 0, 1);
        add(ANSWER, ALLOW, 0, 0);
    }
}

int main(int count, char **arguments) {
    int left_out = count > 3 ? atoi(arguments[3]) : -1;
    add(LOAD_NUMBER, 0, 0, 0);
    allow(few, sizeof few / sizeof *few, left_out);
    if (!strcmp(arguments[2], "ours"))
        allow(ours, sizeof ours / sizeof *ours, left_out);
    if (!strcmp(arguments[2], "namesake"))
        allow(namesake, sizeof namesake / sizeof *namesake, left_out);
    add(ANSWER, KILL, 0, 0);
    struct instructions all = {length, program};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, 2, &all))
        return 3;

    char buffer[64];
    struct stat about;
    int fd = open(arguments[1], O_RDONLY);
    if (fd < 0)
        return 4;
    if (fstat(fd, &about))
        return 5;
    long len = read(fd, buffer, sizeof buffer);
    if (len != about.st_size)
        return 6;
    write(1, buffer, len);
    return close(fd) ? 7 : 0;
}
