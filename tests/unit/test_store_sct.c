/* Final certificates noted with their row: each once, however many domains they concern. */
#include "tests/fixture/storetest.h"

#include "base/clock.h"
#include "base/limits.h"

#define DOMAINS 400
#define BYTES   200000

struct rig {
    struct storetest test;
    struct store *store;
    struct store_range range;
    struct batch batch;
    uint8_t *der;
};

static void rig_start(struct rig *rig)
{
    storetest_new(&rig->test);
    storetest_run(rig->test.dsn, "INSERT INTO domain (name, kind) SELECT 'd' || i || '.test', 'dns'"
                                 " FROM generate_series(1, 400) AS i");
    rig->store = storetest_open(rig->test.dsn);
    storetest_take(rig->store, 1, &rig->range);
    assert_true(batch_init(&rig->batch, STORETEST_BATCH_BYTES));
    rig->der = calloc(1, BYTES);
    assert_non_null(rig->der);
}

static void rig_end(struct rig *rig)
{
    free(rig->der);
    batch_fini(&rig->batch);
    rig->store->ops->free(rig->store);
}

/* Two final certificates with SCTs, each of which concerns every domain; the second is over. */
static void read_two(struct rig *rig)
{
    static const struct issuances_entry specs[] = {{1, ISSUANCE_FINAL, false}, {2, ISSUANCE_FINAL, false}};
    int64_t now_s = clock_wall_ms() / 1000;
    issuances_batch(&rig->batch, &rig->test.log[0], rig->range.next, specs, 2);
    rig->batch.watch_generation = 1;
    struct alert *alerts = arena_zeroed(&rig->batch.arena, (size_t)2 * DOMAINS, sizeof *alerts);
    assert_non_null(alerts);
    for (size_t at = 0; at < 2; at++) {
        struct entry *entry = &rig->batch.entries[at];
        entry->cert_der = span_of(rig->der, BYTES);
        entry->cert.sct_list = span_of(rig->der, 1);
        entry->issuance.not_after = at == 0 ? now_s + 86400 : now_s - 60;
        for (size_t i = 0; i < DOMAINS; i++)
            alerts[at * DOMAINS + i] = (struct alert){.domain_id = (int64_t)i + 1,
                                                      .domain = SPAN_LIT("x.test"),
                                                      .name = entry->issuance.names[0].text,
                                                      .entry_at = at,
                                                      .issuance = &entry->issuance,
                                                      .sighting = entry->sighting};
    }
    rig->batch.alerts = alerts;
    rig->batch.alert_count = (size_t)2 * DOMAINS;
}

static void one_note_for_all_domains(void **state)
{
    struct rig rig;
    (void)state;
    assert_true((uint64_t)DOMAINS * BYTES > LIMIT_COPY_BYTES);
    rig_start(&rig);
    read_two(&rig);
    storetest_must_commit(rig.store, &rig.range, &rig.batch);
    check_sql(rig.test.dsn, "SELECT count(*) FROM cert", 2);
    check_sql(rig.test.dsn, "SELECT count(*) FROM sct_der WHERE length(der) = 200000", 1);
    check_sql(rig.test.dsn, "SELECT count(*) FROM sct_look", 1);
    rig_end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_note_for_all_domains),
    };
    return storetest_main(tests, countof(tests), "store_sct");
}
