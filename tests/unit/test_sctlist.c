#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "parser/sctlist.h"
#include "tests/unit/sample.h"

static void test_two(void **state)
{
    struct span value = sample_load("sctlist/two");
    struct sctlist list;
    struct sctlist_item item;

    (void)state;
    sctlist_init(&list, value);
    assert_true(sctlist_next(&list, &item));
    assert_true(item.readable);
    assert_true(item.timestamp_ms == 1700000000000);
    assert_true(item.leaf_index == -1);
    assert_int_equal(item.hash_alg, 4);
    assert_int_equal(item.sig_alg, 3);
    assert_true(span_eq(item.signature, SPAN_LIT("signatur")));
    assert_true(sctlist_next(&list, &item));
    assert_true(item.leaf_index == 256);
    assert_false(sctlist_next(&list, &item));
    assert_false(list.damaged);
    sample_free(value);
}

static void test_damage(void **state)
{
    struct span value = sample_load("sctlist/cut");
    struct sctlist list;
    struct sctlist_item item;

    (void)state;
    sctlist_init(&list, value);
    while (sctlist_next(&list, &item))
        continue;
    assert_true(list.damaged);
    sctlist_init(&list, SPAN_LIT("\x04\x02\x00\x00"));
    assert_false(sctlist_next(&list, &item));
    assert_true(list.damaged);
    sctlist_init(&list, SPAN_NONE);
    assert_false(list.damaged);
    /* Another version is passed over without harm. */
    sctlist_init(&list, SPAN_LIT("\x04\x07\x00\x05\x00\x03\x01"
                                 "ab"));
    assert_true(sctlist_next(&list, &item));
    assert_false(item.readable);
    assert_int_equal(item.version, 1);
    assert_false(list.damaged);
    sample_free(value);
}

static void test_leaf_index(void **state)
{
    static const struct {
        struct span extensions;
        int64_t index;
        bool odd;
    } rows[] = {
        {{(const uint8_t *)"", 0}, -1, false},
        {{(const uint8_t *)"\0\0\5\0\0\0\1\2", 8}, 258, false},
        {{(const uint8_t *)"\0\0\5\xff\xff\xff\xff\xff", 8}, (INT64_C(1) << 40) - 1, false},
        {{(const uint8_t *)"\7\0\1x\0\0\5\0\0\0\0\3", 12}, 3, false},
        {{(const uint8_t *)"\7\0\1x", 4}, -1, false},
        {{(const uint8_t *)"\0\0\4\0\0\0\1", 7}, -1, true},
        {{(const uint8_t *)"\0\0\5\0\0\0\1\2\0\0\5\0\0\0\1\2", 16}, -1, true},
        {{(const uint8_t *)"\0\0\5\0\0", 5}, -1, true},
        {{(const uint8_t *)"\0\0\5\0\0\0\1\2x", 9}, -1, true},
    };
    bool odd;

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        assert_true(sctlist_leaf_index(rows[i].extensions, &odd) == rows[i].index);
        assert_int_equal(odd, rows[i].odd);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_leaf_index),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
