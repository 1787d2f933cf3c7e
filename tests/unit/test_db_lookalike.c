/* Whose look-alikes are told of, and which names are none. */
#include "tests/fixture_cert.h"

#include "db/db_domain.h"
#include "db/db_lookalike.h"

static struct fixture_db fixture;

static struct watch *load(struct pgconn *conn, size_t *count, uint64_t *generation)
{
    struct watch *watches = NULL;
    assert_int_equal(db_domain_load(conn, &watches, count, generation, NULL), ERR_OK);
    return watches;
}

static void add_set_allow_forbid(void **state)
{
    struct pgconn *conn = fixture.db.conn;
    struct err why = {0};
    char *allowed[] = {(char[]){"a-partner.test"}, (char[]){"z-partner.test"}};
    struct watch given = {.kind = WATCH_DNS,
                          .name = (char[]){"brand.test"},
                          .lookalike = WATCH_LOOKALIKE_STRICT,
                          .lookalike_allow = {allowed, 2}};
    struct watch other = {.kind = WATCH_DNS, .name = (char[]){"aaa.test"}};
    struct watch third = {.kind = WATCH_DNS, .name = (char[]){"zzz.test"}};
    uint64_t before;
    uint64_t after;
    uint64_t acked = 9;
    size_t count;
    int64_t id;
    int64_t none;
    (void)state;
    assert_int_equal(db_domain_add(conn, &given, NULL, 0, &id, NULL, &why), ERR_OK);
    assert_int_equal(db_domain_add(conn, &other, NULL, 0, &none, NULL, &why), ERR_OK);
    assert_int_equal(db_domain_add(conn, &third, NULL, 0, &none, NULL, &why), ERR_OK);
    struct watch *watches = load(conn, &count, &before);
    assert_int_equal(count, 3);
    assert_int_equal(watches[0].lookalike, WATCH_LOOKALIKE_OFF);
    assert_int_equal(watches[1].lookalike, WATCH_LOOKALIKE_STRICT);
    assert_int_equal(watches[1].lookalike_allow.count, 2);
    assert_string_equal(watches[1].lookalike_allow.at[0], "a-partner.test");
    assert_string_equal(watches[1].lookalike_allow.at[1], "z-partner.test");
    assert_int_equal(watches[2].lookalike_allow.count, 0);
    watch_free(watches, count);

    /* Each change is a generation of its own, one that fails is none. */
    assert_int_equal(db_lookalike_set(conn, "brand.test", WATCH_LOOKALIKE_OFF, &why), ERR_OK);
    assert_int_equal(db_lookalike_set(conn, "aaa.test", WATCH_LOOKALIKE_ON, &why), ERR_OK);
    assert_int_equal(db_lookalike_set(conn, "nobody.test", WATCH_LOOKALIKE_ON, &why), ERR_NOT_FOUND);
    assert_int_equal(db_lookalike_forbid(conn, "brand.test", "a-partner.test", &why), ERR_OK);
    err_clear(&why);
    assert_int_equal(db_lookalike_forbid(conn, "brand.test", "a-partner.test", &why), ERR_NOT_FOUND);
    err_clear(&why);
    assert_int_equal(db_lookalike_allow(conn, "zzz.test", "it's; DROP TABLE domain", &acked, &why), ERR_OK);
    assert_int_equal(acked, 0);
    assert_int_equal(db_lookalike_allow(conn, "zzz.test", "it's; DROP TABLE domain", &acked, &why), ERR_OK);
    watches = load(conn, &count, &after);
    assert_int_equal(after, before + 5);
    assert_int_equal(watches[0].lookalike, WATCH_LOOKALIKE_ON);
    assert_int_equal(watches[1].lookalike, WATCH_LOOKALIKE_OFF);
    assert_int_equal(watches[1].lookalike_allow.count, 1);
    assert_int_equal(watches[2].lookalike_allow.count, 1);
    watch_free(watches, count);
}

/* Open alerts about the name and what is below it are answered by that, others and closed ones are not. */
static void allowing_answers(void **state)
{
    struct pgconn *conn = fixture.db.conn;
    uint64_t acked = 0;
    (void)state;
    fixture_sql(
        conn,
        "INSERT INTO domain (name, kind) VALUES ('own.test', 'dns');"
        "INSERT INTO alert (domain, domain_name, kind, severity, name, dedup, findings, state, first_seen)"
        " SELECT d.id, d.name, v.kind, 'low', v.name, 'd' || v.n, '[]', v.state, now()"
        " FROM domain AS d, (VALUES (1, 'lookalike', 'alike.test', 'new'),"
        " (2, 'lookalike', 'www.alike.test', 'notified'), (3, 'lookalike', 'notalike.test', 'new'),"
        " (4, 'unexpected_ca', 'alike.test', 'new'), (5, 'lookalike', 'x.alike.test', 'closed'))"
        " AS v(n, kind, name, state) WHERE d.name = 'own.test';"
        "INSERT INTO outbox (alert, channel) SELECT id, 'hook' FROM alert WHERE domain_name = 'own.test'");
    assert_int_equal(db_lookalike_allow(conn, "own.test", "alike.test", &acked, NULL), ERR_OK);
    assert_int_equal(acked, 2);
    fixture_sql(
        conn,
        "DO $$ BEGIN ASSERT (SELECT string_agg(dedup, ' ' ORDER BY dedup) FROM alert WHERE state = 'acked'"
        " AND reason = 'allowed: alike.test') = 'd1 d2';"
        " ASSERT (SELECT count(*) FROM outbox WHERE state = 'withdrawn') = 2; END $$");
}

static int open_all(void **state)
{
    (void)state;
    fixture_db_open(&fixture);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    fixture_db_close(&fixture);
    return 0;
}

int main(int argc, char **argv)
{
    FIXTURE_DB_KEEPER(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(add_set_allow_forbid),
        cmocka_unit_test(allowing_answers),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
