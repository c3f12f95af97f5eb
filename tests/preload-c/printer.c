/* Prints the file argv[1]. */
#include <fcntl.h>
#include <unistd.h>

int main(int count, char **arguments) {
    char bytes[4096];
    int fd = open(arguments[1], O_RDONLY);
    long len = read(fd, bytes, sizeof bytes);
    return len > 0 && write(1, bytes, len) == len ? 0 : 1;
}
