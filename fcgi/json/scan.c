#include "json/scan.h"

#include <ctype.h>

#include "base/utf8.h"

/* The next scan frees a buffer that is larger than this. */
#define KEEP_BYTES 65536
/* The size of a name in a message, with its NUL. */
#define SHOWN_BYTES 256

struct scanner {
	struct json_scan *found;
	const char *start, *p, *end;
	const char *pending; /* from here to p is not yet copied to the text */
	unsigned depth;	     /* arrays and objects around p */
	unsigned limit;	     /* of depth, without the outermost object */
	enum status refused; /* why the text is refused even if it is JSON */
	struct problem *why;
};

bool
json_scan_init(struct json_scan *sc)
{
	*sc = (struct json_scan){0};
	return json_names_init(&sc->names);
}

void
json_scan_free(struct json_scan *sc)
{
	buf_free(&sc->text);
	buf_free(&sc->members);
	buf_free(&sc->decoded);
	json_names_free(&sc->names);
}

static size_t
offset(const struct scanner *s)
{
	return (size_t)(s->p - s->start);
}

/* Returns the byte at p, or -1 at the end. */
static int
peek(const struct scanner *s)
{
	return s->p < s->end ? (unsigned char)*s->p : -1;
}

/* Report what may not stand at p. */
static enum status
unexpected(const struct scanner *s)
{
	struct slice rest = {s->p, (size_t)(s->end - s->p)};
	const char *what = "unexpected character";

	if (rest.len == 0)
		what = "unexpected end";
	else if (utf8_first(rest) == 0)
		what = "malformed UTF-8";
	else if ((unsigned char)*s->p < 0x20)
		what = "unexpected control character";
	return problem_set(s->why, ST_BAD_JSON, "Body is not JSON: %s at byte %zu", what,
			   offset(s));
}

/* Step over `c`. */
static enum status
expect(struct scanner *s, char c)
{
	if (peek(s) != c)
		return unexpected(s);
	s->p++;
	return ST_OK;
}

static void
copy_pending(struct scanner *s)
{
	buf_add(&s->found->text, s->pending, (size_t)(s->p - s->pending));
	s->pending = s->p;
}

/*
 * Returns where the byte at `p` will be in the compact text.  The text does not
 * move: scan_prepare has reserved memory for all of it.
 */
static const char *
place(const struct scanner *s, const char *p)
{
	return s->found->text.data + s->found->text.len + (p - s->pending);
}

static bool
at_space(const struct scanner *s)
{
	int c = peek(s);

	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static void
skip_space(struct scanner *s)
{
	if (!at_space(s))
		return;
	copy_pending(s);
	while (at_space(s))
		s->p++;
	s->pending = s->p;
}

static enum status
scan_escape(struct scanner *s)
{
	int c;

	s->p++;
	c = peek(s);
	if (c == -1 || c == '\0' || strchr("\"\\/bfnrtu", c) == NULL)
		return unexpected(s);
	s->p++;
	for (int digits = c == 'u' ? 4 : 0; digits > 0; digits--) {
		if (s->p == s->end || !isxdigit((unsigned char)*s->p))
			return unexpected(s);
		s->p++;
	}
	return ST_OK;
}

static bool
is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

/* Step over a string; *escaped tells whether it has any escape. */
static enum status
scan_string(struct scanner *s, bool *escaped)
{
	enum status st = expect(s, '"');
	const char *from;
	/*
	 * Words pay off only in long plain text, not between escapes or letters
	 * that are not ASCII.
	 */
	bool by_words = true;

	*escaped = false;
	while (st == ST_OK) {
		from = s->p;
		if (by_words)
			s->p +=
			    json_scan_plain_words((struct slice){s->p, (size_t)(s->end - s->p)});
		while (s->p < s->end && is_plain((unsigned char)*s->p))
			s->p++;
		by_words = s->p - from >= (ptrdiff_t)sizeof(uint64_t);
		if (peek(s) == '"') {
			s->p++;
			break;
		}
		if (peek(s) == '\\') {
			*escaped = true;
			st = scan_escape(s);
		} else if (peek(s) >= 0x80) {
			size_t n = utf8_first((struct slice){s->p, (size_t)(s->end - s->p)});

			if (n == 0)
				return unexpected(s);
			s->p += n;
		} else {
			return unexpected(s);
		}
	}
	return st;
}

/* Step over one or more digits. */
static enum status
scan_digits(struct scanner *s)
{
	if (peek(s) < '0' || peek(s) > '9')
		return unexpected(s);
	while (peek(s) >= '0' && peek(s) <= '9')
		s->p++;
	return ST_OK;
}

/* Step over a number (RFC 8259, section 6). */
static enum status
scan_number(struct scanner *s)
{
	enum status st = ST_OK;

	if (peek(s) == '-')
		s->p++;
	if (peek(s) == '0')
		s->p++;
	else
		st = scan_digits(s);
	if (st == ST_OK && peek(s) == '.') {
		s->p++;
		st = scan_digits(s);
	}
	if (st == ST_OK && (peek(s) == 'e' || peek(s) == 'E')) {
		s->p++;
		if (peek(s) == '+' || peek(s) == '-')
			s->p++;
		st = scan_digits(s);
	}
	return st;
}

static enum status
scan_literal(struct scanner *s, const char *word)
{
	enum status st = ST_OK;

	for (; st == ST_OK && *word != '\0'; word++)
		st = expect(s, *word);
	return st;
}

/*
 * Refuse the text for a name, unless it is refused already.  The scan goes on:
 * if the rest is not JSON, that is reported instead.
 */
static void
refuse_name(struct scanner *s, struct slice name, const char *fault)
{
	char shown[SHOWN_BYTES];

	if (s->refused != ST_OK)
		return;
	utf8_printable(shown, sizeof(shown), name);
	s->refused = problem_set(s->why, ST_UNPROCESSABLE, "The name \"%s\" %s", shown, fault);
}

/* Decode a name with escapes; `inside` is what stands between its quotes. */
static enum status
decode_name(struct scanner *s, struct slice inside, struct slice *name)
{
	struct buf *decoded = &s->found->decoded;
	size_t from;

	/*
	 * All names together are not longer than the text.  So no name moves
	 * when another one is added.
	 */
	if (decoded->len == 0 && !buf_reserve(decoded, (size_t)(s->end - s->start)))
		return ST_NO_MEMORY;
	from = decoded->len;
	if (!json_names_decode(decoded, inside))
		refuse_name(s, inside, "holds an unpaired surrogate");
	*name = (struct slice){decoded->data + from, decoded->len - from};
	return ST_OK;
}

static enum status
scan_name(struct scanner *s, struct slice *name)
{
	const char *quote = s->p;
	struct slice inside;
	bool escaped;
	enum status st = scan_string(s, &escaped);

	if (st != ST_OK)
		return st;
	inside = (struct slice){quote + 1, (size_t)(s->p - quote) - 2};
	*name = (struct slice){place(s, quote + 1), inside.len};
	if (escaped) {
		st = decode_name(s, inside, name);
		inside = *name;
	}
	json_names_add(&s->found->names, inside);
	return st;
}

static enum status scan_value(struct scanner *s);

static enum status
scan_member(struct scanner *s)
{
	struct json_member m;
	enum status st = scan_name(s, &m.name);

	if (st != ST_OK)
		return st;
	skip_space(s);
	st = expect(s, ':');
	if (st != ST_OK)
		return st;
	skip_space(s);
	m.json.data = place(s, s->p);
	st = scan_value(s);
	if (st == ST_OK && s->depth == 1) {
		m.json.len = (size_t)(place(s, s->p) - m.json.data);
		buf_add(&s->found->members, &m, sizeof(m));
	}
	return st;
}

/*
 * Step over an array or object from its opening bracket to the closing one,
 * calling scan_element for each element or member.
 */
static enum status
scan_elements(struct scanner *s, enum status (*scan_element)(struct scanner *), char close)
{
	enum status st;

	s->p++;
	skip_space(s);
	if (peek(s) == close) {
		s->p++;
		return ST_OK;
	}
	for (;;) {
		st = scan_element(s);
		if (st != ST_OK)
			return st;
		skip_space(s);
		if (peek(s) != ',')
			return expect(s, close);
		s->p++;
		skip_space(s);
	}
}

static enum status
scan_object(struct scanner *s)
{
	size_t mark = json_names_begin(&s->found->names);
	struct slice twice;
	enum status st = scan_elements(s, scan_member, '}');

	if (st != ST_OK)
		return st;
	st = json_names_end(&s->found->names, mark, &twice);
	if (st == ST_UNPROCESSABLE)
		refuse_name(s, twice, "occurs twice in one object");
	return st == ST_NO_MEMORY ? st : ST_OK;
}

static enum status
scan_container(struct scanner *s)
{
	enum status st;

	/* Stop here: each level is a call, and only the limit bounds them. */
	if (s->depth > s->limit)
		return problem_set(s->why, ST_UNPROCESSABLE,
				   "A value is nested more than %u deep, at byte %zu", s->limit,
				   offset(s));
	s->depth++;
	st = *s->p == '{' ? scan_object(s) : scan_elements(s, scan_value, ']');
	s->depth--;
	return st;
}

static enum status
scan_value(struct scanner *s)
{
	bool escaped;

	s->found->values++;
	switch (peek(s)) {
	case '{':
	case '[':
		return scan_container(s);
	case '"':
		return scan_string(s, &escaped);
	case 't':
		return scan_literal(s, "true");
	case 'f':
		return scan_literal(s, "false");
	case 'n':
		return scan_literal(s, "null");
	default:
		return scan_number(s);
	}
}

static bool
scan_prepare(struct json_scan *sc, struct slice text)
{
	buf_reset(&sc->text, KEEP_BYTES);
	buf_reset(&sc->members, KEEP_BYTES);
	buf_reset(&sc->decoded, KEEP_BYTES);
	json_names_reset(&sc->names, KEEP_BYTES);
	sc->values = 0;
	return buf_reserve(&sc->text, text.len);
}

enum status
json_scan_object(struct json_scan *sc, struct slice text, unsigned depth, struct problem *why)
{
	struct scanner s = {.found = sc, .limit = depth, .refused = ST_OK, .why = why};
	bool object;
	enum status st;

	if (text.data == NULL)
		text = SLICE("");
	s.start = s.p = s.pending = text.data;
	s.end = text.data + text.len;
	if (!scan_prepare(sc, text))
		return ST_NO_MEMORY;
	skip_space(&s);
	object = peek(&s) == '{';
	st = scan_value(&s);
	if (st != ST_OK)
		return st;
	copy_pending(&s);
	skip_space(&s);
	if (s.p < s.end)
		return unexpected(&s);
	if (sc->members.failed)
		return ST_NO_MEMORY;
	if (!object)
		return problem_set(why, ST_UNPROCESSABLE, "Body is not a JSON object");
	return s.refused;
}

const char *
json_scan_string_end(const char *p)
{
	for (p++; *p != '"'; p++)
		if (*p == '\\')
			p++;
	return p + 1;
}
