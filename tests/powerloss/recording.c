#include "check.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define HOT_WEIGHT 16 /* of points where names change, and of the first start */
#define HOT_REACH 6   /* records around such a point */

const struct record_log *
recording_open(const char *file)
{
	struct stat sb;
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	const struct record_log *log = MAP_FAILED;

	if (fd >= 0 && fstat(fd, &sb) == 0)
		log = mmap(NULL, (size_t)sb.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (log == MAP_FAILED || log->magic != RECORD_MAGIC) {
		fprintf(stderr, "powerloss: %s is no recording\n", file);
		exit(2);
	}
	close(fd);
	return log;
}

static bool
changes_names(const struct record *r)
{
	return r->kind >= RECORD_CREATE && r->kind <= RECORD_LINK;
}

static bool
says(const struct record *r, const char *words)
{
	return r->kind == RECORD_NOTE && r->length >= strlen(words) &&
	       memcmp(r + 1, words, strlen(words)) == 0;
}

void
recording_weigh(struct plan *p)
{
	const struct record *r;
	uint64_t first_start = HOT_WEIGHT;
	uint64_t sum = 0;
	size_t i;

	for (r = record_next(p->log, NULL); r != NULL; r = record_next(p->log, r))
		p->points++;
	p->weights = calloc(p->points + 1, sizeof(*p->weights));
	for (i = 0, r = record_next(p->log, NULL); r != NULL; r = record_next(p->log, r), i++) {
		if (r->kind != RECORD_NOTE)
			p->weights[i] += 1 + first_start;
		if (says(r, "ready"))
			first_start = 0;
		for (size_t j = i < HOT_REACH ? 0 : i - HOT_REACH;
		     changes_names(r) && j < i + HOT_REACH && j < p->points; j++)
			p->weights[j] = HOT_WEIGHT;
	}
	for (i = 0; i < p->points; i++)
		sum = p->weights[i] += sum;
}

uint64_t
recording_told_by(const struct record *r)
{
	static const char field[] = "ETag: \"";
	const char *text = (const char *)(r + 1), *at;
	const char *tag = memmem(text, r->length, field, sizeof(field) - 1);

	if (tag == NULL || (at = memchr(tag, '-', r->length - (size_t)(tag - text))) == NULL ||
	    memchr(tag + sizeof(field) - 1, '"', (size_t)(at - tag) - sizeof(field) + 1) != NULL)
		return 0;
	/* The record may end within a later tag; this one is whole. */
	if (memchr(at, '"', r->length - (size_t)(at - text)) == NULL)
		return 0;
	return strtoull(at + 1, NULL, 10);
}

void
recording_learn(struct position *at, const struct record *r)
{
	uint64_t told = r->kind == RECORD_SENT ? recording_told_by(r) : model_revision_of(r);
	unsigned long long inode;
	char name[32] = "";
	char text[64] = "";

	if (told > at->told)
		at->told = told;
	if (r->kind == RECORD_UNKNOWN) {
		fprintf(stderr, "powerloss: not recorded: %.*s\n", (int)r->length,
			(const char *)(r + 1));
		exit(2);
	}
	if (r->kind != RECORD_NOTE || r->length >= sizeof(text))
		return;
	memcpy(text, r + 1, r->length);
	/* The driver wrote them, so these are numbers. */
	// NOLINTNEXTLINE(cert-err34-c)
	if (sscanf(text, "directory %llu %31s", &inode, name) == 2)
		disk_add_directory(at->disk, inode, name);
	else if (sscanf(text, "backup %31s", name) == 1 && at->backups_done < BACKUPS_MAX)
		strcpy(at->backups[at->backups_done++], name);
}
