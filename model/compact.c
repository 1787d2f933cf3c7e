#include "model/compact.h"

#include "base/cur.h"

#define HASH_BYTES 32

static size_t count_ones(uint64_t size)
{
    size_t count = 0;
    for (; size != 0; size &= size - 1)
        count++;
    return count;
}

size_t compact_count(const struct compact *compact)
{
    return count_ones(compact->size);
}

size_t compact_store(const struct compact *compact, uint8_t out[COMPACT_BYTES_MAX])
{
    size_t count = compact_count(compact);
    for (size_t i = 0; i < 8; i++)
        out[i] = (uint8_t)(compact->size >> (8 * (7 - i)));
    if (count > 0)
        memcpy(out + 8, compact->hash, HASH_BYTES * count);
    return 8 + HASH_BYTES * count;
}

bool compact_load(struct compact *compact, struct span stored)
{
    struct cur cur = cur_of(stored);
    uint64_t size = cur_uint(&cur, 8);
    struct span hashes = cur_bytes(&cur, HASH_BYTES * count_ones(size));
    if (!cur_done(&cur))
        return false;
    *compact = (struct compact){.size = size};
    if (hashes.len > 0)
        memcpy(compact->hash, hashes.at, hashes.len);
    return true;
}
