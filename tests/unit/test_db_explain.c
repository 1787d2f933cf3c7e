/* Which open alerts are explained by what a domain's rules hold now. */
#include "db/db_explain.h"

#include "tests/fixture/lockorder.h"

#include "db/pgconn.h"

/* Of the alert: key cc.., tbs_fp ff.., key of the issuer 22... */
struct row {
    const char *what;
    const char *policy;   /* of the domain */
    const char *allow;    /* key of an allowed CA, as two digits; "": none */
    const char *findings; /* rules, parted by spaces */
    bool proven;
    const char *expected; /* state, and the rules that are left */
};

#define HASH(digit) digit digit digit digit digit digit digit digit
#define KEYS                                                                                                 \
    "{\"keys\": {\"mode\": \"enforce\", \"spki\": [{\"sha256\": \"" HASH(                                    \
        "cccccccc") "\", \"label\": \"l\"}]}}"
#define TBS "{\"keys\": {\"tbs\": [{\"sha256\": \"" HASH("ffffffff") "\", \"label\": \"l\"}]}}"

static const struct row rows[] = {
    {"its key is known", KEYS, "", "keys", true, "closed keys"},
    {"its key is known, where no CA is allowed", KEYS, "", "allow_ca keys", true, "closed allow_ca keys"},
    {"its key is known, but another CA is allowed", KEYS, "99", "allow_ca keys", true, "new allow_ca"},
    {"the certificate is known, and another CA allowed", TBS, "99", "allow_ca keys expect", true,
     "closed allow_ca keys expect"},
    {"a denied CA stays one", TBS, "99", "deny_ca keys", true, "new deny_ca"},
    {"names have nothing to do with it", TBS, "", "allow_ca names", false, "new names"},
    {"the CA is allowed", "{}", "22", "allow_ca keys", true, "new keys"},
    {"the CA is allowed, but nobody proved that it was it", "{}", "22", "allow_ca", false, "new allow_ca"},
    {"nothing is known", "{}", "99", "allow_ca keys", true, "new allow_ca keys"},
};

static void prepare(const char *dsn, const struct row *row, int number)
{
    static char sql[4096];
    (void)snprintf(
        sql, sizeof sql,
        "INSERT INTO domain (id, name, kind, exact, wildcard_allowed, policy) OVERRIDING SYSTEM VALUE"
        " VALUES (%d, 'd%d.example', 'dns', false, false, '%s');"
        "INSERT INTO domain_allow SELECT %d, decode(repeat('%s', 32), 'hex'), 'l' WHERE '%s' <> '';"
        "INSERT INTO alert (domain, domain_name, kind, severity, tbs_fp, findings, issuance, first_seen)"
        " SELECT %d, 'd', 'unexpected_ca', 'high', decode(repeat('ff', 32), 'hex'),"
        " (SELECT jsonb_agg(jsonb_build_object('kind', 'kind_' || r, 'rule', r, 'severity', 'low') ORDER BY "
        "n)"
        "  FROM regexp_split_to_table('%s', ' ') WITH ORDINALITY AS t(r, n)),"
        " jsonb_build_object('spki_sha256', repeat('cc', 32), 'issuer_spki_sha256', repeat('22', 32),"
        " 'issuer_proven', %s), now()",
        number, number, row->policy, number, row->allow, row->allow, number, row->findings,
        row->proven ? "true" : "false");
    storetest_run(dsn, sql);
}

static void explained_or_not(void **state)
{
    struct storetest test;
    struct pgconn *conn = NULL;
    (void)state;
    storetest_new(&test);
    assert_int_equal(pgconn_open(test.dsn, &conn, NULL), ERR_OK);
    for (size_t i = 0; i < countof(rows); i++) {
        char sql[512];
        char found[256];
        uint64_t closed = 0;
        struct err why = {0};
        prepare(test.dsn, &rows[i], (int)i + 1);
        for (int round = 0; round < 2; round++)
            if (db_explain_close(conn, (int64_t)i + 1, "that is why", &closed, &why) != ERR_OK)
                fail_msg("%s", why.text);
        assert_int_equal(closed, 0); /* the second time */
        (void)snprintf(
            sql, sizeof sql,
            "SELECT state || ' ' || (SELECT string_agg(f->>'rule', ' ' ORDER BY n) FROM"
            " jsonb_array_elements(findings) WITH ORDINALITY AS t(f, n)) FROM alert WHERE domain = %zu",
            i + 1);
        assert_true(pgtest_sql(test.dsn, sql, found, sizeof found));
        if (strcmp(found, rows[i].expected) != 0)
            fail_msg("%s: %s", rows[i].what, found);
    }
    check_sql(test.dsn, "SELECT count(*) FROM alert WHERE state = 'closed' AND reason = 'that is why'", 3);
    check_sql(test.dsn,
              "SELECT count(*) FROM alert WHERE state = 'new' AND kind <> findings->0->>'kind'"
              " AND kind <> 'unexpected_ca'",
              0);
    pgconn_free(conn);
}

/* Where the place that came first proved nothing: the text has the key of the one that did, and nobody else
 * can write what it ends with. */
static void by_the_text(void **state)
{
    static const struct {
        const char *found;
        const char *expected;
    } texts[] = {
        {"CN=X (spki:" HASH("22222222") ")", "closed"},
        {"CN=X (spki:" HASH("99999999") ")", "new"},
        {"CN=X (spki:" HASH("22222222") ") (issuer unknown: no certificate of it proves the signature)",
         "new"},
        {"CN=X (issuer unproven, the log claims spki:" HASH("22222222") ")", "new"},
    };
    struct storetest test;
    struct pgconn *conn = NULL;
    (void)state;
    storetest_new(&test);
    assert_int_equal(pgconn_open(test.dsn, &conn, NULL), ERR_OK);
    for (size_t i = 0; i < countof(texts); i++) {
        char sql[512];
        char found[64];
        uint64_t closed = 0;
        prepare(test.dsn, &rows[7], (int)i + 1);
        (void)snprintf(sql, sizeof sql,
                       "UPDATE alert SET findings = jsonb_set(findings, '{0,found}', to_jsonb('%s'::text))"
                       " WHERE domain = %zu",
                       texts[i].found, i + 1);
        storetest_run(test.dsn, sql);
        assert_int_equal(db_explain_close(conn, (int64_t)i + 1, "why", &closed, NULL), ERR_OK);
        (void)snprintf(sql, sizeof sql, "SELECT state FROM alert WHERE domain = %zu", i + 1);
        assert_true(pgtest_sql(test.dsn, sql, found, sizeof found));
        if (strcmp(found, texts[i].expected) != 0)
            fail_msg("%s: %s", texts[i].found, found);
    }
    pgconn_free(conn);
}

/* Who was told is told; who answered it has the last word. */
static void deliveries(void **state)
{
    struct storetest test;
    struct pgconn *conn = NULL;
    uint64_t closed = 0;
    (void)state;
    storetest_new(&test);
    assert_int_equal(pgconn_open(test.dsn, &conn, NULL), ERR_OK);
    for (int i = 1; i <= 3; i++)
        prepare(test.dsn, &rows[1], i);
    storetest_run(test.dsn,
                  "UPDATE alert SET state = 'notified' WHERE domain = 1;"
                  "UPDATE alert SET state = 'acked' WHERE domain = 2;"
                  "INSERT INTO outbox (alert, channel, state, sent_at) SELECT a.id, c.name, 'sent', now()"
                  " FROM alert AS a, channel AS c WHERE a.domain = 1 AND c.name = 'one';"
                  "INSERT INTO outbox (alert, channel, state) SELECT a.id, c.name, 'pending'"
                  " FROM alert AS a, channel AS c WHERE a.domain = 3 AND c.name = 'one'");
    for (int i = 1; i <= 3; i++) {
        assert_int_equal(db_explain_close(conn, i, "known", &closed, NULL), ERR_OK);
        assert_int_equal(closed, i != 2);
    }
    storetest_text(test.dsn, "SELECT string_agg(state || ' ' || event, ', ' ORDER BY domain) FROM alert",
                   "closed withdrawn, acked new, closed withdrawn");
    storetest_text(test.dsn,
                   "SELECT string_agg(o.state, ', ' ORDER BY a.domain) FROM outbox AS o JOIN alert AS a"
                   " ON a.id = o.alert",
                   "pending, withdrawn");
    pgconn_free(conn);
}

static enum err_code close_both(struct pgconn *conn, struct err *why)
{
    uint64_t closed = 0;
    enum err_code code = db_explain_close(conn, 1, "that is why", &closed, why);
    return code == ERR_OK && closed != 2 ? ERR_USAGE : code;
}

static void one_after_the_other(void **state)
{
    struct storetest test;
    (void)state;
    storetest_new(&test);
    prepare(test.dsn, &rows[0], 1);
    storetest_run(
        test.dsn,
        "INSERT INTO alert (id, domain, domain_name, kind, severity, tbs_fp, findings, issuance, first_seen)"
        " OVERRIDING SYSTEM VALUE SELECT n, domain, domain_name, kind, severity, decode(lpad((30 - n)::text, "
        "64, '0'), 'hex'),"
        " findings, issuance, first_seen FROM unnest(ARRAY[20, 10]) AS n, alert;"
        "DELETE FROM alert WHERE id < 10");
    lockorder_check(test.dsn, close_both);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(one_after_the_other),
                                       cmocka_unit_test(explained_or_not), cmocka_unit_test(by_the_text),
                                       cmocka_unit_test(deliveries)};
    return storetest_main(tests, countof(tests), "db_explain");
}
