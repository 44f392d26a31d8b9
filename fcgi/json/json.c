#include "json/json.h"

#include <json-c/json.h>
#include <stdlib.h>

#include "json/scan.h"
#include "os/memory.h"

/*
 * json-c builds a tree, at a cost of up to 800 bytes and half a microsecond for
 * each value.  The scanner alone checks a text that has more values or is
 * longer than this, so that memory and time stay in proportion to its length.
 */
#define TREE_VALUES 4096
#define TREE_TEXT_MAX ((size_t)1 << 20)

/*
 * The most that json-c takes for a tree.  A value has a node, and a share of an
 * object's table while that grows.  Each name and each string may be there
 * twice.  The rest is json-c's locale.
 */
#define TREE_VALUE_BYTES 1024
#define TREE_TEXT_TIMES 4
#define TREE_OTHER_BYTES 16384

/*
 * JSON_MAX_DEPTH, the outermost object, the additional level of a dump, and two
 * levels that json-c does not use.
 */
#define TREE_DEPTH (JSON_MAX_DEPTH + 4)

struct json_object_doc {
	struct json_scan scan;
	struct json_tokener *tokener;
};

struct json_object_doc *
json_doc_new(void)
{
	struct json_object_doc *doc = calloc(1, sizeof(*doc));

	if (doc == NULL)
		return NULL;
	if (!json_scan_init(&doc->scan))
		goto no_scan;
	doc->tokener = json_tokener_new_ex(TREE_DEPTH);
	if (doc->tokener == NULL)
		goto no_tokener;
	/*
	 * JSON_TOKENER_STRICT of 0.18 refuses integers beyond 64 bits, and
	 * takes bytes from 0x80 up for control characters.  The scanner has
	 * already refused all that it is meant for.
	 */
	json_tokener_set_flags(doc->tokener, JSON_TOKENER_VALIDATE_UTF8);
	return doc;

no_tokener:
	json_scan_free(&doc->scan);
no_scan:
	free(doc);
	return NULL;
}

void
json_doc_free(struct json_object_doc *doc)
{
	if (doc == NULL)
		return;
	json_tokener_free(doc->tokener);
	json_scan_free(&doc->scan);
	free(doc);
}

/* Check that json-c, too, accepts `text` as an object. */
static enum status
check_tree(struct json_tokener *tokener, struct slice text, size_t values, struct problem *why)
{
	struct json_object *tree;
	enum json_tokener_error error;
	bool object;

	if (!memory_ready(TREE_OTHER_BYTES + values * TREE_VALUE_BYTES +
			  text.len * TREE_TEXT_TIMES))
		return ST_NO_MEMORY;
	json_tokener_reset(tokener);
	tree = json_tokener_parse_ex(tokener, text.data, (int)text.len);
	error = json_tokener_get_error(tokener);
	object = json_object_is_type(tree, json_type_object);
	json_object_put(tree);
	if (object)
		return ST_OK;
	if (error == json_tokener_error_depth)
		return problem_set(why, ST_UNPROCESSABLE, "A value is nested too deep");
	/* Neither an object nor an error: json-c got no memory for it. */
	if (error == json_tokener_success)
		return ST_NO_MEMORY;
	return problem_set(why, ST_BAD_JSON, "Body is not JSON");
}

enum status
json_parse_object(struct json_object_doc *doc, struct slice text, unsigned depth,
		  struct problem *why)
{
	struct json_scan *sc = &doc->scan;
	enum status st = json_scan_object(sc, text, depth, why);

	if (st == ST_OK && sc->values <= TREE_VALUES && sc->text.len <= TREE_TEXT_MAX)
		st = check_tree(doc->tokener, buf_slice(&sc->text), sc->values, why);
	if (st != ST_OK)
		sc->members.len = 0;
	return st;
}

const struct json_member *
json_members(const struct json_object_doc *doc, size_t *count)
{
	const struct buf *members = &doc->scan.members;

	*count = members->len / sizeof(struct json_member);
	return (const struct json_member *)(const void *)members->data;
}

bool
json_is_object(struct slice json)
{
	return json.len > 0 && json.data[0] == '{';
}

bool
json_is_null(struct slice json)
{
	return json.len > 0 && json.data[0] == 'n';
}

/* Append the escape of a character that needs one (RFC 8259, section 7). */
static void
add_escape(struct buf *out, char c)
{
	static const char escaped[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
	const char *found = c == '\0' ? NULL : strchr(escaped, c);

	if (found == NULL) {
		buf_addf(out, "\\u%04x", (unsigned)c);
		return;
	}
	buf_addc(out, '\\');
	buf_addc(out, letters[found - escaped]);
}

void
json_add_string(struct buf *out, struct slice s)
{
	size_t done = 0;

	buf_addc(out, '"');
	for (size_t i = json_scan_plain_words(s); i < s.len; i++) {
		if ((unsigned char)s.data[i] >= 0x20 && s.data[i] != '"' && s.data[i] != '\\')
			continue;
		buf_add(out, s.data + done, i - done);
		add_escape(out, s.data[i]);
		done = i + 1;
	}
	if (done < s.len)
		buf_add(out, s.data + done, s.len - done);
	buf_addc(out, '"');
}

static void
new_line(struct buf *out, size_t depth)
{
	buf_addc(out, '\n');
	while (depth-- > 0)
		buf_adds(out, "  ");
}

/* Append one byte from outside strings, with the white space around it. */
static void
add_spaced(struct buf *out, char c, struct json_indent *at)
{
	bool open = c == '{' || c == '[', close = c == '}' || c == ']';

	at->depth -= close;
	/* An empty object or array stays on one line. */
	if (at->opened != close)
		new_line(out, at->depth);
	at->opened = open;
	buf_addc(out, c);
	at->depth += open;
	if (c == ',')
		new_line(out, at->depth);
	if (c == ':')
		buf_addc(out, ' ');
}

void
json_add_pretty(struct buf *out, struct slice compact, struct json_indent *at)
{
	const char *p = compact.data, *end = p + compact.len;

	while (p < end) {
		const char *next = *p == '"' ? json_scan_string_end(p) : p + 1;

		if (*p != '"') {
			add_spaced(out, *p, at);
		} else {
			if (at->opened)
				new_line(out, at->depth);
			at->opened = false;
			buf_add(out, p, (size_t)(next - p));
		}
		p = next;
	}
}
