/* Chains as logs send them and as they make them up: each certificate once, nobody waits, and there is an
 * end. */
#include "ingest/chains.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/limits.h"
#include "tests/unit/sample.h"
#include "verify/digest.h"

#define CERTS    8
#define CERT_MAX 4096

struct rig {
    struct issuers *issuers;
    struct chains *chains;
    struct arena arena;
    struct span sample;
    uint8_t cert[CERTS][CERT_MAX];
    uint8_t sha256[CERTS][32];
    struct entry entry[4];
    struct batch batch;
};

/* A certificate of its own: its signature is another. */
static struct span cert_of(struct rig *rig, size_t place, uint32_t number)
{
    size_t len = rig->sample.len;
    memcpy(rig->cert[place], rig->sample.at, len);
    memcpy(rig->cert[place] + len - sizeof(number), &number, sizeof(number));
    digest_sha256(span_of(rig->cert[place], len), rig->sha256[place]);
    return span_of(rig->cert[place], len);
}

static void rig_start(struct rig *rig)
{
    memset(rig, 0, sizeof(*rig));
    rig->issuers = issuers_new();
    rig->chains = chains_new();
    rig->sample = sample_load("tbs/final.der");
    rig->batch.entries = rig->entry;
    assert_true(rig->issuers != NULL && rig->chains != NULL && arena_init(&rig->arena, 1 << 20));
    assert_true(rig->sample.len < CERT_MAX);
    for (size_t i = 0; i < CERTS; i++)
        (void)cert_of(rig, i, (uint32_t)i);
}

static void rig_end(struct rig *rig)
{
    issuers_free(rig->issuers);
    chains_free(rig->chains);
    arena_fini(&rig->arena);
    sample_free(rig->sample);
}

/* An entry whose chain holds the certificates at these places; a place from 100 on is no certificate. */
static void chain(struct rig *rig, size_t at, const size_t *places, uint32_t count)
{
    struct entry *entry = &rig->entry[at];
    entry->kind = ENTRY_X509;
    entry->chain_count = count;
    for (uint32_t i = 0; i < count; i++)
        entry->unverified_chain[i] = places[i] >= 100
                                         ? SPAN_LIT("this is no certificate, however long it may be made")
                                         : span_of(rig->cert[places[i]], rig->sample.len);
    rig->batch.entry_count = at + 1;
}

/* How many are to be saved for the log; they are. *mask: which ones. */
static unsigned save_all(struct rig *rig, int32_t log_id, unsigned *mask)
{
    struct issuers_want want;
    struct span der;
    unsigned count = 0;
    *mask = 0;
    for (; issuers_unsaved(rig->issuers, log_id, &rig->arena, &want, &der); count++) {
        for (size_t i = 0; i < CERTS; i++)
            *mask |= memcmp(rig->sha256[i], want.sha256, 32) == 0 ? 1u << i : 0;
        issuers_saved(rig->issuers, &want);
        arena_reset(&rig->arena, 1 << 20);
    }
    return count;
}

static void test_certificates(void **state)
{
    static const struct {
        const char *what;
        size_t places[6];
        uint32_t count;
        unsigned mask; /* what is new */
    } rows[] = {
        {"no chain at all", {0}, 0, 0},
        {"issuer and root", {0, 1}, 2, 3},
        {"the root is left out", {0}, 1, 0},
        {"the wrong way round", {2, 0, 1}, 3, 4},
        {"twice the same", {3, 3, 3}, 3, 8},
        {"rubbish first", {100, 4}, 2, 16},
        {"rubbish in the middle", {5, 100, 6}, 3, 32 + 64},
    };
    struct rig *rig = malloc(sizeof(*rig));
    unsigned mask;
    (void)state;
    rig_start(rig);
    for (size_t i = 0; i < countof(rows); i++) {
        chain(rig, 0, rows[i].places, rows[i].count);
        chain(rig, 1, rows[i].places, rows[i].count);
        chains_bring(rig->chains, rig->issuers, 1, &rig->batch);
        (void)save_all(rig, 1, &mask);
        if (mask != rows[i].mask)
            fail_msg("%s: %x, expected %x", rows[i].what, mask, rows[i].mask);
    }
    /* Another log, another worker: known to all. */
    struct chains *other = chains_new();
    chain(rig, 0, (const size_t[]){0, 1, 2}, 3);
    chains_bring(other, rig->issuers, 2, &rig->batch);
    assert_int_equal(save_all(rig, 2, &mask), 0);
    chains_free(other);
    rig_end(rig);
    free(rig);
}

/* A log that makes up chains: what one log may bring in a day has an end, at once and in all, and neither the
 * first certificates of chains nor other logs suffer. */
static void test_made_up_certificates(void **state)
{
    struct rig *rig = malloc(sizeof(*rig));
    unsigned mask;
    unsigned members = 0;
    (void)state;
    rig_start(rig);
    for (uint32_t i = 0; i < 600; i++) {
        for (size_t at = 0; at < 4; at++)
            (void)cert_of(rig, at, 1000 + 4 * i + (uint32_t)at);
        chain(rig, 0, (const size_t[]){0, 1, 2, 3}, 4);
        chains_bring(rig->chains, rig->issuers, 1, &rig->batch);
    }
    members = save_all(rig, 1, &mask);
    assert_int_equal(members, LIMIT_ISSUERS_OPEN); /* firsts have the room that members may not take */
    for (uint32_t i = 0; members < 2 * LIMIT_CHAIN_MEMBERS && i < 2 * LIMIT_CHAIN_MEMBERS; i++) {
        for (size_t at = 0; at < 2; at++)
            (void)cert_of(rig, at, 100000 + 2 * i + (uint32_t)at);
        chain(rig, 0, (const size_t[]){0, 1}, 2);
        chains_bring(rig->chains, rig->issuers, 1, &rig->batch);
        members += save_all(rig, 1, &mask) == 2;
    }
    assert_true(members > LIMIT_CHAIN_MEMBERS / 2 && members <= LIMIT_CHAIN_MEMBERS + LIMIT_ISSUERS_OPEN);
    assert_int_equal(mask, 1); /* the first one of the last chain */
    chain(rig, 0, (const size_t[]){2, 7}, 2);
    chains_bring(rig->chains, rig->issuers, 2, &rig->batch);
    assert_int_equal(save_all(rig, 2, &mask), 2);
    rig_end(rig);
    free(rig);
}

static void fingerprints(struct rig *rig, uint8_t *bytes, size_t len)
{
    rig->entry[0] = (struct entry){.kind = ENTRY_PRECERT, .unverified_fingerprints = span_of(bytes, len)};
    rig->batch.entry_count = 1;
}

static void test_fingerprints(void **state)
{
    struct rig *rig = malloc(sizeof(*rig));
    struct issuers_want want;
    struct span der;
    uint8_t list[3 * 32];
    (void)state;
    rig_start(rig);
    for (size_t i = 0; i < 3; i++)
        memcpy(list + 32 * i, rig->sha256[i], 32);
    fingerprints(rig, list, 32); /* the first alone: not our business */
    chains_bring(rig->chains, rig->issuers, 1, &rig->batch);
    fingerprints(rig, list, 40); /* and half a hash is none */
    chains_bring(rig->chains, rig->issuers, 1, &rig->batch);
    assert_false(issuers_lookup(rig->issuers, 1, &want));
    fingerprints(rig, list, sizeof(list));
    for (unsigned i = 0; i < 3; i++)
        chains_bring(rig->chains, rig->issuers, 1, &rig->batch);
    assert_true(issuers_busy(rig->issuers, 1));
    for (size_t i = 1; i < 3; i++) {
        assert_true(issuers_lookup(rig->issuers, 1, &want));
        size_t place = memcmp(want.sha256, rig->sha256[1], 32) == 0 ? 1 : 2;
        issuers_not_stored(rig->issuers, &want);
        assert_true(issuers_fetch(rig->issuers, 1, INT64_MAX, &want));
        assert_false(issuers_found(rig->issuers, &want, SPAN_LIT("something else"), false));
        assert_true(issuers_found(rig->issuers, &want, span_of(rig->cert[place], rig->sample.len), false));
        assert_true(issuers_unsaved(rig->issuers, 1, &rig->arena, &want, &der));
        issuers_saved(rig->issuers, &want);
    }
    chains_bring(rig->chains, rig->issuers, 1, &rig->batch);
    assert_false(issuers_lookup(rig->issuers, 1, &want));
    assert_false(issuers_busy(rig->issuers, 1));
    rig_end(rig);
    free(rig);
}

/* Made-up fingerprints: so many are looked for at once; one that an entry waits for goes before them all. */
static void test_made_up_fingerprints(void **state)
{
    struct rig *rig = malloc(sizeof(*rig));
    struct issuers_want want;
    struct span der;
    uint8_t list[ENTRY_CHAIN_MAX * 32 + 64] = {0};
    unsigned open = 0;
    (void)state;
    rig_start(rig);
    for (uint32_t i = 0; i < 1000; i++) {
        for (size_t at = 0; at < sizeof(list); at += 32) {
            uint32_t mark = i * 100 + (uint32_t)at / 32;
            memcpy(list + at, &mark, sizeof(mark));
        }
        fingerprints(rig, list, sizeof(list));
        chains_bring(rig->chains, rig->issuers, 1, &rig->batch);
    }
    assert_int_equal(issuers_get(rig->issuers, 1, rig->sha256[5], &rig->arena, &der), ISSUERS_WAIT);
    assert_true(issuers_lookup(rig->issuers, 1, &want));
    assert_memory_equal(want.sha256, rig->sha256[5], 32);
    while (issuers_lookup(rig->issuers, 1, &want))
        open++;
    assert_int_equal(open, LIMIT_ISSUERS_OPEN / 2);
    assert_int_equal(issuers_get(rig->issuers, 2, rig->sha256[6], &rig->arena, &der), ISSUERS_WAIT);
    assert_true(issuers_lookup(rig->issuers, 2, &want));
    rig_end(rig);
    free(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_certificates),
        cmocka_unit_test(test_made_up_certificates),
        cmocka_unit_test(test_fingerprints),
        cmocka_unit_test(test_made_up_fingerprints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
