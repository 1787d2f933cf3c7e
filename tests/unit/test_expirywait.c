/* Logs that are being caught up with, in a database: which ones are, what is told of certificates that run
 * out meanwhile, and for how long one that does not go on is waited for. */
#include "tests/fixture_cert.h"

#include "base/clock.h"
#include "cli/expirykeeper.h"

static struct fixture_db fixture;
static struct expirykeeper keeper; /* one process, from look to look */

static void sql(const char *text)
{
    fixture_sql(fixture.db.conn, text);
}

static int64_t number(const char *text)
{
    int64_t value = -1;
    struct err why = {0};
    if (pgexec_number(fixture.db.conn, text, &PGEXEC_NO_ARGS, &value, &why) != ERR_OK)
        fail_msg("%s: %s", why.text, text);
    return value;
}

static struct expirykeeper_report look(void)
{
    struct expirykeeper_report report;
    struct err why = {0};
    if (expirykeeper_look(fixture.db.conn, &keeper, NULL, &report, &why) != ERR_OK)
        fail_msg("%s", why.text);
    return report;
}

/* The next one is not before an hour. */
static struct expirykeeper_report look_again(void)
{
    keeper.begun = false;
    return look();
}

/* "one -40..now waited": name, begin and end in days from now. */
static const char *found(void)
{
    static char text[1024];
    struct db_unread *list = NULL;
    size_t count = 0;
    size_t len = 0;
    struct err why = {0};
    int64_t now = clock_wall_ms() / 1000;
    if (db_unread_look(fixture.db.conn, &list, &count, &why) != ERR_OK)
        fail_msg("%s", why.text);
    text[0] = '\0';
    for (size_t i = 0; i < count && len < sizeof text; i++) {
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%s ", i == 0 ? "" : "; ", list[i].log);
        if (list[i].begin != DB_UNREAD_BEGIN)
            len += (size_t)snprintf(text + len, sizeof text - len, "%.0f",
                                    (double)(list[i].begin - now) / 86400.0);
        len += (size_t)snprintf(text + len, sizeof text - len, "..");
        if (list[i].end != DB_UNREAD_END)
            len += (size_t)snprintf(text + len, sizeof text - len, "%.0f",
                                    (double)(list[i].end - now) / 86400.0);
        len += (size_t)snprintf(text + len, sizeof text - len, "%s", list[i].waited ? "" : " given up");
    }
    free(list);
    return text;
}

/* A signed head of so many entries, from so many days ago, last shown so many days ago. */
static void head(const char *log, int64_t size, int signed_ago, int seen_ago)
{
    char text[512];
    (void)snprintf(text, sizeof text,
                   "INSERT INTO log_head (log, size, root, timestamp, raw, seen_at, seen_last) SELECT id, "
                   "%" PRId64 ", sha256('root'), now() - interval '%d days', '', now() - interval '%d days',"
                   " now() - interval '%d days' FROM log WHERE name = '%s'",
                   size, signed_ago, signed_ago, seen_ago, log);
    sql(text);
}

/* `until` NULL: to its end. */
static void range(const char *log, int64_t begin, const char *until, int64_t next)
{
    char text[512];
    (void)snprintf(text, sizeof text,
                   "INSERT INTO log_range (log, range_begin, range_end, next, verified) SELECT id, %" PRId64
                   ", %s, %" PRId64 ", %" PRId64 " FROM log WHERE name = '%s'",
                   begin, until == NULL ? "NULL" : until, next, begin, log);
    sql(text);
}

static void begin(void)
{
    keeper = (struct expirykeeper){.begun = false};
    sql("DELETE FROM outbox; DELETE FROM alert; DELETE FROM domain; DELETE FROM cert; DELETE FROM cert_apex;"
        "DELETE FROM log_head; DELETE FROM log_range; DELETE FROM log_incident; DELETE FROM expiry_wait;"
        "DELETE FROM log_tile; DELETE FROM channel; INSERT INTO channel (name) VALUES ('stdout');"
        "UPDATE log SET followed = true, ended = '', list_state = '', state = 'active', from_spec = '0';"
        "INSERT INTO domain (name, kind, history_at) VALUES ('example.test', 'dns', now())");
}

static void which_ones(void **state)
{
    (void)state;
    begin();
    assert_string_equal(found(), ""); /* nothing is known of what nobody reads */
    range("one", 0, NULL, 0);
    assert_string_equal(found(), "one ..");
    sql("UPDATE log SET from_spec = 'now'"); /* added at this moment */
    assert_string_equal(found(), "");
    sql("UPDATE log SET from_spec = '0'");
    head("one", 1000, 0, 0);
    assert_string_equal(found(), "one ..");
    head("one", 500, 40, 40);
    assert_string_equal(found(), "one ..");
    sql("UPDATE log_range SET next = 500");
    assert_string_equal(found(), "one -40..");
    sql("UPDATE log_range SET next = 999");
    assert_string_equal(found(), "one -40..");
    sql("UPDATE log_range SET next = 1000");
    assert_string_equal(found(), "");
    /* At its end, and not heard of for longer than a day: who knows what came since. */
    sql("UPDATE log_head SET seen_last = now() - interval '3 days' WHERE size = 1000");
    assert_string_equal(found(), "one -3..");
    sql("UPDATE log_head SET seen_last = now() - interval '20 hours' WHERE size = 1000");
    assert_string_equal(found(), "");
    /* A smaller head, shown by a slow server, does not make it older. */
    head("one", 900, 50, 0);
    assert_string_equal(found(), "");
    /* The head is read first, and what is in front of it after that. */
    sql("DELETE FROM log_range");
    range("one", 0, "500", 100);
    range("one", 500, NULL, 1000);
    assert_string_equal(found(), "one ..-40");
    sql("UPDATE log_range SET next = 500 WHERE range_begin = 0");
    assert_string_equal(found(), "");
    /* What is over, or nobody's. */
    sql("UPDATE log_range SET next = 100 WHERE range_begin = 0");
    for (int i = 0; i < 5; i++) {
        static const char *const changes[] = {"list_state = 'retired'", "followed = false",
                                              "state = 'removed'", "ended = 'ended'",
                                              "list_state = 'rejected'"};
        char text[128];
        assert_string_equal(found(), "one ..-40");
        (void)snprintf(text, sizeof text, "UPDATE log SET %s WHERE name = 'one'", changes[i]);
        sql(text);
        assert_string_equal(found(), "");
        assert_int_equal(number("SELECT count(*) FROM expiry_wait"), 0);
        sql("UPDATE log SET followed = true, ended = '', list_state = '', state = 'active'");
    }
    sql("UPDATE log SET list_state = 'readonly'"); /* is read to its end */
    assert_string_equal(found(), "one ..-40");
}

/* `hours` pass between two looks. */
static void pass(int hours)
{
    char text[256];
    (void)snprintf(text, sizeof text,
                   "UPDATE expiry_wait SET moved_at = moved_at - interval '%d hours', looked_at = looked_at -"
                   " interval '%d hours'",
                   hours, hours);
    sql(text);
}

static void one_that_is_stuck(void **state)
{
    (void)state;
    begin();
    range("one", 0, NULL, 10);
    head("one", 1000, 0, 0);
    assert_string_equal(found(), "one ..");
    for (int i = 0; i < 5; i++) {
        pass(5);
        assert_string_equal(found(), i < 4 ? "one .." : "one .. given up");
    }
    sql("UPDATE log_range SET next = 11");
    assert_string_equal(found(), "one ..");
    /* Nobody looked for a week, and nobody read: it is waited for until it had the time to go on. */
    pass(24 * 7);
    assert_string_equal(found(), "one ..");
    assert_string_equal(found(), "one ..");
    pass(1);
    assert_string_equal(found(), "one .. given up");
    sql("UPDATE log_range SET next = 12");
    assert_string_equal(found(), "one ..");
    /* Others are told of it as out of date. */
    sql("INSERT INTO log_incident (log, rule, since, alert) SELECT id, 'unreachable', now(), 1 FROM log "
        "WHERE "
        "name = 'one'");
    assert_string_equal(found(), "one .. given up");
    /* One that is stuck does not keep another one. */
    range("two", 0, NULL, 10);
    head("two", 10, 30, 30);
    assert_string_equal(found(), "one .. given up; two -30..");
    assert_int_equal(number("SELECT count(*) FROM expiry_wait WHERE given_up"), 1);
}

/* It goes on, but takes weeks. */
static void one_that_is_slow(void **state)
{
    (void)state;
    begin();
    range("one", 0, NULL, 10);
    head("one", 1000, 0, 0);
    assert_string_equal(found(), "one ..");
    sql("UPDATE expiry_wait SET since = now() - interval '6 days'; UPDATE log_range SET next = 11");
    assert_string_equal(found(), "one ..");
    sql("UPDATE expiry_wait SET since = now() - interval '8 days'; UPDATE log_range SET next = 12");
    assert_string_equal(found(), "one .. given up");
    sql("UPDATE log_range SET next = 13");
    assert_string_equal(found(), "one .. given up");
    assert_int_equal(number("SELECT count(*) FROM expiry_wait WHERE given_up"), 1);
    /* Once it is done, it may fall behind again. */
    sql("UPDATE log_range SET next = 1000");
    assert_string_equal(found(), "");
    sql("UPDATE log_range SET next = 500");
    assert_string_equal(found(), "one ..");
}

static void issue(int at, const char *names, int days_ago)
{
    char when[TEXT_TIME_MAX];
    struct fixture_cert cert = {.number = at, .names = names};
    cert.not_before = text_time(clock_wall_ms() - days_ago * INT64_C(86400000) - 3600000, false, when);
    fixture_cert_put(fixture.db.conn, &cert);
}

/* The newest one that is known may be an old one. */
static void nothing_is_told_meanwhile(void **state)
{
    (void)state;
    begin();
    range("one", 0, NULL, 10);
    head("one", 10, 45, 45);
    head("one", 1000, 0, 0);
    issue(1, "example.test", 80);
    issue(2, "old.example.test", 85); /* open when the outage began */
    sql("UPDATE log_range SET next = 1000");
    assert_int_equal(look().raised, 2);
    sql("UPDATE log_range SET next = 10; DELETE FROM alert WHERE name = 'example.test'");
    assert_int_equal(look_again().raised, 0);
    /* What is over may be closed. */
    issue(3, "old.example.test", 1);
    struct expirykeeper_report report = look_again();
    assert_int_equal(report.raised, 0);
    assert_int_equal(report.closed, 1);
    /* The log is done: it does not take an hour. */
    assert_int_equal(look().raised, 0);
    sql("UPDATE log_range SET next = 1000");
    assert_int_equal(look().raised, 1);
    assert_int_equal(number("SELECT count(*) FROM expiry_wait"), 0);
}

static void told_with_a_doubt(void **state)
{
    (void)state;
    begin();
    range("one", 0, NULL, 10);
    head("one", 10, 45, 45);
    head("one", 1000, 0, 0);
    issue(1, "example.test", 80);
    assert_int_equal(look().raised, 0);
    sql("INSERT INTO log_incident (log, rule, since, alert) SELECT id, 'unreachable', now(), 1 FROM log "
        "WHERE "
        "name = 'one'");
    assert_int_equal(look().raised, 1);
    assert_int_equal(number("SELECT count(*) FROM alert WHERE findings->0->>'found' LIKE '%; what the log one"
                            " took in after 2%Z has not been read: a renewal may stand there'"),
                     1);
}

static int open_all(void **state)
{
    fixture_db_open(&fixture);
    fixture_logs(fixture.db.conn);
    (void)state;
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
        cmocka_unit_test(which_ones),        cmocka_unit_test(one_that_is_stuck),
        cmocka_unit_test(one_that_is_slow),  cmocka_unit_test(nothing_is_told_meanwhile),
        cmocka_unit_test(told_with_a_doubt),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
