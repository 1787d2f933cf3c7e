#include "cli/domaintest.h"

#include <errno.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/text.h"
#include "cli/blockset.h"
#include "cli/caretaker.h"
#include "cli/certfind.h"
#include "cli/learnkeeper.h"
#include "cli/pem.h"
#include "cli/policyfile.h"
#include "cli/ruleview.h"
#include "cli/trustset.h"
#include "cli/watchname.h"
#include "db/db_cacert.h"
#include "db/db_domain.h"
#include "db/db_keylearn.h"
#include "ingest/examine.h"
#include "parser/tbs.h"
#include "trust/cajudge.h"
#include "verify/certsig.h"
#include "watcher/match.h"

struct domaintest {
    struct watch *all; /* what is registered */
    size_t all_count;
    struct watch *asked; /* of a policy file */
    size_t asked_count;
    const struct watch *watch;
};

static const struct watch *domaintest_find(const struct watch *watches, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(watches[i].name, name) == 0)
            return &watches[i];
    return NULL;
}

static enum err_code domaintest_load(const struct cmd *cmd, struct pgconn *conn, const char *typed,
                                     const char *policy, struct domaintest *test, struct err *why)
{
    char name[DNS_TEXT_MAX];
    struct watch described = {0};
    uint64_t generation = 0;
    enum err_code code = watchname_read(typed, &described, name, why);

    if (code == ERR_OK)
        code = db_domain_load(conn, &test->all, &test->all_count, &generation, why);
    if (code == ERR_OK && policy != NULL)
        code = policyfile_load(cmd, policy, &test->asked, &test->asked_count, why);
    if (code != ERR_OK)
        return code;
    /* One of a file has no id yet, and 0 is nobody's. */
    for (size_t i = 0; i < test->asked_count; i++) {
        test->asked[i].id = (int64_t)i + 1;
        if (test->asked[i].learning.days != 0)
            must(db_keylearn_carry(domaintest_find(test->all, test->all_count, test->asked[i].name),
                                   &test->asked[i], clock_wall_ms() / 1000));
    }
    test->watch = policy != NULL ? domaintest_find(test->asked, test->asked_count, name)
                                 : domaintest_find(test->all, test->all_count, name);
    if (test->watch != NULL)
        return ERR_OK;
    return policy != NULL
               ? err_set(why, ERR_NOT_FOUND, "%s: it has no entry %s", policy, name)
               : err_set(why, ERR_NOT_FOUND, "%s: not registered; 'ctvigil domain list' shows what is", name);
}

static void domaintest_free(struct domaintest *test)
{
    watch_free(test->all, test->all_count);
    watch_free(test->asked, test->asked_count);
}

static struct watchset *domaintest_set(const struct watch *watches, size_t count)
{
    struct watch *copies = calloc(count + 1, sizeof *copies);
    must(copies != NULL);
    for (size_t i = 0; i < count; i++) {
        must(watch_copy(&watches[i], &copies[i]));
        /* Of names of others nothing is asked, and among a few own ones the rest would look like them. */
        copies[i].lookalike = WATCH_LOOKALIKE_OFF;
    }
    struct watchset *set = watchset_new(copies, count, 0);
    must(set != NULL);
    return set;
}

static enum err_code domaintest_file(const char *path, struct arena *arena, struct span *bytes,
                                     struct err *why)
{
    FILE *file = fopen(path, "rbe");
    if (file == NULL)
        return err_set(why, ERR_USAGE, "%s: %s", path, strerror(errno));
    uint8_t *room = arena_take(arena, LIMIT_SMALL_BYTES, 1);
    must(room != NULL);
    size_t len = fread(room, 1, LIMIT_SMALL_BYTES, file);
    bool failed = ferror(file) != 0;
    (void)fclose(file);
    if (failed || len == LIMIT_SMALL_BYTES)
        return err_set(why, ERR_USAGE, "%s: it can not be read, or has a megabyte and more", path);
    *bytes = span_of(room, len);
    return ERR_OK;
}

/* The certificate and those behind it. */
static size_t domaintest_blocks(struct span bytes, struct arena *arena, struct span *out, size_t max)
{
    struct pem pem = pem_of(bytes);
    struct pem_block block;
    size_t count = 0;
    if (!pem_is(bytes)) {
        out[0] = bytes;
        return 1;
    }
    while (count < max && pem_next(&pem, &block)) {
        uint8_t *der = arena_take(arena, block.body.len + 1, 1);
        size_t len = 0;
        if (der == NULL || !span_eq(block.label, SPAN_LIT("CERTIFICATE")) ||
            !pem_decode(block.body, der, &len))
            continue;
        out[count++] = span_of(der, len);
    }
    return count;
}

struct domaintest_given {
    struct span blocks[1 + ENTRY_CHAIN_MAX];
    size_t count;
};

/* Before the database is opened: looking for one by its hash opens it, too. */
static enum err_code domaintest_bytes(const struct cmd *cmd, const char *certificate, struct arena *arena,
                                      struct domaintest_given *given, struct err *why)
{
    struct span bytes = SPAN_NONE;
    uint8_t hash[32];
    given->count = 1;
    if (strlen(certificate) == 64 && text_unhex(span_str(certificate), hash, sizeof hash))
        return certfind_get(cmd, certificate, hash, arena, &given->blocks[0], why);
    enum err_code code = domaintest_file(certificate, arena, &bytes, why);
    given->count =
        code == ERR_OK ? domaintest_blocks(bytes, arena, given->blocks, countof(given->blocks)) : 0;
    return code;
}

static enum err_code domaintest_entry(const char *certificate, const struct domaintest_given *given,
                                      struct arena *arena, struct entry *entry, struct err *why)
{
    const struct span *blocks = given->blocks;
    size_t count = given->count;
    if (count == 0 ||
        !examine_certificate(blocks[0], arena, &entry->cert, &entry->issuance, entry->sighting.sha256))
        return err_set(why, ERR_FORMAT, "%s: it holds no certificate that can be read", certificate);
    entry->kind = ENTRY_X509;
    entry->cert_der = blocks[0];
    for (size_t i = 1; i < count; i++)
        entry->unverified_chain[entry->chain_count++] = blocks[i];
    if (count > 1) {
        examine_issuer(entry, blocks[1]);
        examine_prove_issuer(entry, blocks[1]);
    }
    return ERR_OK;
}

/* The CA certificate that a stored one turned out to be. */
struct domaintest_issuer {
    struct arena *arena;
    struct span signed_der;
    struct span found;
};

/* Many may bear the name: the signature says which one it is. */
static bool domaintest_try(void *arg, struct span der)
{
    struct domaintest_issuer *issuer = arg;
    struct cert cert;
    if (tbs_read_certificate(der, &cert) && certsig_verify(issuer->signed_der, cert.spki))
        issuer->found = arena_copy(issuer->arena, der);
    return issuer->found.len == 0;
}

/* What is in the file comes first; else what logs have shown. None: the issuer stays unproven. */
static enum err_code domaintest_stored(struct pgconn *conn, struct arena *arena, struct entry *entry,
                                       struct err *why)
{
    struct domaintest_issuer issuer = {arena, entry->cert_der, SPAN_NONE};
    if (entry->chain_count != 0)
        return ERR_OK;
    enum err_code code = db_cacert_named(conn, entry->cert.issuer, domaintest_try, &issuer, why);
    if (code != ERR_OK || issuer.found.len == 0)
        return code;
    entry->unverified_chain[entry->chain_count++] = issuer.found;
    examine_issuer(entry, issuer.found);
    examine_prove_issuer(entry, issuer.found);
    return ERR_OK;
}

/* What each rule asks of the entry, in the order in which they are judged. */
static const struct {
    const char *rule;
    const char *asks;
} domaintest_rules[] = {
    {"allow_ca", "an allowed CA issued it"},
    {"deny_ca", "no denied CA issued it"},
    {"keys", "its key is known"},
    {"expect", "it is not a planned one that is to be told"},
    {"wildcard", "its wildcards are expected"},
    {"names", "its names are expected"},
    {"foreign_san", "no names of others beside ours"},
    {"max_days", "it is not valid for too long"},
    {"ca", "it is not a CA"},
    {"key_types", "its key is of an expected type"},
    {"signatures", "it is signed by an expected algorithm"},
    {"policy", "its owner was validated as expected"},
    {"compromised_key", "its key is in no list of known ones"},
    {"weak_key", "its key keeps its secret"},
    {"weak_signature", "its signature can not be forged"},
    {"readable", "all of it can be read"},
};

static bool domaintest_has_blocklist(void)
{
    struct blocklist *list = NULL;
    bool has = blockset_pin(&list, NULL) == ERR_OK && list != NULL;
    blocklist_unpin(list);
    return has;
}

static bool domaintest_asked(const struct watch *watch, const char *rule)
{
    if (strcmp(rule, "compromised_key") == 0)
        return domaintest_has_blocklist();
    if (strcmp(rule, "deny_ca") == 0)
        return watch->deny.count != 0;
    if (strcmp(rule, "keys") == 0)
        return watch->keys != WATCH_KEYS_OFF;
    if (strcmp(rule, "expect") == 0)
        return watch->expect_count != 0;
    if (strcmp(rule, "names") == 0)
        return watch->names.count != 0;
    if (strcmp(rule, "foreign_san") == 0)
        return watch->foreign != WATCH_FOREIGN_OFF;
    if (strcmp(rule, "key_types") == 0)
        return watch->key_types.count != 0;
    if (strcmp(rule, "signatures") == 0)
        return watch->signatures.count != 0;
    return strcmp(rule, "policy") != 0 || watch->types != 0;
}

static json_t *domaintest_text(struct span text)
{
    struct buf shown;
    buf_init(&shown, 8 * text.len + 16);
    text_visible(&shown, text);
    json_t *value = json_string(buf_text(&shown));
    buf_fini(&shown);
    must(value != NULL);
    return value;
}

static json_t *domaintest_finding(const struct alert_finding *finding)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:o, s:o}", "rule", finding->rule, "result", "broken", "kind",
                     alert_kind_name(finding->kind), "severity", alert_severity_name(finding->severity),
                     "expected", domaintest_text(finding->expected), "found",
                     domaintest_text(finding->found));
}

static bool domaintest_has(const struct alert *alert, const char *rule)
{
    for (size_t k = 0; k < alert->finding_count; k++)
        if (strcmp(alert->findings[k].rule, rule) == 0)
            return true;
    return false;
}

static bool domaintest_learns(const struct watch *watch)
{
    return watch->learning.days != 0 && !watch->learning.over;
}

/* Whoever is denied is not held against those who are allowed, and a planned key not against the known ones.
 */
static const char *domaintest_silent(const struct watch *watch, const struct alert *alert, const char *rule)
{
    if ((strcmp(rule, "allow_ca") == 0 && domaintest_has(alert, "deny_ca")) ||
        (strcmp(rule, "keys") == 0 && domaintest_has(alert, "expect")))
        return "not_judged";
    if (strcmp(rule, "keys") == 0 && watch->keys != WATCH_KEYS_OFF && domaintest_learns(watch))
        return "not_judged";
    return domaintest_asked(watch, rule) ? "kept" : "not_asked";
}

/* Why it was not. */
static const char *domaintest_why(const struct watch *watch, const char *rule)
{
    return strcmp(rule, "keys") == 0 && domaintest_learns(watch) ? "keys are being learned (keys.learn)"
                                                                 : "another rule speaks for it";
}

/* Rules that did not speak, then what other rules found. */
static json_t *domaintest_results(const struct watch *watch, const struct alert *alert,
                                  const struct match_prove *prove)
{
    struct verdict_all stores;
    struct ruleview view = {.watch = watch,
                            .issuance = alert->issuance,
                            .alert = alert,
                            .known_log_time = alert->sighting.timestamp_ms != 0,
                            .now_ms = prove->now_ms};
    json_t *list = json_array();
    for (size_t i = 0; i < countof(domaintest_rules); i++) {
        const char *rule = domaintest_rules[i].rule;
        if (domaintest_has(alert, rule))
            continue;
        const char *result = domaintest_silent(watch, alert, rule);
        json_t *row =
            json_pack("{s:s, s:s, s:s}", "rule", rule, "result", result, "asks", domaintest_rules[i].asks);
        must(json_array_append_new(list, row) == 0);
        if (strcmp(result, "not_judged") == 0)
            must(json_object_set_new(row, "why", json_string(domaintest_why(watch, rule))) == 0);
    }
    if (prove->trust != NULL && alert->issuance->issuer_known) {
        struct cajudge_leaf leaf = cajudge_leaf_of(alert->issuance, &alert->sighting, prove->now_ms);
        cajudge(prove->trust, &leaf, &stores);
        view.stores = &stores;
    }
    ruleview_put(&view, list);
    for (size_t k = 0; k < alert->finding_count; k++)
        must(json_array_append_new(list, domaintest_finding(&alert->findings[k])) == 0);
    return list;
}

static void domaintest_print(const struct watch *watch, const struct alert *alert, const json_t *results)
{
    size_t i;
    const json_t *one;
    json_array_foreach(results, i, one)
    {
        const char *result = json_string_value(json_object_get(one, "result"));
        const char *rule = json_string_value(json_object_get(one, "rule"));
        if (strcmp(result, "broken") != 0) {
            const char *reason = json_string_value(json_object_get(one, "why"));
            printf("%-10s %-16s  %s%s%s\n",
                   strcmp(result, "kept") == 0        ? "kept"
                   : strcmp(result, "not_asked") == 0 ? "not asked"
                                                      : "not judged",
                   rule, json_string_value(json_object_get(one, "asks")), reason == NULL ? "" : ": ",
                   reason == NULL ? "" : reason);
            continue;
        }
        printf("BROKEN     %-16s  %s (%s)\n", rule, json_string_value(json_object_get(one, "kind")),
               json_string_value(json_object_get(one, "severity")));
        printf("             expected: %s\n", json_string_value(json_object_get(one, "expected")));
        printf("             found:    %s\n", json_string_value(json_object_get(one, "found")));
    }
    if (alert->finding_count == 0)
        printf("no alert: the certificate is as expected for %s\n", watch->name);
    else
        printf("one alert for %s: %s, severity %s\n", watch->name,
               alert_kind_name(alert_gravest(alert)->kind),
               alert_severity_name(alert_gravest(alert)->severity));
}

/* Returns the exit code. */
static int domaintest_show(const struct cmd *cmd, const struct watch *watch, const struct batch *batch,
                           const struct match_prove *prove)
{
    const struct alert *alert = NULL;
    for (size_t i = 0; i < batch->alert_count; i++)
        if (batch->alerts[i].domain_id == watch->id)
            alert = &batch->alerts[i];
    bool concerns = alert != NULL;
    json_t *results = concerns ? domaintest_results(watch, alert, prove) : json_array();
    int code = concerns && alert->finding_count != 0 ? CMD_FINDINGS : CMD_OK;
    if (cmd->json)
        cmd_print_json(json_pack("{s:s, s:s, s:b, s:b, s:o, s:O}", "schema", "ctvigil.domain.test.1",
                                 "domain", watch->name, "concerns", (int)concerns, "alert",
                                 (int)(code != CMD_OK), "name",
                                 concerns ? domaintest_text(alert->name) : json_null(), "rules", results));
    else if (!concerns)
        printf("no alert: the certificate does not concern %s\n", watch->name);
    else
        domaintest_print(watch, alert, results);
    json_decref(results);
    return code;
}

int domaintest_run(const struct cmd *cmd, const char *typed, const char *certificate, const char *policy)
{
    struct domaintest test = {0};
    struct pgconn *conn = NULL;
    struct batch batch;
    struct entry entry = {0};
    struct err why = {0};
    int exit_code = CMD_OK;
    must(batch_init(&batch, LIMIT_HISTORY_BYTES));
    struct domaintest_given given;
    enum err_code code = domaintest_bytes(cmd, certificate, &batch.arena, &given, &why);

    if (code == ERR_OK)
        code = cmd_db_open_reader(cmd, &conn, &why);
    if (code == ERR_OK)
        code = domaintest_load(cmd, conn, typed, policy, &test, &why);
    if (code == ERR_OK)
        code = domaintest_entry(certificate, &given, &batch.arena, &entry, &why);
    if (code == ERR_OK)
        code = domaintest_stored(conn, &batch.arena, &entry, &why);
    if (code == ERR_OK) {
        struct watchset *set = domaintest_set(test.watch, 1);
        struct watchset *ours = domaintest_set(test.all, test.all_count);
        struct cagraph *trust = NULL;
        if (trustset_pin(conn, &trust, &why) != ERR_OK) {
            fprintf(stderr, "ctvigil: warning: what root stores say of the issuer is not looked at: %s\n",
                    why.text);
            why = (struct err){0};
        }
        struct blocklist *blocklist = NULL;
        code = blockset_pin(&blocklist, &why);
        const struct match_prove prove = {.ours = ours,
                                          .trust = trust,
                                          .blocklist = blocklist,
                                          .now_ms = clock_wall_ms(),
                                          .settled = true}; /* what would be said in the end */
        batch.big = true;
        batch.end = 1;
        batch.entries = &entry;
        batch.entry_count = 1;
        if (code == ERR_OK)
            code = match_batch(set, &batch, &prove, &why);
        if (code == ERR_OK)
            exit_code = domaintest_show(cmd, test.watch, &batch, &prove);
        cagraph_unpin(trust);
        blocklist_unpin(blocklist);
        watchset_unpin(ours);
        watchset_unpin(set);
    }
    trustset_forget();
    batch_fini(&batch);
    domaintest_free(&test);
    if (conn != NULL)
        cmd_db_close(conn);
    return code == ERR_OK ? exit_code : cmd_fail(&why);
}

struct domaintest_dry {
    const struct cmd *cmd;
    uint64_t count[ALERT_KIND_COUNT];
};

static void domaintest_would(void *arg, const struct alert *alert, const struct sighting *sightings,
                             size_t count)
{
    struct domaintest_dry *dry = arg;
    const struct alert_finding *gravest = alert_gravest(alert);
    char hex[65] = "";
    char name[512];
    (void)sightings;
    dry->count[gravest->kind]++;
    if (alert->issuance != NULL)
        (void)text_hex(span_of(alert->issuance->tbs_fp, 32), hex);
    if (!dry->cmd->json) {
        printf("%-8s %s  %s  tbs_fp %s\n", alert_severity_name(gravest->severity),
               alert_kind_name(gravest->kind), text_visible_str(alert->name, name, sizeof name), hex);
        for (size_t i = 0; i < alert->finding_count; i++) {
            char found[1024];
            printf("         %s: %s\n", alert->findings[i].rule,
                   text_visible_str(alert->findings[i].found, found, sizeof found));
        }
        return;
    }
    json_t *list = json_array();
    for (size_t i = 0; i < alert->finding_count; i++)
        must(json_array_append_new(list, domaintest_finding(&alert->findings[i])) == 0);
    cmd_print_json(json_pack("{s:s, s:s, s:s, s:o, s:s, s:I, s:o}", "schema", "ctvigil.domain.would.1",
                             "kind", alert_kind_name(gravest->kind), "severity",
                             alert_severity_name(gravest->severity), "name", domaintest_text(alert->name),
                             "tbs_fp", hex, "sightings", (json_int_t)count, "findings", list));
}

/* How far learning has come; what is told of unknown keys depends on it. */
static enum err_code domaintest_learned(struct pgconn *conn, const struct domaintest *test, struct err *why)
{
    char until[TEXT_TIME_MAX];
    struct watch *copy = calloc(1, sizeof *copy);
    size_t left = 0;
    const struct watch *registered = domaintest_find(test->all, test->all_count, test->watch->name);
    must(copy != NULL && watch_copy(test->watch, copy));
    copy->id = registered == NULL ? -1 : registered->id;
    enum err_code code =
        domaintest_learns(copy) ? learnkeeper_try(cmd_db_dsn(), conn, copy, &left, why) : ERR_OK;
    (void)text_time(copy->learning.until * 1000, false, until);
    if (code == ERR_OK && copy->learning.over)
        fprintf(stderr,
                "ctvigil: %zu key%s learned until %s; what was logged before is not held against them\n",
                copy->key_learned.count, copy->key_learned.count == 1 ? " was" : "s were", until);
    else if (code == ERR_OK && domaintest_learns(copy))
        fprintf(stderr,
                "ctvigil: keys are learned until %s and not asked for before; %zu would be known of what is"
                " stored, and certificates for others be told of from then on\n",
                until, copy->key_learned.count);
    watch_free(copy, 1);
    return code;
}

int domaintest_history(const struct cmd *cmd, const char *typed, const char *policy)
{
    struct domaintest test = {0};
    struct domaintest_dry dry = {.cmd = cmd};
    struct history_result result = {0};
    struct pgconn *conn = NULL;
    struct err why = {0};
    enum err_code code = cmd_db_open(cmd, &conn, &why);

    if (code == ERR_OK)
        code = domaintest_load(cmd, conn, typed, policy, &test, &why);
    if (code == ERR_OK)
        code = caretaker_try(cmd_db_dsn(), conn, &test.watch, 1,
                             &(struct caretaker_dry){.would = domaintest_would, .arg = &dry}, &result, &why);
    if (code == ERR_OK)
        fprintf(stderr,
                "ctvigil: nothing was raised: of %" PRIu64 " stored certificate%s that concern%s %s, %" PRIu64
                " would be alerted on\n",
                result.concerned, result.concerned == 1 ? "" : "s", result.concerned == 1 ? "s" : "",
                test.watch->name, result.raised);
    for (size_t i = 0; code == ERR_OK && i < ALERT_KIND_COUNT; i++)
        if (dry.count[i] != 0)
            fprintf(stderr, "  %6" PRIu64 "  %s\n", dry.count[i], alert_kind_name((enum alert_kind)i));
    if (code == ERR_OK)
        fprintf(stderr, "ctvigil: not tried: %s\n", DOMAINTEST_NOT_TRIED);
    if (code == ERR_OK)
        code = domaintest_learned(conn, &test, &why);
    domaintest_free(&test);
    if (conn != NULL)
        cmd_db_close(conn);
    return code == ERR_OK ? CMD_OK : cmd_fail(&why);
}
