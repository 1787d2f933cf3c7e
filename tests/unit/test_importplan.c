/* What of an archive is still to be read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "cli/importplan.h"

#define OPEN UINT64_MAX

static struct db_import_range range(int64_t id, uint64_t begin, uint64_t end, uint64_t next,
                                    uint64_t verified)
{
    return (struct db_import_range){.id = id, .begin = begin, .end = end, .next = next, .verified = verified};
}

static void test_gaps(void **state)
{
    static const struct {
        struct archive_stretch there;
        uint64_t begin, end, next; /* of the one range; end 0: there is none */
        uint64_t want_begin, want_end;
        bool longer;
    } rows[] = {
        {{0, 1000}, 0, 0, 0, 0, 1000, false},         {{0, 1000}, 0, 1000, 0, 0, 0, false},
        {{0, 1000}, 0, 512, 512, 512, 1000, true},    /* read: it gets longer */
        {{0, 1000}, 0, 512, 300, 512, 1000, false},   /* not yet: one of its own */
        {{0, 1000}, 600, OPEN, 700, 0, 600, false},   /* what came before a late start */
        {{512, 1000}, 0, 100, 100, 512, 1000, false}, /* a hole between them stays one */
        {{0, 1000}, 300, 400, 400, 0, 300, false},    {{0, 1000}, 0, OPEN, 10, 0, 0, false},
    };
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct importplan *plan = calloc(1, sizeof(*plan));
        struct importplan_gap gap;
        assert_non_null(plan);
        plan->there[0] = rows[i].there;
        plan->there_count = 1;
        plan->range[0] = range(1, rows[i].begin, rows[i].end, rows[i].next, rows[i].begin);
        plan->range_count = rows[i].end != 0;
        assert_int_equal(importplan_gap(plan, &gap), rows[i].want_end != 0);
        if (rows[i].want_end != 0) {
            assert_int_equal(gap.begin, rows[i].want_begin);
            assert_int_equal(gap.end, rows[i].want_end);
            assert_int_equal(gap.longer != NULL, rows[i].longer);
            /* What is of no use is not looked at again. */
            importplan_skip(plan, gap.begin, gap.end);
            struct importplan_gap next;
            assert_true(!importplan_gap(plan, &next) || next.begin >= gap.end || next.end <= gap.begin);
        }
        free(plan);
    }
}

static void test_full(void **state)
{
    struct importplan *plan = calloc(1, sizeof(*plan));
    struct importplan_gap gap;
    (void)state;
    assert_non_null(plan);
    plan->there[0] = (struct archive_stretch){0, 100000};
    plan->there_count = 1;
    for (size_t i = 0; i < IMPORTPLAN_RANGES_MAX; i++)
        plan->range[plan->range_count++] =
            range((int64_t)i + 1, 1000 * i + 256, 1000 * i + 512, 1000 * i + 256, 0);
    assert_false(importplan_gap(plan, &gap)); /* [0, 256) would be one range too many */
    plan->range[0].begin = 0;
    plan->range[0].next = 512;
    assert_true(importplan_gap(plan, &gap)); /* but a range that is read can always get longer */
    assert_ptr_equal(gap.longer, &plan->range[0]);
    assert_int_equal(gap.begin, 512);
    assert_int_equal(gap.end, 1256);
    free(plan);
}

static void test_work(void **state)
{
    struct importplan *plan = calloc(1, sizeof(*plan));
    struct importplan_work work;
    (void)state;
    assert_non_null(plan);
    plan->size = 5000;
    plan->there[0] = (struct archive_stretch){256, 1024};
    plan->there[1] = (struct archive_stretch){2048, 5000};
    plan->there_count = 2;
    plan->range[0] = range(1, 0, 100, 50, 0); /* not in these files */
    plan->range[1] = range(2, 256, 2000, 256, 256);
    plan->range[2] = range(3, 2048, OPEN, 2100, 2048);
    plan->range_count = 3;
    assert_true(importplan_work(plan, &work));
    assert_int_equal(work.range, 2);
    assert_int_equal(work.next, 256);
    assert_int_equal(work.stop, 1024);
    plan->range[1].next = 1024;
    assert_true(importplan_work(plan, &work)); /* the open one, as nobody follows the log */
    assert_int_equal(work.range, 3);
    assert_int_equal(work.stop, 5000);
    plan->followed = true;
    assert_false(importplan_work(plan, &work));
    assert_int_equal(importplan_behind(300, 1000), 512);
    assert_int_equal(importplan_behind(512, 600), 600);
    free(plan);
}

static void test_sums(void **state)
{
    struct importplan *plan = calloc(1, sizeof(*plan));
    struct archive_stretch missing;
    (void)state;
    assert_non_null(plan);
    plan->range[0] = range(1, 0, 512, 512, 512);
    plan->range[1] = range(2, 768, 1000, 900, 800);
    plan->range_count = 2;
    assert_int_equal(importplan_stored(plan), 512 + 132);
    assert_int_equal(importplan_verified(plan), 512 + 32);
    assert_false(importplan_complete(plan, 1000));
    assert_true(importplan_complete(plan, 512));
    assert_false(importplan_joins(&plan->range[0], &plan->range[1]));
    assert_true(importplan_missing(plan, 100, 1000, &missing));
    assert_int_equal(missing.begin, 512);
    assert_int_equal(missing.end, 768);
    assert_true(importplan_missing(plan, missing.end, 1000, &missing));
    assert_int_equal(missing.begin, 900);
    assert_int_equal(missing.end, 1000);
    assert_false(importplan_missing(plan, missing.end, 1000, &missing));
    plan->range[1] = range(2, 512, 1000, 1000, 1000);
    assert_true(importplan_joins(&plan->range[0], &plan->range[1]));
    assert_true(importplan_complete(plan, 1000));
    plan->range[1].verified = 999;
    assert_false(importplan_joins(&plan->range[0], &plan->range[1]));
    assert_false(importplan_complete(plan, 1000));
    free(plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gaps),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_work),
        cmocka_unit_test(test_sums),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
