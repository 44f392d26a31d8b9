/*
 * JSON text (RFC 8259): bounded parsing, validation, merge, output.
 *
 * Values are kept as the text that was sent, white space between tokens
 * aside, so that no number is rounded and no escape rewritten.  Text is
 * accepted only where json-c and the scanner in
 * json_scan.c both find it valid: json-c lets pass some texts that RFC 8259
 * does not have (NaN, "-01", "1.", raw control characters in strings,
 * overlong UTF-8), and it cannot give the text of a number back.  A text of
 * more than 4,096 values is left to the scanner: json-c would take up to 800
 * bytes of memory for each.
 *
 * Refused: anything but well-formed UTF-8, nesting beyond the limit, the same
 * name twice in one object (compared after decoding escapes), a name with an
 * unpaired surrogate escape.  String *values* may hold any escape, \u0000 and
 * unpaired surrogates included; they come back as they were sent.
 */
#ifndef MARKBOOK_JSON_JSON_H
#define MARKBOOK_JSON_JSON_H

#include "base/buf.h"
#include "base/status.h"

/* Arrays and objects within each other in one value; a scalar has none. */
#define JSON_MAX_DEPTH 32

struct json_member {
	struct slice name; /* decoded */
	struct slice json; /* its value: compact text, valid by the rules above */
};

/* A parsed object.  Reusable: a parse drops the result of the one before. */
struct json_object_doc;

/* NULL where there is no memory. */
struct json_object_doc *json_doc_new(void);
void json_doc_free(struct json_object_doc *doc);

/*
 * Parse `text` as an object whose members' values are nested at most `depth`
 * deep; at most JSON_MAX_DEPTH + 1, as a dump has collections of records.
 * ST_OK; ST_BAD_JSON (malformed; `why` gives the byte offset, from 0);
 * ST_UNPROCESSABLE (valid JSON, but not an object, a name twice; or too deep,
 * and then the rest is not looked at); ST_NO_MEMORY.  After failure the document is empty.
 * `text` is not needed any more after the call.
 */
enum status json_parse_object(struct json_object_doc *doc, struct slice text, unsigned depth,
			      struct problem *why);

/*
 * The members in the order of the text; valid until the next parse or free.
 */
const struct json_member *json_members(const struct json_object_doc *doc, size_t *count);

/* What one value is, by its first byte; `json` is compact text that was accepted by a parse. */
bool json_is_object(struct slice json);
bool json_is_null(struct slice json);

/*
 * Append to `out` the result of the JSON Merge Patch `patch` on `target`
 * (RFC 7396, section 2); both compact text accepted by a parse.  A `target` of
 * { NULL, 0 } is an absent one.  Members keep the order of the target, new
 * ones follow in the order of the patch.  `patch` is not null here: the caller
 * removes what a null names.  ST_OK or ST_NO_MEMORY.
 */
enum status json_merge(struct buf *out, struct slice target, struct slice patch);

/* Append s as a JSON string with its quotes; s is well-formed UTF-8. */
void json_add_string(struct buf *out, struct slice s);

/* How far an indented text has come; zeroed at its beginning. */
struct json_indent {
	size_t depth;
	bool opened; /* the last token opened an object or array */
};

/*
 * Append a piece of compact text, of whole tokens, with line ends and an indent of two spaces.  The
 * line end after all of it is the caller's.
 */
void json_add_pretty(struct buf *out, struct slice compact, struct json_indent *at);

#endif
