#include "watcher/history.h"

#include <stdlib.h>

#include "base/limits.h"
#include "db/alertjson.h"
#include "db/db_alert_raise.h"
#include "db/db_domain.h"
#include "db/db_explain.h"
#include "db/db_late.h"
#include "db/db_pair.h"
#include "db/db_pending.h"
#include "watcher/rule_trust.h"
#include "watcher/together.h"

struct scan {
    const struct watch *const *watches;
    size_t count;
    const struct history_reader *reader;
    struct watchset *some; /* these watches alone */
    struct watchset *all;  /* every registered domain; NULL until it is needed */
    struct pgconn *write;
    struct batch batch;
    struct entry entry;
    struct history_result *results; /* one for each */
    struct db_pair_notes *notes;
    int late;             /* see db_late_issuer */
    struct place *places; /* by id */
};

/* Which of the watches has an id. */
struct place {
    int64_t id;
    size_t at;
};

static int by_id(const void *left, const void *right)
{
    const struct place *a = left;
    const struct place *b = right;
    return a->id < b->id ? -1 : a->id > b->id;
}

static bool places_new(struct scan *scan)
{
    scan->places = calloc(scan->count, sizeof *scan->places);
    for (size_t i = 0; scan->places != NULL && i < scan->count; i++)
        scan->places[i] = (struct place){scan->watches[i]->id, i};
    if (scan->places != NULL)
        qsort(scan->places, scan->count, sizeof *scan->places, by_id);
    return scan->places != NULL;
}

/* Where what was found about a domain is counted; what could be anybody's: with the first one. */
static struct history_result *result_of(struct scan *scan, int64_t domain_id)
{
    const struct place wanted = {.id = domain_id};
    const struct place *found = bsearch(&wanted, scan->places, scan->count, sizeof wanted, by_id);
    return &scan->results[found == NULL ? 0 : found->at];
}

static enum err_code raise_alert(struct scan *scan, const struct alert *alert,
                                 const struct sighting *sightings, size_t count, struct err *why)
{
    char room[ALERTJSON_DEDUP_MAX];
    bool raised = false;
    if (scan->reader->dry != NULL) {
        scan->reader->dry(scan->reader->dry_arg, alert, sightings, count);
        result_of(scan, alert->domain_id)->raised++;
        return ERR_OK;
    }
    enum err_code code = db_alert_raise(scan->write, alert, sightings, count, alertjson_dedup(alert, room),
                                        NULL, &raised, why);
    if (code == ERR_OK && alert->domain_id == ALERT_DOMAINS_NONE)
        scan->results[0].nobody += raised;
    else if (code == ERR_OK)
        result_of(scan, alert->domain_id)->raised += raised;
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

/* A batch of the one entry, judged as ingest judges it. */
static enum err_code judge(struct scan *scan, const struct watchset *set, const struct match_prove *prove,
                           struct err *why)
{
    scan->batch.big = true;
    scan->batch.begin = scan->entry.index;
    scan->batch.end = scan->entry.index + 1;
    scan->batch.entries = &scan->entry;
    scan->batch.entry_count = 1;
    return match_batch(set, &scan->batch, prove, why);
}

/* One that was kept will do as long as nobody came or went. */
static enum err_code load_kept(struct scan *scan, struct err *why)
{
    struct history_all *kept = scan->reader->all;
    uint64_t generation = 0;
    if (kept == NULL || kept->set == NULL)
        return ERR_OK;
    enum err_code code = db_domain_generation(scan->write, &generation, why);
    if (code == ERR_OK && watchset_generation(kept->set) == generation)
        scan->all = watchset_pin(kept->set);
    return code;
}

static enum err_code load_all(struct scan *scan, struct err *why)
{
    struct history_all *kept = scan->reader->all;
    struct watch *watches = NULL;
    uint64_t generation = 0;
    size_t count = 0;
    enum err_code code = load_kept(scan, why);
    if (code != ERR_OK || scan->all != NULL)
        return code;
    if (kept != NULL)
        history_all_free(kept);
    code = db_domain_load(scan->write, &watches, &count, &generation, why);
    if (code != ERR_OK)
        return code;
    scan->all = watchset_new(watches, count, generation);
    if (scan->all == NULL)
        return err_set(why, ERR_MEMORY, "no memory for %zu domains", count);
    if (kept != NULL)
        kept->set = watchset_pin(scan->all);
    return ERR_OK;
}

void history_all_free(struct history_all *all)
{
    watchset_unpin(all->set);
    all->set = NULL;
}

/* What could be anybody's is one alert, that counts all whom it could concern and not the one of this scan.
 */
static enum err_code raise_nobody(struct scan *scan, const struct match_prove *prove,
                                  const struct sighting *sightings, size_t count, struct err *why)
{
    if (scan->reader->dry != NULL)
        return ERR_OK;
    enum err_code code = scan->all == NULL ? load_all(scan, why) : ERR_OK;
    if (code == ERR_OK)
        code = judge(scan, scan->all, prove, why);
    for (size_t i = 0; i < scan->batch.alert_count && code == ERR_OK; i++) {
        const struct alert *alert = &scan->batch.alerts[i];
        if (alert->domain_id == ALERT_DOMAINS_NONE)
            code = raise_alert(scan, alert, sightings, count, why);
    }
    return code;
}

static enum err_code stopped(const struct scan *scan, struct err *why)
{
    if (scan->reader->stop == NULL || !atomic_load(scan->reader->stop))
        return ERR_OK;
    return err_set(why, ERR_CLOSED, "%s: the history scan was ended early", scan->watches[0]->name);
}

static enum err_code on_issuance(void *arg, const struct issuance *stored, const struct sighting *sightings,
                                 size_t count, struct err *why)
{
    /* The key of the row is what the chain claimed; where a proof was tried and failed the row has none. */
    struct scan *scan = arg;
    struct match_prove by_word = scan->reader->prove;
    by_word.prove = NULL;
    by_word.look = NULL;
    by_word.by_word = true;
    by_word.ours = scan->all;
    bool nobody = false;
    enum err_code code = stopped(scan, why);
    if (code == ERR_OK && db_pair_notes_count(scan->notes) >= LIMIT_PAIR_NOTES)
        code = db_pair_notes_write(scan->notes, scan->write, why);
    batch_reset(&scan->batch);
    scan->entry = (struct entry){.issuance = *stored};
    if (code == ERR_OK)
        code = db_late_issuer(scan->write, &scan->late, &scan->entry.issuance, why);
    if (code != ERR_OK)
        return code;
    scan->entry.kind = has_precert(sightings, count) ? ENTRY_PRECERT : ENTRY_X509;
    if (count != 0)
        scan->entry.sighting = rule_trust_earliest(sightings, count);
    code = judge(scan, scan->some, &by_word, why);
    for (size_t i = 0; i < scan->batch.alert_count && code == ERR_OK; i++) {
        const struct alert *alert = &scan->batch.alerts[i];
        bool somebody = alert->domain_id != ALERT_DOMAINS_NONE;
        /* Where a part could not be read the bytes were kept, and they have been judged as a whole. */
        if (!somebody && finding_any_broken(&stored->findings))
            continue;
        nobody = nobody || !somebody;
        /* Which of several it could concern is not counted. */
        if (somebody || scan->count == 1)
            result_of(scan, alert->domain_id)->concerned++;
        result_of(scan, alert->domain_id)->claimed += alert->claimed;
        if (scan->reader->dry == NULL)
            db_pair_note(scan->notes, alert);
        if (somebody && alert->finding_count != 0)
            code = raise_alert(scan, alert, sightings, count, why);
        else if (somebody && scan->reader->dry != NULL && scan->reader->kept != NULL)
            scan->reader->kept(scan->reader->dry_arg, alert, sightings, count);
    }
    return code == ERR_OK && nobody ? raise_nobody(scan, &by_word, sightings, count, why) : code;
}

static enum err_code on_malformed(void *arg, const struct db_malformed_row *row, struct err *why)
{
    struct scan *scan = arg;
    bool nobody = false;
    enum err_code code = stopped(scan, why);
    if (code != ERR_OK)
        return code;
    batch_reset(&scan->batch);
    scan->entry = (struct entry){.index = row->index, .timestamp_ms = row->timestamp_ms};
    scan->entry.sighting.log_id = row->log_id;
    code = scan->reader->read(scan->reader->arg, row, &scan->batch.arena, &scan->entry, why);
    struct match_prove prove = scan->reader->prove;
    prove.ours = scan->all;
    if (code == ERR_OK)
        code = judge(scan, scan->some, &prove, why);
    for (size_t i = 0; i < scan->batch.alert_count && code == ERR_OK; i++) {
        const struct alert *alert = &scan->batch.alerts[i];
        bool somebody = alert->domain_id != ALERT_DOMAINS_NONE;
        nobody = nobody || !somebody;
        if (somebody && alert->finding_count != 0)
            code = raise_alert(scan, alert, &alert->sighting, 1, why);
        /* One that has a row is met again there. */
        result_of(scan, alert->domain_id)->concerned += somebody && !alertjson_has_fp(alert);
    }
    /* Its place does not depend on who judges. */
    const struct sighting place = scan->entry.sighting;
    return code == ERR_OK && nobody ? raise_nobody(scan, &scan->reader->prove, &place, 1, why) : code;
}

/* What was told by rules of before, and the rules of now explain. */
static enum err_code explain(struct scan *scan, int64_t *ids, struct err *why)
{
    uint64_t closed = 0;
    size_t open = 0;
    for (size_t i = 0; i < scan->count; i++)
        ids[i] = scan->places[i].id;
    enum err_code code = db_explain_open(scan->write, ids, scan->count, ids, &open, why);
    for (size_t i = 0; code == ERR_OK && i < open; i++)
        code = db_explain_close(scan->write, ids[i], "explained: it is what the entry expects by now",
                                &closed, why);
    return code;
}

static enum err_code mark(struct scan *scan, int64_t *ids, struct err *why)
{
    bool one = false;
    size_t marked = 0;
    if (scan->count == 1) {
        const struct watch *watch = scan->watches[0];
        enum err_code code = db_domain_history_done(scan->write, watch->id, watch->rules, &one, why);
        scan->results[0].outdated = !one;
        return code;
    }
    enum err_code code = db_pending_done(scan->write, scan->watches, scan->count, ids, &marked, why);
    for (size_t i = 0; i < scan->count; i++)
        scan->results[i].outdated = true;
    for (size_t i = 0; i < marked; i++)
        result_of(scan, ids[i])->outdated = false;
    return code;
}

static enum err_code finish(struct scan *scan, struct err *why)
{
    int64_t *ids = calloc(scan->count + 1, sizeof *ids);
    if (ids == NULL)
        return err_set(why, ERR_MEMORY, "no memory for a history scan");
    enum err_code code = explain(scan, ids, why);
    if (code == ERR_OK)
        code = mark(scan, ids, why);
    free(ids);
    return code;
}

static enum err_code scan_rows(struct scan *scan, struct pgconn *read, struct err *why)
{
    const struct history_reader *reader = scan->reader;
    struct watch joint;
    if (!together_join(scan->watches, scan->count, &joint))
        return err_set(why, ERR_MEMORY, "no memory for a history scan");
    enum err_code code = ERR_OK;
    if (reader->place != NULL)
        code = db_domain_history_from(read, &joint, reader->place, on_issuance, scan, reader->stop, why);
    else if (reader->size != NULL)
        code = db_domain_history_counted(read, &joint, reader->size, on_issuance, scan, why);
    else
        code = db_domain_history(read, &joint, on_issuance, scan, reader->stop, why);
    free(joint.more);
    return code;
}

/* The bytes first: an alert then has all that is known of its entry, and the row only adds sightings. */
static enum err_code scan_all(struct scan *scan, struct pgconn *read, struct err *why)
{
    const struct db_domain_history_place *place = scan->reader->place;
    enum err_code code = ERR_OK;
    for (size_t i = 0; code == ERR_OK && i < scan->count && scan->all == NULL; i++)
        if (scan->watches[i]->foreign != WATCH_FOREIGN_OFF)
            code = load_all(scan, why);
    if (code == ERR_OK && (place == NULL || !place->begun))
        code = db_malformed_each(read, on_malformed, scan, why);
    if (code == ERR_OK)
        code = scan_rows(scan, read, why);
    if (code == ERR_OK || code == ERR_DB_PART) {
        enum err_code written = db_pair_notes_write(scan->notes, scan->write, why);
        code = code == ERR_OK ? written : code;
    }
    if (code == ERR_OK && scan->reader->dry == NULL && (place == NULL || !place->more))
        code = finish(scan, why);
    return code;
}

enum err_code history_run_all(struct pgconn *read, struct pgconn *write, const struct watch *const *watches,
                              size_t count, const struct history_reader *reader,
                              struct history_result *results, struct err *why)
{
    struct scan scan = {
        .watches = watches, .count = count, .reader = reader, .write = write, .results = results};
    must(count != 0 && count <= HISTORY_TOGETHER_MAX);
    memset(results, 0, count * sizeof *results);
    /* Address space; what the largest entry needs is touched when there is one. */
    if (!batch_init(&scan.batch, LIMIT_BIG_BATCH_BYTES))
        return err_set(why, ERR_MEMORY, "%s: no memory for the history scan", watches[0]->name);
    scan.some = together_set(watches, count);
    scan.notes = db_pair_notes_new();
    enum err_code code =
        scan.some == NULL || scan.notes == NULL || !places_new(&scan)
            ? err_set(why, ERR_MEMORY, "%s: no memory for the history scan", watches[0]->name)
            : scan_all(&scan, read, why);
    db_pair_notes_free(scan.notes);
    watchset_unpin(scan.some);
    watchset_unpin(scan.all);
    free(scan.places);
    batch_fini(&scan.batch);
    return code;
}

enum err_code history_run(struct pgconn *read, struct pgconn *write, const struct watch *watch,
                          const struct history_reader *reader, struct history_result *result, struct err *why)
{
    return history_run_all(read, write, &watch, 1, reader, result, why);
}
