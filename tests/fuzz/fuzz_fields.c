/*
 * Header fields and query strings.  The first byte of the input chooses which;
 * an expression of the C library's has the second opinion on lists of entity
 * tags.
 */
#include "fuzz.h"

#include <fcntl.h>
#include <regex.h>
#include <unistd.h>

#include "base/log.h"
#include "http/etag.h"
#include "http/percent.h"
#include "http/request.h"
#include "http/route.h"
#include "json/scan.h"

#define TAG "(W/)?\"[\x21\x23-\x7e\x80-\xff]*\""
#define BLANKS "[ \t]*"

/*
 * RFC 9110, sections 8.8.3 and 5.6.1.2: one tag at least, empty elements around
 * and between.
 */
static bool
is_tag_list(const char *text)
{
	static regex_t expression;
	static bool compiled;

	if (!compiled)
		must(regcomp(&expression, "^[ \t,]*" TAG "(" BLANKS ",[ \t,]*" TAG ")*[ \t,]*$",
			     REG_EXTENDED | REG_NOSUB) == 0);
	compiled = true;
	return regexec(&expression, text, 0, NULL, 0) == 0;
}

static bool
contains(struct slice text, const char *part)
{
	return text.len > 0 && memmem(text.data, text.len, part, strlen(part)) != NULL;
}

/*
 * With its tag at either end, a list matches; with a weak one, only where weak
 * ones may.
 */
static void
check_match(struct slice list)
{
	struct buf b = {0};
	struct etag tag;
	bool has_it;

	etag_make(&tag, 1, 2);
	has_it = contains(list, tag.text);
	buf_add_slice(&b, list);
	buf_adds(&b, ",W/");
	buf_adds(&b, tag.text);
	must(etag_check_list(buf_slice(&b), "If-Match", NULL) == ST_OK);
	if (!has_it)
		must(etag_evaluate(buf_slice(&b), (struct slice){NULL, 0}, &tag, true) ==
		     ST_PRECONDITION);
	must(etag_evaluate((struct slice){NULL, 0}, buf_slice(&b), &tag, true) == ST_NOT_MODIFIED);
	must(etag_evaluate((struct slice){NULL, 0}, buf_slice(&b), &tag, false) == ST_PRECONDITION);
	must(etag_evaluate((struct slice){NULL, 0}, buf_slice(&b), NULL, false) == ST_OK);
	buf_reset(&b, 0);
	buf_adds(&b, tag.text);
	buf_addc(&b, ',');
	buf_add_slice(&b, list);
	must(etag_evaluate(buf_slice(&b), (struct slice){NULL, 0}, &tag, false) == ST_OK);
	must(etag_evaluate(buf_slice(&b), (struct slice){NULL, 0}, NULL, false) == ST_PRECONDITION);
	buf_free(&b);
}

/* Fields come as strings: there is no NUL in them. */
static void
check_tags(struct slice text)
{
	struct problem why = {""};
	struct buf string = {0};
	bool any = slice_eq(slice_trim(text), SLICE("*"));
	bool list;

	buf_add_slice(&string, text);
	buf_addc(&string, '\0');
	list = is_tag_list(string.data);
	must((etag_check_list(text, "If-Match", &why) == ST_OK) == (list || any));
	if (list)
		check_match(text);
	else if (!any)
		fuzz_check_problem(&why);
	buf_free(&string);
}

static bool
prefers_minimal(const char *before, struct slice text)
{
	struct request r = {0};
	struct buf b = {0};
	bool minimal;

	buf_adds(&b, before);
	buf_add_slice(&b, text);
	r.prefer = buf_slice(&b);
	minimal = request_prefers_minimal(&r);
	buf_free(&b);
	return minimal;
}

static void
check_prefer(struct slice text)
{
	static const char word[] = "return";
	bool has_it = false;

	for (size_t i = 0; i + sizeof(word) - 1 <= text.len; i++)
		has_it = has_it || slice_eq_nocase((struct slice){text.data + i, sizeof(word) - 1},
						   slice_str(word));
	must(has_it || !prefers_minimal("", text));
	must(prefers_minimal("return=minimal,", text));
	must(prefers_minimal("wait=5 ,\tReturn = \"minimal\";x,", text));
	must(!prefers_minimal("return=representation,", text));
}

static void
check_type(struct slice text)
{
	static const char type[] = "application/json";
	struct request r = {.content_type = text};
	bool is_json = request_type_is(&r, type);
	struct slice before = text;
	const char *semicolon = text.len == 0 ? NULL : memchr(text.data, ';', text.len);

	if (semicolon != NULL)
		before.len = (size_t)(semicolon - text.data);
	must(is_json == slice_eq_nocase(slice_trim(before), slice_str(type)));
	must(!is_json || text.len >= sizeof(type) - 1);
}

/*
 * What is appended to a query that is accepted counts, and changes nothing else
 * of it.  It is refused where the query has the same parameter already.
 */
static void
check_appended(struct slice text, const struct query *before)
{
	enum status want = before->limit != 0 || before->has_after ? ST_BAD_REQUEST : ST_OK;
	struct query query = {0};
	struct buf b = {0};

	buf_add_slice(&b, text);
	buf_adds(&b, "&limit=7&after=");
	percent_encode(&b, text);
	must(route_query_parse(&query, buf_slice(&b), NULL) == want);
	if (want == ST_OK) {
		must(query.limit == 7 && query.has_after && query.pretty == before->pretty);
		must(slice_eq(buf_slice(&query.after), text));
	}
	buf_free(&query.after);
	buf_free(&b);
}

static void
check_query(struct slice text)
{
	struct query query = {0};
	struct problem why = {""};
	enum status st = route_query_parse(&query, text, &why);

	must(st == ST_OK || st == ST_BAD_REQUEST);
	if (st == ST_OK) {
		must(query.limit <= PAGE_LIMIT_MAX);
		must(query.limit == 0 || contains(text, "limit="));
		must(!query.pretty || contains(text, "pretty"));
		must(!query.has_after || (contains(text, "after") && query.after.len <= text.len));
		check_appended(text, &query);
	} else {
		fuzz_check_problem(&why);
	}
	buf_free(&query.after);
}

/*
 * What a request's fields come to in the log is a line, and an object, whatever
 * they hold.
 */
static void
check_log(struct slice text)
{
	static struct log log;
	char bytes[2 * LOG_LINE_BYTES];
	struct json_scan sc;
	int ends[2];
	ssize_t n;

	must(pipe2(ends, O_CLOEXEC) == 0);
	log_init(&log, ends[1], LOG_LEVEL_INFO);
	must(log_begin(&log, LOG_LEVEL_INFO, "request"));
	log_str(&log, "path", text);
	log_u64(&log, "status", 200);
	log_str(&log, "request_id", text);
	log_str(&log, "method", text);
	log_str(&log, "host", text);
	log_end(&log);
	log_flush(&log);
	n = read(ends[0], bytes, sizeof(bytes));
	must(n > 0 && n <= LOG_LINE_BYTES && bytes[n - 1] == '\n');
	must(memchr(bytes, '\n', (size_t)n) == bytes + n - 1);
	must(json_scan_init(&sc));
	must(json_scan_object(&sc, (struct slice){bytes, (size_t)n}, 1, NULL) == ST_OK);
	json_scan_free(&sc);
	close(ends[0]);
	close(ends[1]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const checks[])(struct slice) = {check_tags, check_prefer, check_type,
						       check_query, check_log};
	struct slice rest = {(const char *)data, size};
	unsigned which = fuzz_byte(&rest);
	char *text;

	if (which < 'a' || which - 'a' >= sizeof(checks) / sizeof(checks[0]))
		return 0;
	if (which != 'e' && memchr(data, '\0', size) != NULL)
		return 0;
	text = fuzz_copy(rest);
	checks[which - 'a']((struct slice){text, rest.len});
	free(text);
	return 0;
}
