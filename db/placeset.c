#include "db/placeset.h"

#include <stdlib.h>

#include "base/limits.h"
#include "db/facts.h"
#include "db/stage.h"

#define DIGITS        8
#define SIGN          ((uint64_t)1 << 63)
#define ARRAY_HEAD    20 /* dimensions, NULLs, type, length, lower bound */
#define ARRAY_ELEMENT 12 /* its length in front of it */

void placeset_fini(struct placeset *set)
{
    free(set->items);
    free(set->spare);
    *set = (struct placeset){0};
}

enum err_code placeset_begin(struct placeset *set, size_t room, struct err *why)
{
    set->count = 0;
    if (room <= set->cap)
        return ERR_OK;
    placeset_fini(set);
    set->items = malloc(room * sizeof *set->items);
    set->spare = malloc(room * sizeof *set->spare);
    if (set->items == NULL || set->spare == NULL) {
        placeset_fini(set);
        return err_set(why, ERR_MEMORY, "database: no memory for %zu places", room);
    }
    set->cap = room;
    return ERR_OK;
}

void placeset_add(struct placeset *set, int64_t key, uint64_t place)
{
    must(set->count < set->cap);
    set->items[set->count++] = (struct placeset_item){key, place};
}

static uint64_t number(const uint8_t *at, size_t bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++)
        value = value << 8 | at[i];
    return value;
}

uint32_t placeset_bucket(int64_t key, unsigned level)
{
    return level == 0 ? 0 : (uint32_t)((uint64_t)key >> (64 - PLACESET_BITS * level));
}

static int64_t key_at(struct span keys, size_t at)
{
    return (int64_t)number(keys.at + ARRAY_HEAD + at * ARRAY_ELEMENT + 4, 8);
}

static uint64_t place_at(struct span places, size_t at)
{
    return number(places.at + at * PLACESET_BYTES, PLACESET_BYTES);
}

/* Of both halves; 0: they do not fit. */
static size_t count_of(struct span keys, struct span places)
{
    size_t count = places.len / PLACESET_BYTES;
    bool fits = count != 0 && places.len == count * PLACESET_BYTES &&
                keys.len == ARRAY_HEAD + count * ARRAY_ELEMENT && number(keys.at, 4) == 1 &&
                number(keys.at + 4, 4) == 0 && number(keys.at + 16, 4) == 1;
    return fits ? count : 0;
}

bool placeset_is_block(unsigned level, int64_t bucket, struct span keys, struct span places)
{
    size_t count = count_of(keys, places);
    if (level >= PLACESET_LEVELS || count == 0 || count > LIMIT_PLACE_BLOCK)
        return false;
    for (size_t i = 0; i < count; i++) {
        if ((int64_t)placeset_bucket(key_at(keys, i), level) != bucket ||
            (i != 0 && key_at(keys, i) < key_at(keys, i - 1)) || place_at(places, i) >> 40 > INT16_MAX)
            return false;
    }
    return true;
}

size_t placeset_keys(struct span keys, int64_t *out)
{
    bool flat = keys.len >= ARRAY_HEAD && number(keys.at, 4) == 1 && number(keys.at + 4, 4) == 0;
    size_t count = flat ? (keys.len - ARRAY_HEAD) / ARRAY_ELEMENT : 0;
    count = count < LIMIT_PLACE_BLOCK ? count : LIMIT_PLACE_BLOCK;
    for (size_t i = 0; i < count; i++)
        out[i] = key_at(keys, i);
    return count;
}

enum err_code placeset_add_block(struct placeset *set, struct span keys, struct span places, struct err *why)
{
    size_t count = count_of(keys, places);
    if (count == 0 || count > set->cap - set->count)
        return err_set(why, ERR_DB, "database: a row of place_block has %zu bytes of keys and %zu of places",
                       keys.len, places.len);
    for (size_t i = 0; i < count; i++)
        placeset_add(set, key_at(keys, i), place_at(places, i));
    return ERR_OK;
}

unsigned placeset_level(size_t count)
{
    unsigned level = 0;
    while (level + 1 < PLACESET_LEVELS && count >> (PLACESET_BITS * (level + 1)) >= LIMIT_PLACE_FEW)
        level++;
    return level;
}

/* By key, least digit first: hashes have no order that would help another way of sorting. */
static void sort(struct placeset *set)
{
    static const unsigned base = 256;
    for (unsigned digit = 0; digit < DIGITS; digit++) {
        size_t begin[256] = {0};
        size_t at = 0;
        for (size_t i = 0; i < set->count; i++)
            begin[((uint64_t)set->items[i].key ^ SIGN) >> (8 * digit) & 255]++;
        for (unsigned i = 0; i < base; i++) {
            size_t here = begin[i];
            begin[i] = at;
            at += here;
        }
        for (size_t i = 0; i < set->count; i++)
            set->spare[begin[((uint64_t)set->items[i].key ^ SIGN) >> (8 * digit) & 255]++] = set->items[i];
        struct placeset_item *sorted = set->spare;
        set->spare = set->items;
        set->items = sorted;
    }
}

static int by_place(const void *left, const void *right)
{
    const struct placeset_item *a = left;
    const struct placeset_item *b = right;
    return (a->place > b->place) - (a->place < b->place);
}

/* Of a sorted set: a place that was written again, by a repair or a range that met another, stays once. */
static void drop_doubles(struct placeset *set)
{
    size_t kept = 0;
    for (size_t begin = 0, end = 0; begin < set->count; begin = end) {
        while (end < set->count && set->items[end].key == set->items[begin].key)
            end++;
        if (end - begin > 1)
            qsort(set->items + begin, end - begin, sizeof *set->items, by_place);
        for (size_t i = begin; i < end; i++)
            if (i == begin || set->items[i].place != set->items[i - 1].place)
                set->spare[kept++] = set->items[i];
    }
    struct placeset_item *whole = set->items;
    set->items = set->spare;
    set->spare = whole;
    set->count = kept;
}

static void put_block(struct copy *copy, unsigned kind, unsigned level, const struct placeset_item *items,
                      size_t count)
{
    int64_t keys[LIMIT_PLACE_BLOCK];
    uint8_t places[LIMIT_PLACE_BLOCK * PLACESET_BYTES];
    must(count <= LIMIT_PLACE_BLOCK);
    for (size_t i = 0; i < count; i++) {
        keys[i] = items[i].key;
        for (unsigned k = 0; k < PLACESET_BYTES; k++)
            places[i * PLACESET_BYTES + k] = (uint8_t)(items[i].place >> (8 * (PLACESET_BYTES - 1 - k)));
    }
    copy_row(copy, 5);
    copy_int2(copy, (int16_t)kind);
    copy_int2(copy, (int16_t)level);
    copy_int4(copy, (int32_t)placeset_bucket(items[0].key, level));
    copy_int8s(copy, keys, count);
    copy_bytes(copy, span_of(places, count * PLACESET_BYTES));
}

/* Blocks of about the same size. */
static uint64_t put_bucket(struct copy *copy, unsigned kind, unsigned level,
                           const struct placeset_item *items, size_t count)
{
    size_t blocks = (count + LIMIT_PLACE_BLOCK - 1) / LIMIT_PLACE_BLOCK;
    for (size_t i = 0; i < blocks; i++) {
        size_t begin = count * i / blocks;
        put_block(copy, kind, level, items + begin, count * (i + 1) / blocks - begin);
    }
    return blocks;
}

void placeset_put(struct placeset *set, struct copy *copy, unsigned kind, unsigned level, uint64_t *blocks)
{
    sort(set);
    drop_doubles(set);
    for (size_t begin = 0, end = 0; begin < set->count; begin = end) {
        uint32_t bucket = placeset_bucket(set->items[begin].key, level);
        while (end < set->count && placeset_bucket(set->items[end].key, level) == bucket)
            end++;
        *blocks += put_bucket(copy, kind, level, set->items + begin, end - begin);
    }
}

enum err_code placeset_store(struct placeset *set, struct copy *copy, struct pgconn *conn,
                             struct batch *const *batches, size_t count, uint64_t *blocks, struct err *why)
{
    size_t total = 0;
    uint64_t log = (uint64_t)batches[0]->log->id << 40;
    *blocks = 0;
    for (size_t i = 0; i < count; i++)
        total += batches[i]->entry_count;
    enum err_code code = placeset_begin(set, total + 1, why);
    if (code != ERR_OK)
        return code;
    copy_begin(copy, conn, PLACESET_COPY, why);
    for (unsigned kind = 0; kind < PLACESET_KINDS; kind++) {
        set->count = 0;
        for (size_t i = 0; i < count; i++) {
            for (size_t k = 0; k < batches[i]->entry_count; k++) {
                const struct entry *entry = &batches[i]->entries[k];
                int64_t key[PLACESET_KINDS];
                uint8_t info[FACTS_INFO_BYTES];
                stage_pack(entry, &key[0], &key[1], info);
                if (key[kind] != 0) /* what has no hash is not looked for */
                    placeset_add(set, key[kind], log | entry->index);
            }
        }
        placeset_put(set, copy, kind, placeset_level(set->count), blocks);
    }
    return copy_end(copy);
}
