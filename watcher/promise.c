#include "watcher/promise.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/say.h"
#include "base/text.h"
#include "db/db_alert_raise.h"
#include "db/db_domain.h"
#include "db/db_pending.h"
#include "db/db_sct.h"
#include "db/db_trust_alert.h"
#include "parser/precert.h"
#include "parser/tbs.h"
#include "verify/sctsig.h"
#include "watcher/match.h"
#include "watcher/rule_sct.h"

_Static_assert(LIMIT_SCTS <= ALERT_FINDINGS_MAX, "one finding each");

#define LOCK_NAME "promises of logs"                   /* no domain has a space in its name */
#define RAW_MAX   (LIMIT_SCT_DER_BYTES + 0x10000 + 64) /* a leaf: TBS, extensions, and the rest */
#define HELD_MAX  ((size_t)LIMIT_SCTS * DB_SCT_LOGS_MAX * RULE_SCT_TEXTS)

/* One SCT of the certificate at hand. */
struct promise {
    struct sctlist_item sct;
    struct db_sct_log logs[DB_SCT_LOGS_MAX];
    size_t log_count;
    struct rule_sct_verdict verdict;
};

struct round {
    struct pgconn *conn;
    struct watchset *set; /* NULL until somebody is to be told */
    const struct db_sct_due *due;
    struct arena bytes; /* of the certificate at hand */
    struct batch batch; /* a match */
    struct entry entry;
    struct db_sct_cert cert;
    struct promise promises[LIMIT_SCTS];
    size_t count;
    bool beyond; /* there are SCTs of logs that are not known, or too many */
    bool full;   /* too many: those whose signatures fit are to be picked */
    size_t by;   /* the row whose key the logs signed */
    struct promise_report *report;
    int64_t until_ms; /* clock_mono_ms */
};

static enum err_code load_set(struct round *round, struct err *why)
{
    struct watch *watches = NULL;
    size_t count = 0;
    uint64_t generation = 0;
    if (round->set != NULL)
        return ERR_OK;
    enum err_code code = db_domain_load(round->conn, &watches, &count, &generation, why);
    if (code != ERR_OK)
        return code;
    /* A look-alike is nobody's certificate. */
    for (size_t i = 0; i < count; i++)
        watches[i].lookalike = WATCH_LOOKALIKE_OFF;
    round->set = watchset_new(watches, count, generation);
    return round->set != NULL ? ERR_OK : err_set(why, ERR_MEMORY, "no memory for %zu domains", count);
}

static const struct watch *watch_of(const struct round *round, int64_t id)
{
    for (size_t i = 0; i < watchset_count(round->set); i++)
        if (watchset_at(round->set, i)->id == id)
            return watchset_at(round->set, i);
    return NULL;
}

static struct sctsig sct_of(const struct promise *promise, const struct issuance *issuance, struct span tbs)
{
    return (struct sctsig){.timestamp_ms = promise->sct.timestamp_ms,
                           .issuer_key_hash = issuance->issuer_spki_sha256,
                           .tbs = tbs,
                           .extensions = promise->sct.extensions,
                           .digitally_signed = promise->sct.signed_part};
}

/* Which entry a log promised is known only when the signature fits: with the key of an issuer of the stored
 * rows. *open: that may still come. */
static bool is_signed(struct round *round, const struct promise *promise, struct span tbs, bool *open)
{
    struct err ignored = {0};
    *open = round->cert.own_count == 0;
    for (size_t i = 0; i < round->cert.own_count; i++) {
        const struct issuance *issuance = &round->cert.own[i].issuance;
        *open = *open || !issuance->issuer_known;
        if (!issuance->issuer_known)
            continue;
        const struct sctsig sct = sct_of(promise, issuance, tbs);
        for (size_t k = 0; k < promise->log_count; k++) {
            enum err_code code = sctsig_verify(&promise->logs[k].log, &sct, &ignored);
            if (code == ERR_OK) {
                round->by = i;
                return true;
            }
            *open = *open || code == ERR_KEY;
        }
    }
    return false;
}

static bool is_had(const struct round *round, const struct sctlist_item *item)
{
    for (size_t i = 0; i < round->count; i++)
        if (span_eq(round->promises[i].sct.whole, item->whole))
            return true;
    return false;
}

/* Has it the form of an SCT that a log could have signed for this certificate? */
static bool is_possible(const struct sctlist_item *item)
{
    return item->readable && item->timestamp_ms <= INT64_MAX / 2 && item->signature.len != 0;
}

static enum err_code add_promise(struct round *round, const struct sctlist_item *item, struct err *why)
{
    struct promise *promise = &round->promises[round->count];
    *promise = (struct promise){.sct = *item};
    enum err_code code = db_sct_reach(round->conn, item->log_id.at, (int64_t)item->timestamp_ms,
                                      item->leaf_index, promise->logs, &promise->log_count, why);
    round->beyond = round->beyond || promise->log_count == 0;
    round->count += promise->log_count != 0;
    return code;
}

/* What can be read, of the first so many; the logs are asked before the places are. What a CA puts in front,
 * of no log or twice, takes no place of those that count. */
static enum err_code ask_logs(struct round *round, const struct cert *cert, struct err *why)
{
    struct sctlist list;
    struct sctlist_item item;
    enum err_code code = ERR_OK;
    round->count = 0;
    round->beyond = false;
    round->full = false;
    sctlist_of(&list, cert);
    for (size_t walked = 0; code == ERR_OK && sctlist_next(&list, &item); walked++) {
        if (walked == LIMIT_SCTS_WALKED || round->count == LIMIT_SCTS) {
            round->beyond = true;
            round->full = true;
            break;
        }
        if (is_possible(&item) && !is_had(round, &item))
            code = add_promise(round, &item, why);
    }
    return code;
}

static size_t count_of_log(const struct round *round, struct span log_id)
{
    size_t count = 0;
    for (size_t i = 0; i < round->count; i++)
        count += span_eq(round->promises[i].sct.log_id, log_id);
    return count;
}

/* Does one of the known logs vouch for it? *open: nobody can say so now. */
static bool is_vouched(struct round *round, const struct sctlist_item *item, const struct db_sct_keys *keys,
                       struct span tbs, bool *open)
{
    struct promise trial = {.sct = *item};
    for (size_t i = 0; i < keys->count && trial.log_count < DB_SCT_LOGS_MAX; i++)
        if (span_eq(span_of(keys->logs[i].log_id, 32), item->log_id))
            trial.logs[trial.log_count++].log = keys->logs[i];
    round->beyond = round->beyond || trial.log_count == 0;
    *open = false;
    return trial.log_count != 0 && is_signed(round, &trial, tbs, open);
}

/* Into the places that are left: those whose signatures fit, or (`vague`) may do. *more: there are such. */
static enum err_code pick_walk(struct round *round, const struct cert *cert, const struct db_sct_keys *keys,
                               struct span tbs, bool vague, bool *more, struct err *why)
{
    struct sctlist list;
    struct sctlist_item item;
    enum err_code code = ERR_OK;
    sctlist_of(&list, cert);
    while (code == ERR_OK && round->count < LIMIT_SCTS && sctlist_next(&list, &item)) {
        bool open = false;
        if (!is_possible(&item) || is_had(round, &item) ||
            count_of_log(round, item.log_id) >= LIMIT_SCTS_OF_LOG)
            continue;
        bool good = is_vouched(round, &item, keys, tbs, &open);
        *more = *more || open;
        if (good || (vague && open))
            code = add_promise(round, &item, why);
    }
    return code;
}

/* Of too many, some of each log: those whose signatures fit, and only then those of which that may still
 * come. A CA can put as many others in front as it likes, and a log can show the certificate with a foreign
 * chain, so that no signature is known to be wrong: none of them takes a place of those that count. */
static enum err_code pick_signed(struct round *round, const struct cert *cert, struct span tbs,
                                 struct err *why)
{
    struct db_sct_keys keys;
    bool more = false;
    enum err_code code = db_sct_keys(round->conn, &keys, why);
    if (code == ERR_OK)
        code = db_sct_load(round->conn, round->due, &round->bytes, &round->cert, why);
    round->count = 0;
    if (code == ERR_OK)
        code = pick_walk(round, cert, &keys, tbs, false, &more, why);
    if (code == ERR_OK && more)
        code = pick_walk(round, cert, &keys, tbs, true, &more, why);
    db_sct_keys_free(&keys);
    return code;
}

/* What would be another verdict with places that may be another certificate's is none yet. */
static void judge_one(struct round *round, struct promise *promise)
{
    const struct db_sct_cert *cert = &round->cert;
    char hex[65];
    promise->verdict =
        rule_sct_judge(&promise->sct, promise->logs, promise->log_count, cert->places, cert->place_count);
    struct rule_sct_verdict all = rule_sct_judge(&promise->sct, promise->logs, promise->log_count,
                                                 cert->places, cert->place_count + cert->doubt_count);
    if (all.state == promise->verdict.state)
        return;
    promise->verdict.state = RULE_SCT_OPEN;
    say_warn("watch",
             "sha256=%s the entry that a log promised may be another one whose fingerprint begins with the"
             " same 64 bits",
             text_hex(span_of(round->due->sha256, 32), hex));
}

/* An entry that nobody could read has no fingerprint, and is no place of the certificate. What was promised
 * is known byte for byte, and such an entry is it, or is not. */
static enum err_code look_raw(struct round *round, struct promise *promise, struct span tbs, struct err *why)
{
    const struct sctsig sct = sct_of(promise, &round->cert.own[round->by].issuance, tbs);
    enum err_code code = ERR_OK;
    struct buf leaf;
    buf_init(&leaf, RAW_MAX);
    sctsig_leaf(&sct, &leaf);
    if (!buf_ok(&leaf))
        code = err_set(why, ERR_MEMORY, "no memory for the entry that a log promised");
    for (size_t k = 0; code == ERR_OK && k < promise->log_count; k++) {
        struct sighting place = {.timestamp_ms = (int64_t)sct.timestamp_ms, .form = ISSUANCE_PRECERT};
        bool found = false;
        if (promise->verdict.state == RULE_SCT_KEPT)
            break;
        code = db_sct_raw(round->conn, promise->logs[k].log.id, buf_span(&leaf), promise->sct.leaf_index,
                          &place, &found, why);
        if (code != ERR_OK || !found)
            continue;
        struct rule_sct_verdict verdict =
            rule_sct_judge(&promise->sct, promise->logs, promise->log_count, &place, 1);
        if (verdict.state > promise->verdict.state)
            promise->verdict = verdict;
    }
    buf_fini(&leaf);
    return code;
}

/* What a log shows counts once it is part of a tree that it signed. */
static enum err_code confirm(struct round *round, struct promise *promise, struct err *why)
{
    struct db_sct_log again[DB_SCT_LOGS_MAX];
    size_t count = 0;
    bool verified = false;
    if (promise->verdict.state != RULE_SCT_KEPT)
        return ERR_OK;
    enum err_code code = db_sct_reach(round->conn, promise->sct.log_id.at, (int64_t)promise->sct.timestamp_ms,
                                      (int64_t)promise->verdict.index, again, &count, why);
    for (size_t i = 0; i < count; i++)
        verified = verified || (again[i].log.id == promise->verdict.log->log.id && again[i].at_read);
    if (!verified)
        promise->verdict.state = RULE_SCT_OPEN;
    return code;
}

/* Those whose signature does not fit are left out: they promise nothing. */
static enum err_code judge_all(struct round *round, struct span tbs, struct err *why)
{
    size_t kept = 0;
    enum err_code code = ERR_OK;
    for (size_t i = 0; code == ERR_OK && i < round->count; i++) {
        struct promise *promise = &round->promises[kept];
        bool open = false;
        *promise = round->promises[i];
        promise->verdict = (struct rule_sct_verdict){.state = RULE_SCT_OPEN};
        bool good = is_signed(round, promise, tbs, &open);
        if (!good && !open)
            continue;
        kept++;
        if (!good)
            continue;
        judge_one(round, promise);
        code = look_raw(round, promise, tbs, why);
        if (code == ERR_OK)
            code = confirm(round, promise, why);
    }
    round->count = kept;
    return code;
}

static bool is_wrong(const struct promise *promise)
{
    return promise->verdict.state == RULE_SCT_BROKEN || promise->verdict.state == RULE_SCT_OTHER;
}

static size_t count_wrong(const struct round *round)
{
    size_t count = 0;
    for (size_t i = 0; i < round->count; i++)
        count += is_wrong(&round->promises[i]);
    return count;
}

/* What may have been told and still holds; `kept`: with what may have been told of promises that the log has
 * kept by now. */
static size_t list_texts(struct round *round, const struct rule *told, struct rule *rule, bool kept,
                         struct span texts[HELD_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < round->count; i++) {
        const struct promise *promise = &round->promises[i];
        enum rule_sct_state state = promise->verdict.state;
        if (told->alert->finding_count != 0 && is_wrong(promise)) {
            texts[count++] = rule_sct_found(rule, &promise->sct, &promise->verdict);
            continue;
        }
        if (kept && state == RULE_SCT_KEPT)
            state = RULE_SCT_OPEN;
        /* A log that is read in two ways was named by either. */
        for (size_t k = 0; k < promise->log_count; k++)
            count += rule_sct_texts(rule, &promise->sct, &promise->logs[k], state, texts + count);
    }
    return count;
}

/* What was told and does not hold is taken back: more is known of it by now, or it is told of the log as it
 * is read in another way, and the alert says that already; or the entry came later. What nobody can say now
 * was said by somebody who could. */
static enum err_code take_back(struct round *round, const struct rule *told, struct err *why)
{
    static const char *const kind = "sct_not_incorporated";
    static const char *const reasons[] = {
        "withdrawn: by now the log has the entry that it promised",
        "withdrawn: what was told of the log's promise is replaced by what is known now",
    };
    struct span texts[HELD_MAX];
    struct alert scratch = {.finding_count = 0};
    struct rule rule = *told;
    struct db_trust_alert holds = {
        .domain_id = told->alert->domain_id, .kinds = &kind, .kind_count = 1, .texts = texts};
    enum err_code code = ERR_OK;
    memcpy(holds.tbs_fp, round->due->tbs_fp, 32);
    rule.alert = &scratch;
    for (int kept = 1; code == ERR_OK && kept >= 0; kept--) {
        bool closed = false;
        holds.reason = reasons[kept];
        holds.text_count = list_texts(round, told, &rule, kept == 1, texts);
        if (rule.full)
            return err_set(why, ERR_TOO_BIG, "%s: no room for an alert", told->what->watch->name);
        code = db_trust_alert_withdraw(round->conn, &holds, &closed, why);
        round->report->closed += closed;
    }
    return code;
}

static enum err_code tell_one(struct round *round, const struct db_sct_own *own, struct alert *alert,
                              struct err *why)
{
    const struct policy_case what = {.watch = watch_of(round, alert->domain_id), .issuance = &own->issuance};
    struct rule rule = {&what, &round->batch.arena, alert, false};
    bool raised = false;
    if (what.watch == NULL)
        return ERR_OK;
    /* Switched off nothing is told, but what was told is still taken back. */
    bool off = what.watch->pairing == WATCH_PAIRING_OFF;
    alert->finding_count = 0;
    for (size_t i = 0; !off && i < round->count; i++)
        if (is_wrong(&round->promises[i]))
            rule_sct_add(&rule, &round->promises[i].sct, &round->promises[i].verdict);
    if (rule.full)
        return err_set(why, ERR_TOO_BIG, "%s: no room for an alert", what.watch->name);
    /* First what holds, so that an alert is not closed only to be opened again. */
    enum err_code code = ERR_OK;
    if (alert->finding_count != 0)
        code = db_alert_raise(round->conn, alert, own->seen, own->seen_count, NULL, NULL, &raised, why);
    round->report->raised += raised;
    return code == ERR_OK && round->due->told ? take_back(round, &rule, why) : code;
}

/* Whom the certificate concerns, as the rules stand now. */
static enum err_code tell(struct round *round, const struct db_sct_own *own, struct err *why)
{
    const struct match_prove prove = {.by_word = true};
    batch_reset(&round->batch);
    round->entry = (struct entry){.kind = ENTRY_X509, .issuance = own->issuance};
    if (own->seen_count != 0)
        round->entry.sighting = own->seen[0];
    round->batch.big = true;
    round->batch.end = 1;
    round->batch.entries = &round->entry;
    round->batch.entry_count = 1;
    enum err_code code = match_batch(round->set, &round->batch, &prove, why);
    for (size_t i = 0; code == ERR_OK && i < round->batch.alert_count; i++)
        if (round->batch.alerts[i].domain_id != ALERT_DOMAINS_NONE)
            code = tell_one(round, own, &round->batch.alerts[i], why);
    return code;
}

static enum err_code tell_all(struct round *round, struct err *why)
{
    enum err_code code = load_set(round, why);
    /* Before anybody is told: whoever is killed behind this looks for the entry all the same. */
    if (code == ERR_OK && !round->due->told)
        code = db_sct_tell(round->conn, round->due, why);
    return code == ERR_OK && round->cert.own_count != 0 ? tell(round, &round->cert.own[round->by], why)
                                                        : code;
}

/* What the logs signed: the TBS without CT extensions, in one piece. */
static bool normal_form(struct round *round, const struct cert *cert, struct span *tbs)
{
    struct precert_pieces form;
    size_t at = 0;
    if (!precert_normal_form(cert, &form))
        return false;
    uint8_t *room = arena_take(&round->bytes, form.length + 1, 1);
    for (size_t i = 0; room != NULL && i < form.count; i++) {
        memcpy(room + at, form.piece[i].at, form.piece[i].len);
        at += form.piece[i].len;
    }
    *tbs = span_of(room, at);
    return room != NULL;
}

/* All of it that is stored, and what follows; *gone: another took it off the list, or it promises nothing. */
static enum err_code judge(struct round *round, bool *gone, struct err *why)
{
    struct span der = SPAN_NONE;
    struct span tbs = SPAN_NONE;
    struct cert cert;
    enum err_code code = db_sct_bytes(round->conn, round->due, &round->bytes, &der, gone, why);
    if (code != ERR_OK || *gone)
        return code;
    *gone = !tbs_read_certificate(der, &cert) || !normal_form(round, &cert, &tbs);
    if (*gone)
        return db_sct_looked(round->conn, round->due, true, false, why);
    code = ask_logs(round, &cert, why);
    if (code == ERR_OK && round->full)
        code = pick_signed(round, &cert, tbs, why);
    if (code == ERR_OK)
        code = db_sct_load(round->conn, round->due, &round->bytes, &round->cert, why);
    return code == ERR_OK ? judge_all(round, tbs, why) : code;
}

/* May what lacks come, or be seen, any day? */
static bool is_read_on(const struct promise *promise)
{
    if (promise->verdict.log == NULL || promise->verdict.state == RULE_SCT_KEPT)
        return false;
    for (size_t k = 0; k < promise->log_count; k++)
        if (promise->logs[k].followed)
            return true;
    return false;
}

static enum err_code look_one(struct round *round, const struct db_sct_due *due, struct err *why)
{
    bool gone = false;
    size_t open = 0;
    bool soon = false;
    round->due = due;
    round->by = 0;
    arena_reset(&round->bytes, 1u << 20);
    enum err_code code = judge(round, &gone, why);
    if (code != ERR_OK || gone)
        return code;
    size_t wrong = count_wrong(round);
    for (size_t i = 0; i < round->count; i++) {
        open += round->promises[i].verdict.state == RULE_SCT_OPEN;
        soon = soon || is_read_on(&round->promises[i]);
    }
    if (wrong != 0 || due->told)
        code = tell_all(round, why);
    bool done = open == 0 && wrong == 0 && !round->beyond;
    if (code == ERR_OK)
        code = db_sct_looked(round->conn, due, done, soon, why);
    round->report->looked += code == ERR_OK;
    round->report->kept += code == ERR_OK && done;
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
static enum err_code look_or_pass(struct round *round, const struct db_sct_due *due, struct err *why)
{
    struct err one = {0};
    char hex[65];
    enum err_code code = look_one(round, due, &one);
    if (code == ERR_OK)
        return code;
    if (ends_all(code))
        return err_set(why, code, "%s", one.text);
    say_warn("watch", "sha256=%s what its SCTs promise can not be looked at, and is tried again later: %s",
             text_hex(span_of(due->sha256, 32), hex), one.text);
    return db_sct_looked(round->conn, due, false, false, why);
}

static enum err_code look_all(struct round *round, const struct db_sct_due *list, size_t count,
                              const atomic_bool *stop, struct err *why)
{
    enum err_code code = ERR_OK;
    bool on = count != 0;
    if (!arena_init(&round->bytes, LIMIT_HISTORY_BYTES))
        return err_set(why, ERR_MEMORY, "no memory for looking after SCTs");
    if (!batch_init(&round->batch, LIMIT_BIG_BATCH_BYTES)) {
        arena_fini(&round->bytes);
        return err_set(why, ERR_MEMORY, "no memory for looking after SCTs");
    }
    for (size_t i = 0; code == ERR_OK && on && (stop == NULL || !atomic_load(stop)); i++) {
        code = look_or_pass(round, &list[i], why);
        on = i + 1 < count && clock_mono_ms() < round->until_ms;
    }
    batch_fini(&round->batch);
    arena_fini(&round->bytes);
    watchset_unpin(round->set);
    return code;
}

enum err_code promise_look(struct pgconn *conn, size_t most, int64_t most_ms, const atomic_bool *stop,
                           struct promise_report *report, struct err *why)
{
    struct round *round = calloc(1, sizeof *round);
    struct db_sct_due *list = NULL;
    size_t count = 0;
    bool taken = false;
    *report = (struct promise_report){0};
    must(round != NULL);
    round->conn = conn;
    round->report = report;
    round->until_ms = clock_mono_ms() + most_ms;
    enum err_code code = db_pending_lock(conn, LOCK_NAME, false, &taken, why);
    if (code == ERR_OK && taken) {
        code = db_sct_list(conn, most, &list, &count, why);
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
