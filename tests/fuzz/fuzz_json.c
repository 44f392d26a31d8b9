/*
 * Bodies: the scanner, json-c behind it, and what becomes of a text that both
 * take.  Jansson, which keeps to RFC 8259 more closely than json-c does, gives
 * a third opinion.
 */
#include "fuzz.h"

#include <jansson.h>
/* Names that json.h has functions of. */
#undef json_is_object
#undef json_is_null

#include "base/utf8.h"
#include "content/edits.h"
#include "json/scan.h"

/*
 * Jansson's opinion; NULL where it holds the text for wrong, or cannot keep
 * what RFC 8259 allows: a large number, a NUL in a name, half a surrogate pair.
 * Then *limits is true.
 */
static json_t *
load(struct slice text, bool *limits)
{
	json_error_t error;
	json_t *tree = json_loadb(text.data, text.len, JSON_ALLOW_NUL | JSON_DECODE_ANY, &error);

	*limits = tree == NULL && (json_error_code(&error) == json_error_numeric_overflow ||
				   json_error_code(&error) == json_error_null_byte_in_key ||
				   strstr(error.text, "invalid Unicode") != NULL);
	return tree;
}

/* The text without the white space between its tokens. */
static void
squeeze(struct buf *out, struct slice text)
{
	bool inside = false;

	for (size_t i = 0; i < text.len; i++) {
		char c = text.data[i];

		if (!inside && (c == ' ' || c == '\t' || c == '\r' || c == '\n'))
			continue;
		buf_addc(out, c);
		if (inside && c == '\\')
			buf_addc(out, text.data[++i]);
		else if (c == '"')
			inside = !inside;
	}
}

/* A name given out as a string and read again is the same. */
static void
check_name(struct slice name)
{
	struct buf string = {0}, decoded = {0};

	must(utf8_valid(name));
	json_add_string(&string, name);
	must(string.len >= 2 && json_scan_string_end(string.data) == string.data + string.len);
	must(json_names_decode(&decoded, (struct slice){string.data + 1, string.len - 2}));
	must(slice_eq(buf_slice(&decoded), name));
	buf_free(&string);
	buf_free(&decoded);
}

static void
check_members(const struct json_member *m, size_t count, const json_t *tree, struct buf *again)
{
	buf_addc(again, '{');
	for (size_t i = 0; i < count; i++) {
		check_name(m[i].name);
		if (tree != NULL)
			must(json_object_getn(tree, m[i].name.data, m[i].name.len) != NULL);
		for (size_t j = 0; j < i && count < 64; j++)
			must(!slice_eq(m[i].name, m[j].name));
		must(m[i].json.len > 0);
		if (i > 0)
			buf_addc(again, ',');
		json_add_string(again, m[i].name);
		buf_addc(again, ':');
		buf_add_slice(again, m[i].json);
	}
	buf_addc(again, '}');
	must(tree == NULL || json_object_size(tree) == count);
}

/* What was taken once is taken again, and comes back as it is. */
static void
check_scan(struct slice text, struct slice compact)
{
	struct json_scan sc;

	must(json_scan_init(&sc));
	must(json_scan_object(&sc, text, JSON_MAX_DEPTH, NULL) == ST_OK);
	must(slice_eq(buf_slice(&sc.text), compact));
	json_scan_free(&sc);
}

/* In one piece, and token by token: that makes no difference. */
static void
add_pretty(struct buf *out, struct slice compact)
{
	struct json_indent whole = {0}, pieces = {0};
	struct buf again = {0};

	json_add_pretty(out, compact, &whole);
	while (compact.len > 0) {
		size_t n = 1;

		if (compact.data[0] == '"')
			n = (size_t)(json_scan_string_end(compact.data) - compact.data);
		else if (strchr("{}[],:", compact.data[0]) == NULL)
			while (n < compact.len && strchr("{}[],:", compact.data[n]) == NULL)
				n++;
		json_add_pretty(&again, fuzz_take(&compact, n), &pieces);
	}
	must(slice_eq(buf_slice(&again), buf_slice(out)));
	buf_free(&again);
}

static void
check_taken(struct json_object_doc *doc, struct slice text, const json_t *tree)
{
	struct buf compact = {0}, again = {0}, pretty = {0};
	const struct json_member *m;
	bool limits;
	json_t *second;
	size_t count;

	squeeze(&compact, text);
	check_scan(text, buf_slice(&compact));
	check_scan(buf_slice(&compact), buf_slice(&compact));
	add_pretty(&pretty, buf_slice(&compact));
	check_scan(buf_slice(&pretty), buf_slice(&compact));
	m = json_members(doc, &count);
	check_members(m, count, tree, &again);
	second = load(buf_slice(&again), &limits);
	must((tree == NULL) == (second == NULL));
	must(tree == NULL || json_equal(tree, second));
	json_decref(second);
	buf_free(&compact);
	buf_free(&again);
	buf_free(&pretty);
}

/* Both the scanner and json-c against Jansson. */
static enum status
check_text(struct slice text)
{
	struct json_object_doc *doc = json_doc_new();
	struct problem why = {""};
	bool limits;
	json_t *tree = load(text, &limits);
	struct json_scan sc;
	enum status scanned, st;

	must(doc != NULL && json_scan_init(&sc));
	scanned = json_scan_object(&sc, text, JSON_MAX_DEPTH, &why);
	if (scanned != ST_OK)
		fuzz_check_problem(&why);
	json_scan_free(&sc);
	st = json_parse_object(doc, text, JSON_MAX_DEPTH, &why);
	/* Nothing that the scanner takes is news to json-c. */
	must(st == scanned);
	switch (st) {
	case ST_OK:
		must(tree != NULL ? json_typeof(tree) == JSON_OBJECT : limits);
		check_taken(doc, text, tree);
		break;
	case ST_BAD_JSON:
		/* Jansson passes over a NUL between tokens. */
		must(tree == NULL || memchr(text.data, '\0', text.len) != NULL);
		break;
	default:
		must(st == ST_UNPROCESSABLE);
		break;
	}
	json_decref(tree);
	json_doc_free(doc);
	return st;
}

static void
check_edits(struct slice text, enum status parsed)
{
	struct edits e = {0};
	struct problem why = {""};
	enum status st = edits_from_records(&e, text, &why);

	must(st == parsed || (parsed == ST_OK && st == ST_UNPROCESSABLE));
	if (st != ST_OK)
		fuzz_check_problem(&why);
	for (size_t i = 0; st == ST_OK && i < e.count; i++)
		must(name_check(e.list[i].name, ST_BAD_NAME, NULL) == ST_OK &&
		     e.list[i].json.len > 0);
	must(edits_from_patch(&e, text, &why) == st);
	for (size_t i = 0; st == ST_OK && i < e.count; i++)
		must(e.list[i].json.data == NULL || !json_is_null(e.list[i].json));
	st = edits_from_new(&e, text, SLICE("r"), &why);
	must(st == ST_NO_NEW || st == ST_UNPROCESSABLE || st == parsed);
	must(st != ST_OK || (e.count == 1 && e.list[0].json.len > 0));
	edits_free(&e);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = {(const char *)data, size};

	check_edits(text, check_text(text));
	return 0;
}
