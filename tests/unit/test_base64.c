#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "parser/base64.h"

typedef uint8_t *decoder(const uint8_t **in, const uint8_t *end, uint8_t *out);

/* Every length and every place of a foreign byte, against the plain coder of base/text.h. */
static void check_run(decoder *decode)
{
    uint8_t bytes[96];
    char text[160];
    uint8_t out[sizeof bytes + 64];

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 37 + 250);
    for (size_t len = 0; len <= sizeof bytes; len += 3) {
        size_t digits = text_base64(span_of(bytes, len), text);
        const uint8_t *in = (const uint8_t *)text;
        uint8_t *end = decode(&in, in + digits, out);
        assert_ptr_equal(in, text + digits);
        assert_int_equal(end - out, len);
        assert_memory_equal(out, bytes, len);
        for (size_t bad = 0; bad < digits; bad++) {
            char kept = text[bad];
            text[bad] = '"';
            in = (const uint8_t *)text;
            end = decode(&in, in + digits, out);
            assert_ptr_equal(in, text + bad / 4 * 4);
            assert_int_equal(end - out, bad / 4 * 3);
            assert_memory_equal(out, bytes, bad / 4 * 3);
            text[bad] = kept;
        }
    }
}

static void test_run(void **state)
{
    (void)state;
    check_run(base64_decode_run);
    check_run(base64_decode_plain);
}

/* Each byte at each place of two rounds of the widest way: both ways stop in the same place and have written
 * the same, and nothing behind the slop. */
static void test_ways_agree(void **state)
{
    uint8_t text[80];
    uint8_t wide[60 + BASE64_SLOP + 1];
    uint8_t plain[60 + BASE64_SLOP + 1];

    (void)state;
    for (size_t place = 0; place < sizeof text; place++) {
        for (unsigned c = 0; c < 256; c++) {
            for (size_t i = 0; i < sizeof text; i++)
                text[i] = (uint8_t) "QUJD+/09azZabcdefghiXY"[(i + c) % 22];
            text[place] = (uint8_t)c;
            const uint8_t *in = text;
            const uint8_t *other = text;
            memset(wide, 0x77, sizeof wide);
            memset(plain, 0x77, sizeof plain);
            uint8_t *end = base64_decode_run(&in, text + sizeof text, wide);
            uint8_t *expected = base64_decode_plain(&other, text + sizeof text, plain);
            assert_ptr_equal(in, other);
            assert_int_equal(end - wide, expected - plain);
            assert_memory_equal(wide, plain, (size_t)(end - wide));
            assert_int_equal(wide[end - wide + BASE64_SLOP], 0x77);
        }
    }
}

/* All 64 digits at each place of a group, so that every value passes through every lane. */
static void test_values(void **state)
{
    static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint8_t text[64];
    uint8_t out[48 + BASE64_SLOP];

    (void)state;
    for (size_t turn = 0; turn < 64; turn++) {
        for (size_t i = 0; i < 64; i++)
            text[i] = (uint8_t)set[(i + turn) % 64];
        const uint8_t *in = text;
        (void)base64_decode_run(&in, text + sizeof text, out);
        assert_ptr_equal(in, text + sizeof text);
        for (size_t i = 0; i < 64; i++) {
            size_t bit = 6 * i;
            unsigned word = (unsigned)out[bit / 8] << 8 | (bit / 8 + 1 < 48 ? out[bit / 8 + 1] : 0u);
            assert_int_equal(word >> (10 - bit % 8) & 63, (i + turn) % 64);
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
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_run), cmocka_unit_test(test_ways_agree),
                                       cmocka_unit_test(test_values), cmocka_unit_test(test_digits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
