#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "parser/ext.h"
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

/* SCT lists by number, between them other extensions: of each list its SCTs, whatever the others are like. */
static void test_several(void **state)
{
#define LIST "\x06\x0a\x2b\x06\x01\x04\x01\xd6\x79\x02\x04\x02"
    static const char one[] = "\x30\x17" LIST "\x04\x09\x04\x07\x00\x05\x00\x03\x01"
                              "ab";
    static const char two[] = "\x30\x1c" LIST "\x04\x0e\x04\x0c\x00\x0a\x00\x03\x01"
                              "cd"
                              "\x00\x03\x01"
                              "ef";
    static const char cut[] = "\x30\x17" LIST "\x04\x09\x04\x07\x00\x05\x00\x09\x01"
                              "xy";
    static const char bad[] = "\x30\x0f" LIST "\x04\x01\x07";
    static const char broken[] = "\x30\x0c" LIST;
    static const char other[] = "\x30\x07\x06\x02\x2a\x03\x04\x01x";
#undef LIST
    static const struct {
        const char *ext[5];
        const char *scts;
        bool damaged;
    } rows[] = {
        {{one}, "ab", false},
        {{one, two}, "abcdef", false},
        {{two, other, one, other}, "cdefab", false},
        {{cut, one}, "ab", true},
        {{two, cut, bad, other, one}, "cdefab", true},
        {{bad, cut}, "", true},
        {{broken, two, one}, "cdefab", false},
        {{other, other}, "", false},
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        uint8_t exts[256];
        char scts[16] = "";
        size_t len = 0;
        struct sctlist list;
        struct sctlist_item item;
        for (size_t k = 0; k < countof(rows[i].ext) && rows[i].ext[k] != NULL; k++) {
            size_t size = (size_t)rows[i].ext[k][1] + 2;
            memcpy(exts + len, rows[i].ext[k], size);
            len += size;
        }
        struct cert cert = {.exts = span_of(exts, len), .path_len = -1};
        ext_read_all(&cert);
        sctlist_of(&list, &cert);
        for (size_t k = 0; sctlist_next(&list, &item); k++) {
            assert_true(k < 6 && item.whole.len == 3);
            memcpy(scts + 2 * k, item.whole.at + 1, 2);
        }
        assert_string_equal(scts, rows[i].scts);
        assert_int_equal(list.damaged, rows[i].damaged);
        assert_false(sctlist_next(&list, &item));
    }
}

/* As many damaged lists as a large certificate has room for: no stack grows with them. */
static void test_many_cut(void **state)
{
    static const uint8_t cut[] =
        "\x30\x13\x06\x0a\x2b\x06\x01\x04\x01\xd6\x79\x02\x04\x02\x04\x05\x04\x03\x00\x01";
    size_t count = 100000;
    uint8_t *exts = malloc(count * sizeof cut);
    struct sctlist list;
    struct sctlist_item item;

    (void)state;
    assert_non_null(exts);
    for (size_t i = 0; i < count; i++)
        memcpy(exts + i * sizeof cut, cut, sizeof cut);
    struct cert cert = {.exts = span_of(exts, count * sizeof cut), .path_len = -1};
    ext_read_all(&cert);
    sctlist_of(&list, &cert);
    assert_false(sctlist_next(&list, &item));
    assert_true(list.damaged && list.exts.at == NULL);
    free(exts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two),     cmocka_unit_test(test_damage),   cmocka_unit_test(test_leaf_index),
        cmocka_unit_test(test_several), cmocka_unit_test(test_many_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
