#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "parser/der.h"

struct row {
    const char *input;
    size_t len;
    bool good;
    uint32_t tag;
    size_t value_len;
    size_t whole_len;
    int finding; /* -1: none */
};

#define IN(text) text, sizeof(text) - 1

static const struct row rows[] = {
    {IN("\x02\x01\x05"), true, 0x02, 1, 3, -1},
    {IN("\x30\x00"), true, 0x30, 0, 2, -1},
    {IN("\x04\x81\x80"), false, 0, 0, 0, -1},
    {IN("\x04\x81\x01x"), true, 0x04, 1, 4, FINDING_DER_LENGTH_NOT_MINIMAL},
    {IN("\x04\x84\x00\x00\x00\x01x"), true, 0x04, 1, 7, FINDING_DER_LENGTH_NOT_MINIMAL},
    {IN("\x04\x85\x00\x00\x00\x00\x01x"), true, 0x04, 1, 8, FINDING_DER_LENGTH_NOT_MINIMAL},
    {IN("\x04\x88\xff\xff\xff\xff\xff\xff\xff\xffx"), false, 0, 0, 0, -1},
    {IN("\x04\x89\x01\x00\x00\x00\x00\x00\x00\x00\x00x"), false, 0, 0, 0, -1},
    {IN("\x04\xffx"), false, 0, 0, 0, -1},
    {IN("\x30\x80\x02\x01\x05\x00\x00"), true, 0x30, 3, 7, FINDING_BER_INDEFINITE},
    {IN("\x30\x80\x30\x80\x05\x00\x00\x00\x00\x00z"), true, 0x30, 6, 10, FINDING_BER_INDEFINITE},
    {IN("\x30\x80\x02\x01\x05"), false, 0, 0, 0, -1},
    {IN("\x04\x80\x00\x00"), false, 0, 0, 0, -1},
    {IN("\x7f\x22\x01\x00"), true, 0x7f | 0x22 << 8, 1, 4, -1},
    {IN("\xbf\x03\x01\x00"), true, 0xa3, 1, 4, FINDING_DER_TAG_LONG},
    {IN("\xbf\x80\x80\x03\x01\x00"), true, 0xa3, 1, 6, FINDING_DER_TAG_LONG},
    {IN("\x1f\x1e\x00"), true, DER_BMP_STRING, 0, 3, FINDING_DER_TAG_LONG},
    {IN("\x3f\x1f\x00"), true, 0x3f | 0x1f << 8, 0, 3, -1},
    {IN("\xbf\x80"), false, 0, 0, 0, -1},
    {IN("\x7f\xff\xff\xff\xff\x01\x00"), false, 0, 0, 0, -1},
    {IN("\x30"), false, 0, 0, 0, -1},
    {IN(""), false, 0, 0, 0, -1},
    {IN("\x30\x05\x01"), false, 0, 0, 0, -1},
};

static void test_next(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        const struct row *row = &rows[i];
        struct finding_set findings = {{0, 0}};
        struct der in = der_of(span_of(row->input, row->len), &findings);
        struct der_item item;
        assert_int_equal(der_next(&in, &item), row->good);
        assert_int_equal(in.failed, !row->good);
        if (!row->good) {
            assert_ptr_equal(in.at, row->input);
            assert_false(der_next(&in, &item));
            continue;
        }
        assert_int_equal(item.tag, row->tag);
        assert_int_equal(item.value.len, row->value_len);
        assert_int_equal(item.whole.len, row->whole_len);
        for (int finding = 0; finding < FINDING_COUNT; finding++)
            assert_int_equal(finding_has(&findings, (enum finding)finding), finding == row->finding);
    }
}

static void test_sticky_and_optional(void **state)
{
    struct finding_set findings = {{0, 0}};
    struct der in = der_of(SPAN_LIT("\x02\x01\x05\x05\x00"), &findings);
    struct der_item item;

    (void)state;
    assert_false(der_optional(&in, DER_NULL, &item));
    assert_false(in.failed);
    assert_true(der_optional(&in, DER_INTEGER, &item));
    assert_false(der_expect(&in, DER_INTEGER, &item));
    assert_true(in.failed);
    assert_false(der_done(&in));
    assert_false(der_more(&in));
}

/* What is optional is found in either form of its tag, and left alone when it is something else. */
static void test_optional_long_tag(void **state)
{
    struct finding_set findings = {{0, 0}};
    struct der in = der_of(SPAN_LIT("\x1f\x01\x01\xff\x1f\x04\x00"), &findings);
    struct der_item item;

    (void)state;
    assert_false(der_optional(&in, DER_INTEGER, &item));
    assert_int_equal(der_left(&in), 7);
    assert_true(der_optional(&in, DER_BOOLEAN, &item));
    assert_int_equal(item.tag, DER_BOOLEAN);
    assert_false(der_optional(&in, DER_BOOLEAN, &item));
    assert_true(der_expect(&in, DER_OCTET_STRING, &item) && der_done(&in));
    in = der_of(SPAN_LIT("\x1f\x01\x05\xff"), &findings);
    assert_false(der_optional(&in, DER_BOOLEAN, &item));
    assert_false(in.failed);
    assert_false(der_expect(&in, DER_OCTET_STRING, &item));
}

static void test_cut(void **state)
{
    struct finding_set findings = {{0, 0}};
    struct der in = der_of(SPAN_LIT("\x30\x82\x01\x00"
                                    "abc"),
                           &findings);
    struct der_item item;
    bool cut = false;

    (void)state;
    assert_true(der_next_cut(&in, &item, &cut));
    assert_true(cut);
    assert_int_equal(item.value.len, 3);
    assert_true(der_done(&in));
}

static void test_header(void **state)
{
    static const struct {
        size_t length;
        size_t head;
    } lengths[] = {{0, 2}, {127, 2}, {128, 3}, {255, 3}, {256, 4}, {65535, 4}, {65536, 5}, {1u << 24, 6}};
    uint8_t out[6];

    (void)state;
    for (size_t i = 0; i < countof(lengths); i++)
        assert_int_equal(der_header(0x30, lengths[i].length, out), lengths[i].head);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_next),
        cmocka_unit_test(test_sticky_and_optional),
        cmocka_unit_test(test_optional_long_tag),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_header),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
