#include "api/system.h"

#include "http/route.h"
#include "json/json.h"

/* How long an answer of /readyz is reused. */
#define READINESS_NS 1000000000u

static enum status
answer_health(const struct system_context *sys, struct response *res)
{
	(void)sys;
	buf_adds(&res->body, "{\"status\":\"ok\"}");
	return ST_OK;
}

/*
 * Try a read and a commit.  Returns ST_OK, ST_BUSY, ST_NO_MEMORY or
 * ST_UNAVAILABLE; after failure, *failed is the status of the store.
 */
static enum status
ask_store(struct store *store, enum status *failed)
{
	struct view *view;
	enum status st = store_read(store, &view);

	store_read_end(store);
	if (st == ST_OK)
		st = store_probe(store);
	/* A full store still serves reads and removals. */
	if (st == ST_OK || st == ST_FULL)
		return ST_OK;
	*failed = st;
	/* "Not ready" is an answer (503), not an error of the request. */
	return st == ST_IO ? ST_UNAVAILABLE : st;
}

static enum status
answer_ready(const struct system_context *sys, struct response *res)
{
	struct system_readiness *r = sys->readiness;

	if (sys->store == NULL)
		return ST_STORE_ACCESS;
	/* Anyone can send this request, so not each one may cost a commit. */
	if (sys->now >= r->until) {
		r->answer = ask_store(sys->store, &r->failed);
		r->until = sys->now + READINESS_NS;
	}
	if (r->answer == ST_OK)
		buf_adds(&res->body, "{\"status\":\"ready\"}");
	return r->answer;
}

static enum status
answer_metrics(const struct system_context *sys, struct response *res)
{
	struct buf *b = &res->body;
	struct store_stats stats;

	if (sys->store == NULL)
		return ST_STORE_ACCESS;
	if (store_stat(sys->store, &stats) != ST_OK)
		return ST_BUSY;
	metrics_add_text(b, sys->metrics, request_method_names);
	metrics_add_value(b, "markbook_store_revision", "gauge", "Revision of the store.",
			  stats.revision);
	metrics_add_value(b, "markbook_store_collections", "gauge", "Collections in the store.",
			  stats.collections);
	metrics_add_value(b, "markbook_store_records", "gauge", "Records in the store.",
			  stats.records);
	metrics_add_value(b, "markbook_store_size_bytes", "gauge", "Size the store may reach.",
			  stats.size_bytes);
	metrics_add_value(b, "markbook_store_limit_bytes", "gauge",
			  "Use beyond which writes other than removals are refused.",
			  stats.limit_bytes);
	metrics_add_value(b, "markbook_store_used_bytes", "gauge", "In use by the current state.",
			  stats.used_bytes);
	metrics_add_value(b, "markbook_store_file_bytes", "gauge",
			  "What the store's file has grown to.", stats.file_bytes);
	metrics_add_value(b, "markbook_store_readers", "gauge", "Snapshot slots in use.",
			  stats.readers);
	res->type = "text/plain; version=0.0.4";
	return ST_OK;
}

struct system_path {
	const char *path;
	enum status (*answer)(const struct system_context *sys, struct response *res);
};

static const struct system_path paths[] = {
    {"/healthz", answer_health},
    {"/readyz", answer_ready},
    {"/metrics", answer_metrics},
};

/* Indent the body, and end it with a line end. */
static void
indent(struct response *res)
{
	struct buf compact = res->body;
	struct json_indent at = {0};

	res->body = (struct buf){0};
	json_add_pretty(&res->body, buf_slice(&compact), &at);
	buf_addc(&res->body, '\n');
	buf_free(&compact);
}

void
system_answer(const struct system_context *sys, const struct request *req, struct response *res)
{
	const struct system_path *found = NULL;
	enum status st;

	response_reset(res);
	res->head = req->method == METHOD_HEAD;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		if (slice_eq(req->path, slice_str(paths[i].path)))
			found = &paths[i];
	}
	if (found == NULL) {
		response_problem(res, ST_NOT_FOUND, NULL);
	} else if (req->method != METHOD_GET && req->method != METHOD_HEAD) {
		response_problem(res, ST_BAD_METHOD, NULL);
		res->allow = "GET, HEAD";
	} else {
		response_ok(res, ST_OK);
		if ((st = found->answer(sys, res)) != ST_OK)
			response_problem(res, st, NULL);
	}
	if (route_query_is_pretty(req->query) && strstr(res->type, "json") != NULL &&
	    !res->body.failed)
		indent(res);
}
