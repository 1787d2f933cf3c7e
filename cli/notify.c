#include "cli/notify.h"

#include <unistd.h>

#include "watcher/send_exec.h"
#include "watcher/send_stdout.h"

#define NOTIFY_STDOUT_MS 10000

bool notify_known(const char *name)
{
    return strcmp(name, SEND_STDOUT_NAME) == 0 || strcmp(name, SEND_EXEC_NAME) == 0;
}

enum err_code notify_channels(const struct cmd *cmd, struct channel *channels[NOTIFY_CHANNELS_MAX],
                              size_t *count, struct err *why)
{
    enum err_code code = ERR_OK;

    *count = 0;
    if (cmd->conf->stdout.enabled) {
        channels[*count] = send_stdout_new(STDOUT_FILENO, NOTIFY_STDOUT_MS);
        must(channels[*count] != NULL);
        ++*count;
    }
    if (cmd->conf->hook.command[0] != '\0') {
        code = send_exec_new(cmd->conf->hook.command, NULL, 1000 * cmd->conf->hook.timeout_s,
                             &channels[*count], why);
        if (code == ERR_OK)
            ++*count;
    }
    for (size_t i = 0; i < *count && code != ERR_OK; i++)
        channels[i]->ops->free(channels[i]);
    return code;
}

enum err_code notify_start(const struct cmd *cmd, struct deliver **deliver, struct err *why)
{
    struct channel *channels[NOTIFY_CHANNELS_MAX];
    struct deliver_options options = {.dsn = cmd_db_dsn(), .channels = channels};
    enum err_code code = notify_channels(cmd, channels, &options.channel_count, why);

    *deliver = NULL;
    if (code != ERR_OK || options.channel_count == 0)
        return code;
    return deliver_start(&options, deliver, why);
}
