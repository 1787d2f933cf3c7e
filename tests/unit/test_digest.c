#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "base/text.h"
#include "base/thread.h"
#include "verify/digest.h"

/* FIPS 180-4 examples. */
static void known_answers(void **state)
{
    static const struct {
        const char *text, *hex;
    } rows[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };
    uint8_t out[32];
    char hex[65];

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        digest_sha256(span_str(rows[i].text), out);
        assert_string_equal(text_hex(span_of(out, 32), hex), rows[i].hex);
    }
    digest_sha256(SPAN_NONE, out);
    assert_string_equal(text_hex(span_of(out, 32), hex), rows[0].hex);
}

/* Any way to cut the input gives the same digest, and the one that OpenSSL gives at once. */
static void pieces(void **state)
{
    uint8_t bytes[300];
    uint8_t whole[32];
    uint8_t parts[32];

    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 7);
    for (size_t length = 0; length <= sizeof bytes; length += 13) {
        assert_int_equal(EVP_Digest(bytes, length, whole, NULL, EVP_sha256(), NULL), 1);
        for (size_t cut = 0; cut <= length; cut += 11) {
            struct span cuts[3] = {span_of(bytes, cut), SPAN_NONE, span_of(bytes + cut, length - cut)};
            digest_sha256_pieces(cuts, 3, parts);
            assert_memory_equal(parts, whole, 32);
        }
    }
    digest_sha256_pieces(NULL, 0, parts);
    digest_sha256(SPAN_NONE, whole);
    assert_memory_equal(parts, whole, 32);
}

static void hash_many(void *arg)
{
    uint8_t *out = arg;

    memset(out, out[0], 32);
    for (int i = 0; i < 1000; i++)
        digest_sha256(span_of(out, 32), out);
}

/* Threads come and go, each with a context of its own. */
static void threads(void **state)
{
    struct thread thread[8];
    uint8_t out[8][32];
    uint8_t expected[32];

    (void)state;
    for (size_t i = 0; i < countof(thread); i++) {
        out[i][0] = (uint8_t)(i / 2);
        thread[i].running = false;
        assert_true(thread_start(&thread[i], "hash", hash_many, out[i]));
    }
    for (size_t i = 0; i < countof(thread); i++) {
        thread_join(&thread[i]);
        expected[0] = (uint8_t)(i / 2);
        hash_many(expected);
        assert_memory_equal(out[i], expected, 32);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers),
        cmocka_unit_test(pieces),
        cmocka_unit_test(threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
