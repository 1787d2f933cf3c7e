/* log add | list | status | update | remove | verify | evidence */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/text.h"
#include "cli/cmd.h"
#include "cli/contact.h"
#include "cli/importer.h"
#include "cli/listkeeper.h"
#include "cli/logcheck.h"
#include "cli/logtable.h"
#include "cli/logverify.h"
#include "cli/manners.h"
#include "cli/opt.h"
#include "db/db_log.h"
#include "ingest/logurl.h"
#include "ingest/probe.h"
#include "ingest/proto.h"
#include "verify/logkey.h"

#define CMD_LOG_HEAD_MS 30000

static const char cmd_log_usage[] =
    "ctvigil log add NAME --protocol rfc6962|static-ct|hybrid --url URL --key B64|FILE\n"
    "                       [--submission-url URL] [--from now|0|N|TIME] [--operator NAME]\n"
    "                       [--allow-http]\n"
    "       ctvigil log list\n"
    "       ctvigil log status [--check]\n"
    "       ctvigil log update\n"
    "       ctvigil log remove NAME\n"
    "       ctvigil log verify [--known] FILE...|-|--id N\n"
    "       ctvigil log evidence [--id N]\n"
    "       ctvigil log import [--name NAME] [--key B64|FILE] ARCHIVE.zip...";

struct cmd_log_add {
    const char *protocol;
    const char *url;
    const char *submission_url;
    const char *key;
    const char *from;
    const char *name; /* of import */
    const char *operator_key;
    bool allow_http;
};

/* --key is a file when there is one of that name, else base64. */
static enum err_code cmd_log_key(const char *given, struct ctlog *log, struct err *why)
{
    static uint8_t bytes[16384];
    FILE *file = fopen(given, "rb");
    size_t len;

    if (given[0] == '\0')
        return err_set(why, ERR_KEY,
                       "--key: it is empty; give the base64 of the key, or a file that holds it");
    if (file == NULL) {
        if (logkey_set_from_user(log, span_str(given), why) == ERR_OK)
            return ERR_OK;
        if (strchr(given, '/') != NULL && errno == ENOENT && strlen(given) < 80) {
            err_clear(why);
            return err_set(why, ERR_KEY, "--key: there is no file %s", given);
        }
        return err_prefix(why, "--key");
    }
    len = fread(bytes, 1, sizeof bytes, file);
    (void)fclose(file);
    if (logkey_set_from_user(log, span_of(bytes, len), why) != ERR_OK)
        return err_prefix(why, "--key: %s", given);
    return ERR_OK;
}

static enum err_code cmd_log_name(const char *name, struct ctlog *log, struct err *why)
{
    if (strlen(name) >= CTLOG_NAME_MAX || name[0] == '\0')
        return err_set(why, ERR_USAGE, "'%s': the name of a log has 1 to %d bytes", name, CTLOG_NAME_MAX - 1);
    for (const char *at = name; *at != '\0'; at++)
        if ((unsigned char)*at <= 0x20 || *at == 0x7f)
            return err_set(why, ERR_USAGE, "'%s': the name of a log has no spaces and no control bytes",
                           name);
    (void)snprintf(log->name, sizeof log->name, "%s", name);
    return ERR_OK;
}

static enum err_code cmd_log_describe(const struct cmd_log_add *add, const char *name, struct ctlog *log,
                                      struct err *why)
{
    enum err_code code;

    if ((code = cmd_log_name(name, log, why)) != ERR_OK)
        return code;
    if (add->operator_key != NULL && add->operator_key[0] == '\0')
        return err_set(why, ERR_USAGE, "--operator: the name is missing");
    if (add->operator_key != NULL && (strlen(add->operator_key) >= sizeof log->operator_key ||
                                      strpbrk(add->operator_key, " ,\t\r\n") != NULL))
        return err_set(why, ERR_USAGE, "--operator: a name without spaces and commas, of at most %zu bytes",
                       sizeof log->operator_key - 1);
    (void)snprintf(log->operator_key, sizeof log->operator_key, "%s",
                   add->operator_key == NULL ? "" : add->operator_key);
    const char *missing = add->protocol == NULL ? "--protocol" : add->url == NULL ? "--url" : "--key";
    if (add->protocol == NULL || add->url == NULL || add->key == NULL)
        return err_set(why, ERR_USAGE, "log add: %s is missing; see 'ctvigil log --help'", missing);
    if (!ctlog_protocol_parse(add->protocol, &log->protocol) || log->protocol == CTLOG_ARCHIVE)
        return err_set(why, ERR_USAGE, "--protocol: '%s' is none of rfc6962, static-ct, hybrid",
                       add->protocol);
    if (log->protocol != CTLOG_STATIC_CT && add->submission_url != NULL)
        return err_set(why, ERR_USAGE,
                       "--submission-url: a log of the protocol %s has one URL only, that of --url",
                       ctlog_protocol_name(log->protocol));
    if ((code = logurl_take("--url", add->url, add->allow_http, log->url, why)) != ERR_OK)
        return code;
    const char *submission = add->submission_url != NULL ? add->submission_url : add->url;
    if ((code = logurl_take("--submission-url", submission, add->allow_http, log->submission_url, why)) !=
        ERR_OK)
        return code;
    (void)snprintf(log->origin, sizeof log->origin, "%s", strstr(log->submission_url, "://") + 3);
    return cmd_log_key(add->key, log, why);
}

/* --from, as it was typed. */
struct cmd_log_from {
    const char *text;
    bool now;
    bool number;
    uint64_t begin;
    int64_t time_ms;
};

static enum err_code cmd_log_from(const char *given, struct cmd_log_from *from, struct err *why)
{
    struct span text = span_str(given);

    *from = (struct cmd_log_from){.text = given, .now = strcmp(given, "now") == 0};
    from->number = text_uint(text, &from->begin);
    if (from->now || from->number || text_parse_time(text, &from->time_ms))
        return ERR_OK;
    return err_set(why, ERR_USAGE, "--from: '%s' is none of now, 0, an index, a time such as 2026-11-21",
                   given);
}

/* Its head, and where a time begins, within the budget of its operator. */
static enum err_code cmd_log_look(const struct cmd *cmd, const struct ctlog *log, struct cmd_log_from *from,
                                  struct head *head, struct err *why)
{
    struct manners manners;
    enum err_code code = manners_open(&manners, cmd->conf, NULL, why);

    if (code != ERR_OK)
        return code;
    code = manners_head(&manners.courtesy, log, CMD_LOG_HEAD_MS, NULL, head, why);
    if (code == ERR_OK && !from->now && !from->number)
        code = probe_find_time(&manners.courtesy, log, head->size, from->time_ms, NULL, &from->begin, why);
    manners_close(&manners);
    return code;
}

/* Where reading begins: 0 and N need no look at the log, now and TIME do. */
static enum err_code cmd_log_begin(const struct cmd *cmd, const struct ctlog *log, struct cmd_log_from *from,
                                   struct err *why)
{
    struct head head = {0};
    enum err_code code = cmd_log_look(cmd, log, from, &head, why);

    if (code == ERR_OK && from->now) {
        from->begin = head.size;
    } else if (code == ERR_OK && from->number && from->begin > head.size) {
        return err_set(why, ERR_USAGE, "--from: the log has %" PRIu64 " entries only", head.size);
    } else if (from->number && err_class(code) == ERR_CLASS_WORLD) {
        fprintf(stderr, "ctvigil: warning: %s; the log is registered all the same and will be tried again\n",
                why->text);
        err_clear(why);
        return ERR_OK;
    }
    if (err_class(code) == ERR_CLASS_WORLD)
        return err_prefix(why, "%s: nothing was registered, because the log must say where --from %s is",
                          log->name, from->text);
    return code == ERR_SIGNATURE ? err_prefix(why, "--key does not fit this log") : code;
}

/* A name has one log, and a log one name: read under two it would count twice in everything. */
static enum err_code cmd_log_free(struct pgconn *conn, const struct ctlog *log, struct err *why)
{
    struct ctlog *logs = NULL;
    size_t count = 0;
    enum err_code code = db_log_load(conn, &logs, &count, why);

    for (size_t i = 0; code == ERR_OK && i < count; i++) {
        if (strcmp(logs[i].name, log->name) == 0)
            code = err_set(why, ERR_EXISTS, "log %s: a log of that name is there already", log->name);
        else if (logs[i].protocol == log->protocol && strcmp(logs[i].url, log->url) == 0 &&
                 memcmp(logs[i].log_id, log->log_id, sizeof log->log_id) == 0)
            code = err_set(why, ERR_EXISTS, "log %s: it is followed already, under the name %s", log->name,
                           logs[i].name);
    }
    free(logs);
    return code;
}

static enum err_code cmd_log_register(const struct cmd *cmd, struct pgconn *conn, struct ctlog *log,
                                      struct cmd_log_from *from, struct err *why)
{
    enum err_code code = cmd_log_free(conn, log, why);

    if (code == ERR_OK)
        code = cmd_log_begin(cmd, log, from, why);
    return code == ERR_OK ? db_log_add(conn, log, from->text, from->begin, why) : code;
}

static int cmd_log_do_add(const struct cmd *cmd, const struct cmd_log_add *add, const char *name)
{
    struct ctlog log = {0};
    struct cmd_log_from from;
    struct pgconn *conn = NULL;
    struct err why = {0};
    int status = CMD_OK;
    uint64_t next = 0;

    if (cmd_log_describe(add, name, &log, &why) != ERR_OK ||
        cmd_log_from(add->from == NULL ? "0" : add->from, &from, &why) != ERR_OK) {
        (void)cmd_fail(&why); /* whatever kind of error it is: it stands on the command line */
        return CMD_USAGE;
    }
    if (contact_need(cmd->conf, log.url, &why) != ERR_OK || cmd_db_open(cmd, &conn, &why) != ERR_OK)
        return cmd_fail(&why);
    if (cmd_log_register(cmd, conn, &log, &from, &why) != ERR_OK ||
        db_log_next(conn, &log, &next, &why) != ERR_OK) {
        (void)cmd_fail(&why);
        status = err_class(why.code) == ERR_CLASS_WORLD || err_class(why.code) == ERR_CLASS_STATE ? CMD_FAILED
                                                                                                  : CMD_USAGE;
    } else if (cmd->json) {
        cmd_print_json(json_pack("{s:s, s:s, s:i, s:o, s:I}", "schema", "ctvigil.log.added.1", "name",
                                 log.name, "id", log.id, "log_id", cmd_json_hex(span_of(log.log_id, 32)),
                                 "begin", (json_int_t)next));
    } else if (next != from.begin) {
        printf("%s: followed again as it was, reading goes on at entry %" PRIu64 "\n", log.name, next);
    } else {
        printf("%s: added, reading begins at entry %" PRIu64 "\n", log.name, from.begin);
    }
    cmd_db_close(conn);
    return status;
}

/* The list that was tried last; nothing was ever tried: an empty one. */
static enum err_code cmd_log_source(struct pgconn *conn, struct db_loglist *list, struct err *why)
{
    bool found = false;
    return db_loglist_last(conn, list, &found, why);
}

/* CMD_OK, or CMD_STALE after it was said what is not as it should be. */
static int cmd_log_check(const struct db_loglist *list, const struct db_log_status *rows, size_t count)
{
    int64_t now_ms = clock_wall_ms();
    int status = CMD_OK;

    for (size_t i = 0; i < count; i++) {
        unsigned reasons = logcheck_of(&rows[i], now_ms);
        logcheck_tell(stderr, &rows[i], reasons);
        if (reasons != 0)
            status = CMD_STALE;
    }
    if (!logtable_list_stale(list, now_ms))
        return status;
    fprintf(stderr, "ctvigil: the log list %s\n",
            list->refused ? "that came last was refused" : "is older than 70 days");
    return CMD_STALE;
}

/* A list can name logs that only some people are shown. */
static void cmd_log_newcomers(const char *operators)
{
    if (operators[0] == '\0')
        return;
    printf("new in the log list: ");
    cmd_print_visible(span_str(operators), 0);
    printf("; no list of before named them\n");
}

static void cmd_log_print(const struct cmd *cmd, bool status_wanted, const struct db_loglist *list,
                          const struct db_log_status *rows, size_t count, const struct logtable_more *more)
{
    int64_t now_ms = clock_wall_ms();
    for (size_t i = 0; cmd->json && i < count; i++)
        cmd_print_json(logtable_json(&rows[i], more));
    if (cmd->json && status_wanted && logtable_list_wrong(list, now_ms))
        cmd_print_json(logtable_list_json(list, now_ms));
    if (cmd->json)
        return;
    if (count == 0)
        fprintf(stderr,
                "ctvigil: no log is known yet; 'ctvigil run' or 'ctvigil log update' fetches the log list,"
                " 'ctvigil log add' adds one by hand\n");
    else if (status_wanted)
        logtable_status(rows, count, more, cmd_columns());
    else
        logtable_list(rows, count, cmd_columns());
    logtable_source(list, now_ms);
}

static int cmd_log_show(const struct cmd *cmd, bool status_wanted, bool check)
{
    struct db_log_status *rows = NULL;
    struct logtable_more more = {.parts.count = 0};
    struct db_loglist list = {.revision = 0};
    struct pgconn *conn = NULL;
    struct err why = {0};
    char newcomers[512];
    size_t count = 0;
    int status = CMD_OK;

    if (cmd_db_open_reader(cmd, &conn, &why) != ERR_OK)
        return cmd_fail(&why);
    if (db_log_status(conn, &rows, &count, &why) != ERR_OK ||
        db_coverage_parts(conn, &more.parts.parts, &more.parts.count, &why) != ERR_OK ||
        db_pace_load(conn, &more.pace, &why) != ERR_OK ||
        db_loglist_newcomers(conn, newcomers, sizeof newcomers, &why) != ERR_OK ||
        cmd_log_source(conn, &list, &why) != ERR_OK) {
        status = cmd_fail(&why);
    } else {
        cmd_log_print(cmd, status_wanted, &list, rows, count, &more);
        if (!cmd->json)
            cmd_log_newcomers(newcomers);
        if (check)
            status = cmd_log_check(&list, rows, count);
    }
    free(rows);
    free(more.parts.parts);
    db_pace_free(&more.pace);
    cmd_db_close(conn);
    return status;
}

static void cmd_log_updated(const struct cmd *cmd, const struct listkeeper_report *report)
{
    const struct db_loglist_change *change = &report->change;

    if (cmd->json) {
        cmd_print_json(json_pack(
            "{s:s, s:s, s:s, s:o, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s}", "schema",
            "ctvigil.log.list.1", "source", report->list.source, "version", report->list.version, "made_at",
            report->list.made_ms == 0 ? json_null() : cmd_json_time(report->list.made_ms), "unchanged",
            report->unchanged ? 1 : 0, "logs", (json_int_t)report->list.logs, "added",
            (json_int_t)change->added, "changed", (json_int_t)change->changed, "left",
            (json_int_t)change->left, "by_hand", (json_int_t)change->by_hand, "unusable",
            (json_int_t)report->refused, "unstarted", (json_int_t)report->unstarted, "unasked",
            (json_int_t)report->unasked, "new_operators", change->new_operators));
        return;
    }
    logtable_source(&report->list, clock_wall_ms());
    if (report->unchanged)
        printf("unchanged\n");
    else
        printf("%" PRIu32 " added, %" PRIu32 " changed, %" PRIu32 " left the list, %" PRIu32
               " followed by hand already, %" PRIu32 " unusable\n",
               change->added, change->changed, change->left, change->by_hand, report->refused);
    cmd_log_newcomers(change->new_operators);
    if (report->unstarted > report->unasked)
        printf("%" PRIu32 " do not answer yet; where they begin is found out when they do\n",
               report->unstarted - report->unasked);
    if (report->unasked > 0)
        printf("%" PRIu32 " %s\n", report->unasked, contact_missing());
}

static int cmd_log_do_update(const struct cmd *cmd)
{
    struct listkeeper_report report = {.none = false};
    const char *named = NULL;
    struct pgconn *conn = NULL;
    struct err why = {0};
    int status = CMD_OK;

    if (cmd_db_open(cmd, &conn, &why) != ERR_OK)
        return cmd_fail(&why);
    if (listkeeper_named(cmd->conf, conn, &named, &why) != ERR_OK ||
        contact_list(cmd->conf, named, &why) != ERR_OK ||
        listkeeper_update(cmd->conf, cmd_db_dsn(), conn, &report, &why) != ERR_OK) {
        status = cmd_fail(&why);
        if (why.code != ERR_CONFIG)
            status = CMD_FAILED;
    } else if (report.none) {
        status = cmd_usage(cmd, "no log list is followed%s",
                           cmd->conf->ingest.log_list[0] == '\0'
                               ? ", because logs were added by hand; set ingest.log_list to google"
                               : ": ingest.log_list is none");
    } else {
        cmd_log_updated(cmd, &report);
    }
    cmd_db_close(conn);
    return status;
}

static int cmd_log_do_remove(const struct cmd *cmd, const char *name)
{
    struct pgconn *conn = NULL;
    struct err why = {0};
    int status = CMD_OK;

    if (cmd_db_open(cmd, &conn, &why) != ERR_OK)
        return cmd_fail(&why);
    if (db_log_remove(conn, name, &why) != ERR_OK)
        status = cmd_fail(&why);
    else if (cmd->json)
        cmd_print_json(json_pack("{s:s, s:s}", "schema", "ctvigil.log.removed.1", "name", name));
    else
        printf("%s: no longer followed; what was read stays searchable\n", name);
    cmd_db_close(conn);
    return status;
}

static int cmd_log_do_import(const struct cmd *cmd, const struct cmd_log_add *add, int operands)
{
    struct ctlog given = {0};
    struct err why = {0};
    const struct importer_ask ask = {.name = add->name,
                                     .key = add->key == NULL ? NULL : &given,
                                     .paths = (const char *const *)cmd->argv + 2,
                                     .count = (size_t)operands};

    if (add->name != NULL && cmd_log_name(add->name, &given, &why) != ERR_OK)
        return cmd_fail(&why);
    if (add->key != NULL && cmd_log_key(add->key, &given, &why) != ERR_OK)
        return cmd_fail(&why);
    return importer_run(cmd, &ask);
}

int cmd_log(struct cmd *cmd)
{
    struct cmd_log_add add = {0};
    bool check = false;
    uint64_t id = UINT64_MAX;
    bool known = false;
    const struct opt rows[] = {
        {"protocol", OPT_TEXT, &add.protocol, "NAME",
         "rfc6962, static-ct, or hybrid: RFC 6962 with data tiles under the same URL"},
        {"url", OPT_TEXT, &add.url, "URL", "of the log; for static-ct the monitoring prefix"},
        {"submission-url", OPT_TEXT, &add.submission_url, "URL",
         "static-ct: gives the origin; default: the same as --url"},
        {"key", OPT_FILE, &add.key, "B64|FILE",
         "public key: base64 of the DER, or a file with DER, PEM or base64"},
        {"name", OPT_TEXT, &add.name, "NAME", "import: of a log that is not known yet; default: its origin"},
        {"from", OPT_TEXT, &add.from, "WHERE", "now, 0 (default), an index, or a time such as 2026-11-21"},
        {"operator", OPT_TEXT, &add.operator_key, "NAME",
         "whose limits it shares; default: the domain of its URL"},
        {"allow-http", OPT_FLAG, &add.allow_http, NULL, "accept http:// for other machines than this one"},
        {"check", OPT_FLAG, &check, NULL,
         "status: exit with 3 when a log or the log list is not as it should be, and say why"},
        {"id", OPT_NUMBER, &id, "N", "verify, evidence: the account of that number in the database"},
        {"known", OPT_FLAG, &known, NULL, "verify: also say under which name the database knows the log"},
        {NULL, OPT_FLAG, NULL, NULL, NULL},
    };
    enum { ADD, LIST, STATUS, UPDATE, REMOVE, VERIFY, EVIDENCE, IMPORT };
    static const struct opt_verb verbs[] = {
        [ADD] = {"add", "NAME", "protocol url submission-url key from operator allow-http"},
        [LIST] = {"list", "", ""},
        [STATUS] = {"status", "", "check"},
        [UPDATE] = {"update", "", ""},
        [REMOVE] = {"remove", "NAME", ""},
        [VERIFY] = {"verify", "[FILE...]", "id known"},
        [EVIDENCE] = {"evidence", "", "id"},
        [IMPORT] = {"import", "ARCHIVE.zip...", "name key"},
        {NULL, NULL, NULL},
    };
    size_t verb;
    int operands;

    if (cmd->help)
        return cmd_help(cmd_log_usage,
                        "Adds, lists and inspects the CT logs that are followed; update fetches the log list "
                        "now; verify checks"
                        " the account of a contradiction again, without the log and without the network.",
                        rows);
    if (!opt_parse_verb(rows, verbs, cmd->argc, cmd->argv, &verb, &operands))
        return CMD_USAGE;
    switch (verb) {
    case ADD:
        return cmd_log_do_add(cmd, &add, cmd->argv[2]);
    case LIST:
        return cmd_log_show(cmd, false, false);
    case STATUS:
        return cmd_log_show(cmd, true, check);
    case UPDATE:
        return cmd_log_do_update(cmd);
    case VERIFY:
        return logverify_run(cmd, &(struct logverify_ask){id == UINT64_MAX ? NULL : &id, known},
                             cmd->argv + 2, operands);
    case EVIDENCE:
        return logverify_list(cmd, id == UINT64_MAX ? NULL : &id);
    case IMPORT:
        return cmd_log_do_import(cmd, &add, operands);
    default:
        return cmd_log_do_remove(cmd, cmd->argv[2]);
    }
}
