#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "db/derchunk.h"

struct rig {
    struct buf plain;
    struct buf packed;
    struct buf again;
};

static void begin(struct rig *rig)
{
    buf_init(&rig->plain, DERCHUNK_PLAIN_MAX);
    buf_init(&rig->packed, 2 * DERCHUNK_PLAIN_MAX);
    buf_init(&rig->again, DERCHUNK_PLAIN_MAX);
}

static void end(struct rig *rig)
{
    buf_fini(&rig->plain);
    buf_fini(&rig->packed);
    buf_fini(&rig->again);
}

/* Bytes that do not pack, from a number. */
static void noise(uint8_t *out, size_t len, uint64_t seed)
{
    for (size_t i = 0; i < len; i++) {
        seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        out[i] = (uint8_t)(seed >> 56);
    }
}

static void what_goes_in_comes_out(void **state)
{
    static const size_t sizes[] = {1, 0, 900, 1500, 65536, 3, 700};
    struct rig rig;
    struct err why = {0};
    struct span der;
    uint8_t *room = malloc(65536);
    (void)state;
    assert_non_null(room);
    begin(&rig);
    for (size_t i = 0; i < countof(sizes); i++) {
        noise(room, sizes[i], i);
        derchunk_put(&rig.plain, span_of(room, sizes[i]));
    }
    assert_int_equal(derchunk_pack(buf_span(&rig.plain), &rig.packed, &why), ERR_OK);
    assert_int_equal(derchunk_unpack(buf_span(&rig.packed), (int64_t)rig.plain.len, &rig.again, &why),
                     ERR_OK);
    struct span rest = buf_span(&rig.again);
    for (size_t i = 0; i < countof(sizes); i++) {
        noise(room, sizes[i], i);
        assert_true(derchunk_next(&rest, &der));
        assert_int_equal(der.len, sizes[i]);
        assert_memory_equal(der.at, room, sizes[i]);
    }
    assert_false(derchunk_next(&rest, &der));
    free(room);
    end(&rig);
}

/* The largest that a leaf can hold, alone and behind another one. */
static void the_largest_certificate_fits_alone(void **state)
{
    size_t len = ((size_t)1 << 24) - 1;
    uint8_t *room = malloc(len);
    struct rig rig;
    struct err why = {0};
    (void)state;
    assert_non_null(room);
    begin(&rig);
    noise(room, len, 1);
    assert_true(derchunk_fits(0, 0, len));
    assert_false(derchunk_fits(1, 100, len));
    derchunk_put(&rig.plain, span_of(room, len));
    assert_true(buf_ok(&rig.plain));
    assert_int_equal(derchunk_pack(buf_span(&rig.plain), &rig.packed, &why), ERR_OK);
    assert_int_equal(derchunk_unpack(buf_span(&rig.packed), (int64_t)rig.plain.len, &rig.again, &why),
                     ERR_OK);
    assert_int_equal(rig.again.len, len + 4);
    assert_memory_equal(rig.again.at + 4, room, len);
    free(room);
    end(&rig);
}

static void how_many_fit(void **state)
{
    (void)state;
    assert_true(derchunk_fits(DERCHUNK_CERTS - 1, 1000, 1000));
    assert_false(derchunk_fits(DERCHUNK_CERTS, 1000, 0));
    assert_true(derchunk_fits(3, LIMIT_DER_CHUNK_BYTES - 1004, 1000));
    assert_false(derchunk_fits(3, LIMIT_DER_CHUNK_BYTES - 1003, 1000));
}

/* Lengths that lie are never followed out of the bytes. */
static void lengths_that_lie(void **state)
{
    static const struct {
        uint8_t bytes[8];
        size_t len;
        unsigned certs;
    } rows[] = {
        {{0}, 0, 0},
        {{0, 0, 0}, 3, 0},
        {{0, 0, 0, 1}, 4, 0},
        {{0, 0, 0, 1, 7}, 5, 1},
        {{0, 0, 0, 2, 7}, 5, 0},
        {{0xff, 0xff, 0xff, 0xff, 7, 7}, 6, 0},
        {{0, 0, 0, 0, 0, 0, 0, 1}, 8, 1},
        {{0, 0, 0, 0, 0, 0, 0, 0}, 8, 2},
    };
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        uint8_t *exact = malloc(rows[i].len + 1);
        struct span der;
        unsigned certs = 0;
        assert_non_null(exact);
        memcpy(exact, rows[i].bytes, rows[i].len);
        struct span rest = span_of(exact, rows[i].len);
        while (derchunk_next(&rest, &der))
            certs++;
        assert_int_equal(certs, rows[i].certs);
        free(exact);
    }
}

static void damage_is_refused(void **state)
{
    struct rig rig;
    struct err why = {0};
    uint8_t der[600];
    size_t good = 0;
    (void)state;
    begin(&rig);
    noise(der, sizeof der, 9);
    for (int i = 0; i < 8; i++)
        derchunk_put(&rig.plain, span_of(der, sizeof der));
    assert_int_equal(derchunk_pack(buf_span(&rig.plain), &rig.packed, &why), ERR_OK);
    struct span packed = buf_span(&rig.packed);
    int64_t len = (int64_t)rig.plain.len;
    for (size_t at = 0; at < packed.len; at++) {
        rig.packed.at[at] ^= 0x10;
        good += derchunk_unpack(packed, len, &rig.again, NULL) == ERR_OK &&
                (rig.again.len != rig.plain.len || memcmp(rig.again.at, rig.plain.at, rig.plain.len) != 0);
        rig.packed.at[at] ^= 0x10;
    }
    assert_int_equal(good, 0);
    for (size_t cut = 0; cut < packed.len; cut += 7)
        assert_int_equal(derchunk_unpack(span_part(packed, 0, cut), len, &rig.again, &why), ERR_FORMAT);
    const int64_t lies[] = {0,       -1,        1,         len - 1,
                            len + 1, INT32_MAX, INT64_MIN, (int64_t)DERCHUNK_PLAIN_MAX + 1};
    for (size_t i = 0; i < countof(lies); i++) {
        assert_int_equal(derchunk_unpack(packed, lies[i], &rig.again, &why), ERR_FORMAT);
        assert_int_equal(rig.again.len, 0);
    }
    end(&rig);
}

/* A row that would become a gigabyte stops where it says it ends. */
static void a_bomb_stays_small(void **state)
{
    struct rig rig;
    struct err why = {0};
    struct buf zeros;
    (void)state;
    begin(&rig);
    buf_init(&zeros, DERCHUNK_PLAIN_MAX);
    uint8_t *room = buf_room(&zeros, DERCHUNK_PLAIN_MAX);
    assert_non_null(room);
    memset(room, 0, DERCHUNK_PLAIN_MAX);
    assert_int_equal(derchunk_pack(buf_span(&zeros), &rig.packed, &why), ERR_OK);
    assert_true(rig.packed.len < 200000);
    assert_int_equal(derchunk_unpack(buf_span(&rig.packed), 1000, &rig.again, &why), ERR_FORMAT);
    assert_true(rig.again.cap < 100000);
    buf_fini(&zeros);
    end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_goes_in_comes_out), cmocka_unit_test(the_largest_certificate_fits_alone),
        cmocka_unit_test(how_many_fit),           cmocka_unit_test(lengths_that_lie),
        cmocka_unit_test(damage_is_refused),      cmocka_unit_test(a_bomb_stays_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
