#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/seq.h"

static void any_order_in_one_order_out(void **state)
{
    static const int orders[][5] = {
        {0, 1, 2, 3, 4},
        {4, 3, 2, 1, 0},
        {2, 0, 4, 1, 3},
        {1, 0, 3, 2, 4},
    };
    int items[5];
    (void)state;
    for (size_t row = 0; row < countof(orders); row++) {
        struct seq seq;
        int next = 0;
        assert_true(seq_init(&seq, 100, 5));
        for (int i = 0; i < 5; i++) {
            uint64_t begin = 100 + 10 * (uint64_t)orders[row][i], end;
            assert_true(seq_put(&seq, begin, begin + 10, &items[orders[row][i]]));
            while (seq_ready(&seq)) {
                assert_ptr_equal(seq_take(&seq, &begin, &end), &items[next]);
                assert_int_equal(begin, 100 + 10 * (uint64_t)next);
                assert_int_equal(end, begin + 10);
                next++;
            }
            assert_null(seq_take(&seq, NULL, NULL));
        }
        assert_int_equal(next, 5);
        assert_int_equal(seq.next, 150);
        seq_fini(&seq);
    }
}

static void what_does_not_fit_stays_outside(void **state)
{
    struct seq seq;
    int item;
    (void)state;
    assert_true(seq_init(&seq, 10, 3));
    assert_false(seq_put(&seq, 5, 15, &item));
    assert_false(seq_put(&seq, 0, 10, &item));
    assert_true(seq_put(&seq, 20, 30, &item));
    assert_false(seq_put(&seq, 20, 30, &item));
    assert_false(seq_put(&seq, 29, 31, &item));
    assert_false(seq_put(&seq, 15, 21, &item));
    assert_false(seq_put(&seq, 15, 40, &item));
    assert_false(seq_put(&seq, 24, 26, &item));
    assert_true(seq_put(&seq, 30, UINT64_MAX, &item));
    assert_true(seq_put(&seq, 15, 20, &item));
    assert_false(seq_put(&seq, 10, 15, &item));
    assert_false(seq_ready(&seq));
    for (int i = 0; i < 3; i++)
        assert_ptr_equal(seq_drop(&seq), &item);
    assert_null(seq_drop(&seq));
    seq_restart(&seq, 7);
    assert_true(seq_put(&seq, 7, 8, &item));
    assert_ptr_equal(seq_take(&seq, NULL, NULL), &item);
    seq_fini(&seq);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_order_in_one_order_out),
        cmocka_unit_test(what_does_not_fit_stays_outside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
