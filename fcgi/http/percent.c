#include "http/percent.h"

/* RFC 3986, section 2.3. */
static bool
is_unreserved(char c)
{
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
		return true;
	return c == '-' || c == '.' || c == '_' || c == '~';
}

void
percent_encode(struct buf *out, struct slice name)
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

/* The value of a hex digit, or -1. */
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
percent_decode(struct buf *out, struct slice s)
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
