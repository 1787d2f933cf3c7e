#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "parser/base64.h"

/* Every length and every place of a foreign byte, against the plain coder of base/text.h. */
static void test_run(void **state)
{
    uint8_t bytes[96];
    char text[160];
    uint8_t out[sizeof bytes + 64];

    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 37 + 250);
    for (size_t len = 0; len <= sizeof bytes; len += 3) {
        size_t digits = text_base64(span_of(bytes, len), text);
        const uint8_t *in = (const uint8_t *)text;
        uint8_t *end = base64_decode_run(&in, in + digits, out);
        assert_ptr_equal(in, text + digits);
        assert_int_equal(end - out, len);
        assert_memory_equal(out, bytes, len);
        for (size_t bad = 0; bad < digits; bad++) {
            char kept = text[bad];
            text[bad] = '"';
            in = (const uint8_t *)text;
            end = base64_decode_run(&in, in + digits, out);
            assert_ptr_equal(in, text + bad / 4 * 4);
            assert_int_equal(end - out, bad / 4 * 3);
            assert_memory_equal(out, bytes, bad / 4 * 3);
            text[bad] = kept;
        }
    }
}

static void test_digits(void **state)
{
    static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    (void)state;
    for (int c = 0; c < 256; c++) {
        const char *found = c == 0 ? NULL : strchr(set, c);
        assert_int_equal(base64_digit((uint8_t)c), found == NULL ? -1 : (int)(found - set));
        uint8_t group[4] = {'A', 'A', 'A', (uint8_t)c};
        uint8_t out[16];
        const uint8_t *in = group;
        (void)base64_decode_run(&in, group + 4, out);
        assert_int_equal(in == group + 4, found != NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_run), cmocka_unit_test(test_digits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
