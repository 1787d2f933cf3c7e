/* The bits of cert.facts stand in databases: each is where it always was, and says one thing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "db/facts.h"

#define NO_IPS INT64_C(0x80000000) /* "no address": set wherever none is among the names */

static void each_bit_says_one_thing(void **state)
{
    const struct {
        struct issuance issuance;
        int64_t bits;
    } rows[] = {
        {{.serial = SPAN_NONE}, 0},
        {{.cert_flags = 1}, 1},
        {{.cert_flags = 0x40000000}, 0x40000000},
        {{.cert_flags = 0x80000000}, 0}, /* the bit has another meaning */
        {{.key_alg = 15}, INT64_C(15) << 32},
        {{.key_alg = 16}, 0},
        {{.key_bits = 1}, INT64_C(1) << 36},
        {{.key_bits = 65534}, INT64_C(65534) << 36},
        {{.key_bits = 65535}, INT64_C(65535) << 36},
        {{.key_bits = 65536}, INT64_C(65535) << 36},
        {{.issuer_known = true}, INT64_C(1) << 52},
        {{.issuer_proven = true}, INT64_C(1) << 53},
        {{.signing = 1}, INT64_C(1) << 58},
        {{.signing = 31}, INT64_C(31) << 58},
    };
    struct issuance odd = {.serial = SPAN_NONE};
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        if (facts_pack(&rows[i].issuance, false) != (NO_IPS | rows[i].bits))
            fail_msg("row %zu: %llx", i, (unsigned long long)facts_pack(&rows[i].issuance, false));
    }
    struct name unread = {.kind = NAME_DNS, .flags = NAME_PLACEHOLDER};
    assert_true(facts_pack(&odd, true) == (NO_IPS | INT64_C(1) << 54));
    odd.names = &unread;
    odd.name_count = 1;
    assert_true(facts_pack(&odd, false) == (NO_IPS | INT64_C(1) << 55));
    odd.name_count = 0;
    finding_add(&odd.findings, FINDING_DER_LENGTH_NOT_MINIMAL);
    assert_true(facts_pack(&odd, false) == (NO_IPS | INT64_C(1) << 56));
    finding_add(&odd.findings, FINDING_CERTIFICATE_UNREADABLE);
    assert_true(facts_pack(&odd, false) == (NO_IPS | INT64_C(3) << 56));
}

/* Wherever it stands; a search by key shows no address where the bit says that there is none. */
static void an_address_is_among_the_names(void **state)
{
    struct name names[3] = {{.kind = NAME_DNS}, {.kind = NAME_EMAIL}, {.kind = NAME_URI}};
    struct issuance issuance = {.names = names, .name_count = 3};
    (void)state;
    assert_true((facts_pack(&issuance, false) & NO_IPS) != 0);
    for (size_t i = 0; i < 3; i++) {
        enum name_kind kind = names[i].kind;
        names[i].kind = NAME_IP;
        assert_int_equal(facts_pack(&issuance, false) & NO_IPS, 0);
        names[i].kind = kind;
    }
    names[2].kind = NAME_IP;
    issuance.name_count = 2;
    assert_true((facts_pack(&issuance, false) & NO_IPS) != 0);
}

static void what_is_stored_comes_back(void **state)
{
    const struct issuance issuance = {.cert_flags = 0x5a5a5a5a,
                                      .key_alg = 9,
                                      .key_bits = 4096,
                                      .issuer_known = true,
                                      .issuer_proven = true,
                                      .signing = 21};
    struct issuance back = {.issuer_known = false};
    struct issuance none = {.issuer_known = true, .issuer_proven = true, .key_bits = 7};
    uint8_t stored[FACTS_FINDINGS_BYTES];
    struct finding_set set = {{UINT64_C(0x0123456789abcdef), UINT64_C(1)}};
    (void)state;
    facts_unpack(facts_pack(&issuance, true), &back);
    assert_int_equal(back.cert_flags, 0x5a5a5a5a);
    assert_int_equal(back.key_alg, 9);
    assert_int_equal(back.key_bits, 4096);
    assert_int_equal(back.signing, 21);
    assert_true(back.issuer_known && back.issuer_proven);
    facts_unpack(0, &none);
    assert_true(!none.issuer_known && !none.issuer_proven && none.key_bits == 0);
    facts_unpack(INT64_C(1) << 52, &none);
    assert_true(none.issuer_known && !none.issuer_proven);
    facts_unpack(INT64_C(1) << 53, &none);
    assert_true(!none.issuer_known && none.issuer_proven);
    facts_findings_store(&set, stored);
    assert_int_equal(stored[0], 0x01);
    assert_int_equal(stored[15], 0x01);
    struct finding_set again = facts_findings_load(span_of(stored, sizeof stored));
    assert_memory_equal(&again, &set, sizeof set);
    again = facts_findings_load(span_of(stored, 3));
    assert_true(again.bits[0] == UINT64_C(0x0123450000000000) && again.bits[1] == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_bit_says_one_thing),
        cmocka_unit_test(an_address_is_among_the_names),
        cmocka_unit_test(what_is_stored_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
