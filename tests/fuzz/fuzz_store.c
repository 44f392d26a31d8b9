/*
 * Stores that were damaged: the input is a script of what happens to the data
 * file of a good one. Whatever it is, preparing it ends with ST_OK or with
 * words that say what is wrong, here and not in a crash; and what is taken for
 * good can be read to its end, row by row and each by its name. (Not written
 * to: a page's own number in its header, by which LMDB frees it, is what no
 * check of rows can see.)
 */
#include "fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/store.h"

#define STORE_BYTES ((size_t)1 << 20)
#define FILE_MAX ((size_t)1 << 20)
#define PAGE ((size_t)4096)

int LLVMFuzzerInitialize(int *argc, char ***argv);

struct image {
	char *data;
	size_t len;
};

static struct {
	char dir[64];
	char path[80];
	char file[100];
	char lock[100];
	struct store_options options;
	struct image old, now; /* the same store some commits apart */
	char *damaged;	       /* FILE_MAX bytes */
} world;

/*
 * libFuzzer counts these as coverage: what is seen in a child would else be
 * lost.
 */
__attribute__((section("__libfuzzer_extra_counters"))) static unsigned char verdicts[1024];

/* --- the good store --- */

static int
remove_entry(const char *path, const struct stat *sb, int flag, struct FTW *ftw)
{
	(void)sb;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static void
remove_directory(void)
{
	nftw(world.dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static void
put(struct store *s, unsigned collection, unsigned record, struct slice json)
{
	char c[16], r[16];
	struct edit e = {.json = json};
	struct view *v;

	snprintf(c, sizeof(c), "collection %u", collection);
	e.name = (struct slice){r, (size_t)snprintf(r, sizeof(r), "record %u", record)};
	must(store_write(s, &v) == ST_OK);
	must(store_apply(v, slice_str(c), &e, 1, STORE_CREATE) == ST_OK);
	must(store_commit(s) == ST_OK);
}

/*
 * Values of several lengths, one on pages of its own, and pages that were
 * freed.
 */
static void
fill(struct store *s, unsigned from, unsigned to)
{
	char json[9000];
	struct view *v;

	memset(json, '7', sizeof(json));
	for (unsigned i = from; i < to; i++)
		put(s, i % 5, i % 97,
		    (struct slice){json, i % 40 == 0 ? sizeof(json) : i % 300 + 1});
	must(store_write(s, &v) == ST_OK);
	must(store_drop(v, SLICE("collection 3")) == ST_OK);
	must(store_commit(s) == ST_OK);
}

static struct image
load(void)
{
	struct image image = {.data = malloc(FILE_MAX)};
	FILE *f = fopen(world.file, "r");

	must(image.data != NULL && f != NULL);
	image.len = fread(image.data, 1, FILE_MAX, f);
	must(image.len > 8 * PAGE && image.len < FILE_MAX);
	fclose(f);
	return image;
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *tmp = getenv("TMPDIR");
	struct problem why = {""};
	struct store *s;
	bool fresh;
	int hold;

	(void)argc;
	(void)argv;
	if (tmp == NULL || strlen(tmp) > 30)
		tmp = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
	snprintf(world.dir, sizeof(world.dir), "%s/markbook-XXXXXX", tmp);
	must(mkdtemp(world.dir) != NULL);
	atexit(remove_directory);
	snprintf(world.path, sizeof(world.path), "%s/store", world.dir);
	snprintf(world.file, sizeof(world.file), "%s/data.mdb", world.path);
	snprintf(world.lock, sizeof(world.lock), "%s/lock.mdb", world.path);
	world.options =
	    (struct store_options){.path = world.path, .size = STORE_BYTES, .max_snapshots = 8};
	must(store_prepare(&world.options, &fresh, &hold, &why) == ST_OK);
	close(hold);
	must(store_open(&s, &world.options, &why) == ST_OK);
	fill(s, 0, 120);
	world.old = load();
	fill(s, 100, 230);
	world.now = load();
	store_close(s);
	world.damaged = malloc(FILE_MAX);
	must(world.damaged != NULL);
	return 0;
}

/* --- damage --- */

/*
 * A place in the file: a page, and an offset in it; the header of a page is
 * half of all cases.
 */
static size_t
take_place(struct slice *script, size_t len)
{
	size_t page = fuzz_byte(script), offset = fuzz_word(script);

	return (page * PAGE + (offset & 0x8000 ? offset % 64 : offset % PAGE)) % len;
}

static void
copy_page(const struct image *from, size_t source, size_t target, size_t len)
{
	if ((source + 1) * PAGE <= from->len && (target + 1) * PAGE <= len)
		memcpy(world.damaged + target * PAGE, from->data + source * PAGE, PAGE);
}

/* One step of the script; returns how long the file is now. */
static size_t
damage(struct slice *script, size_t len)
{
	unsigned op = fuzz_byte(script) % 9;
	size_t at, n, page;

	switch (op) {
	case 0: /* one byte */
		at = take_place(script, len);
		world.damaged[at] = (char)fuzz_byte(script);
		break;
	case 1: /* one bit */
		at = take_place(script, len);
		world.damaged[at] =
		    (char)((unsigned char)world.damaged[at] ^ 1u << fuzz_byte(script) % 8);
		break;
	case 2: /* a half-word, where the headers have theirs */
		at = take_place(script, len) & ~(size_t)1;
		n = fuzz_word(script);
		world.damaged[at] = (char)n;
		world.damaged[at + 1] = (char)(n >> 8);
		break;
	case 3: /* a page's number */
		at = take_place(script, len) & ~(size_t)7;
		n = fuzz_byte(script);
		memcpy(world.damaged + at, &n, sizeof(n));
		break;
	case 4: /* zeros */
		at = take_place(script, len);
		n = fuzz_word(script);
		memset(world.damaged + at, 0, n < len - at ? n : len - at);
		break;
	case 5: /* cut short */
		at = take_place(script, len);
		len = at > PAGE / 2 ? at : PAGE / 2;
		break;
	case 6: /* a write that went to another page */
		page = fuzz_byte(script);
		copy_page(&world.now, page, fuzz_byte(script), len);
		break;
	case 7: /* a write that never happened */
		page = fuzz_byte(script);
		copy_page(&world.old, page, page, len);
		break;
	default: /* a write torn at a sector */
		page = fuzz_byte(script);
		n = (size_t)fuzz_byte(script) % 8 * 512;
		if ((page + 1) * PAGE <= len && page * PAGE + PAGE <= world.old.len)
			memcpy(world.damaged + page * PAGE + n, world.old.data + page * PAGE + n,
			       512);
		break;
	}
	return len;
}

static void
lay_out(const char *data, size_t len)
{
	int fd = open(world.file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	must(fd >= 0);
	must(write(fd, data, len) == (ssize_t)len);
	close(fd);
	unlink(world.lock);
}

/* --- what is asked of it --- */

/* Read all there is, by walking and by name. */
static void
read_all(struct store *s)
{
	struct view_iter it;
	struct slice collection = {NULL, 0};
	struct view *v;
	struct row row;
	size_t bytes = 0;
	enum status st;

	must(store_read(s, &v) == ST_OK);
	must(view_iterate(v, (struct slice){NULL, 0}, (struct slice){NULL, 0}, &it) == ST_OK);
	while ((st = view_next(&it, &row)) == ST_OK) {
		if (row.is_collection) {
			collection = row.name;
			continue;
		}
		must(view_record(v, collection, row.name, NULL) == ST_OK);
		for (size_t i = 0; i < row.json.len; i++)
			bytes += row.json.data[i] != '\0';
		must(bytes > 0);
	}
	must(st == ST_NOT_FOUND);
	store_read_end(s);
}

/* In a child, since a store that was wrongly taken for good may end it. */
static int
use(void)
{
	struct problem why = {""};
	struct store *s;

	must(store_open(&s, &world.options, &why) == ST_OK);
	read_all(s);
	store_close(s);
	return 0;
}

static void
check_use(void)
{
	struct problem why = {""};
	bool there = false;
	int status;
	pid_t pid = fork();

	must(pid >= 0);
	if (pid == 0)
		_exit(use());
	must(TEMP_FAILURE_RETRY(waitpid(pid, &status, 0)) == pid);
	must(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	/* Reading changes nothing. */
	must(store_verify(&world.options, &there, &why) == ST_OK && there);
}

/* So that a script which leads to another verdict counts as a new one. */
static void
note_verdict(enum status st, const struct problem *why)
{
	unsigned hash = (unsigned)st;

	for (const char *p = why->detail; *p != '\0'; p++)
		hash = hash * 31 + (*p >= '0' && *p <= '9' ? '0' : (unsigned char)*p);
	verdicts[hash % sizeof(verdicts)] = 1;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice script = {(const char *)data, size};
	size_t len = world.now.len;
	struct problem why = {""};
	bool fresh;
	int hold;
	enum status st;

	memcpy(world.damaged, world.now.data, len);
	while (script.len > 0)
		len = damage(&script, len);
	lay_out(world.damaged, len);
	st = store_prepare(&world.options, &fresh, &hold, &why);
	must((hold >= 0) == (st == ST_OK));
	note_verdict(st, &why);
	if (st == ST_OK) {
		close(hold);
		check_use();
	} else {
		fuzz_check_problem(&why);
		must(strstr(why.detail, world.path) != NULL);
	}
	return 0;
}
