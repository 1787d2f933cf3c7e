/* Which alerts stand against calling a certificate usual. */
#include "db/db_unanswered.h"

#include "tests/fixture/storetest.h"

struct seen {
    size_t count;
    int64_t first;
    int64_t last;
};

static void on_one(void *arg, const struct db_unanswered *one)
{
    struct seen *seen = arg;
    if (seen->count++ == 0)
        seen->first = one->id;
    seen->last = one->id;
}

static const struct {
    const char *name;
    bool ip;
    size_t count;
} rows[] = {
    {"a.test", false, 1},        {"www.a.test", false, 1},   {"test", false, 2},
    {"b.test", false, 0},                                    /* nobody said which CAs are allowed */
    {"192.0.2.0/24", true, 1},   {"192.0.2.64/28", true, 1}, /* within what is registered */
    {"192.0.2.7", true, 1},      {"192.0.0.0/16", true, 1},  {"192.0.3.0/24", true, 0},
    {"192.0.2.64/28", false, 0}, {"2001:db8::7", true, 1},   {"2001:db8::8", true, 0},
};

static void ask(struct pgconn *conn, const char *name, bool ip, struct seen *seen, bool *cut)
{
    struct err why = {0};
    *seen = (struct seen){0};
    if (db_unanswered_each(conn, name, ip, cut, on_one, seen, &why) != ERR_OK)
        fail_msg("%s: %s", name, why.text);
}

static void table(void **state)
{
    struct storetest test;
    struct pgconn *conn = NULL;
    struct err why = {0};
    struct seen seen;
    bool cut = true;
    (void)state;
    storetest_new(&test);
    storetest_run(test.dsn,
                  "INSERT INTO domain (name, kind) VALUES ('a.test', 'dns'), ('192.0.2.0/24', 'ip'),"
                  " ('2001:db8::7', 'ip'), ('c.d.test', 'dns'), ('b.test', 'dns');"
                  "INSERT INTO domain_allow SELECT id, sha256('k'), 'k' FROM domain WHERE name <> 'b.test';"
                  "INSERT INTO alert (domain, kind, severity, findings, first_seen, tbs_fp)"
                  " SELECT id, 'unexpected_ca', 'high', '[]', now(), sha256(name::bytea) FROM domain");
    assert_int_equal(pgconn_open(test.dsn, &conn, &why), ERR_OK);
    for (size_t i = 0; i < countof(rows); i++) {
        ask(conn, rows[i].name, rows[i].ip, &seen, &cut);
        if (seen.count != rows[i].count || cut)
            fail_msg("%s: %zu", rows[i].name, seen.count);
    }
    /* Of too many the newest. */
    storetest_run(test.dsn, "INSERT INTO alert (domain, kind, severity, findings, first_seen, tbs_fp)"
                            " SELECT d.id, 'unexpected_ca', 'high', '[]', now(), sha256(n::text::bytea)"
                            " FROM domain AS d, generate_series(1, 10000) AS n WHERE d.name = 'a.test'");
    ask(conn, "a.test", false, &seen, &cut);
    assert_true(cut);
    assert_int_equal(seen.count, DB_UNANSWERED_MAX);
    assert_true(seen.first > seen.last);
    check_sql(test.dsn, "SELECT max(id) FROM alert", (uint64_t)seen.first);
    ask(conn, "c.d.test", false, &seen, &cut);
    assert_false(cut);
    assert_int_equal(seen.count, 1);
    pgconn_free(conn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(table)};
    return storetest_main(tests, countof(tests), "db_unanswered");
}
