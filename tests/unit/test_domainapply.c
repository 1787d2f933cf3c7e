/* Domains that are registered, change and go while certificates are matched and stored: whichever comes
 * first, nothing falls between the two. */
#include "cli/domainapply.h"

#include "tests/fixture/storetest.h"

#include "base/clock.h"
#include "base/thread.h"
#include "cli/caretaker.h"
#include "cli/matching.h"
#include "db/db_domain.h"
#include "tests/fixture/watches.h"

#define ROUNDS 20 /* domains, each with a certificate */

struct race {
    struct storetest test;
    atomic_uint committed; /* rounds that are done */
    atomic_uint changed;
    uint64_t matched_again;
    struct pipe_stage stage;
};

/* As the worker and the settler do it. */
static enum err_code match(struct race *race, struct batch *batch, uint64_t generation, struct err *why)
{
    arena_rewind(&batch->arena, batch->stage_mark);
    return race->stage.run(race->stage.arg, batch, generation, why);
}

static enum err_code rematch(void *arg, struct batch **batches, size_t count, uint64_t generation,
                             struct err *why)
{
    struct race *race = arg;
    enum err_code code = ERR_OK;
    for (size_t i = 0; code == ERR_OK && i < count; i++)
        code = match(race, batches[i], generation, why);
    race->matched_again++;
    return code;
}

/* Certificate `round` is for x{round}.test, matched by the domains as they were, and stored a little later.
 */
static void commit_one(struct race *race, struct store *store, struct store_range *range, struct batch *batch,
                       uint64_t round)
{
    struct issuances_entry spec = {round, ISSUANCE_PRECERT, false};
    struct compact frontier;
    struct batch *list = batch;
    struct err why = {0};
    issuances_batch(batch, &race->test.log[0], range->next, &spec, 1);
    batch->stage_mark = arena_mark(&batch->arena);
    storetest_compact(&frontier, batch->end);
    struct store_settle settle = {.range = range,
                                  .batches = &list,
                                  .count = 1,
                                  .next = batch->end,
                                  .frontier = &frontier,
                                  .rematch = rematch,
                                  .rematch_arg = race};
    if (match(race, batch, 0, &why) != ERR_OK)
        fail_msg("%s", why.text);
    /* Every third time the other thread has its turn between matching and commit, for certain. */
    for (int i = 0; round % 3 == 0 && i < 12000 && atomic_load(&race->changed) < round; i++)
        clock_sleep_ms(5);
    if (store->ops->commit(store, &settle, &why) != ERR_OK)
        fail_msg("%s", why.text);
    atomic_store(&race->committed, (unsigned)round);
}

/* x{round}.test comes with a rule that the certificate keeps, is made stricter, and its neighbour goes. */
static void change_one(struct race *race, struct pgconn *conn, unsigned round)
{
    char name[64];
    struct err why = {0};
    enum db_domain_change change;
    (void)snprintf(name, sizeof name, "x%u.test", round);
    for (int strict = 0; strict < 2; strict++) {
        struct watch watch = watches_one(name, 0);
        struct db_domain_apply apply = {.watches = &watch, .count = 1, .changes = &change};
        uint8_t issuer[32];
        watch.expiry_off = true;
        watch.cadence = WATCH_CADENCE_OFF;
        watch.pairing = WATCH_PAIRING_OFF;
        issuances_hash("issuer", strict != 0 ? 1000 : round % 7, issuer);
        struct watch_hashes allow = {0};
        assert_true(watch_hashes_add(&allow, issuer, "spki:x"));
        watch.allow = allow.at;
        watch.allow_count = 1;
        if (db_domain_apply(conn, &apply, &why) != ERR_OK)
            fail_msg("%s", why.text);
        free(watch.name);
        free(allow.at[0].label);
        free(allow.at);
        /* At once, now and then: the scan is between two changes as well. */
        if (round % 10 == 0 && strict != 0 && caretaker_look(race->test.dsn, NULL, &why) != ERR_OK)
            fail_msg("%s", why.text);
    }
}

static void *changer(void *arg)
{
    struct race *race = arg;
    struct pgconn *conn = NULL;
    assert_int_equal(pgconn_open(race->test.dsn, &conn, NULL), ERR_OK);
    for (unsigned round = 1; round <= ROUNDS; round++) {
        change_one(race, conn, round);
        atomic_store(&race->changed, round);
        /* Neither runs away from the other. */
        for (int i = 0; i < 12000 && atomic_load(&race->committed) + 2 < round; i++)
            clock_sleep_ms(5);
    }
    pgconn_free(conn);
    return NULL;
}

static void nothing_in_between(void **state)
{
    struct race race = {.matched_again = 0};
    struct matching *matching = NULL;
    struct store_range range;
    struct batch batch;
    struct err why = {0};
    pthread_t thread;
    (void)state;
    must(dns_psl_load(SPAN_LIT("test\n"), NULL) == ERR_OK);
    storetest_new(&race.test);
    struct store *store = storetest_open(race.test.dsn);
    storetest_take(store, 1, &range);
    assert_true(batch_init(&batch, STORETEST_BATCH_BYTES));
    assert_int_equal(matching_open(race.test.dsn, &matching, &why), ERR_OK);
    race.stage = matching_hook(matching);
    assert_int_equal(pthread_create(&thread, NULL, changer, &race), 0);
    for (uint64_t round = 1; round <= ROUNDS; round++)
        commit_one(&race, store, &range, &batch, round);
    assert_int_equal(pthread_join(thread, NULL), 0);
    /* What is pending is what a process that was killed would have left. */
    if (caretaker_look(race.test.dsn, NULL, &why) != ERR_OK)
        fail_msg("%s", why.text);
    assert_true(race.matched_again >= ROUNDS / 3);
    check_sql(race.test.dsn, "SELECT count(*) FROM domain WHERE history_at IS NULL", 0);
    check_sql(race.test.dsn, "SELECT count(*) FROM domain", ROUNDS);
    /* Each once, for its domain. */
    check_sql(race.test.dsn, "SELECT count(*) FROM alert WHERE kind = 'unexpected_ca' AND domain IS NOT NULL",
              ROUNDS);
    check_sql(race.test.dsn, "SELECT count(DISTINCT (domain, tbs_fp)) FROM alert", ROUNDS);
    check_sql(race.test.dsn, "SELECT count(*) FROM alert_sighting", ROUNDS);
    storetest_check(race.test.dsn);
    matching_close(matching);
    batch_fini(&batch);
    store->ops->free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_in_between)};
    return storetest_main(tests, countof(tests), "domainapply");
}
