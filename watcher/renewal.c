#include "watcher/renewal.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/dns.h"
#include "db/dbkey.h"

#define DAY         INT64_C(86400)
#define SHORT_LIVED (45 * DAY)
#define WEEK        (7 * DAY)
#define BURST       5
#define EARLY       400 /* 1/1000 of the usual life */
#define PATTERN_MAX 2048

/* A name of the domain, and one certificate that covers it. */
struct cover {
    struct span name;
    size_t cert;
};

struct work {
    const struct renewal *r;
    struct cover *covers; /* by name, then the longest first */
    size_t count;
    size_t cap;
    struct buf *items; /* stored forms of the watch's names, one behind the other */
    struct span *item;
    bool *item_exact;
    size_t item_count;
    struct span *hidden; /* what is excluded */
    size_t hidden_count;
    size_t *by_set; /* certificates by set of names, then by beginning */
    struct cadence_one *line;
    size_t *best_count; /* per certificate: names for which it is the best one */
    size_t *best_first; /* and the first of them */
};

static int compare_bytes(struct span a, struct span b)
{
    int order = memcmp(a.at, b.at, a.len < b.len ? a.len : b.len);
    return order != 0 ? order : a.len < b.len ? -1 : a.len > b.len;
}

static _Thread_local const struct renewal_cert *sorted; /* qsort has no argument of its own */

static int by_name(const void *left, const void *right)
{
    const struct cover *a = left;
    const struct cover *b = right;
    int order = compare_bytes(a->name, b->name);
    if (order != 0)
        return order;
    const struct renewal_cert *x = &sorted[a->cert];
    const struct renewal_cert *y = &sorted[b->cert];
    if (x->life.not_after != y->life.not_after)
        return x->life.not_after > y->life.not_after ? -1 : 1;
    return memcmp(x->tbs_fp, y->tbs_fp, 32);
}

static int by_set(const void *left, const void *right)
{
    const struct renewal_cert *x = &sorted[*(const size_t *)left];
    const struct renewal_cert *y = &sorted[*(const size_t *)right];
    int order = memcmp(x->name_set, y->name_set, 32);
    if (order != 0)
        return order;
    if (x->life.not_before != y->life.not_before)
        return x->life.not_before < y->life.not_before ? -1 : 1;
    return memcmp(x->tbs_fp, y->tbs_fp, 32);
}

static bool is_below(struct span name, struct span domain)
{
    return name.len > domain.len && name.at[domain.len] == '.' && memcmp(name.at, domain.at, domain.len) == 0;
}

static bool is_marked(struct span name)
{
    return name.len != 0 && name.at[0] == RENEWAL_MARK;
}

static bool is_wildcard(struct span name)
{
    return name.len >= 2 && name.at[name.len - 1] == '*' && name.at[name.len - 2] == '.';
}

/* "com.example.*" of "com.example.www"; absent: a wildcard itself, or nothing above. */
static struct span above(struct span name, uint8_t room[PATTERN_MAX])
{
    size_t cut = name.len;
    while (cut > 0 && name.at[cut - 1] != '.')
        cut--;
    if (cut == 0 || is_wildcard(name) || is_marked(name) || cut + 1 > PATTERN_MAX)
        return SPAN_NONE;
    memcpy(room, name.at, cut);
    room[cut] = '*';
    return span_of(room, cut + 1);
}

static void put_item(struct work *work, struct span *slot, const char *name)
{
    struct buf *text = &work->items[work->item_count + work->hidden_count];
    buf_init(text, 8 * DNS_TEXT_MAX);
    dbkey_put_name(text, span_str(name));
    *slot = buf_span(text);
}

static void read_watch(struct work *work)
{
    const struct watch *watch = work->r->watch;
    size_t items = watch_item_count(watch);
    size_t all = items + watch->exclude.count + 1;
    work->items = calloc(all, sizeof *work->items);
    work->item = calloc(all, sizeof *work->item);
    work->item_exact = calloc(all, sizeof *work->item_exact);
    work->hidden = calloc(all, sizeof *work->hidden);
    must(work->items != NULL && work->item != NULL && work->item_exact != NULL && work->hidden != NULL);
    for (size_t i = 0; i < items; i++) {
        if (watch_item(watch, i)->kind != WATCH_DNS ||
            (!work->r->wide && dbkey_apex8(dns_apex(span_str(watch_item(watch, i)->name))) != work->r->key))
            continue;
        put_item(work, &work->item[work->item_count], watch_item(watch, i)->name);
        work->item_exact[work->item_count++] = watch_item(watch, i)->exact;
    }
    for (size_t i = 0; i < watch->exclude.count; i++) {
        put_item(work, &work->hidden[work->hidden_count], watch->exclude.at[i]);
        work->hidden_count++;
    }
}

static bool is_hidden(const struct work *work, struct span name)
{
    for (size_t i = 0; i < work->hidden_count; i++)
        if (span_eq(name, work->hidden[i]) || is_below(name, work->hidden[i]))
            return true;
    return false;
}

static void add_cover(struct work *work, struct span name, size_t cert)
{
    if (work->count == work->cap) {
        work->cap = work->cap == 0 ? 256 : 2 * work->cap;
        work->covers = reallocarray(work->covers, work->cap, sizeof *work->covers);
        must(work->covers != NULL);
    }
    work->covers[work->count++] = (struct cover){name, cert};
}

/* A wildcard above an item covers the item itself. */
static void add_name(struct work *work, struct span name, size_t cert)
{
    uint8_t room[PATTERN_MAX];
    if (is_marked(name)) {
        add_cover(work, name, cert);
        return;
    }
    for (size_t i = 0; i < work->item_count; i++) {
        struct span item = work->item[i];
        if (span_eq(name, item) || (!work->item_exact[i] && is_below(name, item))) {
            if (!is_hidden(work, name))
                add_cover(work, name, cert);
            return;
        }
    }
    for (size_t i = 0; is_wildcard(name) && i < work->item_count; i++)
        if (span_eq(above(work->item[i], room), name))
            add_cover(work, work->item[i], cert);
}

static void read_names(struct work *work)
{
    for (size_t i = 0; i < work->r->count; i++) {
        struct span left = work->r->certs[i].names;
        struct span name;
        while (!work->r->certs[i].doubted && dbkey_next_name(&left, &name))
            add_name(work, name, i);
    }
    sorted = work->r->certs;
    if (work->count != 0)
        qsort(work->covers, work->count, sizeof *work->covers, by_name);
}

static void tell_each(struct work *work)
{
    const struct renewal *r = work->r;
    for (size_t i = 0; r->each != NULL && i < r->count; i++) {
        struct span left = r->certs[i].names;
        struct span name;
        size_t before = work->count;
        if (r->certs[i].life.not_after < r->now)
            continue;
        while (work->count == before && dbkey_next_name(&left, &name))
            add_name(work, name, i);
        if (work->count != before)
            r->each(r->arg, i, name);
        work->count = before;
    }
}

/* Place of the best certificate of that very name; count: none. */
static size_t find_name(const struct work *work, struct span name)
{
    size_t low = 0;
    size_t high = work->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_bytes(work->covers[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < work->count && span_eq(work->covers[low].name, name) ? low : work->count;
}

static void find_best(struct work *work)
{
    const struct renewal_cert *certs = work->r->certs;
    for (size_t i = 0; i < work->count; i++) {
        uint8_t room[PATTERN_MAX];
        size_t best = work->covers[i].cert;
        if (i != 0 && span_eq(work->covers[i - 1].name, work->covers[i].name))
            continue;
        struct span star = above(work->covers[i].name, room);
        size_t wide = star.at == NULL ? work->count : find_name(work, star);
        if (wide != work->count && certs[work->covers[wide].cert].life.not_after > certs[best].life.not_after)
            best = work->covers[wide].cert;
        if (work->best_count[best]++ == 0)
            work->best_first[best] = i;
    }
}

/* Where the certificates of the same set of names begin, and how many begin before `cert` or are it. */
static size_t set_of(const struct work *work, size_t cert, size_t *until)
{
    size_t at = 0;
    size_t high = work->r->count;
    while (at < high) {
        size_t middle = at + (high - at) / 2;
        if (by_set(&work->by_set[middle], &cert) < 0)
            at = middle + 1;
        else
            high = middle;
    }
    *until = at + 1;
    while (at > 0 &&
           memcmp(work->r->certs[work->by_set[at - 1]].name_set, work->r->certs[cert].name_set, 32) == 0)
        at--;
    return at;
}

static int by_begin(const void *left, const void *right)
{
    const struct cadence_one *a = left;
    const struct cadence_one *b = right;
    return a->not_before < b->not_before ? -1 : a->not_before > b->not_before;
}

/* Of the set of names, or, where that is new, of the name. */
static void learn(struct work *work, size_t cert, struct span name, struct cadence *cadence)
{
    const struct renewal_cert *certs = work->r->certs;
    size_t until;
    size_t count = 0;
    *cadence = (struct cadence){0};
    if (work->r->watch->cadence == WATCH_CADENCE_OFF)
        return;
    for (size_t i = set_of(work, cert, &until); i < until; i++)
        if (!certs[work->by_set[i]].doubted)
            work->line[count++] = certs[work->by_set[i]].life;
    cadence_learn(work->line, count, cadence);
    if (cadence_known(cadence))
        return;
    count = 0;
    for (size_t i = find_name(work, name); i < work->count && span_eq(work->covers[i].name, name); i++)
        work->line[count++] = certs[work->covers[i].cert].life;
    if (count != 0)
        qsort(work->line, count, sizeof *work->line, by_begin);
    cadence_learn(work->line, count, cadence);
}

struct step {
    int days;
    int64_t before_s;
};

static size_t steps_of(const struct watch *watch, int64_t life_s, struct step out[WATCH_EXPIRY_MAX])
{
    static const struct step usual[] = {{30, 30 * DAY}, {7, 7 * DAY}, {0, 0}};
    if (life_s < SHORT_LIVED) {
        out[0] = (struct step){30, life_s * 33 / 100};
        out[1] = (struct step){7, life_s * 15 / 100};
        out[2] = (struct step){0, 0};
        return 3;
    }
    for (size_t i = 0; i < watch->expiry_count; i++)
        out[i] = (struct step){watch->expiry_days[i], watch->expiry_days[i] * DAY};
    if (watch->expiry_count != 0)
        return watch->expiry_count;
    memcpy(out, usual, sizeof usual);
    return countof(usual);
}

static enum alert_severity severity_of(int days)
{
    return days <= 0 ? ALERT_CRITICAL : days <= 7 ? ALERT_HIGH : ALERT_LOW;
}

/* What is better than a certificate comes into the logs after it. */
static bool is_unread(const struct renewal_unread *unread, int64_t since)
{
    return unread->end > since - DAY;
}

/* The last moment up to which it is known what came after a certificate that began at `since`. */
static int64_t known_until(const struct renewal *r, int64_t since)
{
    int64_t until = r->now;
    for (size_t i = 0; i < r->unread_count; i++)
        if (r->unread[i].waited && is_unread(&r->unread[i], since) && r->unread[i].begin < until)
            until = r->unread[i].begin;
    return until;
}

/* What is waited for no longer, or that too. */
static const struct renewal_unread *unknown_since(const struct renewal *r, int64_t since, bool waited)
{
    const struct renewal_unread *first = NULL;
    for (size_t i = 0; i < r->unread_count; i++)
        if ((waited || !r->unread[i].waited) && is_unread(&r->unread[i], since) &&
            (first == NULL || r->unread[i].begin < first->begin))
            first = &r->unread[i];
    return first;
}

/* The end comes whether the logs are read or not. Where they were read until the step before it, what is
 * known of renewals is no older than what that was told by; where they were not, as in a log that is read
 * from its beginning, nearly every certificate would seem to end. */
static bool is_over(const struct renewal *r, const struct cadence_one *life, int64_t known)
{
    int64_t length = life->not_after - life->not_before + 1;
    int64_t before = length < SHORT_LIVED ? length * 15 / 100 : 7 * DAY;
    return r->now >= life->not_after && known >= life->not_after - before;
}

/* Who is always renewed later than thirty days before the end is no news then: the step waits until the
 * renewal is late, but not beyond the end. */
static void judge_due(struct work *work, size_t cert, struct renewal_due *due)
{
    const struct renewal *r = work->r;
    const struct cadence_one *life = &r->certs[cert].life;
    struct step steps[WATCH_EXPIRY_MAX];
    size_t count =
        r->watch->expiry_off ? 0 : steps_of(r->watch, life->not_after - life->not_before + 1, steps);
    bool known = cadence_known(&due->cadence);
    int64_t late = known ? cadence_overdue(&due->cadence, life) : 0;
    int64_t now = known_until(r, life->not_before);
    due->level = -1;
    due->unread = unknown_since(r, life->not_before, false);
    due->severity = ALERT_LOW;
    due->missing = known && now >= cadence_missing(&due->cadence, life) && r->now < life->not_after;
    for (size_t i = 0; i < count; i++) {
        int64_t at = life->not_after - steps[i].before_s;
        at = known && late > at ? late : at;
        if (steps[i].days == 0)
            at = life->not_after;
        if (now < at && (steps[i].days != 0 || !is_over(r, life, now)))
            continue;
        if (now < at)
            due->unread = unknown_since(r, life->not_before, true);
        due->level = steps[i].days;
        due->severity = severity_of(steps[i].days);
    }
}

static void tell_due(struct work *work)
{
    for (size_t i = 0; i < work->r->count; i++) {
        if (work->best_count[i] == 0)
            continue;
        struct renewal_due due = {
            .cert = i, .name = work->covers[work->best_first[i]].name, .name_count = work->best_count[i]};
        learn(work, i, due.name, &due.cadence);
        judge_due(work, i, &due);
        work->r->due(work->r->arg, &due);
    }
}

static bool is_planned(const struct renewal *r, const struct renewal_cert *cert)
{
    for (size_t i = 0; i < r->watch->expect_count; i++)
        if (memcmp(r->watch->expect[i].spki_sha256, cert->spki, 32) == 0 &&
            cert->life.not_before < r->watch->expect[i].until)
            return true;
    return false;
}

/* Does any of its names concern the domain? */
static struct span concerning(const struct work *work, const struct renewal_cert *cert)
{
    struct span left = cert->names;
    struct span name;
    while (dbkey_next_name(&left, &name))
        if (find_name(work, name) != work->count)
            return name;
    return SPAN_NONE;
}

/* The one that makes it a burst, and none of those behind it. */
static bool is_burst(const struct work *work, size_t begin, size_t at, int64_t *in_week)
{
    const struct renewal_cert *certs = work->r->certs;
    int64_t now = certs[work->by_set[at]].life.not_before;
    int64_t first = certs[work->by_set[begin]].life.not_before;
    int64_t recent = 0;
    int64_t before = 0;
    for (size_t i = begin; i <= at; i++) {
        bool week = certs[work->by_set[i]].life.not_before > now - WEEK;
        recent += week;
        before += !week;
    }
    int64_t weeks = (now - WEEK - first) / WEEK + 1;
    int64_t most = BURST * (before / weeks > 1 ? before / weeks : 1);
    *in_week = recent;
    return recent == most + 1;
}

static void tell_odd(struct work *work, size_t begin, size_t at, struct renewal_unusual *odd)
{
    const struct renewal_cert *certs = work->r->certs;
    const struct renewal_cert *cert = &certs[work->by_set[at]];
    const struct renewal_cert *last = &certs[work->by_set[at - 1]];
    int64_t after = cert->life.not_before - last->life.not_before;
    bool known_issuer = false;
    for (size_t i = begin; i < at; i++)
        known_issuer = known_issuer || span_eq(certs[work->by_set[i]].issuer, cert->issuer);
    odd->value = after;
    odd->last = last->issuer;
    odd->odd = RENEWAL_EARLY;
    if (after * 1000 < odd->cadence.life_s * EARLY && odd->cadence.early >= EARLY)
        work->r->unusual(work->r->arg, odd);
    odd->odd = RENEWAL_ISSUER;
    if (!known_issuer)
        work->r->unusual(work->r->arg, odd);
    odd->odd = RENEWAL_BURST;
    if (is_burst(work, begin, at, &odd->value))
        work->r->unusual(work->r->arg, odd);
}

static void tell_unusual(struct work *work)
{
    const struct renewal *r = work->r;
    size_t begin = 0;
    for (size_t at = 0; at < r->count && r->watch->cadence != WATCH_CADENCE_OFF; at++) {
        const struct renewal_cert *cert = &r->certs[work->by_set[at]];
        struct renewal_unusual odd = {.cert = work->by_set[at]};
        if (memcmp(cert->name_set, r->certs[work->by_set[begin]].name_set, 32) != 0)
            begin = at;
        work->line[at - begin] = cert->life;
        if (at == begin || cert->life.not_before < r->now - RENEWAL_NEW_DAYS * DAY || is_planned(r, cert))
            continue;
        if (known_until(r, work->line[0].not_before) < cert->life.not_before)
            continue;
        cadence_learn(work->line, at - begin, &odd.cadence); /* from those before it */
        odd.name = cadence_known(&odd.cadence) ? concerning(work, cert) : SPAN_NONE;
        if (odd.name.at != NULL)
            tell_odd(work, begin, at, &odd);
    }
}

void renewal_judge(const struct renewal *renewal)
{
    struct work work = {.r = renewal};
    size_t count = renewal->count + 1;
    work.by_set = calloc(count, sizeof *work.by_set);
    work.line = NULL;
    work.best_count = calloc(count, sizeof *work.best_count);
    work.best_first = calloc(count, sizeof *work.best_first);
    must(work.by_set != NULL && work.best_count != NULL && work.best_first != NULL);
    read_watch(&work);
    tell_each(&work);
    read_names(&work);
    work.line = calloc(count + work.count, sizeof *work.line);
    must(work.line != NULL);
    for (size_t i = 0; i < renewal->count; i++)
        work.by_set[i] = i;
    if (renewal->count != 0)
        qsort(work.by_set, renewal->count, sizeof *work.by_set, by_set);
    if (renewal->due != NULL) {
        find_best(&work);
        tell_due(&work);
        tell_unusual(&work);
    }
    for (size_t i = 0; i < work.item_count + work.hidden_count; i++)
        buf_fini(&work.items[i]);
    free(work.items);
    free(work.item);
    free(work.item_exact);
    free(work.hidden);
    free(work.covers);
    free(work.by_set);
    free(work.line);
    free(work.best_count);
    free(work.best_first);
}
