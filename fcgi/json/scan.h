/*
 * A scanner for JSON text, exactly as RFC 8259 defines it.
 *
 * It checks the text and copies it without the white space between tokens.
 * Every token keeps its spelling.  Time and memory are linear in the text.
 */
#ifndef MARKBOOK_JSON_SCAN_H
#define MARKBOOK_JSON_SCAN_H

#include "json/json.h"
#include "json/names.h"

/* The result of a scan.  The struct owns it, and the next scan replaces it. */
struct json_scan {
	struct buf text; /* the compact text */
	/*
	 * struct json_member[] of the outermost object.  They point into `text`
	 * and `decoded`.
	 */
	struct buf members;
	struct buf decoded; /* the decoded names that have escapes */
	struct json_names names;
	size_t values; /* at all levels, with the outermost object */
};

/* Set up an empty struct.  Returns false if the system has no random key. */
bool json_scan_init(struct json_scan *sc);
void json_scan_free(struct json_scan *sc);

/*
 * Scan `text` as json_parse_object does, with the same limits and results.
 * After a failure the contents of *sc are undefined, but it can be reused.
 */
enum status json_scan_object(struct json_scan *sc, struct slice text, unsigned depth,
			     struct problem *why);

/*
 * Returns the end, behind the closing quote, of the string whose opening quote
 * is at p.  It lies in text that a scan accepted.
 */
const char *json_scan_string_end(const char *p);

/*
 * Whether all eight bytes at `at` are plain: ASCII that stands for itself in a
 * JSON string.
 */
static inline bool
json_scan_plain_word(const char *at)
{
	static const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
	uint64_t word, quote, backslash, found;

	memcpy(&word, at, sizeof(word));
	quote = word ^ ones * '"';
	backslash = word ^ ones * '\\';
	/* Subtracting n from a byte that is less than n sets its top bit. */
	found = word | (word - ones * 0x20) | ((quote - ones) & ~quote) |
		((backslash - ones) & ~backslash);
	return (found & tops) == 0;
}

/*
 * Returns a number of plain bytes at the front of s.  It is all of s if s is
 * plain and has at least eight bytes; else a multiple of eight.
 */
static inline size_t
json_scan_plain_words(struct slice s)
{
	size_t n = 0, word = sizeof(uint64_t);

	while (n + word <= s.len && json_scan_plain_word(s.data + n))
		n += word;
	/* The last word may overlap the one before. */
	return n > 0 && n + word > s.len && json_scan_plain_word(s.data + s.len - word) ? s.len : n;
}

#endif
