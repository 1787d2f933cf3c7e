#include "db/placeset.h"

#include <stdlib.h>

#include "base/limits.h"
#include "db/facts.h"
#include "db/stage.h"

#define DIGITS        3
#define DIGIT_BITS    11
#define DIGIT_COUNT   (1u << DIGIT_BITS)
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
    set->items = calloc(room, sizeof *set->items);
    set->spare = calloc(room, sizeof *set->spare);
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

/* By the first bits of the key, least digit first: hashes have no order that would help another way of
 * sorting, and few begin alike by chance. */
static void sort(struct placeset *set)
{
    for (unsigned shift = 64 - DIGITS * DIGIT_BITS; shift < 64; shift += DIGIT_BITS) {
        size_t begin[DIGIT_COUNT] = {0};
        size_t at = 0;
        for (size_t i = 0; i < set->count; i++)
            begin[((uint64_t)set->items[i].key ^ SIGN) >> shift & (DIGIT_COUNT - 1)]++;
        for (unsigned i = 0; i < DIGIT_COUNT; i++) {
            size_t here = begin[i];
            begin[i] = at;
            at += here;
        }
        for (size_t i = 0; i < set->count; i++)
            set->spare[begin[((uint64_t)set->items[i].key ^ SIGN) >> shift & (DIGIT_COUNT - 1)]++] =
                set->items[i];
        struct placeset_item *sorted = set->spare;
        set->spare = set->items;
        set->items = sorted;
    }
}

static int by_key(const void *left, const void *right)
{
    const struct placeset_item *a = left;
    const struct placeset_item *b = right;
    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    return (a->place > b->place) - (a->place < b->place);
}

/* What begins alike comes into order, and a place that was written again, by a repair or a range that met
 * another, stays once. */
static void drop_doubles(struct placeset *set)
{
    struct placeset_item *items = set->items;
    size_t kept = 0;
    for (size_t begin = 0, end = 0; begin < set->count; begin = end) {
        uint64_t head = (uint64_t)items[begin].key >> (64 - DIGITS * DIGIT_BITS);
        while (end < set->count && (uint64_t)items[end].key >> (64 - DIGITS * DIGIT_BITS) == head)
            end++;
        if (end - begin > 1)
            qsort(items + begin, end - begin, sizeof *items, by_key);
        for (size_t i = begin; i < end; i++)
            if (kept == 0 || by_key(&items[i], &items[kept - 1]) != 0)
                items[kept++] = items[i];
    }
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

/* Keys of tbs_fp into the set, those of SHA-256 to `apart`; what has no hash is not looked for. */
static size_t collect(struct placeset *set, struct placeset_item *apart, struct batch *const *batches,
                      size_t count)
{
    uint64_t log = (uint64_t)batches[0]->log->id << 40;
    size_t apart_count = 0;
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < batches[i]->entry_count; k++) {
            const struct entry *entry = &batches[i]->entries[k];
            int64_t key[PLACESET_KINDS];
            uint8_t info[FACTS_INFO_BYTES];
            stage_pack(entry, &key[0], &key[1], info);
            if (key[0] != 0)
                placeset_add(set, key[0], log | entry->index);
            if (key[1] != 0)
                apart[apart_count++] = (struct placeset_item){key[1], log | entry->index};
        }
    }
    return apart_count;
}

enum err_code placeset_store(struct placeset *set, struct copy *copy, struct pgconn *conn,
                             struct batch *const *batches, size_t count, uint64_t *blocks, struct err *why)
{
    size_t total = 0;
    *blocks = 0;
    for (size_t i = 0; i < count; i++)
        total += batches[i]->entry_count;
    enum err_code code = placeset_begin(set, PLACESET_KINDS * (total + 1), why);
    if (code != ERR_OK)
        return code;
    struct placeset_item *apart = set->items + total; /* of the other kind; no sorting gets there */
    size_t apart_count = collect(set, apart, batches, count);
    copy_begin(copy, conn, PLACESET_COPY, why);
    placeset_put(set, copy, 0, placeset_level(set->count), blocks);
    set->count = apart_count;
    memcpy(set->items, apart, apart_count * sizeof *apart);
    placeset_put(set, copy, 1, placeset_level(set->count), blocks);
    return copy_end(copy);
}
