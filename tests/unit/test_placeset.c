/* Keys of places become blocks: sorted, each of one bucket, none too long, none lost; and what is no block is
 * refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/limits.h"
#include "db/placeset.h"

static uint64_t mix(uint64_t value)
{
    value += 0x9e3779b97f4a7c15;
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9;
    value = (value ^ value >> 27) * 0x94d049bb133111eb;
    return value ^ value >> 31;
}

static void a_level_has_enough_keys_for_its_buckets(void **state)
{
    static const struct {
        size_t count;
        unsigned level;
    } rows[] = {{0, 0},
                {1, 0},
                {511, 0},
                {512, 1},
                {4095, 1},
                {4096, 2},
                {16384, 2},
                {32768, 3},
                {(size_t)1 << 30, 8},
                {SIZE_MAX, PLACESET_LEVELS - 1}};
    (void)state;
    for (size_t i = 0; i < countof(rows); i++)
        assert_int_equal(placeset_level(rows[i].count), rows[i].level);
}

static int by_key(const void *left, const void *right)
{
    const struct placeset_item *a = left;
    const struct placeset_item *b = right;
    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    return (a->place > b->place) - (a->place < b->place);
}

/* One row of COPY after the other, as the server reads it. */
struct reader {
    struct span rest;
    int64_t last;
};

static uint64_t take(struct span *rest, size_t bytes)
{
    uint64_t value = 0;
    assert_true(rest->len >= bytes);
    for (size_t i = 0; i < bytes; i++)
        value = value << 8 | rest->at[i];
    *rest = span_part(*rest, bytes, rest->len);
    return value;
}

static struct span field(struct span *rest)
{
    size_t len = (size_t)take(rest, 4);
    assert_true(rest->len >= len);
    struct span out = span_part(*rest, 0, len);
    *rest = span_part(*rest, len, rest->len);
    return out;
}

static void read_block(struct reader *reader, unsigned kind, unsigned level, struct placeset *back)
{
    struct span number;
    size_t first = back->count;
    assert_int_equal(take(&reader->rest, 2), 5);
    number = field(&reader->rest);
    assert_int_equal(take(&number, 2), kind);
    number = field(&reader->rest);
    assert_int_equal(take(&number, 2), level);
    number = field(&reader->rest);
    uint64_t bucket = take(&number, 4);
    struct span keys = field(&reader->rest);
    struct span places = field(&reader->rest);
    assert_true(placeset_add_block(back, keys, places, NULL) == ERR_OK);
    assert_true(back->count - first <= LIMIT_PLACE_BLOCK);
    for (size_t i = first; i < back->count; i++) {
        uint64_t key = (uint64_t)back->items[i].key;
        assert_int_equal(level == 0 ? 0 : key >> (64 - PLACESET_BITS * level), bucket);
        assert_true(i == 0 || back->items[i].key >= reader->last);
        reader->last = back->items[i].key;
    }
}

/* `mask`: which bits of the keys differ; few of them make many that are equal. */
static void round_trip(size_t count, uint64_t mask, unsigned level)
{
    struct placeset set = {0};
    struct placeset back = {0};
    struct copy copy;
    struct placeset_item *all = calloc(count + 1, sizeof *all);
    uint64_t blocks = 0;
    struct reader reader = {.last = INT64_MIN};
    assert_non_null(all);
    copy_init(&copy);
    assert_int_equal(placeset_begin(&set, count + 1, NULL), ERR_OK);
    assert_int_equal(placeset_begin(&back, count + 1, NULL), ERR_OK);
    for (size_t i = 0; i < count; i++) {
        all[i] = (struct placeset_item){(int64_t)(mix(i) & mask), mix(i + count) >> 8};
        placeset_add(&set, all[i].key, all[i].place);
    }
    copy_begin(&copy, NULL, NULL, NULL);
    buf_clear(&copy.buf);
    placeset_put(&set, &copy, 1, level, &blocks);
    assert_true(buf_ok(&copy.buf));
    reader.rest = buf_span(&copy.buf);
    for (uint64_t i = 0; i < blocks; i++)
        read_block(&reader, 1, level, &back);
    assert_int_equal(reader.rest.len, 0);
    assert_int_equal(back.count, count);
    qsort(all, count, sizeof *all, by_key);
    qsort(back.items, back.count, sizeof *back.items, by_key);
    for (size_t i = 0; i < count; i++)
        assert_true(by_key(&all[i], &back.items[i]) == 0);
    free(all);
    copy_fini(&copy);
    placeset_fini(&set);
    placeset_fini(&back);
}

static void every_key_is_in_a_block_of_its_bucket(void **state)
{
    static const size_t counts[] = {0, 1, 2, 127, 128, 129, 1000, 20000};
    static const uint64_t masks[] = {UINT64_MAX, 0, 0x8000000000000000, 0xff, 0xff00000000000000};
    (void)state;
    for (size_t i = 0; i < countof(counts); i++)
        for (size_t k = 0; k < countof(masks); k++)
            for (unsigned level = 0; level < PLACESET_LEVELS; level += 4)
                round_trip(counts[i], masks[k], level);
}

static void what_is_there_twice_is_written_once(void **state)
{
    static const struct placeset_item rows[] = {{7, 3}, {7, 1}, {-7, 1}, {7, 3}, {7, 2}, {-7, 1}, {8, 3}};
    static const struct placeset_item once[] = {{-7, 1}, {7, 1}, {7, 2}, {7, 3}, {8, 3}};
    struct placeset set = {0};
    struct copy copy;
    uint64_t blocks = 0;
    (void)state;
    copy_init(&copy);
    assert_int_equal(placeset_begin(&set, countof(rows), NULL), ERR_OK);
    for (size_t i = 0; i < countof(rows); i++)
        placeset_add(&set, rows[i].key, rows[i].place);
    copy_begin(&copy, NULL, NULL, NULL);
    placeset_put(&set, &copy, 0, 0, &blocks);
    assert_int_equal(blocks, 1);
    assert_int_equal(set.count, countof(once));
    for (size_t i = 0; i < countof(once); i++)
        assert_true(by_key(&set.items[i], &once[i]) == 0);
    copy_fini(&copy);
    placeset_fini(&set);
}

/* A block as it is written, and what a bit makes of it. */
static void what_is_a_block_is_known(void **state)
{
    static const struct {
        const char *what;
        size_t at;   /* in the keys; behind them in the places */
        uint8_t bit; /* that flips */
        unsigned level;
        int64_t bucket;
        bool is;
    } rows[] = {{"whole", 0, 0, 1, 1, true},
                {"of level 0", 0, 0, 0, 0, true},
                {"of another bucket", 0, 0, 1, 2, false},
                {"of no level", 0, 0, PLACESET_LEVELS, 1, false},
                {"no dimension", 3, 1, 1, 1, false},
                {"NULLs", 7, 1, 1, 1, false},
                {"another beginning", 19, 2, 1, 1, false},
                {"keys of two buckets", 24, 0x80, 1, 1, false},
                {"keys in another order", 31, 0x80, 1, 1, false},
                {"no log", 44, 0x80, 1, 1, false}};
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        uint8_t raw[44 + 14] = {[3] = 1,  [11] = 20, [15] = 2,    [19] = 1, [23] = 8, [24] = 0x20,
                                [31] = 1, [35] = 8,  [36] = 0x20, [43] = 2, [45] = 1, [52] = 1};
        raw[rows[i].at] ^= rows[i].bit;
        if (placeset_is_block(rows[i].level, rows[i].bucket, span_of(raw, 44), span_of(raw + 44, 14)) !=
            rows[i].is)
            fail_msg("%s", rows[i].what);
    }
}

static void what_is_no_block_is_refused(void **state)
{
    static uint8_t keys[20 + 2 * 12] = {[3] = 1, [11] = 20, [15] = 2, [19] = 1};
    static const struct {
        const char *what;
        size_t keys;
        size_t places;
        uint8_t nulls;
        enum err_code code;
    } rows[] = {{"whole", 44, 14, 0, ERR_OK},
                {"empty", 12, 0, 0, ERR_DB},
                {"half a place", 44, 13, 0, ERR_DB},
                {"too few places", 44, 7, 0, ERR_DB},
                {"too many places", 44, 21, 0, ERR_DB},
                {"cut", 43, 14, 0, ERR_DB},
                {"NULLs", 44, 14, 1, ERR_DB}};
    static const uint8_t places[21] = {0};
    struct placeset set = {0};
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        assert_int_equal(placeset_begin(&set, 8, NULL), ERR_OK);
        keys[7] = rows[i].nulls;
        if (placeset_add_block(&set, span_of(keys, rows[i].keys), span_of(places, rows[i].places), NULL) !=
            rows[i].code)
            fail_msg("%s", rows[i].what);
        assert_int_equal(set.count, rows[i].code == ERR_OK ? 2 : 0);
    }
    keys[7] = 0;
    assert_int_equal(placeset_begin(&set, 8, NULL), ERR_OK);
    for (int i = 0; i < 4; i++)
        assert_int_equal(placeset_add_block(&set, span_of(keys, 44), span_of(places, 14), NULL), ERR_OK);
    assert_int_equal(placeset_add_block(&set, span_of(keys, 44), span_of(places, 14), NULL), ERR_DB);
    assert_int_equal(set.count, 8);
    placeset_fini(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_level_has_enough_keys_for_its_buckets),
        cmocka_unit_test(every_key_is_in_a_block_of_its_bucket),
        cmocka_unit_test(what_is_there_twice_is_written_once),
        cmocka_unit_test(what_is_a_block_is_known),
        cmocka_unit_test(what_is_no_block_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
