/* Roots of logs over time: what is new, what has left, what comes back, and who asks when. */
#include "db/db_root.h"

#include "tests/fixture/storetest.h"

static struct store_ca root_of(int number)
{
    static char bytes[8][16];
    struct store_ca ca = {.log_id = 1};
    (void)snprintf(bytes[number], sizeof bytes[number], "root %d", number);
    ca.der = span_str(bytes[number]);
    dbkey_sha256(ca.der, ca.sha256);
    ca.spki_sha256[0] = (uint8_t)number;
    ca.subject = ca.der;
    return ca;
}

static uint64_t put(struct pgconn *conn, int32_t log_id, const int *numbers, size_t count)
{
    struct store_ca roots[8];
    struct err why = {0};
    uint64_t added = 99;
    for (size_t i = 0; i < count; i++)
        roots[i] = root_of(numbers[i]);
    if (db_root_put(conn, log_id, roots, count, &added, &why) != ERR_OK)
        fail_msg("%s", why.text);
    return added;
}

static void over_time(void **state)
{
    struct storetest test;
    struct pgconn *conn = NULL;
    struct err why = {0};
    (void)state;
    storetest_new(&test);
    assert_int_equal(pgconn_open(test.dsn, &conn, &why), ERR_OK);
    assert_int_equal(put(conn, 1, (const int[]){1, 2, 2, 3}, 4), 3);
    assert_int_equal(put(conn, 2, (const int[]){3, 4}, 2), 1);
    check_sql(test.dsn, "SELECT count(*) FROM ca_root WHERE left_at IS NULL", 5);
    check_sql(test.dsn, "SELECT count(*) FROM issuer_cert WHERE sha256 = sha256(der) AND edges_at IS NULL",
              4);
    assert_int_equal(put(conn, 1, (const int[]){3, 5}, 2), 1);
    check_sql(test.dsn, "SELECT count(*) FROM ca_root WHERE log = 1 AND left_at IS NULL", 2);
    check_sql(test.dsn, "SELECT count(*) FROM ca_root WHERE log = 1 AND left_at IS NOT NULL", 2);
    check_sql(test.dsn, "SELECT count(*) FROM ca_root WHERE log = 2 AND left_at IS NULL", 2);
    assert_int_equal(put(conn, 1, (const int[]){1, 3, 5}, 3), 0);
    check_sql(test.dsn, "SELECT count(*) FROM ca_root WHERE log = 1 AND left_at IS NULL", 3);
    assert_int_equal(put(conn, 1, NULL, 0), 0);
    check_sql(test.dsn, "SELECT count(*) FROM ca_root WHERE log = 1 AND left_at IS NULL", 0);
    pgconn_free(conn);
}

static void whose_turn(void **state)
{
    struct storetest test;
    struct pgconn *conn[2] = {NULL, NULL};
    struct err why = {0};
    uint8_t body[32] = {7};
    int32_t log_id[3] = {-1, -1, -1};
    bool same = true;
    (void)state;
    storetest_new(&test);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pgconn_open(test.dsn, &conn[i], &why), ERR_OK);
    storetest_run(test.dsn,
                  "INSERT INTO log (name, protocol, url, log_id, key, followed)"
                  " SELECT 'not followed', protocol, url, log_id, key, false FROM log WHERE id = 1");
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(db_root_claim(conn[i % 2], &log_id[i], &why), ERR_OK);
    assert_int_equal(log_id[0], 1);
    assert_int_equal(log_id[1], 2);
    assert_int_equal(log_id[2], 0);
    assert_int_equal(db_root_same(conn[0], 1, body, &same, &why), ERR_OK);
    assert_false(same);
    (void)put(conn[0], 1, (const int[]){1, 2}, 2);
    assert_int_equal(db_root_asked(conn[0], 1, NULL, body, 86400, &why), ERR_OK);
    assert_int_equal(db_root_same(conn[0], 1, body, &same, &why), ERR_OK);
    assert_true(same);
    assert_int_equal(db_root_same(conn[0], 2, body, &same, &why), ERR_OK);
    assert_false(same);
    storetest_text(test.dsn,
                   "SELECT roots || ' ' || failures || ' ' || (next_at > now() + interval '23 hours')"
                   " FROM ca_root_list WHERE log = 1",
                   "2 0 true");
    for (int i = 0; i < 8; i++)
        assert_int_equal(db_root_asked(conn[0], 2, "HTTP status 500 \x1b[31m", NULL, 0, &why), ERR_OK);
    storetest_text(
        test.dsn,
        "SELECT last_error || ' ' || failures || ' ' || extract(hour FROM next_at - now() + interval '1 min')"
        " || ' ' || (fetched_at IS NULL) FROM ca_root_list WHERE log = 2",
        "HTTP status 500 \\x1b[31m 8 24 true");
    storetest_run(test.dsn, "UPDATE ca_root_list SET next_at = now() - interval '1 s' WHERE log = 2");
    assert_int_equal(db_root_claim(conn[1], &log_id[0], &why), ERR_OK);
    assert_int_equal(log_id[0], 2);
    for (size_t i = 0; i < 2; i++)
        pgconn_free(conn[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(over_time),
        cmocka_unit_test(whose_turn),
    };
    return storetest_main(tests, countof(tests), "db_root");
}
