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
    assert_false(pem_next(&pem, &block));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_blocks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
