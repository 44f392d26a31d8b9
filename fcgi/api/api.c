#include "api/endpoints.h"
#include "store/name.h"

/* Bytes of memory that a buffer keeps from one call to the next. */
#define SCRATCH_KEEP 65536

static const char patch_types[] = "application/merge-patch+json, application/json";

static const char *const allow[] = {
    [ROUTE_STORE] = "GET, HEAD, OPTIONS",
    [ROUTE_COLLECTION] = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
    [ROUTE_RECORD] = "GET, HEAD, PUT, DELETE, OPTIONS",
};

static enum status
check_type(struct api_call *call)
{
	bool patch = call->endpoint->body == BODY_PATCH, list = request_type_is_list(call->req);

	if (!list && (request_type_is(call->req, "application/json") ||
		      (patch && request_type_is(call->req, "application/merge-patch+json"))))
		return ST_OK;
	return problem_set(&call->why, ST_BAD_TYPE, "%sSend the body as Content-Type: %s",
			   list ? "There is more than one Content-Type. " : "",
			   patch ? "application/merge-patch+json or application/json"
				 : "application/json");
}

/* A body that is a part, or coded, is not the value that it is sent for. */
static enum status
check_whole(struct api_call *call)
{
	if (call->req->content_range.data != NULL)
		return problem_set(&call->why, ST_BAD_REQUEST,
				   "Send the whole value: Content-Range is not supported");
	if (request_is_coded(call->req))
		return problem_set(&call->why, ST_BAD_CODING,
				   "Send the body as it is, without Content-Encoding");
	return ST_OK;
}

static enum status
prepare_body(struct api_call *call)
{
	struct slice text = buf_slice(&call->req->body);
	enum status st = check_type(call);

	if (st == ST_OK)
		st = check_whole(call);
	if (st != ST_OK)
		return st;
	if (call->req->fault != ST_OK) {
		call->why = call->req->why;
		return call->req->fault;
	}
	switch (call->endpoint->body) {
	case BODY_NEW:
		return edits_from_new(&call->edits, text, call->route.record, &call->why);
	case BODY_PATCH:
		return edits_from_patch(&call->edits, text, &call->why);
	default:
		return edits_from_records(&call->edits, text, &call->why);
	}
}

static enum status
api_prepare_target(struct api_call *call)
{
	const struct request *req = call->req;
	/* Without memory a header field was lost; it may be a condition. */
	enum status st = req->fault == ST_NO_MEMORY
			     ? req->fault
			     : route_query_parse(&call->query, req->query, &call->why);

	if (st == ST_OK)
		st = route_parse(&call->route, req->path, &call->why);
	if (st != ST_OK)
		return st;
	if (req->method == METHOD_OPTIONS)
		return ST_OK;
	call->endpoint = endpoints_find(call->route.kind, req->method);
	if (call->endpoint == NULL)
		return ST_BAD_METHOD;
	st = etag_check_list(req->if_match, "If-Match", &call->why);
	if (st == ST_OK)
		st = etag_check_list(req->if_none_match, "If-None-Match", &call->why);
	if (st == ST_OK && call->endpoint->body != BODY_NONE)
		st = prepare_body(call);
	if (st == ST_OK && call->endpoint->body == BODY_RECORDS)
		st = name_check_collection(call->route.collection, ST_BAD_NAME, &call->why);
	return st;
}

bool
api_owns(struct slice path)
{
	return path.len >= 5 && memcmp(path.data, "/json", 5) == 0 &&
	       (path.len == 5 || path.data[5] == '/');
}

/* Indent the response, or its next piece, where ?pretty asks for it. */
static void
api_finish(struct api_call *call)
{
	struct response *res = call->res;
	struct buf compact = res->body;

	if (!call->query.pretty || compact.len == 0 || compact.failed)
		return;
	res->body = call->scratch;
	buf_reset(&res->body, SCRATCH_KEEP);
	call->scratch = compact;
	json_add_pretty(&res->body, buf_slice(&compact), &call->indent);
	if (!res->unfinished)
		buf_addc(&res->body, '\n');
}

enum api_need
api_prepare(struct api_call *call, const struct request *req, struct response *res,
	    uint64_t store_id)
{
	enum status st;

	call->req = req;
	call->res = res;
	call->endpoint = NULL;
	call->store_id = store_id;
	call->minimal = false;
	call->why.detail[0] = '\0';
	response_reset(res);
	res->head = req->method == METHOD_HEAD;

	st = api_prepare_target(call);
	if (st == ST_OK && call->endpoint != NULL) {
		if (call->endpoint->need == API_NEEDS_WRITE)
			call->minimal = request_prefers_minimal(req);
		return call->endpoint->need;
	}
	if (st == ST_OK) {
		response_no_content(res);
		res->allow = allow[call->route.kind];
		res->accept_patch = call->route.kind == ROUTE_COLLECTION ? patch_types : NULL;
		return API_NEEDS_NOTHING;
	}
	api_fail(call, st);
	return API_NEEDS_NOTHING;
}

enum status
api_run(struct api_call *call, struct view *view, bool *changed)
{
	struct response *res = call->res;
	bool did = false;
	enum status st;

	response_reset(res);
	res->head = call->req->method == METHOD_HEAD;
	call->indent = (struct json_indent){0};
	/* Of an earlier try. */
	call->why.detail[0] = '\0';
	st = call->endpoint->handle(call, view, &did);
	if (st == ST_FULL || st == ST_IO || st == ST_UNAVAILABLE || st == ST_NO_MEMORY)
		return st;
	if (st != ST_OK && st != ST_CREATED && st != ST_NOT_MODIFIED) {
		api_fail(call, st);
		return ST_OK;
	}
	response_ok(res, st);
	if (call->minimal) {
		res->minimal = true;
		response_no_content(res);
	}
	api_finish(call);
	/* A change whose response cannot be made must not be committed. */
	if (res->body.failed || res->location.failed || res->link.failed)
		return ST_NO_MEMORY;
	*changed = *changed || did;
	return ST_OK;
}

void
api_keep(struct api_call *call, struct view *view)
{
	call->render.it.view = view;
}

enum status
api_more(struct api_call *call)
{
	struct response *res = call->res;
	enum status st;

	buf_reset(&res->body, 2 * API_PIECE_BYTES);
	st = render_more(&call->render, &res->body, API_PIECE_BYTES);
	res->unfinished = !call->render.done;
	api_finish(call);
	return st == ST_OK && res->body.failed ? ST_NO_MEMORY : st;
}

void
api_fail(struct api_call *call, enum status st)
{
	struct response *res = call->res;

	call->indent = (struct json_indent){0};
	response_problem(res, st, &call->why);
	if (st == ST_BAD_METHOD)
		res->allow = allow[call->route.kind];
	if (st == ST_BAD_CODING)
		res->accept_encoding = "identity";
	if (st == ST_BAD_TYPE && call->endpoint->body == BODY_PATCH)
		res->accept_patch = patch_types;
	api_finish(call);
}

void
api_trim(struct api_call *call)
{
	buf_reset(&call->scratch, SCRATCH_KEEP);
	if (call->req != NULL && call->req->body.len > SCRATCH_KEEP) {
		edits_free(&call->edits);
		call->edits = (struct edits){0};
	}
	buf_reset(&call->edits.merged, SCRATCH_KEEP);
}

void
api_free(struct api_call *call)
{
	buf_free(&call->query.after);
	buf_free(&call->scratch);
	edits_free(&call->edits);
}
