#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/text.h"
#include "cli/cmd.h"
#include "cli/opt.h"
#include "cli/reallow.h"
#include "cli/trustexplain.h"
#include "cli/trustimport.h"
#include "cli/trustset.h"
#include "cli/trustview.h"
#include "db/db_trust.h"

static void report_human(const struct catake *take, const struct db_trust_put *done)
{
    for (size_t i = 0; i < take->file_count; i++) {
        const struct catake_file *file = &take->file[i];
        char day[TEXT_TIME_MAX];
        cmd_print_visible(span_str(file->name), 36);
        if (file->form[0] == '\0') {
            printf(" %s\n", file->note);
            continue;
        }
        printf(" %-22s %.10s  %" PRIu64 " taken, %" PRIu64 " passed over%s%s\n", file->form,
               text_time(file->dated_ms, false, day), file->taken, file->passed,
               file->note[0] == '\0' ? "" : ": ", file->note);
    }
    if (done->known)
        printf("Nothing new: these files were imported before.\n");
    else
        printf("Bundle %lld: %" PRIu64 " rules new, %" PRIu64 " gone, %" PRIu64
               " CA certificates new, %" PRIu64
               " edges new. Certificates are judged again within a minute by `run`, `watch` or `ingest`.\n",
               (long long)done->bundle, done->rules_new, done->rules_gone, done->certs_new, done->edges_new);
}

/* What could not be read is no reason to leave out the others, and is said. */
static void warn_unread(const struct catake *take)
{
    for (size_t i = 0; i < take->file_count; i++)
        if (take->file[i].damaged || take->file[i].form[0] == '\0')
            fprintf(stderr, "ctvigil: %s: %s: nothing of it was taken%s\n", take->file[i].name,
                    take->file[i].note,
                    take->file[i].unread == 0 ? ""
                                              : ", and what it would take the place of stays; --force takes"
                                                " the others");
        else if (take->file[i].withheld)
            fprintf(stderr, "ctvigil: %s: %s\n", take->file[i].name, take->file[i].note);
        else if (take->file[i].unread != 0)
            fprintf(stderr, "ctvigil: %s: %s: the others were taken\n", take->file[i].name,
                    take->file[i].note);
}

static int trust_import(const struct cmd *cmd, const char *dir, bool force)
{
    struct err why = {0};
    struct catake *take = NULL;
    struct pgconn *conn = NULL;
    struct db_trust_put done = {0};
    struct reallow again = {0};
    uint8_t sha256[32];
    int64_t dated_ms = 0;
    enum err_code code = trustimport_read(dir, force, &take, sha256, &dated_ms, &why);
    char *report = trustimport_report(take);
    warn_unread(take);
    if (code == ERR_OK)
        code = cmd_db_open(cmd, &conn, &why);
    if (code == ERR_OK)
        code = db_trust_put(conn, take, sha256, dated_ms, report, force, &done, &why);
    if (code == ERR_OK)
        code = reallow_run(cmd_db_dsn(), conn, &again, &why);
    if (code == ERR_OK && done.older[0] != '\0')
        fprintf(stderr, "ctvigil: %s\n", done.older);
    if (code == ERR_OK && cmd->json)
        cmd_print_json(
            json_pack("{s:s, s:I, s:b, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "schema",
                      "ctvigil.trust.import.1", "bundle", (json_int_t)done.bundle, "known", (int)done.known,
                      "date", cmd_json_time(dated_ms), "rules_new", (json_int_t)done.rules_new, "rules_gone",
                      (json_int_t)done.rules_gone, "ca_certificates_new", (json_int_t)done.certs_new,
                      "edges_new", (json_int_t)done.edges_new, "domains_changed", (json_int_t)again.domains,
                      "alerts_closed", (json_int_t)again.closed, "files", json_loads(report, 0, NULL)));
    else if (code == ERR_OK)
        report_human(take, &done);
    if (code == ERR_OK && !cmd->json && again.domains != 0)
        printf("%zu domain%s allow or deny CAs by names that stand for other keys now; %" PRIu64
               " open alert%s explained by that.\n",
               again.domains, again.domains == 1 ? "" : "s", again.closed,
               again.closed == 1 ? " is" : "s are");
    int status = trustimport_lacks(take) ? CMD_STALE : CMD_OK;
    free(report);
    catake_free(take);
    if (conn != NULL)
        cmd_db_close(conn);
    return code == ERR_OK ? status : cmd_fail(&why);
}

static void count_rules(const struct cagraph *graph, enum verdict_store store, size_t *roots, size_t *others)
{
    *roots = 0;
    *others = 0;
    for (size_t i = 0; i < cagraph_rule_count(graph); i++) {
        const struct carule *rule = cagraph_rule(graph, i);
        if (rule->store != store)
            continue;
        *roots += rule->kind == CARULE_ANCHOR;
        *others += rule->kind != CARULE_ANCHOR && rule->kind != CARULE_NOTED;
    }
}

static const char *days(int64_t dated_ms, int64_t now, char *out, size_t cap)
{
    int64_t count = trustview_days(dated_ms, now);
    (void)snprintf(out, cap, "%lld day%s", (long long)count, count == 1 ? "" : "s");
    return out;
}

static void show_human(const struct cagraph *graph, const struct db_trust_bundle *bundle, int64_t now)
{
    char dated[TEXT_TIME_MAX];
    char imported[TEXT_TIME_MAX];
    char age[32];
    printf("Trust data of %.10s, %s old", text_time(cagraph_bundle_ms(graph), false, dated),
           days(cagraph_bundle_ms(graph), now, age, sizeof age));
    if (bundle->id == 0)
        printf("; nothing was imported, it is what the program came with\n");
    else
        printf("; bundle %lld, imported %s\n", (long long)bundle->id,
               text_time(bundle->imported_ms, false, imported));
    for (int i = 0; i < VERDICT_STORES; i++) {
        size_t roots;
        size_t others;
        count_rules(graph, (enum verdict_store)i, &roots, &others);
        printf("  %-10s %4zu roots, %4zu blocks, removals and limits\n",
               verdict_store_title((enum verdict_store)i), roots, others);
    }
    printf("CA certificates: %zu, of %zu CAs\n", cagraph_cert_count(graph), cagraph_ca_count(graph));
    for (size_t i = 0; i < cagraph_source_count(graph); i++) {
        const struct cagraph_source *source = cagraph_source(graph, i);
        if (source->fixed)
            printf("  %-22s facts as of %.10s; newer ones come with a newer ctvigil\n", source->name,
                   text_time(source->dated_ms, false, dated));
        else
            printf("  %-22s %.10s, %s old%s%s\n", source->name, text_time(source->dated_ms, false, dated),
                   days(source->dated_ms, now, age, sizeof age), source->born ? ", as the program came" : "",
                   source->counts && trustview_old(source->dated_ms, now) ? ": too old" : "");
    }
}

static json_t *sources_json(const struct cagraph *graph, int64_t now)
{
    json_t *sources = json_array();
    must(sources != NULL);
    for (size_t i = 0; i < cagraph_source_count(graph); i++) {
        const struct cagraph_source *source = cagraph_source(graph, i);
        bool old = source->counts && !source->fixed && trustview_old(source->dated_ms, now);
        json_t *row = json_pack("{s:s, s:o, s:I, s:b, s:b, s:b}", "source", source->name, "date",
                                cmd_json_time(source->dated_ms), "age_days",
                                (json_int_t)trustview_days(source->dated_ms, now), "born", (int)source->born,
                                "fixed", (int)source->fixed, "old", (int)old);
        must(row != NULL && json_array_append_new(sources, row) == 0);
    }
    return sources;
}

static void show_json(const struct cagraph *graph, const struct db_trust_bundle *bundle, int64_t now)
{
    json_t *stores = json_object();
    must(stores != NULL);
    for (int i = 0; i < VERDICT_STORES; i++) {
        size_t roots;
        size_t others;
        count_rules(graph, (enum verdict_store)i, &roots, &others);
        must(json_object_set_new(
                 stores, verdict_store_name((enum verdict_store)i),
                 json_pack("{s:I, s:I}", "roots", (json_int_t)roots, "rules", (json_int_t)others)) == 0);
    }
    const struct cagraph_source *oldest = cagraph_oldest(graph);
    bool old = oldest != NULL && trustview_old(oldest->dated_ms, now);
    cmd_print_json(
        json_pack("{s:s, s:I, s:o, s:o, s:I, s:o, s:b, s:o, s:o, s:I, s:I}", "schema", "ctvigil.trust.show.1",
                  "bundle", (json_int_t)bundle->id, "date", cmd_json_time(cagraph_bundle_ms(graph)),
                  "imported", bundle->id == 0 ? json_null() : cmd_json_time(bundle->imported_ms), "age_days",
                  (json_int_t)trustview_days(cagraph_bundle_ms(graph), now), "oldest",
                  oldest == NULL ? json_null() : json_string(oldest->name), "old", (int)old, "sources",
                  sources_json(graph, now), "stores", stores, "ca_certificates",
                  (json_int_t)cagraph_cert_count(graph), "cas", (json_int_t)cagraph_ca_count(graph)));
}

static int trust_show(const struct cmd *cmd)
{
    struct err why = {0};
    struct pgconn *conn = NULL;
    struct cagraph *graph = NULL;
    struct db_trust_bundle bundle = {0};
    int64_t now = clock_wall_ms();
    enum err_code code = cmd_db_open(cmd, &conn, &why);
    if (code == ERR_OK)
        code = trustset_pin(conn, &graph, &why);
    if (code == ERR_OK)
        code = db_trust_bundle(conn, &bundle, &why);
    if (code == ERR_OK) {
        (cmd->json ? show_json : show_human)(graph, &bundle, now);
        trustview_warn(graph, now);
    }
    cagraph_unpin(graph);
    trustset_forget();
    if (conn != NULL)
        cmd_db_close(conn);
    return code == ERR_OK ? CMD_OK : cmd_fail(&why);
}

int cmd_trust(struct cmd *cmd)
{
    static bool force;
    static const struct opt options[] = {
        {"force", OPT_FLAG, &force, NULL,
         "import: take lists in which many roots or keys are missing, or rows can not be read"},
        {0}};
    static const struct opt_verb verbs[] = {
        {"import", "DIR", "force"}, {"show", "", ""}, {"explain", "FILE", ""}, {NULL, NULL, NULL}};
    size_t verb = 0;
    int count = 0;
    if (cmd->help)
        return cmd_help(
            "ctvigil trust import DIR [--force] | show | explain SHA256|FILE",
            "What root stores say: takes their lists from files, shows how old the data is, and explains"
            " a certificate: every path, and why each store says what. docs/trust.md says where the files"
            " are to be had.",
            options);
    if (!opt_parse_verb(options, verbs, cmd->argc, cmd->argv, &verb, &count))
        return CMD_USAGE;
    if (verb == 0)
        return trust_import(cmd, cmd->argv[2], force);
    return verb == 1 ? trust_show(cmd) : trustexplain_run(cmd, cmd->argv[2]);
}
