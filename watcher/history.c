#include "watcher/history.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/text.h"
#include "db/db_alert_raise.h"
#include "db/db_domain.h"
#include "db/db_malformed.h"
#include "watcher/match.h"
#include "watcher/policy.h"

#define ARENA_BYTES (16u << 20)
#define ARENA_KEEP  (1u << 20)
#define DEDUP_MAX   128

struct scan {
    const struct watch *watch;
    struct watchset *one; /* the watch alone, for raw bytes */
    struct pgconn *write;
    struct arena arena;
    struct history_result *result;
};

static enum err_code raise_alert(struct scan *scan, struct alert *alert, const struct sighting *sightings,
                                 size_t count, const char *dedup, struct err *why)
{
    bool raised = false;
    if (count != 0)
        alert->sighting = sightings[0];
    enum err_code code = db_alert_raise(scan->write, alert, sightings, count, dedup, NULL, &raised, why);
    scan->result->raised += code == ERR_OK && raised;
    return code;
}

static bool has_precert(const struct sighting *sightings, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (sightings[i].form == ISSUANCE_PRECERT)
            return true;
    }
    return false;
}

static enum err_code on_issuance(void *arg, const struct issuance *stored, const struct sighting *sightings,
                                 size_t count, struct err *why)
{
    struct scan *scan = arg;
    struct issuance issuance = *stored;
    struct alert alert;
    bool full = false;
    arena_reset(&scan->arena, ARENA_KEEP);
    /* The key of the row is what the chain claimed. Where a proof was tried and failed the row has no key. */
    issuance.issuer_proven = issuance.issuer_known;
    if (!match_one(scan->watch, &issuance, &scan->arena, &alert, &full))
        return ERR_OK;
    if (full)
        return err_set(why, ERR_TOO_BIG, "%s: no room to judge a stored certificate", scan->watch->name);
    scan->result->concerned++;
    if (alert.finding_count == 0) {
        scan->result->claimed += !stored->issuer_proven && !has_precert(sightings, count);
        return ERR_OK;
    }
    if (alert.domain_id != ALERT_DOMAINS_NONE)
        return raise_alert(scan, &alert, sightings, count, NULL, why);
    char hex[65];
    char dedup[DEDUP_MAX];
    (void)snprintf(dedup, sizeof dedup, "malformed:%s", text_hex(span_of(issuance.tbs_fp, 32), hex));
    return raise_alert(scan, &alert, sightings, count, dedup, why);
}

static struct finding_set findings_of(const char *names)
{
    struct finding_set set = {0};
    for (int i = 0; i < FINDING_COUNT; i++) {
        const char *name = finding_name((enum finding)i);
        size_t len = strlen(name);
        for (const char *at = strstr(names, name); at != NULL; at = strstr(at + 1, name)) {
            if ((at == names || at[-1] == ' ') && (at[len] == ' ' || at[len] == '\0'))
                finding_add(&set, (enum finding)i);
        }
    }
    return set;
}

static enum err_code on_malformed(void *arg, const struct db_malformed_row *row, struct err *why)
{
    struct scan *scan = arg;
    struct issuance issuance = {0};
    struct alert alert;
    struct sighting sighting = {
        .log_id = row->log_id, .index = row->index, .timestamp_ms = row->timestamp_ms};
    bool full = false;
    char dedup[DEDUP_MAX];
    arena_reset(&scan->arena, ARENA_KEEP);
    struct finding_set oddities = findings_of(row->findings);
    memcpy(issuance.tbs_fp, row->tbs_fp, sizeof issuance.tbs_fp);
    issuance.findings = oddities;
    bool named =
        match_raw(scan->one, row->leaf, row->extra, &issuance, &oddities, &scan->arena, &alert, &full);
    /* Names that a parsed certificate hides have been judged with it. */
    if (!named && row->parsed)
        return ERR_OK;
    if (!named) {
        struct policy_case what = {.issuance = &issuance, .oddities = &oddities, .unparsed = true};
        full = !policy_nobody(&what, 1, &scan->arena, &alert);
    }
    if (full)
        return err_set(why, ERR_TOO_BIG, "%s: no room to judge a stored entry", scan->watch->name);
    scan->result->concerned += named;
    int len = snprintf(dedup, sizeof dedup, "malformed:%" PRId32 ":%" PRIu64, row->log_id, row->index);
    if (named)
        (void)snprintf(dedup + len, sizeof dedup - (size_t)len, ":%" PRId64, scan->watch->id);
    return raise_alert(scan, &alert, &sighting, 1, row->parsed ? NULL : dedup, why);
}

/* watchset_new takes its watches over. */
static struct watchset *set_of_one(const struct watch *watch)
{
    struct watch *copy = calloc(1, sizeof *copy);
    if (copy == NULL)
        return NULL;
    *copy = *watch;
    copy->allow = NULL;
    copy->allow_count = 0;
    copy->owner = NULL;
    copy->name = strdup(watch->name);
    if (copy->name == NULL) {
        free(copy);
        return NULL;
    }
    return watchset_new(copy, 1, 0);
}

enum err_code history_run(struct pgconn *read, struct pgconn *write, const struct watch *watch,
                          struct history_result *result, struct err *why)
{
    struct scan scan = {.watch = watch, .write = write, .result = result};
    *result = (struct history_result){0};
    if (!arena_init(&scan.arena, ARENA_BYTES))
        return err_set(why, ERR_MEMORY, "%s: no memory for the history scan", watch->name);
    scan.one = set_of_one(watch);
    enum err_code code = ERR_OK;
    if (scan.one == NULL)
        code = err_set(why, ERR_MEMORY, "%s: no memory for the history scan", watch->name);
    if (code == ERR_OK)
        code = db_domain_history(read, watch, on_issuance, &scan, why);
    if (code == ERR_OK)
        code = db_malformed_each(read, on_malformed, &scan, why);
    if (code == ERR_OK)
        code = db_domain_history_done(write, watch->id, why);
    watchset_unpin(scan.one);
    arena_fini(&scan.arena);
    return code;
}
