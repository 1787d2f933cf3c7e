#include "cli/suffixes.h"

#include <signal.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/say.h"
#include "db/db_part.h"
#include "db/db_psl_move.h"

#define SUFFIXES_TOLD_MS 5000 /* between two lines */

static atomic_bool suffixes_stop;

static void suffixes_on_signal(int number)
{
    (void)number;
    atomic_store(&suffixes_stop, true);
}

static void suffixes_told(void *arg, const struct db_psl_move_report *report)
{
    int64_t *last_ms = arg;
    int64_t now_ms = clock_mono_ms();

    if (now_ms - *last_ms < SUFFIXES_TOLD_MS || report->all == 0)
        return;
    *last_ms = now_ms;
    fprintf(stderr, "ctvigil: %" PRIu64 " of about %" PRIu64 " MB looked at, %" PRIu64 " keys added\n",
            report->looked / 1000000, report->all / 1000000, report->keys);
}

static void suffixes_print(const struct cmd *cmd, bool same, const struct db_psl_move_report *report)
{
    if (cmd->json)
        cmd_print_json(json_pack("{s:s, s:b, s:I, s:I}", "schema", "ctvigil.db.suffixes.1", "changed", !same,
                                 "rules", (json_int_t)report->rules, "keys", (json_int_t)report->keys));
    else if (same)
        printf("this public suffix list is in force already\n");
    else
        printf("the new public suffix list is in force: %" PRIu64 " keys added\n", report->keys);
}

/* A change that somebody began is finished first, whatever its list is. */
static enum err_code suffixes_change(struct pgconn *conn, const char *file, bool *same,
                                     struct db_psl_move_report *report, struct err *why)
{
    enum db_psl_move_state state = DB_PSL_MOVE_NONE;
    int64_t told_ms = clock_mono_ms();
    bool ended;
    enum err_code code = db_psl_move_end(conn, &ended, why);

    *same = false;
    if (code == ERR_OK)
        code = db_psl_move_look(conn, &state, why);
    if (code == ERR_OK && state == DB_PSL_MOVE_MOVING)
        fprintf(stderr, "ctvigil: going on with a change that was begun before\n");
    if (code == ERR_OK && state != DB_PSL_MOVE_MOVING) {
        code = db_psl_move_begin(conn, file, report, why);
        *same = code == ERR_EXISTS && report->rules == 0 && state == DB_PSL_MOVE_NONE;
        if (*same) {
            err_clear(why);
            return ERR_OK;
        }
    }
    size_t rules = report->rules;
    if (code == ERR_OK && !report->back)
        code = db_psl_move_run(conn, &suffixes_stop, suffixes_told, &told_ms, report, why);
    report->rules = rules;
    return code;
}

int suffixes_run(struct cmd *cmd, const char *file)
{
    struct db_psl_move_report report = {0};
    struct sigaction action = {.sa_handler = suffixes_on_signal};
    struct pgconn *conn;
    struct err why = {0};
    bool taken = false;
    bool same = false;
    enum err_code code = cmd_db_open(cmd, &conn, &why);

    if (code != ERR_OK)
        return cmd_fail(&why);
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    code = db_part_lock(conn, &taken, &why);
    if (code == ERR_OK && !taken)
        code = err_set(&why, ERR_DB_CONFLICT, "another process is looking after the partitions now");
    if (code == ERR_OK)
        code = suffixes_change(conn, file, &same, &report, &why);
    if (code == ERR_CLOSED) {
        err_clear(&why);
        (void)err_set(&why, ERR_CLOSED,
                      "stopped; the same command goes on from here, and so do run and ingest");
    }
    if (code == ERR_OK)
        suffixes_print(cmd, same, &report);
    cmd_db_close(conn);
    return code == ERR_OK ? CMD_OK : cmd_fail(&why);
}

enum err_code suffixes_look(struct pgconn *conn, const atomic_bool *stop, struct err *why)
{
    struct db_psl_move_report report = {0};
    enum db_psl_move_state state;
    bool ended = false;
    enum err_code code = db_psl_move_look(conn, &state, why);

    if (code == ERR_OK && state == DB_PSL_MOVE_MOVED)
        return db_psl_move_end(conn, &ended, why);
    if (code != ERR_OK || state == DB_PSL_MOVE_NONE)
        return code;
    code = db_psl_move_run(conn, stop, NULL, NULL, &report, why);
    if (code == ERR_OK)
        say_info("db", "the new public suffix list is in force: %" PRIu64 " keys added", report.keys);
    return code;
}
