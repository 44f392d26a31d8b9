#include "name.h"

size_t
utf8_first(struct slice s)
{
	const unsigned char *p = (const unsigned char *)s.data;
	unsigned char low = 0x80, high = 0xBF; /* bounds of the second byte */
	size_t len;

	if (s.len == 0)
		return 0;
	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xC2 || p[0] > 0xF4)
		return 0;
	len = p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
	if (s.len < len)
		return 0;
	switch (p[0]) {
	case 0xE0: /* below: overlong */
		low = 0xA0;
		break;
	case 0xED: /* above: surrogates */
		high = 0x9F;
		break;
	case 0xF0: /* below: overlong */
		low = 0x90;
		break;
	case 0xF4: /* above: beyond U+10FFFF */
		high = 0x8F;
		break;
	default:
		break;
	}
	if (p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if ((p[i] & 0xC0) != 0x80)
			return 0;
	return len;
}

static struct slice
slice_skip(struct slice s, size_t n)
{
	return (struct slice){s.data + n, s.len - n};
}

/* How many bytes at the front are ASCII, at least as far as whole words are. */
static size_t
ascii_words(struct slice s)
{
	uint64_t word;
	size_t n = 0;

	for (; n + sizeof(word) <= s.len; n += sizeof(word)) {
		memcpy(&word, s.data + n, sizeof(word));
		if ((word & UINT64_C(0x8080808080808080)) != 0)
			break;
	}
	return n;
}

bool
utf8_valid(struct slice s)
{
	while (s.len > 0) {
		size_t n = ascii_words(s);

		if (n == 0)
			n = utf8_first(s);
		if (n == 0)
			return false;
		s = slice_skip(s, n);
	}
	return true;
}

/* Whether the well-formed character at p is U+0000 to U+001F or U+007F to U+009F. */
static bool
is_control(const char *p)
{
	unsigned char c = (unsigned char)p[0];

	return c < 0x20 || c == 0x7F || (c == 0xC2 && (unsigned char)p[1] < 0xA0);
}

/* What is wrong with the name, as the end of a sentence; NULL where nothing is. */
static const char *
fault_of(struct slice name)
{
	if (name.len > NAME_MAX_BYTES)
		return "is longer than 255 bytes";
	if (slice_eq(name, SLICE(".")) || slice_eq(name, SLICE("..")))
		return "cannot stand in a URL";
	while (name.len > 0) {
		size_t n = utf8_first(name);

		if (n == 0)
			return "is not UTF-8";
		if (is_control(name.data))
			return "holds a control character";
		if (name.data[0] == '/')
			return "holds a slash";
		name = slice_skip(name, n);
	}
	return NULL;
}

enum status
name_check(struct slice name, enum status bad, struct problem *why)
{
	char shown[NAME_MAX_BYTES + 1];
	const char *fault;

	if (name.len == 0)
		return problem_set(why, bad, "A name is empty");
	fault = fault_of(name);
	if (fault == NULL)
		return ST_OK;
	name_printable(shown, sizeof(shown), name);
	return problem_set(why, bad, "The name \"%s\" %s", shown, fault);
}

enum status
name_check_collection(struct slice name, enum status bad, struct problem *why)
{
	if (slice_eq(name, SLICE("res")))
		return problem_set(why, ST_RESERVED_NAME,
				   "A collection cannot have the name \"res\"");
	return name_check(name, bad, why);
}

/* RFC 3986, section 2.3. */
static bool
is_unreserved(char c)
{
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
		return true;
	return c == '-' || c == '.' || c == '_' || c == '~';
}

void
name_percent_encode(struct buf *out, struct slice name)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < name.len; i++) {
		unsigned char c = (unsigned char)name.data[i];

		if (is_unreserved(name.data[i])) {
			buf_addc(out, name.data[i]);
		} else {
			char escape[3] = {'%', digits[c >> 4], digits[c & 15]};

			buf_add(out, escape, sizeof(escape));
		}
	}
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool
name_percent_decode(struct buf *out, struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.data[i];

		if (c == '+') {
			c = ' ';
		} else if (c == '%') {
			int high, low;

			if (s.len - i < 3)
				return false;
			high = hex_digit(s.data[i + 1]);
			low = hex_digit(s.data[i + 2]);
			if (high < 0 || low < 0)
				return false;
			c = (char)(high * 16 + low);
			i += 2;
		}
		buf_addc(out, c);
	}
	return true;
}

void
name_printable(char *out, size_t size, struct slice s)
{
	static const char dots[] = "...";
	size_t len = 0, room;
	size_t cut = 0; /* the last boundary that leaves room for the dots */

	if (size == 0)
		return;
	room = size - 1;
	while (s.len > 0) {
		size_t n = utf8_first(s);
		bool show = n > 0 && !is_control(s.data);
		size_t width = show ? n : 1;

		if (len + sizeof(dots) - 1 <= room)
			cut = len;
		if (width > room - len) {
			size_t fits = room - cut < sizeof(dots) - 1 ? room - cut : sizeof(dots) - 1;

			memcpy(out + cut, dots, fits);
			len = cut + fits;
			break;
		}
		if (show)
			memcpy(out + len, s.data, n);
		else
			out[len] = '?';
		len += width;
		s = slice_skip(s, n == 0 ? 1 : n);
	}
	out[len] = '\0';
}
