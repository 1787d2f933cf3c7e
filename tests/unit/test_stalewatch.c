/* An incident of a log from the first look to the last: one alert, closed, and a new one for the next. */
#include "tests/fixture_db.h"

#include "cli/stalewatch.h"
#include "db/pgexec.h"

static struct fixture_db fixture;

static void sql(const char *text)
{
    struct err why = {0};
    if (pgexec_script(fixture.db.conn, text, &why) != ERR_OK)
        fail_msg("%s: %s", why.text, text);
}

static int64_t number(const char *text)
{
    int64_t value = -1;
    struct err why = {0};
    if (pgexec_number(fixture.db.conn, text, &PGEXEC_NO_ARGS, &value, &why) != ERR_OK)
        fail_msg("%s: %s", why.text, text);
    return value;
}

static void look(void)
{
    struct err why = {0};
    if (stalewatch_look(fixture.db.conn, &why) != ERR_OK)
        fail_msg("%s", why.text);
}

/* Two logs that are well; `a` is the one things happen to. */
static void begin(void)
{
    sql("DELETE FROM log_incident; DELETE FROM outbox; DELETE FROM alert; DELETE FROM log_head; DELETE FROM "
        "log_range;"
        "DELETE FROM log_watch; DELETE FROM log; DELETE FROM channel; INSERT INTO channel (name) VALUES "
        "('stdout');"
        "INSERT INTO log (name, protocol, url, log_id, key, last_contact, added_at) SELECT n, 'rfc6962', n,"
        " sha256(n::bytea), 'k', now(), now() - interval '9 days' FROM unnest('{a,b}'::text[]) AS n;"
        "INSERT INTO log_range (log, range_begin, next, verified) SELECT id, 0, 9, 9 FROM log;"
        "INSERT INTO log_head (log, size, root, timestamp, raw) SELECT id, 9, sha256(''), now(), '' FROM log;"
        "INSERT INTO log_watch (since, at) VALUES (now() - interval '9 days', now())");
    look();
    assert_int_equal(number("SELECT count(*) FROM alert"), 0);
}

#define OF_A  " WHERE log = (SELECT id FROM log WHERE name = 'a')"
#define STALE "UPDATE log_head SET timestamp = now() - interval '25 hours'" OF_A
#define FRESH "UPDATE log_head SET timestamp = now()" OF_A

static void an_incident(void **state)
{
    (void)state;
    begin();
    sql(STALE);
    look();
    look();
    assert_int_equal(
        number("SELECT count(*) FROM alert WHERE kind = 'log_stale' AND state = 'new' AND severity ="
               " 'high' AND findings->0->>'rule' = 'head_age' AND log = (SELECT id FROM log WHERE name ="
               " 'a')"),
        1);
    assert_int_equal(number("SELECT count(*) FROM outbox WHERE state = 'pending'"), 1);
    /* It is told, then over: the alert is closed, nobody is told again. */
    sql("UPDATE outbox SET state = 'sent', sent_at = now(); UPDATE alert SET state = 'notified'");
    sql(FRESH);
    look();
    assert_int_equal(number("SELECT count(*) FROM alert WHERE state = 'closed' AND reason LIKE '%well again%'"
                            " AND history->0->>'state' = 'notified'"),
                     1);
    assert_int_equal(number("SELECT count(*) FROM log_incident"), 0);
    /* The next one is another alert, and over before anybody was told: nobody is. */
    sql(STALE);
    look();
    assert_int_equal(number("SELECT count(*) FROM alert WHERE state = 'new'"), 1);
    sql(FRESH);
    look();
    assert_int_equal(number("SELECT count(*) FROM alert WHERE state = 'closed'"), 2);
    assert_int_equal(number("SELECT count(*) FROM outbox WHERE state = 'withdrawn'"), 1);
    assert_int_equal(number("SELECT count(*) FROM outbox WHERE state = 'pending'"), 0);
}

static void silence(void **state)
{
    (void)state;
    begin();
    sql("UPDATE log SET last_error = 'no such host', last_contact = now() - interval '2 days' WHERE name = "
        "'a';"
        "UPDATE log_head SET seen_last = now() - interval '2 days'" OF_A);
    /* Nobody listened until a moment ago: then silence says nothing. */
    sql("UPDATE log_watch SET at = now() - interval '1 hour'");
    look();
    assert_int_equal(number("SELECT count(*) FROM alert"), 0);
    assert_int_equal(number("SELECT count(*) FROM log_watch WHERE since > now() - interval '1 minute'"), 1);
    sql("UPDATE log_watch SET since = now() - interval '2 days'");
    look();
    assert_int_equal(number("SELECT count(*) FROM alert WHERE findings->0->>'rule' = 'unreachable' AND"
                            " findings->0->>'found' LIKE '%no such host%'"),
                     1);
    /* The program is off and on again: the incident is the same one. */
    sql("UPDATE log_watch SET at = now() - interval '1 hour'");
    look();
    look();
    assert_int_equal(number("SELECT count(*) FROM alert WHERE state = 'new'"), 1);
    /* It retires: what it does is nobody's business any more. */
    sql("UPDATE log SET list_state = 'retired' WHERE name = 'a'");
    look();
    assert_int_equal(
        number("SELECT count(*) FROM alert WHERE state = 'closed' AND reason LIKE '%not expected%'"), 1);
    look();
    assert_int_equal(number("SELECT count(*) FROM alert"), 1);
}

static void those_that_end_do_not_page(void **state)
{
    static const char *const rows[] = {
        "list_state = 'retired'", "list_state = 'readonly'", "list_state = 'rejected'", "left_at = now()",
        "ended = 'complete'",     "followed = false",        "state = 'removed'",
    };
    char text[256];

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        begin();
        sql(STALE);
        (void)snprintf(text, sizeof text, "UPDATE log SET %s, last_error = 'x' WHERE name = 'a'", rows[i]);
        sql(text);
        look();
        if (number("SELECT count(*) FROM alert") != 0)
            fail_msg("%s", rows[i]);
    }
}

static void our_own_clock(void **state)
{
    (void)state;
    begin();
    sql("UPDATE log_head SET timestamp = now() - interval '25 hours'");
    look();
    look();
    assert_int_equal(number("SELECT count(*) FROM alert"), 1);
    assert_int_equal(
        number("SELECT count(*) FROM alert WHERE log IS NULL AND findings->0->>'rule' = 'clock_ahead'"), 1);
    sql("UPDATE log_head SET timestamp = now()");
    look();
    assert_int_equal(number("SELECT count(*) FROM alert WHERE state = 'closed'"), 1);
    look();
    assert_int_equal(number("SELECT count(*) FROM log_incident"), 0);
}

/* Entries of log `a` from `first` on, promised so many seconds ago; form 2 is what could not be read. */
static void take_in(int first, const char *ages, int form)
{
    char text[1024];
    (void)snprintf(
        text, sizeof text,
        "INSERT INTO log_tile SELECT (SELECT id FROM log WHERE name = 'a'), %d / 256, %d, %d + count(*) -"
        " 1, '{}', '{}', string_agg(substring(int8send((extract(epoch FROM now() - a * interval '1 s') *"
        " 1000)::int8) FROM 3) || '\\x%02x0000', '' ORDER BY o) FROM unnest('{%s}'::int[]) WITH ORDINALITY AS"
        " u (a, o)",
        first, first, first, form, ages);
    sql(text);
}

static void head_of(int size, int age)
{
    char text[512];
    (void)snprintf(
        text, sizeof text,
        "INSERT INTO log_head (log, size, root, timestamp, raw) SELECT id, %d, sha256(''), now() - %d *"
        " interval '1 s', '' FROM log WHERE name = 'a'; UPDATE log_range SET next = %d, verified = %d" OF_A,
        size, age, size, size);
    sql(text);
}

static void late_entries(void **state)
{
    (void)state;
    begin();
    sql("DELETE FROM log_tile");
    head_of(256, 50);
    look(); /* what came before is not known */
    take_in(256, "60,86450,40", 0);
    head_of(259, 40);
    look();
    /* 60 s: promised 10 s before the head of 256 was signed; that is no delay worth a word. */
    assert_int_equal(number("SELECT mmd_exceeded FROM log WHERE name = 'a'"), 0);
    assert_in_range(number("SELECT merge_delay_s FROM log WHERE name = 'a'"), 86396, 86400);
    take_in(512, "86460,7,90000,6", 0);
    head_of(512, 30);
    look();
    head_of(516, 20);
    look();
    assert_int_equal(number("SELECT mmd_exceeded FROM log WHERE name = 'a'"), 2);
    assert_in_range(number("SELECT merge_delay_s FROM log WHERE name = 'a'"), 89966, 89970);
    assert_int_equal(number("SELECT count(*) FROM alert WHERE findings->0->>'rule' = 'merge_delay'"), 1);
    /* The next ones are counted, and told no more; an unreadable one has no time. */
    take_in(768, "86460,99999", 0);
    take_in(1024, "900000", 2);
    head_of(768, 10);
    look();
    head_of(1025, 5);
    look();
    assert_int_equal(number("SELECT mmd_exceeded FROM log WHERE name = 'a'"), 4);
    assert_int_equal(number("SELECT count(*) FROM alert"), 1);
    /* Joined in the middle: nothing is known of what lies in front. */
    sql("UPDATE log_range SET range_begin = 1025" OF_A);
    take_in(1280, "900000", 0);
    sql("UPDATE log SET merge_size = 1000 WHERE name = 'a'");
    head_of(1281, 1);
    look();
    assert_int_equal(number("SELECT mmd_exceeded FROM log WHERE name = 'a'"), 4);
    sql("DELETE FROM log_tile");
}

/* Another process is at it. */
static void one_at_a_time(void **state)
{
    struct pgconn *other = NULL;
    struct err why = {0};

    (void)state;
    begin();
    sql(STALE);
    assert_int_equal(pgconn_open(fixture.db.dsn, &other, &why), ERR_OK);
    assert_int_equal(pgexec_script(other, "BEGIN; SELECT pg_advisory_xact_lock(1668707443, 1)", &why),
                     ERR_OK);
    look();
    assert_int_equal(number("SELECT count(*) FROM alert"), 0);
    pgconn_free(other);
    for (int i = 0; i < 3000 && number("SELECT count(*) FROM alert") == 0; i++) {
        (void)usleep(20000);
        look();
    }
    assert_int_equal(number("SELECT count(*) FROM alert"), 1);
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
        cmocka_unit_test(an_incident),
        cmocka_unit_test(silence),
        cmocka_unit_test(those_that_end_do_not_page),
        cmocka_unit_test(our_own_clock),
        cmocka_unit_test(one_at_a_time),
        cmocka_unit_test(late_entries),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
