#include "watcher/renewalsay.h"

#include <stdio.h>

#include "base/text.h"
#include "db/dbkey.h"

#define TEXT_MAX  4096
#define SHOWN_MAX 512
#define DAY       INT64_C(86400)

static struct span keep(struct arena *arena, struct buf *text)
{
    must(buf_ok(text));
    struct span copy = arena_copy(arena, buf_span(text));
    must(copy.at != NULL); /* a few kilobytes in an arena of our own */
    buf_fini(text);
    return copy;
}

/* Of an address, e-mail address or URI what stands behind its kind. */
static void put_text(struct buf *out, struct span stored)
{
    const uint8_t *colon = stored.len == 0 ? NULL : memchr(stored.at, ':', stored.len);
    if (colon != NULL && stored.at[0] == RENEWAL_MARK)
        buf_put(out, span_part(stored, (size_t)(colon - stored.at) + 1, stored.len));
    else
        dbkey_put_text(out, stored);
}

struct span renewalsay_name(struct arena *arena, struct span stored)
{
    struct buf text;
    buf_init(&text, 8 * stored.len + 16);
    put_text(&text, stored);
    return keep(arena, &text);
}

void renewalsay_rule(const struct renewal_due *due, char out[RENEWALSAY_RULE_MAX])
{
    (void)snprintf(out, RENEWALSAY_RULE_MAX, "expiry_%d", due->level);
}

static struct alert_finding finding_of(const struct renewal *renewal, enum alert_kind kind, const char *rule)
{
    uint8_t own = renewal->watch->severity[kind];
    struct alert_finding finding = {.kind = kind, .rule = rule, .severity = alert_kind_severity(kind)};
    if (own != 0)
        finding.severity = (enum alert_severity)(own - 1);
    return finding;
}

static void put_names(struct buf *text, struct span stored, size_t count)
{
    char shown[SHOWN_MAX];
    struct buf name;
    buf_init(&name, 8 * stored.len + 16);
    put_text(&name, stored);
    buf_str(text, text_visible_str(buf_span(&name), shown, sizeof shown));
    buf_fini(&name);
    if (count > 1)
        buf_fmt(text, " and %zu more name%s", count - 1, count == 2 ? "" : "s");
}

static void put_issuer(struct buf *text, struct span issuer)
{
    char shown[SHOWN_MAX];
    if (issuer.len != 0)
        buf_fmt(text, ", issued by %s", text_visible_str(issuer, shown, sizeof shown));
}

/* "60 days", "36 hours" */
static void put_span_of_time(struct buf *text, int64_t seconds)
{
    bool days = seconds >= 3 * DAY;
    int64_t unit = days ? DAY : 3600;
    int64_t number = (seconds + unit / 2) / unit;
    buf_fmt(text, "%" PRId64 " %s%s", number, days ? "day" : "hour", number == 1 ? "" : "s");
}

/* What speaks against it: a part of the logs that nobody has read. */
static void put_unread(struct buf *text, const struct renewal_due *due)
{
    char shown[SHOWN_MAX];
    char when[TEXT_TIME_MAX];
    if (due->unread == NULL)
        return;
    buf_fmt(text, "; what the log %s took in ",
            text_visible_str(span_str(due->unread->log), shown, sizeof shown));
    if (due->unread->begin > 0)
        buf_fmt(text, "after %s ", text_time(due->unread->begin * 1000, false, when));
    buf_str(text, "has not been read: a renewal may stand there");
}

struct alert_finding renewalsay_expiring(struct arena *arena, const struct renewal *renewal,
                                         const struct renewal_due *due, const char *rule)
{
    const struct renewal_cert *cert = &renewal->certs[due->cert];
    struct alert_finding finding = finding_of(renewal, ALERT_KIND_EXPIRING, rule);
    bool over = renewal->now >= cert->life.not_after;
    char when[TEXT_TIME_MAX];
    struct buf text;
    if (renewal->watch->severity[ALERT_KIND_EXPIRING] == 0)
        finding.severity = due->severity;
    buf_init(&text, TEXT_MAX);
    buf_str(&text, "a certificate that is valid for longer, for ");
    put_names(&text, due->name, due->name_count);
    finding.expected = keep(arena, &text);
    buf_init(&text, TEXT_MAX);
    buf_fmt(&text, over ? "the last certificate ran out at %s" : "the last certificate runs out at %s",
            text_time(cert->life.not_after * 1000, false, when));
    put_issuer(&text, cert->issuer);
    buf_str(&text, over ? "; clients refuse these names where it is in use: renew it now"
                        : "; then clients refuse these names: renew it");
    buf_str(&text, ", or acknowledge this when they are given up");
    put_unread(&text, due);
    finding.found = keep(arena, &text);
    return finding;
}

struct alert_finding renewalsay_missing(struct arena *arena, const struct renewal *renewal,
                                        const struct renewal_due *due)
{
    const struct renewal_cert *cert = &renewal->certs[due->cert];
    struct alert_finding finding = finding_of(renewal, ALERT_KIND_MISSING_RENEWAL, "cadence");
    char when[TEXT_TIME_MAX];
    struct buf text;
    buf_init(&text, TEXT_MAX);
    buf_str(&text, "a new certificate for ");
    put_names(&text, due->name, due->name_count);
    buf_fmt(&text, " before %s: the last %zu came after about ",
            text_time(cadence_missing(&due->cadence, &cert->life) * 1000, false, when),
            due->cadence.renewals);
    put_span_of_time(&text, due->cadence.point_s);
    buf_str(&text, " of ");
    put_span_of_time(&text, due->cadence.life_s);
    finding.expected = keep(arena, &text);
    buf_init(&text, TEXT_MAX);
    buf_fmt(&text, "none is in the logs; the one in use runs out at %s",
            text_time(cert->life.not_after * 1000, false, when));
    put_issuer(&text, cert->issuer);
    buf_str(&text, ": see whether the renewal still runs, or acknowledge this when the names are given up");
    put_unread(&text, due);
    finding.found = keep(arena, &text);
    return finding;
}

static void put_usual(struct buf *text, const struct renewal_unusual *unusual)
{
    char shown[SHOWN_MAX];
    switch (unusual->odd) {
    case RENEWAL_EARLY:
        buf_str(text, "the next one after about ");
        put_span_of_time(text, unusual->cadence.point_s);
        break;
    case RENEWAL_ISSUER:
        buf_fmt(text, "an issuer of the last ones, such as %s",
                text_visible_str(unusual->last, shown, sizeof shown));
        break;
    case RENEWAL_BURST:
        buf_str(text, "as many certificates as usual");
        break;
    }
}

struct alert_finding renewalsay_unusual(struct arena *arena, const struct renewal *renewal,
                                        const struct renewal_unusual *unusual)
{
    static const char *const rules[] = {"cadence_early", "cadence_issuer", "cadence_burst"};
    const struct renewal_cert *cert = &renewal->certs[unusual->cert];
    struct alert_finding finding = finding_of(renewal, ALERT_KIND_UNUSUAL_RENEWAL, rules[unusual->odd]);
    char shown[SHOWN_MAX];
    struct buf text;
    buf_init(&text, TEXT_MAX);
    put_usual(&text, unusual);
    finding.expected = keep(arena, &text);
    buf_init(&text, TEXT_MAX);
    if (unusual->odd == RENEWAL_EARLY) {
        buf_str(&text, "it came ");
        put_span_of_time(&text, unusual->value);
        buf_str(&text, " after the one before");
    } else if (unusual->odd == RENEWAL_ISSUER) {
        buf_fmt(&text, "%s, who issued none for these names before",
                text_visible_str(cert->issuer, shown, sizeof shown));
    } else {
        buf_fmt(&text, "%" PRId64 " within a week for the same names, more than five times as many as usual",
                unusual->value);
    }
    buf_str(&text, ": ask whoever renews it; if nobody did, somebody else has a certificate for these names");
    finding.found = keep(arena, &text);
    return finding;
}
