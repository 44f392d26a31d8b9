#include "api/endpoints.h"

#include "content/render.h"
#include "http/percent.h"

static void
tag(struct api_call *call, uint64_t revision)
{
	etag_make(&call->res->etag, call->store_id, revision);
}

/*
 * Evaluate the preconditions against a target that exists at `revision`, and
 * give its tag to the response.
 */
static enum status
check(struct api_call *call, uint64_t revision)
{
	tag(call, revision);
	return etag_evaluate(call->req->if_match, call->req->if_none_match, &call->res->etag,
			     call->endpoint->need == API_NEEDS_READ);
}

/* Evaluate the preconditions of a write that would create its target. */
static enum status
check_absent(struct api_call *call)
{
	return etag_evaluate(call->req->if_match, call->req->if_none_match, NULL, false);
}

/* Render the first piece of the answer to a read.  Most have only this one. */
static enum status
first_piece(struct api_call *call)
{
	enum status st = render_more(&call->render, &call->res->body, API_PIECE_BYTES);

	call->res->unfinished = st == ST_OK && !call->render.done;
	return st;
}

static enum status
render_all(struct api_call *call)
{
	return render_more(&call->render, &call->res->body, SIZE_MAX);
}

static enum status
get_store(struct api_call *call, struct view *view, bool *changed)
{
	enum status st = check(call, view_revision(view));

	(void)changed;
	if (st == ST_OK)
		st = render_store(&call->render, view);
	return st == ST_OK ? first_piece(call) : st;
}

static void
link_next_page(struct api_call *call)
{
	struct buf *link = &call->res->link;

	buf_adds(link, "</json/");
	percent_encode(link, call->route.collection);
	buf_addf(link, "?limit=%u&after=", (unsigned)call->query.limit);
	percent_encode(link, call->render.last);
	buf_adds(link, call->query.pretty ? "&pretty>; rel=\"next\"" : ">; rel=\"next\"");
}

static enum status
get_collection(struct api_call *call, struct view *view, bool *changed)
{
	struct slice name = call->route.collection, after = {NULL, 0};
	struct collection collection;
	enum status st = view_collection(view, name, &collection);

	(void)changed;
	if (call->query.has_after)
		after = buf_slice(&call->query.after);
	if (st == ST_OK)
		st = check(call, collection.revision);
	if (st == ST_OK)
		st = render_res(&call->render, view, name, after, call->query.limit);
	if (st != ST_OK)
		return st;
	if (call->query.limit == 0)
		return first_piece(call);
	/* The Link header precedes the body, so the page is rendered whole. */
	st = render_all(call);
	if (st == ST_OK && call->render.more)
		link_next_page(call);
	return st;
}

/* Find the record that the path names; ST_NOT_FOUND comes with its reason. */
static enum status
find_record(struct api_call *call, struct view *view, struct row *out)
{
	enum status st = view_record(view, call->route.collection, call->route.record, out);

	return st == ST_NOT_FOUND
		   ? problem_set(&call->why, st, "The collection has no record of this name")
		   : st;
}

static enum status
get_record(struct api_call *call, struct view *view, bool *changed)
{
	struct row row;
	enum status st = find_record(call, view, &row);

	(void)changed;
	if (st == ST_OK)
		st = check(call, row.revision);
	if (st == ST_OK)
		render_res_value(&call->res->body, row.json);
	return st;
}

/* Apply the call's edits, and give the tag of the change to the response. */
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
	const struct slice first = {NULL, 0};
	enum status st;

	if (call->minimal)
		return ST_OK;
	st = render_res(&call->render, view, call->route.collection, first, 0);
	return st == ST_OK ? render_all(call) : st;
}

static void
locate(struct api_call *call)
{
	buf_adds(&call->res->location, "/json/");
	percent_encode(&call->res->location, call->route.collection);
	if (call->route.kind == ROUTE_RECORD) {
		buf_addc(&call->res->location, '/');
		percent_encode(&call->res->location, call->route.record);
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
	if (call->minimal)
		return ST_OK;
	st = render_store(&call->render, view);
	return st == ST_OK ? render_all(call) : st;
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
	if (st == ST_OK && !call->minimal) {
		st = render_store_with_res(&call->render, view, call->route.collection);
		if (st == ST_OK)
			st = render_all(call);
	}
	if (st != ST_OK || !created)
		return st;
	locate(call);
	return ST_CREATED;
}

static enum status
delete_record(struct api_call *call, struct view *view, bool *changed)
{
	struct row there;
	enum status st = find_record(call, view, &there);

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

const struct api_endpoint *
endpoints_find(enum route_kind route, enum method method)
{
	if (method == METHOD_HEAD)
		method = METHOD_GET;
	for (size_t i = 0; i < sizeof(endpoints) / sizeof(endpoints[0]); i++) {
		if (endpoints[i].route == route && endpoints[i].method == method)
			return &endpoints[i];
	}
	return NULL;
}
