/*
 * JSON text (RFC 8259): bounded parsing, validation, merge, output.
 *
 * A value is kept as the text that was sent, without the white space between
 * tokens, so that no number is rounded and no escape rewritten.
 *
 * Two parsers check a text: the scanner of json/scan.h, and json-c.  json-c
 * alone is not enough.  It accepts some texts that RFC 8259 does not allow
 * (NaN, "-01", "1.", raw control characters in strings, overlong UTF-8), and it
 * cannot return the text of a number.  The scanner alone checks a text of more
 * than 4,096 values, or of more than 1 MiB when compact: json-c would take up
 * to 800 bytes of memory for each value.
 *
 * A text is refused if it is not well-formed UTF-8, is nested beyond the limit,
 * has the same name twice in one object (compared after decoding escapes), or
 * has a name with an unpaired surrogate escape.  String *values* may hold any
 * escape, also \u0000 and unpaired surrogates.  They come back as they were
 * sent.
 */
#ifndef MARKBOOK_JSON_JSON_H
#define MARKBOOK_JSON_JSON_H

#include "base/buf.h"
#include "base/status.h"

/* How deep arrays and objects nest in one value; a scalar has depth 0. */
#define JSON_MAX_DEPTH 32

struct json_member {
	struct slice name; /* decoded */
	struct slice json; /* the value: compact, valid by the rules above */
};

/* A parsed object.  It can be reused: each parse replaces the last result. */
struct json_object_doc;

/* Returns an empty document, or NULL without memory or a random key. */
struct json_object_doc *json_doc_new(void);

/* Free the document; doc may be NULL. */
void json_doc_free(struct json_object_doc *doc);

/*
 * Parse `text` as an object whose members' values are nested at most `depth`
 * deep.  `depth` is at most JSON_MAX_DEPTH + 1: a dump has one more level, as
 * it holds collections of records.  The document copies what it needs of
 * `text`.  `why` may be NULL.
 *
 * Returns ST_OK; ST_BAD_JSON for a malformed text, and `why` then gives the
 * byte offset, from 0; ST_UNPROCESSABLE for JSON that is not an object, is
 * nested too deep (the rest is then not read), or has a name that is refused;
 * or ST_NO_MEMORY.  After a failure the document is empty.
 */
enum status json_parse_object(struct json_object_doc *doc, struct slice text, unsigned depth,
			      struct problem *why);

/*
 * Returns the members in the order of the text, and sets *count.  They belong
 * to the document, and are valid until its next parse or free.
 */
const struct json_member *json_members(const struct json_object_doc *doc, size_t *count);

/* Tell the type of a value.  `json` is compact text that a parse accepted. */
bool json_is_object(struct slice json);
bool json_is_null(struct slice json);

/*
 * Append to `out` the result of applying the JSON Merge Patch `patch` to
 * `target` (RFC 7396, section 2).  Both are compact text that a parse accepted.
 * A `target` of { NULL, 0 } is absent.  The members keep the order of the
 * target; new ones follow in the order of the patch.  `patch` itself is not
 * null: the caller removes what a null names.  Returns ST_OK, or ST_NO_MEMORY;
 * `out` may then hold a part of the result.
 */
enum status json_merge(struct buf *out, struct slice target, struct slice patch);

/* Append s as a JSON string in quotes; s is well-formed UTF-8. */
void json_add_string(struct buf *out, struct slice s);

/* The state of an indented text between two pieces; zeroed before the first. */
struct json_indent {
	size_t depth;
	bool opened; /* the last token opened an object or array */
};

/*
 * Append a piece of compact text, indented by two spaces a level.  A piece ends
 * between two tokens.  The caller adds the line end after the last piece.
 */
void json_add_pretty(struct buf *out, struct slice compact, struct json_indent *at);

#endif
