#include "base/utf8.h"

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

/*
 * The length of the words of eight bytes at the front that are all ASCII: a
 * multiple of eight, and up to seven bytes less than the whole ASCII prefix.
 */
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

bool
utf8_is_control(const char *p)
{
	unsigned char c = (unsigned char)p[0];

	return c < 0x20 || c == 0x7F || (c == 0xC2 && (unsigned char)p[1] < 0xA0);
}

void
utf8_printable(char *out, size_t size, struct slice s)
{
	static const char dots[] = "...";
	size_t len = 0, room;
	size_t cut = 0; /* the last boundary that leaves room for the dots */

	if (size == 0)
		return;
	room = size - 1;
	while (s.len > 0) {
		size_t n = utf8_first(s);
		bool show = n > 0 && !utf8_is_control(s.data);
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
