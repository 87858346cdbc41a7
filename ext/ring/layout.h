/* The ring's bytes in its memfd, shared by one writer and any number of readers in any process.
 *
 *   page 0        struct ring_header
 *   STAGING       a ring of its own: bytes taken from a pipe and not yet cut into records
 *   capacity      a power of two: records, each 8-aligned: struct ring_record, then its bytes
 *
 * `next` is the only commit: it counts records, and slot[next & 1] holds what else became true with it. Whoever dies before
 * that store has changed nothing; a slot is rewritten only after a later commit has made it stale. `tail` moves before
 * the bytes behind it are overwritten, so a reader that copied and then finds the tail beyond its place knows. */
#ifndef ICHOR_RING_LAYOUT_H
#define ICHOR_RING_LAYOUT_H
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#define RING_MAGIC 0x31676e6972686369ULL /* "ichring1"; another format takes another */
#define RING_HEADER 4096u
#define RING_STAGING 32768u
#define RING_PIECE 16384u /* the longest line kept whole; a longer one becomes several records */
#define RING_FILL 0xfe    /* never part of UTF-8: what staging holds where a read has not yet landed */

struct ring_slot {
	uint64_t head;  /* end of the newest record, in bytes since the ring was made */
	uint64_t taken; /* staging bytes that are in records */
};

struct ring_header {
	uint64_t magic, capacity;
	uint64_t tail; /* start of the oldest record */
	uint64_t next; /* sequence of the record to come */
	struct ring_slot slot[2];
	uint64_t staged; /* staging bytes that have arrived */
	uint64_t intent; /* where staged would be once the read(2) under way has landed */
};

struct ring_record {
	uint64_t sequence, time;
	uint32_t length, zero;
};

static inline uint64_t ring_load(const uint64_t *p) { return __atomic_load_n(p, __ATOMIC_ACQUIRE); }
static inline void ring_store(uint64_t *p, uint64_t v) { __atomic_store_n(p, v, __ATOMIC_RELEASE); }
static inline void ring_fence(void) { __atomic_thread_fence(__ATOMIC_ACQ_REL); }
static inline uint64_t ring_need(uint64_t length) { return (sizeof(struct ring_record) + length + 7) & ~7ULL; }

static inline uint64_t ring_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Maps `length` bytes of fd at `offset` twice in a row, so that nothing in it ever wraps. */
static inline void *ring_twice(int fd, size_t offset, size_t length, int prot)
{
	char *p = mmap(NULL, 2 * length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return NULL;
	for (int i = 0; i < 2; i++)
		if (mmap(p + i * length, length, prot, MAP_SHARED | MAP_FIXED, fd, (off_t)offset) == MAP_FAILED) {
			munmap(p, 2 * length);
			return NULL;
		}
	return p;
}

/* A consistent pair of next and head, whatever the writer does meanwhile. */
static inline uint64_t ring_newest(const struct ring_header *h, uint64_t *head)
{
	for (;;) {
		uint64_t next = ring_load(&h->next);
		*head = ring_load(&h->slot[next & 1].head);
		ring_fence();
		if (ring_load(&h->next) == next)
			return next;
	}
}

/* Drops the oldest records until `need` bytes fit behind head, before anything is overwritten. 0, or -1 if damaged. */
static inline int ring_evict(struct ring_header *h, const char *data, uint64_t head, uint64_t need)
{
	uint64_t tail = h->tail;
	if (head + need - tail <= h->capacity)
		return 0;
	while (head + need - tail > h->capacity) {
		const struct ring_record *r = (const void *)(data + (tail & (h->capacity - 1)));
		uint64_t step = ring_need(r->length);
		if (tail >= head || step > head - tail)
			return -1;
		tail += step;
	}
	ring_store(&h->tail, tail);
	ring_fence();
	return 0;
}

/* Writes and commits one record. The caller has checked that it can fit. 0, or -1 if the ring is damaged. */
static inline int ring_append(struct ring_header *h, char *data, const char *bytes, uint32_t length, uint64_t time,
			      uint64_t taken)
{
	uint64_t next = h->next, head = h->slot[next & 1].head, need = ring_need(length);
	if (ring_evict(h, data, head, need) < 0)
		return -1;
	struct ring_record *r = (void *)(data + (head & (h->capacity - 1)));
	*r = (struct ring_record){ .sequence = next, .time = time, .length = length };
	memcpy(r + 1, bytes, length);
	h->slot[(next + 1) & 1] = (struct ring_slot){ .head = head + need, .taken = taken };
	ring_store(&h->next, next + 1);
	return 0;
}

/* Cuts what is staged into lines, each with its newline; a line longer than `piece` into several. With `flush` the rest goes too.
 * The number of records made, or -1 if the ring is damaged. */
static inline long ring_cut(struct ring_header *h, char *data, const char *staging, int flush)
{
	uint64_t piece = h->capacity / 4 < RING_PIECE ? h->capacity / 4 : RING_PIECE, now = ring_now();
	long made = 0;
	for (;; made++) {
		uint64_t taken = h->slot[h->next & 1].taken, rest = h->staged - taken;
		const char *start = staging + (taken & (RING_STAGING - 1));
		const char *newline = memchr(start, '\n', rest < piece ? rest : piece);
		uint64_t length = newline ? (uint64_t)(newline - start) + 1 : rest >= piece ? piece : flush ? rest : 0;
		if (!length)
			return made;
		if (ring_append(h, data, start, (uint32_t)length, now, taken + length) < 0)
			return -1;
	}
}

/* One read(2) from fd into staging. What it returned, with errno. The bytes land in the memfd, so a death right after the kernel has
 * copied them loses nothing: ring_recover finds them by what they have overwritten. */
static inline ssize_t ring_fill(struct ring_header *h, char *staging, int fd)
{
	uint64_t staged = h->staged, space = RING_STAGING - (staged - h->slot[h->next & 1].taken);
	int available = 0;
	if (ioctl(fd, FIONREAD, &available) < 0)
		return -1;
	uint64_t want = available < 1 ? 1 : (uint64_t)available;
	if (want > space)
		want = space;
	char *place = staging + (staged & (RING_STAGING - 1));
	memset(place, RING_FILL, want);
	ring_store(&h->intent, staged + want);
	ssize_t got = read(fd, place, want);
	if (got > 0)
		ring_store(&h->staged, staged + (uint64_t)got);
	ring_store(&h->intent, 0);
	return got;
}

/* Takes in what a read under way at the last writer's death had brought. */
static inline void ring_recover(struct ring_header *h, const char *staging)
{
	uint64_t staged = h->staged, end = h->intent;
	while (end > staged && (unsigned char)staging[(end - 1) & (RING_STAGING - 1)] == RING_FILL)
		end--;
	if (end > staged)
		ring_store(&h->staged, end);
	ring_store(&h->intent, 0);
}

/* Whether a header and the chain of records it points to can be trusted by a new writer. */
static inline int ring_sound(const struct ring_header *h, const char *data)
{
	const struct ring_slot *slot = &h->slot[h->next & 1];
	uint64_t at = h->tail, sequence = 0;
	int any = 0;
	if (slot->head - at > h->capacity || slot->head < at || h->staged - slot->taken > RING_STAGING ||
	    (h->intent && h->intent - slot->taken > RING_STAGING))
		return 0;
	for (; at < slot->head; any = 1) {
		const struct ring_record *r = (const void *)(data + (at & (h->capacity - 1)));
		if (ring_need(r->length) > slot->head - at || (any && r->sequence != sequence + 1))
			return 0;
		sequence = r->sequence;
		at += ring_need(r->length);
	}
	return at == slot->head && (!any || sequence + 1 == h->next);
}
#endif
