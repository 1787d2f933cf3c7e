/* config check | show | sample */
#include <stdio.h>

#include "cli/cmd.h"
#include "cli/opt.h"

int cmd_config(struct cmd *cmd)
{
    const struct opt rows[] = {{NULL, OPT_FLAG, NULL, NULL, NULL}};
    struct buf out;
    int operands;

    if (cmd->help)
        return cmd_help(
            "ctvigil config check|show|sample",
            "check: reads the configuration (-c FILE and the environment) and says what is wrong with it.\n"
            "show: every key with its value and where the value comes from.\n"
            "sample: a commented file that loads.",
            rows);
    if (!opt_parse(rows, cmd->argc, cmd->argv, &operands))
        return CMD_USAGE;
    const char *verb = operands == 1 ? cmd->argv[1] : "";
    if (strcmp(verb, "check") == 0) {
        /* Reaching this point means that it was read without an error. */
        printf("%s: the configuration is fine\n",
               cmd->config_path == NULL ? "environment and defaults" : cmd->config_path);
        return CMD_OK;
    }
    buf_init(&out, 1u << 20);
    if (strcmp(verb, "show") == 0)
        conf_show(cmd->conf, &out);
    else if (strcmp(verb, "sample") == 0)
        conf_sample(&out);
    else
        return cmd_usage(cmd, "say check, show or sample");
    fputs(buf_text(&out), stdout);
    buf_fini(&out);
    return CMD_OK;
}
