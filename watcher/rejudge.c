#include "watcher/rejudge.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "db/db_alert_raise.h"
#include "db/db_domain.h"
#include "db/db_late.h"
#include "db/db_trust_alert.h"
#include "watcher/rule_trust.h"

struct scan {
    struct rejudge *rejudge;
    struct pgconn *write;
    struct watchset *set; /* of these domains */
    struct batch batch;
    struct entry entry;
    bool settled; /* of the issuance at hand */
    int late;     /* see db_late_issuer */
};

/* Findings of other rules are not this one's business. */
static void keep_own(struct alert *alert)
{
    size_t kept = 0;
    for (size_t i = 0; i < alert->finding_count; i++)
        if (rule_trust_owns(alert->findings[i].kind))
            alert->findings[kept++] = alert->findings[i];
    alert->finding_count = kept;
}

static const char *const of_today[] = {"single_store", "untrusted", "test_root", "required_store"};

static enum err_code settle(struct scan *scan, struct alert *alert, const struct sighting *sightings,
                            size_t count, struct err *why)
{
    const char *kinds[ALERT_KIND_COUNT];
    struct db_trust_alert holds = {
        .domain_id = alert->domain_id, .kinds = kinds, .reason = scan->rejudge->reason};
    bool raised = false;
    bool closed = false;
    enum err_code code = ERR_OK;
    keep_own(alert);
    for (int i = 0; i < ALERT_KIND_COUNT; i++)
        if (rule_trust_owns((enum alert_kind)i))
            kinds[holds.kind_count++] = alert_kind_name((enum alert_kind)i);
    /* Who trusts a CA today says nothing of the time when it was over. */
    bool over = alert->issuance->not_after < scan->rejudge->prove.now_ms / 1000;
    for (size_t i = 0; over && i < countof(of_today); i++)
        holds.rules[holds.count++] = of_today[i];
    /* What may yet come takes nothing back, either. */
    if (!scan->settled)
        holds.rules[holds.count++] = "issuer_key";
    memcpy(holds.tbs_fp, alert->issuance->tbs_fp, 32);
    for (size_t i = 0; i < alert->finding_count && holds.count < countof(holds.rules); i++)
        holds.rules[holds.count++] = alert->findings[i].rule;
    code = db_trust_alert_withdraw(scan->write, &holds, &closed, why);
    if (code == ERR_OK && alert->finding_count != 0)
        code = db_alert_raise(scan->write, alert, sightings, count, NULL, NULL, &raised, why);
    scan->rejudge->closed += closed;
    scan->rejudge->raised += raised;
    return code;
}

static enum err_code on_issuance(void *arg, const struct issuance *stored, const struct sighting *sightings,
                                 size_t count, struct err *why)
{
    struct scan *scan = arg;
    const struct rejudge *rejudge = scan->rejudge;
    struct match_prove prove = rejudge->prove;
    struct issuance own = *stored;
    prove.settled = true;
    if (rejudge->stop != NULL && atomic_load(rejudge->stop))
        return err_set(why, ERR_CLOSED, "stopped");
    enum err_code code = db_late_issuer(scan->write, &scan->late, &own, why);
    if (code != ERR_OK || count == 0 ||
        (rejudge->wanted != NULL && !rejudge->wanted(rejudge->arg, &own, &prove.settled)))
        return code;
    batch_reset(&scan->batch);
    scan->entry = (struct entry){.issuance = own, .sighting = rule_trust_earliest(sightings, count)};
    bool precert = scan->entry.sighting.form == ISSUANCE_PRECERT;
    scan->entry.kind = precert ? ENTRY_PRECERT : ENTRY_X509;
    /* What can not be judged takes nothing back that was proven when the bytes were at hand. */
    if (!scan->entry.issuance.issuer_known || !scan->entry.issuance.issuer_proven)
        return ERR_OK;
    scan->batch.big = true;
    scan->batch.begin = scan->entry.index;
    scan->batch.end = scan->entry.index + 1;
    scan->batch.entries = &scan->entry;
    scan->batch.entry_count = 1;
    scan->settled = prove.settled;
    code = match_batch(scan->set, &scan->batch, &prove, why);
    for (size_t i = 0; code == ERR_OK && i < scan->batch.alert_count; i++) {
        if (scan->batch.alerts[i].domain_id == ALERT_DOMAINS_NONE ||
            scan->batch.alerts[i].lookalike.at != NULL)
            continue;
        scan->rejudge->judged++;
        code = settle(scan, &scan->batch.alerts[i], sightings, count, why);
    }
    return code;
}

enum err_code rejudge_domains(struct pgconn *read, struct pgconn *write, const struct watch *const *watches,
                              size_t count, struct rejudge *rejudge, struct err *why)
{
    struct scan *scan = calloc(1, sizeof *scan);
    struct watch joint = {.more = NULL};
    enum err_code code = ERR_OK;
    must(scan != NULL && count != 0 && count <= REJUDGE_TOGETHER_MAX);
    scan->rejudge = rejudge;
    scan->write = write;
    scan->set = together_set(watches, count);
    rejudge->prove.by_word = true;
    if (scan->set == NULL || !together_join(watches, count, &joint) ||
        !batch_init(&scan->batch, LIMIT_BIG_BATCH_BYTES))
        code = err_set(why, ERR_MEMORY, "%s: no memory for judging again", watches[0]->name);
    if (code == ERR_OK) {
        code = db_domain_history(read, &joint, on_issuance, scan, rejudge->stop, why);
        batch_fini(&scan->batch);
    }
    free(joint.more);
    watchset_unpin(scan->set);
    free(scan);
    return code;
}
