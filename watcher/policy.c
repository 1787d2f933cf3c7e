#include "watcher/policy.h"

#include "base/text.h"
#include "model/cert.h"
#include "model/dname.h"
#include "watcher/validity.h"

#define TEXT_MAX  8192
#define ALLOW_MAX 16 /* allowed CAs named in one text; the rest is counted */

struct judging {
    const struct policy_case *what;
    struct arena *arena;
    struct alert *alert;
    bool full;
};

static struct span keep(struct judging *j, struct buf *text)
{
    struct span copy = SPAN_NONE;
    if (buf_ok(text))
        copy = arena_copy(j->arena, buf_span(text));
    if (copy.at == NULL)
        j->full = true;
    buf_fini(text);
    return copy;
}

static struct alert_finding *add(struct judging *j, enum alert_kind kind, const char *rule,
                                 struct span expected, struct span found)
{
    must(j->alert->finding_count < ALERT_FINDINGS_MAX);
    struct alert_finding *finding = &j->alert->findings[j->alert->finding_count++];
    *finding = (struct alert_finding){kind, alert_kind_severity(kind), rule, expected, found};
    return finding;
}

static void put_spki(struct buf *out, const uint8_t spki_sha256[32])
{
    char hex[65];
    buf_fmt(out, "spki:%s", text_hex(span_of(spki_sha256, 32), hex));
}

static struct span allowed_text(struct judging *j)
{
    const struct watch *watch = j->what->watch;
    struct buf text;
    buf_init(&text, TEXT_MAX);
    if (watch->allow_count == 0)
        buf_str(&text, "no CA is allowed for this domain");
    for (size_t i = 0; i < watch->allow_count && i < ALLOW_MAX; i++) {
        const struct watch_allow *allow = &watch->allow[i];
        char label[256];
        if (i != 0)
            buf_str(&text, ", ");
        put_spki(&text, allow->spki_sha256);
        if (strncmp(allow->label, "spki:", 5) != 0)
            buf_fmt(&text, " (%s)", text_visible_str(span_str(allow->label), label, sizeof label));
    }
    if (watch->allow_count > ALLOW_MAX)
        buf_fmt(&text, ", and %zu more", watch->allow_count - ALLOW_MAX);
    return keep(j, &text);
}

/* In the list of allowed CAs, proven or not. */
static bool ca_listed(const struct policy_case *what)
{
    const struct watch *watch = what->watch;
    const struct issuance *issuance = what->issuance;
    for (size_t i = 0; issuance->issuer_known && i < watch->allow_count; i++) {
        if (memcmp(watch->allow[i].spki_sha256, issuance->issuer_spki_sha256, 32) == 0)
            return true;
    }
    return false;
}

/* How sure we are of the key; nothing follows it, so that two texts about one key can be told from two keys.
 */
static const char *assurance(const struct policy_case *what, bool listed)
{
    if (what->issuance->issuer_proven)
        return "";
    if (what->by_word && listed)
        return "allowed, but by the word of the log alone: no precertificate is stored that commits to the "
               "key,"
               " and the certificate's bytes are not kept; check its signature, then acknowledge; ";
    return what->by_word ? "the log claims, and nothing stored proves it, "
                         : "issuer unproven, the log claims ";
}

static struct span issuer_text(struct judging *j, bool listed)
{
    const struct issuance *issuance = j->what->issuance;
    struct buf text;
    buf_init(&text, TEXT_MAX);
    dname_text(issuance->issuer, &text);
    if (text.len == 0)
        buf_str(&text, "an issuer without a name");
    if (!issuance->issuer_known) {
        buf_str(&text, " (issuer unknown: no certificate of it proves the signature)");
    } else {
        buf_fmt(&text, " (%s", assurance(j->what, listed));
        put_spki(&text, issuance->issuer_spki_sha256);
        buf_byte(&text, ')');
    }
    return keep(j, &text);
}

static void judge_ca(struct judging *j)
{
    const struct policy_case *what = j->what;
    bool listed = ca_listed(what);
    if (listed && what->issuance->issuer_proven)
        return;
    struct span expected = allowed_text(j);
    struct alert_finding *finding =
        add(j, ALERT_KIND_UNEXPECTED_CA, "allow_ca", expected, issuer_text(j, listed));
    if (listed && what->by_word)
        finding->severity = ALERT_LOW;
}

static void judge_wildcard(struct judging *j)
{
    if (j->what->wildcard.at == NULL || j->what->watch->wildcard_allowed)
        return;
    struct span found = arena_copy(j->arena, j->what->wildcard);
    j->full = j->full || found.at == NULL;
    (void)add(j, ALERT_KIND_UNEXPECTED_WILDCARD, "wildcard", SPAN_LIT("no wildcard name"), found);
}

static void judge_validity(struct judging *j)
{
    const struct issuance *issuance = j->what->issuance;
    int64_t days_max = validity_days_max(issuance->not_before);
    int64_t days = validity_days(issuance->not_before, issuance->not_after);
    if (days_max == VALIDITY_NO_LIMIT || days <= days_max || (issuance->cert_flags & CERT_IS_CA) != 0 ||
        finding_has(&issuance->findings, FINDING_TIME_UNREADABLE))
        return;
    char begin[TEXT_TIME_MAX];
    char end[TEXT_TIME_MAX];
    struct buf expected;
    struct buf found;
    buf_init(&expected, TEXT_MAX);
    buf_init(&found, TEXT_MAX);
    text_time(issuance->not_before * 1000, false, begin);
    text_time(issuance->not_after * 1000, false, end);
    buf_fmt(&expected, "at most %" PRId64 " days", days_max);
    if (validity_months_max(issuance->not_before) != 0)
        buf_fmt(&expected, " (%d months)", validity_months_max(issuance->not_before));
    buf_fmt(&expected, " for a certificate valid from %.10s", begin);
    buf_fmt(&found, "%" PRId64 " days, %s to %s", days, begin, end);
    struct span expected_text = keep(j, &expected);
    (void)add(j, ALERT_KIND_OVER_LONG_VALIDITY, "max_days", expected_text, keep(j, &found));
}

static void judge_readable(struct judging *j)
{
    const struct finding_set *oddities = j->what->oddities;
    if (!j->what->raw && !j->what->unparsed && !finding_any_broken(oddities))
        return;
    struct buf found;
    buf_init(&found, TEXT_MAX);
    if (j->what->raw)
        buf_str(&found, "the name stands in bytes that could not be parsed");
    for (int i = 0; i < FINDING_COUNT; i++) {
        if (!finding_has(oddities, (enum finding)i) || finding_severity((enum finding)i) != FINDING_BROKEN)
            continue;
        buf_fmt(&found, "%s%s (%s)", found.len == 0 ? "" : "; ", finding_sentence((enum finding)i),
                finding_name((enum finding)i));
    }
    if (found.len == 0)
        buf_str(&found, "an entry of an unknown form");
    (void)add(j, ALERT_KIND_MALFORMED, "readable", SPAN_LIT("an entry that can be read to its end"),
              keep(j, &found));
}

bool policy_judge(const struct policy_case *what, struct arena *arena, struct alert *alert)
{
    struct judging j = {what, arena, alert, false};
    *alert = (struct alert){.domain_id = what->watch->id, .issuance = what->issuance};
    alert->domain = arena_copy(arena, span_str(what->watch->name));
    alert->name = arena_copy(arena, what->name);
    j.full = alert->domain.at == NULL || alert->name.at == NULL;
    if (!what->unparsed) {
        judge_ca(&j);
        judge_wildcard(&j);
        judge_validity(&j);
    }
    judge_readable(&j);
    return !j.full;
}

bool policy_nobody(const struct policy_case *what, uint64_t domains_concerned, struct arena *arena,
                   struct alert *alert)
{
    struct judging j = {what, arena, alert, false};
    struct buf found;
    char name[256];
    *alert = (struct alert){.domain_id = ALERT_DOMAINS_NONE, .issuance = what->issuance};
    alert->domains_concerned = domains_concerned;
    alert->name = what->name.at == NULL ? SPAN_NONE : arena_copy(arena, what->name);
    buf_init(&found, TEXT_MAX);
    if (alert->name.at != NULL)
        buf_fmt(&found, "the name \"%s\"", text_visible_str(what->name, name, sizeof name));
    else
        buf_str(&found, what->crowded ? "more names than there is room to alert on one by one"
                                      : "an entry whose names could not be read");
    if (domains_concerned == 0)
        buf_str(&found, ", which could concern anybody; no domain is registered");
    else
        buf_fmt(&found, ", which could concern %" PRIu64 " registered domain%s", domains_concerned,
                domains_concerned == 1 ? "" : "s");
    (void)add(&j, ALERT_KIND_MALFORMED, "readable",
              what->crowded ? SPAN_LIT("a certificate for fewer watched domains")
                            : SPAN_LIT("names that can be read"),
              keep(&j, &found));
    return !j.full;
}
