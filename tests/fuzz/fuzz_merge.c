/*
 * Merge patches: the input is a target, a NUL and a patch.  A second merge in a
 * few lines, on Jansson's trees, has to come to the same.
 */
#include "fuzz.h"

#include <jansson.h>
/* Names that json.h has functions of. */
#undef json_is_object
#undef json_is_null

#include "json/scan.h"

/* RFC 7396, section 2, in its own words; takes over `target`. */
static json_t *
merge(json_t *target, const json_t *patch)
{
	const char *name;
	size_t len;
	json_t *value;

	if (json_typeof(patch) != JSON_OBJECT) {
		json_decref(target);
		return json_deep_copy(patch);
	}
	if (target == NULL || json_typeof(target) != JSON_OBJECT) {
		json_decref(target);
		target = json_object();
	}
	/* A const tree is only read, but the iteration's macro cannot know. */
	json_object_keylen_foreach((json_t *)(uintptr_t)patch, name, len, value)
	{
		if (json_typeof(value) == JSON_NULL)
			json_object_deln(target, name, len);
		else
			json_object_setn_new(
			    target, name, len,
			    merge(json_incref(json_object_getn(target, name, len)), value));
	}
	return target;
}

static json_t *
load(struct slice text)
{
	return json_loadb(text.data, text.len, JSON_ALLOW_NUL, NULL);
}

/*
 * Without white space, as json_merge takes it; false where it is no object of
 * records.
 */
static bool
scan(struct json_scan *sc, struct slice text)
{
	must(json_scan_init(sc));
	return json_scan_object(sc, text, JSON_MAX_DEPTH, NULL) == ST_OK;
}

static void
check_merge(struct slice target, struct slice patch)
{
	struct buf merged = {0}, twice = {0};
	json_t *before = load(target), *change = load(patch), *after;
	struct json_scan sc;

	must(json_merge(&merged, target, patch) == ST_OK);
	/* JSON without a name twice, and as compact as what it was made of. */
	must(scan(&sc, buf_slice(&merged)));
	must(slice_eq(buf_slice(&sc.text), buf_slice(&merged)));
	json_scan_free(&sc);
	/* Done again it changes nothing. */
	must(json_merge(&twice, buf_slice(&merged), patch) == ST_OK);
	must(slice_eq(buf_slice(&twice), buf_slice(&merged)));
	/* Jansson cannot keep every number and every surrogate. */
	if ((before != NULL || !json_is_object(target)) && change != NULL) {
		after = load(buf_slice(&merged));
		must(after != NULL);
		before = merge(before, change);
		must(json_equal(after, before));
		json_decref(after);
	}
	json_decref(before);
	json_decref(change);
	buf_free(&merged);
	buf_free(&twice);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice target = {(const char *)data, size}, patch;
	const char *nul = size == 0 ? NULL : memchr(data, '\0', size);
	struct json_scan of_target, of_patch;
	bool valid;

	if (nul == NULL)
		return 0;
	target.len = (size_t)(nul - target.data);
	patch = (struct slice){nul + 1, size - target.len - 1};
	valid = scan(&of_target, target);
	if (scan(&of_patch, patch)) {
		check_merge((struct slice){NULL, 0}, buf_slice(&of_patch.text));
		check_merge(SLICE("1"), buf_slice(&of_patch.text));
		if (valid)
			check_merge(buf_slice(&of_target.text), buf_slice(&of_patch.text));
	}
	json_scan_free(&of_target);
	json_scan_free(&of_patch);
	return 0;
}
