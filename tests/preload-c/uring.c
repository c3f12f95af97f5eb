/* io_uring opens and reads past every library. argv[1] is the file. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static int ring;
static struct io_uring_params p;
static char *submission, *completion;
static struct io_uring_sqe *entries;

static int ask(struct io_uring_sqe entry) {
    unsigned *tail = (unsigned *)(submission + p.sq_off.tail);
    unsigned *array = (unsigned *)(submission + p.sq_off.array);
    unsigned index = *tail & (p.sq_entries - 1);
    entries[index] = entry;
    array[index] = index;
    __atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
    syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, 0, 0);
    unsigned *head = (unsigned *)(completion + p.cq_off.head);
    struct io_uring_cqe *all = (struct io_uring_cqe *)(completion + p.cq_off.cqes);
    int result = all[*head & (p.cq_entries - 1)].res;
    __atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
    return result;
}

int main(int count, char **arguments) {
    ring = syscall(SYS_io_uring_setup, 4, &p);
    if (ring < 0) {
        puts("no io_uring");
        return 3;
    }
    submission = mmap(0, p.sq_off.array + p.sq_entries * 4, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
    completion = mmap(0, p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe), PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_CQ_RING);
    entries = mmap(0, p.sq_entries * sizeof *entries, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQES);
    char buffer[64] = "";
    struct io_uring_sqe open_it = {.opcode = IORING_OP_OPENAT, .fd = AT_FDCWD, .addr = (unsigned long)arguments[1]};
    printf("open %s\n", ask(open_it) < 0 ? "fails" : "succeeds");
    int fd = open(arguments[1], O_RDONLY);
    struct io_uring_sqe read_it = {.opcode = IORING_OP_READ, .fd = fd, .addr = (unsigned long)buffer, .len = sizeof buffer};
    int result = ask(read_it);
    printf("read %s [%s]\n", result < 0 ? "fails" : "succeeds", buffer);
    return 0;
}
