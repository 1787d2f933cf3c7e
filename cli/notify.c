#include "cli/notify.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "watcher/chanrule.h"
#include "watcher/send_exec.h"
#include "watcher/send_mail.h"
#include "watcher/send_stdout.h"
#include "watcher/send_syslog.h"
#include "watcher/send_webhook.h"

#define NOTIFY_STDOUT_MS 10000
#define NOTIFY_HOOK_S    30
#define NOTIFY_PATH_MAX  4096

struct notify_list {
    struct channel **channels;
    size_t count;
};

static enum err_code notify_put(struct notify_list *list, struct channel *channel, struct err *why)
{
    if (list->count == NOTIFY_CHANNELS_MAX) {
        channel_free(channel);
        return err_set(why, ERR_CONFIG, "channels: there are more than %d", NOTIFY_CHANNELS_MAX);
    }
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->channels[i]->name, channel->name) != 0)
            continue;
        enum err_code code =
            err_set(why, ERR_CONFIG,
                    "channels: '%s' is there twice; the sections stdout and hook are channels of"
                    " these names",
                    channel->name);
        channel_free(channel);
        return code;
    }
    list->channels[list->count++] = channel;
    return ERR_OK;
}

static enum err_code notify_one(const struct chanconf *conf, struct notify_list *list,
                                struct channel *channel, struct err *why)
{
    enum err_code code = chanrule_new(conf, &channel->rule, why);

    if (code == ERR_OK && conf->digest[0] != '\0' && channel->ops->send_digest == NULL)
        code = err_set(why, ERR_CONFIG, "digest: a channel of this kind takes one alert at a time");
    if (code != ERR_OK) {
        channel_free(channel);
        return code;
    }
    return notify_put(list, channel, why);
}

static bool notify_is_program(const char *path)
{
    struct stat info;

    return stat(path, &info) == 0 && S_ISREG(info.st_mode) && access(path, X_OK) == 0;
}

static int64_t notify_hook_ms(const struct chanconf *conf)
{
    return 1000 * (conf->timeout_s > 0 ? conf->timeout_s : NOTIFY_HOOK_S);
}

static int notify_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* One channel for each program, so that one that hangs or fails delays itself alone. */
static enum err_code notify_folder(const struct chanconf *conf, struct notify_list *list, struct err *why)
{
    struct dirent **entries = NULL;
    size_t before = list->count;
    int found = scandir(conf->command, &entries, notify_visible, alphasort);
    enum err_code code =
        found < 0 ? err_set(why, ERR_CONFIG, "command: %s: %s", conf->command, strerror(errno)) : ERR_OK;

    for (int i = 0; i < found; i++) {
        char path[NOTIFY_PATH_MAX];
        char name[NOTIFY_PATH_MAX];
        struct channel *channel = NULL;
        (void)snprintf(path, sizeof path, "%.3000s/%.255s", conf->command, entries[i]->d_name);
        (void)snprintf(name, sizeof name, "%s/%.255s", conf->name, entries[i]->d_name);
        free(entries[i]);
        if (code != ERR_OK || !notify_is_program(path))
            continue;
        if (strlen(name) >= SEND_EXEC_NAME_MAX)
            code =
                err_set(why, ERR_CONFIG, "command: %s: the name of the channel, %s, is longer than %d bytes",
                        path, name, SEND_EXEC_NAME_MAX - 1);
        if (code == ERR_OK)
            code = send_exec_new(path, NULL, notify_hook_ms(conf), &channel, why);
        if (code == ERR_OK) {
            send_exec_name(channel, name);
            code = notify_one(conf, list, channel, why);
        }
    }
    free(entries);
    if (code == ERR_OK && list->count == before)
        code = err_set(why, ERR_CONFIG, "command: %s: there is no program in this folder", conf->command);
    return code;
}

static enum err_code notify_hook(const struct chanconf *conf, struct notify_list *list, struct err *why)
{
    struct channel *channel = NULL;
    struct stat info;

    if (conf->command[0] != '\0' && stat(conf->command, &info) == 0 && S_ISDIR(info.st_mode))
        return notify_folder(conf, list, why);
    enum err_code code = send_exec_new(conf->command, NULL, notify_hook_ms(conf), &channel, why);
    if (code != ERR_OK)
        return code;
    send_exec_name(channel, conf->name);
    return notify_one(conf, list, channel, why);
}

static enum err_code notify_stdout(const struct chanconf *conf, struct notify_list *list, struct err *why)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->channels[i]->name, SEND_STDOUT_NAME) == 0)
            return err_set(why, ERR_CONFIG,
                           "kind: standard output is a channel already; set stdout.enabled: false");
    struct channel *channel = send_stdout_new(STDOUT_FILENO, NOTIFY_STDOUT_MS);
    must(channel != NULL);
    send_stdout_name(channel, conf->name);
    return notify_one(conf, list, channel, why);
}

/* The kinds whose channel has a constructor that takes the entry as it is. */
static enum err_code notify_entry(const struct chanconf *conf, struct notify_list *list, struct err *why)
{
    static const struct {
        const char *kind;
        enum err_code (*make)(const struct chanconf *conf, struct channel **channel, struct err *why);
    } kinds[] = {{"webhook", send_webhook_new}, {"mail", send_mail_new}, {"syslog", send_syslog_new}};
    struct channel *channel = NULL;

    if (strcmp(conf->kind, "stdout") == 0)
        return notify_stdout(conf, list, why);
    if (strcmp(conf->kind, "hook") == 0)
        return notify_hook(conf, list, why);
    size_t at = 0;
    while (at < countof(kinds) && strcmp(kinds[at].kind, conf->kind) != 0)
        at++;
    must(at < countof(kinds)); /* base/chanconf.c takes no other words */
    enum err_code code = kinds[at].make(conf, &channel, why);
    return code == ERR_OK ? notify_one(conf, list, channel, why) : code;
}

static enum err_code notify_sections(const struct conf *conf, struct notify_list *list, struct err *why)
{
    struct channel *channel = NULL;
    enum err_code code = ERR_OK;

    if (conf->stdout.enabled) {
        channel = send_stdout_new(STDOUT_FILENO, NOTIFY_STDOUT_MS);
        must(channel != NULL);
        code = notify_put(list, channel, why);
    }
    if (code == ERR_OK && conf->hook.command[0] != '\0') {
        code = send_exec_new(conf->hook.command, NULL, 1000 * conf->hook.timeout_s, &channel, why);
        if (code == ERR_OK)
            code = notify_put(list, channel, why);
    }
    return code;
}

static bool notify_among(const struct conf *conf, const char *name)
{
    for (size_t i = 0; i < conf->channel_count; i++)
        if (strcmp(conf->channels[i].name, name) == 0)
            return true;
    return (conf->stdout.enabled && strcmp(name, SEND_STDOUT_NAME) == 0) ||
           (conf->hook.command[0] != '\0' && strcmp(name, SEND_EXEC_NAME) == 0);
}

bool notify_known(const struct cmd *cmd, const char *name)
{
    return strcmp(name, SEND_STDOUT_NAME) == 0 || strcmp(name, SEND_EXEC_NAME) == 0 ||
           notify_among(cmd->conf, name);
}

static enum err_code notify_all(const struct conf *conf, struct notify_list *list, struct err *why)
{
    enum err_code code = notify_sections(conf, list, why);

    for (size_t i = 0; code == ERR_OK && i < conf->channel_count; i++) {
        const struct chanconf *entry = &conf->channels[i];
        struct err own = {0};
        code = notify_entry(entry, list, &own);
        if (code == ERR_OK && entry->escalate_to[0] != '\0' && !notify_among(conf, entry->escalate_to))
            code = err_set(&own, ERR_CONFIG, "escalate_to: there is no channel '%s'", entry->escalate_to);
        if (code != ERR_OK)
            (void)err_set(why, code, "channels[%s].%s", entry->name, own.text);
    }
    return code;
}

enum err_code notify_channels(const struct cmd *cmd, struct channel *channels[NOTIFY_CHANNELS_MAX],
                              size_t *count, struct err *why)
{
    struct notify_list list = {channels, 0};
    enum err_code code = notify_all(cmd->conf, &list, why);

    for (size_t i = 0; code != ERR_OK && i < list.count; i++)
        channel_free(channels[i]);
    *count = code == ERR_OK ? list.count : 0;
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
