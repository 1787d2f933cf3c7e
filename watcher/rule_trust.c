#include "watcher/rule_trust.h"

#include "base/metric.h"
#include "base/text.h"
#include "model/cert.h"
#include "model/dname.h"
#include "trust/cajudge.h"

struct judging {
    struct rule *rule;
    const struct policy_case *what;
    const struct verdict_all *all;
};

static void put_issuer(struct judging *j, struct buf *text)
{
    const struct issuance *issuance = j->what->issuance;
    char hex[65];
    size_t before = text->len;
    dname_text(issuance->issuer, text);
    if (text->len == before)
        buf_str(text, "an issuer without a name");
    /* Last, so that two texts about one key can be told from two keys. */
    buf_fmt(text, " (spki:%s)", text_hex(span_of(issuance->issuer_spki_sha256, 32), hex));
}

static void put_store(struct buf *text, const struct verdict_one *one, enum verdict_store store)
{
    char day[TEXT_TIME_MAX];
    buf_fmt(text, "%s: %s", verdict_store_title(store), verdict_why_sentence(one->why));
    if (one->limit_ms != 0)
        buf_fmt(text, ", %s", text_time(one->limit_ms, false, day));
    if (one->rule[0] != '\0')
        buf_fmt(text, " [%s]", one->rule);
}

/* `severity` is ours, unless the watch has one for the kind. */
static void add(struct judging *j, enum alert_kind kind, enum alert_severity severity, const char *rule,
                struct span expected, struct buf *found)
{
    buf_str(found, "; issued by ");
    put_issuer(j, found);
    struct span text = rule_keep(j->rule, found);
    struct alert_finding *finding = rule_add(j->rule, kind, rule, expected, text);
    if (j->what->watch->severity[kind] == 0)
        finding->severity = severity;
}

/* Which stores turned it away, and why. */
static void put_stores(struct buf *text, const struct verdict_all *all, enum verdict verdict)
{
    bool any = false;
    for (int i = 0; i < VERDICT_STORES; i++) {
        if (all->store[i].verdict != verdict)
            continue;
        buf_str(text, any ? "; " : "");
        put_store(text, &all->store[i], (enum verdict_store)i);
        any = true;
    }
}

static void judge_distrust(struct judging *j)
{
    uint32_t flags = j->all->flags;
    struct buf found;
    if ((flags & (VERDICT_BLOCKED_KEY | VERDICT_DISTRUSTED_AFTER | VERDICT_BACKDATED)) == 0)
        return;
    buf_init(&found, RULE_TEXT_MAX);
    put_stores(&found, j->all, VERDICT_DISTRUSTED);
    if ((flags & VERDICT_BLOCKED_KEY) != 0) {
        add(j, ALERT_KIND_DISTRUSTED_CA, ALERT_CRITICAL, "blocked_key",
            SPAN_LIT("a CA whose key no root store has blocked or thrown out for what it did"), &found);
        return;
    }
    if ((flags & VERDICT_DISTRUSTED_AFTER) != 0) {
        add(j, ALERT_KIND_DISTRUSTED_CA, ALERT_HIGH, "distrusted_after",
            SPAN_LIT("a CA that every root store still takes new certificates from"), &found);
        return;
    }
    buf_str(&found,
            "it begins before the last day that a root store accepts of this CA, and no log saw it until "
            "after that day");
    add(j, ALERT_KIND_DISTRUSTED_CA, ALERT_HIGH, "backdated",
        SPAN_LIT("a certificate that begins when it was made"), &found);
}

static void judge_names(struct judging *j)
{
    struct buf found;
    if ((j->all->flags & VERDICT_CONSTRAINT_VIOLATION) == 0)
        return;
    buf_init(&found, RULE_TEXT_MAX);
    for (int i = 0; i < VERDICT_STORES && found.len == 0; i++)
        if (j->all->store[i].why == VERDICT_WHY_NAMES)
            put_store(&found, &j->all->store[i], (enum verdict_store)i);
    if (found.len == 0)
        buf_str(&found, verdict_why_sentence(VERDICT_WHY_NAMES));
    add(j, ALERT_KIND_CONSTRAINT_VIOLATION, ALERT_CRITICAL, "name_constraints",
        SPAN_LIT("only names that the CA is allowed to issue for"), &found);
}

static bool allowed_by_key(const struct policy_case *what)
{
    return rule_has_hash(what->watch->allow, what->watch->allow_count, what->issuance->issuer_spki_sha256);
}

static struct span required_text(struct judging *j)
{
    struct buf text;
    char day[TEXT_TIME_MAX];
    bool any = false;
    buf_init(&text, RULE_TEXT_MAX);
    for (int i = 0; i < VERDICT_STORES; i++) {
        if ((j->what->watch->stores & 1u << i) == 0)
            continue;
        buf_fmt(&text, "%s%s", any ? ", " : "accepted by ", verdict_store_title((enum verdict_store)i));
        any = true;
    }
    /* Here and not in what was found: newer data that says the same is no news. */
    buf_fmt(&text, " (trust data of %.10s)", text_time(j->all->bundle_ms, false, day));
    return rule_keep(j->rule, &text);
}

/* Stores that the entry asks for and that do not take it. One that could not be asked is asked again. Allowed
 * or not: a CA of one's own choice may lose a store. */
static bool judge_required(struct judging *j)
{
    struct buf found;
    buf_init(&found, RULE_TEXT_MAX);
    for (int i = 0; i < VERDICT_STORES; i++) {
        const struct verdict_one *one = &j->all->store[i];
        if ((j->what->watch->stores & 1u << i) == 0 || verdict_good(one->verdict) ||
            one->verdict == VERDICT_UNKNOWN)
            continue;
        buf_str(&found, found.len != 0 ? "; " : "");
        put_store(&found, one, (enum verdict_store)i);
    }
    if (found.len == 0) {
        buf_fini(&found);
        return false;
    }
    add(j, ALERT_KIND_UNTRUSTED_CA, ALERT_HIGH, "required_store", required_text(j), &found);
    return true;
}

static void judge_reach(struct judging *j)
{
    const struct verdict_all *all = j->all;
    struct buf found;
    int good = verdict_good_count(all);
    /* Who trusts the CA today says nothing of a certificate that is over. */
    if (j->what->now_ms != 0 && j->what->issuance->not_after < j->what->now_ms / 1000)
        return;
    bool refused = judge_required(j);
    if (allowed_by_key(j->what) || verdict_any_unknown(all))
        return;
    if ((all->flags & VERDICT_SINGLE_STORE) != 0) {
        buf_init(&found, RULE_TEXT_MAX);
        for (int i = 0; i < VERDICT_STORES; i++)
            if (verdict_good(all->store[i].verdict))
                buf_fmt(&found, "only %s trusts it", verdict_store_title((enum verdict_store)i));
        add(j, ALERT_KIND_SINGLE_STORE_CA, ALERT_HIGH, "single_store",
            SPAN_LIT("a CA that more than one root store trusts"), &found);
        return;
    }
    if (refused || good != 0 || (all->flags & (VERDICT_BLOCKED_KEY | VERDICT_DISTRUSTED_AFTER)) != 0)
        return;
    bool test = (all->flags & VERDICT_TEST_ROOT) != 0;
    buf_init(&found, RULE_TEXT_MAX);
    buf_str(&found, test ? "no root store trusts it; it ends at a root for tests of logs"
                         : "no root store trusts it");
    add(j, ALERT_KIND_UNTRUSTED_CA, test ? ALERT_INFO : ALERT_LOW, test ? "test_root" : "untrusted",
        SPAN_LIT("a CA that root stores trust"), &found);
}

/* Is enough known to say that nobody vouches for a key? The issuer's certificate and all above it were looked
 * at, or there was time for them to come. */
static bool sure_of_key(const struct judging *j)
{
    return j->what->settled || !verdict_any_unknown(j->all);
}

static void judge_key(struct judging *j)
{
    struct buf found;
    if ((j->all->flags & VERDICT_UNKNOWN_ISSUER_KEY) == 0 || !sure_of_key(j) || allowed_by_key(j->what))
        return;
    buf_init(&found, RULE_TEXT_MAX);
    buf_str(&found, "the issuer has the name of a known CA and a key that nobody vouches for");
    add(j, ALERT_KIND_UNKNOWN_ISSUER_KEY, ALERT_HIGH, "issuer_key",
        SPAN_LIT("the key of a CA that a known CA certifies"), &found);
}

/* Not worth an alert by itself. */
static void note_lineage(struct judging *j)
{
    struct buf found;
    if ((j->all->flags & VERDICT_DISTRUSTED_LINEAGE) == 0 || j->rule->alert->finding_count == 0)
        return;
    buf_init(&found, RULE_TEXT_MAX);
    buf_str(&found,
            "some way to a root goes through a key that a store turned away for what its CA did; who takes"
            " this certificate does so by another way, or because it is from before");
    add(j, ALERT_KIND_DISTRUSTED_CA, ALERT_INFO, "distrusted_lineage", SPAN_LIT("nothing: for information"),
        &found);
}

void rule_trust_judge(struct rule *rule)
{
    const struct policy_case *what = rule->what;
    struct verdict_all all;
    struct judging j = {.rule = rule, .what = what, .all = &all};
    /* Of a key that only the log claims nothing is said: unexpected_ca says that it is not proven. */
    if (what->trust == NULL || !what->issuance->issuer_known || !what->issuance->issuer_proven)
        return;
    struct cajudge_leaf leaf = cajudge_leaf_of(what->issuance, what->sighting, what->now_ms);
    cajudge(what->trust, &leaf, &all);
    metric_add(METRIC_TRUST_VERDICTS_TOTAL, 1);
    if (verdict_any_unknown(&all))
        metric_add(METRIC_TRUST_UNKNOWN_TOTAL, 1);
    judge_distrust(&j);
    judge_names(&j);
    judge_key(&j);
    /* A CA certificate serves nobody's TLS. */
    if ((what->issuance->cert_flags & CERT_IS_CA) == 0)
        judge_reach(&j);
    note_lineage(&j);
}

struct sighting rule_trust_earliest(const struct sighting *sightings, size_t count)
{
    struct sighting first = sightings[0];
    bool precert = false;
    for (size_t i = 0; i < count; i++) {
        if (sightings[i].timestamp_ms < first.timestamp_ms)
            first = sightings[i];
        precert = precert || sightings[i].form == ISSUANCE_PRECERT;
    }
    if (precert)
        first.form = ISSUANCE_PRECERT;
    return first;
}

bool rule_trust_owns(enum alert_kind kind)
{
    return kind == ALERT_KIND_DISTRUSTED_CA || kind == ALERT_KIND_CONSTRAINT_VIOLATION ||
           kind == ALERT_KIND_UNKNOWN_ISSUER_KEY || kind == ALERT_KIND_SINGLE_STORE_CA ||
           kind == ALERT_KIND_UNTRUSTED_CA;
}
