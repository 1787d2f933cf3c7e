/* alert list | show | ack | retry | test */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/text.h"
#include "cli/alerttable.h"
#include "cli/cmd.h"
#include "cli/notify.h"
#include "cli/opt.h"
#include "cli/watchname.h"
#include "db/db_alert.h"
#include "db/db_alert_ack.h"
#include "db/db_alert_raise.h"
#include "db/db_domain.h"
#include "db/db_outbox.h"
#include "watcher/message.h"

#define CMD_ALERT_LIMIT     100
#define CMD_ALERT_LIMIT_MAX 10000

static const char cmd_alert_usage[] =
    "ctvigil alert list [--domain D] [--state S] [--severity S] [--since TIME] [--limit N] [--after CURSOR]\n"
    "       ctvigil alert show ID\n"
    "       ctvigil alert ack ID | --all [--domain D] [--severity S] [--kind K] [--until TIME] [--reason "
    "TEXT]\n"
    "       ctvigil alert retry [ID]\n"
    "       ctvigil alert test [CHANNEL]";

struct cmd_alert_options {
    const char *domain;
    const char *state;
    const char *severity;
    const char *reason;
    const char *kind;
    bool all;
    int64_t until_ms;
    int64_t since_ms;
    uint64_t limit;
    uint64_t after;
};

static bool cmd_alert_one_of(const char *text, const char *const *words)
{
    for (; *words != NULL; words++)
        if (strcmp(text, *words) == 0)
            return true;
    return false;
}

static bool cmd_alert_id(const char *text, int64_t *id)
{
    return text_int(span_str(text), id) && *id > 0;
}

static enum err_code cmd_alert_json(const struct db_alert_row *row, bool deliveries, struct err *why)
{
    char *json = NULL;
    enum err_code code = message_json(row, deliveries, &json, why);

    if (code == ERR_OK)
        printf("%s\n", json);
    free(json);
    return code;
}

static enum err_code cmd_alert_row_json(void *arg, const struct db_alert_row *row, struct err *why)
{
    uint64_t *rows = arg;

    ++*rows;
    return cmd_alert_json(row, false, why);
}

static enum err_code cmd_alert_page_json(void *arg, const struct db_alert_row *row, struct err *why)
{
    (void)arg;
    return cmd_alert_json(row, true, why);
}

static enum err_code cmd_alert_row_none(void *arg, const struct db_alert_row *row, struct err *why)
{
    uint64_t *rows = arg;

    (void)row;
    (void)why;
    ++*rows;
    return ERR_OK;
}

static enum err_code cmd_alert_row_page(void *arg, const struct db_alert_row *row, struct err *why)
{
    char *page = NULL;
    enum err_code code = message_page(row, &page, why);

    (void)arg;
    if (code == ERR_OK)
        fputs(page, stdout);
    free(page);
    return code;
}

static enum err_code cmd_alert_row_line(void *arg, const struct db_alert_row *row, struct err *why)
{
    uint64_t *rows = arg;
    size_t columns = cmd_columns();
    struct buf line;

    (void)why;
    buf_init(&line, 1u << 20);
    if ((*rows)++ == 0)
        alerttable_head(&line, columns);
    alerttable_row(&line, columns, row);
    fputs(buf_text(&line), stdout);
    buf_fini(&line);
    return ERR_OK;
}

/* No row was found: is the domain registered, or was it? A list that is empty because of a slip of the finger
 * would look like silence. */
static enum err_code cmd_alert_known(struct pgconn *conn, const char *domain, struct err *why)
{
    struct db_alert_filter filter = {.domain = domain, .limit = 1};
    struct watch *watches = NULL;
    uint64_t generation;
    uint64_t rows = 0;
    size_t count = 0;
    int64_t next;
    bool known = false;
    enum err_code code = db_domain_load(conn, &watches, &count, &generation, why);

    for (size_t i = 0; code == ERR_OK && i < count; i++)
        known = known || strcmp(watches[i].name, domain) == 0;
    if (watches != NULL)
        watch_free(watches, count);
    if (code == ERR_OK && !known)
        code = db_alert_list(conn, &filter, cmd_alert_row_none, &rows, &next, why);
    if (code == ERR_OK && !known && rows == 0)
        code = err_set(why, ERR_NOT_FOUND,
                       "--domain: %s is not registered; 'ctvigil domain list' shows what is", domain);
    return code;
}

static bool cmd_alert_narrowed(const struct cmd_alert_options *options)
{
    return options->domain != NULL || options->state != NULL || options->severity != NULL ||
           options->since_ms != 0 || options->after != 0;
}

/* The database gives so many alerts at once as it likes. */
static enum err_code cmd_alert_pages(struct pgconn *conn, struct db_alert_filter filter, db_alert_each *each,
                                     uint64_t *rows, int64_t *next, struct err *why)
{
    const uint64_t wanted = filter.limit;
    enum err_code code;

    do {
        filter.limit = (uint32_t)(wanted - *rows);
        code = db_alert_list(conn, &filter, each, rows, next, why);
        filter.after = *next;
    } while (code == ERR_OK && *next != 0 && *rows < wanted);
    return code;
}

static int cmd_alert_do_list(const struct cmd *cmd, const struct cmd_alert_options *options)
{
    static const char *const states[] = {"new", "notified", "acked", "closed", NULL};
    static const char *const severities[] = {"info", "low", "high", "critical", NULL};
    struct db_alert_filter filter = {.domain = options->domain,
                                     .state = options->state,
                                     .severity = options->severity,
                                     .since_ms = options->since_ms,
                                     .after = (int64_t)options->after,
                                     .limit = (uint32_t)options->limit};
    struct pgconn *conn = NULL;
    struct err why = {0};
    struct watch watch = {0};
    char domain[DNS_TEXT_MAX];
    uint64_t rows = 0;
    int64_t next = 0;

    if (options->state != NULL && !cmd_alert_one_of(options->state, states))
        return cmd_usage(cmd, "--state: '%s' is none of new, notified, acked, closed", options->state);
    if (options->severity != NULL && !cmd_alert_one_of(options->severity, severities))
        return cmd_usage(cmd, "--severity: '%s' is none of info, low, high, critical", options->severity);
    if (options->limit == 0 || options->limit > CMD_ALERT_LIMIT_MAX)
        return cmd_usage(cmd, "--limit: %" PRIu64 " is not allowed, but 1 to %d", options->limit,
                         CMD_ALERT_LIMIT_MAX);
    if (options->after > INT64_MAX)
        return cmd_usage(cmd, "--after: %" PRIu64 " is not the cursor of a list before", options->after);
    if (options->domain != NULL) {
        if (watchname_read(options->domain, &watch, domain, &why) != ERR_OK)
            return cmd_usage(cmd, "--domain: %s", why.text);
        filter.domain = domain;
    }
    enum err_code code = cmd_db_open(cmd, &conn, &why);
    if (code == ERR_OK)
        code = cmd_alert_pages(conn, filter, cmd->json ? cmd_alert_row_json : cmd_alert_row_line, &rows,
                               &next, &why);
    if (code == ERR_OK && rows == 0 && filter.domain != NULL)
        code = cmd_alert_known(conn, filter.domain, &why);
    if (code == ERR_OK && next != 0 && cmd->json)
        cmd_print_json(json_pack("{s:o}", "cursor", json_sprintf("%" PRId64, next)));
    else if (code == ERR_OK && next != 0)
        fprintf(stderr, "ctvigil: there are more: --after %" PRId64 "\n", next);
    else if (code == ERR_OK && rows == 0 && !cmd->json)
        fprintf(stderr, "ctvigil: %s\n", cmd_alert_narrowed(options) ? "no alerts match" : "no alerts");
    if (conn != NULL)
        cmd_db_close(conn);
    return code == ERR_OK ? CMD_OK : cmd_fail(&why);
}

static int cmd_alert_do_show(const struct cmd *cmd, int64_t id)
{
    struct pgconn *conn = NULL;
    struct err why = {0};

    enum err_code code = cmd_db_open(cmd, &conn, &why);
    if (code == ERR_OK)
        code = db_alert_show(conn, id, cmd->json ? cmd_alert_page_json : cmd_alert_row_page, NULL, &why);
    if (conn != NULL)
        cmd_db_close(conn);
    return code == ERR_OK ? CMD_OK : cmd_fail(&why);
}

static bool cmd_alert_kind(const char *kind)
{
    for (int i = 0; i < ALERT_KIND_COUNT; i++)
        if (strcmp(kind, alert_kind_name((enum alert_kind)i)) == 0)
            return true;
    return false;
}

static int cmd_alert_do_ack_all(const struct cmd *cmd, const struct cmd_alert_options *options, bool id_given)
{
    static const char *const severities[] = {"info", "low", "high", "critical", NULL};
    struct db_alert_ack_filter filter = {
        .severity = options->severity, .kind = options->kind, .until_ms = options->until_ms};
    struct pgconn *conn = NULL;
    struct err why = {0};
    struct watch watch = {0};
    char domain[DNS_TEXT_MAX];
    uint64_t count = 0;

    if (id_given)
        return cmd_usage(cmd, "ack: either the number of an alert or --all");
    if (options->severity != NULL && !cmd_alert_one_of(options->severity, severities))
        return cmd_usage(cmd, "--severity: '%s' is none of info, low, high, critical", options->severity);
    if (options->kind != NULL && !cmd_alert_kind(options->kind))
        return cmd_usage(cmd, "--kind: there is no kind of alerts '%s'; ctvigil-alerts(5) has all",
                         options->kind);
    if (options->domain != NULL) {
        if (watchname_read(options->domain, &watch, domain, &why) != ERR_OK)
            return cmd_usage(cmd, "--domain: %s", why.text);
        filter.domain = domain;
    }
    enum err_code code = cmd_db_open(cmd, &conn, &why);
    if (code == ERR_OK)
        code = db_alert_ack_all(conn, &filter, options->reason == NULL ? "" : options->reason, &count, &why);
    if (code == ERR_OK && count == 0 && filter.domain != NULL)
        code = cmd_alert_known(conn, filter.domain, &why);
    if (code == ERR_OK && cmd->json)
        cmd_print_json(json_pack("{s:s, s:I, s:s}", "schema", "ctvigil.alert.acked.1", "alerts",
                                 (json_int_t)count, "state", "acked"));
    else if (code == ERR_OK)
        printf("%" PRIu64 " alert%s acknowledged\n", count, count == 1 ? "" : "s");
    if (conn != NULL)
        cmd_db_close(conn);
    return code == ERR_OK ? CMD_OK : cmd_fail(&why);
}

static int cmd_alert_do_ack(const struct cmd *cmd, const struct cmd_alert_options *options, int64_t id)
{
    const char *reason = options->reason;
    struct pgconn *conn = NULL;
    struct err why = {0};

    if (id == 0)
        return cmd_usage(cmd, "ack: the number of an alert is missing, or --all");
    if (options->domain != NULL || options->severity != NULL || options->kind != NULL ||
        options->until_ms != 0)
        return cmd_usage(cmd, "ack: --domain, --severity, --kind and --until go with --all");
    enum err_code code = cmd_db_open(cmd, &conn, &why);
    if (code == ERR_OK)
        code = db_alert_ack(conn, id, reason == NULL ? "" : reason, &why);
    if (code == ERR_OK && cmd->json)
        cmd_print_json(json_pack("{s:s, s:I, s:s}", "schema", "ctvigil.alert.acked.1", "id", (json_int_t)id,
                                 "state", "acked"));
    else if (code == ERR_OK)
        printf("alert %" PRId64 " acknowledged\n", id);
    if (conn != NULL)
        cmd_db_close(conn);
    return code == ERR_OK ? CMD_OK : cmd_fail(&why);
}

static int cmd_alert_do_retry(const struct cmd *cmd, int64_t id)
{
    struct pgconn *conn = NULL;
    struct err why = {0};
    uint64_t count = 0;
    uint64_t seen = 0;

    enum err_code code = cmd_db_open(cmd, &conn, &why);
    if (code == ERR_OK)
        code = db_outbox_retry(conn, id, &count, &why);
    if (code == ERR_OK && id != 0 && count == 0)
        code = db_alert_show(conn, id, cmd_alert_row_none, &seen, &why); /* is there such an alert at all? */
    if (code == ERR_OK && cmd->json)
        cmd_print_json(
            json_pack("{s:s, s:I}", "schema", "ctvigil.alert.retry.1", "deliveries", (json_int_t)count));
    else if (code == ERR_OK && count == 0)
        printf("nothing to do: %s\n", id != 0
                                          ? "no delivery of it was given up; they are done or on their way"
                                          : "no delivery was given up");
    else if (code == ERR_OK)
        printf("%" PRIu64 " given-up deliver%s will be tried again\n", count, count == 1 ? "y" : "ies");
    if (conn != NULL)
        cmd_db_close(conn);
    return code == ERR_OK ? CMD_OK : cmd_fail(&why);
}

/* Raised like any other alert, so that what is tested is what will run. */
static enum err_code cmd_alert_raise_test(struct pgconn *conn, struct channel *const *channels, size_t count,
                                          int64_t *id, struct err *why)
{
    struct alert alert = {.domain_id = ALERT_DOMAINS_NONE, .finding_count = 1};
    uint8_t random[8];
    char hex[17];
    char dedup[32];
    bool raised = false;
    enum err_code code = ERR_OK;

    alert.sighting.timestamp_ms = clock_wall_ms();
    alert.findings[0] = (struct alert_finding){ALERT_KIND_TEST, alert_kind_severity(ALERT_KIND_TEST), "test",
                                               SPAN_LIT("a message that arrives"), SPAN_LIT("this one")};
    hash_random(random, sizeof random);
    (void)snprintf(dedup, sizeof dedup, "test:%s", text_hex(span_of(random, sizeof random), hex));
    for (size_t i = 0; i < count && code == ERR_OK; i++)
        code = db_outbox_channel(conn, channels[i]->name, why);
    if (code == ERR_OK)
        code = db_alert_raise(conn, &alert, NULL, 0, dedup, id, &raised, why);
    return code;
}

static enum err_code cmd_alert_send_test(struct pgconn *conn, struct channel *const *channels, size_t count,
                                         bool *refused, struct err *why)
{
    int64_t id = 0;
    enum err_code code = cmd_alert_raise_test(conn, channels, count, &id, why);

    for (size_t i = 0; i < count && code == ERR_OK; i++) {
        enum deliver_outcome outcome = DELIVER_ELSEWHERE;
        struct err failure = {0};
        code = deliver_one(conn, channels[i], id, &outcome, &failure, why);
        if (code != ERR_OK)
            break;
        if (outcome == DELIVER_SENT && failure.code != ERR_OK)
            fprintf(stderr, "ctvigil: channel %s: accepted, but its incident could not be ended: %s\n",
                    channels[i]->name, failure.text);
        else if (outcome == DELIVER_SENT)
            fprintf(stderr, "ctvigil: channel %s: accepted\n", channels[i]->name);
        else if (outcome == DELIVER_REFUSED)
            fprintf(stderr, "ctvigil: channel %s: %s\n", channels[i]->name, failure.text);
        else
            fprintf(stderr,
                    "ctvigil: channel %s: a running notifier delivers it; see 'alert show %" PRId64 "'\n",
                    channels[i]->name, id);
        *refused = *refused || outcome == DELIVER_REFUSED;
    }
    return code;
}

/* Leaves of the channels the one of that name, or those of a folder of hooks; false: there is none. */
static bool cmd_alert_pick(struct channel **channels, size_t *count, const char *name)
{
    size_t kept = 0;
    size_t len = strlen(name);

    for (size_t i = 0; i < *count; i++) {
        bool same = strncmp(channels[i]->name, name, len) == 0 &&
                    (channels[i]->name[len] == '\0' || channels[i]->name[len] == '/');
        if (same)
            channels[kept++] = channels[i];
        else
            channel_free(channels[i]);
    }
    *count = kept;
    return kept != 0;
}

static int cmd_alert_do_test(const struct cmd *cmd, const char *name)
{
    struct channel *channels[NOTIFY_CHANNELS_MAX];
    struct pgconn *conn = NULL;
    struct err why = {0};
    size_t count = 0;
    bool refused = false;

    enum err_code code = notify_channels(cmd, channels, &count, &why);
    if (code != ERR_OK)
        return cmd_fail(&why);
    if (count == 0)
        return cmd_usage(cmd, "no channel is configured: set stdout.enabled, hook.command or channels");
    if (name != NULL && !cmd_alert_pick(channels, &count, name))
        return cmd_usage(cmd, "there is no channel '%s' in the configuration", name);
    code = cmd_db_open(cmd, &conn, &why);
    if (code == ERR_OK)
        code = cmd_alert_send_test(conn, channels, count, &refused, &why);
    for (size_t i = 0; i < count; i++)
        channel_free(channels[i]);
    if (conn != NULL)
        cmd_db_close(conn);
    if (code != ERR_OK)
        return cmd_fail(&why);
    return refused ? CMD_FAILED : CMD_OK;
}

int cmd_alert(struct cmd *cmd)
{
    struct cmd_alert_options options = {.limit = CMD_ALERT_LIMIT};
    const struct opt rows[] = {
        {"domain", OPT_TEXT, &options.domain, "NAME", "list, ack --all: only of this registered domain"},
        {"state", OPT_TEXT, &options.state, "STATE", "list: only new, notified, acked or closed ones"},
        {"severity", OPT_TEXT, &options.severity, "SEVERITY",
         "list: only this severity (info, low, high, critical) and graver; ack --all: this one and less "
         "grave"},
        {"all", OPT_FLAG, &options.all, NULL, "ack: every open alert that the other options leave"},
        {"kind", OPT_TEXT, &options.kind, "KIND", "ack --all: only of this kind"},
        {"until", OPT_TIME, &options.until_ms, "TIME", "ack --all: only those raised before then"},
        {"since", OPT_TIME, &options.since_ms, "TIME", "list: only those raised since then"},
        {"limit", OPT_NUMBER, &options.limit, "N", "list: at most so many; 100 by default"},
        {"after", OPT_NUMBER, &options.after, "CURSOR",
         "list: the page after the one that ended with this cursor"},
        {"reason", OPT_TEXT, &options.reason, "TEXT", "ack: why it is fine"},
        {NULL, OPT_FLAG, NULL, NULL, NULL},
    };
    enum { LIST, SHOW, ACK, RETRY, TEST };
    static const struct opt_verb verbs[] = {
        [LIST] = {"list", "", "domain state severity since limit after"},
        [SHOW] = {"show", "ID", ""},
        [ACK] = {"ack", "[ID]", "reason all domain severity kind until"},
        [RETRY] = {"retry", "[ID]", ""},
        [TEST] = {"test", "[CHANNEL]", ""},
        {NULL, NULL, NULL},
    };
    size_t verb;
    int operands;
    int64_t id = 0;

    if (cmd->help)
        return cmd_help(
            cmd_alert_usage,
            "Lists and answers alerts. `retry` gives deliveries that were given up another life (of one\n"
            "alert, or of all); `test` sends a test alert through every configured channel, or the one "
            "named.",
            rows);
    if (!opt_parse_verb(rows, verbs, cmd->argc, cmd->argv, &verb, &operands))
        return CMD_USAGE;
    if (operands == 1 && verb != TEST && !cmd_alert_id(cmd->argv[2], &id))
        return cmd_usage(cmd, "'%s' is not the number of an alert; 'ctvigil alert list' shows them",
                         cmd->argv[2]);
    switch (verb) {
    case LIST:
        return cmd_alert_do_list(cmd, &options);
    case SHOW:
        return cmd_alert_do_show(cmd, id);
    case ACK:
        if (options.all)
            return cmd_alert_do_ack_all(cmd, &options, operands != 0);
        return cmd_alert_do_ack(cmd, &options, id);
    case RETRY:
        return cmd_alert_do_retry(cmd, id);
    default:
        return cmd_alert_do_test(cmd, operands == 1 ? cmd->argv[2] : NULL);
    }
}
