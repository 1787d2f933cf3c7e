#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/hash.h"

/* Made with an independent implementation: CPython 3.11 hashes bytes by SipHash-1-3, and PYTHONHASHSEED=0
 * sets its key to zero. */
static void known_answers(void **state)
{
    static const struct {
        const char *text;
        uint64_t hash;
    } rows[] = {
        {"a", UINT64_C(0x407448d2b89b1813)},
        {"abcdefg", UINT64_C(0x6db12aae9070f506)},
        {"abcdefgh", UINT64_C(0x3f7b849c0b8e35ea)},
        {"abcdefghijklmnopqrstuvwxyz", UINT64_C(0x323ccd2fd30709df)},
    };
    (void)state;
    for (size_t i = 0; i < countof(rows); i++)
        assert_true(hash_siphash13(span_str(rows[i].text), 0, 0) == rows[i].hash);
}

static void the_key_and_every_byte_count(void **state)
{
    uint8_t bytes[24] = {0};
    (void)state;
    uint64_t base = hash_siphash13(span_of(bytes, sizeof bytes), 1, 2);
    assert_true(base != hash_siphash13(span_of(bytes, sizeof bytes), 2, 1));
    assert_true(base != hash_siphash13(span_of(bytes, sizeof bytes - 1), 1, 2));
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] ^= 0x80;
        assert_true(base != hash_siphash13(span_of(bytes, sizeof bytes), 1, 2));
        bytes[i] ^= 0x80;
    }
    assert_true(hash_siphash13(SPAN_NONE, 1, 2) == hash_siphash13(SPAN_LIT(""), 1, 2));
}

static void keyed_is_stable_in_the_process(void **state)
{
    (void)state;
    assert_true(hash_keyed(SPAN_LIT("x")) == hash_keyed(SPAN_LIT("x")));
    assert_true(hash_keyed(SPAN_LIT("x")) != hash_keyed(SPAN_LIT("y")));
    assert_true(hash_keyed(SPAN_LIT("x")) != hash_siphash13(SPAN_LIT("x"), 0, 0));
}

static void random_fills_everything(void **state)
{
    uint8_t sum[1000] = {0}, bytes[1000];
    (void)state;
    for (int round = 0; round < 8; round++) {
        hash_random(bytes, sizeof bytes);
        for (size_t i = 0; i < sizeof bytes; i++)
            sum[i] |= bytes[i];
    }
    for (size_t i = 0; i < sizeof sum; i++)
        assert_int_not_equal(sum[i], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers),
        cmocka_unit_test(the_key_and_every_byte_count),
        cmocka_unit_test(keyed_is_stable_in_the_process),
        cmocka_unit_test(random_fills_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
