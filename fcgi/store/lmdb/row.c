/*
 * Keys and rows as bytes: the format of the store, STORE_FORMAT.
 */
#include "store/lmdb/engine.h"

#include <endian.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

/*
 * The first row's key, followed by the magic at the start of its value.  In a
 * page they are adjacent.
 */
static const char meta_start[] = {'\0', 'm', 'e', 't', 'a', 'm', 'a', 'r', 'k', 'b', 'o', 'o', 'k'};
#define META_KEY_BYTES 5
#define MAGIC_BYTES (sizeof(meta_start) - META_KEY_BYTES)
static const char *const magic = meta_start + META_KEY_BYTES;

/* LMDB takes pointers without const, also to data that it only reads. */
static MDB_val
val(const void *data, size_t len)
{
	union {
		const void *in;
		void *out;
	} p = {.in = data};

	return (MDB_val){.mv_size = len, .mv_data = p.out};
}

MDB_val
row_key_meta(void)
{
	return val(meta_start, META_KEY_BYTES);
}

struct slice
row_meta_start(void)
{
	return (struct slice){meta_start, sizeof(meta_start)};
}

MDB_val
row_key_collection(struct slice name)
{
	return val(name.data, name.len);
}

bool
row_key_record(char *buf, MDB_val *key, struct slice collection, struct slice record)
{
	if (collection.len > NAME_MAX_BYTES || record.len > NAME_MAX_BYTES)
		return false;
	memcpy(buf, collection.data, collection.len);
	buf[collection.len] = '\0';
	if (record.len > 0)
		memcpy(buf + collection.len + 1, record.data, record.len);
	*key = val(buf, collection.len + 1 + record.len);
	return true;
}

bool
row_is_record_of(MDB_val key, struct slice collection)
{
	const char *data = key.mv_data;

	return key.mv_size > collection.len && data[collection.len] == '\0' &&
	       memcmp(data, collection.data, collection.len) == 0;
}

struct slice
row_slice(MDB_val v)
{
	return (struct slice){v.mv_data, v.mv_size};
}

uint64_t
row_hash(MDB_val key, MDB_val value)
{
	return XXH3_64bits_withSeed(value.mv_data, value.mv_size,
				    XXH3_64bits(key.mv_data, key.mv_size));
}

void
row_encode_u64(char *out, uint64_t n)
{
	n = htole64(n);
	memcpy(out, &n, sizeof(n));
}

static uint64_t
decode_u64(MDB_val v, size_t at)
{
	uint64_t n;

	memcpy(&n, (const char *)v.mv_data + at, sizeof(n));
	return le64toh(n);
}

void
row_encode_collection(char out[COLLECTION_BYTES], const struct collection *c)
{
	row_encode_u64(out, c->revision);
	row_encode_u64(out + 8, c->count);
	row_encode_u64(out + 16, c->bytes);
	row_encode_u64(out + 24, c->sum);
}

bool
row_decode_collection(MDB_val v, struct collection *out)
{
	if (v.mv_size != COLLECTION_BYTES)
		return false;
	out->revision = decode_u64(v, 0);
	out->count = decode_u64(v, 8);
	out->bytes = decode_u64(v, 16);
	out->sum = decode_u64(v, 24);
	return true;
}

bool
row_decode_record(MDB_val v, uint64_t *revision, struct slice *json)
{
	if (v.mv_size <= RECORD_HEAD_BYTES)
		return false;
	*revision = decode_u64(v, 0);
	json->data = (const char *)v.mv_data + RECORD_HEAD_BYTES;
	json->len = v.mv_size - RECORD_HEAD_BYTES;
	return true;
}

void
row_encode_meta(char out[META_BYTES], const struct meta *m)
{
	memcpy(out, magic, MAGIC_BYTES);
	row_encode_u64(out + 8, m->format);
	row_encode_u64(out + 16, m->id);
	row_encode_u64(out + 24, m->revision);
	row_encode_u64(out + 32, m->size);
	row_encode_u64(out + 40, m->sum);
	row_encode_u64(out + 48, m->home);
}

enum status
row_decode_meta(MDB_val v, struct meta *out)
{
	/* Every format begins with the magic and the number of the format. */
	if (v.mv_size < 16 || memcmp(v.mv_data, magic, MAGIC_BYTES) != 0)
		return ST_STORE_FOREIGN;
	out->format = decode_u64(v, 8);
	if (out->format != STORE_FORMAT)
		return ST_STORE_FORMAT;
	if (v.mv_size != META_BYTES)
		return ST_STORE_DAMAGED;
	out->id = decode_u64(v, 16);
	out->revision = decode_u64(v, 24);
	out->size = decode_u64(v, 32);
	out->sum = decode_u64(v, 40);
	out->home = decode_u64(v, 48);
	return ST_OK;
}

static const char spare_key[] = {'\0', 's', 'p', 'a', 'r', 'e'};

MDB_val
row_key_spare(void)
{
	return row_key_collection((struct slice){spare_key, sizeof(spare_key)});
}
