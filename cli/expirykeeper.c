#include "cli/expirykeeper.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/say.h"
#include "base/text.h"
#include "cli/blockset.h"
#include "cli/expiryrows.h"
#include "db/db_alert_raise.h"
#include "db/db_domain.h"
#include "db/db_pending.h"
#include "db/db_psl.h"
#include "db/db_renewal.h"
#include "db/spread.h"
#include "watcher/renewalsay.h"
#include "watcher/rule_weak.h"

#define EXPIRYKEEPER_LOCK  "expiry of certificates" /* no domain has a space in its name */
#define EXPIRYKEEPER_BYTES (64u << 20)

/* What became of an open alert in this look. */
struct expirykeeper_state {
    bool seen; /* its certificate was looked at */
    bool best; /* and is still the last one for some name */
    char renewed[192];
};

struct expirykeeper_round {
    struct pgconn *conn;
    const atomic_bool *stop;
    struct expirykeeper *keeper;
    struct expirykeeper_report *report;
    struct watch *watches;
    size_t watch_count;
    struct expiryrows_place *places; /* by key */
    size_t place_count;
    struct db_renewal_doubt *doubts;
    size_t doubt_count;
    struct db_renewal_alert *alerts; /* by domain and certificate */
    struct expirykeeper_state *states;
    size_t alert_count;
    struct blocklist *blocklist; /* of keys; NULL: none */
    struct expirywait_found unread;
    struct arena arena;
    struct renewal renewal; /* of the domain at hand */
    enum err_code code;     /* the first failure while it was judged */
    struct err *why;
};

static int expirykeeper_by_doubt(const void *left, const void *right)
{
    const struct db_renewal_doubt *a = left;
    const struct db_renewal_doubt *b = right;
    if (a->domain_id != b->domain_id)
        return a->domain_id < b->domain_id ? -1 : 1;
    return memcmp(a->tbs_fp, b->tbs_fp, 32);
}

static int expirykeeper_by_cert(const void *left, const void *right)
{
    const struct db_renewal_alert *a = left;
    const struct db_renewal_alert *b = right;
    if (a->domain_id != b->domain_id)
        return a->domain_id < b->domain_id ? -1 : 1;
    return memcmp(a->tbs_fp, b->tbs_fp, 32);
}

static bool expirykeeper_ended(const struct expirykeeper_round *round)
{
    return round->stop != NULL && atomic_load(round->stop);
}

static void expirykeeper_dedup(const struct expirykeeper_round *round, const struct renewal_cert *cert,
                               char out[sizeof((struct db_renewal_alert *)NULL)->dedup])
{
    char names[65];
    char fp[65];
    (void)snprintf(out, sizeof((struct db_renewal_alert *)NULL)->dedup, "expiry:%" PRId64 ":%.32s:%.32s",
                   round->renewal.watch->id, text_hex(span_of(cert->name_set, 32), names),
                   text_hex(span_of(cert->tbs_fp, 32), fp));
}

/* Not the first one about its certificate. */
static bool expirykeeper_twice(const struct expirykeeper_round *round, size_t at)
{
    const struct db_renewal_alert *alerts = round->alerts;
    return at != 0 && alerts[at].domain_id != 0 && expirykeeper_by_cert(&alerts[at - 1], &alerts[at]) == 0;
}

/* Not by dedup: the hash of names in it changes as an entry becomes wide. alert_count: there is none. */
static size_t expirykeeper_find(const struct expirykeeper_round *round, const struct renewal_cert *cert)
{
    struct db_renewal_alert probe = {.domain_id = round->renewal.watch->id};
    memcpy(probe.tbs_fp, cert->tbs_fp, 32);
    const struct db_renewal_alert *found =
        bsearch(&probe, round->alerts, round->alert_count, sizeof probe, expirykeeper_by_cert);
    size_t at = found == NULL ? round->alert_count : (size_t)(found - round->alerts);
    while (found != NULL && expirykeeper_twice(round, at))
        at--;
    return at;
}

static bool expirykeeper_told(const struct db_renewal_alert *alert, const char *rule)
{
    char word[RENEWALSAY_RULE_MAX + 1];
    (void)snprintf(word, sizeof word, "%s ", rule);
    return alert != NULL && strstr(alert->rules, word) != NULL;
}

/* `alert` has findings and the name; the certificate is added. One that is gone raises nothing. */
static void expirykeeper_raise(struct expirykeeper_round *round, const struct renewal_cert *cert,
                               struct alert *alert, const char *dedup, uint64_t *counter)
{
    struct db_renewal_cert stored = {.seen = NULL};
    bool found = false;
    bool raised = false;
    round->code = db_renewal_cert(round->conn, cert->tbs_fp, cert->life.not_after, &round->arena, &stored,
                                  &found, round->why);
    if (round->code == ERR_OK && found) {
        alert->domain_id = round->renewal.watch->id;
        alert->domain = span_str(round->renewal.watch->name);
        alert->issuance = &stored.issuance;
        alert->sighting.timestamp_ms = cert->life.not_before * 1000;
        if (stored.seen_count != 0)
            alert->sighting = stored.seen[0];
        round->code = db_alert_raise(round->conn, alert, stored.seen, stored.seen_count, dedup, NULL, &raised,
                                     round->why);
        *counter += round->code == ERR_OK;
        alert->issuance = NULL;
    }
    db_renewal_free(stored.held);
}

static void expirykeeper_due(void *arg, const struct renewal_due *due)
{
    struct expirykeeper_round *round = arg;
    const struct renewal *renewal = &round->renewal;
    const struct renewal_cert *cert = &renewal->certs[due->cert];
    char dedup[sizeof round->alerts->dedup];
    char rule[RENEWALSAY_RULE_MAX];
    struct alert alert = {.finding_count = 0};
    expirykeeper_dedup(round, cert, dedup);
    size_t at = expirykeeper_find(round, cert);
    const struct db_renewal_alert *open = at == round->alert_count ? NULL : &round->alerts[at];
    if (open != NULL) {
        round->states[at].best = true;
        (void)snprintf(dedup, sizeof dedup, "%s", open->dedup);
    }
    bool history = open == NULL && cert->life.not_after < renewal->now - LIMIT_EXPIRY_OVER_S;
    if (renewal->watch->expiry_off || round->code != ERR_OK || history || (open != NULL && open->acked))
        return;
    arena_reset(&round->arena, 1u << 20);
    renewalsay_rule(due, rule);
    if (due->level >= 0 && !expirykeeper_told(open, rule))
        alert.findings[alert.finding_count++] = renewalsay_expiring(&round->arena, renewal, due, rule);
    if (due->missing && !expirykeeper_told(open, "cadence"))
        alert.findings[alert.finding_count++] = renewalsay_missing(&round->arena, renewal, due);
    if (alert.finding_count == 0)
        return;
    alert.name = renewalsay_name(&round->arena, due->name);
    expirykeeper_raise(round, cert, &alert, dedup, &round->report->raised);
}

static void expirykeeper_unusual(void *arg, const struct renewal_unusual *unusual)
{
    struct expirykeeper_round *round = arg;
    const struct renewal_cert *cert = &round->renewal.certs[unusual->cert];
    struct alert alert = {.finding_count = 1};
    bool has = false;
    if (round->code != ERR_OK)
        return;
    arena_reset(&round->arena, 1u << 20);
    alert.findings[0] = renewalsay_unusual(&round->arena, &round->renewal, unusual);
    /* One that is early may be of another issuer, too. */
    round->code = db_renewal_has(round->conn, round->renewal.watch->id, cert->tbs_fp, alert.findings[0].rule,
                                 &has, round->why);
    if (round->code != ERR_OK || has)
        return;
    alert.name = renewalsay_name(&round->arena, unusual->name);
    expirykeeper_raise(round, cert, &alert, NULL, &round->report->unusual);
}

/* A list may know the key of a certificate that has been stored for long. */
static void expirykeeper_each(void *arg, size_t at, struct span name)
{
    struct expirykeeper_round *round = arg;
    const struct renewal_cert *cert = &round->renewal.certs[at];
    const char *list = blocklist_find_spki(round->blocklist, cert->spki);
    struct alert alert = {.finding_count = 1};
    struct buf text;
    bool has = false;
    if (list == NULL || round->code != ERR_OK)
        return;
    round->code = db_renewal_has(round->conn, round->renewal.watch->id, cert->tbs_fp, "compromised_key", &has,
                                 round->why);
    if (round->code != ERR_OK || has)
        return;
    arena_reset(&round->arena, 1u << 20);
    uint8_t own = round->renewal.watch->severity[ALERT_KIND_COMPROMISED_KEY];
    buf_init(&text, RULE_TEXT_MAX);
    rule_weak_listed(&text, list, cert->spki);
    alert.findings[0] = (struct alert_finding){
        .kind = ALERT_KIND_COMPROMISED_KEY,
        .severity =
            own != 0 ? (enum alert_severity)(own - 1) : alert_kind_severity(ALERT_KIND_COMPROMISED_KEY),
        .rule = "compromised_key",
        .expected = SPAN_LIT("a key that nobody else has"),
        .found = arena_copy(&round->arena, buf_span(&text)),
    };
    buf_fini(&text);
    alert.name = renewalsay_name(&round->arena, name);
    expirykeeper_raise(round, cert, &alert, NULL, &round->report->listed);
}

/* Of the same names, the one that lasts longest. */
static const struct renewal_cert *expirykeeper_longer(const struct renewal *renewal,
                                                      const struct renewal_cert *cert)
{
    const struct renewal_cert *best = NULL;
    for (size_t i = 0; i < renewal->count; i++) {
        const struct renewal_cert *other = &renewal->certs[i];
        if (!other->doubted && memcmp(other->name_set, cert->name_set, 32) == 0 &&
            other->life.not_after > (best == NULL ? cert : best)->life.not_after)
            best = other;
    }
    return best;
}

/* Alerts about certificates that were among these; whether they are over is decided at the end. */
static void expirykeeper_note(struct expirykeeper_round *round)
{
    const struct renewal *renewal = &round->renewal;
    for (size_t i = 0; i < renewal->count && round->alert_count != 0; i++) {
        char when[TEXT_TIME_MAX];
        char issuer[96];
        if (renewal->certs[i].doubted)
            continue;
        size_t at = expirykeeper_find(round, &renewal->certs[i]);
        if (at == round->alert_count)
            continue;
        struct expirykeeper_state *state = &round->states[at];
        const struct renewal_cert *longer = expirykeeper_longer(renewal, &renewal->certs[i]);
        state->seen = true;
        if (longer != NULL)
            (void)snprintf(state->renewed, sizeof state->renewed,
                           "renewed by a certificate that is valid until %s, issued by %s",
                           text_time(longer->life.not_after * 1000, false, when),
                           text_visible_str(longer->issuer, issuer, sizeof issuer));
        else
            (void)snprintf(state->renewed, sizeof state->renewed,
                           "certificates that are valid for longer cover the names, or they are watched no "
                           "more");
    }
}

static enum err_code expirykeeper_domain(struct expirykeeper_round *round, const struct watch *watch,
                                         struct renewal_cert *certs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct db_renewal_doubt probe = {.domain_id = watch->id};
        memcpy(probe.tbs_fp, certs[i].tbs_fp, 32);
        certs[i].doubted =
            bsearch(&probe, round->doubts, round->doubt_count, sizeof probe, expirykeeper_by_doubt) != NULL;
    }
    round->renewal.watch = watch;
    round->renewal.certs = certs;
    round->renewal.count = count;
    renewal_judge(&round->renewal);
    expirykeeper_note(round);
    round->report->looked += count;
    return round->code;
}

/* The rows of one key; `place` is the first domain that it finds. */
static enum err_code expirykeeper_key(struct expirykeeper_round *round, const struct db_renewal_page *page,
                                      size_t *row_at, size_t place)
{
    int64_t key = round->renewal.key = round->places[place].key;
    size_t begin = *row_at;
    struct db_renewal_row row;
    enum err_code code = ERR_OK;
    struct renewal_cert *certs = calloc(db_renewal_count(page) - begin + 1, sizeof *certs);
    must(certs != NULL);
    size_t count = 0;
    for (; *row_at < db_renewal_count(page); ++*row_at) {
        db_renewal_get(page, *row_at, &row);
        if (row.key != key)
            break;
        certs[count++] = expiryrows_cert(&row);
    }
    for (size_t i = place; code == ERR_OK && i < round->place_count && round->places[i].key == key; i++)
        code = expirykeeper_domain(round, round->places[i].watch, certs, count);
    free(certs);
    return code;
}

static enum err_code expirykeeper_page(struct expirykeeper_round *round, size_t begin, size_t end,
                                       const struct db_renewal_page *page)
{
    enum err_code code = ERR_OK;
    size_t row = 0;
    for (size_t at = begin; code == ERR_OK && at < end && !expirykeeper_ended(round); at++)
        if (at == begin || round->places[at].key != round->places[at - 1].key)
            code = expirykeeper_key(round, page, &row, at);
    return code;
}

/* After the rows: what is doubted of them was stored with them, and none is without its doubt. */
static enum err_code expirykeeper_doubt(struct expirykeeper_round *round)
{
    free(round->doubts);
    round->doubts = NULL;
    round->doubt_count = 0;
    return db_renewal_doubts(round->conn, &round->doubts, &round->doubt_count, round->why);
}

static void expirykeeper_warn(struct expirykeeper_round *round, const struct watch *watch)
{
    if (!round->keeper->warned)
        say_warn(
            "watch",
            "domain=%s more than %d of its certificates run out at a time; of those that do so last is not"
            " looked at",
            watch->name, LIMIT_EXPIRY_ROWS);
    round->keeper->warned = true;
}

/* Certificates of these that are kept back may have a key that came into a list later. */
static enum err_code expirykeeper_listed(struct expirykeeper_round *round,
                                         const struct expiryrows_place *places, size_t count)
{
    struct db_renewal_more_place after = {.not_after = round->renewal.now};
    enum err_code code = ERR_OK;
    bool more = round->blocklist != NULL;
    round->renewal.due = NULL;
    while (code == ERR_OK && more && !expirykeeper_ended(round)) {
        struct expiryrows rows;
        code = expiryrows_listed(round->conn, places, round->blocklist, &after, &rows, round->why);
        more = rows.full;
        round->renewal.certs = rows.certs;
        round->renewal.count = rows.count;
        for (size_t at = 0; code == ERR_OK && at < count; at++) {
            round->renewal.watch = places[at].watch;
            renewal_judge(&round->renewal);
            code = round->code;
        }
        expiryrows_free(&rows);
    }
    round->renewal.due = expirykeeper_due;
    return code;
}

/* Entries under one key, or a wide one, that have too many: what comes to its end. */
static enum err_code expirykeeper_narrow(struct expirykeeper_round *round,
                                         const struct expiryrows_place *places, size_t count)
{
    struct expiryrows rows;
    struct expiryrows_narrow what = {.places = places,
                                     .place_count = count,
                                     .now = round->renewal.now,
                                     .doubts = round->doubts,
                                     .doubt_count = round->doubt_count};
    enum err_code code = expiryrows_narrow(round->conn, &what, &rows, round->why);
    if (code != ERR_OK)
        return code;
    round->renewal.key = places->key;
    if (rows.full)
        expirykeeper_warn(round, places->watch);
    code = expirykeeper_doubt(round);
    for (size_t at = 0; code == ERR_OK && at < count; at++)
        code = expirykeeper_domain(round, places[at].watch, rows.certs, rows.count);
    expiryrows_free(&rows);
    return code == ERR_OK ? expirykeeper_listed(round, places, count) : code;
}

/* Entries that are more than a registrable domain. */
static enum err_code expirykeeper_wide(struct expirykeeper_round *round)
{
    enum err_code code = ERR_OK;
    round->renewal.wide = true;
    for (size_t i = 0; code == ERR_OK && i < round->watch_count && !expirykeeper_ended(round); i++) {
        struct expiryrows rows;
        const struct expiryrows_place place = {0, &round->watches[i]};
        if (!expiryrows_wide(place.watch))
            continue;
        code = expiryrows_load(round->conn, &round->watches[i],
                               round->renewal.now - LIMIT_EXPIRY_DAYS * INT64_C(86400), &rows, round->why);
        if (code != ERR_OK)
            break;
        code = expirykeeper_doubt(round);
        if (code == ERR_OK && rows.full)
            code = expirykeeper_narrow(round, &place, 1);
        else if (code == ERR_OK)
            code = expirykeeper_domain(round, place.watch, rows.certs, rows.count);
        expiryrows_free(&rows);
    }
    round->renewal.wide = false;
    return code;
}

/* Domains [begin, end); half of them at a time where they have too many certificates. */
static enum err_code expirykeeper_some(struct expirykeeper_round *round, size_t begin, size_t end)
{
    int64_t keys[LIMIT_EXPIRY_KEYS] = {0};
    struct db_renewal_page *page = NULL;
    size_t count = 0;
    bool full = false;
    for (size_t at = begin; at < end; at++)
        if (at == begin || round->places[at].key != round->places[at - 1].key)
            keys[count++] = round->places[at].key;
    enum err_code code =
        db_renewal_load(round->conn, keys, count, round->renewal.now - LIMIT_EXPIRY_DAYS * INT64_C(86400),
                        LIMIT_EXPIRY_ROWS, &page, &full, round->why);
    if (code == ERR_OK && full && count > 1) {
        size_t middle = begin + (end - begin) / 2;
        while (middle > begin + 1 && round->places[middle].key == round->places[middle - 1].key)
            middle--;
        while (middle < end && round->places[middle].key == round->places[middle - 1].key)
            middle++;
        db_renewal_free(page);
        code = expirykeeper_some(round, begin, middle);
        return code == ERR_OK && middle < end ? expirykeeper_some(round, middle, end) : code;
    }
    if (code == ERR_OK)
        code = expirykeeper_doubt(round);
    if (code == ERR_OK && full)
        code = expirykeeper_narrow(round, round->places + begin, end - begin);
    else if (code == ERR_OK)
        code = expirykeeper_page(round, begin, end, page);
    db_renewal_free(page);
    return code;
}

static enum err_code expirykeeper_all(struct expirykeeper_round *round)
{
    enum err_code code = ERR_OK;
    size_t begin = 0;
    while (code == ERR_OK && begin < round->place_count && !expirykeeper_ended(round)) {
        size_t end = begin;
        size_t keys = 0;
        for (; end < round->place_count; end++) {
            bool fresh = end == begin || round->places[end].key != round->places[end - 1].key;
            if (fresh && keys == LIMIT_EXPIRY_KEYS)
                break;
            keys += fresh;
        }
        code = expirykeeper_some(round, begin, end);
        begin = end;
    }
    if (code == ERR_OK)
        code = expirykeeper_wide(round);
    return code;
}

static const struct watch *expirykeeper_watch(const struct expirykeeper_round *round, int64_t id)
{
    for (size_t i = 0; i < round->watch_count; i++)
        if (round->watches[i].id == id)
            return &round->watches[i];
    return NULL;
}

static enum err_code expirykeeper_close(struct expirykeeper_round *round)
{
    enum err_code code = ERR_OK;
    for (size_t i = 0; code == ERR_OK && i < round->alert_count; i++) {
        const struct db_renewal_alert *alert = &round->alerts[i];
        const struct watch *watch = expirykeeper_watch(round, alert->domain_id);
        const char *reason = NULL;
        if (watch == NULL)
            reason = "the domain is not registered any more";
        else if (watch->expiry_off)
            reason = "the entry does not ask for it any more (expiry: off)";
        else if (expirykeeper_twice(round, i))
            reason = "another alert is about the same certificate";
        else if (round->states[i].seen && !round->states[i].best)
            reason = round->states[i].renewed;
        if (reason == NULL)
            continue;
        code = db_renewal_close(round->conn, alert->id, reason, round->why);
        round->report->closed += code == ERR_OK;
    }
    return code;
}

static enum err_code expirykeeper_load(struct expirykeeper_round *round)
{
    uint64_t generation = 0;
    enum err_code code = spread_whole(round->conn, round->why);
    if (code == ERR_OK)
        code = db_psl_follow(round->conn, round->why);
    if (code == ERR_OK)
        code = db_renewal_now(round->conn, &round->renewal.now, round->why);
    if (code == ERR_OK)
        code = db_domain_load(round->conn, &round->watches, &round->watch_count, &generation, round->why);
    if (code == ERR_OK)
        code = expirywait_look(round->conn, &round->keeper->wait, &round->unread, round->why);
    if (code == ERR_OK)
        code = db_renewal_alerts(round->conn, &round->alerts, &round->alert_count, round->why);
    if (code != ERR_OK)
        return code;
    round->renewal.unread = round->unread.unread;
    round->renewal.unread_count = round->unread.count;
    round->states = calloc(round->alert_count + 1, sizeof *round->states);
    must(round->states != NULL);
    round->places = expiryrows_places(round->watches, round->watch_count, &round->place_count);
    return arena_init(&round->arena, EXPIRYKEEPER_BYTES)
               ? ERR_OK
               : err_set(round->why, ERR_MEMORY, "no memory for a look at certificates that run out");
}

static enum err_code expirykeeper_alone(struct expirykeeper_round *round)
{
    round->renewal.arg = round;
    round->renewal.due = expirykeeper_due;
    round->renewal.unusual = expirykeeper_unusual;
    enum err_code code = blockset_pin(&round->blocklist, round->why);
    round->renewal.each = round->blocklist == NULL ? NULL : expirykeeper_each;
    if (code == ERR_OK)
        code = expirykeeper_load(round);
    if (code == ERR_OK) {
        code = expirykeeper_all(round);
        if (code == ERR_OK && !expirykeeper_ended(round))
            code = expirykeeper_close(round);
        arena_fini(&round->arena);
    }
    watch_free(round->watches, round->watch_count);
    free(round->places);
    free(round->doubts);
    free(round->alerts);
    free(round->states);
    expirywait_free(&round->unread);
    blocklist_unpin(round->blocklist);
    return code;
}

/* The rows are being copied to the nodes: the next time. */
static enum err_code expirykeeper_later(enum err_code code, struct err *why)
{
    if (code != ERR_DB_CONFLICT)
        return code;
    err_clear(why);
    return ERR_OK;
}

/* Before its hour: other domains, or a log that is waited for no more. */
static enum err_code expirykeeper_ready(struct pgconn *conn, struct expirykeeper *keeper, int64_t generation,
                                        bool *ready, struct err *why)
{
    struct expirywait_found found;
    *ready = !keeper->begun || clock_mono_ms() >= keeper->due_ms || generation != keeper->generation;
    if (*ready || keeper->wait.mark == 0)
        return ERR_OK;
    enum err_code code = spread_whole(conn, why);
    if (code == ERR_OK)
        code = expirywait_look(conn, &keeper->wait, &found, why);
    if (code != ERR_OK)
        return code;
    *ready = found.changed;
    expirywait_free(&found);
    return ERR_OK;
}

enum err_code expirykeeper_look(struct pgconn *conn, struct expirykeeper *keeper, const atomic_bool *stop,
                                struct expirykeeper_report *report, struct err *why)
{
    struct expirykeeper_round round = {
        .conn = conn, .stop = stop, .keeper = keeper, .report = report, .why = why};
    int64_t now = clock_mono_ms();
    int64_t generation = 0;
    bool taken = false;
    *report = (struct expirykeeper_report){0};
    bool ready = false;
    enum err_code code = db_renewal_generation(conn, &generation, why);
    if (code == ERR_OK)
        code = expirykeeper_ready(conn, keeper, generation, &ready, why);
    if (code != ERR_OK || !ready)
        return expirykeeper_later(code, why);
    keeper->begun = false; /* until it has been done */
    code = db_pending_lock(conn, EXPIRYKEEPER_LOCK, false, &taken, why);
    if (code != ERR_OK || !taken)
        return code;
    code = expirykeeper_alone(&round);
    bool later = code == ERR_DB_CONFLICT;
    code = expirykeeper_later(code, why);
    struct err ignored = {0};
    enum err_code unlocked = db_pending_unlock(conn, EXPIRYKEEPER_LOCK, &ignored);
    code = code != ERR_OK ? code : unlocked;
    if (code == ERR_OK && !later && !expirykeeper_ended(&round)) {
        keeper->begun = true;
        keeper->generation = generation;
        keeper->due_ms = now + LIMIT_EXPIRY_LOOK_MS;
    }
    return code;
}
