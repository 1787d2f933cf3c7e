/* Alerts written by a commit: one per (domain, issuance), whatever shows it, in whatever log and order. */
#include "tests/fixture/storetest.h"

#include "base/limits.h"

struct fixture {
    struct storetest test;
    struct store *store;
    struct store_range ranges[2];
    struct batch batch;
};

static void fixture_start(struct fixture *fix)
{
    storetest_new(&fix->test);
    storetest_run(fix->test.dsn,
                  "INSERT INTO domain (name, kind) VALUES ('x.test', 'dns');"
                  "INSERT INTO domain (name, kind, channels) VALUES ('y.test', 'dns', '{two,gone}');"
                  "INSERT INTO channel (name, enabled) VALUES ('off', false)");
    fix->store = storetest_open(fix->test.dsn);
    for (int i = 0; i < 2; i++)
        storetest_take(fix->store, i + 1, &fix->ranges[i]);
    assert_true(batch_init(&fix->batch, STORETEST_BATCH_BYTES));
}

static void fixture_end(struct fixture *fix)
{
    batch_fini(&fix->batch);
    fix->store->ops->free(fix->store);
}

/* The next entries of a log, without alerts yet. */
static void read_log(struct fixture *fix, int log, uint64_t number, size_t count)
{
    storetest_pairs(&fix->batch, &fix->test.log[log], fix->ranges[log].next, number, count);
    fix->batch.watch_generation = 1;
}

static void commit(struct fixture *fix, int log)
{
    storetest_must_commit(fix->store, &fix->ranges[log], &fix->batch);
}

static void sightings_join_one_alert(void **state)
{
    (void)state;
    struct fixture fix;
    fixture_start(&fix);
    /* Precertificate and final certificate in one reply, then both again in another log. */
    for (int log = 0; log < 2; log++) {
        read_log(&fix, log, 0, 4);
        for (size_t i = 0; i < 2; i++)
            issuances_alert(&fix.batch, i, 1, ALERT_KIND_OVER_LONG_VALIDITY, "400 days");
        commit(&fix, log);
        check_sql(fix.test.dsn, "SELECT count(*) FROM alert", 1);
        check_sql(fix.test.dsn, "SELECT jsonb_array_length(findings) FROM alert", 1);
        check_sql(fix.test.dsn, "SELECT count(*) FROM alert_sighting", 2 * (log + 1));
        check_sql(fix.test.dsn, "SELECT count(*) FROM outbox", 2);
    }
    storetest_text(fix.test.dsn,
                   "SELECT severity || ' ' || kind || ' ' || name || ' ' || domain_name FROM alert",
                   "low over_long_validity x0.test x.test");
    /* A graver finding of a later sighting: severity and kind follow, nobody is told twice. */
    read_log(&fix, 0, 0, 1);
    issuances_alert(&fix.batch, 0, 1, ALERT_KIND_UNEXPECTED_CA, "CN=CA");
    commit(&fix, 0);
    storetest_text(
        fix.test.dsn,
        "SELECT severity || ' ' || kind || ' ' || (findings->0->>'kind') || ' ' || (findings->1->>'kind')"
        " FROM alert",
        "high unexpected_ca unexpected_ca over_long_validity");
    check_sql(fix.test.dsn, "SELECT count(*) FROM outbox", 2);
    check_sql(fix.test.dsn,
              "SELECT count(*) FROM alert WHERE first_seen = (SELECT min(timestamp) FROM alert_sighting)", 1);
    fixture_end(&fix);
}

static void channels_and_removed_domains(void **state)
{
    (void)state;
    struct fixture fix;
    fixture_start(&fix);
    read_log(&fix, 0, 0, 10);
    issuances_alert(&fix.batch, 0, 1, ALERT_KIND_UNEXPECTED_CA, "CN=CA");
    issuances_alert(&fix.batch, 0, 2, ALERT_KIND_UNEXPECTED_CA, "CN=CA");
    issuances_alert(&fix.batch, 2, 99, ALERT_KIND_UNEXPECTED_CA, "CN=CA"); /* no such domain any more */
    issuances_alert(&fix.batch, 4, 1, ALERT_KIND_UNEXPECTED_CA, "CN=CA");
    fix.batch.alerts[3].finding_count = 0; /* as expected */
    commit(&fix, 0);
    check_sql(fix.test.dsn, "SELECT count(*) FROM alert", 2);
    storetest_text(
        fix.test.dsn,
        "SELECT string_agg(a.domain || o.channel, ' ' ORDER BY a.domain, o.channel) FROM outbox AS o"
        " JOIN alert AS a ON a.id = o.alert",
        "1one 1two 2two");
    check_sql(fix.test.dsn, "SELECT next FROM log_range WHERE log = 1", 10);
    fixture_end(&fix);
}

static void placeholders_and_opaque_entries(void **state)
{
    (void)state;
    struct fixture fix;
    static const struct issuances_entry specs[] = {
        {5, ISSUANCE_FINAL, false}, {0, ISSUANCE_FINAL, true}, {0, ISSUANCE_FINAL, true}};
    fixture_start(&fix);
    for (int log = 0; log < 2; log++) {
        issuances_batch(&fix.batch, &fix.test.log[log], 0, specs, countof(specs));
        fix.batch.watch_generation = 1;
        for (size_t i = 0; i < 3; i++)
            issuances_alert(&fix.batch, i, ALERT_DOMAINS_NONE, ALERT_KIND_MALFORMED, "?");
        issuances_alert(&fix.batch, 1, 1, ALERT_KIND_MALFORMED, "its name stands in the bytes");
        issuances_alert(&fix.batch, 1, 2, ALERT_KIND_MALFORMED, "its name stands in the bytes");
        fix.batch.alerts[fix.batch.alert_count - 1].domain = SPAN_LIT("y.test");
        commit(&fix, log);
    }
    /* One for the certificate that both logs hold, one per opaque entry, one per domain named in it. */
    storetest_text(
        fix.test.dsn,
        "SELECT string_agg(regexp_replace(dedup, '[0-9a-f]{64}', 'FP'), ' ' ORDER BY dedup COLLATE \"C\")"
        " FROM alert",
        "malformed:1:1 malformed:1:1:x.test malformed:1:1:y.test malformed:1:2 malformed:FP malformed:2:1 "
        "malformed:2:1:x.test malformed:2:1:y.test malformed:2:2");
    /* What has no domain has a log. */
    check_sql(fix.test.dsn, "SELECT count(*) FROM alert WHERE (domain IS NULL) <> (log IS NOT NULL)", 0);
    check_sql(fix.test.dsn, "SELECT count(*) FROM alert_sighting WHERE form = 'unparsed'", 8);
    check_sql(fix.test.dsn, "SELECT count(*) FROM alert WHERE tbs_fp IS NOT NULL", 1);
    fixture_end(&fix);
}

#define KEY_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define KEY_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static const char state_sql[] =
    "SELECT concat_ws(' ', state, severity, kind, event, nullif(reason, ''),"
    " (SELECT count(*) FROM outbox AS o WHERE o.alert = a.id AND o.state = 'pending' AND o.tries = 0"
    "  AND o.next_try_at <= now()), jsonb_array_length(history)) FROM alert AS a";

/* What becomes of an alert low over_long_validity in a given state when one more finding comes. */
static void what_is_graver_is_told_again(void **state)
{
    static const struct {
        const char *before; /* of the alert and its outbox */
        enum alert_kind first;
        const char *first_found;
        enum alert_kind kind;
        const char *found;
        const char *after;
    } cases[] = {
        {"", ALERT_KIND_OVER_LONG_VALIDITY, "500 days", ALERT_KIND_UNEXPECTED_CA, "CN=A",
         "new high unexpected_ca new 2 0"},
        {"UPDATE outbox SET state = 'sent', sent_at = now(), tries = 3; UPDATE alert SET state = 'notified'",
         ALERT_KIND_OVER_LONG_VALIDITY, "500 days", ALERT_KIND_UNEXPECTED_CA, "CN=A",
         "new high unexpected_ca escalated 2 1"},
        {"UPDATE outbox SET state = 'sent', sent_at = now(), tries = 1;"
         "UPDATE alert SET state = 'acked', reason = 'known'",
         ALERT_KIND_OVER_LONG_VALIDITY, "500 days", ALERT_KIND_UNEXPECTED_CA, "CN=A",
         "new high unexpected_ca escalated 2 1"},
        /* Acknowledged before it was sent. */
        {"UPDATE outbox SET state = 'withdrawn'; UPDATE alert SET state = 'acked', reason = 'known'",
         ALERT_KIND_OVER_LONG_VALIDITY, "500 days", ALERT_KIND_UNEXPECTED_CA, "CN=A",
         "new high unexpected_ca escalated 2 1"},
        /* Under way: it may have arrived. */
        {"UPDATE outbox SET next_try_at = now() + interval '1 hour'", ALERT_KIND_OVER_LONG_VALIDITY,
         "500 days", ALERT_KIND_UNEXPECTED_CA, "CN=A", "new high unexpected_ca escalated 2 0"},
        /* As grave, by another rule or another key. */
        {"UPDATE outbox SET state = 'sent', sent_at = now(); UPDATE alert SET state = 'acked', reason = "
         "'known'",
         ALERT_KIND_UNEXPECTED_WILDCARD, "*.x0.test", ALERT_KIND_UNEXPECTED_CA, "CN=A",
         "new high unexpected_wildcard escalated 2 1"},
        {"UPDATE outbox SET state = 'sent', sent_at = now(); UPDATE alert SET state = 'acked', reason = "
         "'known'",
         ALERT_KIND_UNEXPECTED_CA, "CN=A (spki:" KEY_A ")", ALERT_KIND_UNEXPECTED_CA, "CN=A (spki:" KEY_B ")",
         "new high unexpected_ca escalated 2 1"},
        /* No news: the same key in other words, the same again, something that is less grave. */
        {"UPDATE outbox SET state = 'sent', sent_at = now(); UPDATE alert SET state = 'acked', reason = "
         "'known'",
         ALERT_KIND_UNEXPECTED_CA, "CN=A (spki:" KEY_A ")", ALERT_KIND_UNEXPECTED_CA,
         "CN=A (issuer unproven, the log claims spki:" KEY_A ")", "acked high unexpected_ca new known 0 0"},
        {"UPDATE outbox SET state = 'sent', sent_at = now(); UPDATE alert SET state = 'notified'",
         ALERT_KIND_UNEXPECTED_CA, "CN=A (spki:" KEY_A ")", ALERT_KIND_UNEXPECTED_CA, "CN=A (spki:" KEY_A ")",
         "notified high unexpected_ca new 0 0"},
        {"UPDATE outbox SET state = 'sent', sent_at = now(); UPDATE alert SET state = 'acked', reason = "
         "'known'",
         ALERT_KIND_UNEXPECTED_CA, "CN=A", ALERT_KIND_OVER_LONG_VALIDITY, "500 days",
         "acked high unexpected_ca new known 0 0"},
    };
    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct fixture fix;
        fixture_start(&fix);
        read_log(&fix, 0, 0, 1);
        issuances_alert(&fix.batch, 0, 1, cases[i].first, cases[i].first_found);
        commit(&fix, 0);
        storetest_run(fix.test.dsn, "CREATE TABLE before AS SELECT id, key FROM outbox");
        if (cases[i].before[0] != '\0')
            storetest_run(fix.test.dsn, cases[i].before);
        read_log(&fix, 1, 0, 1);
        issuances_alert(&fix.batch, 0, 1, cases[i].kind, cases[i].found);
        commit(&fix, 1);
        storetest_text(fix.test.dsn, state_sql, cases[i].after);
        check_sql(fix.test.dsn, /* told again is a new message */
                  "SELECT count(*) FROM outbox AS o JOIN before AS b USING (id) WHERE (o.key = b.key)"
                  " <> (o.state = 'sent')",
                  0);
        check_sql(fix.test.dsn,
                  "SELECT count(*) FROM alert WHERE state = 'new' AND history <> '[]'"
                  " AND history->0->>'state' = 'acked' AND history->0->>'reason' <> 'known'",
                  0);
        fixture_end(&fix);
    }
}

static void really_seen_after(const char *answer, const char *was)
{
    struct fixture fix;
    fixture_start(&fix);
    read_log(&fix, 0, 0, 1);
    issuances_alert(&fix.batch, 0, 1, ALERT_KIND_UNEXPECTED_CA, "CN=A");
    commit(&fix, 0);
    storetest_run(fix.test.dsn,
                  "UPDATE outbox SET state = 'sent', sent_at = now();"
                  "UPDATE alert SET state = 'closed', reason = 'withdrawn', event = 'withdrawn';"
                  "DELETE FROM alert_sighting;"
                  "INSERT INTO channel (name) VALUES ('three')");
    storetest_run(fix.test.dsn, answer);
    read_log(&fix, 1, 0, 1);
    issuances_alert(&fix.batch, 0, 1, ALERT_KIND_OVER_LONG_VALIDITY, "500 days");
    commit(&fix, 1);
    /* With the findings of what was really seen alone; a channel that came meanwhile is told as well. */
    storetest_text(fix.test.dsn, state_sql, "new low over_long_validity seen_again 3 1");
    check_sql(fix.test.dsn, "SELECT jsonb_array_length(findings) FROM alert", 1);
    storetest_text(fix.test.dsn,
                   "SELECT concat_ws(' ', history->0->>'state', history->0->>'kind') FROM alert", was);
    fixture_end(&fix);
}

static void withdrawn_and_really_seen(void **state)
{
    (void)state;
    really_seen_after("SELECT 1", "closed unexpected_ca");
    really_seen_after("UPDATE alert SET state = 'acked', reason = 'the log erred'", "acked unexpected_ca");
}

/* A log can claim any number of issuers for one certificate; the alert stays of bounded size. */
static void findings_have_a_ceiling(void **state)
{
    (void)state;
    struct fixture fix;
    char found[64][128];
    fixture_start(&fix);
    for (int i = 0; i < 64; i++) {
        (void)snprintf(found[i], sizeof found[i], "CN=A (spki:%064d)", i);
        read_log(&fix, 0, 0, 1);
        issuances_alert(&fix.batch, 0, 1, ALERT_KIND_UNEXPECTED_CA, found[i]);
        commit(&fix, 0);
    }
    storetest_run(fix.test.dsn, "UPDATE alert SET state = 'acked'");
    check_sql(fix.test.dsn, "SELECT jsonb_array_length(findings) FROM alert", LIMIT_ALERT_FINDINGS);
    /* What is not kept is no news either, or it would be told every time. */
    read_log(&fix, 0, 0, 1);
    issuances_alert(&fix.batch, 0, 1, ALERT_KIND_UNEXPECTED_CA, found[63]);
    commit(&fix, 0);
    check_sql(fix.test.dsn, "SELECT count(*) FROM alert WHERE state = 'acked'", 1);
    fixture_end(&fix);
}

static void hostile_bytes_do_no_harm(void **state)
{
    (void)state;
    struct fixture fix;
    static const char evil[] = "\x00\xff\xfe\"}],'; DROP TABLE alert; --\\u0000\x1b[2J\xe2\x80\xae\n\t\\";
    fixture_start(&fix);
    read_log(&fix, 0, 0, 2);
    struct issuance *issuance = &fix.batch.entries[0].issuance;
    issuance->names[0].text = span_of(evil, sizeof evil - 1);
    issuance->subject_cn = span_of(evil, sizeof evil - 1);
    issuance->issuer = span_of(evil, sizeof evil - 1);
    issuance->names[1].kind = NAME_EMAIL;
    issuance->names[1].text = span_of(evil, sizeof evil - 1);
    issuances_alert(&fix.batch, 0, 1, ALERT_KIND_UNEXPECTED_CA, "x");
    fix.batch.alerts[0].name = span_of(evil, sizeof evil - 1);
    fix.batch.alerts[0].findings[0].found = span_of(evil, sizeof evil - 1);
    commit(&fix, 0);
    check_sql(fix.test.dsn, "SELECT count(*) FROM alert", 1);
    check_sql(fix.test.dsn,
              "SELECT count(*) FROM cert WHERE names ~ '[^\\x20-\\x7e]' OR cn ~ '[\\x01-\\x1f]'", 0);
    check_sql(fix.test.dsn,
              "SELECT count(*) FROM alert WHERE name || findings::text || issuance::text"
              " ~ '[\\x01-\\x1f\\u202e]'",
              0);
    fixture_end(&fix);
}

/* A look-alike that gets one certificate after the other is one alert, told once. */
static void lookalikes_join_by_domain(void **state)
{
    (void)state;
    struct fixture fix;
    fixture_start(&fix);
    for (int log = 0; log < 2; log++) {
        read_log(&fix, log, (uint64_t)log * 4, 8);
        for (size_t i = 0; i < 8; i++) {
            issuances_alert(&fix.batch, i, 1, ALERT_KIND_LOOKALIKE, "x-login.test joins the name");
            fix.batch.alerts[i].lookalike = i < 6 ? SPAN_LIT("x-login.test") : SPAN_LIT("y-login.test");
        }
        commit(&fix, log);
        check_sql(fix.test.dsn, "SELECT count(*) FROM alert WHERE domain = 1 AND kind = 'lookalike'", 2);
        check_sql(fix.test.dsn,
                  "SELECT count(*) FROM alert_sighting AS s JOIN alert AS a ON a.id = s.alert"
                  " WHERE a.dedup = 'lookalike:x.test:x-login.test'",
                  6 * (log + 1));
        check_sql(fix.test.dsn, "SELECT count(*) FROM outbox", 4);
        check_sql(fix.test.dsn, "SELECT count(*) FROM alert WHERE event <> 'new'", 0);
    }
    fixture_end(&fix);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sightings_join_one_alert),        cmocka_unit_test(channels_and_removed_domains),
        cmocka_unit_test(placeholders_and_opaque_entries), cmocka_unit_test(what_is_graver_is_told_again),
        cmocka_unit_test(withdrawn_and_really_seen),       cmocka_unit_test(findings_have_a_ceiling),
        cmocka_unit_test(hostile_bytes_do_no_harm),        cmocka_unit_test(lookalikes_join_by_domain),
    };
    return storetest_main(tests, countof(tests), "store_alert");
}
