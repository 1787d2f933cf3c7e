/* Alerts raised outside of the ingest transaction keep its rules: one row, sightings added, told once. */
#include "db/db_alert_raise.h"

#include "tests/fixture/storetest.h"

static struct issuance issuance;
static struct name names[5];

static struct alert make(int64_t domain, enum alert_kind kind, const char *found)
{
    struct alert alert = {.domain_id = domain, .issuance = &issuance, .finding_count = 1};
    alert.domain = domain == ALERT_DOMAINS_NONE ? SPAN_NONE : SPAN_LIT("x.test");
    alert.name = SPAN_LIT("www.x.test");
    alert.sighting = (struct sighting){.log_id = 1, .index = 7, .timestamp_ms = ISSUANCES_T0};
    alert.findings[0] =
        (struct alert_finding){kind, alert_kind_severity(kind), "rule", SPAN_LIT("a"), span_str(found)};
    return alert;
}

static bool raise_it(struct pgconn *conn, const struct alert *alert, const struct sighting *sightings,
                     size_t count, const char *dedup)
{
    struct err why = {0};
    bool raised = false;
    if (db_alert_raise(conn, alert, sightings, count, dedup, NULL, &raised, &why) != ERR_OK)
        fail_msg("%s", why.text);
    return raised;
}

static void once_and_merged(void **state)
{
    struct storetest test;
    struct pgconn *conn = NULL;
    const struct sighting late[] = {
        {.log_id = 2, .index = 9, .timestamp_ms = ISSUANCES_T0 + 5, .form = ISSUANCE_PRECERT},
        {.log_id = 1, .index = 7, .timestamp_ms = ISSUANCES_T0 - 1000, .form = ISSUANCE_FINAL}};
    (void)state;
    storetest_new(&test);
    storetest_run(test.dsn,
                  "INSERT INTO domain (name, kind, channels) VALUES ('x.test', 'dns', '{two,gone}')");
    assert_int_equal(pgconn_open(test.dsn, &conn, NULL), ERR_OK);
    struct alert alert = make(1, ALERT_KIND_OVER_LONG_VALIDITY, "long");
    assert_true(raise_it(conn, &alert, late, 1, NULL));
    storetest_text(test.dsn, "SELECT string_agg(channel, ',') FROM outbox", "two");
    check_sql(test.dsn, "SELECT count(*) FROM alert WHERE log IS NULL AND severity = 'low'", 1);
    /* Again, with more: graver, earlier, elsewhere; nobody is told twice. */
    alert = make(1, ALERT_KIND_UNEXPECTED_CA, "other");
    assert_false(raise_it(conn, &alert, late, 2, NULL));
    assert_false(raise_it(conn, &alert, late, 2, NULL));
    storetest_text(test.dsn, "SELECT concat_ws(' ', kind, severity, jsonb_array_length(findings)) FROM alert",
                   "unexpected_ca high 2");
    check_sql(test.dsn, "SELECT count(*) FROM alert_sighting", 2);
    check_sql(test.dsn, "SELECT count(*) FROM outbox", 1);
    check_sql(test.dsn, "SELECT (extract(epoch FROM first_seen) * 1000)::int8 FROM alert",
              ISSUANCES_T0 - 1000);
    pgconn_free(conn);
}

static void what_has_no_domain_has_a_log(void **state)
{
    struct storetest test;
    struct pgconn *conn = NULL;
    (void)state;
    storetest_new(&test);
    assert_int_equal(pgconn_open(test.dsn, &conn, NULL), ERR_OK);
    struct alert alert = make(ALERT_DOMAINS_NONE, ALERT_KIND_MALFORMED, "?");
    assert_true(raise_it(conn, &alert, &alert.sighting, 1, "malformed:x"));
    assert_false(raise_it(conn, &alert, &alert.sighting, 1, "malformed:x"));
    check_sql(test.dsn, "SELECT count(*) FROM alert WHERE domain IS NULL AND log = 1 AND tbs_fp IS NOT NULL",
              1);
    check_sql(test.dsn, "SELECT count(*) FROM outbox", 2);
    /* Garbage: its hash is not a fingerprint. */
    struct issuance garbage = {0};
    memset(garbage.tbs_fp, 7, sizeof garbage.tbs_fp);
    finding_add(&garbage.findings, FINDING_CERTIFICATE_UNREADABLE);
    alert.issuance = &garbage;
    assert_true(raise_it(conn, &alert, &alert.sighting, 1, "malformed:y"));
    check_sql(test.dsn,
              "SELECT count(*) FROM alert AS a JOIN alert_sighting AS s ON s.alert = a.id"
              " WHERE a.dedup = 'malformed:y' AND a.tbs_fp IS NULL AND s.form = 'unparsed'",
              1);
    /* A test is about neither. */
    struct alert test_alert = {.finding_count = 1};
    test_alert.findings[0] =
        (struct alert_finding){ALERT_KIND_TEST, ALERT_INFO, "test", SPAN_LIT("a"), SPAN_LIT("b")};
    assert_true(raise_it(conn, &test_alert, NULL, 0, "test:1"));
    check_sql(test.dsn, "SELECT count(*) FROM alert WHERE domain IS NULL AND log IS NULL", 1);
    pgconn_free(conn);
}

/* What the history scan adds is judged as what ingest adds: by the same statements. */
static void told_again_when_graver_or_back(void **state)
{
    struct storetest test;
    struct pgconn *conn = NULL;
    (void)state;
    storetest_new(&test);
    storetest_run(test.dsn, "INSERT INTO domain (name, kind) VALUES ('x.test', 'dns')");
    assert_int_equal(pgconn_open(test.dsn, &conn, NULL), ERR_OK);
    struct alert alert = make(1, ALERT_KIND_OVER_LONG_VALIDITY, "long");
    struct alert graver = make(1, ALERT_KIND_UNEXPECTED_CA, "other");
    assert_true(raise_it(conn, &alert, &alert.sighting, 1, NULL));
    storetest_run(test.dsn, "UPDATE outbox SET state = 'sent', sent_at = now();"
                            "UPDATE alert SET state = 'acked', reason = 'known'");
    assert_false(raise_it(conn, &alert, &alert.sighting, 1, NULL));
    check_sql(test.dsn, "SELECT count(*) FROM alert WHERE state = 'acked' AND reason = 'known'", 1);
    assert_false(raise_it(conn, &graver, &graver.sighting, 1, NULL));
    check_sql(test.dsn,
              "SELECT count(*) FROM alert WHERE state = 'new' AND reason = '' AND event = 'escalated'"
              " AND history->0->>'reason' = 'known' AND kind = 'unexpected_ca'",
              1);
    check_sql(test.dsn, "SELECT count(*) FROM outbox WHERE state = 'pending'", 2);
    /* Withdrawn by a repair, then met again by a scan. */
    storetest_run(test.dsn, "UPDATE outbox SET state = 'sent', sent_at = now();"
                            "UPDATE alert SET state = 'closed', event = 'withdrawn';"
                            "DELETE FROM alert_sighting");
    assert_false(raise_it(conn, &alert, &alert.sighting, 1, NULL));
    check_sql(test.dsn,
              "SELECT count(*) FROM alert WHERE state = 'new' AND event = 'seen_again' AND severity = 'low'"
              " AND jsonb_array_length(findings) = 1 AND jsonb_array_length(history) = 2",
              1);
    check_sql(test.dsn, "SELECT count(*) FROM outbox WHERE state = 'pending'", 2);
    pgconn_free(conn);
}

/* Which of two came first does not decide what is kept. */
static void order_does_not_matter(void **state)
{
    static const char *const texts[] = {"CN=A (spki:aa)", "CN=B (spki:bb)"};
    (void)state;
    for (int first = 0; first < 2; first++) {
        struct storetest test;
        struct pgconn *conn = NULL;
        storetest_new(&test);
        storetest_run(test.dsn, "INSERT INTO domain (name, kind) VALUES ('x.test', 'dns')");
        assert_int_equal(pgconn_open(test.dsn, &conn, NULL), ERR_OK);
        for (int i = 0; i < 4; i++) {
            struct alert alert = make(1, ALERT_KIND_UNEXPECTED_CA, texts[(first + i) % 2]);
            (void)raise_it(conn, &alert, &alert.sighting, 1, NULL);
        }
        storetest_text(test.dsn,
                       "SELECT string_agg(f->>'found', ', ' ORDER BY f->>'found') FROM alert,"
                       " jsonb_array_elements(findings) AS f",
                       "CN=A (spki:aa), CN=B (spki:bb)");
        pgconn_free(conn);
    }
}

static void a_number_of_domains_is_that_of_the_moment(void **state)
{
    static const char *const found[] = {"could concern 1", "could concern 2"};
    struct storetest test;
    struct pgconn *conn = NULL;
    (void)state;
    storetest_new(&test);
    assert_int_equal(pgconn_open(test.dsn, &conn, NULL), ERR_OK);
    for (int i = 0; i < 2; i++) {
        struct alert alert = make(ALERT_DOMAINS_NONE, ALERT_KIND_MALFORMED, found[i]);
        alert.domains_concerned = (uint64_t)i + 1;
        (void)raise_it(conn, &alert, &alert.sighting, 1, "malformed:x");
    }
    storetest_text(test.dsn,
                   "SELECT concat_ws(' ', jsonb_array_length(findings), findings->0->>'found',"
                   " issuance->>'domains_concerned') FROM alert",
                   "1 could concern 2 2");
    pgconn_free(conn);
}

static void a_domain_that_is_gone_raises_nothing(void **state)
{
    struct storetest test;
    struct pgconn *conn = NULL;
    (void)state;
    storetest_new(&test);
    assert_int_equal(pgconn_open(test.dsn, &conn, NULL), ERR_OK);
    struct alert alert = make(7, ALERT_KIND_UNEXPECTED_CA, "other");
    assert_false(raise_it(conn, &alert, &alert.sighting, 1, NULL));
    check_sql(test.dsn, "SELECT count(*) FROM alert", 0);
    pgconn_free(conn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(once_and_merged),
                                       cmocka_unit_test(what_has_no_domain_has_a_log),
                                       cmocka_unit_test(told_again_when_graver_or_back),
                                       cmocka_unit_test(order_does_not_matter),
                                       cmocka_unit_test(a_number_of_domains_is_that_of_the_moment),
                                       cmocka_unit_test(a_domain_that_is_gone_raises_nothing)};
    issuances_hash("fp", 1, issuance.tbs_fp);
    issuance.issuer = SPAN_LIT("\x30\x00");
    issuance.serial = SPAN_LIT("\x01");
    issuance.names = names;
    return storetest_main(tests, countof(tests), "alert_raise");
}
