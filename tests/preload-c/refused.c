// Tries to open FILE in ways that a read-only file system refuses, and prints the error numbers.
#include <errno.h>
#include <stdio.h>

int main(int count, char **arguments)
{
	const char *modes[] = { "w", "a", "r+", "w+x", "r,ccs=UTF-8" };
	for (int i = 0; i < 5; i++) {
		errno = 0;
		FILE *f = fopen(arguments[1], modes[i]);
		printf("%s: %d\n", modes[i], f ? 0 : errno);
	}
	// A stream that could not become the file must not go on giving the old one.
	FILE *f = fopen("/proc/version", "r");
	getc(f);
	FILE *again = freopen(arguments[1], "w", f);
	printf("freopen w: %d\n", again ? 0 : errno);
	FILE *own = fopen(arguments[1], "r");
	again = freopen(arguments[1], "w", own);
	char byte;
	errno = 0;
	printf("read: %d\n", fread(&byte, 1, 1, own) == 0 ? errno : 0);
	return count != 2;
}
