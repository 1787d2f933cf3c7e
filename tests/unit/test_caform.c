/* Files of root programs, told by their content: small ones of every form, and what is taken from them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/text.h"
#include "tests/fixture/catext.h"
#include "trust/caform.h"
#include "verify/digest.h"

/* Rows that can not be read do not matter here. */
static struct catake *read_as(const char *form, uint64_t taken)
{
    struct catake *take = catake_new();
    take->odd = true;
    caform_read("a file", (uint8_t *)text, len, 5000, take);
    assert_int_equal(take->file_count, 1);
    assert_string_equal(take->file[0].form, form);
    assert_int_equal(take->file[0].taken, taken);
    return take;
}

static void certdata_is_read(void **state)
{
    (void)state;
    begin();
    say("# comment\nBEGINDATA\n");
    nss("CKT_NSS_TRUSTED_DELEGATOR");
    struct catake *take = read_as("certdata", 1);
    assert_int_equal(take->rule_count, 2);
    assert_int_equal(take->rule[0].rule.kind, CARULE_ANCHOR);
    assert_memory_equal(take->rule[0].rule.hash, facts.sha256, 32);
    assert_memory_equal(take->rule[0].rule.key, facts.key, 32);
    assert_int_equal(take->rule[1].rule.kind, CARULE_NOT_BEFORE);
    assert_int_equal(take->rule[1].rule.limit, 1733011199); /* 2024-11-30T23:59:59Z */
    assert_string_equal(take->rule[0].rule.label, "A Root");
    assert_int_equal(take->cert_count, 1);
    catake_free(take);
    /* "Must be verified" is no block. */
    begin();
    say("BEGINDATA\n");
    nss("CKT_NSS_MUST_VERIFY_TRUST");
    take = read_as("certdata", 0);
    assert_int_equal(take->rule_count, 0);
    catake_free(take);
    begin();
    say("BEGINDATA\n");
    nss("CKT_NSS_NOT_TRUSTED");
    take = read_as("certdata", 1);
    assert_int_equal(take->rule[0].rule.kind, CARULE_BLOCKED);
    assert_memory_equal(take->rule[0].rule.hash, facts.issuer_serial, 32);
    catake_free(take);
}

/* Whatever a file is cut off at: all of what it says up to an end of an object, or nothing and a word. */
static void cut_off_files_take_nothing(void **state)
{
    (void)state;
    static char whole[TEXT_MAX];
    begin();
    say("# comment\nBEGINDATA\n");
    size_t ends[3] = {len};
    for (size_t i = 1; i < 3; i++) {
        nss("CKT_NSS_TRUSTED_DELEGATOR");
        ends[i] = len;
    }
    size_t full = len;
    memcpy(whole, text, full);
    for (size_t to = ends[0]; to <= full; to++) {
        /* Around each end one by one. */
        if (to % 7 != 0 && to > ends[0] + 9 && full - to > 300 &&
            (to < ends[1] ? ends[1] - to : to - ends[1]) > 9)
            continue;
        struct catake *take = catake_new();
        memcpy(text, whole, to);
        caform_read("a file", (uint8_t *)text, to, 5000, take);
        bool end = to == ends[0] || to == ends[1] || to == full;
        /* From the line on that decides an object is an object. */
        bool said = !take->file[0].damaged && text[to - 1] == '\n';
        if (end ? take->file[0].damaged : !take->file[0].damaged && !said)
            fail_msg("%zu of %zu: '%s'", to, full, take->file[0].note);
        if (take->file[0].damaged &&
            (take->rule_count != 0 || take->part_count != 0 || take->cert_count != 0))
            fail_msg("%zu: something was taken", to);
        assert_int_equal(take->file[0].taken, take->file[0].damaged ? 0 : to >= full ? 2 : to >= ends[1]);
        catake_free(take);
    }
    static const char *const others[] = {
        "version_major: 3\ntrust_anchors {\n sha256_hex: \"aa\"\n}\ntrust_anchors {\n sha256_hex: \"",
        "version_major: 3\ntrust_anchors {\n sha256_hex: \"aa\" constraints { sct_not_after_sec: 1 }\n",
        "SHA-256 Fingerprint,Revocation Status,Certificate Name\nab,Revoked,x\ncd,Rev",
        "SHA-256 Fingerprint,Revocation Status,Certificate Name\nab,Revoked,\"x",
        "{\"data\":[{\"issuerName\":\"MAA=\",\"serialNumber\":\"AQ==\"},{\"iss",
        "\x30\x82\x7f\x00\x06\x09"};
    for (size_t i = 0; i < countof(others); i++) {
        struct catake *take = catake_new();
        len = strlen(others[i]) + (i == 5 ? 3 : 0);
        memcpy(text, others[i], strlen(others[i]) + 1);
        caform_read("a file", (uint8_t *)text, len, 5000, take);
        if (!take->file[0].damaged || take->rule_count != 0 || take->part_count != 0)
            fail_msg("%zu: %s", i, take->file[0].note);
        catake_free(take);
    }
}

static void chrome_is_read(void **state)
{
    (void)state;
    char a[65], b[65], c[65], d[65], e[65], g[65];
    hex64('a', a);
    hex64('b', b);
    hex64('c', c);
    hex64('d', d);
    hex64('e', e);
    hex64('f', g);
    begin();
    say("# proto\nversion_major: 36\n"
        "trust_anchors {\n sha256_hex: \"%s\"\n ev_policy_oids: \"1.2.3\"\n}\n"
        "trust_anchors {\n sha256_hex: \"%s\" enforce_anchor_expiry: true\n"
        " constraints: { sct_not_after_sec: 100 min_version: \"131\" }\n"
        " constraints { max_version_exclusive: \"131\" } # older ones\n}\n"
        "trust_anchors { sha256_hex: \"%s\" constraints { sct_not_after_sec: 100 } constraints { "
        "sct_not_after_sec: "
        "200 permitted_dns_names: \"a.test\" permitted_dns_names: \"b.test\" } }\n"
        "trust_anchors { sha256_hex: \"%s\" constraints { index_not_after: 7 } }\n"
        "additional_certs { sha256_hex: \"%s\" eutl: true }\n"
        "additional_certs {\n sha256_hex: \"%s\"\n tls_trust_anchor: true\n eutl: true\n}\n"
        "mtc_anchors { log_id: \"x\" inner { deep: 1 } }\n",
        a, b, c, d, e, g);
    struct catake *take = read_as("chrome-root-store", 4);
    const struct {
        enum carule_kind kind;
        uint8_t first;
        int64_t limit;
    } want[] = {{CARULE_ANCHOR, 0xaa, 0}, {CARULE_ANCHOR, 0xbb, 0}, {CARULE_SCT, 0xbb, 100},
                {CARULE_ANCHOR, 0xcc, 0}, {CARULE_SCT, 0xcc, 100},  {CARULE_ANCHOR, 0xff, 0}};
    assert_int_equal(take->rule_count, countof(want));
    for (size_t i = 0; i < countof(want); i++) {
        assert_int_equal(take->rule[i].rule.kind, want[i].kind);
        assert_int_equal(take->rule[i].rule.hash[0], want[i].first);
        assert_int_equal(take->rule[i].rule.limit, want[i].limit);
    }
    assert_false(take->rule[0].rule.expires);
    assert_true(take->rule[1].rule.expires);
    assert_string_equal(take->file[0].note, "version 36");
    catake_free(take);
}

static void onecrl_is_read(void **state)
{
    (void)state;
    begin();
    say("{\"data\":[{\"issuerName\":\"MAAA\",\"serialNumber\":\"AQ==\",\"enabled\":true,\"last_modified\":"
        "1793208925525,"
        "\"details\":{\"bug\":\"https://bug/1\"}},"
        "{\"issuerName\":\"MAAA\",\"serialNumber\":\"Ag==\",\"enabled\":false,\"last_modified\":7},"
        "{\"subject\":\"MAAA\",\"pubKeyHash\":\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\",\"last_"
        "modified\":8},"
        "{\"nonsense\":1}]}");
    struct catake *take = read_as("onecrl", 3);
    uint8_t hash[32];
    digest_sha256(SPAN_LIT("\x30\x00\x00\x01"), hash);
    assert_int_equal(take->rule_count, 3);
    assert_memory_equal(take->rule[0].rule.hash, hash, 32);
    assert_false(take->rule[0].lifts);
    assert_true(take->rule[1].lifts);
    assert_int_equal(take->rule[2].rule.target, CARULE_KEY);
    assert_int_equal(take->file[0].dated_ms, 1793208925525);
    assert_int_equal(take->file[0].passed, 1);
    assert_int_equal(take->file[0].unread, 1);
    assert_string_equal(take->file[0].note, "1 of 4 entries can not be read, the first of them is entry 4");
    catake_free(take);
}

/* Whose hand-made table has a slip in it is told where the first one is. */
static void the_first_row_passed_over_is_named(void **state)
{
    (void)state;
    char key[65];
    hex64('a', key);
    begin();
    say("spki_sha256,store,rule,class,effective_date,group\n"
        "%s,mozilla,blocked (all),incident,2020-01-01,One\n"
        "%.63s,mozilla,blocked (all),incident,2020-01-01,Two\n"
        "%s,mozilla,blocked (all),nonsense,2020-01-01,Three\n",
        key, key, key);
    struct catake *take = read_as("distrust-table", 1);
    assert_int_equal(take->rule_count, 1);
    assert_int_equal(take->file[0].passed, 2);
    assert_int_equal(take->file[0].unread, 2);
    assert_string_equal(take->file[0].note,
                        "2 of 3 rows can not be read, the first of them is row 2 below the header");
    catake_free(take);
}

/* What a table says takes the place of what was there, so one with many odd rows is not taken at all. */
static void a_table_with_many_odd_rows_is_not_taken(void **state)
{
    static const struct {
        int rows;
        int odd;
        bool damaged;
    } cases[] = {{100, 1, false}, {100, 2, true}, {99, 1, true}, {99, 0, false}, {200, 2, false}};
    char key[65];
    (void)state;
    hex64('a', key);
    for (size_t i = 0; i < countof(cases); i++) {
        struct catake *take = catake_new();
        begin();
        say("spki_sha256,store,rule,class,effective_date,group\n");
        for (int k = 0; k < cases[i].rows; k++)
            say("%s,%s,blocked (all),incident,2020-01-01,One\n", key, k < cases[i].odd ? "?" : "mozilla");
        caform_read("a file", (uint8_t *)text, len, 5000, take);
        assert_int_equal(take->file[0].damaged, cases[i].damaged);
        assert_int_equal(take->file[0].unread, cases[i].odd);
        assert_int_equal(take->rule_count, cases[i].damaged ? 0 : cases[i].rows - cases[i].odd);
        assert_int_equal(take->part_count, cases[i].damaged ? 0 : 1);
        catake_free(take);
    }
}

/* DER, from the end to the beginning. */
static size_t put(uint8_t *out, uint8_t tag, const uint8_t *value, size_t value_len)
{
    size_t at = 0;
    out[at++] = tag;
    if (value_len >= 0x80)
        out[at++] = 0x82, out[at++] = (uint8_t)(value_len >> 8);
    out[at++] = (uint8_t)value_len;
    memmove(out + at, value, value_len);
    return at + value_len;
}

static size_t attribute(uint8_t *out, unsigned number, const uint8_t *value, size_t value_len)
{
    uint8_t body[512];
    uint8_t inner[512];
    uint8_t oid[12] = {0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x0a, 0x0b, (uint8_t)number};
    size_t at = put(body, 0x06, oid, 10);
    size_t inner_len = put(inner, 0x04, value, value_len);
    at += put(body + at, 0x31, inner, inner_len);
    return put(out, 0x30, body, at);
}

static void microsoft_is_read(void **state)
{
    (void)state;
    static const uint8_t purposes[] = {0x30, 0x0a, 0x06, 0x08, 0x2b, 0x06,
                                       0x01, 0x05, 0x05, 0x07, 0x03, 0x01};
    static const uint8_t ctl[] = {0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x0a, 0x01};
    static const uint8_t data[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02};
    /* 2025-04-16T00:00:00Z as FILETIME, little end first. */
    uint64_t ticks = (UINT64_C(1744761600) + UINT64_C(11644473600)) * 10000000;
    uint8_t moment[8];
    uint8_t subject[1024], set[1024], list[4096], body[4096];
    uint8_t id[20] = {1};
    size_t at = 0;
    for (int i = 0; i < 8; i++)
        moment[i] = (uint8_t)(ticks >> (8 * i));
    at += attribute(set + at, 98, facts.sha256, 32);
    at += attribute(set + at, 9, purposes, sizeof purposes);
    at += attribute(set + at, 126, moment, sizeof moment);
    at += attribute(set + at, 11, (const uint8_t *)"R\0o\0o\0t\0", 8);
    size_t subject_len = put(subject, 0x04, id, sizeof id);
    subject_len += put(subject + subject_len, 0x31, set, at);
    size_t one = put(body, 0x30, subject, subject_len);
    size_t list_len = put(list, 0x17, (const uint8_t *)"260714000000Z", 13);
    list_len += put(list + list_len, 0x30, body, one);
    /* SEQUENCE { OID ctl, [0] { CTL } } within SignedData within ContentInfo. */
    size_t n = put(body, 0x30, list, list_len);
    list_len = put(list, 0xa0, body, n);
    n = put(body, 0x06, ctl, sizeof ctl);
    memcpy(body + n, list, list_len);
    list_len = put(list, 0x30, body, n + list_len);
    static const uint8_t version[] = {0x02, 0x01, 0x01, 0x31, 0x00};
    memcpy(body, version, sizeof version);
    memcpy(body + sizeof version, list, list_len);
    list_len = put(list, 0x30, body, sizeof version + list_len);
    n = put(body, 0xa0, list, list_len);
    list_len = put(list, 0x06, data, sizeof data);
    memcpy(list + list_len, body, n);
    begin();
    len = put((uint8_t *)text, 0x30, list, list_len + n);
    struct catake *take = read_as("authroot", 1);
    assert_int_equal(take->rule_count, 2);
    assert_int_equal(take->rule[0].rule.kind, CARULE_ANCHOR);
    assert_memory_equal(take->rule[0].rule.hash, facts.sha256, 32);
    assert_string_equal(take->rule[0].rule.label, "Root");
    assert_int_equal(take->rule[1].rule.kind, CARULE_NOT_BEFORE);
    assert_int_equal(take->rule[1].rule.limit, 1744761600);
    assert_int_equal(take->file[0].dated_ms, INT64_C(1783987200000));
    assert_int_equal(take->file[0].unread, 0);
    assert_string_equal(take->file[0].note, "its signature was not checked");
    size_t whole = len;
    catake_free(take);
    /* A root for servers without a hash of its certificate. */
    uint8_t *hash = memmem(text, len, facts.sha256, 32);
    assert_non_null(hash);
    hash[-1] = 31;
    take = catake_new();
    caform_read("no hash", (uint8_t *)text, len, 0, take);
    assert_true(take->file[0].damaged);
    assert_int_equal(take->file[0].unread, 1);
    assert_string_equal(take->file[0].note, "its signature was not checked; 1 of 1 entries can not be read,"
                                            " the first of them is entry 1");
    catake_free(take);
    hash[-1] = 32;
    /* However it is cut, nothing is made up. */
    for (size_t cut = 0; cut < whole; cut++) {
        take = catake_new();
        caform_read("cut", (uint8_t *)text, cut, 0, take);
        assert_true(take->rule_count <= 2);
        catake_free(take);
    }
}

/* Who runs the CAs of that report. */
static void check_owners(const struct catake *take)
{
    assert_int_equal(take->caa_count, 2);
    assert_string_equal(take->caa[0].domain, "ca:a b c");
    assert_string_equal(take->caa[1].domain, "ca:o");
}

static void reports_of_the_ccadb_are_read(void **state)
{
    (void)state;
    char hex[65];
    char base64[2 * CACERT_MAX];
    (void)text_hex(span_of(facts.sha256, 32), hex);
    (void)text_base64(span_of(made.bytes, made.len), base64);
    begin();
    say("\"SHA-256 Fingerprint\",\"X.509 Certificate (PEM)\"\r\n\"%s\",\"-----BEGIN "
        "CERTIFICATE-----\n%.64s\n%s\n-----END CERTIFICATE-----\"\r\n\"x\",\"none\"\r\n",
        hex, base64, base64 + 64);
    struct catake *take = read_as("ccadb-certificates", 1);
    assert_int_equal(take->cert_count, 1);
    assert_memory_equal(take->cert[0].facts.sha256, facts.sha256, 32);
    catake_free(take);
    begin();
    say("CA Owner,Certificate Name,Revocation Status,SHA-256 Fingerprint\n\"A, \"\"B\"\"\nC\",x,Parent Cert "
        "Revoked,%s\n"
        "o,y,Not Revoked,%s\n",
        hex, hex);
    take = read_as("ccadb-records", 2);
    check_owners(take);
    assert_int_equal(take->rule[0].rule.kind, CARULE_BLOCKED);
    assert_int_equal(take->rule[0].rule.store, VERDICT_STORES);
    assert_int_equal(take->rule_count, 2);
    assert_false(take->rule[0].lifts);
    assert_true(take->rule[1].lifts); /* it was revoked by mistake once, and is not any more */
    catake_free(take);
    begin();
    say("CA Owner,Certificate Name,SHA-256 Fingerprint,Apple Status,Apple Trust Bits,Microsoft "
        "Status,Microsoft EKUs\n"
        "o,n,%s,Included,Secure Email,Included,Server Authentication;Secure Email\n",
        hex);
    take = read_as("ccadb-roots", 1);
    assert_int_equal(take->rule_count, 1);
    assert_int_equal(take->rule[0].rule.store, VERDICT_MICROSOFT);
    catake_free(take);
    begin();
    say("apple_root_sha256,action,date,name\n%s,distrust-after,2024-11-15,Entrust\n%s,perhaps,,\n", hex, hex);
    take = read_as("apple-list", 1);
    assert_int_equal(take->rule[1].rule.limit, 1731715199);
    catake_free(take);
    begin();
    say("Subject,SHA-256 Fingerprint,Recognized CAA Domains\nCA,%s,\"Example.COM, None\n pki.goog "
        "b@d.example\"\n",
        hex);
    take = read_as("ccadb-caa", 1);
    assert_int_equal(take->caa_count, 2);
    assert_string_equal(take->caa[0].domain, "example.com");
    assert_string_equal(take->caa[1].domain, "pki.goog");
    catake_free(take);
    begin();
    say("# ISRG\n-----BEGIN CERTIFICATE-----\n%s\n-----END CERTIFICATE-----\n", base64);
    take = read_as("certificates", 1);
    catake_free(take);
}

static void the_newest_report_of_the_ccadb_is_read(void **state)
{
    (void)state;
    char hex[65];
    (void)text_hex(span_of(facts.sha256, 32), hex);
    /* As version 5 of the report has it: roots say nothing, hashes are in capitals. */
    for (char *at = hex; *at != '\0'; at++)
        *at = *at >= 'a' ? (char)(*at - 32) : *at;
    begin();
    say("CA Owner,Certificate Name,Certificate Record Type,Microsoft Status,Revocation Status,SHA-256 "
        "Fingerprint,Parent SHA-256 Fingerprint\no,x,Root Certificate,Included,,%s,\n\"o\",\"y\nz\","
        "Intermediate Certificate,,Revoked,%s,%s\n",
        hex, hex, hex);
    struct catake *take = catake_new();
    caform_read("a file", (uint8_t *)text, len, 5000, take);
    assert_string_equal(take->file[0].form, "ccadb-records");
    assert_int_equal(take->rule_count, 2);
    assert_true(take->rule[0].lifts);
    assert_false(take->rule[1].lifts);
    assert_memory_equal(take->rule[1].rule.hash, facts.sha256, 32);
    catake_free(take);
}

static void anything_else_is_left_alone(void **state)
{
    (void)state;
    static const char *const texts[] = {"",   "\n\n",    "a,b,c\n1,2,3\n",       "{\"data\":[]}",
                                        "{",  "[1]",     "\x30\x03\x02\x01\x05", "BEGINDAT",
                                        "\"", "\"a\"\"", "trust_anchors {"};
    for (size_t i = 0; i < countof(texts); i++) {
        struct catake *take = catake_new();
        char bytes[64];
        size_t size = strlen(texts[i]);
        memcpy(bytes, texts[i], size);
        caform_read("odd", (uint8_t *)bytes, size, 0, take);
        assert_string_equal(take->file[0].form, "");
        assert_int_equal(take->rule_count, 0);
        catake_free(take);
    }
}

static void read_revoked(struct catake *take, const char *rows, int64_t mtime_ms)
{
    char bytes[1024];
    int size =
        snprintf(bytes, sizeof bytes, "SHA-256 Fingerprint,Revocation Status,Certificate Name\n%s", rows);
    caform_read("revoked", (uint8_t *)bytes, (size_t)size, mtime_ms, take);
}

/* What is taken back of a damaged file is also its date: the part is no newer than what was taken for it. */
static void a_damaged_file_makes_nothing_newer(void **state)
{
    static const char good[] =
        "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff,Revoked,A CA\n";
    (void)state;
    struct catake *take = catake_new();
    read_revoked(take, good, 5000);
    assert_int_equal(take->part_count, 1);
    assert_int_equal(take->part[0].dated_ms, 5000);
    read_revoked(take, "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff,Rev", 9000);
    assert_true(take->file[1].damaged);
    assert_int_equal(take->part_count, 1);
    assert_int_equal(take->part[0].dated_ms, 5000);
    read_revoked(take, good, 8000);
    assert_int_equal(take->part[0].dated_ms, 8000);
    catake_free(take);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(certdata_is_read),
                                       cmocka_unit_test(cut_off_files_take_nothing),
                                       cmocka_unit_test(chrome_is_read),
                                       cmocka_unit_test(onecrl_is_read),
                                       cmocka_unit_test(the_first_row_passed_over_is_named),
                                       cmocka_unit_test(a_table_with_many_odd_rows_is_not_taken),
                                       cmocka_unit_test(microsoft_is_read),
                                       cmocka_unit_test(reports_of_the_ccadb_are_read),
                                       cmocka_unit_test(the_newest_report_of_the_ccadb_is_read),
                                       cmocka_unit_test(a_damaged_file_makes_nothing_newer),
                                       cmocka_unit_test(anything_else_is_left_alone)};
    return cmocka_run_group_tests(tests, make, NULL);
}
