#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const texts[ST_COUNT] = {
    [ST_OK] = "OK",
    [ST_CREATED] = "Created",
    [ST_NOT_MODIFIED] = "Not modified",
    [ST_BAD_REQUEST] = "Bad request",
    [ST_BAD_NAME] = "Not a valid name",
    [ST_BAD_JSON] = "Not JSON",
    [ST_BAD_LENGTH] = "Body is not as long as announced",
    [ST_NOT_FOUND] = "Not found",
    [ST_NO_COLLECTION] = "Collection not found",
    [ST_BAD_METHOD] = "Method not allowed",
    [ST_EXISTS] = "Collection already exists",
    [ST_PRECONDITION] = "Precondition failed",
    [ST_TOO_LARGE] = "Body is too large",
    [ST_BAD_TYPE] = "Content-Type not supported",
    [ST_BAD_CODING] = "Content-Encoding not supported",
    [ST_UNPROCESSABLE] = "Body is not what this request takes",
    [ST_NO_NEW] = "Body has no member \"new\"",
    [ST_RESERVED_NAME] = "Collection name is reserved",
    [ST_FULL] = "Store is full",
    [ST_NO_MEMORY] = "Out of memory",
    [ST_BUSY] = "Service is busy",
    [ST_IO] = "Store failed",
    [ST_UNAVAILABLE] = "Store cannot be written",
    [ST_STORE_FOREIGN] = "Not a Markbook store",
    [ST_STORE_DAMAGED] = "Store is damaged",
    [ST_STORE_FORMAT] = "Store is in another format",
    [ST_STORE_SPACE] = "No room for a store of this size",
    [ST_STORE_ACCESS] = "Store cannot be opened",
};

const char *
status_text(enum status s)
{
	return texts[s];
}

/* The length of a UTF-8 sequence, as its first byte tells it. */
static size_t
sequence_length(unsigned char first)
{
	if (first < 0xC0)
		return 1;
	if (first < 0xE0)
		return 2;
	return first < 0xF0 ? 3 : 4;
}

/* Remove a last UTF-8 sequence that was cut. */
static void
drop_partial_sequence(char *text)
{
	size_t len = strlen(text), at = len;

	while (at > 0 && ((unsigned char)text[at - 1] & 0xC0) == 0x80)
		at--;
	if (at > 0 && at - 1 + sequence_length((unsigned char)text[at - 1]) > len)
		text[at - 1] = '\0';
}

enum status
problem_set(struct problem *p, enum status s, const char *fmt, ...)
{
	va_list args;
	int len;

	if (p == NULL)
		return s;
	va_start(args, fmt);
	len = vsnprintf(p->detail, sizeof(p->detail), fmt, args);
	va_end(args);
	if (len < 0)
		p->detail[0] = '\0';
	else if ((size_t)len >= sizeof(p->detail))
		drop_partial_sequence(p->detail);
	return s;
}
