/* A round of the caretaker: what fails keeps nothing else from being done. */
#include "cli/caretaker.h"

#include "tests/fixture/storetest.h"

static const char old_history[] = "INSERT INTO unverified_cert (source, ref, names, not_before, not_after, "
                                  "imported_at) VALUES ('crtsh', '1:1',"
                                  " '{x1.test}', '2020-01-01', '2020-03-01', '2020-01-01')";

/* Each of these tables is asked by one step; the history that is long over goes in one behind them. */
static void every_step_has_its_turn(void **state)
{
    static const char *const tables[] = {"channel", "ca_edge", "pair_look"};
    struct storetest test;
    char sql[200];
    (void)state;
    storetest_new(&test);
    for (size_t i = 0; i < countof(tables); i++) {
        struct err why = {0};
        storetest_run(test.dsn, old_history);
        (void)snprintf(sql, sizeof sql, "ALTER TABLE %s RENAME TO away", tables[i]);
        storetest_run(test.dsn, sql);
        assert_int_not_equal(caretaker_look(test.dsn, NULL, &why), ERR_OK);
        if (strstr(why.text, tables[i]) == NULL)
            fail_msg("%s: %s", tables[i], why.text);
        check_sql(test.dsn, "SELECT count(*) FROM unverified_cert", 0);
        (void)snprintf(sql, sizeof sql, "ALTER TABLE away RENAME TO %s", tables[i]);
        storetest_run(test.dsn, sql);
    }
    struct err why = {0};
    if (caretaker_look(test.dsn, NULL, &why) != ERR_OK)
        fail_msg("%s", why.text);
}

/* Who is told to stop begins no further step, and says that it is not through. */
static void a_stop_ends_the_look(void **state)
{
    atomic_bool stop = true;
    struct storetest test;
    struct err why = {0};
    (void)state;
    storetest_new(&test);
    storetest_run(test.dsn, old_history);
    assert_int_equal(caretaker_look(test.dsn, &stop, &why), ERR_CLOSED);
    check_sql(test.dsn, "SELECT count(*) FROM unverified_cert", 1);
    stop = false;
    assert_int_equal(caretaker_look(test.dsn, &stop, &why), ERR_OK);
    check_sql(test.dsn, "SELECT count(*) FROM unverified_cert", 0);
}

/* The list in force, whatever was loaded when the process began, and the one after it. */
static void another_suffix_list_is_followed(void **state)
{
    struct storetest test;
    struct err why = {0};
    (void)state;
    storetest_new(&test);
    storetest_run(test.dsn, "INSERT INTO psl (sha256, list) VALUES (sha256('1'), E'com\\nx.test\\n')");
    assert_true(span_eq(dns_apex(SPAN_LIT("a.b.x.test")), SPAN_LIT("x.test")));
    if (caretaker_look(test.dsn, NULL, &why) != ERR_OK)
        fail_msg("%s", why.text);
    assert_true(span_eq(dns_apex(SPAN_LIT("a.b.x.test")), SPAN_LIT("b.x.test")));
    storetest_run(test.dsn, "INSERT INTO psl (sha256, list) VALUES (sha256('2'), E'com\\nb.x.test\\n')");
    if (caretaker_look(test.dsn, NULL, &why) != ERR_OK)
        fail_msg("%s", why.text);
    assert_true(span_eq(dns_apex(SPAN_LIT("a.b.x.test")), SPAN_LIT("a.b.x.test")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_step_has_its_turn),
        cmocka_unit_test(a_stop_ends_the_look),
        cmocka_unit_test(another_suffix_list_is_followed),
    };
    must(dns_psl_load(SPAN_LIT("test\nexample\n"), NULL) == ERR_OK);
    return storetest_main(tests, countof(tests), "caretaker");
}
