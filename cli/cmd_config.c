/* config check | show | sample */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/cmd.h"
#include "cli/confcheck.h"
#include "cli/contact.h"
#include "cli/envcheck.h"
#include "cli/heartbeat.h"
#include "cli/listkeeper.h"
#include "cli/metricfile.h"
#include "cli/notify.h"
#include "cli/opt.h"
#include "db/dbopen.h"
#include "db/diskguard.h"

#define CMD_CONFIG_VALUE_MAX (1u << 16)

/* The file was read without an error; here is what its values point to, without touching it. */
static int cmd_config_do_check(const struct cmd *cmd)
{
    struct channel *channels[NOTIFY_CHANNELS_MAX];
    struct dbopen_options database = {.dsn = cmd->conf->db.dsn, .dsn_file = cmd->conf->db.dsn_file};
    const struct dbopen_options reader = {
        .dsn = cmd->conf->db.read_dsn, .dsn_file = cmd->conf->db.read_dsn_file, .key = "db.read_dsn"};
    struct err why = {0};
    char text[ENVCHECK_TEXT_MAX];
    char odd[CONFCHECK_TEXT_MAX];
    char seen[2 * CONFCHECK_TEXT_MAX];
    size_t count = 0;
    size_t at = 0;

    if (envcheck_next(environ, &at, text)) {
        (void)err_set(&why, ERR_CONFIG, "%s", text);
        return cmd_fail(&why);
    }
    if (metricfile_check(cmd->conf, &why) != ERR_OK || dbopen_check(&database, &why) != ERR_OK ||
        dbopen_check(&reader, &why) != ERR_OK || diskguard_check(cmd->conf->db.disk_path, &why) != ERR_OK ||
        contact_form(cmd->conf, &why) != ERR_OK || listkeeper_check(cmd->conf, &why) != ERR_OK ||
        confcheck_places(cmd->conf, &why) != ERR_OK || heartbeat_check(cmd->conf, &why) != ERR_OK ||
        notify_channels(cmd, channels, &count, &why) != ERR_OK)
        return cmd_fail(&why);
    for (size_t i = 0; i < count; i++)
        channel_free(channels[i]);
    json_t *warnings = json_array();
    for (at = 0; confcheck_next(cmd->conf, &at, odd);) {
        (void)json_array_append_new(warnings, cmd_json_latin1(span_str(odd)));
        if (!cmd->json)
            fprintf(stderr, "ctvigil: warning: %s\n", text_visible_str(span_str(odd), seen, sizeof seen));
    }
    if (cmd->json)
        cmd_print_json(json_pack("{s:s, s:b, s:O}", "schema", "ctvigil.config.check.1", "fine", 1, "warnings",
                                 warnings));
    else
        printf("%s: the configuration is fine\n",
               cmd->config_path == NULL ? "environment and defaults" : cmd->config_path);
    json_decref(warnings);
    return CMD_OK;
}

/* The text of a key that holds one and nothing secret; NULL for the others. */
static const char *cmd_config_text(const struct conf *conf, enum conf_key key)
{
#define CMD_CONFIG_STR(field)  (field)
#define CMD_CONFIG_BOOL(field) ((void)(field), NULL)
#define CMD_CONFIG_INT(field)  ((void)(field), NULL)
#define CONF_KEY(section, key, type, preset, min, max, sentence)                                             \
    case CONF_KEY_##section##_##key:                                                                         \
        return CMD_CONFIG_##type(conf->section.key);
    if (key == CONF_KEY_db_dsn || key == CONF_KEY_db_read_dsn)
        return NULL;
    switch (key) {
#include "base/conf.def"
    default:
        return NULL;
    }
}

static json_t *cmd_config_value(const struct conf *conf, enum conf_key key)
{
    static char text[CMD_CONFIG_VALUE_MAX];
    const char *raw = cmd_config_text(conf, key);
    json_t *value;

    if (raw != NULL)
        return (value = json_string(raw)) != NULL ? value : cmd_json_latin1(span_str(raw));
    (void)conf_value_text(conf, key, text, sizeof text);
    switch (conf_rows()[key].type) {
    case CONF_TYPE_BOOL:
        return json_boolean(strcmp(text, "true") == 0);
    case CONF_TYPE_INT:
        return json_integer(strtoll(text, NULL, 10));
    default:
        return json_string(text);
    }
}

static int cmd_config_do_show(const struct cmd *cmd)
{
    const struct conf_row *rows = conf_rows();
    struct buf out;

    for (size_t i = 0; cmd->json && i < CONF_KEY_COUNT; i++) {
        char key[128];
        (void)snprintf(key, sizeof key, "%s.%s", rows[i].section, rows[i].key);
        cmd_print_json(json_pack("{s:s, s:s, s:o, s:s, s:s}", "schema", "ctvigil.config.1", "key", key,
                                 "value", cmd_config_value(cmd->conf, (enum conf_key)i), "origin",
                                 conf_origin_name(cmd->conf->origin[i]), "meaning", rows[i].sentence));
    }
    if (cmd->json)
        return CMD_OK;
    buf_init(&out, 1u << 20);
    conf_show(cmd->conf, &out);
    fputs(buf_text(&out), stdout);
    buf_fini(&out);
    return CMD_OK;
}

static int cmd_config_do_sample(const struct cmd *cmd)
{
    struct buf out;

    if (cmd->json)
        return cmd_usage(cmd, "sample: --json: a sample is YAML; 'config show --json' has every key");
    buf_init(&out, 1u << 20);
    conf_sample(&out);
    fputs(buf_text(&out), stdout);
    buf_fini(&out);
    return CMD_OK;
}

int cmd_config(struct cmd *cmd)
{
    static const struct opt_verb verbs[] = {
        {"check", "", ""}, {"show", "", ""}, {"sample", "", ""}, {NULL, NULL, NULL}};
    static int (*const runs[])(const struct cmd *cmd) = {cmd_config_do_check, cmd_config_do_show,
                                                         cmd_config_do_sample};
    const struct opt rows[] = {{NULL, OPT_FLAG, NULL, NULL, NULL}};
    size_t verb;
    int operands;

    if (cmd->help)
        return cmd_help(
            "ctvigil config check|show|sample",
            "check: reads the configuration (-c FILE and the environment) and says what is wrong with it.\n"
            "show: every key with its value and where the value comes from.\n"
            "sample: a commented file that loads.",
            rows);
    if (!opt_parse_verb(rows, verbs, cmd->argc, cmd->argv, &verb, &operands))
        return CMD_USAGE;
    return runs[verb](cmd);
}
