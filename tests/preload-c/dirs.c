// Lists and walks DIR, and says one line for each thing found, sorted: the same over real files and
// over ours. Compiled with glibc and with musl.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

static char lines[1000][4400];
static int count;
static const char *base;

// The path below DIR, with `@` for it.
static const char *short_of(const char *path)
{
	static char text[4100];
	size_t length = strlen(base);
	if (strncmp(path, base, length) == 0)
		snprintf(text, sizeof text, "@%s", path + length);
	else
		snprintf(text, sizeof text, "%s", path);
	return text;
}

static int order(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void flush_sorted(const char *what)
{
	qsort(lines, count, sizeof lines[0], order);
	for (int i = 0; i < count; i++)
		printf("%s: %s\n", what, lines[i]);
	printf("%s: %d in all\n", what, count);
	count = 0;
}

static int same_inode(int fd, struct dirent *entry)
{
	struct stat st;
	// The directory above may lie elsewhere.
	return strcmp(entry->d_name, "..") == 0 ||
	       (fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_ino == entry->d_ino);
}

static void list(const char *what, DIR *dir)
{
	struct dirent *entry;
	if (!dir) {
		printf("%s: %s\n", what, strerror(errno));
		return;
	}
	errno = 0;
	while ((entry = readdir(dir)))
		snprintf(lines[count++], sizeof lines[0], "%s type %d inode %d length %d", entry->d_name, entry->d_type,
			 same_inode(dirfd(dir), entry), entry->d_reclen >= 24);
	snprintf(lines[count++], sizeof lines[0], "errno %d", errno);
	flush_sorted(what);
}

static const char *below(const char *name)
{
	static char path[4096];
	snprintf(path, sizeof path, "%s%s", base, name);
	return path;
}

static void plain(void)
{
	DIR *dir = opendir(base);
	struct stat st;
	list("opendir", dir);
	list("at its end", dir);
	rewinddir(dir);
	list("rewinddir", dir);
	rewinddir(dir);
	readdir(dir);
	readdir(dir);
	long place = telldir(dir);
	char name[256] = "";
	struct dirent *entry = readdir(dir);
	if (entry)
		strcpy(name, entry->d_name);
	while (readdir(dir))
		;
	seekdir(dir, place);
	entry = readdir(dir);
	printf("seekdir %d\n", entry && strcmp(entry->d_name, name) == 0);
	printf("dirfd fstat %d", fstat(dirfd(dir), &st));
	printf(" directory %d cloexec %d\n", S_ISDIR(st.st_mode), fcntl(dirfd(dir), F_GETFD));
	int fd = dirfd(dir);
	printf("closedir %d", closedir(dir));
	printf(" then %d\n", fcntl(fd, F_GETFD));
	list("with slash", opendir(below("/")));
	list("with dots", opendir(below("/db/../db/sub/.")));
	list("above", opendir(below("/db/sub/..")));
	list("none", opendir(below("/none")));
	list("file", opendir(below("/db/text")));
	list("file with slash", opendir(below("/db/text/")));
	list("empty path", opendir(""));
	struct dirent room, *result;
	dir = opendir(below("/db"));
	while (readdir_r(dir, &room, &result) == 0 && result)
		snprintf(lines[count++], sizeof lines[0], "%s %d", room.d_name, room.d_type);
	flush_sorted("readdir_r");
	closedir(dir);
}

static void by_descriptor(void)
{
	int fd = open(base, O_RDONLY | O_DIRECTORY);
	int sub = openat(fd, "db/sub", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	list("openat", fdopendir(sub));
	// The numbers share one place in the list.
	list("dup", fdopendir(dup(fd)));
	lseek(fd, 0, SEEK_SET);
	list("F_DUPFD", fdopendir(fcntl(fd, F_DUPFD_CLOEXEC, 3)));
	lseek(fd, 0, SEEK_SET);
	list("fdopendir", fdopendir(fd));
	int file = open(below("/db/text"), O_RDONLY);
	list("of a file", fdopendir(file));
	list("of nothing", fdopendir(-1));
	close(file);
	printf("O_DIRECTORY of a file %d", open(below("/db/text"), O_RDONLY | O_DIRECTORY));
	printf(" %s\n", strerror(errno));
	char piece[600];
	fd = open(below("/db"), O_RDONLY | O_DIRECTORY);
	ssize_t got;
	int all = 0;
	while ((got = getdents64(fd, (void *)piece, sizeof piece)) > 0)
		for (ssize_t at = 0; at < got; all++) {
			struct dirent64 *entry = (void *)(piece + at);
			snprintf(lines[count++], sizeof lines[0], "%s %d", entry->d_name, entry->d_type);
			at += entry->d_reclen;
		}
	flush_sorted("getdents64");
	lseek(fd, 0, SEEK_SET);
	printf("small %zd", getdents64(fd, (void *)piece, 10));
	printf(" %s again %d\n", strerror(errno), getdents64(fd, (void *)piece, sizeof piece) > 0);
	close(fd);
}

static int wanted(const struct dirent *entry)
{
	return entry->d_name[0] != 't';
}

static void scans(void)
{
	struct dirent **all;
	int found = scandir(below("/db"), &all, NULL, alphasort);
	for (int i = 0; i < found; i++)
		printf("scandir %s\n", all[i]->d_name), free(all[i]);
	free(all);
	found = scandir(below("/db"), &all, wanted, alphasort);
	printf("chosen %d\n", found);
	for (int i = 0; i < found; i++)
		printf("scandir %s\n", all[i]->d_name), free(all[i]);
	free(all);
	printf("scandir none %d", scandir(below("/none"), &all, NULL, NULL));
	printf(" %s\n", strerror(errno));
#ifdef __GLIBC__
	int fd = open(base, O_PATH | O_DIRECTORY);
	found = scandirat(fd, "db", &all, NULL, versionsort);
	for (int i = 0; i < found; i++)
		printf("scandirat %s\n", all[i]->d_name), free(all[i]);
	free(all);
	close(fd);
	// musl has no way to be given the directory functions.
	const char *patterns[] = { "/*", "/*/*", "/d*/t?xt", "/*/sub/[a-o]*", "/none/*", "/db/*/", "/{db,deep}/*" };
	for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
		glob_t g = { 0 };
		int answer = glob(below(patterns[i]), GLOB_MARK | GLOB_BRACE, NULL, &g);
		printf("glob %s %d %d\n", patterns[i], answer, !!(g.gl_flags & GLOB_ALTDIRFUNC));
		for (size_t j = 0; j < g.gl_pathc; j++)
			printf("  %s\n", short_of(g.gl_pathv[j]));
		globfree(&g);
	}
#endif
}

static int seen(const char *path, const struct stat *st, int type, struct FTW *place)
{
	snprintf(lines[count++], sizeof lines[0], "%s kind %d level %d name %s size %ld", short_of(path), type, place->level,
		 place->level ? path + place->base : "", S_ISREG(st->st_mode) ? (long)st->st_size : 0);
	return 0;
}

static int seen_simple(const char *path, const struct stat *st, int type)
{
	snprintf(lines[count++], sizeof lines[0], "%s %d", short_of(path), type);
	return 0;
}

static int until_text(const char *path, const struct stat *st, int type, struct FTW *place)
{
	return strstr(path, "/text") ? 7 : 0;
}

static void walks(void)
{
	printf("nftw %d\n", nftw(base, seen, 8, FTW_PHYS));
	flush_sorted("nftw");
	printf("depth %d", nftw(base, seen, 8, FTW_DEPTH | FTW_MOUNT));
	printf(" last %s\n", lines[count - 1]);
	flush_sorted("depth");
	printf("ended %d\n", nftw(base, until_text, 8, 0));
	printf("ftw %d\n", ftw(below("/db"), seen_simple, 4));
	flush_sorted("ftw");
	errno = 0;
	printf("none %d", nftw(below("/none"), seen, 8, 0));
	printf(" %s\n", strerror(errno));
}

static void places(void)
{
	char room[4096];
	const char *paths[] = { "", "/", "/db/../db/text", "/db/./sub/", "/none", "/db/text/", "/deep/er/still/../still/x" };
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		errno = 0;
		char *own = realpath(below(paths[i]), room);
		printf("realpath %s %s", paths[i], own == room ? short_of(room) : strerror(errno));
		own = realpath(below(paths[i]), NULL);
		printf(" %d\n", own && strcmp(own, room) == 0);
		free(own);
	}
	struct statfs fs;
	struct statvfs vfs;
	int fd = open(below("/db/text"), O_RDONLY);
	printf("statfs %d", statfs(below("/db"), &fs));
	printf(" name %d bsize %d\n", (int)fs.f_namelen, (int)fs.f_bsize);
	printf("fstatfs %d", fstatfs(fd, &fs));
	printf(" name %d bsize %d\n", (int)fs.f_namelen, (int)fs.f_bsize);
	printf("statvfs %d", statvfs(below("/db/text"), &vfs));
	printf(" name %d frsize %d\n", (int)vfs.f_namemax, (int)vfs.f_frsize);
	printf("fstatvfs %d", fstatvfs(fd, &vfs));
	printf(" name %d frsize %d\n", (int)vfs.f_namemax, (int)vfs.f_frsize);
	printf("statfs none %d", statfs(below("/none"), &fs));
	printf(" %s\n", strerror(errno));
	printf("pathconf %ld %ld\n", pathconf(below("/db/text"), _PC_NAME_MAX), fpathconf(fd, _PC_PATH_MAX));
	close(fd);
}

int main(int argc, char **arguments)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	base = arguments[argc - 1];
	plain();
	by_descriptor();
	scans();
	walks();
	places();
	return 0;
}
