/* How certificates are signed: as it is stored, as policies name it. */
#include "model/signing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "db/facts.h"

/* Every code is kept whole beside everything else, and has one word. */
static void stored(void **state)
{
    static const enum signing all[] = {
#define X(name, code, word, hash) SIGNING_##name,
#include "model/signing.def"
#undef X
    };
    (void)state;
    for (size_t i = 0; i < countof(all); i++) {
        struct issuance issuance = {.signing = (uint8_t)all[i], .key_alg = 15, .key_bits = 65535};
        struct issuance back = {.signing = 0};
        assert_true(all[i] > SIGNING_UNKNOWN && all[i] <= SIGNING_MAX);
        issuance.cert_flags = UINT32_MAX;
        int64_t facts = facts_pack(&issuance, true);
        assert_true(facts > 0);
        facts_unpack(facts, &back);
        assert_int_equal(back.signing, all[i]);
        assert_int_equal(back.key_bits, 65535);
        assert_true(signing_is_word(signing_word(all[i])));
        for (size_t k = 0; k < i; k++)
            assert_true(all[k] != all[i] && strcmp(signing_word(all[k]), signing_word(all[i])) != 0);
    }
    struct issuance before = {.signing = 9};
    facts_unpack(0, &before);
    assert_int_equal(before.signing, SIGNING_UNKNOWN);
    assert_string_equal(signing_word(SIGNING_UNKNOWN), "unknown");
    assert_false(signing_is_word("unknown"));
    assert_false(signing_is_word("sha256"));
    assert_null(signing_weak_hash(SIGNING_UNKNOWN));
    assert_null(signing_weak_hash(SIGNING_ECDSA_SHA256));
    assert_string_equal(signing_weak_hash(SIGNING_RSA_PSS_SHA1), "SHA-1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(stored)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
