#include "check.h"

#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int
remove_one(const char *path, const struct stat *sb, int kind, struct FTW *where)
{
	(void)sb;
	(void)kind;
	return where->level > 0 ? remove(path) : 0;
}

void
files_empty(const char *dir)
{
	if (nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS) != 0)
		perror(dir);
}

void
files_join(char out[PATH_MAX], const char *dir, const char *name)
{
	if (snprintf(out, PATH_MAX, "%s/%s", dir, name) >= PATH_MAX)
		abort();
}

bool
files_renew_mark(const char *store)
{
	char data[PATH_MAX], mark[PATH_MAX], text[256] = "", renewed[300];
	uintmax_t inode;
	intmax_t seconds;
	long nanoseconds;
	uint64_t commit;
	struct stat sb;
	long long length;
	FILE *f;

	files_join(data, store, "data.mdb");
	files_join(mark, store, "settled");
	if (stat(data, &sb) != 0 || (f = fopen(mark, "r+")) == NULL)
		return false;
	/* A torn mark stays as torn as it is. */
	// NOLINTBEGIN(cert-err34-c)
	if (fgets(text, sizeof(text), f) == NULL ||
	    sscanf(text, "markbook settled: inode %ju length %lld changed %jd.%ld commit %" SCNu64,
		   &inode, &length, &seconds, &nanoseconds, &commit) != 5 ||
	    strchr(text, '\n') == NULL) {
		fclose(f);
		return false;
	}
	// NOLINTEND(cert-err34-c)
	snprintf(renewed, sizeof(renewed),
		 "markbook settled: inode %ju length %lld changed %jd.%09ld commit %" PRIu64 "\n",
		 (uintmax_t)sb.st_ino, length, (intmax_t)sb.st_mtim.tv_sec, sb.st_mtim.tv_nsec,
		 commit);
	rewind(f);
	fputs(renewed, f);
	if (ftruncate(fileno(f), (off_t)strlen(renewed)) != 0)
		abort();
	fclose(f);
	return true;
}
