#include "http/records.h"

enum record_result
record_take(struct slice *bytes, struct record *out)
{
	const unsigned char *h = (const unsigned char *)bytes->data;
	size_t content, all;

	if (bytes->len > 0 && h[0] != 1)
		return RECORD_BAD;
	if (bytes->len < RECORD_HEADER_BYTES)
		return RECORD_PARTIAL;
	content = (size_t)h[4] << 8 | h[5];
	all = RECORD_HEADER_BYTES + content + h[6];
	if (bytes->len < all)
		return RECORD_PARTIAL;
	*out = (struct record){.type = h[1],
			       .id = (unsigned)h[2] << 8 | h[3],
			       .content = {bytes->data + RECORD_HEADER_BYTES, content}};
	*bytes = (struct slice){bytes->data + all, bytes->len - all};
	return RECORD_WHOLE;
}

size_t
record_open(struct buf *out, enum record_type type, unsigned id)
{
	const unsigned char head[RECORD_HEADER_BYTES] = {
	    1, (unsigned char)type, (unsigned char)(id >> 8), (unsigned char)(id & 0xff)};
	size_t at = out->len;

	buf_add(out, head, sizeof(head));
	return at;
}

void
record_close(struct buf *out, size_t at)
{
	size_t len = out->len - at - RECORD_HEADER_BYTES;

	if (out->failed)
		return;
	out->data[at + 4] = (char)(len >> 8);
	out->data[at + 5] = (char)(len & 0xff);
}

void
record_add(struct buf *out, enum record_type type, unsigned id, struct slice content)
{
	size_t at = record_open(out, type, id);

	buf_add_slice(out, content);
	record_close(out, at);
}

/*
 * Take a length of one or four bytes (FastCGI Specification 1.0, section 3.4)
 * off the front.  Returns false where `bytes` ends within it.
 */
static bool
take_length(struct slice *bytes, size_t *out)
{
	const unsigned char *p = (const unsigned char *)bytes->data;
	size_t n = bytes->len > 0 && p[0] >= 0x80 ? 4 : 1;

	if (bytes->len < n)
		return false;
	*out = n == 1 ? p[0]
		      : (size_t)(p[0] & 0x7f) << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
	*bytes = (struct slice){bytes->data + n, bytes->len - n};
	return true;
}

/*
 * Check the lengths in one PARAMS record.  A name and value may continue in
 * the next record: *spill is how many of their bytes are still to come, before
 * the call and after it.  Returns false for a pair of more than 65,535 bytes,
 * and for a record that ends within the lengths of a pair, where no front
 * splits it.
 */
static bool
check_params(struct slice content, size_t *spill)
{
	if (*spill >= content.len) {
		*spill -= content.len;
		return true;
	}
	content.data += *spill;
	content.len -= *spill;
	*spill = 0;
	while (content.len > 0) {
		size_t name, value;

		if (!take_length(&content, &name) || !take_length(&content, &value) ||
		    name + value > UINT16_MAX)
			return false;
		if (name + value > content.len) {
			*spill = name + value - content.len;
			return true;
		}
		content.data += name + value;
		content.len -= name + value;
	}
	return true;
}

enum record_result
records_look(struct slice bytes, bool *params_ended)
{
	enum record_result result;
	bool begun = false;
	size_t spill = 0;
	struct record r;
	unsigned id = 0;

	*params_ended = false;
	while ((result = record_take(&bytes, &r)) == RECORD_WHOLE) {
		if (!begun) {
			if (r.type != RECORD_BEGIN_REQUEST || r.id == 0 || r.content.len != 8)
				return RECORD_BAD;
			begun = true;
			id = r.id;
		} else if (r.id != id) {
			return RECORD_BAD;
		} else if (r.type == RECORD_PARAMS && !*params_ended) {
			*params_ended = r.content.len == 0;
			if (!check_params(r.content, &spill) || (*params_ended && spill > 0))
				return RECORD_BAD;
		} else if (r.type == RECORD_STDIN && *params_ended) {
			if (r.content.len == 0)
				return RECORD_WHOLE;
		} else {
			return RECORD_BAD;
		}
	}
	return result;
}
