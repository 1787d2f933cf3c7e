/* The hash of a suffix is the hash of its bytes, wherever they stand; nothing beside the name is read. */
#include "watcher/namehash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct namehash_key key = {{UINT64_C(0x8d1f6a3c5b7e9201), UINT64_C(0x1f2e3d4c5b6a7988),
                                         UINT64_C(0xa5b4c3d2e1f00917), UINT64_C(0x0123456789abcdef)}};

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* In memory of its own that ends where the bytes do, so that a sanitizer sees what is read beside them. */
static struct span alone(const uint8_t *at, size_t len)
{
    uint8_t *copy = malloc(len + (len == 0));
    assert_non_null(copy);
    memcpy(copy, at, len);
    return span_of(copy, len);
}

static uint64_t plain(const uint8_t *at, size_t len)
{
    struct span bytes = alone(at, len);
    uint64_t hash = namehash_bytes(&key, bytes);
    free((void *)(uintptr_t)bytes.at);
    return hash;
}

static void a_suffix_is_its_bytes(void **state)
{
    uint64_t seed = 20261122;
    (void)state;
    for (size_t round = 0; round < 400; round++) {
        uint8_t text[120];
        size_t len = round < 120 ? round : next_random(&seed) % sizeof text;
        for (size_t i = 0; i < len; i++)
            text[i] = (uint8_t) "abcdefghij.....*"[next_random(&seed) % 16];
        struct span name = alone(text, len);
        struct namehash hash = namehash_of(name);
        for (size_t part = 0; part <= len; part++)
            assert_true(namehash_suffix(&key, &hash, part) == plain(text + len - part, part));
        uint32_t dots = 0;
        for (size_t i = 0; i < len && i < NAMEHASH_TAIL; i++)
            dots |= (uint32_t)(text[len - 1 - i] == '.') << (31 - i);
        assert_int_equal(hash.dots, dots);
        free((void *)(uintptr_t)name.at);
    }
}

/* Each byte counts, and so does the number of zeros in front. */
static void every_bit_counts(void **state)
{
    uint8_t text[70] = {0};
    (void)state;
    for (size_t len = 0; len <= sizeof text; len++) {
        uint64_t hash = plain(text, len);
        assert_true(len == 0 || hash != plain(text, len - 1));
        for (size_t i = 0; i < len; i++) {
            text[i] = 1;
            uint64_t other = plain(text, len);
            text[i] = 0;
            assert_true(other != hash);
            assert_in_range(__builtin_popcountll(other ^ hash), 8, 56);
        }
    }
}

/* Another key, other collisions. */
static void the_key_counts(void **state)
{
    static const char *const names[] = {"com", "example.com", "www.example-of-a-name.co.uk",
                                        "a.name.that.is.longer.than.thirty-two.bytes.example"};
    (void)state;
    for (size_t i = 0; i < countof(names); i++)
        for (size_t word = 0; word < 4; word++)
            for (unsigned bit = 0; bit < 64; bit++) {
                struct namehash_key other = key;
                other.word[word] ^= UINT64_C(1) << bit;
                assert_true(namehash_bytes(&other, span_str(names[i])) !=
                            namehash_bytes(&key, span_str(names[i])));
            }
}

/* The first bits choose a word of the filter and the last ones a slot: both have to spread. */
static void names_spread(void **state)
{
    static unsigned first[4096];
    static unsigned last[4096];
    (void)state;
    for (unsigned i = 0; i < 40960; i++) {
        char text[40];
        (void)snprintf(text, sizeof text, "bench-%u.example.com", i);
        uint64_t hash = namehash_bytes(&key, span_str(text));
        first[hash >> 52]++;
        last[hash & 4095]++;
    }
    for (size_t i = 0; i < 4096; i++) {
        assert_true(first[i] < 40);
        assert_true(last[i] < 40);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_suffix_is_its_bytes),
        cmocka_unit_test(every_bit_counts),
        cmocka_unit_test(the_key_counts),
        cmocka_unit_test(names_spread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
