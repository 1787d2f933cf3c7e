/* What a log served before, as it is said in an account, and whether an entry is another one than that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/dns.h"
#include "ingest/before.h"
#include "ingest/examine.h"
#include "parser/leaf.h"
#include "tests/unit/sample.h"

#define BEGIN 500

static struct store_place stored[LIMIT_BEFORE + 1]; /* from BEGIN on */
static enum err_code answer;
static unsigned asked;

static enum err_code places(struct store *store, int32_t log_id, uint64_t begin, struct store_place *out,
                            size_t count, struct err *why)
{
    (void)store;
    (void)why;
    asked++;
    assert_int_equal(log_id, 7);
    assert_true(begin >= BEGIN && begin - BEGIN + count <= countof(stored));
    memcpy(out, stored + (begin - BEGIN), count * sizeof(*out));
    return answer;
}

static void said(void **state)
{
    static const struct {
        uint64_t begin;
        uint64_t end;
        const char *text; /* NULL: nothing */
    } cases[] = {
        {BEGIN, BEGIN, NULL},
        {BEGIN + 3, BEGIN, NULL},
        {BEGIN, BEGIN + 1, NULL}, /* nothing is stored there */
        {BEGIN + 1, BEGIN + 2,
         "[{\"index\":501,\"timestamp_ms\":1700000000123,\"form\":\"precert\",\"fp8\":\"00ff000000000001\"}"
         "]"},
        {BEGIN, BEGIN + LIMIT_BEFORE,
         "[{\"index\":501,\"timestamp_ms\":1700000000123,\"form\":\"precert\",\"fp8\":\"00ff000000000001\"},"
         "{\"index\":563,\"timestamp_ms\":-1,\"form\":\"final\",\"fp8\":\"0000000000000000\"}]"},
        {BEGIN, BEGIN + LIMIT_BEFORE + 1, NULL}, /* too many */
        {0, UINT64_MAX, NULL},
    };
    struct store_ops ops = {.places = places};
    struct store store = {.ops = &ops};
    struct settle settle = {.store = &store};
    struct follow follow = {.log = {.id = 7}};
    (void)state;
    stored[1] = (struct store_place){
        .known = true, .precert = true, .timestamp_ms = 1700000000123, .fp8 = {0, 0xff, 0, 0, 0, 0, 0, 1}};
    stored[63] = (struct store_place){.known = true, .timestamp_ms = -1};
    answer = ERR_OK;
    for (size_t i = 0; i < countof(cases); i++) {
        char *text = before_text(&settle, &follow, cases[i].begin, cases[i].end);
        assert_int_equal(text != NULL, cases[i].text != NULL);
        if (text != NULL)
            assert_string_equal(text, cases[i].text);
        free(text);
    }
    /* A store that refuses, or that keeps no places. */
    answer = ERR_DB;
    assert_null(before_text(&settle, &follow, BEGIN + 1, BEGIN + 2));
    asked = 0;
    ops.places = NULL;
    answer = ERR_OK;
    assert_null(before_text(&settle, &follow, BEGIN + 1, BEGIN + 2));
    assert_int_equal(asked, 0);
}

/* The fingerprint that is compared is the one that is stored (examine.h), made in another way. */
static struct store_place place_of(struct span leaf, struct arena *arena)
{
    struct entry entry = {.index = 0};
    struct store_place place = {.known = true};
    uint8_t *copy = arena_take(arena, leaf.len + 1, 1);
    assert_non_null(copy);
    copy[0] = 0;
    memcpy(copy + 1, leaf.at, leaf.len);
    leaf_read(span_of(copy + 1, leaf.len), &entry);
    examine_entry(&entry, arena);
    place.precert = entry.sighting.form == ISSUANCE_PRECERT;
    place.timestamp_ms = entry.timestamp_ms;
    memcpy(place.fp8, entry.issuance.tbs_fp, sizeof(place.fp8));
    return place;
}

static void other(void **state)
{
    static const char *const files[] = {"leaf/x509", "leaf/precert"};
    struct arena arena;
    (void)state;
    assert_true(arena_init(&arena, 1 << 20));
    for (size_t i = 0; i < countof(files); i++) {
        struct span leaf = sample_load(files[i]);
        struct store_place place = place_of(leaf, &arena);
        assert_int_equal(place.precert, i);
        assert_false(before_other(leaf, &place));
        place.timestamp_ms++;
        assert_true(before_other(leaf, &place));
        place.timestamp_ms--;
        place.precert = !place.precert; /* both forms have one fingerprint, and are two entries */
        assert_true(before_other(leaf, &place));
        place.precert = !place.precert;
        place.fp8[7] ^= 1;
        assert_true(before_other(leaf, &place));
        place.fp8[7] ^= 1;
        /* What can not be read is nothing that could be compared, and accuses nobody. */
        place.fp8[0] ^= 1;
        for (size_t len = 0; len < 15; len++)
            assert_false(before_other(span_of(leaf.at, len), &place));
        sample_free(leaf);
    }
    /* The certificate of an entry that is whole may be garbage, too. */
    static const uint8_t garbage[] = {0, 0, 0, 0, 1, 0x8b, 0xcf, 0xe5, 0x68, 0x7b,
                                      0, 0, 0, 0, 2, 0xff, 0xff, 0,    0};
    struct store_place place = {.known = true};
    assert_false(before_other(span_of(garbage, sizeof garbage), &place));
    arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(said), cmocka_unit_test(other)};
    must(dns_psl_load(SPAN_LIT("com\norg\n"), NULL) == ERR_OK);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
