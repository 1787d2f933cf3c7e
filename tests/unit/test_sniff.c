#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/sniff.h"
#include "tests/unit/sample.h"

#define SEQ(length)  "\x30" length
#define OID(content) "\x06\x01" content

struct row {
    const char *what;
    struct span bytes;
    enum sniff kind;
};

#define ROW(what, bytes, kind)                                                                               \
    {                                                                                                        \
        what, SPAN_LIT(bytes), SNIFF_##kind                                                                  \
    }

static const struct row rows[] = {
    ROW("nothing", "", UNKNOWN),
    ROW("noise", "\x91\x02\x03\x04", UNKNOWN),
    ROW("words", "hello, world", UNKNOWN),
    /* DER: the tags of the first elements decide. */
    ROW("certificate of version 3", SEQ("\x0a") SEQ("\x05") "\xa0\x03\x02\x01\x02" SEQ("\x00") "\x03",
        CERTIFICATE),
    ROW("certificate of version 1",
        SEQ("\x14") SEQ("\x12") "\x02\x01\x05" SEQ("\x03") OID("\x2a") SEQ("\x02") "\x31\x00" SEQ("\x00")
            SEQ("\x00"),
        CERTIFICATE),
    ROW("certificate that is cut off", SEQ("\x82\x03\xb5") SEQ("\x82\x02\x9d") "\xa0\x03\x02\x01\x02\x02",
        CERTIFICATE),
    ROW("something damaged early", SEQ("\x04") "\xff\x02\x03\x04", CERTIFICATE),
    ROW("TBS of version 3", SEQ("\x05") "\xa0\x03\x02\x01\x02", TBS),
    ROW("TBS of version 1", SEQ("\x0c") "\x02\x01\x05" SEQ("\x03") OID("\x2a") SEQ("\x00") SEQ("\x00"), TBS),
    ROW("signed data", SEQ("\x0b") "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02", PKCS7),
    ROW("enveloped data", SEQ("\x0b") "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03", ENCRYPTED),
    ROW("PKCS#8 key", SEQ("\x0a") "\x02\x01\x00" SEQ("\x03") OID("\x2a") "\x04\x00", KEY),
    ROW("PKCS#8 key, encrypted", SEQ("\x07") SEQ("\x03") OID("\x2a") "\x04\x00", KEY),
    ROW("RSA key", SEQ("\x06") "\x02\x01\x00\x02\x01\x07", KEY),
    ROW("EC key", SEQ("\x06") "\x02\x01\x01\x04\x01\x07", KEY),
    ROW("public key", SEQ("\x08") SEQ("\x03") OID("\x2a") "\x03\x01\x00", PUBLIC_KEY),
    ROW("request", SEQ("\x0b") SEQ("\x09") "\x02\x01\x00" SEQ("\x02") "\x31\x00" SEQ("\x00"), REQUEST),
    ROW("CRL", SEQ("\x0e") SEQ("\x0c") "\x02\x01\x01" SEQ("\x03") OID("\x2a") SEQ("\x00") "\x17\x00", CRL),
    ROW("CRL of version 1", SEQ("\x0b") SEQ("\x09") SEQ("\x03") OID("\x2a") SEQ("\x00") "\x17\x00", CRL),
    ROW("OCSP response", SEQ("\x03") "\x0a\x01\x00", OCSP),
    ROW("key store", SEQ("\x0c") "\x02\x01\x03" SEQ("\x07") "\x06\x01\x2a\xa0\x02\x04\x00", PKCS12),
    /* Text. */
    ROW("PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", PEM),
    ROW("PEM behind words that begin like DER", "0: depth=0 CN=x\n-----BEGIN CERTIFICATE-----\n", PEM),
    ROW("PEM in a page", "<pre>-----BEGIN CERTIFICATE-----\n", PEM),
    ROW("base64", "MIIDtTCCAp2gAwIB\nAgIQB1R3bA==\n", BASE64),
    ROW("base64 behind a byte order mark", "\xef\xbb\xbf\r\nMIIDtTCCAp2gAwIBAgIQB1R3bA==", BASE64),
    ROW("base64 that begins like DER", "0IIDtTCCAp2gAwIBAgIQB1R3bA==", BASE64),
    ROW("hex", "30820119308\n1ffa0 030201020202012a", HEX),
    ROW("hex with colons", "30:82:01:19:30:81:FF:A0:03:02:01:02:02:02:01:23\n", HEX),
    ROW("hex of PostgreSQL", "\\x30820119308201193082011930820119", HEX),
    ROW("hex behind 0x", " 0x00000000019001020304000000000130", HEX),
    ROW("half a byte of hex", "308201193081ffa003020102020201233", BASE64),
    ROW("a fingerprint in hex", "a85ae673a39d7d93f7e4619ddaa38f0de2830ae14b4cedf64bb1a650f9d2f994", BASE64),
    ROW("a word", "certificate", UNKNOWN),
    ROW("base64 and other words", "MIIDtTCCAp2gAwIBAgIQB1R3bA== !", UNKNOWN),
    ROW("get-entries", " {\"entries\": [", GET_ENTRIES),
    ROW("get-entries, members in another order", "{\"a\":[{}], \"entries\":[]}", GET_ENTRIES),
    ROW("entry", "{\"leaf_input\":\"AA\",\"extra_data\":\"\"}", ENTRY),
    ROW("get-roots", "{\"certificates\":[\"MII\"]}", GET_ROOTS),
    ROW("get-sth", "{\"tree_size\":3,\"tree_head_signature\":\"\"}", HEAD),
    ROW("checkpoint", "log.example/x\n12\nAAAA\n\n\xe2\x80\x94 log.example/x AAAA\n", HEAD),
    ROW("other JSON", "{\"a\":{\"entries\":[]}}", JSON),
    ROW("a list", "[\"entries\"]", JSON),
    ROW("page", "<!DOCTYPE html>", PAGE),
    ROW("UTF-16", "\xff\xfe-\0-\0-\0-\0-\0", UTF16),
    ROW("gzip", "\x1f\x8b\x08", GZIP),
    /* Entries of logs: the time tells, unless the whole fits. */
    ROW("leaf", "\0\0\0\0\x01\x90\x01\x02\x03\x04\0\0\0\0\x01\x30\0\0", LEAF),
    ROW("leaf of an old time", "\0\0\0\0\0\0\x01\x02\x03\x04\0\0\0\0\x01\x30\0\0", LEAF),
    ROW("leaf that is cut off", "\0\0\0\0\x01\x90\x01\x02\x03\x04\0\0\0\0\x09\x30", LEAF),
    ROW("leaf of version 2", "\1\0\0\0\x01\x90\x01\x02\x03\x04\0\0\0\0\x01\x30\0\0", LEAF),
    ROW("leaf of type 1", "\0\1\0\0\x01\x90\x01\x02\x03\x04\0\0\0\0\x01\x30\0\0", LEAF),
    ROW("noise that begins alike", "\1\0\1\2\3\4\5\6\7\x8\x9\xa\xb\xc\xd\xe\xf\0", UNKNOWN),
    ROW("tile", "\0\0\x01\x90\x01\x02\x03\x04\0\0\0\0\x01\x30\0\0\0\0", DATA_TILE),
    ROW("zeros", "\0\0\0\0\0\0\0\0", UNKNOWN),
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        /* On the heap and of exact size, so that a byte too far is seen. */
        uint8_t *copy = malloc(rows[i].bytes.len + (rows[i].bytes.len == 0));
        must(copy != NULL);
        memcpy(copy, rows[i].bytes.at, rows[i].bytes.len);
        enum sniff kind = sniff_bytes(span_of(copy, rows[i].bytes.len));
        free(copy);
        if (kind != rows[i].kind)
            fail_msg("%s: %s, not %s", rows[i].what, sniff_form(kind), sniff_form(rows[i].kind));
    }
    assert_int_equal(sniff_bytes(SPAN_NONE), SNIFF_UNKNOWN);
}

/* Real ones of every shape the parser knows, whole and cut off anywhere behind their first elements. */
static void test_certificates(void **state)
{
    static const char *const samples[] = {"tbs/v1.der", "tbs/poison.der"};

    (void)state;
    for (size_t i = 0; i < countof(samples); i++) {
        struct span der = sample_load(samples[i]);
        for (size_t len = 40; len <= der.len; len++)
            assert_int_equal(sniff_bytes(span_part(der, 0, len)), SNIFF_CERTIFICATE);
        assert_int_equal(sniff_der(der), SNIFF_CERTIFICATE);
        sample_free(der);
    }
}

static void test_labels(void **state)
{
    (void)state;
    assert_int_equal(sniff_label(SPAN_LIT("CERTIFICATE")), SNIFF_CERTIFICATE);
    assert_int_equal(sniff_label(SPAN_LIT("TRUSTED CERTIFICATE")), SNIFF_CERTIFICATE);
    assert_int_equal(sniff_label(SPAN_LIT("X509 CERTIFICATE")), SNIFF_CERTIFICATE);
    assert_int_equal(sniff_label(SPAN_LIT("PKCS7")), SNIFF_PKCS7);
    assert_int_equal(sniff_label(SPAN_LIT("CERTIFICATE REQUEST")), SNIFF_REQUEST);
    assert_int_equal(sniff_label(SPAN_LIT("EC PRIVATE KEY")), SNIFF_KEY);
    assert_int_equal(sniff_label(SPAN_LIT("PGP MESSAGE")), SNIFF_UNKNOWN);
}

/* What can not be read says what to do instead; forms are words of JSON. */
static void test_words(void **state)
{
    (void)state;
    for (unsigned i = 0; i < SNIFF_COUNT; i++) {
        enum sniff kind = (enum sniff)i;
        assert_int_equal(sniff_advice(kind) != NULL, kind > SNIFF_DATA_TILE);
        for (const char *at = sniff_form(kind); *at != '\0'; at++)
            assert_true((*at >= 'a' && *at <= 'z') || *at == '_' || (*at >= '0' && *at <= '9'));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_certificates),
        cmocka_unit_test(test_labels),
        cmocka_unit_test(test_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
