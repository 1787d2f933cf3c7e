#include "cli/logverify.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/text.h"
#include "db/db_evidence.h"
#include "ingest/bundle.h"

#define LOGVERIFY_WORD  9 /* columns of a weight */
#define LOGVERIFY_CHUNK 65536

/* What is printed in front of a finding. */
static const char *const logverify_labels[] = {
    [ACCOUNT_NOTE] = "note",    [ACCOUNT_CLAIM] = "claimed", [ACCOUNT_SHOWN] = "shown",
    [ACCOUNT_SERVED] = "WRONG", [ACCOUNT_SIGNED] = "WRONG",  [ACCOUNT_BROKEN] = "BROKEN",
};

static const char *const logverify_verdicts[] = {
    [ACCOUNT_NOTE] =
        "nothing here shows that the log contradicted itself; what is claimed rests on the word of who"
        " wrote this",
    [ACCOUNT_SERVED] =
        "the log contradicted itself, if it served what is kept here; that it did is the word of who"
        " wrote this",
    [ACCOUNT_SIGNED] = "the log contradicted itself; its own signatures prove it, nobody has to be believed",
    [ACCOUNT_BROKEN] = "this is no evidence: it does not agree with itself",
};

/* "nothing" instead of "note": as a verdict it means that nothing is shown. */
static const char *logverify_verdict_word(enum account_weight gravest)
{
    return gravest == ACCOUNT_NOTE ? "nothing" : account_weight_word(gravest);
}

static void logverify_print(const char *file, const struct bundle *bundle,
                            const struct account_report *report, const char *known)
{
    char id[65];

    cmd_print_visible(span_str(file), 0);
    printf(": ");
    cmd_print_visible(span_str(bundle->kind), 0);
    printf(", log ");
    cmd_print_visible(span_str(bundle->account.log.name), 0);
    printf(" (%s)\n", text_hex(span_of(bundle->account.stated_log_id, 32), id));
    if (bundle->sentence[0] != '\0') {
        printf("  %-*s", LOGVERIFY_WORD, "said");
        cmd_print_visible(span_str(bundle->sentence), 0);
        printf("\n");
    }
    if (bundle->hash_tile[0] != '\0') {
        printf("  %-*s", LOGVERIFY_WORD, "tiles");
        cmd_print_visible(span_str(bundle->data_tile), 0);
        printf(", ");
        cmd_print_visible(span_str(bundle->hash_tile), 0);
        printf("\n");
    }
    for (size_t i = 0; i < report->count; i++) {
        const struct account_finding *finding = &report->finding[i];
        printf("  %-*s%s: %s\n", LOGVERIFY_WORD, logverify_labels[account_weight(finding->what)],
               account_sentence(finding->what), finding->text);
    }
    for (size_t i = 0; i < bundle->left_out_count; i++) {
        printf("  %-*s", LOGVERIFY_WORD, "left out");
        cmd_print_visible(span_str(bundle->left_out[i]), 0);
        printf("\n");
    }
    if (known != NULL && known[0] == '\0')
        printf("  %-*sthe database knows no log of this id\n", LOGVERIFY_WORD, "claimed");
    else if (known != NULL)
        printf("  %-*sthe database knows the log of this id and key as %s\n", LOGVERIFY_WORD, "shown", known);
    printf("  %s\n", logverify_verdicts[report->gravest]);
}

static json_t *logverify_text(const char *text)
{
    char visible[4 * BUNDLE_TEXT_MAX];

    return json_string(text_visible_str(span_str(text), visible, sizeof visible));
}

static void logverify_json(const char *file, const struct bundle *bundle, const struct account_report *report,
                           const char *known)
{
    json_t *findings = json_array();
    json_t *left_out = json_array();

    for (size_t i = 0; i < report->count; i++) {
        const struct account_finding *finding = &report->finding[i];
        json_array_append_new(findings,
                              json_pack("{s:s, s:s, s:s, s:s}", "what", account_word(finding->what), "weight",
                                        account_weight_word(account_weight(finding->what)), "sentence",
                                        account_sentence(finding->what), "detail", finding->text));
    }
    for (size_t i = 0; i < bundle->left_out_count; i++)
        json_array_append_new(left_out, logverify_text(bundle->left_out[i]));
    cmd_print_json(json_pack("{s:s, s:o, s:o, s:o, s:o, s:s, s:b, s:o, s:o, s:o, s:o, s:o}", "schema",
                             "ctvigil.log.verify.1", "file", logverify_text(file), "kind",
                             logverify_text(bundle->kind), "log", logverify_text(bundle->account.log.name),
                             "log_id", cmd_json_hex(span_of(bundle->account.stated_log_id, 32)), "verdict",
                             logverify_verdict_word(report->gravest), "contradiction",
                             report->gravest == ACCOUNT_SERVED || report->gravest == ACCOUNT_SIGNED,
                             "known_as",
                             known == NULL || known[0] == '\0' ? json_null() : logverify_text(known),
                             "sentence", logverify_text(bundle->sentence), "written_at",
                             logverify_text(bundle->time), "findings", findings, "left_out", left_out));
}

static int logverify_text_check(const struct cmd *cmd, struct pgconn *conn, const char *file,
                                struct span text)
{
    struct account_report report;
    struct bundle *bundle = NULL;
    struct err why = {0};
    char name[CTLOG_NAME_MAX] = "";
    enum err_code code = bundle_read(text, &bundle, &why);

    if (code == ERR_OK && conn != NULL)
        code = db_evidence_known(conn, bundle->account.stated_log_id,
                                 span_of(bundle->account.log.key, bundle->account.log.key_len), name,
                                 sizeof name, &why);
    if (code != ERR_OK) {
        bundle_free(bundle);
        err_prefix(&why, "%s", file);
        (void)cmd_fail(&why);
        return CMD_FAILED;
    }
    account_check(&bundle->account, &report);
    if (cmd->json)
        logverify_json(file, bundle, &report, conn == NULL ? NULL : name);
    else
        logverify_print(file, bundle, &report, conn == NULL ? NULL : name);
    bundle_free(bundle);
    return report.gravest == ACCOUNT_BROKEN ? CMD_FAILED
           : report.gravest == ACCOUNT_NOTE ? CMD_OK
                                            : CMD_FINDINGS;
}

static enum err_code logverify_file(const char *file, struct buf *text, struct err *why)
{
    FILE *in = strcmp(file, "-") == 0 ? stdin : fopen(file, "rbe");
    size_t got = 1;

    if (in == NULL)
        return err_set(why, ERR_SYSTEM, "%s: %s", file, strerror(errno));
    while (got > 0) {
        uint8_t *room = buf_room(text, LOGVERIFY_CHUNK);
        if (room == NULL)
            break;
        got = fread(room, 1, LOGVERIFY_CHUNK, in);
        text->len -= LOGVERIFY_CHUNK - got;
    }
    bool failed = ferror(in) != 0;
    if (in != stdin)
        (void)fclose(in);
    if (failed)
        return err_set(why, ERR_SYSTEM, "%s: it can not be read", file);
    if (!buf_ok(text))
        return err_set(why, ERR_TOO_BIG, "%s: more than %u bytes", file, LIMIT_ACCOUNT_BYTES);
    return ERR_OK;
}

/* The lowest that is not zero wins. */
static int logverify_worse(int status, int other)
{
    return status == CMD_OK || (other != CMD_OK && other < status) ? other : status;
}

static int logverify_all(const struct cmd *cmd, const struct logverify_ask *ask, struct pgconn *conn,
                         char *const *files, int count)
{
    struct buf text;
    struct err why = {0};
    int status = CMD_OK;
    char name[48];

    buf_init(&text, LIMIT_ACCOUNT_BYTES + LOGVERIFY_CHUNK);
    for (int i = 0; i < (ask->id != NULL ? 1 : count); i++) {
        const char *file = ask->id == NULL ? files[i] : name;
        int one = CMD_FAILED;
        buf_clear(&text);
        err_clear(&why);
        if (ask->id != NULL)
            (void)snprintf(name, sizeof name, "evidence %" PRIu64, *ask->id);
        if ((ask->id != NULL ? db_evidence_load(conn, (int64_t)*ask->id, &text, &why)
                             : logverify_file(file, &text, &why)) == ERR_OK)
            one = logverify_text_check(cmd, conn, file, buf_span(&text));
        else if (cmd_fail(&why) == CMD_USAGE)
            one = CMD_USAGE;
        status = logverify_worse(status, one);
    }
    buf_fini(&text);
    return status;
}

int logverify_run(const struct cmd *cmd, const struct logverify_ask *ask, char *const *files, int count)
{
    struct pgconn *conn = NULL;
    struct err why = {0};

    if ((ask->id != NULL) == (count > 0))
        return cmd_usage(cmd, ask->id != NULL ? "--id takes the account from the database: no file as well"
                                              : "say which file, or --id N for one in the database");
    if ((ask->id != NULL || ask->known) && cmd_db_open(cmd, &conn, &why) != ERR_OK)
        return cmd_fail(&why);
    int status = logverify_all(cmd, ask, conn, files, count);
    if (conn != NULL)
        cmd_db_close(conn);
    return status;
}

static void logverify_row(void *arg, const struct db_evidence_row *row)
{
    const struct cmd *cmd = arg;
    char when[TEXT_TIME_MAX];

    if (cmd->json) {
        cmd_print_json(json_pack("{s:s, s:I, s:s, s:s, s:I, s:I, s:b, s:s, s:o, s:o}", "schema",
                                 "ctvigil.log.evidence.1", "id", (json_int_t)row->id, "log", row->log, "kind",
                                 row->kind, "begin", (json_int_t)row->begin, "end", (json_int_t)row->end,
                                 "open", row->open ? 1 : 0, "sentence", row->sentence, "path",
                                 row->path[0] == '\0' ? json_null() : json_string(row->path), "time",
                                 cmd_json_time(row->created_ms)));
        return;
    }
    printf("%" PRId64 "  %s  %s  ", row->id, text_time(row->created_ms, false, when),
           row->open ? "open" : "past");
    cmd_print_visible(span_str(row->log), 0);
    printf("  %s  ", row->kind);
    cmd_print_visible(span_str(row->sentence), 0);
    printf("\n");
    if (row->path[0] != '\0') {
        printf("    ");
        cmd_print_visible(span_str(row->path), 0);
        printf("\n");
    }
}

int logverify_list(const struct cmd *cmd, const uint64_t *id)
{
    struct pgconn *conn = NULL;
    struct err why = {0};
    struct buf text;
    int status = CMD_OK;

    if (cmd_db_open(cmd, &conn, &why) != ERR_OK)
        return cmd_fail(&why);
    buf_init(&text, LIMIT_ACCOUNT_BYTES);
    union {
        const struct cmd *in;
        void *out;
    } arg = {.in = cmd};
    enum err_code code = id == NULL ? db_evidence_list(conn, logverify_row, arg.out, &why)
                                    : db_evidence_load(conn, (int64_t)*id, &text, &why);
    if (code != ERR_OK)
        status = cmd_fail(&why);
    else if (id != NULL)
        printf("%s\n", buf_text(&text));
    buf_fini(&text);
    cmd_db_close(conn);
    return status;
}
