/* The contract of store.h within one process: changes. */
#include "store_fixture.h"

static void
a_new_store_is_empty_and_at_revision_0(void **state)
{
	struct fixture *f = *state;
	struct view *v = snapshot(f->s);
	struct collection c;
	struct store_stats st;

	assert_int_equal(view_revision(v), 0);
	assert_int_equal(view_collection(v, SLICE("a"), &c), ST_NO_COLLECTION);
	assert_list(v, NONE, NONE, "");
	st = stats(f->s);
	assert_true(st.id == store_id(f->s));
	assert_int_equal(st.collections, 0);
	assert_int_equal(st.records, 0);
	assert_int_equal(st.size_bytes, 4 * MIB);
	assert_true(st.used_bytes < st.limit_bytes && st.limit_bytes < st.size_bytes);
}

static void
a_change_gives_its_revision_to_records_collection_and_store(void **state)
{
	struct fixture *f = *state;
	const struct edit edits[] = {{SLICE("x"), SLICE("1")}, {SLICE("y"), SLICE("\"two\"")}};
	struct collection c;
	struct view *v;
	struct row row;

	assert_ok(apply(f->s, SLICE("a"), edits, 2, STORE_CREATE));
	assert_ok(put(f->s, SLICE("a"), SLICE("y"), SLICE("[3]")));
	v = snapshot(f->s);
	assert_int_equal(view_revision(v), 2);
	assert_ok(view_collection(v, SLICE("a"), &c));
	assert_int_equal(c.revision, 2);
	assert_int_equal(c.count, 2);
	assert_int_equal(c.bytes, 2 + 1 + 3);
	assert_ok(view_record(v, SLICE("a"), SLICE("x"), &row));
	assert_int_equal(row.revision, 1);
	assert_slice(row.name, "x");
	assert_slice(row.json, "1");
	assert_ok(view_record(v, SLICE("a"), SLICE("y"), &row));
	assert_int_equal(row.revision, 2);
	assert_slice(row.json, "[3]");
}

static void
a_missing_record_and_a_missing_collection_are_told_apart(void **state)
{
	struct fixture *f = *state;
	char name[600];
	struct view *v;

	memset(name, 'n', sizeof(name));
	assert_ok(put(f->s, SLICE("a"), SLICE("x"), SLICE("1")));
	v = snapshot(f->s);
	assert_ok(view_record(v, SLICE("a"), SLICE("x"), NULL));
	assert_int_equal(view_record(v, SLICE("a"), SLICE("y"), NULL), ST_NOT_FOUND);
	assert_int_equal(view_record(v, SLICE("b"), SLICE("x"), NULL), ST_NO_COLLECTION);
	/* What no store can hold is not in it. */
	assert_int_equal(view_record(v, SLICE("a"), (struct slice){name, sizeof(name)}, NULL),
			 ST_NOT_FOUND);
	assert_int_equal(view_record(v, (struct slice){name, sizeof(name)}, SLICE("x"), NULL),
			 ST_NO_COLLECTION);
}

static void
a_collection_is_only_made_where_that_is_asked_for(void **state)
{
	struct fixture *f = *state;
	const struct edit edit = {SLICE("x"), SLICE("1")};

	assert_int_equal(apply(f->s, SLICE("a"), &edit, 1, 0), ST_NO_COLLECTION);
	assert_int_equal(apply(f->s, SLICE("a"), &edit, 1, STORE_CLEAR), ST_NO_COLLECTION);
	assert_int_equal(drop(f->s, SLICE("a")), ST_NO_COLLECTION);
	assert_int_equal(stats(f->s).revision, 0);
	assert_ok(apply(f->s, SLICE("a"), NULL, 0, STORE_CREATE));
	assert_list(snapshot(f->s), NONE, NONE, "a:0 ");
	store_read_end(f->s);
	assert_ok(apply(f->s, SLICE("a"), &edit, 1, 0));
	assert_list(snapshot(f->s), NONE, NONE, "a:1 x=1 ");
}

static void
what_is_missing_is_no_change_of_the_batch(void **state)
{
	struct fixture *f = *state;
	struct view *v = begin(f->s);

	assert_ok(store_apply(v, SLICE("a"), NULL, 0, STORE_CREATE));
	assert_int_equal(store_drop(v, SLICE("b")), ST_NO_COLLECTION);
	assert_int_equal(store_apply(v, SLICE("b"), NULL, 0, 0), ST_NO_COLLECTION);
	assert_ok(store_commit(f->s));
	assert_int_equal(stats(f->s).revision, 1);
	assert_list(snapshot(f->s), NONE, NONE, "a:0 ");
}

static void
removing_takes_records_away_and_a_revision(void **state)
{
	struct fixture *f = *state;
	const struct edit set[] = {{SLICE("x"), SLICE("10")}, {SLICE("y"), SLICE("2")}};
	const struct edit removal[] = {{SLICE("x"), NONE}, {SLICE("z"), NONE}};
	struct collection c;

	assert_ok(apply(f->s, SLICE("a"), set, 2, STORE_CREATE));
	assert_ok(apply(f->s, SLICE("a"), removal, 2, 0));
	assert_ok(view_collection(snapshot(f->s), SLICE("a"), &c));
	assert_int_equal(c.revision, 2);
	assert_int_equal(c.count, 1);
	assert_int_equal(c.bytes, 2);
	assert_list(snapshot(f->s), NONE, NONE, "a:1 y=2 ");
	store_read_end(f->s);
	assert_ok(apply(f->s, SLICE("a"), removal, 2, 0));
	assert_int_equal(stats(f->s).revision, 3);
}

static void
edits_of_one_change_apply_in_their_order(void **state)
{
	struct fixture *f = *state;
	const struct edit edits[] = {
	    {SLICE("x"), SLICE("1")},
	    {SLICE("x"), SLICE("22")},
	    {SLICE("y"), SLICE("3")},
	    {SLICE("y"), NONE},
	};
	struct collection c;

	assert_ok(apply(f->s, SLICE("a"), edits, 4, STORE_CREATE));
	assert_list(snapshot(f->s), SLICE("a"), NONE, "x=22 ");
	assert_ok(view_collection(snapshot(f->s), SLICE("a"), &c));
	assert_int_equal(c.count, 1);
	assert_int_equal(c.bytes, 3);
}

static void
clearing_leaves_only_what_the_change_sets(void **state)
{
	struct fixture *f = *state;
	const struct edit edit = {SLICE("new"), SLICE("{}")};
	char name[16];

	for (int i = 0; i < 500; i++) {
		int len = snprintf(name, sizeof(name), "r%d", i);

		assert_ok(put(f->s, SLICE("b"), (struct slice){name, (size_t)len}, SLICE("1")));
	}
	assert_ok(put(f->s, SLICE("a"), SLICE("x"), SLICE("1")));
	assert_ok(put(f->s, SLICE("c"), SLICE("x"), SLICE("1")));
	assert_ok(apply(f->s, SLICE("b"), &edit, 1, STORE_CLEAR));
	assert_list(snapshot(f->s), NONE, NONE, "a:1 x=1 b:1 new={} c:1 x=1 ");
	store_read_end(f->s);
	assert_ok(apply(f->s, SLICE("b"), NULL, 0, STORE_CLEAR));
	assert_list(snapshot(f->s), NONE, NONE, "a:1 x=1 b:0 c:1 x=1 ");
}

static void
a_name_that_begins_as_another_is_another_collection(void **state)
{
	struct fixture *f = *state;

	assert_ok(put(f->s, SLICE("ab"), SLICE("x"), SLICE("2")));
	assert_ok(put(f->s, SLICE("a"), SLICE("x"), SLICE("1")));
	assert_ok(put(f->s, SLICE("a"), SLICE("b"), SLICE("0")));
	assert_ok(put(f->s, SLICE("a b"), SLICE("x"), SLICE("3")));
	assert_list(snapshot(f->s), SLICE("a"), NONE, "b=0 x=1 ");
	assert_list(snapshot(f->s), SLICE("ab"), NONE, "x=2 ");
	store_read_end(f->s);
	assert_ok(drop(f->s, SLICE("a")));
	assert_list(snapshot(f->s), NONE, NONE, "a b:1 x=3 ab:1 x=2 ");
	store_read_end(f->s);
	assert_ok(drop(f->s, SLICE("ab")));
	assert_ok(drop(f->s, SLICE("a b")));
	assert_list(snapshot(f->s), NONE, NONE, "");
}

static void
names_of_255_bytes_work(void **state)
{
	struct fixture *f = *state;
	char c[255], r[255], last[255];
	struct slice collection = {c, sizeof(c)}, record = {r, sizeof(r)};
	struct view_iter it;
	struct row row;

	memset(c, 'c', sizeof(c));
	memset(r, 'r', sizeof(r));
	memcpy(last, r, sizeof(last));
	last[254] = 's';
	assert_ok(put(f->s, collection, record, SLICE("1")));
	assert_ok(put(f->s, collection, (struct slice){last, sizeof(last)}, SLICE("2")));
	assert_ok(view_record(snapshot(f->s), collection, record, &row));
	assert_slice(row.json, "1");
	assert_ok(view_iterate(snapshot(f->s), collection, record, &it));
	assert_ok(view_next(&it, &row));
	assert_true(slice_eq(row.name, (struct slice){last, sizeof(last)}));
	assert_int_equal(view_next(&it, &row), ST_NOT_FOUND);
	assert_int_equal(stats(f->s).records, 2);
	store_read_end(f->s);
	assert_ok(drop(f->s, collection));
	assert_int_equal(stats(f->s).records, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    STORE_TEST(a_new_store_is_empty_and_at_revision_0),
	    STORE_TEST(a_change_gives_its_revision_to_records_collection_and_store),
	    STORE_TEST(a_missing_record_and_a_missing_collection_are_told_apart),
	    STORE_TEST(a_collection_is_only_made_where_that_is_asked_for),
	    STORE_TEST(what_is_missing_is_no_change_of_the_batch),
	    STORE_TEST(removing_takes_records_away_and_a_revision),
	    STORE_TEST(edits_of_one_change_apply_in_their_order),
	    STORE_TEST(clearing_leaves_only_what_the_change_sets),
	    STORE_TEST(a_name_that_begins_as_another_is_another_collection),
	    STORE_TEST(names_of_255_bytes_work),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
