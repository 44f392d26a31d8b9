/*
 * Names, percent-encoding and paths.  The input is a name, text that claims to
 * be percent-encoded, and a path, all at once.
 */
#include "fuzz.h"

#include "base/utf8.h"
#include "http/percent.h"
#include "http/route.h"

static bool
is_name(struct slice s)
{
	return s.len >= 1 && s.len <= 255 && fuzz_is_printable(s) &&
	       memchr(s.data, '/', s.len) == NULL && !slice_eq(s, SLICE(".")) &&
	       !slice_eq(s, SLICE(".."));
}

/* Encoded, a name has only bytes that any URL may have, and comes back. */
static void
check_encoding(struct slice s)
{
	struct buf encoded = {0}, decoded = {0};

	percent_encode(&encoded, s);
	for (size_t i = 0; i < encoded.len; i++)
		must(strchr("%-._~", encoded.data[i]) != NULL ||
		     (encoded.data[i] >= '0' && encoded.data[i] <= '9') ||
		     (encoded.data[i] >= 'A' && encoded.data[i] <= 'Z') ||
		     (encoded.data[i] >= 'a' && encoded.data[i] <= 'z'));
	must(percent_decode(&decoded, buf_slice(&encoded)));
	must(slice_eq(buf_slice(&decoded), s));
	buf_free(&encoded);
	buf_free(&decoded);
}

static void
check_decoding(struct slice s)
{
	struct buf decoded = {0};
	size_t escapes = 0;

	for (size_t i = 0; i < s.len; i++)
		escapes += s.data[i] == '%';
	if (percent_decode(&decoded, s)) {
		must(decoded.len + 2 * escapes == s.len);
		check_encoding(buf_slice(&decoded));
	} else {
		must(escapes > 0);
	}
	buf_free(&decoded);
}

static void
check_printable(struct slice s)
{
	for (size_t size = 1; size < 24; size++) {
		char *shown = malloc(size);

		must(shown != NULL);
		utf8_printable(shown, size, s);
		must(strlen(shown) < size);
		must(fuzz_is_printable(slice_str(shown)));
		free(shown);
	}
}

/* As one segment of a path, and as two. */
static void
check_path_of(struct slice name, bool valid)
{
	struct problem why = {""};
	struct buf path = {0};
	struct route route;
	enum status st;

	buf_adds(&path, "/json/");
	buf_add_slice(&path, name);
	st = route_parse(&route, buf_slice(&path), &why);
	must((st == ST_OK && route.kind == ROUTE_COLLECTION) == valid);
	must(!valid || slice_eq(route.collection, name));
	buf_addc(&path, '/');
	must(!valid || route_parse(&route, buf_slice(&path), &why) == ST_NOT_FOUND);
	buf_add_slice(&path, name);
	st = route_parse(&route, buf_slice(&path), &why);
	must((st == ST_OK) == valid);
	must(!valid || (slice_eq(route.collection, name) && slice_eq(route.record, name)));
	buf_free(&path);
}

/* Whatever a path is taken for, it is that path and no other. */
static void
check_path(struct slice path)
{
	struct problem why = {""};
	struct buf again = {0};
	struct route route;
	enum status st = route_parse(&route, path, &why);

	must(st == ST_OK || st == ST_NOT_FOUND || st == ST_BAD_NAME);
	if (st == ST_BAD_NAME)
		fuzz_check_problem(&why);
	if (st == ST_OK) {
		buf_adds(&again, "/json");
		if (route.kind != ROUTE_STORE) {
			must(is_name(route.collection));
			buf_addc(&again, '/');
			buf_add_slice(&again, route.collection);
		}
		if (route.kind == ROUTE_RECORD) {
			must(is_name(route.record));
			buf_addc(&again, '/');
			buf_add_slice(&again, route.record);
		}
		must(slice_eq(buf_slice(&again), path));
	}
	buf_free(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice s = {(const char *)data, size};
	struct problem why = {""};
	bool valid = is_name(s);

	must((name_check(s, ST_BAD_NAME, &why) == ST_OK) == valid);
	if (!valid)
		fuzz_check_problem(&why);
	must((name_check_collection(s, ST_BAD_NAME, &why) == ST_OK) ==
	     (valid && !slice_eq(s, SLICE("res"))));
	check_encoding(s);
	check_decoding(s);
	check_printable(s);
	check_path_of(s, valid);
	check_path(s);
	return 0;
}
