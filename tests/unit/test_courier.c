/* One courier, look by look, against a real database: incidents that have to be ended at the receiver. */
#include "watcher/courier.h"

#include "tests/fixture/storetest.h"

#include "base/say.h"
#include "db/db_outbox.h"
#include "watcher/deliver.h"

struct fake {
    struct channel channel;
    int sends;
    int overs;
    int64_t refused; /* the alert whose incident can not be ended; negative: none can */
};

static enum err_code fake_send(struct channel *channel, const struct channel_message *message,
                               struct err *why)
{
    (void)message;
    (void)why;
    ((struct fake *)channel)->sends++;
    return ERR_OK;
}

static enum err_code fake_over(struct channel *channel, const struct channel_message *message,
                               struct err *why)
{
    struct fake *fake = (struct fake *)channel;
    fake->overs++;
    if (fake->refused < 0 || fake->refused == message->row->id)
        return err_set(why, ERR_HTTP, "refused");
    return ERR_OK;
}

static void fake_free(struct channel *channel)
{
    (void)channel;
}

static const struct channel_ops ops = {.send = fake_send, .free = fake_free, .over = fake_over};

struct rig {
    char dsn[256];
    struct pgconn *conn;
    struct fake fake;
    atomic_bool stop;
    struct courier courier;
};

static void rig_up(struct rig *rig)
{
    static const int64_t backoff_ms[] = {3600000};
    *rig = (struct rig){.fake = {.channel = {.ops = &ops, .name = "pager", .send_ms_max = 1000}}};
    assert_true(pgtest_database(&storetest_server, rig->dsn));
    assert_int_equal(pgconn_open(rig->dsn, &rig->conn, NULL), ERR_OK);
    assert_int_equal(db_outbox_channel(rig->conn, "pager", NULL), ERR_OK);
    rig->courier = (struct courier){.conn = rig->conn,
                                    .channel = &rig->fake.channel,
                                    .backoff_ms = backoff_ms,
                                    .backoff_count = 1,
                                    .tries_max = 3,
                                    .stop = &rig->stop};
}

static void open_incidents(struct rig *rig, int count)
{
    char sql[400];
    (void)snprintf(
        sql, sizeof sql,
        "WITH a AS (INSERT INTO alert (kind, severity, findings, first_seen, state) SELECT"
        " 'unexpected_ca', 'high', '[]', now(), 'acked' FROM generate_series(1, %d) RETURNING id)"
        " INSERT INTO outbox (alert, channel, state, open_there) SELECT id, 'pager', 'sent', true FROM a",
        count);
    storetest_run(rig->dsn, sql);
}

static void look(struct rig *rig, int times)
{
    for (int i = 0; i < times; i++) {
        bool worked = false;
        struct err why = {0};
        if (courier_pass(&rig->courier, &worked, &why) != ERR_OK)
            assert_non_null(strstr(why.text, "no"));
    }
}

/* One that the receiver does not want ended keeps none of the others open. */
static void an_incident_that_can_not_be_ended(void **state)
{
    struct rig rig;
    (void)state;
    rig_up(&rig);
    open_incidents(&rig, 4);
    rig.fake.refused = 1;
    look(&rig, 8);
    assert_int_equal(rig.fake.overs, 4);
    storetest_text(rig.dsn, "SELECT string_agg(alert::text, ' ') FROM outbox WHERE open_there", "1");
    /* Not for ever. */
    for (int i = 0; i < 4; i++) {
        storetest_run(rig.dsn, "UPDATE outbox SET open_next = now()");
        rig.courier.pause_until_ms = 0;
        look(&rig, 2);
    }
    assert_int_equal(rig.fake.overs, 6);
    check_sql(rig.dsn, "SELECT count(*) FROM outbox WHERE open_there", 0);
    pgconn_free(rig.conn);
}

/* A receiver that is quick gets many at once however long the database takes: one by one it would take as
 * long for each. */
static void a_slow_database_does_not_make_it_one_by_one(void **state)
{
    struct rig rig;
    (void)state;
    rig_up(&rig);
    storetest_run(rig.dsn,
                  "WITH a AS (INSERT INTO alert (kind, severity, findings, first_seen) SELECT"
                  " 'unexpected_ca', 'high', '[]', now() FROM generate_series(1, 20) RETURNING id)"
                  " INSERT INTO outbox (alert, channel) SELECT id, 'pager' FROM a;"
                  "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$"
                  " BEGIN PERFORM pg_sleep(0.6); RETURN NULL; END $$;"
                  "CREATE TRIGGER slow AFTER UPDATE ON outbox FOR EACH STATEMENT EXECUTE FUNCTION slow()");
    look(&rig, 10);
    assert_int_equal(rig.fake.sends, 20);
    pgconn_free(rig.conn);
}

/* The receiver ended it, and the database does not take the note: it is not asked again at every look. */
static void the_database_takes_no_note(void **state)
{
    struct rig rig;
    (void)state;
    rig_up(&rig);
    open_incidents(&rig, 1);
    storetest_run(rig.dsn,
                  "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$;"
                  "CREATE TRIGGER no_note BEFORE UPDATE ON outbox FOR EACH ROW WHEN (NOT NEW.open_there)"
                  " EXECUTE FUNCTION refuse()");
    look(&rig, 5);
    assert_int_equal(rig.fake.overs, 1);
    storetest_run(rig.dsn, "DROP TRIGGER no_note ON outbox; UPDATE outbox SET open_next = now()");
    look(&rig, 2);
    assert_int_equal(rig.fake.overs, 2);
    check_sql(rig.dsn, "SELECT count(*) FROM outbox WHERE open_there", 0);
    pgconn_free(rig.conn);
}

/* A test rouses nobody for good: `alert test` ends what it opened, and a notifier does when that failed. */
static void a_test_leaves_no_incident(void **state)
{
    static const char raise_sql[] =
        "WITH a AS (INSERT INTO alert (kind, severity, findings, first_seen) VALUES ('test', 'info', '[]', "
        "now())"
        " RETURNING id) INSERT INTO outbox (alert, channel) SELECT id, 'pager' FROM a";
    struct rig rig;
    (void)state;
    rig_up(&rig);
    for (int64_t id = 1; id <= 2; id++) {
        enum deliver_outcome outcome = DELIVER_ELSEWHERE;
        struct err failure = {0};
        rig.fake.refused = id == 1 ? 0 : -1;
        storetest_run(rig.dsn, raise_sql);
        assert_int_equal(deliver_one(rig.conn, &rig.fake.channel, id, &outcome, &failure, NULL), ERR_OK);
        assert_int_equal(outcome, DELIVER_SENT);
        assert_int_equal(failure.code != ERR_OK, id == 2);
        assert_int_equal(rig.fake.overs, id);
        check_sql(rig.dsn, "SELECT count(*) FROM outbox WHERE open_there", id - 1);
        check_sql(rig.dsn, "SELECT count(*) FROM outbox WHERE state = 'sent'", id);
    }
    rig.fake.refused = 0;
    look(&rig, 2);
    check_sql(rig.dsn, "SELECT count(*) FROM outbox WHERE open_there", 0);
    /* One that the notifier itself delivers. */
    storetest_run(rig.dsn, raise_sql);
    look(&rig, 3);
    assert_int_equal(rig.fake.sends, 3);
    assert_int_equal(rig.fake.overs, 4);
    check_sql(rig.dsn, "SELECT count(*) FROM outbox WHERE open_there", 0);
    pgconn_free(rig.conn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_incident_that_can_not_be_ended),
        cmocka_unit_test(a_slow_database_does_not_make_it_one_by_one),
        cmocka_unit_test(the_database_takes_no_note),
        cmocka_unit_test(a_test_leaves_no_incident),
    };
    say_setup(SAY_ERROR, false);
    return storetest_main(tests, countof(tests), "courier");
}
