#include "tests/fixture_db.h"

#include "db/db_pace.h"
#include "db/pgexec.h"

static struct fixture_db fixture;

static void sql(const char *text)
{
    struct err why = {0};
    if (pgexec_script(fixture.db.conn, text, &why) != ERR_OK)
        fail_msg("%s: %s", why.text, text);
}

static void an_operator_is_all_its_addresses(void **state)
{
    struct db_pace pace;
    struct err why = {0};

    (void)state;
    sql("BEGIN;"
        "INSERT INTO operator_pace (operator, source, turn, reals, whole, rate, ceiling, hold_until, "
        "requests, refused)"
        " VALUES ('b.example', '127.0.0.1', 1, '{}', '{}', 10, 0, 'epoch', 30, 0),"
        " ('b.example', '127.0.0.2', 1, '{}', '{}', 2.5, 3, '2026-01-02 03:04:05+00', 10, 2),"
        " ('a.example', '', 1, '{}', '{}', 1e300, 0, '2026-01-02 03:04:05+00', 0, 0);"
        "INSERT INTO log (name, protocol, url, log_id, key, operator_key) VALUES"
        " ('one', 'rfc6962', 'https://x.example', sha256('1'), '', 'a.example'),"
        " ('gone', 'rfc6962', 'https://y.example', sha256('2'), '', '');"
        "UPDATE log SET state = 'removed' WHERE name = 'gone'");
    assert_int_equal(db_pace_load(fixture.db.conn, &pace, &why), ERR_OK);
    assert_int_equal(pace.operator_count, 2);
    assert_string_equal(pace.operators[0].key, "a.example");
    assert_true(pace.operators[0].rate > 1e11);
    assert_true(pace.operators[0].refused == 0);
    assert_int_equal(pace.operators[0].hold_until_ms, INT64_C(1767323045000));
    assert_string_equal(pace.operators[1].key, "b.example");
    assert_true(pace.operators[1].rate == 12.5);
    assert_true(pace.operators[1].refused == 0.05);
    assert_int_equal(pace.operators[1].hold_until_ms, 0); /* the other address may ask */
    assert_int_equal(pace.given_count, 1);
    assert_string_equal(pace.given[0].key, "a.example");
    db_pace_free(&pace);
    sql("ROLLBACK");
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
    const struct CMUnitTest tests[] = {cmocka_unit_test(an_operator_is_all_its_addresses)};
    return cmocka_run_group_tests(tests, open_all, close_all);
}
