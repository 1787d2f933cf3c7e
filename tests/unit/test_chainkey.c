/* What is remembered of a certificate must be what reading it again gives, also when slots are shared. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/limits.h"
#include "ingest/chainkey.h"
#include "parser/tbs.h"
#include "tests/unit/sample.h"
#include "verify/digest.h"

static void check_against_reading(struct span der)
{
    struct cert cert;
    uint8_t hash[32];
    const struct chainkey *key = chainkey_of(der);

    (void)tbs_read_certificate(der, &cert);
    assert_true(span_eq(key->subject, cert.subject));
    assert_int_equal(key->has_key, cert.spki.at != NULL);
    if (cert.spki.at == NULL)
        return;
    digest_sha256(cert.spki, hash);
    assert_memory_equal(key->spki_sha256, hash, 32);
    digest_sha256(der, hash);
    if (der.len <= LIMIT_ISSUER_BYTES)
        assert_memory_equal(key->sha256, hash, 32);
}

/* 2,000 variants of one certificate through LIMIT_CHAINKEYS slots, in two orders; a change of any byte is
 * another certificate. */
static void equals_reading_it_again(void **state)
{
    (void)state;
    struct span der = sample_load("tbs/final.der");
    uint8_t *copy = malloc(der.len);

    assert_non_null(copy);
    for (unsigned round = 0; round < 2; round++) {
        for (size_t i = 0; i < 2000; i++) {
            size_t at = (round == 0 ? i : 1999 - i) % der.len;
            memcpy(copy, der.at, der.len);
            copy[at] ^= (uint8_t)(1u << (i % 8));
            check_against_reading(span_of(copy, der.len));
            check_against_reading(der);
        }
    }
    free(copy);
    sample_free(der);
}

static void odd_sizes(void **state)
{
    (void)state;
    struct span der = sample_load("tbs/final.der");
    static uint8_t big[70000];

    check_against_reading(SPAN_NONE);
    check_against_reading(span_of(der.at, 0));
    for (size_t len = 1; len < der.len; len += 7)
        check_against_reading(span_of(der.at, len));
    memcpy(big, der.at, der.len);
    check_against_reading(span_of(big, sizeof big));
    sample_free(der);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_reading_it_again),
        cmocka_unit_test(odd_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
