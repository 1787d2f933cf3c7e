/* A plan is for one certificate. */
#include "watcher/planned.h"

#include "tests/fixture/pairrig.h"

/* Issuance `number` with the key of `key`, taken for the one of `plan`. */
static void put(struct pairrig *rig, int log, uint64_t number, uint64_t key, const char *plan)
{
    struct issuances_entry spec = {number, ISSUANCE_PRECERT, false};
    issuances_batch(&rig->batch, &rig->test.log[log], rig->range[log].next, &spec, 1);
    rig->batch.watch_generation = 1;
    rig->batch.alert_count = 0;
    issuances_hash("spki", key, rig->batch.entries[0].issuance.spki_sha256);
    issuances_alert(&rig->batch, 0, 1, ALERT_KIND_EXPECTED_ISSUANCE, "spki:x");
    rig->batch.alerts[0].findings[0].rule = "expect";
    rig->batch.alerts[0].findings[0].expected = span_str(plan);
    storetest_must_commit(rig->store, &rig->range[log], &rig->batch);
}

static void look(struct pairrig *rig, uint64_t expected)
{
    struct err why = {0};
    uint64_t told = 0;
    if (planned_look(rig->conn, &told, &why) != ERR_OK)
        fail_msg("%s", why.text);
    assert_int_equal(told, expected);
}

static void once(void **state)
{
    struct pairrig rig;
    (void)state;
    pairrig_start(&rig, "x.test", "{\"keys\": {\"mode\": \"enforce\"}}");
    put(&rig, 0, 1, 100, "plan A");
    put(&rig, 1, 1, 100, "plan A"); /* the same one in another log */
    put(&rig, 0, 2, 200, "plan A"); /* another key: another line of the plan */
    put(&rig, 0, 3, 100, "plan B"); /* planned anew */
    look(&rig, 0);
    put(&rig, 0, 4, 100, "plan A");
    put(&rig, 0, 5, 100, "plan A");
    look(&rig, 2);
    look(&rig, 0);
    storetest_text(
        rig.test.dsn,
        "SELECT string_agg(concat_ws(' ', severity, kind, jsonb_array_length(findings), event), '; '"
        " ORDER BY id) FROM alert",
        "info expected_issuance 1 new; info expected_issuance 1 new; info expected_issuance 1 new; "
        "high unexpected_key 2 new; high unexpected_key 2 new");
    /* Both name the first one, and where they were seen is as before. */
    check_sql(rig.test.dsn,
              "SELECT count(*) FROM alert AS a, alert AS b WHERE b.id = 1 AND a.findings->0->>'expected' LIKE"
              " '%' || encode(b.tbs_fp, 'hex') || '%'",
              2);
    check_sql(rig.test.dsn, "SELECT count(*) FROM alert_sighting", 6);
    /* Whoever was told that it is planned is told that it is not. */
    storetest_run(rig.test.dsn, "UPDATE alert SET state = 'notified'; UPDATE outbox SET state = 'sent',"
                                " sent_at = now()");
    put(&rig, 1, 6, 200, "plan A");
    storetest_run(rig.test.dsn, "UPDATE alert SET state = 'notified' WHERE state = 'new';"
                                "UPDATE outbox SET state = 'sent', sent_at = now()");
    look(&rig, 1);
    storetest_text(rig.test.dsn,
                   "SELECT state || ' ' || event FROM alert WHERE id = (SELECT max(id) FROM alert)",
                   "new escalated");
    check_sql(rig.test.dsn, "SELECT count(*) FROM outbox WHERE state = 'pending'", 2);
    pairrig_end(&rig);
}

static void as_the_entry_says(void **state)
{
    static const char *const policies[][2] = {
        {"{}", "info"},
        {"{\"keys\": {\"mode\": \"advise\"}}", "low"},
        {"{\"keys\": {\"mode\": \"advise\"}, \"severity\": {\"unexpected_key\": \"critical\"}}", "critical"},
    };
    (void)state;
    for (size_t i = 0; i < countof(policies); i++) {
        struct pairrig rig;
        pairrig_start(&rig, "x.test", policies[i][0]);
        put(&rig, 0, 1, 100, "plan");
        put(&rig, 0, 2, 100, "plan");
        look(&rig, i == 0 ? 0 : 1);
        storetest_text(rig.test.dsn, "SELECT severity FROM alert ORDER BY id DESC LIMIT 1", policies[i][1]);
        pairrig_end(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(once), cmocka_unit_test(as_the_entry_says)};
    return storetest_main(tests, countof(tests), "planned");
}
