/* What a list may change, and what it may not. */
#include "tests/fixture_db.h"

#include "base/clock.h"
#include "db/db_log.h"
#include "db/db_loglist.h"
#include "db/pgexec.h"

static struct fixture_db fixture;

static void sql(const char *text)
{
    struct err why = {0};
    if (pgexec_script(fixture.db.conn, text, &why) != ERR_OK)
        fail_msg("%s", why.text);
}

static int64_t number(const char *text)
{
    struct err why = {0};
    PGresult *res = NULL;
    if (pgexec_run(fixture.db.conn, text, &PGEXEC_NO_ARGS, &res, &why) != ERR_OK)
        fail_msg("%s", why.text);
    int64_t value = PQntuples(res) == 0 ? -1 : pgexec_get_int(res, 0, 0);
    PQclear(res);
    return value;
}

static int clean(void **state)
{
    (void)state;
    sql("DELETE FROM outbox; DELETE FROM alert; DELETE FROM log_pace; DELETE FROM log_head; DELETE FROM "
        "log_range;"
        " DELETE FROM log; DELETE FROM log_list; DELETE FROM log_operator; DELETE FROM channel");
    return 0;
}

static struct listed make(const char *name, uint8_t key, enum listed_state state)
{
    struct listed log = {.has_id = true, .state = state, .mmd_s = 60};
    log.log.key_len = 3;
    log.log.protocol = CTLOG_STATIC_CT;
    (void)snprintf(log.log.name, sizeof log.log.name, "%s", name);
    (void)snprintf(log.log.url, sizeof log.log.url, "https://mon.op.net/%s", name);
    (void)snprintf(log.log.submission_url, sizeof log.log.submission_url, "https://log.op.net/%s", name);
    (void)snprintf(log.log.origin, sizeof log.log.origin, "log.op.net/%s", name);
    (void)snprintf(log.operator_name, sizeof log.operator_name, "The Operator");
    memset(log.log.log_id, key, sizeof log.log.log_id);
    memset(log.log.key, key, 3);
    return log;
}

static struct db_loglist_change apply(const struct listed *logs, size_t count, bool all_logs, bool pending)
{
    struct db_loglist_change change;
    struct err why = {0};
    struct db_loglist_news news = {.source = "https://list/",
                                   .version = "1.0",
                                   .made_ms = 1000,
                                   .etag = "\"x\"",
                                   .bytes = SPAN_LIT("{}"),
                                   .next_ms = clock_wall_ms(),
                                   .all_logs = all_logs,
                                   .follow_pending = pending,
                                   .from = "now"};
    if (db_loglist_apply(fixture.db.conn, &news, logs, count, &change, &why) != ERR_OK)
        fail_msg("%s", why.text);
    return change;
}

/* "name list_state followed unfollowed from_spec" of a log, by its name. */
static void log_is(const char *name, const char *expected)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    struct err why = {0};
    PGresult *res = NULL;
    pgexec_text(&args, name);
    if (pgexec_run(fixture.db.conn,
                   "SELECT concat_ws(' ', list_state, followed, unfollowed, from_spec, left_at IS NOT NULL)"
                   " FROM log WHERE name = $1",
                   &args, &res, &why) != ERR_OK)
        fail_msg("%s", why.text);
    if (PQntuples(res) != 1)
        fail_msg("%s: %d rows", name, PQntuples(res));
    assert_string_equal(pgexec_get_text(res, 0, 0), expected);
    PQclear(res);
}

static void states_decide(void **state)
{
    struct listed logs[] = {
        make("pending", 1, LISTED_PENDING), make("qualified", 2, LISTED_QUALIFIED),
        make("usable", 3, LISTED_USABLE),   make("readonly", 4, LISTED_READONLY),
        make("retired", 5, LISTED_RETIRED), make("rejected", 6, LISTED_REJECTED),
        make("stateless", 7, LISTED_NONE),  make("bogus", 8, LISTED_RETIRED),
        make("refused", 9, LISTED_USABLE),  make("final", 10, LISTED_READONLY),
    };
    (void)state;
    logs[7].bogus = true;
    (void)snprintf(logs[8].refused, sizeof logs[8].refused, "bad");
    logs[9].has_final = true;
    logs[9].final_size = 77;
    logs[9].has_interval = true;
    logs[9].end_ms = 5000;
    struct db_loglist_change change = apply(logs, countof(logs), false, false);
    assert_int_equal(change.added, 7);
    assert_int_equal(change.followed, 6);
    log_is("pending", "pending f pending 0 f");
    log_is("qualified", "qualified t  now f");
    log_is("usable", "usable t  now f");
    log_is("readonly", "readonly t  now f");
    log_is("retired", "retired t  now f");
    log_is("stateless", " t  now f");
    assert_int_equal(number("SELECT final_size FROM log WHERE name = 'final'"), 77);
    assert_int_equal(number("SELECT extract(epoch FROM interval_end)::int8 FROM log WHERE name = 'final'"),
                     5);
    assert_int_equal(number("SELECT mmd_s FROM log WHERE name = 'usable'"), 60);
    change = apply(logs, countof(logs), false, false);
    assert_int_equal(change.added + change.changed + change.left, 0);
    /* Followed only when the option says so; then, and when it becomes usable, from its first entry. */
    change = apply(logs, countof(logs), false, true);
    assert_int_equal(change.followed, 7);
    log_is("pending", "pending t  0 f");
    logs[0].state = LISTED_USABLE;
    change = apply(logs, countof(logs), false, false);
    assert_int_equal(change.changed, 1);
    log_is("pending", "usable t  0 f");
}

static void of_all_logs_only_those_in_a_programme(void **state)
{
    struct listed logs[] = {make("usable", 1, LISTED_USABLE), make("stateless", 2, LISTED_NONE),
                            make("test", 3, LISTED_USABLE)};
    (void)state;
    logs[2].test = true;
    assert_int_equal(apply(logs, countof(logs), true, true).added, 1);
    log_is("usable", "usable t  now f");
}

/* A new shard is read from its beginning; one that moved keeps what it is. */
static void later_lists(void **state)
{
    struct listed logs[] = {make("old", 1, LISTED_USABLE), make("new", 2, LISTED_QUALIFIED)};
    struct ctlog *rows;
    struct db_loglist_from *from;
    struct err why = {0};
    size_t count;
    (void)state;
    (void)apply(logs, 1, false, false);
    int64_t id = number("SELECT id FROM log");
    logs[0].log.protocol = CTLOG_RFC6962;
    (void)snprintf(logs[0].log.url, sizeof logs[0].log.url, "https://elsewhere.net/old");
    (void)snprintf(logs[0].log.name, sizeof logs[0].log.name, "renamed");
    struct db_loglist_change change = apply(logs, 2, false, false);
    assert_int_equal(change.changed, 1);
    assert_int_equal(change.added, 1);
    log_is("old", "usable t  now f");
    log_is("new", "qualified t  0 f");
    assert_int_equal(number("SELECT id FROM log WHERE name = 'old' AND url LIKE '%elsewhere%'"), id);
    /* Nothing is read before it is known where it begins. */
    assert_int_equal(db_log_load(fixture.db.conn, &rows, &count, NULL), ERR_OK);
    assert_int_equal(count, 0);
    free(rows);
    assert_int_equal(db_loglist_unstarted(fixture.db.conn, &rows, &from, &count, &why), ERR_OK);
    assert_int_equal(count, 2);
    assert_string_equal(rows[0].name, "old");
    assert_string_equal(from[0].spec, "now");
    assert_string_equal(from[1].spec, "0");
    assert_int_equal(db_loglist_note(fixture.db.conn, rows[0].id, "away", NULL), ERR_OK);
    assert_int_equal(db_loglist_begin(fixture.db.conn, rows[0].id, 500, NULL), ERR_OK);
    assert_int_equal(db_loglist_begin(fixture.db.conn, rows[0].id, 900, NULL), ERR_OK);
    assert_int_equal(db_loglist_begin(fixture.db.conn, rows[1].id, 0, NULL), ERR_OK);
    assert_int_equal(number("SELECT next FROM log_range AS r JOIN log ON log.id = r.log WHERE name = 'old'"),
                     500);
    assert_int_equal(number("SELECT count(*) FROM log_range WHERE frontier IS NOT NULL"), 1);
    assert_int_equal(number("SELECT count(*) FROM log WHERE last_error <> ''"), 0);
    free(rows);
    free(from);
    assert_int_equal(db_log_load(fixture.db.conn, &rows, &count, NULL), ERR_OK);
    assert_int_equal(count, 2);
    free(rows);
}

static void by_hand_stays_by_hand(void **state)
{
    struct listed logs[] = {make("mine", 1, LISTED_USABLE), make("theirs", 2, LISTED_USABLE)};
    struct ctlog hand = logs[0].log;
    (void)state;
    (void)snprintf(hand.url, sizeof hand.url, "https://my.mirror.net");
    (void)snprintf(hand.name, sizeof hand.name, "theirs");
    assert_int_equal(db_log_add(fixture.db.conn, &hand, "0", 0, NULL), ERR_OK);
    struct db_loglist_change change = apply(logs, 2, false, false);
    assert_int_equal(change.by_hand, 1);
    assert_int_equal(change.added, 1);
    assert_int_equal(number("SELECT count(*) FROM log WHERE url = 'https://my.mirror.net' AND NOT listed"),
                     1);
    /* The name was taken. */
    log_is("theoperator-theirs", "usable t  now f");
    /* What was removed by hand, from the list or not, does not come back with the next list. */
    assert_int_equal(db_log_remove(fixture.db.conn, "theirs", NULL), ERR_OK);
    assert_int_equal(db_log_remove(fixture.db.conn, "theoperator-theirs", NULL), ERR_OK);
    change = apply(logs, 2, false, false);
    assert_int_equal(change.added, 0);
    assert_int_equal(change.followed, 0);
    assert_int_equal(number("SELECT count(*) FROM log WHERE state = 'removed'"), 2);
    /* A log of the list that is added by hand later is read once. */
    struct listed third = make("third", 3, LISTED_USABLE);
    struct listed more[] = {logs[0], logs[1], third};
    (void)apply(more, 3, false, false);
    (void)snprintf(third.log.name, sizeof third.log.name, "by-me");
    assert_int_equal(db_log_add(fixture.db.conn, &third.log, "0", 0, NULL), ERR_OK);
    (void)apply(more, 3, false, false);
    log_is("third", "usable f by hand 0 f");
    /* The list need not come again for that. */
    assert_int_equal(db_log_remove(fixture.db.conn, "by-me", NULL), ERR_OK);
    assert_int_equal(db_loglist_follow(fixture.db.conn, false, NULL), ERR_OK);
    log_is("third", "usable t  0 f");
    /* Taken up again by hand, it is no log of the list any more, however it ended there. */
    int32_t id = (int32_t)number("SELECT id FROM log WHERE name = 'third'");
    assert_int_equal(db_loglist_ended(fixture.db.conn, id, DB_LOGLIST_ENDED, 0, 0, "", NULL), ERR_OK);
    assert_int_equal(db_log_remove(fixture.db.conn, "third", NULL), ERR_OK);
    (void)snprintf(third.log.name, sizeof third.log.name, "third");
    assert_int_equal(db_log_add(fixture.db.conn, &third.log, "0", 0, NULL), ERR_OK);
    log_is("third", "usable t  0 f");
    assert_int_equal(apply(more, 3, false, false).by_hand, 2);
}

static void names_that_are_taken(void **state)
{
    struct listed logs[] = {make("twin", 1, LISTED_USABLE), make("twin", 2, LISTED_USABLE),
                            make("twin", 3, LISTED_USABLE), make("twin", 4, LISTED_USABLE)};
    struct listed longest = make("x", 5, LISTED_USABLE);
    (void)state;
    assert_int_equal(apply(logs, 3, false, false).added, 3);
    log_is("twin", "usable t  now f");
    log_is("theoperator-twin", "usable t  now f");
    log_is("twin-03030303", "usable t  now f");
    struct listed all[] = {logs[0], logs[1], logs[2], logs[3], longest};
    memset(all[4].log.name, 'x', CTLOG_NAME_MAX - 1);
    assert_int_equal(apply(all, 5, false, false).added, 2);
    assert_int_equal(number("SELECT max(length(name)) FROM log"), CTLOG_NAME_MAX - 1);
}

static void leaving_and_coming_back(void **state)
{
    struct listed logs[] = {make("stays", 1, LISTED_USABLE), make("leaves", 2, LISTED_USABLE),
                            make("pends", 3, LISTED_PENDING), make("spoilt", 4, LISTED_USABLE)};
    (void)state;
    (void)apply(logs, 4, false, false);
    sql("INSERT INTO log_range (log, range_begin, next, verified) SELECT id, 0, 0, 0 FROM log WHERE name <> "
        "'pends'");
    /* An entry that can not be used any more is no reason to let the log go. */
    struct listed fewer[] = {logs[0], logs[3]};
    (void)snprintf(fewer[1].refused, sizeof fewer[1].refused, "bad");
    struct db_loglist_change change = apply(fewer, 2, false, false);
    assert_int_equal(change.left, 2);
    log_is("leaves", "usable t  now t");
    log_is("pends", "pending f left 0 t");
    log_is("spoilt", "usable t  now f");
    int64_t id = number("SELECT id FROM log WHERE name = 'leaves'");
    assert_int_equal(db_loglist_ended(fixture.db.conn, (int32_t)id, DB_LOGLIST_ENDED, 0, 0, "", NULL),
                     ERR_OK);
    log_is("leaves", "usable f ended now t");
    (void)apply(fewer, 2, false, false);
    log_is("leaves", "usable f ended now t");
    (void)apply(logs, 4, false, false);
    log_is("leaves", "usable t  now f");
    /* Rejected is left, in the words of the list of all logs. */
    logs[1].state = LISTED_REJECTED;
    (void)apply(logs, 4, false, false);
    log_is("leaves", "rejected t  now t");
}

static void ends_are_told_once(void **state)
{
    struct listed logs[] = {make("lost", 1, LISTED_RETIRED), make("complete", 2, LISTED_READONLY)};
    struct err why = {0};
    (void)state;
    sql("INSERT INTO channel (name) VALUES ('stdout')");
    (void)apply(logs, 2, false, false);
    int32_t id = (int32_t)number("SELECT id FROM log WHERE name = 'lost'");
    for (int i = 0; i < 2; i++)
        if (db_loglist_ended(fixture.db.conn, id, DB_LOGLIST_LOST, 10, 90, "silent for 4 days", &why) !=
            ERR_OK)
            fail_msg("%s", why.text);
    log_is("lost", "retired f lost now f");
    assert_int_equal(
        number("SELECT count(*) FROM alert WHERE kind = 'log_stale' AND severity = 'high' AND log ="
               " (SELECT id FROM log WHERE name = 'lost') AND findings->0->>'found' LIKE 'silent%'"),
        1);
    assert_int_equal(number("SELECT count(*) FROM outbox"), 1);
    id = (int32_t)number("SELECT id FROM log WHERE name = 'complete'");
    assert_int_equal(db_loglist_ended(fixture.db.conn, id, DB_LOGLIST_COMPLETE, 0, 0, "", &why), ERR_OK);
    assert_int_equal(number("SELECT count(*) FROM alert"), 1);
    /* A proven end stays one when the log is retired; a lost tail may be found again. */
    logs[1].state = LISTED_RETIRED;
    logs[0].state = LISTED_USABLE;
    (void)apply(logs, 2, false, false);
    log_is("complete", "retired f complete now f");
    log_is("lost", "usable t  now f");
}

static void a_final_head_in_doubt(void **state)
{
    struct listed log = make("a", 1, LISTED_READONLY);
    struct head head;
    struct err why = {0};
    bool found;
    (void)state;
    (void)apply(&log, 1, false, false);
    int32_t id = (int32_t)number("SELECT id FROM log");
    sql("INSERT INTO log_head (log, size, root, timestamp, raw, verified) SELECT id, 7, sha256('x'), now(), "
        "'', true"
        " FROM log; INSERT INTO log_head (log, size, root, timestamp, raw) SELECT id, 8, sha256(''), now(), "
        "'' FROM log");
    assert_int_equal(db_loglist_head(fixture.db.conn, id, 7, &head, &found, &why), ERR_OK);
    assert_true(found && head.size == 7 && head.root[0] == 0x2d && head.timestamp_ms != 0);
    assert_int_equal(db_loglist_head(fixture.db.conn, id, 8, &head, &found, &why), ERR_OK);
    assert_false(found);
    assert_int_equal(db_loglist_doubt(fixture.db.conn, id, 7, "no proof", false, &why), ERR_OK);
    assert_int_equal(number("SELECT count(*) FROM alert"), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(db_loglist_doubt(fixture.db.conn, id, 7, "another root", true, &why), ERR_OK);
    assert_int_equal(
        number("SELECT count(*) FROM alert WHERE kind = 'log_inconsistent' AND severity = 'critical'"), 1);
    assert_int_equal(number("SELECT count(*) FROM log WHERE final_error = 'another root'"), 1);
}

static void what_is_kept(void **state)
{
    struct listed log = make("a", 1, LISTED_USABLE);
    struct db_loglist list;
    struct err why = {0};
    bool found, applied, by_hand;
    (void)state;
    assert_int_equal(db_loglist_load(fixture.db.conn, "https://list/", &list, &found, &why), ERR_OK);
    assert_false(found);
    assert_int_equal(db_loglist_any(fixture.db.conn, &applied, &by_hand, &why), ERR_OK);
    assert_false(applied || by_hand);
    assert_int_equal(db_loglist_failed(fixture.db.conn, "https://list/", "away", false, 9000, &why), ERR_OK);
    assert_int_equal(db_loglist_failed(fixture.db.conn, "https://list/", "forged", true, 9000, &why), ERR_OK);
    assert_int_equal(db_loglist_load(fixture.db.conn, "https://list/", &list, &found, &why), ERR_OK);
    assert_true(found && list.refused && list.failures == 2 && list.next_ms == 9000 && list.revision == 0);
    assert_string_equal(list.last_error, "forged");
    assert_int_equal(db_loglist_any(fixture.db.conn, &applied, &by_hand, &why), ERR_OK);
    assert_false(applied);
    (void)apply(&log, 1, false, false);
    assert_int_equal(db_loglist_last(fixture.db.conn, &list, &found, &why), ERR_OK);
    assert_true(found && !list.refused && list.failures == 0 && list.revision == 1 && list.logs == 1);
    assert_string_equal(list.version, "1.0");
    assert_string_equal(list.etag, "\"x\"");
    assert_int_equal(list.made_ms, 1000);
    assert_int_equal(number("SELECT count(*) FROM log_list WHERE bytes = '{}'"), 1);
    assert_int_equal(db_loglist_failed(fixture.db.conn, "https://list/", "away", false, 9000, &why), ERR_OK);
    assert_int_equal(db_loglist_unchanged(fixture.db.conn, "https://list/", 7000, &why), ERR_OK);
    assert_int_equal(db_loglist_load(fixture.db.conn, "https://list/", &list, &found, &why), ERR_OK);
    assert_true(list.next_ms == 7000 && list.failures == 0 && list.last_error[0] == '\0' &&
                list.revision == 1);
    assert_int_equal(db_loglist_any(fixture.db.conn, &applied, &by_hand, &why), ERR_OK);
    assert_true(applied && !by_hand);
}

static void one_fetches(void **state)
{
    struct pgconn *other = NULL;
    bool taken = false;
    (void)state;
    assert_int_equal(pgconn_open(fixture.db.dsn, &other, NULL), ERR_OK);
    assert_int_equal(db_loglist_lock(fixture.db.conn, &taken, NULL), ERR_OK);
    assert_true(taken);
    assert_int_equal(db_loglist_lock(other, &taken, NULL), ERR_OK);
    assert_false(taken);
    assert_int_equal(db_loglist_unlock(fixture.db.conn, NULL), ERR_OK);
    assert_int_equal(db_loglist_lock(other, &taken, NULL), ERR_OK);
    assert_true(taken);
    pgconn_free(other);
}

static void rate_and_growth(void **state)
{
    struct listed log = make("a", 1, LISTED_USABLE);
    struct db_log_status *rows;
    size_t count;
    (void)state;
    (void)apply(&log, 1, false, false);
    sql("INSERT INTO log_range (log, range_begin, next, verified) SELECT id, 0, 1000, 0 FROM log;"
        "INSERT INTO log_head (log, size, root, timestamp, raw) SELECT id, 5000, sha256(''), now(), '' FROM "
        "log;"
        "INSERT INTO log_pace SELECT id, now() - interval '100 seconds', 400, 4900 FROM log");
    assert_int_equal(db_log_pace(fixture.db.conn, NULL), ERR_OK);
    assert_int_equal(db_log_pace(fixture.db.conn, NULL), ERR_OK);
    assert_int_equal(number("SELECT count(*) FROM log_pace"), 2);
    assert_int_equal(db_log_status(fixture.db.conn, &rows, &count, NULL), ERR_OK);
    assert_int_equal(count, 1);
    assert_true(rows[0].has_rate && rows[0].rate > 5.8 && rows[0].rate < 6.1 && rows[0].growth > 0.9 &&
                rows[0].growth < 1.1);
    assert_string_equal(rows[0].operator_name, "The Operator");
    assert_true(rows[0].listed && rows[0].followed && rows[0].mmd_s == 60);
    free(rows);
}

/* Of the first list everything is new, and nobody is told; later every operator once. */
static void operators_that_are_new(void **state)
{
    struct listed logs[] = {make("one", 1, LISTED_USABLE), make("two", 2, LISTED_USABLE),
                            make("three", 3, LISTED_PENDING)};
    char names[512];

    (void)state;
    (void)snprintf(logs[1].operator_name, sizeof logs[1].operator_name, "Mimic");
    (void)snprintf(logs[2].operator_name, sizeof logs[2].operator_name, "Another");
    assert_string_equal(apply(logs, 1, false, false).new_operators, "");
    assert_int_equal(db_loglist_newcomers(fixture.db.conn, names, sizeof names, NULL), ERR_OK);
    assert_string_equal(names, "");
    assert_string_equal(apply(logs, 3, false, false).new_operators, "Another, Mimic");
    assert_string_equal(apply(logs, 3, false, false).new_operators, "");
    /* It goes and comes back. */
    assert_string_equal(apply(logs, 1, false, false).new_operators, "");
    assert_string_equal(apply(logs, 3, false, false).new_operators, "");
    assert_int_equal(db_loglist_newcomers(fixture.db.conn, names, sizeof names, NULL), ERR_OK);
    assert_string_equal(names, "Another, Mimic");
    sql("UPDATE log_operator SET seen_at = now() - interval '31 days' WHERE name = 'Mimic'");
    assert_int_equal(db_loglist_newcomers(fixture.db.conn, names, sizeof names, NULL), ERR_OK);
    assert_string_equal(names, "Another");
}

static int open_db(void **state)
{
    (void)state;
    fixture_db_open(&fixture);
    return 0;
}

static int close_db(void **state)
{
    (void)state;
    fixture_db_close(&fixture);
    return 0;
}

int main(int argc, char **argv)
{
    FIXTURE_DB_KEEPER(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(states_decide, clean),
        cmocka_unit_test_setup(of_all_logs_only_those_in_a_programme, clean),
        cmocka_unit_test_setup(later_lists, clean),
        cmocka_unit_test_setup(by_hand_stays_by_hand, clean),
        cmocka_unit_test_setup(names_that_are_taken, clean),
        cmocka_unit_test_setup(leaving_and_coming_back, clean),
        cmocka_unit_test_setup(ends_are_told_once, clean),
        cmocka_unit_test_setup(a_final_head_in_doubt, clean),
        cmocka_unit_test_setup(what_is_kept, clean),
        cmocka_unit_test_setup(one_fetches, clean),
        cmocka_unit_test_setup(rate_and_growth, clean),
        cmocka_unit_test_setup(operators_that_are_new, clean),
    };

    return cmocka_run_group_tests(tests, open_db, close_db);
}
