/* domain add | list | remove | apply | history | test */
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "cli/allow.h"
#include "cli/caretaker.h"
#include "cli/cmd.h"
#include "cli/coverview.h"
#include "cli/domainapply.h"
#include "cli/domainauthorize.h"
#include "cli/domainimport.h"
#include "cli/domainlearn.h"
#include "cli/domaintable.h"
#include "cli/domaintest.h"
#include "cli/horizon.h"
#include "cli/learnkeeper.h"
#include "cli/lookalikes.h"
#include "cli/notify.h"
#include "cli/opt.h"
#include "cli/pendingscan.h"
#include "cli/policyfile.h"
#include "cli/policyyaml.h"
#include "cli/watchname.h"
#include "db/db_domain.h"
#include "db/db_domain_list.h"
#include "db/db_outbox.h"

static const char cmd_domain_usage[] =
    "ctvigil domain add NAME [--exact] [--allow-ca CA]... [--deny-ca CA]... [--allow-wildcard]\n"
    "                          [--wildcard NAME]... [--also NAME]... [--exclude NAME]... [--max-days N]\n"
    "                          [--owner O] [--tag T]... [--channel C]... [--lookalike | --lookalike-strict]\n"
    "       ctvigil domain list [--yaml]\n"
    "       ctvigil domain remove NAME\n"
    "       ctvigil domain apply FILE [--dry-run] [--prune]\n"
    "       ctvigil domain authorize PATH... [--domain NAME]... [--dry-run]\n"
    "       ctvigil domain import [--crtsh FILE] [--certspotter DIR] | --list | --accept REF [--tbs HEX]\n"
    "                             | --drop REF\n"
    "       ctvigil domain learn NAME [--days N] [--exact] [--yaml]\n"
    "       ctvigil domain learn NAME --again\n"
    "       ctvigil domain history NAME [--policy FILE]\n"
    "       ctvigil domain test NAME CERT [--policy FILE]\n"
    "       ctvigil domain lookalike NAME off|on|strict\n"
    "       ctvigil domain allow-lookalike NAME LOOKALIKE... [--remove]";

struct cmd_domain_add {
    bool exact;
    bool wildcard;
    bool lookalike;
    bool lookalike_strict;
    bool remove;
    const char *owner;
    struct opt_list allow;
    struct opt_list channels;
    struct opt_list deny;
    struct opt_list wildcards;
    struct opt_list also;
    struct opt_list exclude;
    struct opt_list tags;
    uint64_t max_days;
};

static void cmd_domain_put_list(json_t *entry, const char *key, const struct opt_list *list)
{
    json_t *texts = json_array();
    for (size_t i = 0; i < list->count; i++)
        must(json_array_append_new(texts, json_string(list->item[i])) == 0);
    if (list->count != 0)
        must(json_object_set(entry, key, texts) == 0);
    json_decref(texts);
}

/* Name and rules, read as an entry of a policy file would be. */
static enum err_code cmd_domain_entry(const struct cmd *cmd, const struct cmd_domain_add *add,
                                      const char *typed, struct watch *watch, struct err *why)
{
    char path[POLICYFILE_PATH_MAX];
    json_t *entry = json_pack("{s:s}", "name", typed);
    must(entry != NULL);
    cmd_domain_put_list(entry, "deny", &add->deny);
    cmd_domain_put_list(entry, "wildcard", &add->wildcards);
    cmd_domain_put_list(entry, "also", &add->also);
    cmd_domain_put_list(entry, "exclude", &add->exclude);
    cmd_domain_put_list(entry, "tags", &add->tags);
    if (add->max_days != 0)
        must(json_object_set_new(entry, "max_days", json_integer((json_int_t)add->max_days)) == 0);
    struct err inner = {0};
    enum err_code code = policyfile_entry(cmd, entry, watch, path, &inner);
    json_decref(entry);
    return code == ERR_OK ? ERR_OK : err_set(why, ERR_USAGE, "%s", inner.text);
}

static enum err_code cmd_domain_describe(const struct cmd *cmd, const struct cmd_domain_add *add,
                                         struct watch *watch, struct err *why)
{
    if (watch->kind == WATCH_IP && add->exact)
        return err_set(why, ERR_USAGE, "--exact: an address is exact already, and a range is not");
    if (watch->kind != WATCH_DNS && add->exact)
        return err_set(why, ERR_USAGE, "--exact: only a domain has something below it");
    watch->exact = add->exact;
    watch->wildcard_allowed = add->wildcard;
    watch->lookalike = add->lookalike_strict ? WATCH_LOOKALIKE_STRICT
                       : add->lookalike      ? WATCH_LOOKALIKE_ON
                                             : WATCH_LOOKALIKE_OFF;
    if (add->owner != NULL) {
        watch->owner = strdup(add->owner);
        must(watch->owner != NULL);
    }
    for (size_t i = 0; i < add->channels.count; i++)
        if (!notify_known(cmd, add->channels.item[i]))
            return err_set(why, ERR_USAGE,
                           "--channel: there is no channel '%s'; there are stdout and hook, and those of the"
                           " configuration (-c FILE, channels)",
                           add->channels.item[i]);
    return ERR_OK;
}

static void cmd_domain_take(void *arg, const struct watch_allow *allow)
{
    struct watch_hashes *cas = arg;
    must(watch_hashes_add(cas, allow->spki_sha256, allow->label));
}

/* The database is open: it may know more CAs by name than the program does. */
static enum err_code cmd_domain_cas(const struct cmd_domain_add *add, struct watch *watch, struct err *why)
{
    struct watch_hashes cas = {0};
    enum err_code code = ERR_OK;
    for (size_t i = 0; code == ERR_OK && i < add->allow.count; i++) {
        struct err warning = {0};
        struct err inner = {0};
        code = allow_resolve(add->allow.item[i], cmd_domain_take, &cas, &warning, &inner);
        if (code != ERR_OK)
            (void)err_set(why, code, "--allow-ca: %s", inner.text);
        if (warning.code != ERR_OK)
            fprintf(stderr, "ctvigil: warning: %s\n", warning.text);
    }
    watch->allow = cas.at;
    watch->allow_count = cas.count;
    return code;
}

static void cmd_domain_say(const struct cmd *cmd, struct pgconn *conn, const struct watch *watch,
                           const struct history_result *result, const char *what)
{
    if (cmd->json) {
        struct coverview coverage = {.gaps = NULL};
        json_t *line =
            json_pack("{s:s, s:I, s:s, s:s, s:b, s:I, s:I, s:I, s:I}", "schema", "ctvigil.domain.added.1",
                      "id", (json_int_t)watch->id, "name", watch->name, "kind", watch_kind_name(watch->kind),
                      "exact", (int)watch->exact, "concerned", (json_int_t)result->concerned, "alerts",
                      (json_int_t)result->raised, "alerts_without_domain", (json_int_t)result->nobody,
                      "claimed", (json_int_t)result->claimed);
        must(line != NULL);
        coverview_matched_json(conn, &coverage, watch->id, line);
        coverview_free(&coverage);
        cmd_print_json(line);
        return;
    }
    printf("%s %s (id %" PRId64 "): %" PRIu64 " stored certificate%s concern%s it, %" PRIu64
           " alert%s raised\n",
           what, watch->name, watch->id, result->concerned, result->concerned == 1 ? "" : "s",
           result->concerned == 1 ? "s" : "", result->raised, result->raised == 1 ? "" : "s");
    if (result->nobody != 0)
        printf("and %" PRIu64 " alert%s about what could be anybody's, without a domain\n", result->nobody,
               result->nobody == 1 ? "" : "s");
    if (result->claimed != 0)
        fprintf(
            stderr,
            "ctvigil: %" PRIu64
            " of them were issued by an allowed CA by the word of the log alone, and have an alert of"
            " severity low: stored without their bytes, and without a precertificate that names the key\n",
            result->claimed);
    coverview_matched(conn, watch->id);
}

static enum err_code cmd_domain_scan(struct pgconn *conn, const struct watch *watch,
                                     struct history_result *result, struct err *why)
{
    enum err_code code = caretaker_scan(cmd_db_dsn(), conn, watch, result, why);

    if (code != ERR_OK)
        (void)err_prefix(
            why,
            "%s is registered, but the stored certificates were not all looked at; `run`, `watch`"
            " and `ingest` do it again, and so does 'ctvigil domain history %s'",
            watch->name, watch->name);
    return code;
}

/* What was left out can not be looked through any more. */
static void cmd_domain_warn_thin(struct pgconn *conn, const struct watch *watch)
{
    struct err why = {0};
    uint64_t entries = 0;
    int64_t until_ms = 0;
    if (db_domain_list_thin(conn, watch->id, &entries, &until_ms, &why) == ERR_OK && entries != 0)
        fprintf(
            stderr,
            "ctvigil: warning: %s: its history is not complete: of %" PRIu64 " log entries that were read"
            " before it was added only those are stored that concerned other domains (db.store: watched)\n",
            watch->name, entries);
}

/* Registered all the same: the channel may come later. */
static void cmd_domain_warn_channels(struct pgconn *conn, const struct opt_list *channels)
{
    for (size_t i = 0; i < channels->count; i++) {
        bool known = true;
        struct err why = {0};
        if (db_outbox_known(conn, channels->item[i], &known, &why) == ERR_OK && !known)
            fprintf(stderr,
                    "ctvigil: warning: no `run` or `watch` has offered the channel %s yet; alerts wait until"
                    " one does\n",
                    channels->item[i]);
    }
}

static int cmd_domain_do_add(const struct cmd *cmd, const struct cmd_domain_add *add, const char *typed)
{
    char name[DNS_TEXT_MAX];
    struct watch *watch = calloc(1, sizeof *watch);
    struct history_result result = {0};
    struct pgconn *conn = NULL;
    struct err why = {0};
    uint64_t generation = 0;

    must(watch != NULL);
    enum err_code code = watchname_read(typed, watch, name, &why);
    if (code == ERR_OK)
        code = cmd_db_open(cmd, &conn, &why);
    if (code == ERR_OK)
        code = cmd_domain_entry(cmd, add, typed, watch, &why);
    if (code == ERR_OK)
        code = cmd_domain_describe(cmd, add, watch, &why);
    if (code == ERR_OK)
        code = cmd_domain_cas(add, watch, &why);
    if (code == ERR_OK) {
        const char *warning = watchname_warning(watch, name);
        if (warning != NULL)
            fprintf(stderr, "ctvigil: warning: %s: %s\n", name, warning);
        cmd_domain_warn_channels(conn, &add->channels);
        if (watch->lookalike != WATCH_LOOKALIKE_OFF)
            code = lookalikes_check(watch, name, &why);
    }
    if (code == ERR_OK)
        code = caretaker_claim(conn, name, &why);
    if (code == ERR_OK) {
        code = db_domain_add(conn, watch, add->channels.item, add->channels.count, &watch->id, &generation,
                             &why);
    }
    if (code == ERR_OK)
        code = cmd_domain_scan(conn, watch, &result, &why);
    if (code == ERR_OK) {
        cmd_domain_say(cmd, conn, watch, &result, "watching");
        cmd_domain_warn_thin(conn, watch);
        if (watch->lookalike != WATCH_LOOKALIKE_OFF && !cmd->json)
            printf("certificates for look-alikes are told of from now on; what is stored is not searched\n");
        horizon_say_when(conn);
    }
    if (conn != NULL)
        cmd_db_close(conn);
    watch_free(watch, 1);
    return code == ERR_OK ? CMD_OK : cmd_fail(&why);
}

static enum err_code cmd_domain_find(struct pgconn *conn, const char *name, struct watch **watches,
                                     size_t *count, const struct watch **found, struct err *why)
{
    uint64_t generation = 0;
    enum err_code code = db_domain_load(conn, watches, count, &generation, why);

    *found = NULL;
    for (size_t i = 0; code == ERR_OK && i < *count; i++)
        if (strcmp((*watches)[i].name, name) == 0)
            *found = &(*watches)[i];
    if (code == ERR_OK && *found == NULL)
        code = err_set(why, ERR_NOT_FOUND, "%s: not registered; 'ctvigil domain list' shows what is", name);
    return code;
}

static int cmd_domain_do_history(const struct cmd *cmd, const char *typed)
{
    char name[DNS_TEXT_MAX];
    struct watch described = {0};
    struct watch *watches = NULL;
    const struct watch *watch = NULL;
    struct history_result result = {0};
    struct pgconn *conn = NULL;
    struct err why = {0};
    size_t count = 0;

    enum err_code code = watchname_read(typed, &described, name, &why);
    if (code == ERR_OK)
        code = cmd_db_open(cmd, &conn, &why);
    if (code == ERR_OK)
        code = cmd_domain_find(conn, name, &watches, &count, &watch, &why);
    must(code != ERR_OK || watch != NULL);
    if (code == ERR_OK)
        code = cmd_domain_scan(conn, watch, &result, &why);
    if (code == ERR_OK) {
        cmd_domain_say(cmd, conn, watch, &result, "matched");
        horizon_say_when(conn);
    }
    if (watches != NULL)
        watch_free(watches, count);
    if (conn != NULL)
        cmd_db_close(conn);
    return code == ERR_OK ? CMD_OK : cmd_fail(&why);
}

static int cmd_domain_do_remove(const struct cmd *cmd, const char *typed)
{
    char name[DNS_TEXT_MAX];
    struct watch described = {0};
    struct pgconn *conn = NULL;
    struct err why = {0};

    enum err_code code = watchname_read(typed, &described, name, &why);
    if (code == ERR_OK)
        code = cmd_db_open(cmd, &conn, &why);
    if (code == ERR_OK)
        code = db_domain_remove(conn, name, &why);
    if (code == ERR_OK && cmd->json)
        cmd_print_json(json_pack("{s:s, s:s}", "schema", "ctvigil.domain.removed.1", "name", name));
    else if (code == ERR_OK)
        printf("no longer watching %s; its alerts stay\n", name);
    if (conn != NULL)
        cmd_db_close(conn);
    return code == ERR_OK ? CMD_OK : cmd_fail(&why);
}

static json_t *cmd_domain_parsed(const char *text)
{
    json_t *value = json_loads(text, 0, NULL);
    return value == NULL ? json_array() : value;
}

struct cmd_domain_shown {
    struct coverview coverage;
    bool head; /* of the table is written */
    bool thin; /* some domain lacks a part of its history */
    bool pending;
};

static enum err_code cmd_domain_row_json(void *arg, const struct db_domain_row *row, struct err *why)
{
    const struct cmd_domain_shown *shown = arg;
    (void)why;
    json_t *object =
        json_pack("{s:s, s:I, s:s, s:s, s:b, s:b, s:s?, s:o, s:o, s:o, s:o, s:I}", "schema",
                  "ctvigil.domain.1", "id", (json_int_t)row->id, "name", row->name, "kind", row->kind,
                  "exact", (int)row->exact, "wildcard_allowed", (int)row->wildcard_allowed, "owner",
                  row->owner, "channels", cmd_domain_parsed(row->channels), "allow",
                  cmd_domain_parsed(row->allow), "added", cmd_json_time(row->added_ms), "history",
                  row->history_ms == 0 ? json_null() : cmd_json_time(row->history_ms), "alerts_open",
                  (json_int_t)row->alerts_open);
    must(object != NULL && json_object_set_new(object, "lookalike", json_string(row->lookalike)) == 0);
    must(json_object_set_new(object, "lookalike_allow", cmd_domain_parsed(row->lookalike_allow)) == 0);
    must(json_object_set_new(object, "tags", cmd_domain_parsed(row->tags)) == 0);
    coverview_domain_json(&shown->coverage, row->history_ms == 0, object);
    coverview_domain_thin(&shown->coverage, row->thin, row->thin_until_ms, object);
    cmd_print_json(object);
    return ERR_OK;
}

static enum err_code cmd_domain_row_text(void *arg, const struct db_domain_row *row, struct err *why)
{
    struct cmd_domain_shown *shown = arg;

    (void)why;
    if (!shown->head)
        domaintable_head(cmd_columns());
    shown->head = true;
    shown->thin = shown->thin || row->thin != 0;
    shown->pending = shown->pending || row->history_ms == 0;
    domaintable_row(row, cmd_columns());
    return ERR_OK;
}

/* How far the scans of histories are that others do. */
static enum err_code cmd_domain_pending(struct pgconn *conn, struct err *why)
{
    struct db_pending_progress progress;
    char text[PENDINGSCAN_PROGRESS_MAX];
    enum err_code code = db_pending_progress(conn, &progress, why);
    if (code != ERR_OK)
        return code;
    pendingscan_progress(&progress, text, sizeof text);
    printf("history pending: %s\n  (`run`, `watch` and `ingest` do it; new entries are matched already)\n",
           text);
    return ERR_OK;
}

static int cmd_domain_do_list(const struct cmd *cmd)
{
    struct pgconn *conn = NULL;
    struct err why = {0};
    struct cmd_domain_shown shown = {.head = false};

    enum err_code code = cmd_db_open_reader(cmd, &conn, &why);
    if (code == ERR_OK)
        code = coverview_load(conn, &shown.coverage, &why);
    if (code == ERR_OK)
        code = db_domain_list(conn, cmd->json ? cmd_domain_row_json : cmd_domain_row_text, &shown, &why);
    if (code == ERR_OK && !cmd->json && shown.head)
        coverview_domains(&shown.coverage);
    if (code == ERR_OK && shown.pending)
        code = cmd_domain_pending(conn, &why);
    if (code == ERR_OK && shown.thin)
        printf(
            "history incomplete: of what was read before they were added only what concerned other domains\n"
            "  was stored (db.store: watched); for these, complete is what came later\n");
    coverview_free(&shown.coverage);
    if (conn != NULL)
        cmd_db_close(conn);
    return code == ERR_OK ? CMD_OK : cmd_fail(&why);
}

static int cmd_domain_do_yaml(const struct cmd *cmd)
{
    struct watch *watches = NULL;
    struct pgconn *conn = NULL;
    struct err why = {0};
    uint64_t generation = 0;
    size_t count = 0;

    enum err_code code = cmd_db_open_reader(cmd, &conn, &why);
    if (code == ERR_OK)
        code = db_domain_load(conn, &watches, &count, &generation, &why);
    if (code == ERR_OK)
        policyyaml_write(stdout, watches, count);
    watch_free(watches, count);
    if (conn != NULL)
        cmd_db_close(conn);
    return code == ERR_OK ? CMD_OK : cmd_fail(&why);
}

static const char cmd_domain_sentence[] =
    "Registers the domains that are watched, and what is expected of them. NAME is a domain\n"
    "(with everything below it), an address or a range such as 192.0.2.0/24. `history` matches\n"
    "the stored certificates again, or only says what a policy file would raise; `authorize` takes\n"
    "keys and certificates of one's own from files and folders as expected; `import` takes history\n"
    "that others kept, and `learn` proposes a policy from all that is known; `test` explains\n"
    "what one certificate would raise, rule by rule. `apply` makes the registered domains those\n"
    "of a file (docs/policy.md).";

enum { ADD, LIST, REMOVE, APPLY, AUTHORIZE, IMPORT, LEARN, HISTORY, TEST, LOOKALIKE, ALLOW_LOOKALIKE };
static const struct opt_verb verbs[] = {
    [ADD] =
        {"add", "NAME",
         "exact allow-ca deny-ca allow-wildcard wildcard also exclude max-days owner tag channel lookalike"
         " lookalike-strict"},
    [LIST] = {"list", "", "yaml"},
    [REMOVE] = {"remove", "NAME", ""},
    [APPLY] = {"apply", "FILE", "dry-run prune"},
    [AUTHORIZE] = {"authorize", "FILE...", "dry-run domain"},
    [IMPORT] = {"import", "", "crtsh certspotter list accept tbs drop"},
    [LEARN] = {"learn", "NAME", "days exact yaml again"},
    [HISTORY] = {"history", "NAME", "policy"},
    [TEST] = {"test", "NAME CERT", "policy"},
    [LOOKALIKE] = {"lookalike", "NAME...", ""},
    [ALLOW_LOOKALIKE] = {"allow-lookalike", "NAME...", "remove"},
    {NULL, NULL, NULL},
};

/* What the command line may say, of all verbs. */
struct cmd_domain_given {
    struct cmd_domain_add add;
    struct domainapply apply;
    struct domainauthorize authorize;
    struct domainimport import;
    struct domainlearn learn;
    const char *policy;
    bool yaml;
    bool again;
};

static int cmd_domain_do(const struct cmd *cmd, size_t verb, int operands, struct cmd_domain_given *given)
{
    switch (verb) {
    case ADD:
        return cmd_domain_do_add(cmd, &given->add, cmd->argv[2]);
    case LIST:
        return given->yaml ? cmd_domain_do_yaml(cmd) : cmd_domain_do_list(cmd);
    case REMOVE:
        return cmd_domain_do_remove(cmd, cmd->argv[2]);
    case LOOKALIKE:
        return lookalikes_set(cmd, operands, cmd->argv + 2);
    case ALLOW_LOOKALIKE:
        return lookalikes_allow(cmd, operands, cmd->argv + 2, given->add.remove);
    case APPLY:
        given->apply.path = cmd->argv[2];
        return domainapply_run(cmd, &given->apply);
    case AUTHORIZE:
        given->authorize.paths = cmd->argv + 2;
        given->authorize.path_count = operands;
        given->authorize.dry_run = given->apply.dry_run;
        return domainauthorize_run(cmd, &given->authorize);
    case IMPORT:
        return domainimport_run(cmd, &given->import);
    case LEARN:
        if (given->again)
            return learnkeeper_again(cmd, cmd->argv[2]);
        given->learn.name = cmd->argv[2];
        given->learn.exact = given->add.exact;
        given->learn.yaml = given->yaml;
        return domainlearn_run(cmd, &given->learn);
    case TEST:
        return domaintest_run(cmd, cmd->argv[2], cmd->argv[3], given->policy);
    default:
        return given->policy != NULL ? domaintest_history(cmd, cmd->argv[2], given->policy)
                                     : cmd_domain_do_history(cmd, cmd->argv[2]);
    }
}

int cmd_domain(struct cmd *cmd)
{
    struct cmd_domain_given given = {0};
    const struct opt rows[] = {
        {"exact", OPT_FLAG, &given.add.exact, NULL, "the name alone, not what is below it"},
        {"allow-ca", OPT_LIST, &given.add.allow, "CA",
         "a CA that may issue: letsencrypt.org (its name in CAA records), ca:OWNER, spki:HEX or cert:FILE; "
         "more than once for more; none: every certificate is unexpected"},
        {"allow-wildcard", OPT_FLAG, &given.add.wildcard, NULL, "wildcard certificates are expected"},
        {"owner", OPT_TEXT, &given.add.owner, "NAME", "who is responsible"},
        {"channel", OPT_LIST, &given.add.channels, "NAME",
         "only this channel (stdout, hook, or its name under `channels`); default: all of them"},
        {"lookalike", OPT_FLAG, &given.add.lookalike, NULL,
         "tell of certificates for names that can be mistaken for it, too"},
        {"lookalike-strict", OPT_FLAG, &given.add.lookalike_strict, NULL,
         "the same, and of names that resemble it less"},
        {"remove", OPT_FLAG, &given.add.remove, NULL, "of allow-lookalike: the names are look-alikes again"},
        {"deny-ca", OPT_LIST, &given.add.deny, "CA", "a CA that must not issue, whatever else is allowed"},
        {"wildcard", OPT_LIST, &given.add.wildcards, "NAME", "this wildcard alone is expected: '*.cdn'"},
        {"also", OPT_LIST, &given.add.also, "NAME", "another domain under the same rules"},
        {"exclude", OPT_LIST, &given.add.exclude, "NAME", "a name below that is not ours, with all below it"},
        {"max-days", OPT_NUMBER, &given.add.max_days, "N",
         "longest validity; default: as the CA/Browser Forum"},
        {"tag", OPT_LIST, &given.add.tags, "WORD", "a word to sort entries by"},
        {"dry-run", OPT_FLAG, &given.apply.dry_run, NULL, "only say what would be done"},
        {"prune", OPT_FLAG, &given.apply.prune, NULL, "remove what is registered and not in the file"},
        {"policy", OPT_FILE, &given.policy, "FILE", "the entry in this file, not the registered one"},
        {"domain", OPT_LIST, &given.authorize.domains, "NAME",
         "whose a key is that no certificate here belongs to"},
        {"crtsh", OPT_FILE, &given.import.crtsh, "FILE", "what crt.sh answered with output=json"},
        {"certspotter", OPT_FILE, &given.import.certspotter, "DIR", "certspotter's state directory"},
        {"list", OPT_FLAG, &given.import.list, NULL, "what was imported, and whether a log has shown it"},
        {"accept", OPT_TEXT, &given.import.accept, "REF", "expect this certificate"},
        {"tbs", OPT_TEXT, &given.import.tbs, "HEX", "which of those seen in logs is meant"},
        {"drop", OPT_TEXT, &given.import.drop, "REF", "forget what was imported under it"},
        {"days", OPT_NUMBER, &given.learn.days, "N", "how far back to look; default 90"},
        {"yaml", OPT_FLAG, &given.yaml, NULL, "as a file for `domain apply`"},
        {"again", OPT_FLAG, &given.again, NULL,
         "forget the keys that were learned (keys.learn), and learn them anew"},
        {NULL, OPT_FLAG, NULL, NULL, NULL},
    };
    size_t verb;
    int operands;

    if (cmd->help)
        return cmd_help(cmd_domain_usage, cmd_domain_sentence, rows);
    if (!opt_parse_verb(rows, verbs, cmd->argc, cmd->argv, &verb, &operands))
        return CMD_USAGE;
    return cmd_domain_do(cmd, verb, operands, &given);
}
