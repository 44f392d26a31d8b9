#include "http/response.h"

#include "json/json.h"

/* Bytes of memory that a buffer keeps from one response to the next. */
#define BODY_KEEP 65536

struct code {
	unsigned code;
	const char *title;
};

/* Statuses that are missing here are not sent over HTTP. */

static const struct code codes[ST_COUNT] = {
    [ST_OK] = {200, "OK"},
    [ST_CREATED] = {201, "Created"},
    [ST_NOT_MODIFIED] = {304, "Not Modified"},
    [ST_BAD_REQUEST] = {400, "Bad Request"},
    [ST_BAD_NAME] = {400, "Bad Request"},
    [ST_BAD_JSON] = {400, "Bad Request"},
    [ST_BAD_LENGTH] = {400, "Bad Request"},
    [ST_NOT_FOUND] = {404, "Not Found"},
    [ST_NO_COLLECTION] = {404, "Not Found"},
    [ST_BAD_METHOD] = {405, "Method Not Allowed"},
    [ST_EXISTS] = {409, "Conflict"},
    [ST_PRECONDITION] = {412, "Precondition Failed"},
    [ST_TOO_LARGE] = {413, "Content Too Large"},
    [ST_BAD_TYPE] = {415, "Unsupported Media Type"},
    [ST_BAD_CODING] = {415, "Unsupported Media Type"},
    [ST_UNPROCESSABLE] = {422, "Unprocessable Content"},
    [ST_NO_NEW] = {422, "Unprocessable Content"},
    [ST_RESERVED_NAME] = {422, "Unprocessable Content"},
    [ST_FULL] = {507, "Insufficient Storage"},
    [ST_NO_MEMORY] = {503, "Service Unavailable"},
    [ST_BUSY] = {503, "Service Unavailable"},
    [ST_IO] = {500, "Internal Server Error"},
    [ST_UNAVAILABLE] = {503, "Service Unavailable"},
    [ST_STORE_ACCESS] = {503, "Service Unavailable"},
};

void
response_reset(struct response *res)
{
	struct buf body = res->body, location = res->location, link = res->link;

	buf_reset(&body, BODY_KEEP);
	buf_reset(&location, BODY_KEEP);
	buf_reset(&link, BODY_KEEP);
	*res = (struct response){.body = body, .location = location, .link = link};
}

void
response_ok(struct response *res, enum status st)
{
	res->code = codes[st].code;
	res->title = codes[st].title;
	res->type = "application/json";
}

void
response_no_content(struct response *res)
{
	buf_reset(&res->body, BODY_KEEP);
	res->type = NULL;
	if (res->code == codes[ST_CREATED].code)
		return;
	res->code = 204;
	res->title = "No Content";
}

void
response_problem(struct response *res, enum status st, const struct problem *why)
{
	const struct code *c = codes[st].code == 0 ? &codes[ST_IO] : &codes[st];
	const char *detail = why != NULL && why->detail[0] != '\0' ? why->detail : status_text(st);
	struct buf *b = &res->body;

	buf_reset(b, BODY_KEEP);
	buf_reset(&res->location, BODY_KEEP);
	buf_reset(&res->link, BODY_KEEP);
	res->etag.text[0] = '\0';
	res->minimal = false;
	res->unfinished = false;
	res->code = c->code;
	res->title = c->title;
	res->type = "application/problem+json";
	buf_addf(b,
		 "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%u,\"detail\":", c->title,
		 c->code);
	json_add_string(b, slice_str(detail));
	buf_adds(b, ",\"error\":");
	json_add_string(b, slice_str(status_text(st)));
	buf_adds(b, "}");
}

static void
add_field(struct buf *head, const char *name, struct slice value)
{
	if (value.len == 0)
		return;
	buf_adds(head, name);
	buf_adds(head, ": ");
	buf_add_slice(head, value);
	buf_adds(head, "\r\n");
}

static void
response_add_fields(struct buf *head, const struct response *res)
{
	buf_adds(head, "Status: ");
	buf_add_u64(head, res->code);
	buf_addc(head, ' ');
	buf_adds(head, res->title);
	buf_adds(head, "\r\n");
	if (res->code != 204 && res->code != 304) {
		add_field(head, "Content-Type", slice_str(res->type));
	}
	if (res->code != 204 && res->code != 304 && !res->unfinished) {
		buf_adds(head, "Content-Length: ");
		buf_add_u64(head, res->body.len);
		buf_adds(head, "\r\n");
	}
	add_field(head, "ETag", slice_str(res->etag.text));
	add_field(head, "Location", buf_slice(&res->location));
	add_field(head, "Link", buf_slice(&res->link));
	add_field(head, "Allow", slice_str(res->allow));
	add_field(head, "Accept-Patch", slice_str(res->accept_patch));
	add_field(head, "Accept-Encoding", slice_str(res->accept_encoding));
	if (res->minimal)
		add_field(head, "Preference-Applied", SLICE("return=minimal"));
	if (res->code == 503)
		add_field(head, "Retry-After", SLICE("1"));
	buf_adds(head, "Cache-Control: no-cache\r\n\r\n");
}

bool
response_has_body(const struct response *res)
{
	return !res->head && res->code != 204 && res->code != 304;
}

void
response_add_head(struct response *res, struct buf *out)
{
	if (res->body.failed || res->location.failed || res->link.failed)
		response_problem(res, ST_NO_MEMORY, NULL);
	response_add_fields(out, res);
	/* Not even the problem document found memory. */
	out->failed = out->failed || res->body.failed;
}

void
response_free(struct response *res)
{
	buf_free(&res->body);
	buf_free(&res->location);
	buf_free(&res->link);
}
