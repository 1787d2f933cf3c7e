#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/pem.h"

static void test_blocks(void **state)
{
    static const char text[] =
        "0 some words\n-----BEGIN CERTIFICATE-----\nYWJj\r\n ZGVm\n-----END CERTIFICATE-----\n"
        "-----BEGIN X-----\n!\n-----END X-----\n-----BEGIN CUT-----\nYWJj\n";
    struct pem pem = pem_of(SPAN_LIT(text));
    struct pem_block block;
    uint8_t out[64];
    size_t len;

    (void)state;
    assert_true(pem_is(SPAN_LIT(text)));
    assert_false(pem_is(SPAN_LIT("\x30\x00")));
    assert_false(pem_is(SPAN_NONE));
    assert_true(pem_next(&pem, &block));
    assert_true(span_eq(block.label, SPAN_LIT("CERTIFICATE")));
    assert_true(pem_decode(block.body, out, &len));
    assert_true(span_eq(span_of(out, len), SPAN_LIT("abcdef")));
    assert_true(pem_next(&pem, &block));
    assert_true(span_eq(block.label, SPAN_LIT("X")));
    assert_false(pem_decode(block.body, out, &len));
    assert_false(block.cut);
    assert_true(pem_next(&pem, &block));
    assert_true(block.cut && span_eq(block.label, SPAN_LIT("CUT")));
    assert_false(pem_next(&pem, &block));
}

/* A block without an end takes nothing away from the next one. */
static void test_cut(void **state)
{
    struct pem pem = pem_of(SPAN_LIT("-----BEGIN A-----\nYWJj\n-----BEGIN B-----\nZGVm\n-----END B-----\n"
                                     "-----BEGIN C-----\n-----BEGIN D"));
    static const struct {
        const char *label;
        bool cut;
    } expected[] = {{"A", true}, {"B", false}, {"C", true}, {"D", true}};
    struct pem_block block;
    uint8_t out[64];
    size_t len;

    (void)state;
    for (size_t i = 0; i < countof(expected); i++) {
        assert_true(pem_next(&pem, &block));
        assert_true(span_eq(block.label, span_str(expected[i].label)));
        assert_int_equal(block.cut, expected[i].cut);
        if (i == 1) {
            assert_true(pem_decode(block.body, out, &len));
            assert_true(span_eq(span_of(out, len), SPAN_LIT("def")));
        }
    }
    assert_false(pem_next(&pem, &block));
}

/* However much of the END line is missing, what stands before it is the body. */
static void test_cut_line(void **state)
{
    static const char text[] = "-----BEGIN A-----\nYWJj\nZGVm\n-----END A-----\n";
    struct pem_block block;
    uint8_t out[64];
    size_t len;

    (void)state;
    for (size_t end = strlen("-----BEGIN A-----\nYWJj\nZGVm"); end < sizeof text; end++) {
        struct pem pem = pem_of(span_of(text, end));
        assert_true(pem_next(&pem, &block));
        assert_int_equal(block.cut, end < strlen("-----BEGIN A-----\nYWJj\nZGVm\n-----END "));
        assert_true(pem_decode(block.body, out, &len));
        assert_true(span_eq(span_of(out, len), SPAN_LIT("abcdef")));
        assert_false(pem_next(&pem, &block));
    }
}

static void test_headers(void **state)
{
    static const char text[] = "\nProc-Type: 4,X\r\nOther: a\r\n b\r\n\r\nYWJj\r\n";
    uint8_t out[64];
    size_t len;

    (void)state;
    assert_true(pem_decode(SPAN_LIT(text), out, &len));
    assert_true(span_eq(span_of(out, len), SPAN_LIT("abc")));
    assert_false(pem_decode(SPAN_LIT("\nProc-Type: 4\nYWJj\n"), out, &len));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_cut_line),
        cmocka_unit_test(test_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
