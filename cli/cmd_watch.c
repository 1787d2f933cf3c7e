#include "cli/cmd.h"
#include "cli/notify.h"
#include "cli/opt.h"
#include "cli/roles.h"

#include "base/clock.h"
#include "base/say.h"

#define CMD_WATCH_STEP_MS 200
#define CMD_WATCH_IDLE_MS 5000

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
    int operands;
    int status = CMD_OK;

    if (cmd->help)
        return cmd_help(
            "ctvigil watch [--once]",
            "Delivers alerts to the configured channels (stdout, hook) until it is told to stop. Any\n"
            "number of it may run over one database.",
            rows);
    if (!opt_parse(rows, cmd->argc, cmd->argv, &operands))
        return CMD_USAGE;
    if (operands > 0)
        return cmd_usage(cmd, "'%s' is not expected here", cmd->argv[1]);
    roles_signals();
    if (cmd_db_open(cmd, &conn, &why) != ERR_OK)
        return cmd_fail(&why);
    if (notify_start(cmd, &deliver, &why) != ERR_OK) {
        status = cmd_fail(&why);
    } else if (deliver == NULL) {
        status = cmd_usage(cmd, "no channel is configured: set stdout.enabled or hook.command");
    } else {
        say_info("watch", "delivering alerts");
        while (status == CMD_OK && !roles_stopping() && !(once && deliver_idle(deliver, CMD_WATCH_IDLE_MS))) {
            if (cmd_db_keep(&why) != ERR_OK)
                status = cmd_fail(&why);
            else if (!once)
                clock_sleep_ms(CMD_WATCH_STEP_MS);
        }
        deliver_stop(deliver);
    }
    cmd_db_close(conn);
    return status;
}
