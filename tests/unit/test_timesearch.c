/* Where a time begins in logs whose timestamps are in order, nearly so, not at all, or not to be read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ingest/timesearch.h"

#define SIZE   5000
#define UNREAD INT64_MIN

struct made {
    int64_t ms[SIZE];
    uint64_t size;
    unsigned looks;
    unsigned fails_at; /* look; 0: never */
};

static enum err_code look(void *arg, uint64_t index, int64_t *ms, bool *known, struct err *why)
{
    struct made *made = arg;
    assert_true(index < made->size);
    if (++made->looks == made->fails_at)
        return err_set(why, ERR_NETWORK, "the log is away");
    *known = made->ms[index] != UNREAD;
    *ms = *known ? made->ms[index] : 0;
    return ERR_OK;
}

/* One entry a second. */
static void in_order(struct made *made, uint64_t size)
{
    *made = (struct made){.size = size};
    for (size_t i = 0; i < size; i++)
        made->ms[i] = 1000 * (int64_t)i;
}

static struct timesearch_place find(struct made *made, int64_t time_ms)
{
    struct timesearch search = {.size = made->size, .time_ms = time_ms, .look = look, .arg = made};
    struct timesearch_place place;
    struct err why = {.code = ERR_OK};
    made->looks = 0;
    if (timesearch_run(&search, &place, &why) != ERR_OK)
        fail_msg("%s", why.text);
    return place;
}

static void in_order_it_is_exact(void **state)
{
    static struct made made;
    static const uint64_t sizes[] = {0, 1, 2, 3, 256, 4999, SIZE};
    (void)state;
    for (size_t i = 0; i < countof(sizes); i++) {
        in_order(&made, sizes[i]);
        for (int64_t ms = -1000; ms <= 1000 * (int64_t)sizes[i] + 1000; ms += sizes[i] < 10 ? 500 : 77500) {
            struct timesearch_place place = find(&made, ms);
            uint64_t want = ms <= 0 ? 0 : ((uint64_t)ms + 999) / 1000;
            want = want > sizes[i] ? sizes[i] : want;
            assert_int_equal(place.index, want);
            assert_int_equal(place.disorder, 0);
            assert_true(place.known == (want < sizes[i]));
            assert_true(!place.known || place.first_ms == 1000 * (int64_t)want);
            assert_true(made.looks < 40);
        }
    }
}

/* Every entry that can not be read, in turn, and all of a stretch: nothing in front of the place is of the
 * time. */
static void what_can_not_be_read_hides_nothing(void **state)
{
    static struct made made;
    (void)state;
    for (size_t from = 0; from < 300; from += 7) {
        for (size_t count = 1; count < 200; count = count * 3) {
            in_order(&made, 300);
            for (size_t i = from; i < from + count && i < 300; i++)
                made.ms[i] = UNREAD;
            struct timesearch_place place = find(&made, 150000);
            assert_true(place.index <= 150);
            assert_int_equal(place.disorder, 0);
            if (count < 16)
                assert_true(place.index + count >= 150);
        }
    }
}

/* An entry that claims another time, wherever it is, never hides what is of the time. */
static void a_lie_hides_nothing(void **state)
{
    static struct made made;
    unsigned noticed = 0;
    (void)state;
    for (size_t at = 0; at < SIZE; at++) {
        in_order(&made, SIZE);
        made.ms[at] = at < 1000 ? INT64_MAX : 0;
        struct timesearch_place place = find(&made, 1000000);
        if (place.index > (at == 1000 ? 1001 : 1000)) /* the first one itself is not of the time then */
            fail_msg("entry %zu says another time: %d", at, (int)place.index);
        noticed += place.disorder != 0;
    }
    assert_true(noticed != 0);
}

/* What came out of order within a stretch is in front of the place at most as far as the stretch is long. */
static void nearly_in_order(void **state)
{
    static struct made made;
    uint64_t seed = 9;
    (void)state;
    for (int round = 0; round < 200; round++) {
        in_order(&made, SIZE);
        for (size_t i = 0; i < SIZE; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            made.ms[i] += (int64_t)(seed >> 33) % 60000;
        }
        struct timesearch_place place = find(&made, 2000000);
        assert_true(place.index <= 2000 && place.index >= 1940);
        assert_true(place.known && place.first_ms >= 2000000);
    }
}

static void backwards(void **state)
{
    static struct made made;
    (void)state;
    in_order(&made, SIZE);
    for (size_t i = 0; i < SIZE; i++)
        made.ms[i] = 1000 * (int64_t)(SIZE - i);
    struct timesearch_place place = find(&made, 2500000);
    assert_int_equal(place.index, 0);
    assert_true(made.looks < 2000);
}

static void an_error_is_handed_up(void **state)
{
    static struct made made;
    struct timesearch search = {.size = 1000, .time_ms = 400000, .look = look, .arg = &made};
    struct timesearch_place place;
    (void)state;
    in_order(&made, 1000);
    (void)find(&made, 400000);
    unsigned looks = made.looks;
    for (unsigned at = 1; at <= looks; at++) {
        struct err why = {.code = ERR_OK};
        made.looks = 0;
        made.fails_at = at;
        assert_int_equal(timesearch_run(&search, &place, &why), ERR_NETWORK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_order_it_is_exact),
        cmocka_unit_test(what_can_not_be_read_hides_nothing),
        cmocka_unit_test(a_lie_hides_nothing),
        cmocka_unit_test(nearly_in_order),
        cmocka_unit_test(backwards),
        cmocka_unit_test(an_error_is_handed_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
