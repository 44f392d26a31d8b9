#include "api.h"

#include "name.h"
#include "render.h"

/* Memory for scratch that a connection keeps from one call to the next. */
#define SCRATCH_KEEP 65536

static const char patch_types[] = "application/merge-patch+json, application/json";

enum body_kind {
	BODY_NONE,    /* ignored */
	BODY_RECORDS, /* an object of records */
	BODY_PATCH,   /* a merge patch of records */
	BODY_NEW      /* {"new": value} */
};

struct api_endpoint {
	enum route_kind route;
	enum method method;
	enum api_need need;
	enum body_kind body;
	/* ST_OK, ST_CREATED, ST_NOT_MODIFIED with the response's body and tag made, or a failure. */
	enum status (*handle)(struct api_call *call, struct view *view, bool *changed);
};

static void
tag(struct api_call *call, uint64_t revision)
{
	etag_make(&call->res->etag, call->store_id, revision);
}

/* The preconditions against a target that exists at `revision`, whose tag the answer gets. */
static enum status
check(struct api_call *call, uint64_t revision)
{
	tag(call, revision);
	return etag_evaluate(call->req->if_match, call->req->if_none_match, &call->res->etag,
			     call->endpoint->need == API_NEEDS_READ);
}

/* The preconditions against a target that does not exist and would be made. */
static enum status
check_absent(struct api_call *call)
{
	return etag_evaluate(call->req->if_match, call->req->if_none_match, NULL, false);
}

static enum status
get_store(struct api_call *call, struct view *view, bool *changed)
{
	enum status st = check(call, view_revision(view));

	(void)changed;
	return st == ST_OK ? render_store(&call->res->body, view) : st;
}

static enum status
get_collection(struct api_call *call, struct view *view, bool *changed)
{
	struct render_page page = {.limit = call->query.limit};
	struct collection collection;
	struct slice name = call->route.collection;
	enum status st = view_collection(view, name, &collection);

	(void)changed;
	if (st == ST_OK)
		st = check(call, collection.revision);
	if (st != ST_OK)
		return st;
	if (call->query.has_after)
		page.after = buf_slice(&call->query.after);
	st = render_res_page(&call->res->body, view, name, &page);
	if (st == ST_OK && page.more) {
		struct buf *link = &call->res->link;

		buf_adds(link, "</json/");
		name_percent_encode(link, name);
		buf_addf(link, "?limit=%u&after=", (unsigned)page.limit);
		name_percent_encode(link, page.last);
		buf_adds(link, call->query.pretty ? "&pretty>; rel=\"next\"" : ">; rel=\"next\"");
	}
	return st;
}

static enum status
get_record(struct api_call *call, struct view *view, bool *changed)
{
	struct row row;
	enum status st = view_record(view, call->route.collection, call->route.record, &row);

	(void)changed;
	if (st == ST_OK)
		st = check(call, row.revision);
	if (st == ST_OK)
		render_res_value(&call->res->body, row.json);
	return st;
}

/* Apply the call's edits; the answer's tag is that of the change. */
static enum status
apply(struct api_call *call, struct view *view, unsigned flags, bool *changed)
{
	enum status st =
	    store_apply(view, call->route.collection, call->edits.list, call->edits.count, flags);

	if (st == ST_OK) {
		*changed = true;
		tag(call, view_revision(view));
	}
	return st;
}

static enum status
render_collection_unless_minimal(struct api_call *call, struct view *view)
{
	struct render_page all = {.limit = 0};

	return call->minimal
		   ? ST_OK
		   : render_res_page(&call->res->body, view, call->route.collection, &all);
}

static void
locate(struct api_call *call)
{
	buf_adds(&call->res->location, "/json/");
	name_percent_encode(&call->res->location, call->route.collection);
	if (call->route.kind == ROUTE_RECORD) {
		buf_addc(&call->res->location, '/');
		name_percent_encode(&call->res->location, call->route.record);
	}
}

static enum status
post_collection(struct api_call *call, struct view *view, bool *changed)
{
	struct collection there;
	enum status st = view_collection(view, call->route.collection, &there);

	if (st == ST_OK)
		return ST_EXISTS;
	if (st == ST_NO_COLLECTION)
		st = check_absent(call);
	if (st == ST_OK)
		st = apply(call, view, STORE_CREATE, changed);
	if (st != ST_OK)
		return st;
	locate(call);
	buf_adds(&call->res->body, "{\"message\":\"Collection created\"}");
	return ST_CREATED;
}

static enum status
put_collection(struct api_call *call, struct view *view, bool *changed)
{
	struct collection there;
	enum status st = view_collection(view, call->route.collection, &there);
	bool created = st == ST_NO_COLLECTION;

	if (created)
		st = check_absent(call);
	else if (st == ST_OK)
		st = check(call, there.revision);
	if (st == ST_OK)
		st = apply(call, view, STORE_CREATE | STORE_CLEAR, changed);
	if (st == ST_OK)
		st = render_collection_unless_minimal(call, view);
	if (st != ST_OK || !created)
		return st;
	locate(call);
	return ST_CREATED;
}

static enum status
patch_collection(struct api_call *call, struct view *view, bool *changed)
{
	struct collection there;
	enum status st = view_collection(view, call->route.collection, &there);

	if (st == ST_OK)
		st = check(call, there.revision);
	if (st == ST_OK)
		st = edits_merge(&call->edits, view, call->route.collection);
	if (st == ST_OK)
		st = apply(call, view, 0, changed);
	return st == ST_OK ? render_collection_unless_minimal(call, view) : st;
}

static enum status
delete_collection(struct api_call *call, struct view *view, bool *changed)
{
	struct collection there;
	enum status st = view_collection(view, call->route.collection, &there);

	if (st == ST_OK)
		st = check(call, there.revision);
	if (st == ST_OK)
		st = store_drop(view, call->route.collection);
	if (st != ST_OK)
		return st;
	*changed = true;
	tag(call, view_revision(view));
	return call->minimal ? ST_OK : render_store(&call->res->body, view);
}

static enum status
put_record(struct api_call *call, struct view *view, bool *changed)
{
	struct row there;
	enum status st = view_record(view, call->route.collection, call->route.record, &there);
	bool created = st == ST_NOT_FOUND;

	if (created)
		st = check_absent(call);
	else if (st == ST_OK)
		st = check(call, there.revision);
	if (st == ST_OK)
		st = apply(call, view, 0, changed);
	if (st == ST_OK && !call->minimal)
		st = render_store_with_res(&call->res->body, view, call->route.collection);
	if (st != ST_OK || !created)
		return st;
	locate(call);
	return ST_CREATED;
}

static enum status
delete_record(struct api_call *call, struct view *view, bool *changed)
{
	struct row there;
	enum status st = view_record(view, call->route.collection, call->route.record, &there);

	if (st == ST_OK)
		st = check(call, there.revision);
	if (st == ST_OK)
		st = edits_removal(&call->edits, call->route.record);
	if (st == ST_OK)
		st = apply(call, view, 0, changed);
	return st == ST_OK ? render_collection_unless_minimal(call, view) : st;
}

static const struct api_endpoint endpoints[] = {
    {ROUTE_STORE, METHOD_GET, API_NEEDS_READ, BODY_NONE, get_store},
    {ROUTE_COLLECTION, METHOD_GET, API_NEEDS_READ, BODY_NONE, get_collection},
    {ROUTE_COLLECTION, METHOD_POST, API_NEEDS_WRITE, BODY_RECORDS, post_collection},
    {ROUTE_COLLECTION, METHOD_PUT, API_NEEDS_WRITE, BODY_RECORDS, put_collection},
    {ROUTE_COLLECTION, METHOD_PATCH, API_NEEDS_WRITE, BODY_PATCH, patch_collection},
    {ROUTE_COLLECTION, METHOD_DELETE, API_NEEDS_WRITE, BODY_NONE, delete_collection},
    {ROUTE_RECORD, METHOD_GET, API_NEEDS_READ, BODY_NONE, get_record},
    {ROUTE_RECORD, METHOD_PUT, API_NEEDS_WRITE, BODY_NEW, put_record},
    {ROUTE_RECORD, METHOD_DELETE, API_NEEDS_WRITE, BODY_NONE, delete_record},
};

static const char *const allow[] = {
    [ROUTE_STORE] = "GET, HEAD, OPTIONS",
    [ROUTE_COLLECTION] = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
    [ROUTE_RECORD] = "GET, HEAD, PUT, DELETE, OPTIONS",
};

static const struct api_endpoint *
find_endpoint(enum route_kind route, enum method method)
{
	if (method == METHOD_HEAD)
		method = METHOD_GET;
	for (size_t i = 0; i < sizeof(endpoints) / sizeof(endpoints[0]); i++) {
		if (endpoints[i].route == route && endpoints[i].method == method)
			return &endpoints[i];
	}
	return NULL;
}

static enum status
check_type(struct api_call *call)
{
	bool patch = call->endpoint->body == BODY_PATCH;

	if (request_type_is(call->req, "application/json") ||
	    (patch && request_type_is(call->req, "application/merge-patch+json")))
		return ST_OK;
	return problem_set(&call->why, ST_BAD_TYPE, "Send the body as Content-Type: %s",
			   patch ? "application/merge-patch+json or application/json"
				 : "application/json");
}

static enum status
prepare_body(struct api_call *call, enum status body)
{
	struct slice text = buf_slice(&call->req->body);
	enum status st = check_type(call);

	if (st != ST_OK)
		return st;
	if (body != ST_OK)
		return body;
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
prepare(struct api_call *call, enum status body)
{
	const struct request *req = call->req;
	enum status st = query_parse(&call->query, req->query, &call->why);

	if (st == ST_OK)
		st = route_parse(&call->route, req->path, &call->why);
	if (st != ST_OK)
		return st;
	if (req->method == METHOD_OPTIONS)
		return ST_OK;
	call->endpoint = find_endpoint(call->route.kind, req->method);
	if (call->endpoint == NULL)
		return ST_BAD_METHOD;
	st = etag_check_list(req->if_match, "If-Match", &call->why);
	if (st == ST_OK)
		st = etag_check_list(req->if_none_match, "If-None-Match", &call->why);
	if (st == ST_OK && call->endpoint->body != BODY_NONE)
		st = prepare_body(call, body);
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

/* The last touch to every response of this interface. */
static void
finish(struct api_call *call)
{
	struct response *res = call->res;

	if (call->query.pretty && res->body.len > 0 && !res->body.failed) {
		struct buf compact = res->body;

		res->body = call->scratch;
		buf_reset(&res->body, SCRATCH_KEEP);
		call->scratch = compact;
		json_add_pretty(&res->body, buf_slice(&compact));
	}
}

enum api_need
api_prepare(struct api_call *call, const struct request *req, struct response *res,
	    enum status body, uint64_t store_id)
{
	enum status st;

	call->req = req;
	call->res = res;
	call->endpoint = NULL;
	call->store_id = store_id;
	call->minimal = false;
	response_reset(res);
	res->head = req->method == METHOD_HEAD;

	st = prepare(call, body);
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
	st = call->endpoint->handle(call, view, &did);
	if (st == ST_FULL || st == ST_IO || st == ST_NO_MEMORY)
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
	finish(call);
	/* An answer that cannot be made must not stand for a change that was. */
	if (res->body.failed || res->location.failed || res->link.failed)
		return ST_NO_MEMORY;
	*changed = *changed || did;
	return ST_OK;
}

void
api_fail(struct api_call *call, enum status st)
{
	struct response *res = call->res;

	response_problem(res, st, &call->why);
	if (st == ST_BAD_METHOD)
		res->allow = allow[call->route.kind];
	if (st == ST_BAD_TYPE && call->endpoint->body == BODY_PATCH)
		res->accept_patch = patch_types;
	finish(call);
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
