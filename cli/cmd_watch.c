#include "cli/caretaker.h"
#include "cli/cmd.h"
#include "cli/heartbeat.h"
#include "cli/metricfile.h"
#include "cli/notify.h"
#include "cli/opt.h"
#include "cli/roles.h"

#include "base/clock.h"
#include "base/say.h"

#define CMD_WATCH_STEP_MS 200
#define CMD_WATCH_IDLE_MS 5000
#define CMD_WATCH_DOWN_MS 30000 /* without a database; then `once` gives up */

static int watch_on(const struct conf *conf)
{
    struct err why = {0};
    while (!roles_stopping()) {
        if (cmd_db_keep(false, &why) != ERR_OK)
            return cmd_fail(&why);
        metricfile_tick(conf, false);
        clock_sleep_ms(CMD_WATCH_STEP_MS);
    }
    return CMD_OK;
}

/* What is due now, each delivery tried once; those that fail wait for the next call. */
static int watch_once(struct deliver *deliver)
{
    int64_t up_ms = clock_mono_ms();
    while (!roles_stopping() && !deliver_idle(deliver, CMD_WATCH_IDLE_MS)) {
        struct err why = {0};
        if (cmd_db_keep(true, &why) != ERR_OK)
            return cmd_fail(&why);
        if (!deliver_down(deliver))
            up_ms = clock_mono_ms();
        if (clock_mono_ms() - up_ms > CMD_WATCH_DOWN_MS) {
            say_error("watch", "the database does not answer; the alerts wait");
            return CMD_FAILED;
        }
    }
    uint64_t refused = deliver_refused(deliver);
    if (refused != 0)
        say_warn("watch", "deliveries=%" PRIu64 " were not accepted; they are tried again later", refused);
    return refused != 0 || roles_stopping() ? CMD_FAILED : CMD_OK;
}

static int watch_run(const struct conf *conf, bool once, struct deliver *deliver)
{
    struct caretaker *caretaker = NULL;
    struct heartbeat *heartbeat = NULL;
    struct err why = {0};
    enum err_code code = once ? caretaker_look(cmd_db_dsn(), roles_stop_flag(), &why)
                              : caretaker_start(cmd_db_dsn(), false, &caretaker, &why);
    int status = CMD_OK;
    if (code == ERR_OK && !once)
        code = heartbeat_start(conf, cmd_db_dsn(), &heartbeat, &why);
    /* Who is told to stop has not failed; that something is left is said by the exit code. */
    if (code != ERR_OK && !(code == ERR_CLOSED && roles_stopping()))
        status = cmd_fail(&why);
    if (once) {
        int sent = watch_once(deliver);
        status = status == CMD_OK ? sent : status;
    } else if (code == ERR_OK) {
        status = watch_on(conf);
    }
    heartbeat_stop(heartbeat);
    caretaker_stop(caretaker);
    return status;
}

int cmd_watch(struct cmd *cmd)
{
    bool once = false;
    const struct opt rows[] = {
        {"once", OPT_FLAG, &once, NULL, "deliver what is due now, then end"},
        {NULL, OPT_FLAG, NULL, NULL, NULL},
    };
    struct deliver *deliver = NULL;
    struct pgconn *conn = NULL;
    struct err why = {0};

    if (cmd->help)
        return cmd_help(
            "ctvigil watch [--once]",
            "Delivers alerts to the configured channels until it is told to stop. Every minute it looks\n"
            "after what is stored: history of domains that is still to be matched, trust that is judged\n"
            "again, certificates that run out, other ones of their serial number. Any number of it may run\n"
            "over one database. Exit codes with --once: 0 everything due was accepted, 4 a delivery or the\n"
            "database failed, or it was told to stop before it was through.",
            rows);
    int status = roles_begin(cmd, rows, &conn);
    if (status != CMD_OK)
        return status;
    if (notify_start(cmd, &deliver, &why) != ERR_OK) {
        status = cmd_fail(&why);
    } else if (deliver == NULL) {
        status = cmd_usage(cmd, "no channel is configured: set stdout.enabled, hook.command or channels");
    } else {
        say_info("watch", "delivering alerts");
        status = watch_run(cmd->conf, once, deliver);
        deliver_stop(deliver);
        metricfile_tick(cmd->conf, true);
    }
    cmd_db_close(conn);
    return status;
}
