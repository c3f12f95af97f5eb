// Reads DIR/text, DIR/large and DIR/empty through streams, and says one line for each thing tried:
// the same over real files and over ours. Compiled with glibc and with musl.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wchar.h>

static char path[4096];

static const char *file(const char *directory, const char *name)
{
	snprintf(path, sizeof path, "%s/%s", directory, name);
	return path;
}

static unsigned long sum(unsigned long hash, const char *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		hash = hash * 31 + (unsigned char)bytes[i];
	return hash;
}

// What is left in a stream, as length and sum.
static void rest(const char *what, FILE *stream)
{
	char piece[700];
	size_t count, all = 0;
	unsigned long hash = 7;
	while ((count = fread(piece, 1, sizeof piece, stream)) > 0) {
		hash = sum(hash, piece, count);
		all += count;
	}
	printf("%s: %zu bytes, sum %lx, eof %d error %d\n", what, all, hash, !!feof(stream), !!ferror(stream));
}

static void fail(const char *what, FILE *stream)
{
	printf("%s: %s %s\n", what, stream ? "opened" : "refused", stream ? "" : strerror(errno));
	if (stream)
		fclose(stream);
}

static void text(const char *dir)
{
	char line[256], word[64];
	int number;
	FILE *f = fopen(file(dir, "text"), "r");
	if (!f) {
		printf("fopen: %s\n", strerror(errno));
		exit(1);
	}
	printf("fgets: %s", fgets(line, sizeof line, f));
	printf("ftell %ld\n", ftell(f));
	int c = fgetc(f);
	printf("fgetc %d ungetc %d ftell %ld again %d\n", c, ungetc(c, f), ftell(f), fgetc(f));
	printf("ungetc other %d", ungetc('#', f));
	printf(" gives %c\n", getc(f));
	printf("fscanf %d", fscanf(f, "%63s %d", word, &number));
	printf(" %s %d\n", word, number);
	fpos_t place;
	printf("fgetpos %d", fgetpos(f, &place));
	fgets(line, sizeof line, f);
	printf(" fsetpos %d ftello %lld\n", fsetpos(f, &place), (long long)ftello(f));
	printf("fseeko set %d", fseeko(f, 3, SEEK_SET));
	printf(" %s", fgets(line, sizeof line, f));
	printf("fseek cur %d at %ld\n", fseek(f, -4, SEEK_CUR), ftell(f));
	printf("fseek end %d at %ld\n", fseek(f, -6, SEEK_END), ftell(f));
	rest("end", f);
	printf("fseek before %d %s\n", fseek(f, -1, SEEK_SET), strerror(errno));
	printf("fseek beyond %d at %ld get %d eof %d\n", fseek(f, 100000, SEEK_SET), ftell(f), getc(f), !!feof(f));
	rewind(f);
	clearerr(f);
	char *grown = NULL;
	size_t room = 0;
	ssize_t length;
	while ((length = getline(&grown, &room, f)) > 0)
		printf("getline %zd %s", length, grown);
	rewind(f);
	printf("getdelim %zd %s\n", getdelim(&grown, &room, ' ', f), grown);
	free(grown);
	errno = 0;
	printf("fputc %d %s error %d\n", fputc('x', f), strerror(errno), !!ferror(f));
	clearerr(f);
	errno = 0;
	printf("fflush %d\n", fflush(f));
	struct stat st;
	int fd = fileno(f);
	printf("fileno %d unlocked %d fstat %d", fd > 2, fileno_unlocked(f) == fd, fstat(fd, &st));
	printf(" size %ld regular %d mode %o\n", (long)st.st_size, S_ISREG(st.st_mode), st.st_mode & 07777);
	printf("flags %x cloexec %d\n", fcntl(fd, F_GETFL) & O_ACCMODE, fcntl(fd, F_GETFD));
	printf("fclose %d", fclose(f));
	errno = 0;
	printf(" then %d %s\n", fcntl(fd, F_GETFD), strerror(errno));
}

static void buffers(const char *dir)
{
	static char own[64];
	FILE *f = fopen(file(dir, "large"), "rb");
	printf("setvbuf none %d", setvbuf(f, NULL, _IONBF, 0));
	printf(" %c%c\n", getc(f), getc(f));
	// Without a buffer the descriptor stands where the stream does.
	printf("lseek %ld\n", (long)lseek(fileno(f), 0, SEEK_CUR));
	rest("none", f);
	fclose(f);
	f = fopen(file(dir, "large"), "re");
	printf("setvbuf own %d cloexec %d\n", setvbuf(f, own, _IOFBF, sizeof own), fcntl(fileno(f), F_GETFD));
	rest("own", f);
	rewind(f);
	char piece[10] = "";
	printf("seek and read %d", fseek(f, 150000, SEEK_SET));
	printf(" %zu %s\n", fread(piece, 3, 3, f), piece);
	fclose(f);
	f = fopen(file(dir, "empty"), "r");
	rest("empty", f);
	fclose(f);
}

static void wide(const char *dir)
{
	wchar_t line[256];
	FILE *f = fopen(file(dir, "text"), "r");
	printf("fwide %d\n", fwide(f, 1) > 0);
	while (fgetws(line, 256, f))
		printf("fgetws %zu %lx %lx\n", wcslen(line), (long)line[0], (long)line[wcslen(line) - 1]);
	printf("wide eof %d error %d\n", !!feof(f), !!ferror(f));
	rewind(f);
	fgetws(line, 7, f);
	fgetws(line, 256, f);
	fgetws(line, 256, f);
	wint_t c = fgetwc(f);
	printf("fgetwc %lx ungetwc %d", (long)c, ungetwc(c, f) == c);
	printf(" again %lx then %lx\n", (long)getwc(f), (long)fgetwc(f));
	printf("short %d %lx\n", fgetws(line, 3, f) == line, (long)line[1]);
	fclose(f);
}

static void descriptors(const char *dir)
{
	char line[256];
	int fd = open(file(dir, "text"), O_RDONLY);
	read(fd, line, 6);
#ifdef __GLIBC__
	// musl lets it be opened, and the first write fails.
	fail("fdopen for writing", fdopen(fd, "w"));
	fail("fdopen for both", fdopen(fd, "r+"));
#endif
	fail("fdopen nonsense", fdopen(fd, "q"));
	FILE *f = fdopen(fd, "r");
	printf("fdopen ftell %ld fileno %d %s", ftell(f), fileno(f) == fd, fgets(line, sizeof line, f));
	int second = dup(fd);
	printf("fclose %d", fclose(f));
	printf(" offset shared %d\n", lseek(second, 0, SEEK_CUR) > 6);
	lseek(second, 0, SEEK_SET);
	f = fdopen(second, "re");
	printf("second cloexec %d\n", fcntl(second, F_GETFD));
	rest("second", f);
	fclose(f);
	snprintf(line, sizeof line, "/proc/self/fd/%d", fd = open(file(dir, "text"), O_RDONLY));
	f = fopen(line, "r");
	printf("by descriptor %s", fgets(line, sizeof line, f));
	fclose(f);
	close(fd);
}

static void refused(const char *dir)
{
	fail("nothing there", fopen(file(dir, "text.not"), "r"));
	fail("slash", fopen(file(dir, "text/"), "r"));
	fail("nonsense", fopen(file(dir, "text"), "z"));
	FILE *f = fopen(dir, "r");
	int c = f ? getc(f) : 0;
	printf("directory: %s %d %s\n", f ? "opened" : "refused", c, strerror(errno));
	if (f)
		fclose(f);
	fail("directory for writing", fopen(dir, "w"));
	// More streams at once than a table of ours may hold for others, all closed again.
	FILE *many[100];
	int good = 0;
	for (int i = 0; i < 100; i++)
		good += (many[i] = fopen(file(dir, "text"), "r")) != NULL;
	for (int i = 0; i < 100; i++)
		good += getc(many[i]) == getc(many[0]) && fclose(many[i]) == 0 ? 0 : 0;
	printf("many %d\n", good);
	for (int i = 0; i < 2000; i++)
		if (!(f = fopen(file(dir, "text"), "r")) || fclose(f) != 0) {
			printf("again %d %s\n", i, strerror(errno));
			break;
		}
}

static void again(const char *dir)
{
	char word[64];
	int number;
	FILE *f = freopen(file(dir, "text"), "r", stdin);
	printf("freopen stdin %d fileno %d\n", f == stdin, fileno(stdin));
	printf("scanf %d", scanf("%63s %d", word, &number));
	printf(" %s %d getchar %d\n", word, number, getchar());
	rest("rest of it", stdin);
	f = fopen("/dev/null", "r");
	f = freopen(file(dir, "large"), "r", f);
	rest("freopen", f);
	f = freopen(file(dir, "empty"), "r", f);
	rest("empty", f);
	f = freopen("/dev/null", "r", f);
	rest("away", f);
	fclose(f);
	f = fopen(file(dir, "text"), "r");
	printf("first %d", getc(f));
	printf(" same %d", freopen(file(dir, "large"), "r", f) == f);
	printf(" fseek %d", fseek(f, 800, SEEK_SET));
	rest(" second", f);
#ifdef __GLIBC__
	// musl does not start again.
	printf("start %d", freopen(NULL, "r", f) == f);
	rest(" of it", f);
#endif
	printf("away %d", freopen("/dev/null", "r", f) == f);
	rest(" to nothing", f);
	printf("back %d", freopen(file(dir, "text"), "r", f) == f);
	rest(" to something", f);
	fclose(f);
	f = fopen("/dev/null", "r");
	fail("freopen nothing", freopen(file(dir, "text.not"), "r", f));
}

int main(int count, char **arguments)
{
	setlocale(LC_ALL, "C.UTF-8");
	setvbuf(stdout, NULL, _IONBF, 0);
	const char *dir = arguments[count - 1];
	text(dir);
	buffers(dir);
	wide(dir);
	descriptors(dir);
	refused(dir);
	again(dir);
	return 0;
}
