#include "watcher/match.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/limits.h"
#include "base/text.h"
#include "model/cert.h"
#include "watcher/lookahead.h"
#include "watcher/policy.h"
#include "watcher/rule_lookalike.h"
#include "watcher/rule_names.h"
#include "watcher/subtree.h"
#include "watcher/vague.h"

/* Kept free in a batch that can not be made smaller: the texts of one alert, and one summary per entry. */
#define ROOM_TEXTS   (64u << 10)
#define ROOM_SUMMARY 1024

/* One watch that one entry concerns. */
struct hit {
    const struct watch *watch;
    struct span name;     /* the first that matched */
    struct span wildcard; /* the first wildcard that matched and is not expected */
    struct span stranger; /* the first name that matched and is not in the list of names */
    struct span ip; /* octets of the address that matched: the smallest, as a stored row has them sorted */
    bool raw;
    bool subtree; /* it is no name of the certificate, but one that its CA may issue for */
    struct hit *next;
};

struct node {
    struct alert alert;
    struct node *next;
};

struct matching {
    const struct watchset *set;
    struct arena *arena;
    const struct match_prove *prove;
    struct lookahead *ahead; /* NULL: names are not asked for in the order of the batch */
    size_t left;     /* entries of a big batch that are still to come; each must have room for a summary */
    size_t counted;  /* watches met while there is no room to list them */
    uint64_t *seen;  /* bit per watch: concerned by this entry; NULL: no entry concerned any yet */
    uint64_t *could; /* bit per watch: could be concerned by a placeholder; NULL: nobody asked yet */
    struct hit *hits;
    struct hit **hits_end;
    size_t hit_count;
    const struct name *name; /* being looked up; NULL: something else */
    struct span other;       /* that is looked up: a key or an organisation; absent: raw bytes */
    bool subtree;            /* a name constraint */
    struct node *alerts;
    struct node **alerts_end;
    size_t alert_count;
    bool full;
};

static bool bit_has(const uint64_t *bits, size_t at)
{
    return (bits[at >> 6] >> (at & 63) & 1) != 0;
}

static void bit_add(uint64_t *bits, size_t at)
{
    bits[at >> 6] |= UINT64_C(1) << (at & 63);
}

static void bit_drop(uint64_t *bits, size_t at)
{
    bits[at >> 6] &= ~(UINT64_C(1) << (at & 63));
}

/* Made when they are needed: for a million watches they are larger than all names of a batch. */
static bool bits_ready(struct matching *m, uint64_t **bits)
{
    if (*bits == NULL)
        *bits = arena_zeroed(m->arena, (watchset_count(m->set) + 63) / 64 + 1, sizeof **bits);
    m->full = m->full || *bits == NULL;
    return *bits != NULL;
}

static bool is_wildcard(const struct name *name)
{
    return name != NULL && name->kind == NAME_DNS && (name->flags & NAME_WILDCARD) != 0;
}

/* The certificate's name as a person reads it, or the watched one where only its bytes were seen. */
static struct span name_shown(struct matching *m, const struct watch *watch)
{
    char text[INET6_ADDRSTRLEN];
    if (m->name == NULL)
        return m->other.at != NULL ? m->other : span_str(watch->name);
    if (m->name->kind != NAME_IP || (m->name->raw.len != 4 && m->name->raw.len != 16))
        return m->name->text.len == 0 ? span_str(watch->name) : m->name->text;
    must(inet_ntop(m->name->raw.len == 4 ? AF_INET : AF_INET6, m->name->raw.at, text, sizeof text) != NULL);
    struct span copy = arena_copy(m->arena, span_str(text));
    m->full = m->full || copy.at == NULL;
    return copy;
}

static void smaller_ip(struct matching *m, const struct watch *watch)
{
    struct span ip = m->name->raw;
    struct hit *hit = m->hits;
    while (hit != NULL && hit->watch != watch)
        hit = hit->next;
    if (hit == NULL || hit->ip.at == NULL ||
        (ip.len != hit->ip.len ? ip.len > hit->ip.len : memcmp(ip.at, hit->ip.at, ip.len) >= 0))
        return;
    hit->ip = ip;
    hit->name = name_shown(m, watch);
}

static bool is_dns(const struct name *name)
{
    return name != NULL && name->kind == NAME_DNS;
}

static bool is_excluded(const struct matching *m, const struct watch *watch)
{
    return is_dns(m->name) && watch->exclude.count != 0 && rule_names_excluded(watch, m->name->text);
}

/* What the entry says of the names that may be is asked of every name, because each may be the wrong one. */
static void weigh_name(const struct matching *m, struct hit *hit, bool anew)
{
    const struct watch *watch = hit->watch;
    if (!is_dns(m->name))
        return;
    bool star = is_wildcard(m->name) && !rule_names_wildcard(watch, m->name->text);
    if (star && (anew || hit->wildcard.at == NULL))
        hit->wildcard = m->name->text;
    bool listed = is_wildcard(m->name) && !watch->wildcard_allowed && !star;
    if (!listed && (anew || hit->stranger.at == NULL) && !rule_names_allows(watch, m->name->text))
        hit->stranger = m->name->text;
}

static void on_hit_again(struct matching *m, const struct watch *watch)
{
    struct hit *hit = m->hits;
    if (m->name != NULL && m->name->kind == NAME_IP) {
        smaller_ip(m, watch);
        return;
    }
    if (!is_wildcard(m->name) && watch->names.count == 0)
        return;
    while (hit != NULL && hit->watch != watch)
        hit = hit->next;
    if (hit != NULL)
        weigh_name(m, hit, false);
}

static void on_hit(void *arg, const struct watch *watch)
{
    struct matching *m = arg;
    size_t place = watchset_place(m->set, watch);
    if (is_excluded(m, watch) || !bits_ready(m, &m->seen))
        return;
    if (bit_has(m->seen, place)) {
        on_hit_again(m, watch);
        return;
    }
    struct hit *hit = arena_take(m->arena, sizeof *hit, _Alignof(struct hit));
    if (hit == NULL) {
        m->full = true;
        return;
    }
    bit_add(m->seen, place);
    *hit = (struct hit){.watch = watch, .raw = m->name == NULL && m->other.at == NULL, .subtree = m->subtree};
    hit->name = name_shown(m, watch);
    weigh_name(m, hit, false);
    if (m->name != NULL && m->name->kind == NAME_IP)
        hit->ip = m->name->raw;
    *m->hits_end = hit;
    m->hits_end = &hit->next;
    m->hit_count++;
}

static void on_could(void *arg, const struct watch *watch)
{
    struct matching *m = arg;
    size_t place = watchset_place(m->set, watch);
    if (m->seen == NULL || !bit_has(m->seen, place))
        bit_add(m->could, place);
}

/* The key as a name, where somebody watches keys. */
static struct span key_text(struct matching *m, const struct issuance *issuance)
{
    char text[5 + 65] = "spki:";
    (void)text_hex(span_of(issuance->spki_sha256, 32), text + 5);
    struct span copy = arena_copy(m->arena, span_str(text));
    m->full = m->full || copy.at == NULL;
    return copy;
}

static void find_others(struct matching *m, const struct issuance *issuance, watchset_hit *hit)
{
    m->name = NULL;
    if (watchset_has(m->set, WATCH_SPKI) && issuance_is_parsed(issuance)) {
        m->other = key_text(m, issuance);
        watchset_find_spki(m->set, issuance->spki_sha256, hit, m);
    }
    for (size_t i = 0; watchset_has(m->set, WATCH_ORG) && i < issuance->org_count; i++) {
        m->other = issuance->orgs[i];
        watchset_find_org(m->set, issuance->orgs[i], hit, m);
    }
    m->other = SPAN_NONE;
}

/* DNS names, then addresses, then the rest: in the order in which a stored row has them, so that both show
 * the same one. */
static void find_names(struct matching *m, const struct issuance *issuance, watchset_hit *hit)
{
    static const enum name_kind order[] = {NAME_DNS, NAME_IP, NAME_EMAIL};
    bool more[countof(order)] = {false};
    m->other = SPAN_NONE;
    for (size_t pass = 0; pass < countof(order); pass++) {
        for (size_t i = 0; (pass == 0 || more[pass]) && i < issuance->name_count; i++) {
            const struct name *name = &issuance->names[i];
            more[1] = more[1] || name->kind == NAME_IP;
            more[2] = more[2] || name->kind == NAME_EMAIL || name->kind == NAME_URI;
            m->name = name;
            if (pass == 0 && name->kind == NAME_DNS && m->ahead != NULL)
                lookahead_find(m->ahead, name->text, hit, m);
            else if (pass == 0 && name->kind == NAME_DNS)
                watchset_find(m->set, name->text, hit, m);
            else if (pass == 1 && name->kind == NAME_IP)
                watchset_find_ip(m->set, name->raw, hit, m);
            else if (pass == 2 && name->kind == NAME_EMAIL)
                watchset_find_email(m->set, name->text, hit, m);
            else if (pass == 2 && name->kind == NAME_URI)
                watchset_find_uri(m->set, name->text, hit, m);
        }
    }
    find_others(m, issuance, hit);
}

static void on_subtree(void *arg, struct span base, const struct watch *watch)
{
    struct matching *m = arg;
    m->other = base;
    on_hit(m, watch);
}

/* Behind its own names, so that these are shown where there are some. */
static void find_subtrees(struct matching *m, const struct entry *entry)
{
    if ((entry->issuance.cert_flags & CERT_IS_CA) == 0 || entry->cert.name_constraints.at == NULL)
        return;
    struct subtree tree;
    m->name = NULL;
    m->subtree = true;
    if (subtree_read(entry->cert.name_constraints, m->arena, &tree))
        subtree_find(&tree, m->set, on_subtree, m);
    else
        m->full = true;
    m->subtree = false;
    m->other = SPAN_NONE;
}

static void on_first(void *arg, const struct watch *watch)
{
    struct matching *m = arg;
    for (struct hit *hit = m->hits; hit != NULL; hit = hit->next) {
        if (hit->watch != watch || is_excluded(m, watch))
            continue;
        hit->name = m->name->text;
        weigh_name(m, hit, true);
    }
}

/* Of several names that concern a watch the common name is the one to show, as in the stored row. */
static void prefer_cn(struct matching *m, const struct issuance *issuance)
{
    size_t at = m->hit_count == 0 ? issuance->name_count : issuance_cn_name(issuance);
    if (at == issuance->name_count)
        return;
    m->name = &issuance->names[at];
    watchset_find(m->set, m->name->text, on_first, m);
}

static void find_raw(struct matching *m, const struct entry *entry)
{
    m->name = NULL;
    m->other = SPAN_NONE;
    watchset_scan(m->set, entry->leaf, on_hit, m);
    /* The chain of a final certificate names CAs, not the certificate's owner. */
    if (entry->kind == ENTRY_PRECERT && entry->unverified_precert.at != NULL)
        watchset_scan(m->set, entry->unverified_precert, on_hit, m);
    else if (entry->kind != ENTRY_X509)
        watchset_scan(m->set, entry->extra, on_hit, m);
}

static struct alert *append_alert(struct matching *m)
{
    struct node *node = arena_take(m->arena, sizeof *node, _Alignof(struct node));
    if (node == NULL) {
        m->full = true;
        return NULL;
    }
    node->next = NULL;
    *m->alerts_end = node;
    m->alerts_end = &node->next;
    m->alert_count++;
    return &node->alert;
}

static struct alert *new_alert(struct matching *m)
{
    size_t per_alert = sizeof(struct alert) + sizeof(struct node) + ROOM_SUMMARY;
    size_t reserve = m->left == 0 ? 0 : (m->alert_count + m->left) * per_alert + ROOM_TEXTS;
    if (m->arena->ceiling - m->arena->used < reserve) {
        m->full = true;
        return NULL;
    }
    return append_alert(m);
}

/* How many watches beyond the hits could be meant by names that can not be read. Comparing each name with
 * each watch has a budget per certificate; whoever exceeds it concerns everybody. */
static size_t count_could(struct matching *m, const struct issuance *issuance, bool lost, struct span *name)
{
    size_t watches = watchset_count(m->set);
    size_t others = watches - m->hit_count;
    size_t budget = LIMIT_PLACEHOLDER_CHECKS;
    size_t words = (watches + 63) / 64;
    size_t count = 0;
    if (!bits_ready(m, &m->could))
        return 0;
    memset(m->could, 0, words * sizeof *m->could);
    for (size_t i = 0; i < issuance->name_count && !lost; i++) {
        const struct name *vague = &issuance->names[i];
        if (!vague_name(vague))
            continue;
        struct span text = vague->kind == NAME_DNS ? vague->text : SPAN_LIT("?");
        if (name->at == NULL)
            *name = text;
        lost = budget < watches;
        budget -= lost ? 0 : watches;
        if (!lost)
            watchset_find_placeholder(m->set, text, on_could, m);
    }
    if (lost)
        return others;
    for (size_t i = 0; i < words; i++)
        count += (size_t)__builtin_popcountll(m->could[i]);
    return count;
}

static void hits_clear(struct matching *m)
{
    for (struct hit *hit = m->hits; hit != NULL; hit = hit->next)
        bit_drop(m->seen, watchset_place(m->set, hit->watch));
    m->hits = NULL;
    m->hits_end = &m->hits;
    m->hit_count = 0;
}

/* What an alert about an entry without a certificate points to: no fingerprint, so place and domain tell it
 * apart. */
static const struct issuance *opaque_issuance(struct matching *m, const struct entry *entry)
{
    struct issuance *issuance = arena_zeroed(m->arena, 1, sizeof *issuance);
    if (issuance == NULL) {
        m->full = true;
        return &entry->issuance;
    }
    issuance->findings = entry->findings;
    return issuance;
}

/* From what is stored there is no certificate to look at. */
static const struct finding_set *look(struct matching *m, const struct entry *entry)
{
    if (m->prove == NULL || m->prove->look == NULL || entry->cert.tbs.at == NULL)
        return NULL;
    struct finding_set *lint = arena_zeroed(m->arena, 1, sizeof *lint);
    m->full = m->full || lint == NULL;
    if (lint != NULL)
        m->prove->look(entry, lint);
    return lint;
}

static void judge_hits(struct matching *m, const struct entry *entry, size_t at, struct policy_case *what)
{
    const struct finding_set *lint = m->hits == NULL ? NULL : look(m, entry);
    for (const struct hit *hit = m->hits; hit != NULL && !m->full; hit = hit->next) {
        struct alert *alert = new_alert(m);
        what->watch = hit->watch;
        what->name = hit->name;
        what->wildcard = hit->wildcard;
        what->stranger = hit->stranger;
        what->raw = hit->raw;
        what->subtree = hit->subtree;
        if (alert == NULL || !policy_judge(what, m->arena, alert)) {
            m->full = true;
            return;
        }
        alert->entry_at = at;
        alert->sighting = entry->sighting;
        alert->lint = lint;
    }
}

/* Whose own certificate it is, as the policy sees it, answers for all names of it. */
static bool is_expected(const struct node *judged, const struct watch *watch)
{
    for (; judged != NULL; judged = judged->next) {
        if (judged->alert.domain_id == watch->id && judged->alert.finding_count == 0)
            return true;
    }
    return false;
}

static void judge_lookalikes(struct matching *m, const struct entry *entry, size_t at,
                             const struct rule_lookalike *alike, struct node *const *judged)
{
    const struct finding_set *lint = alike->count == 0 ? NULL : look(m, entry);
    const struct node *own = *judged;
    for (size_t i = 0; i < alike->count && !m->full; i++) {
        const struct rule_lookalike_found *found = &alike->found[i];
        if (is_expected(own, watchset_at(m->set, found->watch)))
            continue;
        struct alert *alert = new_alert(m);
        if (alert == NULL || !rule_lookalike_judge(m->set, found, &entry->issuance, m->arena, alert)) {
            m->full = true;
            return;
        }
        alert->entry_at = at;
        alert->sighting = entry->sighting;
        alert->lint = lint;
    }
}

static void match_entry(struct matching *m, struct batch *batch, size_t at)
{
    const struct match_prove *prove = m->prove;
    struct entry *entry = &batch->entries[at];
    bool opaque = entry->kind == ENTRY_OPAQUE;
    bool vague = false;
    if (watchset_count(m->set) != 0) {
        find_names(m, &entry->issuance, on_hit);
        prefer_cn(m, &entry->issuance);
        find_subtrees(m, entry);
        vague = vague_any(&entry->issuance);
    }
    struct finding_set oddities = entry->findings;
    finding_merge(&oddities, &entry->issuance.findings);
    bool lost = opaque || vague_lost(&entry->issuance, &oddities);
    if (lost)
        find_raw(m, entry);
    struct rule_lookalike alike;
    bool alikes = rule_lookalike_find(m->set, &entry->issuance, &alike);
    if (m->hit_count == 0 && !vague && !lost && !alikes)
        return;
    if ((m->hit_count != 0 || alikes) && prove != NULL && prove->prove != NULL && !opaque) {
        prove->prove(prove->arg, batch, entry);
        finding_merge(&oddities, &entry->findings);
        finding_merge(&oddities, &entry->issuance.findings);
    }
    struct policy_case what = {.unparsed = opaque || !issuance_is_parsed(&entry->issuance),
                               .oddities = &oddities};
    what.issuance = opaque ? opaque_issuance(m, entry) : &entry->issuance;
    what.by_word = prove != NULL && prove->by_word;
    what.ours = prove != NULL && prove->ours != NULL ? prove->ours : m->set;
    what.logged_ms = entry->sighting.timestamp_ms;
    what.trust = prove != NULL ? prove->trust : NULL;
    what.now_ms = prove != NULL ? prove->now_ms : 0;
    what.settled = prove != NULL && prove->settled;
    what.sighting = &entry->sighting;
    what.cert = entry->cert.tbs.at != NULL ? &entry->cert : NULL;
    what.blocklist = prove != NULL ? prove->blocklist : NULL;
    struct node **judged = m->alerts_end;
    judge_hits(m, entry, at, &what);
    judge_lookalikes(m, entry, at, &alike, judged);
    struct span name = SPAN_NONE;
    size_t others = vague || lost ? count_could(m, &entry->issuance, lost, &name) : 0;
    hits_clear(m);
    /* Nobody is watching yet: what can not be read may still concern who comes later, and is told. */
    bool nobody_yet = lost && watchset_count(m->set) == 0;
    if ((others == 0 && !nobody_yet) || m->full)
        return;
    struct alert *alert = new_alert(m);
    what.name = name;
    if (alert == NULL || !policy_nobody(&what, others, m->arena, alert)) {
        m->full = true;
        return;
    }
    alert->entry_at = at;
    alert->sighting = entry->sighting;
}

static void on_count(void *arg, const struct watch *watch)
{
    struct matching *m = arg;
    size_t place = watchset_place(m->set, watch);
    m->counted += !bit_has(m->seen, place);
    bit_add(m->seen, place);
}

/* One entry concerns more watches than memory can list, and no smaller piece can be asked for: instead of a
 * refusal that would come again for ever, one alert says how many there are. */
static void sum_up(struct matching *m, struct batch *batch, size_t at)
{
    struct entry *entry = &batch->entries[at];
    struct finding_set oddities = entry->findings;
    size_t words = (watchset_count(m->set) + 63) / 64 + 1;
    finding_merge(&oddities, &entry->issuance.findings);
    memset(m->seen, 0, words * sizeof *m->seen);
    m->full = false;
    m->counted = 0;
    find_names(m, &entry->issuance, on_count);
    bool lost = entry->kind == ENTRY_OPAQUE || vague_lost(&entry->issuance, &oddities);
    memset(m->seen, 0, words * sizeof *m->seen);
    struct policy_case what = {.oddities = &oddities, .crowded = true};
    what.issuance = entry->kind == ENTRY_OPAQUE ? opaque_issuance(m, entry) : &entry->issuance;
    struct alert *alert = append_alert(m);
    if (alert == NULL || !policy_nobody(&what, lost ? watchset_count(m->set) : m->counted, m->arena, alert)) {
        m->full = true;
        return;
    }
    alert->entry_at = at;
    alert->sighting = entry->sighting;
}

static void match_big(struct matching *m, struct batch *batch)
{
    for (size_t at = 0; at < batch->entry_count && !m->full; at++) {
        size_t mark = arena_mark(m->arena);
        struct node **end = m->alerts_end;
        size_t count = m->alert_count;
        m->left = batch->entry_count - at;
        match_entry(m, batch, at);
        if (!m->full)
            continue;
        arena_rewind(m->arena, mark);
        *end = NULL;
        m->alerts_end = end;
        m->alert_count = count;
        m->hits = NULL;
        m->hits_end = &m->hits;
        m->hit_count = 0;
        sum_up(m, batch, at);
    }
}

static enum err_code hand_over(struct matching *m, struct batch *batch, struct err *why)
{
    struct alert *alerts =
        arena_take(m->arena, (m->alert_count + 1) * sizeof *alerts, _Alignof(struct alert));
    if (alerts == NULL || m->full)
        return err_set(why, ERR_TOO_BIG, "entries %" PRIu64 " to %" PRIu64 ": no room for their alerts",
                       batch->begin, batch->end);
    size_t count = 0;
    for (const struct node *node = m->alerts; node != NULL; node = node->next)
        alerts[count++] = node->alert;
    batch->alerts = alerts;
    batch->alert_count = count;
    batch->watch_generation = watchset_generation(m->set);
    return ERR_OK;
}

/* What a big batch leaves of the arena is given back entry by entry, so there nothing waits to be made. */
static void matching_init(struct matching *m, const struct watchset *set, struct batch *batch)
{
    *m = (struct matching){.set = set, .arena = &batch->arena};
    m->hits_end = &m->hits;
    m->alerts_end = &m->alerts;
    if (batch->big)
        m->full = !bits_ready(m, &m->seen) || !bits_ready(m, &m->could);
}

enum err_code match_batch(const struct watchset *set, struct batch *batch, const struct match_prove *prove,
                          struct err *why)
{
    struct matching m;
    struct lookahead ahead;
    batch->alerts = NULL;
    batch->alert_count = 0;
    matching_init(&m, set, batch);
    m.prove = prove;
    lookahead_init(&ahead, set, batch);
    m.ahead = batch->big ? NULL : &ahead;
    if (batch->big)
        match_big(&m, batch);
    for (size_t at = 0; at < batch->entry_count && !m.full && !batch->big; at++)
        match_entry(&m, batch, at);
    if (m.full)
        return err_set(why, ERR_TOO_BIG, "entries %" PRIu64 " to %" PRIu64 ": no room for matching",
                       batch->begin, batch->end);
    return hand_over(&m, batch, why);
}
