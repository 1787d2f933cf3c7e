/* Deliveries that were given up stay told until somebody saw to them. */
#include "db/db_letter.h"

#include "tests/fixture/lockorder.h"

#include "db/db_alert.h"
#include "db/db_channel.h"
#include "db/db_channel_state.h"

#define LETTERS                                                                                              \
    "SELECT string_agg(state || ' ' || reason, ',' ORDER BY id) FROM alert WHERE kind = 'channel_failing'"

static struct pgconn *begin(char dsn[256])
{
    struct pgconn *conn = NULL;
    assert_true(pgtest_database(&storetest_server, dsn));
    assert_int_equal(pgconn_open(dsn, &conn, NULL), ERR_OK);
    assert_int_equal(db_outbox_channel(conn, "bad", NULL), ERR_OK);
    assert_int_equal(db_outbox_channel(conn, "good", NULL), ERR_OK);
    return conn;
}

/* Alerts whose delivery to channel bad fails once; true: an alert was raised about that. */
static bool fail_some(struct pgconn *conn, const char *dsn, int32_t tries_max)
{
    const struct db_outbox_refusal refusal = {
        .error = "refused", .retry_ms = 3600000, .tries_max = tries_max};
    struct db_outbox_item items[8];
    size_t count = 0;
    bool raised = false;
    storetest_run(
        dsn, "WITH a AS (INSERT INTO alert (kind, severity, findings, first_seen) SELECT 'unexpected_ca',"
             " 'high', '[]', now() FROM generate_series(1, 2) RETURNING id)"
             " INSERT INTO outbox (alert, channel) SELECT id, 'bad' FROM a");
    assert_int_equal(db_outbox_claim(conn, "bad", 10000, items, countof(items), &count, NULL), ERR_OK);
    assert_true(count >= 2);
    assert_int_equal(db_letter_failed(conn, items, count, &refusal, &raised, NULL), ERR_OK);
    return raised;
}

static void the_receiver_that_works_again_ends_nothing(void **state)
{
    char dsn[256];
    struct pgconn *conn = begin(dsn);
    uint64_t closed = 0;
    uint64_t count = 0;
    bool over = false;
    bool raised = false;
    (void)state;
    assert_false(fail_some(conn, dsn, 2));
    check_sql(dsn, "SELECT count(*) FROM outbox WHERE state = 'pending' AND tries = 1", 2);
    assert_true(fail_some(conn, dsn, 1));
    assert_false(fail_some(conn, dsn, 1)); /* one alert says it of all */
    check_sql(dsn, "SELECT count(*) FROM outbox WHERE channel = 'bad' AND state = 'dead'", 4);
    storetest_text(dsn,
                   "SELECT string_agg(o.channel || ' ' || o.state, ',') FROM outbox AS o JOIN alert AS a"
                   " ON a.id = o.alert WHERE a.kind = 'channel_failing' AND o.state = 'pending'",
                   "good pending");
    assert_int_equal(db_channel_state_failed(conn, "bad", "refused", &raised, NULL), ERR_OK);
    assert_int_equal(db_channel_state_worked(conn, "bad", &over, NULL), ERR_OK);
    assert_int_equal(db_letter_settle(conn, "bad", &closed, NULL), ERR_OK);
    assert_int_equal(closed, 0);
    storetest_text(dsn, LETTERS, "new ");
    /* Half of them answered is not all. */
    storetest_run(
        dsn, "UPDATE alert SET state = 'acked' WHERE id IN (SELECT alert FROM outbox WHERE state = 'dead'"
             " ORDER BY alert LIMIT 3)");
    assert_int_equal(db_letter_settle(conn, "bad", &closed, NULL), ERR_OK);
    assert_int_equal(closed, 0);
    assert_int_equal(db_letter_settle(conn, "good", &closed, NULL), ERR_OK);
    assert_int_equal(closed, 0);
    assert_int_equal(db_outbox_retry(conn, 0, &count, NULL), ERR_OK);
    assert_int_equal(count, 4);
    assert_int_equal(db_letter_settle(conn, "bad", &closed, NULL), ERR_OK);
    assert_int_equal(closed, 1);
    storetest_text(dsn, LETTERS, "closed what was given up there is being sent again or was acknowledged");
    check_sql(dsn, "SELECT count(*) FROM outbox WHERE channel = 'good' AND state = 'withdrawn'", 1);
    assert_true(fail_some(conn, dsn, 1)); /* another time */
    pgconn_free(conn);
}

static void answered_is_over_and_what_comes_then_is_new(void **state)
{
    char dsn[256];
    struct pgconn *conn = begin(dsn);
    uint64_t closed = 0;
    (void)state;
    assert_true(fail_some(conn, dsn, 1));
    int64_t id = pgtest_count(dsn, "SELECT letters FROM channel WHERE name = 'bad'");
    assert_int_equal(db_alert_ack(conn, id, "seen", NULL), ERR_OK);
    assert_true(fail_some(conn, dsn, 1));
    storetest_run(dsn, "UPDATE alert SET state = 'acked' WHERE kind = 'unexpected_ca'");
    assert_int_equal(db_letter_settle(conn, NULL, &closed, NULL), ERR_OK);
    assert_int_equal(closed, 1);
    storetest_text(dsn, LETTERS,
                   "acked seen,closed what was given up there is being sent again or was acknowledged");
    pgconn_free(conn);
}

/* What was given up at a channel that nobody serves any more goes to those that are served. */
static void a_channel_that_is_gone(void **state)
{
    char dsn[256];
    struct pgconn *conn = begin(dsn);
    uint64_t count = 0;
    (void)state;
    assert_true(fail_some(conn, dsn, 1));
    storetest_run(dsn, "UPDATE channel SET heard_at = now() - interval '8 days' WHERE name = 'bad'");
    assert_int_equal(db_channel_retire(conn, &count, NULL), ERR_OK);
    storetest_text(dsn, LETTERS, "closed what was given up there is being sent again or was acknowledged");
    assert_int_equal(db_outbox_adopt(conn, &count, NULL), ERR_OK);
    assert_int_equal(count, 2);
    check_sql(dsn, "SELECT count(*) FROM outbox WHERE channel = 'good' AND state = 'pending'", 2);
    pgconn_free(conn);
}

/* The others were to tell of it, and do not want it: the channel itself tells, when it works again. */
static void nobody_else_wants_it(void **state)
{
    char dsn[256];
    struct pgconn *conn = begin(dsn);
    uint64_t count = 0;
    (void)state;
    assert_true(fail_some(conn, dsn, 1));
    check_sql(dsn, "SELECT count(*) FROM outbox WHERE channel = 'bad' AND state = 'withdrawn'", 1);
    storetest_run(dsn, "CREATE TABLE before AS SELECT id, key FROM outbox");
    assert_int_equal(db_outbox_adopt(conn, &count, NULL), ERR_OK);
    assert_int_equal(count, 0); /* the other one may take it yet */
    storetest_run(dsn, "UPDATE outbox SET state = 'filtered' WHERE channel = 'good'");
    assert_int_equal(db_outbox_adopt(conn, &count, NULL), ERR_OK);
    assert_int_equal(count, 1);
    storetest_text(
        dsn,
        "SELECT o.channel || ' ' || o.state || ' ' || (o.key <> b.key) FROM outbox AS o JOIN before"
        " AS b USING (id) JOIN channel AS c ON c.letters = o.alert AND c.name = o.channel",
        "bad pending true");
    assert_int_equal(db_outbox_adopt(conn, &count, NULL), ERR_OK);
    assert_int_equal(count, 0);
    pgconn_free(conn);
}

/* Nothing is dead without being told of: both happen, or neither. */
static void in_one_transaction(void **state)
{
    char dsn[256];
    struct pgconn *conn = begin(dsn);
    const struct db_outbox_refusal refusal = {.error = "refused", .tries_max = 1};
    struct db_outbox_item item;
    size_t count = 0;
    bool raised = true;
    struct err why = {0};
    (void)state;
    storetest_run(
        dsn, "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$;"
             "INSERT INTO alert (kind, severity, findings, first_seen) VALUES ('unexpected_ca', 'high', '[]',"
             " now()); INSERT INTO outbox (alert, channel) SELECT id, 'bad' FROM alert;"
             "CREATE TRIGGER no_alert BEFORE INSERT ON alert FOR EACH ROW EXECUTE FUNCTION refuse()");
    assert_int_equal(db_outbox_claim(conn, "bad", 10000, &item, 1, &count, NULL), ERR_OK);
    assert_int_not_equal(db_letter_failed(conn, &item, 1, &refusal, &raised, &why), ERR_OK);
    assert_false(raised);
    check_sql(dsn, "SELECT count(*) FROM outbox WHERE state = 'pending' AND tries = 0", 1);
    storetest_run(dsn, "DROP TRIGGER no_alert ON alert");
    assert_int_equal(db_letter_failed(conn, &item, 1, &refusal, &raised, &why), ERR_OK);
    assert_true(raised);
    pgconn_free(conn);
}

static enum err_code settle_both(struct pgconn *conn, struct err *why)
{
    uint64_t closed = 0;
    enum err_code code = db_letter_settle(conn, NULL, &closed, why);
    return code == ERR_OK && closed != 2 ? ERR_USAGE : code;
}

static void one_after_the_other(void **state)
{
    char dsn[256];
    struct pgconn *conn = begin(dsn);
    (void)state;
    pgconn_free(conn);
    storetest_run(dsn, "INSERT INTO alert (id, kind, severity, findings, first_seen) OVERRIDING SYSTEM VALUE"
                       " SELECT i, 'channel_failing', 'high', '[]', now() FROM unnest(ARRAY[20, 10]) AS i;"
                       "UPDATE channel SET letters = CASE name WHEN 'bad' THEN 20 ELSE 10 END");
    lockorder_check(dsn, settle_both);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_after_the_other),
        cmocka_unit_test(the_receiver_that_works_again_ends_nothing),
        cmocka_unit_test(answered_is_over_and_what_comes_then_is_new),
        cmocka_unit_test(a_channel_that_is_gone),
        cmocka_unit_test(nobody_else_wants_it),
        cmocka_unit_test(in_one_transaction),
    };
    return storetest_main(tests, countof(tests), "letter");
}
