#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/limits.h"
#include "ingest/issuers.h"
#include "verify/digest.h"

static struct span der_of(unsigned number, uint8_t room[64], uint8_t sha256[32])
{
    memset(room, (int)(number & 0xff), 64);
    memcpy(room, &number, sizeof(number));
    digest_sha256(span_of(room, 64), sha256);
    return span_of(room, 64);
}

static void test_life(void **state)
{
    (void)state;
    struct issuers *issuers = issuers_new();
    struct arena arena;
    struct issuers_want want;
    struct span got;
    uint8_t room[64];
    uint8_t sha256[32];
    assert_true(issuers != NULL && arena_init(&arena, 1 << 20));
    struct span der = der_of(1, room, sha256);
    uint64_t turn = issuers_turn(issuers);
    assert_int_equal(issuers_get(issuers, 7, sha256, &arena, &got), ISSUERS_WAIT);
    assert_int_equal(issuers_get(issuers, 7, sha256, &arena, &got), ISSUERS_WAIT);
    assert_false(issuers_fetch(issuers, 7, 0, &want));
    assert_false(issuers_lookup(issuers, 8, &want));
    assert_true(issuers_lookup(issuers, 7, &want));
    assert_false(issuers_lookup(issuers, 7, &want)); /* asked for once, however many batches wait */
    issuers_not_stored(issuers, &want);
    assert_true(issuers_fetch(issuers, 7, 0, &want));
    assert_memory_equal(want.sha256, sha256, 32);
    assert_false(issuers_found(issuers, &want, SPAN_LIT("another certificate"), false));
    issuers_failed(issuers, &want, false, 1000);
    assert_false(issuers_fetch(issuers, 7, 1000, &want)); /* not at once */
    assert_true(issuers_fetch(issuers, 7, 100000, &want));
    assert_true(issuers_found(issuers, &want, der, false));
    assert_true(issuers_turn(issuers) != turn);
    assert_int_equal(issuers_get(issuers, 8, sha256, &arena, &got), ISSUERS_KNOWN);
    assert_true(span_eq(got, der));
    assert_true(issuers_unsaved(issuers, 7, &arena, &want, &got));
    assert_true(span_eq(got, der));
    issuers_saved(issuers, &want);
    assert_false(issuers_unsaved(issuers, 7, &arena, &want, &got));
    issuers_free(issuers);
    arena_fini(&arena);
}

/* What one log does not have another may have. */
static void test_absent(void **state)
{
    (void)state;
    struct issuers *issuers = issuers_new();
    struct arena arena;
    struct issuers_want want;
    struct span got;
    uint8_t room[64];
    uint8_t sha256[32];
    assert_true(issuers != NULL && arena_init(&arena, 1 << 20));
    (void)der_of(2, room, sha256);
    assert_int_equal(issuers_get(issuers, 1, sha256, &arena, &got), ISSUERS_WAIT);
    assert_true(issuers_lookup(issuers, 1, &want));
    issuers_not_stored(issuers, &want);
    for (unsigned i = 0; i < ISSUERS_TRIES; i++) {
        assert_true(issuers_fetch(issuers, 1, INT64_MAX, &want));
        issuers_failed(issuers, &want, false, clock_mono_ms());
    }
    assert_int_equal(issuers_get(issuers, 1, sha256, &arena, &got), ISSUERS_ABSENT);
    assert_int_equal(issuers_get(issuers, 2, sha256, &arena, &got), ISSUERS_WAIT);
    issuers_free(issuers);
    arena_fini(&arena);
}

/* More certificates than there is room for: the saved ones go, the unsaved ones stay. */
static void test_bounded(void **state)
{
    (void)state;
    struct issuers *issuers = issuers_new();
    struct arena arena;
    struct issuers_want want;
    struct span got;
    uint8_t room[64];
    uint8_t sha256[32];
    assert_true(issuers != NULL && arena_init(&arena, 1 << 20));
    for (unsigned i = 0; i < LIMIT_ISSUERS + 100; i++) {
        struct span der = der_of(i, room, sha256);
        assert_int_equal(issuers_get(issuers, 1, sha256, &arena, &got), ISSUERS_WAIT);
        assert_true(issuers_lookup(issuers, 1, &want));
        assert_true(issuers_found(issuers, &want, der, i != 0));
    }
    assert_true(issuers_unsaved(issuers, 1, &arena, &want, &got));
    (void)der_of(0, room, sha256);
    assert_memory_equal(want.sha256, sha256, 32);
    (void)der_of(LIMIT_ISSUERS + 99, room, sha256);
    assert_int_equal(issuers_get(issuers, 1, sha256, &arena, &got), ISSUERS_KNOWN);
    issuers_free(issuers);
    arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_life),
        cmocka_unit_test(test_absent),
        cmocka_unit_test(test_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
