#include "watcher/pairing.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/say.h"
#include "db/db_alert_raise.h"
#include "db/db_domain.h"
#include "db/db_pair.h"
#include "db/db_pending.h"
#include "db/db_trust_alert.h"
#include "watcher/match.h"
#include "watcher/rule_pairing.h"

#define LOCK_NAME "certificate pairs" /* no domain has a space in its name */

struct round {
    struct pgconn *conn;
    struct watch *watches; /* by id */
    size_t watch_count;
    struct db_pair_due due;
    const struct watch *watch;
    struct batch batch;
    struct entry entry;
    struct arena rows;
    struct pairing_report *report;
};

static int by_id(const void *left, const void *right)
{
    const struct watch *a = left;
    const struct watch *b = right;
    return a->id < b->id ? -1 : a->id > b->id;
}

/* NULL: no memory. A look-alike is nobody's certificate. */
static struct watchset *set_of_one(const struct watch *watch)
{
    struct watch *copy = calloc(1, sizeof *copy);
    if (copy == NULL || !watch_copy(watch, copy)) {
        free(copy);
        return NULL;
    }
    copy->lookalike = WATCH_LOOKALIKE_OFF;
    return watchset_new(copy, 1, 0);
}

/* By which of its names the certificate concerns the domain, as the rules stand now; NULL: it does not. */
static struct alert *match(struct round *round, const struct db_pair_cert *own, struct err *why)
{
    const struct match_prove prove = {.by_word = true};
    struct watchset *set = set_of_one(round->watch);
    struct alert *found = NULL;
    if (set == NULL) {
        (void)err_set(why, ERR_MEMORY, "%s: no memory for a look at a certificate", round->watch->name);
        return NULL;
    }
    batch_reset(&round->batch);
    round->entry = (struct entry){.kind = ENTRY_X509, .issuance = own->issuance};
    if (own->seen_count != 0)
        round->entry.sighting = own->seen[0];
    round->batch.big = true;
    round->batch.end = 1;
    round->batch.entries = &round->entry;
    round->batch.entry_count = 1;
    if (match_batch(set, &round->batch, &prove, why) == ERR_OK)
        for (size_t i = 0; i < round->batch.alert_count && found == NULL; i++)
            if (round->batch.alerts[i].domain_id == round->watch->id)
                found = &round->batch.alerts[i];
    watchset_unpin(set);
    return found;
}

/* Late truth: it was told of, and what belongs to it came. */
static enum err_code withdraw(struct round *round, const struct db_pair *pair, struct err *why)
{
    const char *kinds[2];
    bool closed = false;
    struct db_trust_alert holds = {.domain_id = round->watch->id, .kinds = kinds};
    if (rule_pairing_announced(pair))
        kinds[holds.kind_count++] = "final_without_precert";
    if (round->watch->final_within_s != 0 && rule_pairing_made(pair))
        kinds[holds.kind_count++] = "precert_without_final";
    if (holds.kind_count == 0)
        return ERR_OK;
    holds.reason = rule_pairing_made(pair) && rule_pairing_announced(pair)
                       ? "withdrawn: by now logs showed its precertificate and its certificate"
                       : "withdrawn: by now a log showed its precertificate";
    memcpy(holds.tbs_fp, pair->own.issuance.tbs_fp, 32);
    enum err_code code = db_trust_alert_withdraw(round->conn, &holds, &closed, why);
    round->report->closed += closed;
    return code;
}

/* Looked at again when its time is over. */
static void judge_unfinished(struct round *round, struct rule *rule, const struct db_pair *pair)
{
    int64_t now_ms = clock_wall_ms();
    int64_t deadline_ms = rule_pairing_deadline(round->watch, pair, round->due.noted_ms);
    if (deadline_ms == 0 || pair->own.issuance.not_after * 1000 <= now_ms)
        return;
    if (deadline_ms <= now_ms)
        rule_pairing_unfinished(rule, pair);
    else
        round->due.wake_ms = deadline_ms;
}

static enum err_code on_pair(void *arg, const struct db_pair *pair, struct err *why)
{
    struct round *round = arg;
    struct err inner = {0};
    bool raised = false;
    struct alert *alert = match(round, &pair->own, &inner);
    if (alert == NULL)
        return inner.code == ERR_OK ? ERR_OK : err_set(why, inner.code, "%s", inner.text);
    const struct policy_case what = {.watch = round->watch, .issuance = &pair->own.issuance};
    struct rule rule = {&what, &round->batch.arena, alert, false};
    alert->finding_count = 0;
    rule_pairing_judge(&rule, pair, round->due.noted_ms + LIMIT_PAIR_WAIT_MS <= clock_wall_ms());
    judge_unfinished(round, &rule, pair);
    if (rule.full)
        return err_set(why, ERR_TOO_BIG, "%s: no room for an alert", round->watch->name);
    enum err_code code = withdraw(round, pair, why);
    if (code != ERR_OK || alert->finding_count == 0)
        return code;
    code = db_alert_raise(round->conn, alert, pair->own.seen, pair->own.seen_count, NULL, NULL, &raised, why);
    round->report->raised += raised;
    return code;
}

static enum err_code look_one(struct round *round, const struct db_pair_due *due, struct err *why)
{
    const struct watch key = {.id = due->domain_id};
    enum err_code code = ERR_OK;
    round->due = *due;
    round->watch = bsearch(&key, round->watches, round->watch_count, sizeof key, by_id);
    round->due.every = round->watch != NULL && round->watch->final_within_s != 0;
    arena_reset(&round->rows, 1u << 20);
    if (round->watch != NULL && round->watch->pairing == WATCH_PAIRING_ON)
        code = db_pair_load(round->conn, &round->due, &round->rows, on_pair, round, why);
    if (code == ERR_OK)
        code = db_pair_looked(round->conn, &round->due, why);
    round->report->looked += code == ERR_OK;
    return code;
}

/* Nothing that is wrong with other certificates, or that all of them would meet. */
static bool ends_all(enum err_code code)
{
    return code == ERR_DB_DOWN || code == ERR_CLOSED || code == ERR_DB_CONFLICT || code == ERR_DB_LATER ||
           code == ERR_DB_SCHEMA;
}

/* The longest waiting comes first: one that can not be looked at must not stand before all others for ever.
 */
static enum err_code look_or_pass(struct round *round, const struct db_pair_due *due, struct err *why)
{
    struct err one = {0};
    enum err_code code = look_one(round, due, &one);
    if (code == ERR_OK)
        return code;
    if (ends_all(code))
        return err_set(why, code, "%s", one.text);
    say_warn("watch",
             "domain=%s a certificate can not be compared with others under its serial number, and is tried "
             "again later: %s",
             round->watch == NULL ? "?" : round->watch->name, one.text);
    return db_pair_looked(round->conn, due, why);
}

static enum err_code look_all(struct round *round, const struct db_pair_due *list, size_t count,
                              const atomic_bool *stop, struct err *why)
{
    uint64_t generation = 0;
    enum err_code code = db_domain_load(round->conn, &round->watches, &round->watch_count, &generation, why);
    if (code != ERR_OK)
        return code;
    qsort(round->watches, round->watch_count, sizeof *round->watches, by_id);
    if (!arena_init(&round->rows, LIMIT_HISTORY_BYTES))
        code = err_set(why, ERR_MEMORY, "no memory for looking after certificates");
    if (code == ERR_OK && !batch_init(&round->batch, LIMIT_BIG_BATCH_BYTES)) {
        arena_fini(&round->rows);
        code = err_set(why, ERR_MEMORY, "no memory for looking after certificates");
    }
    if (code == ERR_OK) {
        for (size_t i = 0; code == ERR_OK && i < count && (stop == NULL || !atomic_load(stop)); i++)
            code = look_or_pass(round, &list[i], why);
        batch_fini(&round->batch);
        arena_fini(&round->rows);
    }
    watch_free(round->watches, round->watch_count);
    return code;
}

enum err_code pairing_look(struct pgconn *conn, size_t most, const atomic_bool *stop,
                           struct pairing_report *report, struct err *why)
{
    struct round *round = calloc(1, sizeof *round);
    struct db_pair_due *list = NULL;
    size_t count = 0;
    bool taken = false;
    *report = (struct pairing_report){0};
    must(round != NULL);
    round->conn = conn;
    round->report = report;
    enum err_code code = db_pending_lock(conn, LOCK_NAME, false, &taken, why);
    if (code == ERR_OK && taken) {
        code = db_pair_list(conn, most, &list, &count, why);
        if (code == ERR_OK && count != 0)
            code = look_all(round, list, count, stop, why);
        struct err ignored = {0};
        enum err_code unlocked = db_pending_unlock(conn, LOCK_NAME, &ignored);
        code = code != ERR_OK ? code : unlocked;
    }
    free(list);
    free(round);
    return code;
}
