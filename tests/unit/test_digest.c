#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

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

static void hash_chain(void *arg)
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
        assert_true(thread_start(&thread[i], "hash", hash_chain, out[i]));
    }
    for (size_t i = 0; i < countof(thread); i++) {
        thread_join(&thread[i]);
        expected[0] = (uint8_t)(i / 2);
        hash_chain(expected);
        assert_memory_equal(out[i], expected, 32);
    }
}

#define MANY      80
#define MANY_ROOM (MANY * 1100)

static uint64_t dice_state;

/* The same numbers in every run. */
static size_t dice(size_t sides)
{
    dice_state = dice_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (size_t)(dice_state >> 33) % sides;
}

/* Hashes jobs that lie one behind the other in `bytes` (so most are unaligned), each cut into up to 4 pieces
 * of which some are empty, and compares with libcrypto. A guard behind each digest must stay as it is. */
static void check_many(enum digest_way way, const uint8_t *bytes, const size_t *length, size_t count)
{
    static struct span piece[MANY][4];
    static uint8_t out[MANY][33];
    static struct digest_job job[MANY];
    const uint8_t *at = bytes;

    memset(out, 0x5a, sizeof out);
    for (size_t i = 0; i < count; i++) {
        size_t cuts = 1 + dice(4);
        size_t used = 0;
        for (size_t k = 0; k < cuts; k++) {
            size_t part = k + 1 == cuts ? length[i] - used : dice(2) * dice(length[i] - used + 1);
            piece[i][k] = part == 0 ? SPAN_NONE : span_of(at + used, part);
            used += part;
        }
        job[i] = (struct digest_job){piece[i], cuts, out[i]};
        at += length[i];
    }
    digest_many_by(way, job, count);
    at = bytes;
    for (size_t i = 0; i < count; i++) {
        uint8_t want[32];
        assert_int_equal(EVP_Digest(at, length[i], want, NULL, EVP_sha256(), NULL), 1);
        assert_memory_equal(out[i], want, 32);
        assert_int_equal(out[i][32], 0x5a);
        at += length[i];
    }
    assert_int_equal(out[count][0], 0x5a);
}

static enum digest_way way_of(void **state)
{
    enum digest_way way = *(const enum digest_way *)*state;
    if (!digest_way_found(way)) {
        print_message("this processor has no %s\n", digest_way_name(way));
        skip();
    }
    return way;
}

static void many_lengths(void **state)
{
    enum digest_way way = way_of(state);
    static uint8_t bytes[MANY_ROOM];
    size_t length[MANY];

    dice_state = 1;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)dice(256);
    /* Every length, and next to it others. */
    for (size_t len = 0; len <= 1000; len++) {
        length[0] = len;
        for (size_t i = 1; i < 5; i++)
            length[i] = dice(200);
        check_many(way, bytes + len % 7, length, 1 + len % 5);
    }
    for (size_t round = 0; round < 300; round++) {
        size_t count = round % 18;
        for (size_t i = 0; i < count; i++)
            length[i] = dice(1001);
        check_many(way, bytes + round % 64, length, count);
    }
    for (size_t i = 0; i < MANY - 1; i++)
        length[i] = dice(1001);
    check_many(way, bytes, length, MANY - 1);
}

/* Long messages among short ones, first, last and alone. */
static void many_long(void **state)
{
    enum digest_way way = way_of(state);
    static const size_t rows[][6] = {
        {200000, 5, 6, 7, 8, 9}, {1, 70000, 2, 65536, 3, 65537},       {1, 2, 3, 4, 5, 90000},
        {65535, 1, 1, 1, 1, 1},  {70000, 70000, 70000, 70000, 2, 300},
    };
    uint8_t *bytes = calloc(1, 400000);

    assert_non_null(bytes);
    for (size_t i = 0; i < 400000; i++)
        bytes[i] = (uint8_t)(i * 31 + (i >> 8));
    for (size_t i = 0; i < countof(rows); i++)
        for (size_t count = 1; count <= countof(rows[i]); count++)
            check_many(way, bytes, rows[i], count);
    free(bytes);
}

/* The prefixes of tree hashing, and messages without any piece. */
static void many_prefixes(void **state)
{
    enum digest_way way = way_of(state);
    static const uint8_t zero_to_99[100] = {0, 1, 2, 3};
    static const uint8_t prefix[2] = {0, 1};
    struct span piece[17][2];
    struct digest_job job[17];
    uint8_t out[17][32];

    for (size_t count = 0; count <= countof(job); count++) {
        for (size_t i = 0; i < count; i++) {
            piece[i][0] = span_of(&prefix[i % 2], 1);
            piece[i][1] = span_of(zero_to_99 + i, 64);
            job[i] = (struct digest_job){piece[i], 2, out[i]};
            if (i == 9)
                job[i] = (struct digest_job){NULL, 0, out[i]};
        }
        digest_many_by(way, job, count);
        for (size_t i = 0; i < count; i++) {
            uint8_t want[32];
            digest_sha256_pieces(piece[i], i == 9 ? 0 : 2, want);
            assert_memory_equal(out[i], want, 32);
        }
    }
}

/* What CTVIGIL_CPU says when the tests are started decides, and the best way is one that is there. */
static void best_way(void **state)
{
    const char *forced = getenv("CTVIGIL_CPU");

    (void)state;
    assert_true(digest_way_found(digest_way_best()));
    assert_true(digest_way_found(DIGEST_PORTABLE));
    if (forced != NULL && strcmp(forced, "portable") == 0)
        assert_int_equal(digest_way_best(), DIGEST_PORTABLE);
}

int main(void)
{
    static enum digest_way ways[DIGEST_WAYS] = {DIGEST_PORTABLE, DIGEST_AVX2, DIGEST_SHANI};

    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers),
        cmocka_unit_test(pieces),
        cmocka_unit_test(threads),
        cmocka_unit_test(best_way),
        cmocka_unit_test_prestate(many_lengths, &ways[0]),
        cmocka_unit_test_prestate(many_lengths, &ways[1]),
        cmocka_unit_test_prestate(many_lengths, &ways[2]),
        cmocka_unit_test_prestate(many_long, &ways[0]),
        cmocka_unit_test_prestate(many_long, &ways[1]),
        cmocka_unit_test_prestate(many_long, &ways[2]),
        cmocka_unit_test_prestate(many_prefixes, &ways[0]),
        cmocka_unit_test_prestate(many_prefixes, &ways[1]),
        cmocka_unit_test_prestate(many_prefixes, &ways[2]),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
