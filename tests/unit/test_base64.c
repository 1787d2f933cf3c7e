#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "base/cpu.h"
#include "parser/base64.h"
#include "tests/fuzz/foreign.h"

#define DIGITS_MAX 300

static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static uint64_t dice_state = 1;

/* The same numbers in every run. */
static size_t dice(size_t sides)
{
    dice_state = dice_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (size_t)(dice_state >> 33) % sides;
}

/* By libcrypto, which decodes whole texts only. */
static void decode_all(const uint8_t *text, size_t digits, uint8_t *want)
{
    assert_int_equal(EVP_DecodeBlock(want, text, (int)digits), digits / 4 * 3);
    foreign_wrote(want, digits / 4 * 3);
}

static enum base64_way way_of(void **state)
{
    enum base64_way way = *(const enum base64_way *)*state;

    if (!base64_way_found(way)) {
        print_message("this processor has no %s\n", base64_way_name(way));
        skip();
    }
    return way;
}

/* Input and output in blocks of exact size, so that ASan sees a step too far; without it the guard does. */
struct block {
    uint8_t *text;
    size_t len;
    uint8_t *out;
    size_t room;
};

static void block_make(struct block *block, size_t len)
{
    block->len = len;
    block->room = len / 4 * 3 + BASE64_SLOP;
    block->text = malloc(len == 0 ? 1 : len);
    block->out = malloc(block->room + 1);
    assert_true(block->text != NULL && block->out != NULL);
    block->out[block->room] = 0x77;
    for (size_t i = 0; i < len; i++)
        block->text[i] = (uint8_t)set[dice(64)];
}

static void block_free(struct block *block)
{
    assert_int_equal(block->out[block->room], 0x77);
    free(block->text);
    free(block->out);
}

/* Decodes and expects the first bytes of `want` up to `digits`. */
static void block_check(struct block *block, enum base64_way way, size_t digits, const uint8_t *want)
{
    const uint8_t *in = block->text;
    uint8_t *end = base64_way_runner(way)(&in, block->text + block->len, block->out);

    assert_ptr_equal(in, block->text + digits);
    assert_int_equal(end - block->out, digits / 4 * 3);
    assert_memory_equal(block->out, want, digits / 4 * 3);
}

/* Every length, and in every length every place of a foreign byte, against libcrypto. */
static void test_places(void **state)
{
    static const uint8_t foreign[] = {'"', '\\', '=',  0,   'A' | 0x80, 0xff, '-',
                                      '_', ' ',  '\n', '@', '[',        '`'};
    enum base64_way way = way_of(state);

    for (size_t len = 0; len <= DIGITS_MAX; len++) {
        uint8_t want[DIGITS_MAX];
        struct block block;
        block_make(&block, len);
        size_t whole = len / 4 * 4;
        decode_all(block.text, whole, want);
        block_check(&block, way, whole, want);
        for (size_t place = 0; place < len; place++) {
            uint8_t kept = block.text[place];
            block.text[place] = foreign[(place + len) % sizeof foreign];
            block_check(&block, way, place / 4 * 4, want);
            block.text[place] = kept;
        }
        block_free(&block);
    }
}

/* Each byte at each place of two rounds of the widest way, and some more. */
static void test_bytes(void **state)
{
    enum base64_way way = way_of(state);
    uint8_t want[DIGITS_MAX];
    struct block block;

    block_make(&block, 2 * 64 + 12);
    for (size_t place = 0; place < block.len; place++) {
        uint8_t kept = block.text[place];
        for (unsigned c = 0; c < 256; c++) {
            bool digit = c != 0 && strchr(set, (int)c) != NULL;
            block.text[place] = (uint8_t)c;
            size_t digits = digit ? block.len : place / 4 * 4;
            decode_all(block.text, digits, want);
            block_check(&block, way, digits, want);
        }
        block.text[place] = kept;
    }
    block_free(&block);
}

/* A few bits flipped anywhere: mostly other digits, sometimes not. */
static void test_damage(void **state)
{
    enum base64_way way = way_of(state);

    for (size_t round = 0; round < 20000; round++) {
        uint8_t want[DIGITS_MAX];
        struct block block;
        size_t digits = 0;
        block_make(&block, dice(DIGITS_MAX + 1));
        for (size_t flips = dice(4); flips > 0 && block.len != 0; flips--) {
            size_t place = dice(block.len);
            block.text[place] = (uint8_t)(block.text[place] ^ 1u << dice(8));
        }
        while (digits < block.len && block.text[digits] != 0 && strchr(set, block.text[digits]) != NULL)
            digits++;
        digits = digits / 4 * 4;
        decode_all(block.text, digits, want);
        block_check(&block, way, digits, want);
        block_free(&block);
    }
}

static void check_group(const char *group)
{
    const uint8_t *in = (const uint8_t *)group;
    uint8_t want[3];
    uint8_t out[3];
    size_t len = in[2] == '=' ? 1 : in[3] == '=' ? 2 : 3;

    decode_all(in, 4, want);
    assert_int_equal(base64_decode_group(in, out), len);
    assert_memory_equal(out, want, len);
}

/* All groups that end a text, against libcrypto, spare bits and all; whole ones; and what is none. */
static void test_group(void **state)
{
    static const char none[][4] = {"AAA\\", "AA=A",  "A===",  "====",  "=A==",    "A=A=",
                                   "\"A==", "A\"==", "AA\"=", "AA=\"", "\xff+==", "A\x80=="};
    uint8_t out[3];

    (void)state;
    for (unsigned word = 0; word < 64 * 64 * 64; word++) {
        char group[5] = {set[word >> 12], set[word >> 6 & 63], set[word & 63], '=', '\0'};
        check_group(group);
        group[2] = '=';
        if (word % 64 == 0)
            check_group(group);
        group[2] = set[word & 63];
        group[3] = set[word * 7 & 63];
        check_group(group);
    }
    for (size_t i = 0; i < countof(none); i++)
        assert_int_equal(base64_decode_group((const uint8_t *)none[i], out), 0);
}

static void test_digits(void **state)
{
    (void)state;
    for (int c = 0; c < 256; c++) {
        const char *found = c == 0 ? NULL : strchr(set, c);
        assert_int_equal(base64_digit((uint8_t)c), found == NULL ? -1 : (int)(found - set));
    }
}

/* What CTVIGIL_CPU says is what decodes. Each word in a process of its own, because the answer is kept; so
 * this test comes first. */
static void test_forced(void **state)
{
    static const struct {
        const char *words;
        enum base64_way ways[2]; /* the first that this processor has, else the portable one */
    } rows[] = {
        {"portable", {BASE64_PORTABLE}}, {"shani", {BASE64_PORTABLE}},
        {"avx2", {BASE64_AVX2}},         {"vbmi", {BASE64_VBMI}},
        {"shani,avx2", {BASE64_AVX2}},   {"avx2,vbmi", {BASE64_VBMI, BASE64_AVX2}},
        {"fastest", {BASE64_PORTABLE}},  {"portable,avx2", {BASE64_AVX2}},
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        enum base64_way expected = BASE64_PORTABLE;
        for (size_t j = countof(rows[i].ways); j-- > 0;)
            expected = base64_way_found(rows[i].ways[j]) && rows[i].ways[j] != BASE64_PORTABLE
                           ? rows[i].ways[j]
                           : expected;
        pid_t child = fork();
        int status;
        assert_true(child >= 0);
        if (child == 0)
            _exit(setenv("CTVIGIL_CPU", rows[i].words, 1) != 0 || base64_way_best() != expected);
        assert_int_equal(waitpid(child, &status, 0), child);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
            fail_msg("CTVIGIL_CPU=%s", rows[i].words);
    }
}

/* And what base64_decode_run does is one of them. */
static void test_run(void **state)
{
    uint8_t want[DIGITS_MAX];
    struct block block;

    (void)state;
    assert_true(base64_way_found(base64_way_best()) && base64_way_found(BASE64_PORTABLE));
    block_make(&block, DIGITS_MAX);
    const uint8_t *in = block.text;
    decode_all(block.text, block.len, want);
    assert_ptr_equal(base64_decode_run(&in, block.text + block.len, block.out),
                     block.out + block.len / 4 * 3);
    assert_ptr_equal(in, block.text + block.len);
    assert_memory_equal(block.out, want, block.len / 4 * 3);
    block_free(&block);
}

#define BY_WAY(test)                                                                                         \
    cmocka_unit_test_prestate(test, &ways[0]), cmocka_unit_test_prestate(test, &ways[1]),                    \
        cmocka_unit_test_prestate(test, &ways[2])

int main(void)
{
    static enum base64_way ways[BASE64_WAYS] = {BASE64_PORTABLE, BASE64_AVX2, BASE64_VBMI};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forced), BY_WAY(test_places),          BY_WAY(test_bytes),
        BY_WAY(test_damage),           cmocka_unit_test(test_group), cmocka_unit_test(test_digits),
        cmocka_unit_test(test_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
