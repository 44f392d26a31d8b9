#include "store/name.h"

#include "base/utf8.h"

/* Returns what is wrong with the name, as the end of a sentence, or NULL. */
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
		if (utf8_is_control(name.data))
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
	utf8_printable(shown, sizeof(shown), name);
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
