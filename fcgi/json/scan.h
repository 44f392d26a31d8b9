/*
 * A scanner for JSON text, exactly as RFC 8259 has it.
 *
 * It checks the text and writes it out again without the white space between
 * tokens, every token as it was spelt.  Time and memory are linear in the text.
 */
#ifndef MARKBOOK_JSON_SCAN_H
#define MARKBOOK_JSON_SCAN_H

#include "json/json.h"
#include "json/names.h"

/* What was found; all of it belongs to the struct and is reused by the next scan. */
struct json_scan {
	struct buf text; /* compact */
	struct buf
	    members; /* struct json_member[] of the outermost object, pointing into the others */
	struct buf decoded; /* names that had escapes */
	struct json_names names;
	size_t values; /* in the text, at all levels, the outermost included */
};

/* False where there is no memory or no random key. */
bool json_scan_init(struct json_scan *sc);
void json_scan_free(struct json_scan *sc);

/* Results and promises of json_parse_object; on failure the contents of *sc are undefined. */
enum status json_scan_object(struct json_scan *sc, struct slice text, unsigned depth,
			     struct problem *why);

/* The end of the string whose opening quote is at p, in text that was accepted. */
const char *json_scan_string_end(const char *p);

/* Whether each of eight bytes is ASCII that stands for itself in a string. */
static inline bool
json_scan_plain_word(const char *at)
{
	static const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
	uint64_t word, quote, backslash, found;

	memcpy(&word, at, sizeof(word));
	quote = word ^ ones * '"';
	backslash = word ^ ones * '\\';
	/* A byte that is less than n borrows from its top bit when n is taken away. */
	found = word | (word - ones * 0x20) | ((quote - ones) & ~quote) |
		((backslash - ones) & ~backslash);
	return (found & tops) == 0;
}

/* How many bytes at the front are such, at least as far as whole words are. */
static inline size_t
json_scan_plain_words(struct slice s)
{
	size_t n = 0, word = sizeof(uint64_t);

	while (n + word <= s.len && json_scan_plain_word(s.data + n))
		n += word;
	/* The last word may begin within the one before. */
	return n > 0 && n + word > s.len && json_scan_plain_word(s.data + s.len - word) ? s.len : n;
}

#endif
