/* Trust data that comes later: what a store says now is told, what it no longer says is withdrawn, once each.
 */
#include "watcher/rejudge.h"

#include "tests/fixture/caworld.h"
#include "tests/fixture/storetest.h"

#include "db/db_domain.h"
#include "verify/digest.h"

struct rig {
    struct storetest test;
    struct store *store;
    struct pgconn *read;
    struct pgconn *write;
    struct watch *watches;
    size_t count;
};

/* Apple has to accept what is issued for x1.test; its CA is allowed. */
static void rig_start(struct rig *rig)
{
    struct issuances_entry spec = {1, ISSUANCE_PRECERT, false};
    struct store_range range;
    struct batch batch;
    uint64_t generation = 0;
    char hex[65];
    char sql[400];
    uint8_t key[32];
    must(dns_psl_load(SPAN_LIT("test\nexample\n"), NULL) == ERR_OK);
    storetest_new(&rig->test);
    caworld_key('A', key);
    (void)snprintf(sql, sizeof sql,
                   "INSERT INTO domain (name, kind, policy) VALUES ('x1.test', 'dns',"
                   " '{\"stores\": {\"require\": [\"apple\"]}}');"
                   "INSERT INTO domain_allow (domain, spki_sha256, label) VALUES (1, '\\x%s', 'it')",
                   text_hex(span_of(key, 32), hex));
    storetest_run(rig->test.dsn, sql);
    rig->store = storetest_open(rig->test.dsn);
    storetest_take(rig->store, 1, &range);
    assert_true(batch_init(&batch, STORETEST_BATCH_BYTES));
    issuances_batch(&batch, &rig->test.log[0], 0, &spec, 1);
    memcpy(batch.entries[0].issuance.issuer_spki_sha256, key, 32);
    batch.watch_generation = 1;
    storetest_must_commit(rig->store, &range, &batch);
    batch_fini(&batch);
    assert_int_equal(pgconn_open(rig->test.dsn, &rig->read, NULL), ERR_OK);
    assert_int_equal(pgconn_open(rig->test.dsn, &rig->write, NULL), ERR_OK);
    assert_int_equal(db_domain_load(rig->read, &rig->watches, &rig->count, &generation, NULL), ERR_OK);
    assert_int_equal(rig->count, 1);
}

static void rig_end(struct rig *rig)
{
    watch_free(rig->watches, rig->count);
    pgconn_free(rig->read);
    pgconn_free(rig->write);
    rig->store->ops->free(rig->store);
}

/* With trust data in which these stores have the root. */
static void judge(struct rig *rig, const char *stores, uint64_t raised, uint64_t closed)
{
    static const char dn[] = "\x30\x0d\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x0c\x02\x43\x41"; /* CN=CA */
    static const char letters[] = "MCAW"; /* in the order of enum verdict_store */
    struct caworld *w = calloc(1, sizeof *w);
    struct err why = {0};
    assert_non_null(w);
    caworld_init(w);
    struct cafacts *cert = caworld_cert(w, 'A', 'A', 1);
    digest_sha256(span_of(dn, sizeof dn - 1), cert->subject);
    memcpy(cert->issuer, cert->subject, 32);
    cert->not_after = INT64_C(4000000000);
    for (int i = 0; i < VERDICT_STORES; i++)
        if (strchr(stores, letters[i]) != NULL)
            memcpy(caworld_rule(w, (enum verdict_store)i, CARULE_ANCHOR, 'A', 1, CARULE_MEMBER, 0)->subject,
                   cert->subject, 32);
    caworld_build(w);
    struct rejudge rejudge = {.prove = {.trust = w->graph, .now_ms = ISSUANCES_T0},
                              .reason = "withdrawn: a test"};
    const struct watch *watch = &rig->watches[0];
    if (rejudge_domains(rig->read, rig->write, &watch, 1, &rejudge, &why) != ERR_OK)
        fail_msg("%s", why.text);
    assert_int_equal(rejudge.judged, 1);
    assert_int_equal(rejudge.raised, raised);
    assert_int_equal(rejudge.closed, closed);
    caworld_fini(w);
    free(w);
}

static void a_store_that_is_asked_for(void **state)
{
    struct rig rig;
    (void)state;
    rig_start(&rig);
    judge(&rig, "MCAW", 0, 0);
    judge(&rig, "A", 0, 0);
    judge(&rig, "MCW", 1, 0);
    judge(&rig, "MCW", 0, 0);
    storetest_text(
        rig.test.dsn,
        "SELECT concat_ws(' ', kind, severity, state, jsonb_array_length(findings),"
        " findings->0->>'rule', findings->0->>'expected' LIKE 'accepted by Apple (trust data of %)',"
        " findings->0->>'found' LIKE 'Apple: %') FROM alert",
        "untrusted_ca high new 1 required_store t t");
    storetest_text(rig.test.dsn, "SELECT event FROM alert", "new");
    judge(&rig, "MCAW", 0, 1);
    storetest_text(rig.test.dsn, "SELECT state || ' ' || reason FROM alert", "closed withdrawn: a test");
    judge(&rig, "", 0, 0);
    storetest_text(rig.test.dsn, "SELECT state || ' ' || jsonb_array_length(findings) FROM alert", "new 1");
    rig_end(&rig);
}

/* What a receiver hears of it: that it is over, and that it is there again; nothing while nothing changes. */
static void each_change_is_an_event(void **state)
{
    static const char told[] =
        "UPDATE alert SET state = 'notified'; UPDATE outbox SET state = 'sent', sent_at = now()";
    static const char said[] =
        "SELECT a.event || ' ' || a.state || ' ' || (SELECT count(*) FROM outbox WHERE state = 'pending')"
        " FROM alert AS a";
    struct rig rig;
    (void)state;
    rig_start(&rig);
    judge(&rig, "MCW", 1, 0);
    storetest_text(rig.test.dsn, said, "new new 2");
    storetest_run(rig.test.dsn, told);
    judge(&rig, "MCW", 0, 0);
    storetest_text(rig.test.dsn, said, "new notified 0");
    judge(&rig, "MCAW", 0, 1);
    storetest_text(rig.test.dsn, said, "withdrawn closed 2");
    storetest_run(rig.test.dsn, "UPDATE outbox SET state = 'sent', sent_at = now()");
    judge(&rig, "MCW", 0, 0);
    storetest_text(rig.test.dsn, said, "seen_again new 2");
    storetest_run(rig.test.dsn, told);
    judge(&rig, "", 0, 0);
    storetest_text(rig.test.dsn, said, "seen_again notified 0");
    rig_end(&rig);
}

/* A row whose key the log only claimed. What was proven of its TBS stands under no key, as older programs
 * noted it, or under that of another row: the key that signed is the row's, so it is judged like any other.
 */
static void proven_under_another_row(void **state)
{
    static const char claimed_only[] = "UPDATE cert SET facts = (facts | (1::int8 << 52)) & ~(1::int8 << 53)";
    static const char noted[] =
        "INSERT INTO late_issuer (tbs_fp, spki_sha256, not_after, claimed)"
        " SELECT c.tbs_fp, i.spki_sha256, c.not_after, k.claimed"
        " FROM cert AS c JOIN issuer AS i ON i.id = c.issuer, (VALUES"
        " (decode(repeat('00', 32), 'hex')), (decode(repeat('11', 32), 'hex'))) AS k (claimed)";
    struct rig rig;
    (void)state;
    rig_start(&rig);
    storetest_run(rig.test.dsn, claimed_only);
    storetest_run(rig.test.dsn, noted);
    judge(&rig, "MCW", 1, 0);
    rig_end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_store_that_is_asked_for),
                                       cmocka_unit_test(each_change_is_an_event),
                                       cmocka_unit_test(proven_under_another_row)};
    return storetest_main(tests, countof(tests), "rejudge");
}
