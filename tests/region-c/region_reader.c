/* A reader of the secret region, written from docs/region.md alone: it proves that the page
 * suffices. Prints what it finds in the file that it is given, a line for each entry, whole values
 * in hex. A test compares that with tests/vectors/regions.json.
 *
 * It maps the file as a program would map the region, and reads nothing that it has not checked.
 */
#define _POSIX_C_SOURCE 200809L
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

struct region {
	const unsigned char *start;
	uint64_t count, entry_size, directory, strings, strings_len, slots[2], slots_len;
	uint32_t protection;
};

struct entry {
	const unsigned char *at;
	uint64_t slot, capacity, prefix, begin, end;
	uint32_t text[3][2];
	uint32_t flags;
};

static uint64_t u64(const unsigned char *p)
{
	uint64_t n = 0;
	for (int i = 7; i >= 0; i--)
		n = n << 8 | p[i];
	return n;
}

static uint32_t u32(const unsigned char *p)
{
	return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
}

/* One load for the whole number, as the page asks for the counters. */
static uint64_t counter(const unsigned char *p)
{
	uint64_t n = __atomic_load_n((const uint64_t *)(const void *)p, __ATOMIC_RELAXED);
	unsigned char bytes[8];
	memcpy(bytes, &n, sizeof bytes);
	return u64(bytes);
}

/* The end of a section, or false when it starts before `from`, wraps, or ends beyond `limit`. */
static bool section(uint64_t from, uint64_t start, uint64_t len, uint64_t limit, uint64_t *end)
{
	if (start < from || __builtin_add_overflow(start, len, end))
		return false;
	return *end <= limit;
}

static const char *open_header(struct region *r, const unsigned char *m, uint64_t mapped)
{
	mapped -= mapped % 8;
	if (mapped < 128)
		return "truncated";
	if (memcmp(m, "CTREGION", 8) != 0)
		return "magic";
	if ((m[8] | m[9] << 8) != 1)
		return "version";
	if (u32(m + 92) & 0xffff0000u)
		return "flags";
	uint64_t capacity = u64(m + 16), header = u32(m + 12), end;
	if (capacity > mapped)
		return "truncated";
	if (capacity % 8 || header % 8 || header < 128 || header > capacity)
		return "header-size";
	r->start = m;
	r->count = u32(m + 24);
	r->entry_size = u32(m + 28);
	if (r->entry_size < 96 || r->entry_size % 8)
		return "entry-size";
	r->directory = u64(m + 32);
	/* Two 32-bit numbers: the product cannot wrap. */
	if (r->directory % 8 ||
	    !section(header, r->directory, r->count * r->entry_size, capacity, &end))
		return "directory";
	r->strings = u64(m + 40);
	r->strings_len = u64(m + 48);
	if (!section(end, r->strings, r->strings_len, capacity, &end))
		return "strings";
	r->slots_len = u64(m + 72);
	for (int i = 0; i < 2; i++) {
		r->slots[i] = u64(m + 56 + 8 * i);
		if (r->slots[i] % 8 ||
		    !section(end, r->slots[i], r->slots_len, capacity, &end))
			return "slots";
	}
	r->protection = u32(m + 88);
	if (r->protection > 3)
		r->protection = 0;
	return NULL;
}

static const char *check_entry(const struct region *r, uint64_t index, struct entry *e)
{
	e->at = r->start + r->directory + index * r->entry_size;
	e->flags = u32(e->at + 64);
	if (e->flags & 0xffff0000u)
		return "entry-flags";
	for (int i = 0; i < 3; i++) {
		uint64_t offset = u32(e->at + 40 + 8 * i), len = u32(e->at + 44 + 8 * i);
		if (len && offset + len > r->strings_len)
			return "entry-text";
		e->text[i][0] = (uint32_t)offset;
		e->text[i][1] = (uint32_t)len;
	}
	e->prefix = 0;
	if (e->flags & 1) {
		if (!e->text[2][1])
			return "entry-variable";
		e->prefix = (uint64_t)e->text[2][1] + 1;
	}
	e->slot = u64(e->at + 8);
	e->capacity = u64(e->at + 16);
	if (e->slot % 8)
		return "entry-unaligned";
	if (e->slot < e->prefix || __builtin_add_overflow(e->slot, e->capacity, &e->end) ||
	    __builtin_add_overflow(e->end, 1, &e->end) || e->end > r->slots_len)
		return "entry-slot";
	e->begin = e->slot - e->prefix;
	return NULL;
}

static void print_hex(const unsigned char *p, uint64_t len)
{
	for (uint64_t i = 0; i < len; i++)
		printf("%02x", p[i]);
}

/* Copies the live value into `out`, which has room for the entry's capacity. */
static const char *read_value(const struct region *r, const struct entry *e, unsigned char *out,
			      uint64_t *version, uint64_t *len)
{
	for (int attempt = 0; attempt < 1000; attempt++) {
		*version = counter(e->at) >> 1;
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		unsigned live = *version & 1;
		*len = counter(e->at + 24 + 8 * live);
		bool fits = *len <= e->capacity;
		if (fits)
			memcpy(out, r->start + r->slots[live] + e->slot, *len);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (counter(e->at) >> 1 == *version)
			return fits ? NULL : "damaged";
	}
	return "contended";
}

static bool is_framed(const struct region *r, const struct entry *e, uint64_t version, uint64_t len)
{
	const unsigned char *value = r->start + r->slots[version & 1] + e->slot;
	const unsigned char *name = r->start + r->strings + e->text[2][0];
	return memcmp(value - e->prefix, name, e->text[2][1]) == 0 && value[-1] == '=' &&
	       value[len] == 0;
}

static void print_entry(const struct region *r, uint64_t index)
{
	static const char *const names[3] = { "reference", "path", "variable" };
	struct entry e;
	if (check_entry(r, index, &e))
		return;
	printf("entry %" PRIu64, index);
	for (int i = 0; i < 3; i++) {
		printf(" %s=", names[i]);
		print_hex(r->start + r->strings + e.text[i][0], e.text[i][1]);
	}
	unsigned char *value = malloc(e.capacity + 1);
	if (!value)
		exit(1);
	uint64_t version, len;
	const char *error = read_value(r, &e, value, &version, &len);
	if (error) {
		printf(" error=%s", error);
	} else {
		printf(" version=%" PRIu64 " value=%" PRIu64 ":", version, len);
		print_hex(value, len);
	}
	if (e.prefix && (error || !is_framed(r, &e, version, len)))
		printf(" environ=%s", error ? error : "damaged");
	else if (e.prefix)
		printf(" environ=%" PRIu64, r->slots[version & 1] + e.begin);
	printf("\n");
	free(value);
}

int main(int argc, char **argv)
{
	struct stat st;
	int fd = argc == 2 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
	if (fd < 0 || fstat(fd, &st) != 0) {
		fprintf(stderr, "usage: region_reader FILE\n");
		return 2;
	}
	struct region r;
	const unsigned char *m = NULL;
	if (st.st_size > 0) {
		m = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
		if (m == MAP_FAILED)
			return 1;
	}
	const char *error = open_header(&r, m, (uint64_t)st.st_size);
	if (error) {
		printf("error %s\n", error);
		return 0;
	}
	uint64_t taken = 0;
	for (uint64_t i = 0; i < r.count; i++) {
		struct entry e;
		error = check_entry(&r, i, &e);
		if (!error && e.begin < taken)
			error = "entry-overlap";
		if (error) {
			printf("error %s entry=%" PRIu64 "\n", error, i);
			return 0;
		}
		taken = e.end;
	}
	printf("region protection=%" PRIu32 " generation=%" PRIu64 " entries=%" PRIu64 "\n",
	       r.protection, counter(r.start + 80), r.count);
	for (uint64_t i = 0; i < r.count; i++)
		print_entry(&r, i);
	return 0;
}
