#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/status.h"
#include "base/utf8.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void
every_status_has_a_short_sentence(void **state)
{
	(void)state;
	for (enum status s = ST_OK; s < ST_COUNT; s++) {
		const char *text = status_text(s);

		assert_non_null(text);
		assert_in_range(strlen(text), 2, 60);
		assert_true(text[strlen(text) - 1] != '.');
	}
	assert_string_equal(status_text(ST_NOT_FOUND), "Not found");
	assert_string_equal(status_text(ST_NO_COLLECTION), "Collection not found");
	assert_string_equal(status_text(ST_EXISTS), "Collection already exists");
}

static void
a_problem_takes_its_status_and_its_detail(void **state)
{
	struct problem p = {"before"};

	(void)state;
	assert_int_equal(problem_set(&p, ST_FULL, "%s is %d", "it", 7), ST_FULL);
	assert_string_equal(p.detail, "it is 7");
	assert_int_equal(problem_set(NULL, ST_IO, "nobody listens"), ST_IO);
}

static void
a_long_detail_is_cut_between_characters(void **state)
{
	static const char *const tails[] = {"xxxx", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"};
	struct problem p;

	(void)state;
	for (size_t i = 0; i < COUNT(tails); i++) {
		size_t width = strlen(tails[i]);

		for (size_t before = sizeof(p.detail) - 8; before < sizeof(p.detail); before++) {
			size_t fits = before + width < sizeof(p.detail);
			char text[sizeof(p.detail) + 8] = {0};

			memset(text, 'a', before);
			memcpy(text + before, tails[i], width);
			problem_set(&p, ST_IO, "%s", text);
			assert_true(utf8_valid(slice_str(p.detail)));
			if (i > 0)
				assert_int_equal(strlen(p.detail), before + (fits ? width : 0));
			else if (!fits)
				assert_int_equal(strlen(p.detail), sizeof(p.detail) - 1);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_status_has_a_short_sentence),
	    cmocka_unit_test(a_problem_takes_its_status_and_its_detail),
	    cmocka_unit_test(a_long_detail_is_cut_between_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
