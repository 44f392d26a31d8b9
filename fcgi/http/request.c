#include "http/request.h"

#include <fcgiapp.h>

/* Bytes of memory that a buffer keeps from one request to the next. */
#define BODY_KEEP 65536
/* Bytes of a body to read at once where its length is not known. */
#define BODY_STEP 8192

const char *const request_method_names[METHOD_COUNT] = {
    [METHOD_GET] = "GET",	[METHOD_HEAD] = "HEAD",	  [METHOD_OPTIONS] = "OPTIONS",
    [METHOD_POST] = "POST",	[METHOD_PUT] = "PUT",	  [METHOD_PATCH] = "PATCH",
    [METHOD_DELETE] = "DELETE", [METHOD_OTHER] = "OTHER",
};

static enum method
method_parse(struct slice name)
{
	int m = METHOD_GET;

	while (m < METHOD_OTHER && !slice_eq(name, slice_str(request_method_names[m])))
		m++;
	return (enum method)m;
}

/*
 * Append the value of one field line to *field.  Lines of the same name form
 * one comma-separated list (RFC 9110, section 5.3), which is put together in
 * `joined`; the only line of its name stays where it is.
 */
static void
join(struct slice *field, struct buf *joined, struct slice value)
{
	if (field->data == NULL) {
		*field = value;
		return;
	}
	if (field->data != joined->data)
		buf_add_slice(joined, *field);
	buf_adds(joined, ", ");
	buf_add_slice(joined, value);
	*field = buf_slice(joined);
}

/* Parse CONTENT_LENGTH.  Returns false where it is no decimal number. */
static bool
parse_length(struct slice s, size_t *out)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++) {
		if (s.data[i] < '0' || s.data[i] > '9' || n > SIZE_MAX / 10 - 10)
			return false;
		n = n * 10 + (size_t)(s.data[i] - '0');
	}
	*out = n;
	return true;
}

/* What CONTENT_LENGTH says about the body. */
struct announced {
	bool given;
	bool valid;
	size_t length;
};

static void
read_params(struct request *r, char **envp, struct announced *announced)
{
	struct slice method = {NULL, 0}, type = {NULL, 0};

	for (; *envp != NULL; envp++) {
		const char *eq = strchr(*envp, '=');
		struct slice name, value;

		if (eq == NULL)
			continue;
		name = (struct slice){*envp, (size_t)(eq - *envp)};
		value = slice_str(eq + 1);
		if (slice_eq(name, SLICE("REQUEST_METHOD"))) {
			method = value;
		} else if (slice_eq(name, SLICE("PATH_INFO"))) {
			r->path = value;
		} else if (slice_eq(name, SLICE("QUERY_STRING"))) {
			r->query = value;
		} else if (slice_eq(name, SLICE("CONTENT_TYPE"))) {
			type = value;
		} else if (slice_eq(name, SLICE("HTTP_CONTENT_TYPE"))) {
			join(&r->content_type, &r->joined[3], value);
		} else if (slice_eq(name, SLICE("CONTENT_LENGTH"))) {
			announced->given = value.len > 0;
			announced->valid = parse_length(value, &announced->length);
		} else if (slice_eq(name, SLICE("HTTP_IF_MATCH"))) {
			join(&r->if_match, &r->joined[0], value);
		} else if (slice_eq(name, SLICE("HTTP_IF_NONE_MATCH"))) {
			join(&r->if_none_match, &r->joined[1], value);
		} else if (slice_eq(name, SLICE("HTTP_PREFER"))) {
			join(&r->prefer, &r->joined[2], value);
		} else if (slice_eq(name, SLICE("HTTP_CONTENT_ENCODING"))) {
			join(&r->content_encoding, &r->joined[4], value);
		} else if (slice_eq(name, SLICE("HTTP_CONTENT_RANGE"))) {
			r->content_range = value;
		} else if (slice_eq(name, SLICE("HTTP_X_REQUEST_ID"))) {
			r->request_id = value;
		}
	}
	r->method = method_parse(method);
	if (r->content_type.data == NULL)
		r->content_type = type;
}

/*
 * Read the body to the end of its stream, even where it cannot be used: libfcgi
 * can only then read the next request.  Returns false where the connection
 * failed.
 */
static bool
read_body(struct request *r, FCGX_Stream *in, size_t max_body, size_t expected, bool *too_large)
{
	char waste[BODY_STEP];
	size_t want = expected < max_body ? expected + 1 : BODY_STEP;

	*too_large = false;
	for (;;) {
		bool keep = !*too_large && buf_reserve(&r->body, want);
		char *to = keep ? r->body.data + r->body.len : waste;
		int ask = (int)(keep ? want : sizeof(waste));
		int n = FCGX_GetStr(to, ask, in);

		if (keep && n > 0)
			r->body.len += (size_t)n;
		*too_large = *too_large || r->body.len > max_body;
		if (n < ask)
			break;
		want = BODY_STEP;
	}
	return FCGX_GetError(in) == 0;
}

enum request_result
request_read(struct request *r, struct FCGX_Request *fcgi, size_t max_body)
{
	struct announced announced = {.valid = true};
	bool too_large, failed = false;

	r->path = r->query = r->content_type = (struct slice){NULL, 0};
	r->if_match = r->if_none_match = r->prefer = r->request_id = (struct slice){NULL, 0};
	r->content_range = r->content_encoding = (struct slice){NULL, 0};
	r->why.detail[0] = '\0';
	request_trim(r);

	read_params(r, fcgi->envp, &announced);
	if (!read_body(r, fcgi->in, max_body, announced.length, &too_large))
		return REQUEST_LOST;

	for (size_t i = 0; i < sizeof(r->joined) / sizeof(r->joined[0]); i++)
		failed = failed || r->joined[i].failed;
	r->fault = ST_OK;
	if (too_large)
		r->fault = problem_set(&r->why, ST_TOO_LARGE, "A body has at most %zu bytes here",
				       max_body);
	else if (r->body.failed || failed)
		r->fault = ST_NO_MEMORY;
	else if (!announced.valid || (announced.given && announced.length != r->body.len))
		r->fault = problem_set(&r->why, ST_BAD_LENGTH,
				       "The body does not have the length that was announced");
	return REQUEST_READ;
}

/*
 * Two field lines arrive as one list (RFC 9110, section 5.3).  A comma in a
 * quoted parameter counts, too, because two field lines can form one such
 * parameter together.
 */
bool
request_type_is_list(const struct request *r)
{
	return r->content_type.len > 0 &&
	       memchr(r->content_type.data, ',', r->content_type.len) != NULL;
}

bool
request_type_is(const struct request *r, const char *type)
{
	struct slice content_type = r->content_type;
	const char *semicolon =
	    content_type.len == 0 ? NULL : memchr(content_type.data, ';', content_type.len);

	if (semicolon != NULL)
		content_type.len = (size_t)(semicolon - content_type.data);
	return slice_eq_nocase(slice_trim(content_type), slice_str(type));
}

/*
 * Take the next item off a list at `separator`, unless that is in a quoted
 * string.
 */
static struct slice
next_item(struct slice *list, char separator)
{
	struct slice item = *list;
	bool quoted = false;
	size_t i = 0;

	for (; i < list->len && (quoted || list->data[i] != separator); i++) {
		if (list->data[i] == '"')
			quoted = !quoted;
		else if (quoted && list->data[i] == '\\' && i + 1 < list->len)
			i++;
	}
	item.len = i;
	*list = slice_skip(*list, i < list->len ? i + 1 : i);
	return slice_trim(item);
}

bool
request_is_coded(const struct request *r)
{
	struct slice codings = r->content_encoding;

	while (codings.len > 0) {
		struct slice coding = next_item(&codings, ',');

		if (coding.len > 0 && !slice_eq_nocase(coding, SLICE("identity")))
			return true;
	}
	return false;
}

/* The first of several "return" preferences counts (RFC 7240, section 2). */
bool
request_prefers_minimal(const struct request *r)
{
	struct slice prefer = r->prefer;

	while (prefer.len > 0) {
		struct slice value = next_item(&prefer, ',');
		struct slice preference = next_item(&value, ';');
		struct slice name = next_item(&preference, '=');

		value = slice_trim(preference);
		if (slice_eq_nocase(name, SLICE("return")))
			return slice_eq_nocase(value, SLICE("minimal")) ||
			       slice_eq_nocase(value, SLICE("\"minimal\""));
	}
	return false;
}

void
request_trim(struct request *r)
{
	buf_reset(&r->body, BODY_KEEP);
	for (size_t i = 0; i < sizeof(r->joined) / sizeof(r->joined[0]); i++)
		buf_reset(&r->joined[i], BODY_KEEP);
}

void
request_free(struct request *r)
{
	buf_free(&r->body);
	for (size_t i = 0; i < sizeof(r->joined) / sizeof(r->joined[0]); i++)
		buf_free(&r->joined[i]);
}
