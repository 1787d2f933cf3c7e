/* Entries that can not be read, of the forms that are no tables: they are counted, and many of them keep the
 * file out. */
#include "tests/fixture/catext.h"

/* Reads what was said, as an import without --force does. */
static struct catake *read_strictly(void)
{
    struct catake *take = catake_new();
    caform_read("a file", (uint8_t *)text, len, 5000, take);
    return take;
}

/* Of the forms that are no tables, too: with so many entries unread they would leave less than was there. */
static void assert_refused(uint64_t unread)
{
    struct catake *take = read_strictly();
    assert_int_equal(take->file[0].unread, unread);
    assert_true(take->file[0].damaged);
    assert_int_equal(take->file[0].taken, 0);
    assert_int_equal(take->rule_count + take->part_count + take->cert_count, 0);
    catake_free(take);
}

static void onecrl_with_odd_records_is_not_taken(void **state)
{
    static const char *const odd[] = {"{\"issuerName\":\"MAAA\",\"serialNumber\":\"?\"}",
                                      "{\"issuerName\":7,\"serialNumber\":\"AQ==\"}",
                                      "{\"pubKeyHash\":\"AAEC\"}",
                                      "{}",
                                      "7",
                                      "null"};
    (void)state;
    for (size_t i = 0; i < countof(odd); i++) {
        begin();
        say("{\"data\":[{\"issuerName\":\"MAAA\",\"serialNumber\":\"AQ==\"},%s]}", odd[i]);
        assert_refused(1);
    }
}

static void certdata_with_odd_objects_is_not_taken(void **state)
{
    static const struct {
        const char *trust;
        const char *spoilt; /* this line, and what stands below it */
        uint64_t unread;
    } cases[] = {{"CKT_NSS_TRUSTED_DELEGATOR", "CKA_VALUE", 1},
                 {"CKT_NSS_TRUSTED_DELEGATOR", "CKA_SERIAL_NUMBER", 1},
                 {"CKT_NSS_TRUSTED_DELEGATOR", "CKA_NSS_SERVER_DISTRUST_AFTER", 1},
                 {"CKT_NSS_NOT_TRUSTED", "CKA_SERIAL_NUMBER", 1},
                 {"CKT_NSS_TRUSTED_DELEGATOR", "", 0},
                 {"CKT_NSS_MUST_VERIFY_TRUST", "CKA_VALUE", 0}};
    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        begin();
        say("BEGINDATA\n");
        nss(cases[i].trust);
        for (char *at = text; cases[i].spoilt[0] != '\0' && (at = strstr(at, cases[i].spoilt)) != NULL; at++)
            memcpy(strchr(at, '\n') + 1, "\\9", 2);
        struct catake *take = read_strictly();
        assert_int_equal(take->file[0].unread, cases[i].unread);
        assert_int_equal(take->file[0].damaged, cases[i].unread != 0);
        assert_true(take->file[0].taken == 0 || cases[i].unread == 0);
        catake_free(take);
    }
}

static void a_root_of_chrome_without_its_hash_is_not_read(void **state)
{
    static const char *const odd[] = {"sha256_hex: \"12\"", "expiry: true",
                                      "sha256_hex: \"%s\" constraints { sct_not_after_sec: soon }",
                                      "sha256_hex: \"%s\" constraints { validity_starts_not_after_sec: }"};
    static const char *const foreign[] = {"sha256_hex: \"%s\" constraints { index_not_after: 7 }"};
    char hash[65];
    (void)state;
    hex64('a', hash);
    for (size_t i = 0; i < countof(odd) + countof(foreign); i++) {
        char body[256];
        const char *form = i < countof(odd) ? odd[i] : foreign[i - countof(odd)];
        const char *at = strstr(form, "%s");
        int front = at == NULL ? (int)strlen(form) : (int)(at - form);
        (void)snprintf(body, sizeof body, "%.*s%s%s", front, form, at == NULL ? "" : hash,
                       at == NULL ? "" : at + 2);
        begin();
        say("trust_anchors { sha256_hex: \"%s\" }\ntrust_anchors { %s }\n", hash, body);
        if (i < countof(odd)) {
            assert_refused(1);
            continue;
        }
        struct catake *take = read_strictly();
        assert_int_equal(take->file[0].unread, 0);
        assert_false(take->file[0].damaged);
        catake_free(take);
    }
}

static void a_bundle_with_odd_blocks_is_not_taken(void **state)
{
    char base64[2 * CACERT_MAX];
    (void)state;
    (void)text_base64(span_of(made.bytes, made.len), base64);
    for (int i = 0; i < 3; i++) {
        static const char *const second[] = {"-----BEGIN CERTIFICATE-----\nMAAA\n-----END CERTIFICATE-----\n",
                                             "-----BEGIN CERTIFICATE-----\nMAAA", "# the end\n"};
        begin();
        say("-----BEGIN CERTIFICATE-----\n%s\n-----END CERTIFICATE-----\n%s", base64, second[i]);
        if (i < 2) {
            assert_refused(1);
            continue;
        }
        struct catake *take = read_strictly();
        assert_int_equal(take->file[0].taken, 1);
        assert_int_equal(take->file[0].unread, 0);
        catake_free(take);
    }
}

static void read_text(struct catake *take, const char *body)
{
    begin();
    say("%s", body);
    caform_read("a file", (uint8_t *)text, len, 5000, take);
}

/* What is left of a part when one of its files is refused would take the place of the whole. */
static void a_refused_file_keeps_its_parts_out(void **state)
{
#define HASH "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
    static const char apple[] = "apple_root_sha256,action,date,name\n" HASH ",trusted,,A root\n";
    static const char roots[] =
        "cert_sha256,spki_sha256,mozilla_tls,chrome,apple_2025_12\n" HASH "," HASH ",anchor,,\n";
    static const char included[] = "Certificate Name,CA Owner,SHA-256 Fingerprint\n";
    static const char onecrl[] = "type,issuer_or_subject_der_b64,serial_or_spki_sha256,enabled\n";
    const struct {
        const char *refused;
        const char *other;
        size_t parts; /* that are left */
        bool withheld;
    } cases[] = {{"apple_root_sha256,action,date,name\nodd,trusted,,A root\n", apple, 0, true},
                 {"CA Owner,Certificate Name,SHA-256 Fingerprint\no,n,odd\n", apple, 0, true},
                 {"apple_root_sha256,action,date,name\nodd,trusted,,A root\n", roots, 3, true},
                 {"{\"data\":[{\"issuerName\":\"MAA", onecrl, 0, true},
                 {"{\"data\":[{\"issuerName\":\"MAA", apple, 1, false},
                 {"\x30\x82\x7f\x7f", included, 0, true},
                 {"spki_sha256,known_cert_sha256\nodd,\n", apple, 1, false}};
    (void)state;
    for (size_t i = 0; i < 2 * countof(cases); i++) {
        struct catake *take = catake_new();
        size_t other = i % 2 == 0 ? 1 : 0; /* in either order */
        read_text(take, other == 1 ? cases[i / 2].refused : cases[i / 2].other);
        read_text(take, other == 1 ? cases[i / 2].other : cases[i / 2].refused);
        catake_withhold(take);
        assert_true(take->file[1 - other].damaged);
        assert_false(take->file[other].damaged);
        assert_int_equal(take->file[other].withheld, cases[i / 2].withheld);
        assert_int_equal(take->part_count, cases[i / 2].parts);
        assert_true(!cases[i / 2].withheld || cases[i / 2].parts != 0 || take->file[other].taken == 0);
        for (size_t k = 0; k < take->rule_count; k++)
            assert_true(take->rule[k].part < take->part_count);
        for (size_t k = 0; k < take->part_count; k++)
            assert_true(!cases[i / 2].withheld || strcmp(take->part[k].name, "apple.roots") != 0);
        catake_free(take);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(onecrl_with_odd_records_is_not_taken),
                                       cmocka_unit_test(certdata_with_odd_objects_is_not_taken),
                                       cmocka_unit_test(a_root_of_chrome_without_its_hash_is_not_read),
                                       cmocka_unit_test(a_bundle_with_odd_blocks_is_not_taken),
                                       cmocka_unit_test(a_refused_file_keeps_its_parts_out)};
    return cmocka_run_group_tests(tests, make, NULL);
}
