/* CT logs as registered: added, taken up again, their state for people. */
#include "tests/fixture_db.h"

#include "db/db_log.h"
#include "db/pgexec.h"

static struct fixture_db fixture;

static void sql(const char *text)
{
    struct err why = {0};
    if (pgexec_script(fixture.db.conn, text, &why) != ERR_OK)
        fail_msg("%s", why.text);
}

static struct ctlog make(const char *name, uint8_t key)
{
    struct ctlog log = {.protocol = CTLOG_STATIC_CT, .key_len = 3};
    (void)snprintf(log.name, sizeof log.name, "%s", name);
    (void)snprintf(log.url, sizeof log.url, "https://mon.example/%s", name);
    (void)snprintf(log.submission_url, sizeof log.submission_url, "https://sub.example/%s", name);
    (void)snprintf(log.origin, sizeof log.origin, "sub.example/%s", name);
    memset(log.log_id, key, sizeof log.log_id);
    memset(log.key, key, 3);
    return log;
}

static void add_load_remove(void **state)
{
    (void)state;
    struct pgconn *conn = fixture.db.conn;
    struct ctlog first = make("first", 1);
    struct ctlog second = make("second", 2);
    struct ctlog again = make("first", 1);
    struct ctlog other = make("first", 9);
    struct err why = {0};
    struct ctlog *logs;
    size_t count;
    assert_int_equal(db_log_add(conn, &first, "0", 0, &why), ERR_OK);
    assert_int_equal(db_log_add(conn, &second, "now", 1000, &why), ERR_OK);
    assert_true(first.id >= 1 && second.id > first.id);
    assert_int_equal(db_log_add(conn, &again, "0", 0, &why), ERR_EXISTS);
    assert_int_equal(db_log_load(conn, &logs, &count, NULL), ERR_OK);
    assert_int_equal(count, 2);
    assert_memory_equal(&logs[0], &first, sizeof first);
    assert_memory_equal(&logs[1], &second, sizeof second);
    free(logs);
    assert_int_equal(db_log_remove(conn, "nowhere", NULL), ERR_NOT_FOUND);
    assert_int_equal(db_log_remove(conn, "first", NULL), ERR_OK);
    assert_int_equal(db_log_remove(conn, "first", NULL), ERR_NOT_FOUND);
    assert_int_equal(db_log_load(conn, &logs, &count, NULL), ERR_OK);
    assert_int_equal(count, 1);
    free(logs);
    /* Another log of a removed one's name is refused; the same one goes on where it stopped. */
    sql("UPDATE log_range SET next = 77 WHERE range_begin = 0");
    assert_int_equal(db_log_add(conn, &other, "0", 0, NULL), ERR_EXISTS);
    assert_int_equal(db_log_add(conn, &again, "0", 0, NULL), ERR_OK);
    assert_int_equal(again.id, first.id);
    uint64_t next = 0;
    assert_int_equal(db_log_next(conn, &again, &next, NULL), ERR_OK);
    assert_int_equal(next, 77);
    struct db_log_status *rows;
    assert_int_equal(db_log_status(conn, &rows, &count, NULL), ERR_OK);
    assert_int_equal(count, 2);
    assert_string_equal(rows[0].name, "first");
    assert_int_equal(rows[0].range_count, 1);
    assert_int_equal(rows[0].position, 77);
    free(rows);
    sql("DELETE FROM log_range; DELETE FROM log");
}

/* Removing a log and adding it again does not make it a good one. */
static void evidence_outlives_removal(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        const char *evidence; /* kind, range_end */
        const char *verified; /* size of a verified head; NULL: none */
        const char *state;
    } rows[] = {
        {"nothing against it", NULL, NULL, "active"},
        {"a fork", "'fork', 50", "90", "inconsistent"},
        {"a root that did not fit", "'root_mismatch', 50", NULL, "inconsistent"},
        {"and a smaller one that did", "'root_mismatch', 50", "49", "inconsistent"},
        {"a later root fitted", "'root_mismatch', 50", "50", "active"},
    };
    struct pgconn *conn = fixture.db.conn;
    for (size_t i = 0; i < countof(rows); i++) {
        struct ctlog log = make("log", 1);
        struct db_log_status *status;
        size_t count;
        char text[320];
        assert_int_equal(db_log_add(conn, &log, "0", 0, NULL), ERR_OK);
        if (rows[i].evidence != NULL) {
            (void)snprintf(text, sizeof text,
                           "INSERT INTO evidence (log, range_begin, sentence, account, kind, range_end)"
                           " VALUES (%d, 10, 'x', '{}', %s); UPDATE log SET state = 'inconsistent'",
                           log.id, rows[i].evidence);
            sql(text);
        }
        if (rows[i].verified != NULL) {
            (void)snprintf(text, sizeof text,
                           "INSERT INTO log_head (log, size, root, timestamp, raw, verified)"
                           " VALUES (%d, %s, sha256(''), now(), '', true);"
                           "UPDATE log_range SET next = %s, verified = %s",
                           log.id, rows[i].verified, rows[i].verified, rows[i].verified);
            sql(text);
        }
        assert_int_equal(db_log_remove(conn, "log", NULL), ERR_OK);
        assert_int_equal(db_log_add(conn, &log, "0", 0, NULL), ERR_OK);
        assert_int_equal(db_log_status(conn, &status, &count, NULL), ERR_OK);
        if (count != 1 || strcmp(status[0].state, rows[i].state) != 0)
            fail_msg("%s: %s", rows[i].what, status[0].state);
        free(status);
        sql("DELETE FROM evidence; DELETE FROM log_head; DELETE FROM log_range; DELETE FROM log");
    }
}

static void frontier_of_the_beginning_is_known(void **state)
{
    (void)state;
    struct ctlog early = make("early", 1);
    struct ctlog late = make("late", 2);
    assert_int_equal(db_log_add(fixture.db.conn, &early, "0", 0, NULL), ERR_OK);
    assert_int_equal(db_log_add(fixture.db.conn, &late, "500", 500, NULL), ERR_OK);
    sql("DO $$ BEGIN ASSERT (SELECT frontier = '\\x0000000000000000' AND verified_frontier = frontier"
        " FROM log_range JOIN log ON log.id = log WHERE name = 'early');"
        " ASSERT (SELECT frontier IS NULL AND next = 500 AND verified = 500 AND range_end IS NULL"
        " FROM log_range JOIN log ON log.id = log WHERE name = 'late'); END $$");
    assert_int_equal(db_log_add(fixture.db.conn, &late, "x", UINT64_MAX, NULL), ERR_USAGE);
    sql("DELETE FROM log_range; DELETE FROM log");
}

static void status_tells_position_and_backlog(void **state)
{
    (void)state;
    static const struct {
        const char *ranges; /* begin, end, next, verified */
        const char *heads;
        uint64_t position, verified, backlog, entries;
    } rows[] = {
        {"(0, NULL, 10, 8)", "(20)", 10, 8, 10, 10},
        {"(0, NULL, 0, 0)", "", 0, 0, 0, 0},
        {"(100, NULL, 150, 100)", "(160)", 150, 0, 10, 50},
        {"(100, NULL, 150, 140)", "(140)", 150, 140, 0, 50},
        {"(0, 50, 30, 20), (50, NULL, 70, 50)", "(70)", 30, 20, 20, 50},
        {"(0, 50, 30, 20), (50, NULL, 70, 70)", "(75)", 30, 20, 25, 50}, /* the head is no use to the whole */
        {"(0, 50, 50, 50), (50, 80, 60, 60), (80, NULL, 90, 90)", "(90)", 60, 60, 20, 70},
        {"(0, 50, 30, 20), (50, NULL, 70, 50)", "(40)", 30, 20, 10, 50},
        {"(0, 50, 50, 50), (50, NULL, 70, 70)", "(60), (70)", 70, 70, 0, 70},
        {"(0, 50, 50, 50), (60, NULL, 70, 60)", "(70)", 50, 50, 10, 60},
    };
    for (size_t i = 0; i < countof(rows); i++) {
        struct ctlog log = make("log", 1);
        struct db_log_status *status;
        size_t count;
        char text[512];
        assert_int_equal(db_log_add(fixture.db.conn, &log, "0", 0, NULL), ERR_OK);
        (void)snprintf(
            text, sizeof text,
            "DELETE FROM log_range; INSERT INTO log_range (log, range_begin, range_end, next, verified)"
            " SELECT %d, a, b::int8, c, d FROM (VALUES %s) AS v (a, b, c, d)",
            log.id, rows[i].ranges);
        sql(text);
        if (rows[i].heads[0] != '\0') {
            (void)snprintf(
                text, sizeof text,
                "INSERT INTO log_head (log, size, root, timestamp, raw) SELECT %d, s, sha256(''),"
                " '2025-06-01 00:00:00+00'::timestamptz + s * interval '1 s', '' FROM (VALUES %s) AS v (s)",
                log.id, rows[i].heads);
            sql(text);
        }
        assert_int_equal(db_log_status(fixture.db.conn, &status, &count, NULL), ERR_OK);
        assert_int_equal(count, 1);
        assert_int_equal(status->position, rows[i].position);
        assert_int_equal(status->verified_size, rows[i].verified);
        assert_int_equal(status->backlog, rows[i].backlog);
        assert_int_equal(status->entries, rows[i].entries);
        assert_int_equal(status->malformed, 0);
        assert_string_equal(status->protocol, "static-ct");
        assert_string_equal(status->state, "active");
        if (rows[i].heads[0] != '\0')
            assert_int_equal(status->head_time_ms,
                             INT64_C(1748736000000) + (int64_t)status->head_size * 1000);
        assert_true(status->ranges[status->range_count - 1].end == UINT64_MAX);
        free(status);
        sql("DELETE FROM log_head; DELETE FROM log_range; DELETE FROM log");
    }
}

/* A head counts for what is due once it has been known for a while. */
static void what_is_due(void **state)
{
    static const struct {
        const char *heads; /* size, seconds ago */
        uint64_t due, overdue, backlog;
    } rows[] = {
        {"(60, 0), (70, 200)", 0, 0, 40},
        {"(60, 0), (50, 400), (40, 5000)", 50, 20, 30},
        {"(60, 400), (50, 0)", 60, 30, 30},
        {"(20, 400), (90, 100)", 20, 0, 60},
    };
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct ctlog log = make("log", 1);
        struct db_log_status *status;
        size_t count;
        char text[512];
        assert_int_equal(db_log_add(fixture.db.conn, &log, "0", 0, NULL), ERR_OK);
        (void)snprintf(
            text, sizeof text,
            "UPDATE log_range SET next = 30, verified = 20; INSERT INTO log_head (log, size, root,"
            " timestamp, raw, seen_at) SELECT %d, s, sha256(''), now(), '', now() - a * interval '1 s'"
            " FROM (VALUES %s) AS v (s, a)",
            log.id, rows[i].heads);
        sql(text);
        assert_int_equal(db_log_status(fixture.db.conn, &status, &count, NULL), ERR_OK);
        assert_int_equal(status->due_size, rows[i].due);
        assert_int_equal(status->overdue, rows[i].overdue);
        assert_int_equal(status->backlog, rows[i].backlog);
        free(status);
        sql("DELETE FROM log_head; DELETE FROM log_range; DELETE FROM log");
    }
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
        cmocka_unit_test(add_load_remove),
        cmocka_unit_test(evidence_outlives_removal),
        cmocka_unit_test(frontier_of_the_beginning_is_known),
        cmocka_unit_test(status_tells_position_and_backlog),
        cmocka_unit_test(what_is_due),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
