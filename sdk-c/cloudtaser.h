/* Reads the secret region (docs/region.md), for programs in C and what can include C.
 *
 * A start for other languages, not a library: it opens the region that the wrapper handed over
 * (cloudtaser run --delivery sdk), finds a value by its reference and copies it. It does not watch
 * rotations: every ct_read gives the value of that moment, whole. The copy is the caller's, to be
 * locked and wiped. Linux, gcc or clang. Define _GNU_SOURCE before the first include.
 */
#ifndef CLOUDTASER_H
#define CLOUDTASER_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

struct ct_region {
	const unsigned char *start;
	uint64_t count, entry_size, directory, strings, strings_len, slots[2], slots_len;
};

struct ct_entry {
	const unsigned char *at;
	uint64_t slot, capacity, begin, end, reference, reference_len;
};

static inline uint64_t ct_u64(const unsigned char *p)
{
	uint64_t n = 0;
	for (int i = 7; i >= 0; i--)
		n = n << 8 | p[i];
	return n;
}

static inline uint32_t ct_u32(const unsigned char *p)
{
	return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
}

/* A counter: one load for the whole number. */
static inline uint64_t ct_counter(const unsigned char *p)
{
	uint64_t n = __atomic_load_n((const uint64_t *)(const void *)p, __ATOMIC_RELAXED);
	unsigned char bytes[8];
	memcpy(bytes, &n, sizeof bytes);
	return ct_u64(bytes);
}

/* The end of a section, or false when it starts before `from`, wraps, or ends beyond `limit`. */
static inline bool ct_section(uint64_t from, uint64_t start, uint64_t len, uint64_t limit,
			      uint64_t *end)
{
	return start >= from && !__builtin_add_overflow(start, len, end) && *end <= limit;
}

static inline const char *ct_header(struct ct_region *r, const unsigned char *m, uint64_t mapped)
{
	mapped -= mapped % 8;
	if (mapped < 128)
		return "truncated";
	if (memcmp(m, "CTREGION", 8) != 0)
		return "magic";
	if ((m[8] | m[9] << 8) != 1)
		return "version";
	if (ct_u32(m + 92) & 0xffff0000u)
		return "flags";
	uint64_t capacity = ct_u64(m + 16), header = ct_u32(m + 12), end;
	if (capacity > mapped)
		return "truncated";
	if (capacity % 8 || header % 8 || header < 128 || header > capacity)
		return "header-size";
	r->start = m;
	r->count = ct_u32(m + 24);
	r->entry_size = ct_u32(m + 28);
	if (r->entry_size < 96 || r->entry_size % 8)
		return "entry-size";
	r->directory = ct_u64(m + 32);
	if (r->directory % 8 ||
	    !ct_section(header, r->directory, r->count * r->entry_size, capacity, &end))
		return "directory";
	r->strings = ct_u64(m + 40);
	r->strings_len = ct_u64(m + 48);
	if (!ct_section(end, r->strings, r->strings_len, capacity, &end))
		return "strings";
	r->slots_len = ct_u64(m + 72);
	for (int i = 0; i < 2; i++) {
		r->slots[i] = ct_u64(m + 56 + 8 * i);
		if (r->slots[i] % 8 || !ct_section(end, r->slots[i], r->slots_len, capacity, &end))
			return "slots";
	}
	return NULL;
}

static inline const char *ct_check(const struct ct_region *r, uint64_t index, struct ct_entry *e)
{
	e->at = r->start + r->directory + index * r->entry_size;
	uint32_t flags = ct_u32(e->at + 64);
	uint64_t prefix = 0;
	if (flags & 0xffff0000u)
		return "entry-flags";
	for (int i = 0; i < 3; i++) {
		uint64_t offset = ct_u32(e->at + 40 + 8 * i), len = ct_u32(e->at + 44 + 8 * i);
		if (len && offset + len > r->strings_len)
			return "entry-text";
		if (i == 0)
			e->reference = offset, e->reference_len = len;
		else if (i == 2 && (flags & 1) && !len)
			return "entry-variable";
		else if (i == 2 && (flags & 1))
			prefix = len + 1;
	}
	e->slot = ct_u64(e->at + 8);
	e->capacity = ct_u64(e->at + 16);
	if (e->slot % 8)
		return "entry-unaligned";
	if (e->slot < prefix || __builtin_add_overflow(e->slot, e->capacity, &e->end) ||
	    __builtin_add_overflow(e->end, 1, &e->end) || e->end > r->slots_len)
		return "entry-slot";
	e->begin = e->slot - prefix;
	return NULL;
}

/* Checks a region that is mapped at `m`. NULL, or the fault's name. */
static inline const char *ct_map(struct ct_region *r, const unsigned char *m, uint64_t mapped)
{
	const char *fault = ct_header(r, m, mapped);
	uint64_t taken = 0;
	for (uint64_t i = 0; !fault && i < r->count; i++) {
		struct ct_entry e;
		fault = ct_check(r, i, &e);
		if (!fault && e.begin < taken)
			fault = "entry-overlap";
		if (!fault)
			taken = e.end;
	}
	return fault;
}

/* Takes over the region of this process; call it once, before threads and children. NULL, or the
 * fault's name: "not-wrapped", "descriptor", or one of the page's. */
static inline const char *ct_open(struct ct_region *r)
{
	const char *text = getenv("CLOUDTASER_REGION_FD");
	if (!text)
		return "not-wrapped";
	int fd = atoi(text);
	unsetenv("CLOUDTASER_REGION_FD");
	struct stat st;
	struct statfs fs;
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 || fstat(fd, &st) != 0 || fstatfs(fd, &fs) != 0)
		return "descriptor";
	/* SECRETMEM_MAGIC; or F_GET_SEALS with F_SEAL_SHRINK. Else reading could end in SIGBUS. */
	int seals = fs.f_type == 0x5345434d ? 2 : fcntl(fd, 1034);
	if (seals < 0 || !(seals & 2))
		return "descriptor";
	void *m = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (m == MAP_FAILED || madvise(m, (size_t)st.st_size, MADV_DONTDUMP) != 0 ||
	    madvise(m, (size_t)st.st_size, MADV_DONTFORK) != 0)
		return "descriptor";
	return ct_map(r, m, (uint64_t)st.st_size);
}

/* Whether the entry's reference is `text`, or is it without its first "data/". */
static inline bool ct_is(const struct ct_region *r, const struct ct_entry *e, const char *text,
			 bool is_short)
{
	const char *own = (const char *)r->start + r->strings + e->reference;
	size_t own_len = e->reference_len, len = strlen(text);
	if (!is_short)
		return own_len == len && memcmp(own, text, len) == 0;
	const char *data = memmem(own, own_len, "/data/", 6);
	if (!data || own_len != len + 5 || own[0] == '$')
		return false;
	size_t before = (size_t)(data - own) + 1;
	return before <= len && memcmp(own, text, before) == 0 &&
	       memcmp(own + before + 5, text + before, len - before) == 0;
}

/* Copies the live value of `reference` ("secret/db#password"), of *len bytes, into `room`. NULL, or
 * "not-found", "room" (*len bytes are needed), "damaged", "contended". */
static inline const char *ct_read(const struct ct_region *r, const char *reference, void *room,
				  size_t size, size_t *len)
{
	struct ct_entry e;
	bool is_found = false;
	for (uint64_t i = 0; !is_found && i < 2 * r->count; i++)
		is_found = !ct_check(r, i % r->count, &e) && ct_is(r, &e, reference, i >= r->count);
	if (!is_found)
		return "not-found";
	for (int attempt = 0; attempt < 1000; attempt++) {
		uint64_t version = ct_counter(e.at) >> 1, live = version & 1;
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		uint64_t n = ct_counter(e.at + 24 + 8 * live);
		if (n <= e.capacity && n <= size)
			memcpy(room, r->start + r->slots[live] + e.slot, n);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (ct_counter(e.at) >> 1 != version)
			continue;
		*len = n;
		return n > e.capacity ? "damaged" : n > size ? "room" : NULL;
	}
	return "contended";
}

#endif
