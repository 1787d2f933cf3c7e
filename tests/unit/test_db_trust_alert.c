/* What late truth remembers: by what it was judged, and nothing before it was. */
#include "db/db_trust_alert.h"

#include "tests/fixture/storetest.h"

static size_t seen(struct pgconn *conn, struct db_trust_seen **list)
{
    struct err why = {0};
    size_t count = 0;
    if (db_trust_alert_seen(conn, list, &count, &why) != ERR_OK)
        fail_msg("%s", why.text);
    return count;
}

static void more_places_count_until_they_were_judged(void **state)
{
    (void)state;
    struct storetest test;
    struct pgconn *conn = NULL;
    struct db_trust_seen *list = NULL;
    storetest_new(&test);
    assert_int_equal(pgconn_open(test.dsn, &conn, NULL), ERR_OK);
    storetest_run(test.dsn, "INSERT INTO domain (name, kind) VALUES ('a.test', 'dns');"
                            "INSERT INTO alert (domain, tbs_fp, kind, severity, name, first_seen, findings)"
                            " SELECT id, sha256(k::bytea), k, 'high', 'a.test', now(),"
                            "  jsonb_build_array(jsonb_build_object('kind', k, 'rule', 'x'))"
                            " FROM domain, unnest(ARRAY['distrusted_ca', 'unexpected_ca']) AS k;"
                            "INSERT INTO alert_sighting (alert, log, idx, form, timestamp)"
                            " SELECT id, 1, 7, 'precert', now() FROM alert");
    assert_int_equal(seen(conn, &list), 1);
    assert_int_equal(list[0].sightings, 1);
    free(list);
    /* Whoever asked and was cut off before it judged: asked again it says the same. */
    assert_int_equal(seen(conn, &list), 1);
    /* One more comes while the first is judged: it was not judged by that one. */
    storetest_run(test.dsn, "INSERT INTO alert_sighting (alert, log, idx, form, timestamp)"
                            " SELECT id, 2, 9, 'precert', now() FROM alert");
    assert_int_equal(db_trust_alert_seen_judged(conn, list, 1, NULL), ERR_OK);
    free(list);
    assert_int_equal(seen(conn, &list), 1);
    assert_int_equal(list[0].sightings, 2);
    assert_int_equal(db_trust_alert_seen_judged(conn, list, 1, NULL), ERR_OK);
    free(list);
    assert_int_equal(seen(conn, &list), 0);
    free(list);
    /* An alert that went meanwhile is no error. */
    const struct db_trust_seen gone = {.alert = 4711, .domain_id = 1, .sightings = 3};
    assert_int_equal(db_trust_alert_seen_judged(conn, &gone, 1, NULL), ERR_OK);
    pgconn_free(conn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(more_places_count_until_they_were_judged)};
    return storetest_main(tests, countof(tests), "db_trust_alert");
}
