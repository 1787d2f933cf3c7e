/* What becomes of many deliveries at once: handing on in every state, and nobody waits for another in a ring.
 */
#include "db/db_outbox_many.h"

#include "tests/fixture/storetest.h"

#include "base/thread.h"
#include "db/db_alert_ack.h"

static struct pgconn *open_new(char dsn[256])
{
    struct pgconn *conn = NULL;
    assert_true(pgtest_database(&storetest_server, dsn));
    assert_int_equal(pgconn_open(dsn, &conn, NULL), ERR_OK);
    return conn;
}

/* An alert that channel first was told of long ago, and what channel pager has of it. */
static void is_handed_on_from_every_state(void **state)
{
    static const struct {
        const char *alert, *kind;
        const char *pager; /* columns of its row; "": none */
        const char *after; /* state, new key?, handed?, tries, due? */
    } rows[] = {
        {"notified", "unexpected_ca", "", "pending new handed 0 due"},
        {"new", "unexpected_ca", "", "pending new handed 0 due"},
        {"acked", "unexpected_ca", "", ""},
        {"closed", "unexpected_ca", "", ""},
        {"notified", "test", "", ""},
        /* It waits for its turn, is under way, or failed before: the same message, but nothing filters it. */
        {"notified", "unexpected_ca", "'pending', 0, now(), NULL", "pending old handed 0 due"},
        {"new", "unexpected_ca", "'pending', 0, now() + interval '30 s', NULL", "pending old handed 0 later"},
        {"notified", "unexpected_ca", "'pending', 4, now() + interval '1 h', NULL",
         "pending old handed 4 later"},
        /* Held back by quiet hours: not any longer. */
        {"notified", "unexpected_ca",
         "'pending', 0, now() + interval '8 h', '11111111-1111-1111-1111-111111111111'",
         "pending old handed 0 due"},
        {"notified", "unexpected_ca", "'filtered', 0, now(), NULL", "pending new handed 0 due"},
        {"notified", "unexpected_ca", "'dead', 30, now(), NULL", "pending new handed 0 due"},
        {"notified", "unexpected_ca", "'withdrawn', 0, now(), NULL", "pending new handed 0 due"},
        {"notified", "unexpected_ca", "'sent', 1, now(), NULL", "sent old - 1 due"},
    };
    char dsn[256];
    struct pgconn *conn = open_new(dsn);
    (void)state;
    storetest_run(dsn, "INSERT INTO channel (name) VALUES ('first'), ('pager')");
    for (size_t i = 0; i < countof(rows); i++) {
        char sql[700];
        uint64_t count = 0;
        (void)snprintf(sql, sizeof sql,
                       "DELETE FROM alert; INSERT INTO alert (kind, severity, findings, first_seen, state)"
                       " VALUES ('%s', 'high', '[]', now(), '%s');"
                       "INSERT INTO outbox (alert, channel, state, sent_at, escalate_at)"
                       " SELECT id, 'first', 'sent', now(), now() FROM alert",
                       rows[i].kind, rows[i].alert);
        storetest_run(dsn, sql);
        (void)snprintf(sql, sizeof sql,
                       "INSERT INTO outbox (key, alert, channel, state, tries, next_try_at, held) SELECT"
                       " '11111111-1111-1111-1111-111111111111', id, 'pager', %s FROM alert",
                       rows[i].pager);
        if (rows[i].pager[0] != '\0')
            storetest_run(dsn, sql);
        assert_int_equal(db_outbox_many_escalate(conn, "first", "pager", &count, NULL), ERR_OK);
        storetest_text(
            dsn,
            "SELECT coalesce((SELECT concat_ws(' ', state, CASE WHEN key ="
            " '11111111-1111-1111-1111-111111111111' THEN 'old' ELSE 'new' END, CASE WHEN handed = key"
            " THEN 'handed' ELSE '-' END, tries, CASE WHEN next_try_at <= now() THEN 'due' ELSE 'later' END)"
            " FROM outbox WHERE channel = 'pager'), '')",
            rows[i].after);
        check_sql(dsn, "SELECT count(*) FROM outbox WHERE escalate_at IS NOT NULL", 0);
        assert_int_equal(db_outbox_many_escalate(conn, "first", "pager", &count, NULL), ERR_OK);
        assert_int_equal(count, 0);
    }
    pgconn_free(conn);
}

/* The place of hand-on is a folder of hooks: every program in it; while there is none, nothing is forgotten.
 */
static void a_folder_is_all_of_its_programs(void **state)
{
    char dsn[256];
    struct pgconn *conn = open_new(dsn);
    uint64_t count = 0;
    (void)state;
    storetest_run(dsn, "INSERT INTO channel (name, enabled) VALUES ('first', true), ('scripts/old', false), "
                       "('scriptsX', true);"
                       "INSERT INTO alert (kind, severity, findings, first_seen, state)"
                       " VALUES ('unexpected_ca', 'high', '[]', now(), 'notified');"
                       "INSERT INTO outbox (alert, channel, state, sent_at, escalate_at)"
                       " SELECT id, 'first', 'sent', now(), now() FROM alert");
    assert_int_equal(db_outbox_many_escalate(conn, "first", "scripts", &count, NULL), ERR_OK);
    assert_int_equal(count, 0);
    check_sql(dsn, "SELECT count(*) FROM outbox WHERE escalate_at IS NOT NULL", 1);
    storetest_run(dsn, "INSERT INTO channel (name) VALUES ('scripts/10-a'), ('scripts/20-b')");
    assert_int_equal(db_outbox_many_escalate(conn, "first", "scripts", &count, NULL), ERR_OK);
    assert_int_equal(count, 2);
    storetest_text(dsn, "SELECT string_agg(channel, ' ' ORDER BY channel) FROM outbox WHERE handed = key",
                   "scripts/10-a scripts/20-b");
    check_sql(dsn, "SELECT count(*) FROM outbox WHERE escalate_at IS NOT NULL", 0);
    pgconn_free(conn);
}

/* Claimed by the pager's courier before it was handed on, judged afterwards. */
static void the_judgement_of_before_does_not_count(void **state)
{
    char dsn[256];
    struct pgconn *conn = open_new(dsn);
    (void)state;
    storetest_run(dsn, "INSERT INTO channel (name) VALUES ('first'), ('pager')");
    for (int held = 0; held < 2; held++) {
        struct db_outbox_item item;
        size_t claimed = 0;
        uint64_t count = 0;
        storetest_run(dsn,
                      "DELETE FROM alert; INSERT INTO alert (kind, severity, findings, first_seen, state)"
                      " VALUES ('unexpected_ca', 'low', '[]', now(), 'notified');"
                      "INSERT INTO outbox (alert, channel) SELECT id, 'pager' FROM alert;"
                      "INSERT INTO outbox (alert, channel, state, sent_at, escalate_at)"
                      " SELECT id, 'first', 'sent', now(), now() FROM alert");
        assert_int_equal(db_outbox_claim(conn, "pager", 60000, &item, 1, &claimed, NULL), ERR_OK);
        assert_int_equal(claimed, 1);
        assert_int_equal(db_outbox_many_escalate(conn, "first", "pager", &count, NULL), ERR_OK);
        assert_int_equal(count, 1);
        if (held != 0)
            assert_int_equal(db_outbox_many_held(conn, &item, 1, "quiet", 3600000, NULL), ERR_OK);
        else
            assert_int_equal(db_outbox_many_filtered(conn, &item, 1, "below", NULL), ERR_OK);
        assert_int_equal(db_outbox_claim(conn, "pager", 60000, &item, 1, &claimed, NULL), ERR_OK);
        assert_int_equal(claimed, 1);
        assert_true(item.handed);
    }
    pgconn_free(conn);
}

/* Who can not be told at all is no reason for silence elsewhere. */
static void what_is_given_up_is_handed_on(void **state)
{
    char dsn[256];
    struct pgconn *conn = open_new(dsn);
    struct db_outbox_refusal refusal = {.error = "no", .tries_max = 2, .hand_on = true};
    (void)state;
    storetest_run(dsn, "INSERT INTO channel (name) VALUES ('first'), ('pager');"
                       "INSERT INTO alert (kind, severity, findings, first_seen)"
                       " VALUES ('unexpected_ca', 'low', '[]', now());"
                       "INSERT INTO outbox (alert, channel) SELECT id, 'first' FROM alert");
    for (uint64_t try = 0; try < 2; try++) {
        struct db_outbox_item item;
        size_t claimed = 0;
        uint64_t count = 0;
        assert_int_equal(db_outbox_claim(conn, "first", 60000, &item, 1, &claimed, NULL), ERR_OK);
        assert_int_equal(claimed, 1);
        assert_int_equal(db_outbox_many_failed(conn, &item, 1, &refusal, NULL), ERR_OK);
        assert_int_equal(db_outbox_many_escalate(conn, "first", "pager", &count, NULL), ERR_OK);
        assert_int_equal(count, try);
    }
    pgconn_free(conn);
}

/* Everybody who changes several deliveries, at once and over the same alerts. PostgreSQL counts the rings
 * that it had to cut. */
enum { CROWD = 6, ROUNDS = 60, ALERTS = 120 };

struct worker {
    const char *dsn;
    size_t number;
    struct thread thread;
    atomic_uint errors;
};

static void crowd(void *arg)
{
    struct worker *worker = arg;
    const char *own = worker->number % 2 == 0 ? "a" : "b";
    const char *other = worker->number % 2 == 0 ? "b" : "a";
    struct db_outbox_item items[64];
    struct pgconn *conn = NULL;
    const struct db_outbox_refusal refusal = {.error = "no", .tries_max = 1000};
    const struct db_outbox_terms terms = {.escalate_ms = 1};
    const struct db_alert_ack_filter all = {0};
    must(pgconn_open(worker->dsn, &conn, NULL) == ERR_OK);
    for (unsigned round = 0; round < ROUNDS; round++) {
        size_t count = 0;
        uint64_t changed = 0;
        enum err_code code = ERR_OK;
        if (worker->number >= 4)
            code = db_alert_ack_all(conn, &all, "x", &changed, NULL);
        else
            code = db_outbox_claim(conn, own, 1, items, countof(items), &count, NULL);
        unsigned what = (round + (unsigned)worker->number) % 5;
        if (code == ERR_OK && what == 0)
            code = db_outbox_many_failed(conn, items, count, &refusal, NULL);
        else if (code == ERR_OK && what == 1)
            code = db_outbox_many_held(conn, items, count, "x", 0, NULL);
        else if (code == ERR_OK && what == 2)
            code = db_outbox_many_released(conn, items, count, NULL);
        else if (code == ERR_OK && what == 3)
            code = db_outbox_many_sent(conn, items, count, &terms, NULL);
        if (code == ERR_OK && worker->number < 4)
            code = db_outbox_many_escalate(conn, own, other, &changed, NULL);
        worker->errors += code != ERR_OK;
        if (worker->number == 5)
            storetest_run(
                worker->dsn,
                "WITH m AS MATERIALIZED (SELECT id FROM alert ORDER BY id FOR NO KEY UPDATE),"
                " n AS (UPDATE alert AS a SET state = 'new' FROM m WHERE a.id = m.id)"
                " UPDATE outbox AS o SET state = 'pending', next_try_at = now(), escalate_at = now()"
                " FROM m WHERE o.alert = m.id");
    }
    pgconn_free(conn);
}

static void nobody_waits_in_a_ring(void **state)
{
    char dsn[256];
    struct pgconn *conn = open_new(dsn);
    struct worker workers[CROWD];
    unsigned errors = 0;
    (void)state;
    storetest_run(dsn, "INSERT INTO channel (name) VALUES ('a'), ('b')");
    for (int i = 0; i < ALERTS; i++)
        storetest_run(
            dsn,
            i % 2 == 0
                ? "WITH x AS (INSERT INTO alert (kind, severity, findings, first_seen)"
                  " VALUES ('unexpected_ca', 'low', '[]', now()) RETURNING id)"
                  " INSERT INTO outbox (alert, channel) SELECT id, c FROM x, (VALUES ('a'), ('b')) AS v(c)"
                : "WITH x AS (INSERT INTO alert (kind, severity, findings, first_seen)"
                  " VALUES ('unexpected_ca', 'low', '[]', now()) RETURNING id)"
                  " INSERT INTO outbox (alert, channel) SELECT id, c FROM x, (VALUES ('b'), ('a')) AS v(c)");
    for (size_t i = 0; i < CROWD; i++) {
        workers[i] = (struct worker){.dsn = dsn, .number = i};
        assert_true(thread_start(&workers[i].thread, "crowd", crowd, &workers[i]));
    }
    for (size_t i = 0; i < CROWD; i++) {
        thread_join(&workers[i].thread);
        errors += workers[i].errors;
    }
    assert_int_equal(errors, 0);
    pgconn_free(conn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_handed_on_from_every_state),
        cmocka_unit_test(a_folder_is_all_of_its_programs),
        cmocka_unit_test(the_judgement_of_before_does_not_count),
        cmocka_unit_test(what_is_given_up_is_handed_on),
        cmocka_unit_test(nobody_waits_in_a_ring),
    };
    return storetest_main(tests, countof(tests), "outbox_many");
}
