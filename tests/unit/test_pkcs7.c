#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/pkcs7.h"
#include "tests/unit/sample.h"

static size_t count_of(struct span bytes, bool *damaged)
{
    struct pkcs7 pkcs7;
    struct span der;
    size_t count = 0;

    pkcs7_init(&pkcs7, bytes);
    while (pkcs7_next(&pkcs7, &der)) {
        assert_true(der.len > 300 && der.at[0] == DER_SEQUENCE);
        count++;
    }
    *damaged = pkcs7.damaged;
    return count;
}

static void test_files(void **state)
{
    static const struct {
        const char *name;
        size_t count;
    } files[] = {{"pkcs7/two.p7b", 2}, {"pkcs7/indefinite.p7m", 2}};
    bool damaged;

    (void)state;
    for (size_t i = 0; i < countof(files); i++) {
        struct span bytes = sample_load(files[i].name);
        assert_int_equal(count_of(bytes, &damaged), files[i].count);
        assert_false(damaged);
        sample_free(bytes);
    }
}

/* Wherever it ends too early, it is said, and what stood whole before is still given out. */
static void test_cut(void **state)
{
    struct span bytes = sample_load("pkcs7/two.p7b");
    struct pkcs7 pkcs7;
    struct span der;
    bool damaged;

    (void)state;
    pkcs7_init(&pkcs7, bytes);
    assert_true(pkcs7_next(&pkcs7, &der));
    size_t end = (size_t)(der.at + der.len - bytes.at);
    for (size_t len = 0; len < bytes.len; len++) {
        pkcs7_init(&pkcs7, span_part(bytes, 0, len));
        bool one = pkcs7_next(&pkcs7, &der);
        assert_true(len < end || one);
        while (one)
            one = pkcs7_next(&pkcs7, &der);
        damaged = pkcs7.damaged;
        assert_true(damaged);
    }
    sample_free(bytes);
}

static void test_none(void **state)
{
    bool damaged;

    (void)state;
    assert_int_equal(count_of(SPAN_NONE, &damaged), 0);
    assert_true(damaged);
    /* Signed data without certificates. */
    assert_int_equal(
        count_of(SPAN_LIT("\x30\x16\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0\x09\x30\x07\x02\x01"
                          "\x01\x31\x00\x30\x00"),
                 &damaged),
        0);
    assert_false(damaged);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
