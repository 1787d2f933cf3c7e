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

/* A full disk: what was refused is no more stored than before, is not offered at once, and blocks no other.
 */
static void test_refused(void **state)
{
    (void)state;
    struct issuers *issuers = issuers_new();
    struct arena arena;
    struct issuers_want want;
    struct span got;
    uint8_t room[64];
    uint8_t sha256[2][32];
    int64_t now_ms = clock_mono_ms();
    assert_true(issuers != NULL && arena_init(&arena, 1 << 20));
    assert_true(issuers_offer(issuers, 7, sha256[0], der_of(1, room, sha256[0]), true));
    assert_true(issuers_offer(issuers, 7, sha256[1], der_of(2, room, sha256[1]), true));
    assert_true(issuers_unsaved(issuers, 7, &arena, &want, &got));
    assert_int_equal(want.tries, 0);
    size_t slot = want.slot;
    issuers_refused(issuers, &want, now_ms);
    assert_true(issuers_unsaved(issuers, 7, &arena, &want, &got));
    assert_int_not_equal(want.slot, slot);
    issuers_saved(issuers, &want);
    assert_false(issuers_unsaved(issuers, 7, &arena, &want, &got));
    assert_true(issuers_busy(issuers, 7));
    want.slot = slot;
    memcpy(want.sha256, sha256[0], 32);
    issuers_refused(issuers, &want, now_ms - ISSUERS_REFUSED_MS); /* a minute ago */
    assert_true(issuers_unsaved(issuers, 7, &arena, &want, &got));
    assert_int_equal(want.slot, slot);
    assert_int_equal(want.tries, 2);
    issuers_saved(issuers, &want);
    assert_false(issuers_busy(issuers, 7));
    issuers_refused(issuers, &want, 0); /* it is stored: no matter any more */
    assert_false(issuers_unsaved(issuers, 7, &arena, &want, &got));
    issuers_free(issuers);
    arena_fini(&arena);
}

/* What the next process must know, and what it does with it. */
static void test_remembered(void **state)
{
    (void)state;
    struct issuers *issuers = issuers_new();
    struct arena arena;
    struct issuers_want want;
    struct span got;
    uint8_t room[64];
    uint8_t sha256[32];
    uint8_t other[32];
    int64_t absent_ms = 0;
    assert_true(issuers != NULL && arena_init(&arena, 1 << 20));
    (void)der_of(2, room, other);
    struct span der = der_of(1, room, sha256);
    assert_int_equal(issuers_get(issuers, 7, sha256, &arena, &got), ISSUERS_WAIT);
    assert_true(issuers_lookup(issuers, 7, &want));
    issuers_not_stored(issuers, &want);
    assert_true(issuers_fetch(issuers, 7, 0, &want));
    assert_false(issuers_untold(issuers, 7, &want, &absent_ms));
    issuers_failed(issuers, &want, true, clock_mono_ms());
    assert_true(issuers_busy(issuers, 7));
    assert_false(issuers_untold(issuers, 8, &want, &absent_ms));
    assert_true(issuers_untold(issuers, 7, &want, &absent_ms));
    assert_memory_equal(want.sha256, sha256, 32);
    assert_true(absent_ms > 0 && absent_ms <= ISSUERS_ABSENT_MS);
    assert_false(issuers_untold(issuers, 7, &want, &absent_ms)); /* once */
    assert_false(issuers_busy(issuers, 7));
    issuers_free(issuers);
    /* The next one. */
    issuers = issuers_new();
    assert_non_null(issuers);
    issuers_remember(issuers, 7, sha256, absent_ms);
    issuers_remember(issuers, 7, other, 0);
    assert_int_equal(issuers_get(issuers, 7, sha256, &arena, &got), ISSUERS_ABSENT);
    assert_int_equal(issuers_get(issuers, 8, sha256, &arena, &got), ISSUERS_WAIT); /* another log */
    assert_true(issuers_lookup(issuers, 7, &want));
    assert_memory_equal(want.sha256, other, 32);
    issuers_not_stored(issuers, &want);
    issuers_remember(issuers, 7, other, 0); /* it is looked for already */
    assert_false(issuers_lookup(issuers, 7, &want));
    assert_true(issuers_lookup(issuers, 8, &want));
    assert_true(issuers_found(issuers, &want, der, true));
    issuers_remember(issuers, 7, sha256, 0); /* had meanwhile */
    assert_false(issuers_lookup(issuers, 7, &want));
    /* No more than a log may have looked for at once. */
    for (unsigned i = 0; i < 4 * LIMIT_ISSUERS_OPEN; i++) {
        (void)der_of(100 + i, room, sha256);
        issuers_remember(issuers, 9, sha256, 0);
    }
    unsigned count = 0;
    while (issuers_lookup(issuers, 9, &want))
        count++;
    assert_int_equal(count, LIMIT_ISSUERS_OPEN / 2);
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

/* A log that makes fingerprints up has a few of them looked for at once, and leaves the table to others. */
static void test_made_up(void **state)
{
    (void)state;
    struct issuers *issuers = issuers_new();
    struct arena arena;
    struct issuers_want want;
    struct span got;
    uint8_t room[64];
    uint8_t sha256[32];
    unsigned looked_for = 0;
    assert_true(issuers != NULL && arena_init(&arena, 1 << 20));
    for (unsigned i = 0; i < 2 * LIMIT_ISSUERS; i++) {
        (void)der_of(i, room, sha256);
        assert_int_equal(issuers_get(issuers, 1, sha256, &arena, &got), ISSUERS_WAIT);
    }
    for (; issuers_lookup(issuers, 1, &want); looked_for++)
        issuers_not_stored(issuers, &want);
    assert_int_equal(looked_for, LIMIT_ISSUERS_OPEN);
    /* Another log is served as if nothing were. */
    struct span der = der_of(999999, room, sha256);
    assert_int_equal(issuers_get(issuers, 2, sha256, &arena, &got), ISSUERS_WAIT);
    assert_true(issuers_lookup(issuers, 2, &want));
    assert_true(issuers_found(issuers, &want, der, true));
    assert_int_equal(issuers_get(issuers, 2, sha256, &arena, &got), ISSUERS_KNOWN);
    /* When it is said that there are none, the next ones are looked for. */
    while (issuers_fetch(issuers, 1, INT64_MAX, &want))
        issuers_failed(issuers, &want, true, clock_mono_ms());
    (void)der_of(2 * LIMIT_ISSUERS - 1, room, sha256);
    assert_int_equal(issuers_get(issuers, 1, sha256, &arena, &got), ISSUERS_WAIT);
    assert_true(issuers_lookup(issuers, 1, &want));
    assert_memory_equal(want.sha256, sha256, 32);
    issuers_free(issuers);
    arena_fini(&arena);
}

/* More hostile logs than the table has room for: nobody waits for ever. */
static void test_full(void **state)
{
    (void)state;
    struct issuers *issuers = issuers_new();
    struct arena arena;
    struct span got;
    uint8_t room[64];
    uint8_t sha256[32];
    unsigned number = 0;
    assert_true(issuers != NULL && arena_init(&arena, 1 << 20));
    for (int32_t log = 1; log <= LIMIT_ISSUERS / LIMIT_ISSUERS_OPEN + 1; log++)
        for (unsigned i = 0; i < LIMIT_ISSUERS_OPEN && number < LIMIT_ISSUERS; i++) {
            (void)der_of(number++, room, sha256);
            assert_int_equal(issuers_get(issuers, log, sha256, &arena, &got), ISSUERS_WAIT);
        }
    (void)der_of(number, room, sha256);
    assert_int_equal(issuers_get(issuers, 500, sha256, &arena, &got), ISSUERS_ABSENT);
    issuers_forget(issuers, 1);
    assert_int_equal(issuers_get(issuers, 500, sha256, &arena, &got), ISSUERS_WAIT);
    issuers_free(issuers);
    arena_fini(&arena);
}

/* Nothing is looked for in the name of a removed log, whatever was under way then. */
static void test_forget(void **state)
{
    (void)state;
    enum { LOOKUP, LOOKING, FETCHING, ABSENT, UNSAVED, COUNT };
    struct issuers *issuers = issuers_new();
    struct arena arena;
    struct issuers_want want[COUNT];
    struct issuers_want none;
    struct span der[COUNT];
    struct span got;
    uint8_t room[COUNT][64];
    uint8_t sha256[COUNT][32];
    assert_true(issuers != NULL && arena_init(&arena, 1 << 20));
    for (unsigned i = COUNT; i-- > 0;) {
        der[i] = der_of(i, room[i], sha256[i]);
        assert_int_equal(issuers_get(issuers, 7, sha256[i], &arena, &got), ISSUERS_WAIT);
        if (i == LOOKUP)
            continue;
        assert_true(issuers_lookup(issuers, 7, &want[i]));
        if (i == LOOKING)
            continue;
        issuers_not_stored(issuers, &want[i]);
        assert_true(issuers_fetch(issuers, 7, INT64_MAX, &want[i]));
        if (i == ABSENT)
            issuers_failed(issuers, &want[i], true, clock_mono_ms());
        if (i == UNSAVED)
            assert_true(issuers_found(issuers, &want[i], der[i], false));
    }
    uint64_t turn = issuers_turn(issuers);
    issuers_forget(issuers, 7);
    assert_true(issuers_turn(issuers) != turn); /* who waits asks again */
    issuers_not_stored(issuers, &want[LOOKING]);
    assert_true(issuers_found(issuers, &want[FETCHING], der[FETCHING], false));
    assert_false(issuers_lookup(issuers, 7, &none));
    assert_false(issuers_fetch(issuers, 7, INT64_MAX, &none));
    assert_false(issuers_unsaved(issuers, 7, &arena, &none, &got));
    issuers_saved(issuers, &want[UNSAVED]); /* the settler was at it */
    assert_int_equal(issuers_get(issuers, 8, sha256[UNSAVED], &arena, &got), ISSUERS_KNOWN);
    assert_int_equal(issuers_get(issuers, 8, sha256[FETCHING], &arena, &got), ISSUERS_KNOWN);
    /* Added again it begins anew. */
    assert_int_equal(issuers_get(issuers, 7, sha256[ABSENT], &arena, &got), ISSUERS_WAIT);
    assert_true(issuers_lookup(issuers, 7, &none));
    issuers_free(issuers);
    arena_fini(&arena);
}

/* What RFC 6962 logs send along: taken once, saved once, of use to all, and bounded for whoever makes it up.
 */
static void test_offered(void **state)
{
    (void)state;
    struct issuers *issuers = issuers_new();
    struct arena arena;
    struct issuers_want want;
    struct span got;
    uint8_t room[64];
    uint8_t sha256[32];
    static uint8_t large[LIMIT_ISSUER_BYTES + 1];
    assert_true(issuers != NULL && arena_init(&arena, 1 << 20));
    struct span der = der_of(1, room, sha256);
    /* Another log has it looked for meanwhile, and need not wait for the answer. */
    assert_int_equal(issuers_get(issuers, 2, sha256, &arena, &got), ISSUERS_WAIT);
    uint64_t turn = issuers_turn(issuers);
    assert_true(issuers_offer(issuers, 1, sha256, der, true));
    assert_true(issuers_turn(issuers) != turn);
    assert_true(issuers_offer(issuers, 1, sha256, der, true));
    assert_true(issuers_offer(issuers, 3, sha256, der, true));
    assert_int_equal(issuers_get(issuers, 2, sha256, &arena, &got), ISSUERS_KNOWN);
    assert_true(span_eq(got, der));
    assert_true(issuers_unsaved(issuers, 1, &arena, &want, &got));
    assert_true(span_eq(got, der));
    issuers_saved(issuers, &want);
    for (int32_t log = 1; log <= 3; log++)
        assert_false(issuers_unsaved(issuers, log, &arena, &want, &got));
    assert_true(issuers_lookup(issuers, 2, &want)); /* what was under way ends as ever */
    issuers_not_stored(issuers, &want);
    (void)der_of(2, room, sha256);
    assert_false(issuers_offer(issuers, 1, sha256, span_of(large, sizeof(large)), true));
    assert_false(issuers_offer(issuers, 1, sha256, span_of(large, 0), true));
    unsigned taken = 0;
    for (unsigned i = 100; i < 100 + 2 * LIMIT_ISSUERS_OPEN; i++) {
        der = der_of(i, room, sha256);
        taken += issuers_offer(issuers, 1, sha256, der, true) ? 1 : 0;
    }
    assert_int_equal(taken, LIMIT_ISSUERS_OPEN);
    assert_true(
        issuers_offer(issuers, 4, sha256, der, true)); /* the last one, from a log that is not at its end */
    unsigned saved = 0;
    for (; issuers_unsaved(issuers, 1, &arena, &want, &got); saved++)
        issuers_saved(issuers, &want);
    assert_int_equal(saved, LIMIT_ISSUERS_OPEN);
    /* Made up without end: the saved ones make room. */
    for (unsigned i = 1000; i < 1000 + 2 * LIMIT_ISSUERS; i++) {
        der = der_of(i, room, sha256);
        assert_true(issuers_offer(issuers, 1, sha256, der, true));
        assert_true(issuers_unsaved(issuers, 1, &arena, &want, &got));
        assert_memory_equal(want.sha256, sha256, 32);
        issuers_saved(issuers, &want);
        arena_reset(&arena, 1 << 20);
    }
    issuers_free(issuers);
    arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_life),   cmocka_unit_test(test_refused), cmocka_unit_test(test_remembered),
        cmocka_unit_test(test_absent), cmocka_unit_test(test_bounded), cmocka_unit_test(test_made_up),
        cmocka_unit_test(test_full),   cmocka_unit_test(test_forget),  cmocka_unit_test(test_offered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
