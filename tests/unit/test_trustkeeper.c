/* What trust data change is judged in looks of a bounded time: each goes on where the one before it left off,
 * and in the end everything was judged, once. */
#include "cli/trustkeeper.h"

#include "tests/fixture/storetest.h"

#include "cli/trustset.h"
#include "db/db_pending.h"
#include "db/db_trust_put.h"
#include "watcher/rejudge.h"

struct rig {
    struct storetest test;
    struct pgconn *conn;
    struct trustkeeper keeper;
    struct trustkeeper_report report;
};

/* A store has blocked the keys of both issuers. */
static void distrust(struct rig *rig, uint8_t number)
{
    struct catake *take = catake_new();
    struct carule rule = {.store = number == 1 ? VERDICT_MOZILLA : VERDICT_APPLE,
                          .kind = CARULE_BLOCKED,
                          .target = CARULE_KEY,
                          .class = CARULE_INCIDENT,
                          .label = "OneCRL",
                          .source = "a test"};
    struct db_trust_put done;
    struct err why = {0};
    const uint8_t sha256[32] = {number};
    uint32_t part = catake_part(take, "onecrl", 1000 * number);
    for (uint64_t i = 1; i <= 2; i++) {
        issuances_hash("issuer", i, rule.hash);
        catake_rule(take, part, &rule, false);
    }
    if (db_trust_put(rig->conn, take, sha256, 1000 * number, "[]", true, &done, &why) != ERR_OK)
        fail_msg("%s", why.text);
    catake_free(take);
}

/* One certificate each of the first and the last domain, and as many domains in between as one pass takes. */
static void rig_start(struct rig *rig)
{
    const struct issuances_entry specs[] = {{1, ISSUANCE_PRECERT, false}, {2, ISSUANCE_PRECERT, false}};
    struct store_range range;
    struct batch batch;
    char sql[300];
    *rig = (struct rig){.keeper = {.most_ms = 1}};
    must(dns_psl_load(SPAN_LIT("test\nexample\n"), NULL) == ERR_OK);
    trustset_forget();
    storetest_new(&rig->test);
    (void)snprintf(
        sql, sizeof sql,
        "INSERT INTO domain (name, kind, policy) SELECT CASE i WHEN 0 THEN 'x1.test' WHEN %d THEN"
        " 'x2.test' ELSE 'between' || i || '.test' END, 'dns', '{}' FROM generate_series(0, %d) AS i",
        REJUDGE_TOGETHER_MAX, REJUDGE_TOGETHER_MAX);
    storetest_run(rig->test.dsn, sql);
    struct store *store = storetest_open(rig->test.dsn);
    storetest_take(store, 1, &range);
    assert_true(batch_init(&batch, STORETEST_BATCH_BYTES));
    issuances_batch(&batch, &rig->test.log[0], 0, specs, countof(specs));
    batch.watch_generation = 1;
    storetest_must_commit(store, &range, &batch);
    batch_fini(&batch);
    store->ops->free(store);
    assert_int_equal(pgconn_open(rig->test.dsn, &rig->conn, NULL), ERR_OK);
    distrust(rig, 1);
}

static void rig_end(struct rig *rig)
{
    trustkeeper_free(&rig->keeper);
    pgconn_free(rig->conn);
    trustset_forget();
}

static void look(struct rig *rig, uint64_t raised, bool more)
{
    struct err why = {0};
    if (trustkeeper_look(rig->test.dsn, rig->conn, &rig->keeper, NULL, &rig->report, &why) != ERR_OK)
        fail_msg("%s", why.text);
    assert_int_equal(rig->report.raised, raised);
    assert_int_equal(rig->keeper.more, more);
}

static void told(const struct rig *rig, const char *domains)
{
    storetest_text(rig->test.dsn,
                   "SELECT coalesce(string_agg(domain_name || ' ' || kind, ', ' ORDER BY id), '') FROM alert",
                   domains);
}

static void the_next_look_goes_on(void **state)
{
    struct rig rig;
    (void)state;
    rig_start(&rig);
    look(&rig, 1, true);
    told(&rig, "x1.test distrusted_ca");
    storetest_text(rig.test.dsn, "SELECT count(*)::text FROM trust_issuer", "0");
    look(&rig, 1, false);
    told(&rig, "x1.test distrusted_ca, x2.test distrusted_ca");
    storetest_text(rig.test.dsn, "SELECT count(*)::text FROM trust_issuer", "2");
    look(&rig, 0, false);
    assert_int_equal(rig.report.issuers, 0);
    rig_end(&rig);
}

/* Whoever is left has not been judged by them: all begins anew. */
static void newer_trust_data_come_in_the_middle(void **state)
{
    struct rig rig;
    (void)state;
    rig_start(&rig);
    look(&rig, 1, true);
    distrust(&rig, 2);
    look(&rig, 1, true);
    assert_int_equal(rig.report.judged, 2); /* that of the first domain, too */
    look(&rig, 0, false);
    told(&rig, "x1.test distrusted_ca, x2.test distrusted_ca");
    rig_end(&rig);
}

static void a_new_process_begins_anew_and_tells_nothing_twice(void **state)
{
    struct rig rig;
    (void)state;
    rig_start(&rig);
    look(&rig, 1, true);
    trustkeeper_free(&rig.keeper);
    rig.keeper = (struct trustkeeper){.most_ms = 0};
    look(&rig, 1, false);
    told(&rig, "x1.test distrusted_ca, x2.test distrusted_ca");
    rig_end(&rig);
}

/* Somebody else is at it: that is no reason to ask every second. */
static void another_process_is_at_it(void **state)
{
    struct rig rig;
    struct pgconn *other = NULL;
    (void)state;
    rig_start(&rig);
    look(&rig, 1, true);
    assert_int_equal(pgconn_open(rig.test.dsn, &other, NULL), ERR_OK);
    bool taken = false;
    assert_int_equal(db_pending_lock(other, "trust data", false, &taken, NULL), ERR_OK);
    assert_true(taken);
    look(&rig, 0, false);
    assert_int_equal(db_pending_unlock(other, "trust data", NULL), ERR_OK);
    pgconn_free(other);
    look(&rig, 1, false);
    told(&rig, "x1.test distrusted_ca, x2.test distrusted_ca");
    rig_end(&rig);
}

/* The database refuses its alert: everybody else is judged, and all of it once more later. */
static void one_that_fails_keeps_nobody(void **state)
{
    struct rig rig;
    (void)state;
    rig_start(&rig);
    rig.keeper.most_ms = 0;
    storetest_run(rig.test.dsn,
                  "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                  " IF NEW.domain_name = 'x1.test' THEN RAISE 'not this one'; END IF; RETURN NEW; END $$;"
                  "CREATE TRIGGER refuse BEFORE INSERT ON alert FOR EACH ROW EXECUTE FUNCTION refuse()");
    look(&rig, 1, false);
    told(&rig, "x2.test distrusted_ca");
    storetest_run(rig.test.dsn, "DROP TRIGGER refuse ON alert");
    rig.keeper.due_ms = 0;
    look(&rig, 1, false);
    told(&rig, "x2.test distrusted_ca, x1.test distrusted_ca");
    rig_end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_next_look_goes_on),
        cmocka_unit_test(newer_trust_data_come_in_the_middle),
        cmocka_unit_test(a_new_process_begins_anew_and_tells_nothing_twice),
        cmocka_unit_test(another_process_is_at_it),
        cmocka_unit_test(one_that_fails_keeps_nobody),
    };
    return storetest_main(tests, countof(tests), "trustkeeper");
}
