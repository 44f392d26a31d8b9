#include "http/etag.h"

#define ID_DIGITS 8

_Static_assert(ETAG_BYTES >= 1 + ID_DIGITS + 1 + U64_DIGITS_MAX + 1 + 1, "a tag and its end");

/*
 * Almost every answer has a tag, so this avoids snprintf, which took a tenth
 * of the instructions of a GET.
 */
void
etag_make(struct etag *out, uint64_t store_id, uint64_t revision)
{
	static const char hex[] = "0123456789abcdef";
	uint32_t id = (uint32_t)(store_id ^ store_id >> 32);
	char *p = out->text;

	*p++ = '"';
	for (unsigned i = ID_DIGITS; i-- > 0;)
		*p++ = hex[id >> 4 * i & 0xf];
	*p++ = '-';
	p += buf_u64_digits(p, revision);
	*p++ = '"';
	*p = '\0';
}

struct tag {
	bool weak;
	struct slice opaque; /* quotes included */
};

enum step { STEP_TAG, STEP_END, STEP_BAD };

/* A byte that may stand between the quotes (RFC 9110, section 8.8.3). */
static bool
is_etagc(char ch)
{
	unsigned char c = (unsigned char)ch;

	return c == 0x21 || (c >= 0x23 && c <= 0x7e) || c >= 0x80;
}

/*
 * Take the next entity tag off the front of a list.  Every tag but the first
 * needs a comma before it.  *first says whether this is the first tag, and
 * becomes false once a tag was taken.
 */
static enum step
next_tag(struct slice *rest, bool *first, struct tag *tag)
{
	const char *p = rest->data, *end = p + rest->len, *open;
	bool comma = *first;

	while (p < end && (*p == ' ' || *p == '\t' || *p == ',')) {
		comma = comma || *p == ',';
		p++;
	}
	if (p == end)
		return STEP_END;
	tag->weak = end - p >= 2 && p[0] == 'W' && p[1] == '/';
	if (tag->weak)
		p += 2;
	if (!comma || p == end || *p != '"')
		return STEP_BAD;
	open = p++;
	while (p < end && is_etagc(*p))
		p++;
	if (p == end || *p != '"')
		return STEP_BAD;
	p++;
	tag->opaque = (struct slice){open, (size_t)(p - open)};
	*rest = (struct slice){p, (size_t)(end - p)};
	*first = false;
	return STEP_TAG;
}

static bool
is_any(struct slice field)
{
	return slice_eq(slice_trim(field), SLICE("*"));
}

enum status
etag_check_list(struct slice field, const char *field_name, struct problem *why)
{
	struct tag tag;
	enum step step;
	bool first = true;

	if (field.data == NULL || is_any(field))
		return ST_OK;
	while ((step = next_tag(&field, &first, &tag)) == STEP_TAG)
		;
	if (step == STEP_BAD || first)
		return problem_set(why, ST_BAD_REQUEST,
				   "%s takes * or a list of entity tags in double quotes",
				   field_name);
	return ST_OK;
}

/*
 * Our tags are strong.  Strong comparison fails for every weak tag of the
 * list; weak comparison ignores the W/ (RFC 9110, section 8.8.3.2).
 */
static bool
list_has(struct slice field, const struct etag *current, bool strong)
{
	struct tag tag;
	bool first = true;

	if (is_any(field))
		return true;
	while (next_tag(&field, &first, &tag) == STEP_TAG) {
		if (!(strong && tag.weak) && slice_eq(tag.opaque, slice_str(current->text)))
			return true;
	}
	return false;
}

enum status
etag_evaluate(struct slice if_match, struct slice if_none_match, const struct etag *current,
	      bool is_read)
{
	if (if_match.data != NULL && (current == NULL || !list_has(if_match, current, true)))
		return ST_PRECONDITION;
	if (if_none_match.data != NULL && current != NULL &&
	    list_has(if_none_match, current, false))
		return is_read ? ST_NOT_MODIFIED : ST_PRECONDITION;
	return ST_OK;
}
