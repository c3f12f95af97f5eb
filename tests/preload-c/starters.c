/* Many threads at once, each of which starts programs with a large environment between vfork and exec.
 * argv[1]: threads, argv[2]: programs of each. Counts failed starts, and the mappings that are left since
 * each thread has started one. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static int failed, times;
static pthread_barrier_t barrier;

static void start(void) {
    char *words[] = {"true", 0};
    int status = 0;
    pid_t child = vfork();
    if (child == 0) {
        execvp("true", words);
        _exit(99);
    }
    waitpid(child, &status, 0);
    if (status != 0)
        __sync_fetch_and_add(&failed, 1);
}

static void *starter(void *unused) {
    start();
    pthread_barrier_wait(&barrier);
    /* The first mappings are counted. */
    pthread_barrier_wait(&barrier);
    for (int round = 1; round < times; round++)
        start();
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    return 0;
}

static int mappings(void) {
    int count = 0, byte;
    FILE *maps = fopen("/proc/self/maps", "r");
    while ((byte = getc(maps)) != EOF)
        count += byte == '\n';
    fclose(maps);
    return count;
}

int main(int count, char **arguments) {
    int threads = atoi(arguments[1]), before, after;
    pthread_t ids[256];
    times = atoi(arguments[2]);
    for (int index = 0; index < 1200; index++) {
        char name[16];
        snprintf(name, sizeof name, "FILLER_%d", index);
        setenv(name, "some value", 1);
    }
    pthread_barrier_init(&barrier, 0, threads + 1);
    for (int index = 0; index < threads; index++)
        if (pthread_create(ids + index, 0, starter, 0) != 0)
            return 1;
    pthread_barrier_wait(&barrier);
    before = mappings();
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    after = mappings();
    pthread_barrier_wait(&barrier);
    for (int index = 0; index < threads; index++)
        pthread_join(ids[index], 0);
    printf("failed %d, more mappings %d\n", failed, after - before);
    return 0;
}
