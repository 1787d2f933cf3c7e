/* Rows of a backfill are read where they were packed, and nothing that is cut off or of another shape is one;
 * they are sorted as the leaf is, and each stays once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "db/loadsort.h"

#define FP_BYTES 32
#define ROWS     2000

struct facts {
    int64_t place;
    int64_t not_before;
    int64_t first_seen;
    uint8_t fp;
    int32_t issuer;
};

static void put_time(struct buf *out, int64_t value)
{
    buf_u32(out, 8);
    buf_u64(out, (uint64_t)value);
}

static void put_issuer(struct buf *out, int32_t issuer)
{
    buf_u32(out, 4);
    buf_u32(out, (uint32_t)issuer);
}

static void put_fp(struct buf *out, uint8_t first)
{
    buf_u32(out, FP_BYTES);
    buf_byte(out, first);
    for (unsigned i = 1; i < FP_BYTES; i++)
        buf_byte(out, 0);
}

static void put_cert(struct buf *out, const struct facts *facts)
{
    buf_clear(out);
    buf_u16(out, 15);
    put_time(out, 7);
    put_time(out, facts->not_before);
    put_time(out, facts->first_seen);
    put_time(out, facts->place);
    put_time(out, 1);
    put_time(out, 2);
    put_issuer(out, facts->issuer);
    buf_u32(out, 2);
    buf_u16(out, 3);
    put_fp(out, facts->fp);
    for (unsigned i = 0; i < 3; i++) {
        buf_u32(out, 2);
        buf_u16(out, (uint16_t)i);
    }
    buf_u32(out, UINT32_MAX);
    buf_u32(out, 1);
    buf_byte(out, 1);
    buf_u32(out, UINT32_MAX);
}

static void put_ip(struct buf *out, uint8_t family, uint8_t first, uint8_t octets)
{
    buf_clear(out);
    buf_u16(out, 5);
    put_time(out, 7);
    put_time(out, 8);
    put_issuer(out, 9);
    put_fp(out, 1);
    buf_u32(out, 4u + octets);
    buf_byte(out, family);
    buf_byte(out, (uint8_t)(octets * 8));
    buf_byte(out, 0);
    buf_byte(out, octets);
    for (unsigned i = 0; i < octets; i++)
        buf_byte(out, first);
}

static void add(struct loadsort *sort, struct span bytes, bool old)
{
    struct loadrow row;
    assert_true(loadrow_read(sort->kind, bytes, &row));
    assert_int_equal(loadsort_add(sort, bytes, &row, old, NULL), ERR_OK);
}

/* A guess that is too low costs a whole reading, and one that is far too high costs several. */
static void the_guess_holds_for_rows_as_they_are(void **state)
{
    static const struct {
        enum loadrow_kind kind;
        size_t packed; /* bytes, with the length before them */
    } rows[] = {
        {LOADROW_CERT, 250}, {LOADROW_CERT, 327}, {LOADROW_CERT, 500}, {LOADROW_KEY, 86}, {LOADROW_IP, 86}};
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        const uint64_t count = 100000;
        uint64_t real = count * loadsort_size(rows[i].packed - 4);
        uint64_t guess = loadsort_guess(rows[i].kind, count * rows[i].packed);
        assert_true(guess >= real);
        assert_true(guess <= real + real / 3);
    }
}

static void what_is_cut_off_is_no_row(void **state)
{
    (void)state;
    const struct facts facts = {-5, 6, 4, 200, -3};
    struct loadrow row;
    struct buf buf;
    buf_init(&buf, 4096);
    put_cert(&buf, &facts);
    assert_true(loadrow_read(LOADROW_CERT, buf_span(&buf), &row));
    assert_int_equal(row.not_after, 7);
    assert_int_equal(row.not_before, 6);
    assert_int_equal(row.first_seen, 4);
    assert_int_equal(row.place, -5);
    assert_int_equal(row.issuer, -3);
    assert_int_equal(row.fp[0], 200);
    assert_false(loadrow_read(LOADROW_KEY, buf_span(&buf), &row));
    assert_false(loadrow_read(LOADROW_IP, buf_span(&buf), &row));
    for (size_t len = 0; len < buf.len; len++)
        assert_false(loadrow_read(LOADROW_CERT, span_of(buf.at, len), &row));
    /* Any bit of a length, wherever it stands; a serial that is NULL is none either. */
    static const size_t lengths[] = {2, 14, 26, 38, 50, 62, 74, 82, 88, 124, 130, 136, 142, 146, 151};
    for (size_t i = 0; i < countof(lengths); i++) {
        for (unsigned bit = 0; bit < 32; bit++) {
            buf.at[lengths[i] + bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_false(loadrow_read(LOADROW_CERT, buf_span(&buf), &row));
            buf.at[lengths[i] + bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    }
    memset(buf.at + 124, 0xff, 4);
    assert_false(loadrow_read(LOADROW_CERT, buf_span(&buf), &row));
    buf_byte(&buf, 0);
    assert_false(loadrow_read(LOADROW_CERT, buf_span(&buf), &row));
    for (uint8_t octets = 4; octets <= 16; octets = (uint8_t)(octets + 12)) {
        put_ip(&buf, 2, 1, octets);
        assert_true(loadrow_read(LOADROW_IP, buf_span(&buf), &row));
        for (size_t len = 0; len < buf.len; len++)
            assert_false(loadrow_read(LOADROW_IP, span_of(buf.at, len), &row));
    }
    buf_fini(&buf);
}

static void a_value_ends_where_it_is_cut_off(void **state)
{
    (void)state;
    static const uint8_t value[] = {0, 0, 0, 2, 'a', 'b', 0, 0, 0, 0, 0, 0, 0, 3, 'c'};
    struct span rest = span_of(value, sizeof value);
    struct span row;
    assert_true(loadrow_next(&rest, &row));
    assert_int_equal(row.len, 2);
    assert_true(loadrow_next(&rest, &row));
    assert_int_equal(row.len, 0);
    assert_false(loadrow_next(&rest, &row));
    assert_int_equal(rest.len, 5);
}

static void buckets_are_in_the_order_of_keys(void **state)
{
    (void)state;
    for (unsigned i = 0; i < LOADROW_BUCKETS; i++) {
        int64_t first = loadrow_first(i);
        assert_int_equal(loadrow_bucket(LOADROW_CERT, first), i);
        assert_int_equal(loadrow_bucket(LOADROW_KEY, first + LOADROW_BUCKET_MAX), i);
        assert_int_equal(loadrow_bucket(LOADROW_IP, first), 0);
        assert_true(i == 0 ? first == INT64_MIN : first == loadrow_first(i - 1) + LOADROW_BUCKET_MAX + 1);
    }
    assert_true(loadrow_first(LOADROW_BUCKETS - 1) + LOADROW_BUCKET_MAX == INT64_MAX);
}

/* By place, the newest first; of the same issuance that of the leaf, else what was seen first. */
static void each_stays_once(void **state)
{
    (void)state;
    static const struct {
        struct facts facts;
        bool old;
    } rows[] = {
        {{5, 10, 3, 1, 1}, false}, {{-5, 10, 3, 2, 1}, false}, {{5, 11, 3, 3, 1}, false},
        {{5, 10, 2, 1, 1}, false}, {{5, 10, 9, 1, 2}, false},  {{5, 11, 7, 3, 1}, true},
        {{5, 11, 1, 3, 1}, false}, {{-5, 10, 3, 2, 1}, false},
    };
    static const struct facts expected[] = {
        {-5, 10, 3, 2, 1}, {5, 11, 7, 3, 1}, {5, 10, 2, 1, 1}, {5, 10, 9, 1, 2}};
    struct loadsort sort;
    struct buf buf;
    buf_init(&buf, 4096);
    loadsort_init(&sort);
    for (unsigned round = 0; round < 2; round++) { /* nothing of before stays */
        loadsort_begin(&sort, LOADROW_CERT);
        for (size_t i = 0; i < countof(rows); i++) {
            put_cert(&buf, &rows[i].facts);
            add(&sort, buf_span(&buf), rows[i].old);
        }
        loadsort_order(&sort);
        assert_int_equal(sort.count, countof(expected));
        for (size_t i = 0; i < countof(expected); i++) {
            put_cert(&buf, &expected[i]);
            assert_int_equal(sort.items[i].len, buf.len);
            assert_memory_equal(sort.items[i].at, buf.at, buf.len);
            assert_int_equal(sort.items[i].old, i == 1);
        }
    }
    loadsort_fini(&sort);
    buf_fini(&buf);
}

static void addresses_differ_to_the_last_octet(void **state)
{
    (void)state;
    struct loadsort sort;
    struct buf buf;
    buf_init(&buf, 4096);
    loadsort_init(&sort);
    loadsort_begin(&sort, LOADROW_IP);
    for (unsigned i = 0; i < ROWS; i++) {
        put_ip(&buf, 3, 1, 16);
        buf.at[buf.len - 1] = (uint8_t)(i % 3);
        add(&sort, buf_span(&buf), false);
    }
    put_ip(&buf, 2, 255, 4);
    add(&sort, buf_span(&buf), false);
    loadsort_order(&sort);
    assert_int_equal(sort.count, 4);
    assert_int_equal(sort.items[0].len, buf.len);
    for (unsigned i = 1; i < 4; i++)
        assert_int_equal(sort.items[i].at[sort.items[i].len - 1], i - 1);
    loadsort_fini(&sort);
    buf_fini(&buf);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_guess_holds_for_rows_as_they_are),
        cmocka_unit_test(what_is_cut_off_is_no_row),
        cmocka_unit_test(a_value_ends_where_it_is_cut_off),
        cmocka_unit_test(buckets_are_in_the_order_of_keys),
        cmocka_unit_test(each_stays_once),
        cmocka_unit_test(addresses_differ_to_the_last_octet),
    };
    return cmocka_run_group_tests_name("loadsort", tests, NULL, NULL);
}
