/*
 * UTF-8 text (RFC 3629: no overlong forms, no surrogates).
 */
#ifndef MARKBOOK_BASE_UTF8_H
#define MARKBOOK_BASE_UTF8_H

#include "base/buf.h"

/*
 * The length in bytes of the first character of s; 0 where s is empty or does
 * not begin with a well-formed character.
 */
size_t utf8_first(struct slice s);

/* Whether all of s is well-formed UTF-8 (RFC 3629, section 4). */
bool utf8_valid(struct slice s);

/*
 * Whether the well-formed character at p is a control character: U+0000 to
 * U+001F or U+007F to U+009F.
 */
bool utf8_is_control(const char *p);

/*
 * Copy s to `out`, of `size` bytes, for people to read in a message.  The copy
 * ends with a NUL and takes at most `size` bytes.  A longer text is cut between
 * two characters and ends with "...".  Each control character, and each byte
 * that is not UTF-8, becomes '?'.
 */
void utf8_printable(char *out, size_t size, struct slice s);

#endif
