#include "content/transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/utf8.h"
#include "content/render.h"
#include "json/json.h"
#include "store/name.h"

#define READ_STEP 65536
#define DUMP_STEP 65536
/* The object of a collection is one level more around the records' values. */
#define LOAD_DEPTH (JSON_MAX_DEPTH + 1)

static enum status
read_file(const char *file, struct buf *out, struct problem *why)
{
	bool is_stdin = strcmp(file, "-") == 0;
	int fd = is_stdin ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC);
	enum status st = ST_OK;
	ssize_t n;

	if (fd < 0)
		return problem_set(why, ST_IO, "%s: %s", file, strerror(errno));
	do {
		if (!buf_reserve(out, READ_STEP)) {
			st = ST_NO_MEMORY;
			break;
		}
		n = read(fd, out->data + out->len, READ_STEP);
		if (n > 0)
			out->len += (size_t)n;
	} while ((n > 0 || (n < 0 && errno == EINTR)) && out->len <= TRANSFER_MAX);
	if (st != ST_OK)
		problem_set(why, st, "%s: out of memory", file);
	else if (n < 0)
		st = problem_set(why, ST_IO, "%s: %s", file, strerror(errno));
	else if (out->len > TRANSFER_MAX)
		st = problem_set(why, ST_TOO_LARGE, "%s: more than %zu bytes", file, TRANSFER_MAX);
	if (!is_stdin)
		close(fd);
	return st;
}

/* Prefix the problem with the name of the file. */
static enum status
blame(const char *file, enum status st, const struct problem *inner, struct problem *why)
{
	return problem_set(why, st, "%s: %s", file,
			   inner->detail[0] != '\0' ? inner->detail : status_text(st));
}

static enum status
check_members(const struct json_member *m, size_t n, struct edit *edits, struct problem *why)
{
	for (size_t i = 0; i < n; i++) {
		enum status st = name_check(m[i].name, ST_UNPROCESSABLE, why);

		if (st != ST_OK)
			return st;
		edits[i] = (struct edit){m[i].name, m[i].json};
	}
	return ST_OK;
}

/*
 * Read the records of a collection into *edits and *n.  The caller frees *edits
 * whatever the status.  The edits borrow from `doc`.
 */
static enum status
transfer_read_collection(const struct json_member *c, struct json_object_doc *doc,
			 struct edit **edits, size_t *n, struct problem *why)
{
	char shown[80];
	const struct json_member *m;
	enum status st = name_check_collection(c->name, ST_UNPROCESSABLE, why);

	*edits = NULL;
	if (st != ST_OK)
		return st;
	utf8_printable(shown, sizeof(shown), c->name);
	if (!json_is_object(c->json))
		return problem_set(why, ST_UNPROCESSABLE, "\"%s\" is not an object of records",
				   shown);
	st = json_parse_object(doc, c->json, JSON_MAX_DEPTH, why);
	if (st != ST_OK)
		return st;
	m = json_members(doc, n);
	*edits = calloc(*n + 1, sizeof(**edits));
	return *edits == NULL ? ST_NO_MEMORY : check_members(m, *n, *edits, why);
}

static enum status
load_collection(struct view *view, struct slice name, const struct edit *edits, size_t n,
		bool replace, struct problem *why)
{
	char shown[80];
	struct collection there;
	enum status st = view_collection(view, name, &there);

	if (st == ST_OK && !replace) {
		utf8_printable(shown, sizeof(shown), name);
		return problem_set(why, ST_EXISTS,
				   "collection \"%s\" exists already; --replace replaces it",
				   shown);
	}
	if (st != ST_OK && st != ST_NO_COLLECTION)
		return st;
	return store_apply(view, name, edits, n, STORE_CREATE | STORE_CLEAR);
}

/* Load every collection into the view, or only check them if it is NULL. */
static enum status
load_members(struct view *view, struct json_object_doc *outer, struct json_object_doc *inner,
	     bool replace, struct problem *why)
{
	size_t n = 0, count = 0;
	const struct json_member *m = json_members(outer, &n);
	struct edit *edits;
	enum status st = ST_OK;

	for (size_t i = 0; i < n && st == ST_OK; i++) {
		st = transfer_read_collection(&m[i], inner, &edits, &count, why);
		if (st == ST_OK && view != NULL)
			st = load_collection(view, m[i].name, edits, count, replace, why);
		free(edits);
	}
	return st;
}

/* Load the text in one batch, or only check it if `store` is NULL. */
static enum status
load_text(struct store *store, struct slice text, bool replace, struct problem *why)
{
	struct json_object_doc *outer = json_doc_new(), *inner = json_doc_new();
	struct view *view = NULL;
	enum status st = outer == NULL || inner == NULL ? ST_NO_MEMORY : ST_OK;

	if (st == ST_OK)
		st = json_parse_object(outer, text, LOAD_DEPTH, why);
	if (st == ST_OK && store != NULL)
		st = store_write(store, &view);
	if (st == ST_OK)
		st = load_members(view, outer, inner, replace, why);
	if (view != NULL) {
		if (st == ST_OK)
			st = store_commit(store);
		else
			store_abort(store);
	}
	json_doc_free(inner);
	json_doc_free(outer);
	return st;
}

enum status
transfer_load_file(const struct store_options *o, const char *file, bool replace,
		   struct problem *why)
{
	struct problem inner = {""};
	struct store *store = NULL;
	struct buf text = {0};
	enum status st = read_file(file, &text, why);

	if (st == ST_OK && o != NULL)
		st = store_unsettle(o, why);
	if (st == ST_OK && o != NULL)
		st = store_open(&store, o, why);
	if (st == ST_OK && (st = load_text(store, buf_slice(&text), replace, &inner)) != ST_OK)
		blame(file, st, &inner, why);
	store_close(store);
	buf_free(&text);
	return st;
}

enum status
transfer_seed(const struct store_options *o, const char *file, struct problem *why)
{
	struct problem inner = {""};
	enum status st = transfer_load_file(o, file, false, &inner);

	return st == ST_OK ? st : problem_set(why, st, "--seed %s", inner.detail);
}

/* Render, indent and write the view piece by piece, to bound the memory. */
static enum status
write_view(struct view *view, FILE *out, struct buf *compact, struct buf *pretty)
{
	struct json_indent indent = {0};
	struct render render;
	enum status st = render_store(&render, view);

	while (st == ST_OK && !render.done) {
		buf_reset(compact, DUMP_STEP);
		buf_reset(pretty, DUMP_STEP);
		st = render_more(&render, compact, DUMP_STEP);
		/* The next step takes only JSON, not a truncated piece. */
		if (compact->failed)
			return ST_NO_MEMORY;
		json_add_pretty(pretty, buf_slice(compact), &indent);
		if (render.done)
			buf_addc(pretty, '\n');
		if (pretty->failed)
			st = ST_NO_MEMORY;
		if (st == ST_OK && fwrite(pretty->data, 1, pretty->len, out) != pretty->len)
			return ST_IO;
	}
	return st;
}

enum status
transfer_dump(struct store *store, FILE *out, struct problem *why)
{
	struct buf compact = {0}, pretty = {0};
	struct view *view;
	enum status st = store_read(store, &view);

	if (st == ST_OK)
		st = write_view(view, out, &compact, &pretty);
	store_read_end(store);
	if (ferror(out) || (st == ST_OK && fflush(out) != 0))
		st = problem_set(why, ST_IO, "cannot write: %s", strerror(errno));
	else if (st != ST_OK)
		problem_set(why, st, "%s", status_text(st));
	buf_free(&compact);
	buf_free(&pretty);
	return st;
}
