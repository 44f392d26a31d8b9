#include "json/names.h"

#include <sys/random.h>

/* Up to so many names, comparing all pairs is faster than hashing. */
#define FEW_NAMES 8

/*
 * A Mersenne prime.  A name is a polynomial over its field; the value at a
 * random point is a universal hash.
 */
#define PRIME ((UINT64_C(1) << 61) - 1)

bool
json_names_init(struct json_names *n)
{
	uint64_t key;

	if (getrandom(&key, sizeof(key), 0) != (ssize_t)sizeof(key))
		return false;
	*n = (struct json_names){.key = 1 + key % (PRIME - 1)};
	return true;
}

void
json_names_free(struct json_names *n)
{
	buf_free(&n->open);
	buf_free(&n->table);
}

void
json_names_reset(struct json_names *n, size_t keep)
{
	buf_reset(&n->open, keep);
	buf_reset(&n->table, keep);
}

size_t
json_names_begin(const struct json_names *n)
{
	return n->open.len;
}

void
json_names_add(struct json_names *n, struct slice name)
{
	buf_add(&n->open, &name, sizeof(name));
}

/* Returns h * key + word in the field. */
static uint64_t
hash_step(uint64_t h, uint64_t key, uint64_t word)
{
	unsigned __int128 product = (unsigned __int128)h * key + word;
	uint64_t sum = (uint64_t)(product & PRIME) + (uint64_t)(product >> 61);

	return sum >= PRIME ? sum - PRIME : sum;
}

static uint64_t
hash_name(uint64_t key, struct slice name)
{
	uint64_t h = name.len;

	/* A word has seven bytes, so that it is smaller than the prime. */
	for (size_t at = 0; at < name.len; at += 7) {
		uint64_t word = 0;

		memcpy(&word, name.data + at, name.len - at < 7 ? name.len - at : 7);
		h = hash_step(h, key, word);
	}
	return hash_step(h, key, 0);
}

static enum status
compare_each(const struct slice *names, size_t count, struct slice *twice)
{
	for (size_t i = 1; i < count; i++) {
		for (size_t j = 0; j < i; j++) {
			if (slice_eq(names[i], names[j])) {
				*twice = names[i];
				return ST_UNPROCESSABLE;
			}
		}
	}
	return ST_OK;
}

static enum status
compare_hashed(struct json_names *n, const struct slice *names, size_t count, struct slice *twice)
{
	size_t buckets = FEW_NAMES;
	/*
	 * Chains of names with the same hash: the first name of each chain, and
	 * the next name after each name.  Names count from 1; 0 ends a chain.
	 */
	uint32_t *head, *next;

	if (count >= UINT32_MAX)
		return ST_NO_MEMORY;
	while (buckets < count)
		buckets *= 2;
	if (!buf_reserve(&n->table, (buckets + count + 1) * sizeof(uint32_t)))
		return ST_NO_MEMORY;
	head = (uint32_t *)(void *)n->table.data;
	next = head + buckets;
	memset(head, 0, buckets * sizeof(*head));
	for (uint32_t i = 1; i <= count; i++) {
		struct slice name = names[i - 1];
		uint32_t *chain = &head[hash_name(n->key, name) & (buckets - 1)];

		for (uint32_t j = *chain; j != 0; j = next[j]) {
			if (slice_eq(names[j - 1], name)) {
				*twice = name;
				return ST_UNPROCESSABLE;
			}
		}
		next[i] = *chain;
		*chain = i;
	}
	return ST_OK;
}

enum status
json_names_end(struct json_names *n, size_t mark, struct slice *twice)
{
	const struct slice *names;
	size_t count;

	if (n->open.failed)
		return ST_NO_MEMORY;
	count = (n->open.len - mark) / sizeof(*names);
	if (count < 2) {
		n->open.len = mark;
		return ST_OK;
	}
	names = (const struct slice *)(void *)(n->open.data + mark);
	n->open.len = mark;
	if (count <= FEW_NAMES)
		return compare_each(names, count, twice);
	return compare_hashed(n, names, count, twice);
}

/* The value of four hex digits; the scanner has checked them. */
static uint32_t
hex4(const char *p)
{
	uint32_t value = 0;

	for (int i = 0; i < 4; i++) {
		int digit = p[i] <= '9' ? p[i] - '0' : (p[i] | 0x20) - 'a' + 10;

		value = value << 4 | (uint32_t)digit;
	}
	return value;
}

static void
add_utf8(struct buf *out, uint32_t c)
{
	char bytes[4];
	size_t n = 0;

	if (c < 0x80) {
		bytes[n++] = (char)c;
	} else if (c < 0x800) {
		bytes[n++] = (char)(0xC0 | c >> 6);
	} else if (c < 0x10000) {
		bytes[n++] = (char)(0xE0 | c >> 12);
		bytes[n++] = (char)(0x80 | (c >> 6 & 0x3F));
	} else {
		bytes[n++] = (char)(0xF0 | c >> 18);
		bytes[n++] = (char)(0x80 | (c >> 12 & 0x3F));
		bytes[n++] = (char)(0x80 | (c >> 6 & 0x3F));
	}
	if (c >= 0x80)
		bytes[n++] = (char)(0x80 | (c & 0x3F));
	buf_add(out, bytes, n);
}

/*
 * Append the character of the \u escape, or surrogate pair of escapes, at p.
 * Returns the length of the escapes, or 0 for an unpaired surrogate.
 */
static size_t
decode_unicode(struct buf *out, const char *p, size_t len)
{
	uint32_t c = hex4(p + 2), low;

	if (c < 0xD800 || c > 0xDFFF) {
		add_utf8(out, c);
		return 6;
	}
	if (c > 0xDBFF || len < 12 || p[6] != '\\' || p[7] != 'u')
		return 0;
	low = hex4(p + 8);
	if (low < 0xDC00 || low > 0xDFFF)
		return 0;
	add_utf8(out, 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00));
	return 12;
}

bool
json_names_decode(struct buf *out, struct slice inside)
{
	static const char escapes[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
	const char *p = inside.data, *end = p + inside.len;

	while (p < end) {
		const char *slash = memchr(p, '\\', (size_t)(end - p));
		size_t used = 2;

		if (slash == NULL)
			slash = end;
		buf_add(out, p, (size_t)(slash - p));
		if (slash == end)
			break;
		if (slash[1] == 'u')
			used = decode_unicode(out, slash, (size_t)(end - slash));
		else
			buf_addc(out, meanings[strchr(escapes, slash[1]) - escapes]);
		if (used == 0)
			return false;
		p = slash + used;
	}
	return true;
}
