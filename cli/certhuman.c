#include "cli/certhuman.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/text.h"
#include "cli/certdetails.h"
#include "cli/certjson.h"
#include "cli/certnames.h"
#include "parser/dn.h"
#include "parser/oid.h"
#include "parser/sctlist.h"
#include "parser/tbs.h"
#include "verify/certsig.h"
#include "watcher/validity.h"

#define HOUR_S 3600
#define DAY_S  86400

/* "3 years", "41 days", "1 hour" for a length that is not negative: one unit, cut off, two of it at least. */
static const char *span_text(int64_t seconds, char out[40])
{
    static const struct {
        int64_t seconds;
        const char *one;
    } units[] = {{31556952, "year"}, {DAY_S, "day"}, {HOUR_S, "hour"}, {60, "minute"}, {1, "second"}};
    size_t i = 0;

    while (i + 1 < countof(units) && seconds < 2 * units[i].seconds)
        i++;
    int64_t count = seconds / units[i].seconds;
    (void)snprintf(out, 40, "%" PRId64 " %s%s", count, units[i].one, count == 1 ? "" : "s");
    return out;
}

enum phase { PHASE_UNKNOWN, PHASE_FUTURE, PHASE_VALID, PHASE_EXPIRED, PHASE_REVERSED };

static enum phase phase_of(const struct cert *cert, int64_t now_s)
{
    struct certview_times times = certview_times(cert);

    if (!times.before || !times.after)
        return PHASE_UNKNOWN;
    if (cert->not_after < cert->not_before)
        return PHASE_REVERSED;
    return now_s < cert->not_before ? PHASE_FUTURE : now_s <= cert->not_after ? PHASE_VALID : PHASE_EXPIRED;
}

static enum sheet_style phase_style(enum phase phase)
{
    return phase == PHASE_VALID ? SHEET_GOOD : phase == PHASE_EXPIRED ? SHEET_ODD : SHEET_BAD;
}

static const char *phase_text(const struct cert *cert, int64_t now_s, char out[96])
{
    char length[40];

    switch (phase_of(cert, now_s)) {
    case PHASE_VALID:
        (void)snprintf(out, 96, "valid for %s more", span_text(cert->not_after - now_s, length));
        break;
    case PHASE_EXPIRED:
        (void)snprintf(out, 96, "expired %s ago", span_text(now_s - cert->not_after, length));
        break;
    case PHASE_FUTURE:
        (void)snprintf(out, 96, "not valid before %s from now", span_text(cert->not_before - now_s, length));
        break;
    case PHASE_REVERSED:
        (void)snprintf(out, 96, "never valid: it ends before it begins");
        break;
    case PHASE_UNKNOWN:
        (void)snprintf(out, 96, "validity unreadable");
        break;
    }
    return out;
}

static bool is_self_signed(const struct cert *cert)
{
    return (cert->flags & CERT_SELF_ISSUED) != 0 && cert->der.at != NULL && cert->spki.at != NULL &&
           certsig_verify(cert->der, cert->spki);
}

static const char *kind_text(const struct certview *view)
{
    const struct cert *cert = view->cert;

    if (view->entry != NULL && view->entry->kind == ENTRY_OPAQUE)
        return "log entry that can not be read";
    if (cert->subject.at == NULL && cert->issuer.at == NULL)
        return "certificate that can not be read";
    if ((cert->flags & CERT_PRECERT_SIGNING) != 0)
        return "precertificate signing certificate";
    if ((cert->flags & CERT_IS_CA) != 0 && (cert->flags & CERT_POISON) == 0)
        return is_self_signed(cert)                    ? "self-signed CA certificate"
               : (cert->flags & CERT_SELF_ISSUED) != 0 ? "self-issued CA certificate"
                                                       : "CA certificate";
    if ((cert->flags & CERT_POISON) != 0 || (view->entry != NULL && view->entry->kind == ENTRY_PRECERT))
        return "precertificate";
    if (cert->der.at == NULL)
        return "TBSCertificate without signature";
    if (is_self_signed(cert))
        return "self-signed certificate";
    return (cert->flags & CERT_SELF_ISSUED) != 0 ? "self-issued certificate" : "certificate";
}

/* The value of the last attribute `oid` of a Name. */
static bool attribute(struct span name, enum oid oid, struct buf *out)
{
    bool found = false;
    struct dn dn;
    struct dn_attr attr;

    dn_init(&dn, name);
    while (dn_next(&dn, &attr)) {
        if (oid_find(attr.oid) != oid)
            continue;
        uint8_t *utf8 = malloc(DN_UTF8_ROOM(attr.value.len) + 1);
        must(utf8 != NULL);
        buf_clear(out);
        buf_put(out, span_of(utf8, dn_utf8(attr.tag, attr.value, utf8, DN_UTF8_ROOM(attr.value.len) + 1)));
        free(utf8);
        found = out->len != 0;
    }
    return found;
}

/* A CA is called by its own name, unless it stands for hosts as well, as self-made certificates often do. */
static bool is_for_hosts(const struct certview *view)
{
    const struct issuance *issuance = view->issuance;
    bool hosts = (view->cert->flags & CERT_IS_CA) == 0;

    for (size_t i = 0; i < issuance->name_count; i++)
        hosts =
            hosts || (issuance->names[i].kind <= NAME_IP && (issuance->names[i].flags & NAME_FROM_CN) == 0);
    return hosts;
}

/* The first of what people call it by. */
static void put_title(struct sheet *sheet, const struct certview *view, const struct certhuman *how)
{
    struct buf room;
    char text[96];

    buf_init(&room, LIMIT_BIG_BATCH_BYTES);
    bool hosts = is_for_hosts(view);
    if (!hosts || !certnames_first(view->issuance, &room)) {
        if (!attribute(view->cert->subject, OID_DN_CN, &room) &&
            !attribute(view->cert->subject, OID_DN_ORG, &room))
            buf_str(&room, "(no name)");
    }
    size_t count = certnames_count(view->issuance);
    if (count > 1 && hosts)
        buf_fmt(&room, "  and %zu more", count - 1);
    sheet_title(sheet, SHEET_STRONG, buf_span(&room));
    buf_clear(&room);
    buf_str(&room, kind_text(view));
    if (view->cert->issuer.at != NULL)
        buf_fmt(&room, ", %s", phase_text(view->cert, how->now_s, text));
    sheet_title(sheet, phase_style(phase_of(view->cert, how->now_s)), buf_span(&room));
    buf_fini(&room);
}

static void put_hash(struct sheet *sheet, const char *label, const uint8_t hash[32])
{
    char text[65];

    sheet_row(sheet, label);
    sheet_words(sheet, SHEET_PLAIN, span_str(text_hex(span_of(hash, 32), text)));
}

static void put_chain(struct sheet *sheet, const struct entry *entry)
{
    struct cert cert;
    struct buf room;

    buf_init(&room, LIMIT_BIG_BATCH_BYTES);
    sheet_row(sheet, "sent along");
    for (uint32_t i = 0; i < entry->chain_count; i++) {
        buf_clear(&room);
        (void)tbs_read_certificate(entry->unverified_chain[i], &cert);
        if (!attribute(cert.subject, OID_DN_CN, &room) && !attribute(cert.subject, OID_DN_ORG, &room))
            buf_str(&room, "(no name)");
        sheet_item(sheet, SHEET_PLAIN, buf_span(&room));
    }
    sheet_fmt(sheet, SHEET_FAINT, "(chain, not checked)");
    buf_fini(&room);
}

static void put_entry(struct sheet *sheet, const struct entry *entry)
{
    char text[TEXT_TIME_MAX];

    sheet_row(sheet, "log entry");
    if (entry->kind == ENTRY_OPAQUE) {
        sheet_fmt(sheet, SHEET_BAD, "%zu bytes that can not be read", entry->leaf.len);
    } else {
        sheet_fmt(sheet, SHEET_PLAIN, "%s, logged %s",
                  entry->kind == ENTRY_PRECERT ? "precertificate" : "certificate",
                  text_time(entry->timestamp_ms, true, text));
        if (entry->leaf_index >= 0)
            sheet_fmt(sheet, SHEET_PLAIN, "at index %" PRId64, entry->leaf_index);
    }
    put_hash(sheet, "leaf hash", entry->leaf_hash);
    if (entry->issuer_key_hash.len == 32)
        put_hash(sheet, "issuer key", entry->issuer_key_hash.at);
    if (entry->chain_count != 0)
        put_chain(sheet, entry);
    if (entry->unverified_fingerprints.len >= 32) {
        sheet_row(sheet, "sent along");
        sheet_fmt(sheet, SHEET_PLAIN, "%zu issuers by their hashes", entry->unverified_fingerprints.len / 32);
    }
}

static void put_attribute(struct sheet *sheet, const struct dn_attr *attr)
{
    char oid[OID_TEXT_MAX];
    enum oid id = oid_find(attr->oid);
    size_t cap = DN_UTF8_ROOM(attr->value.len) + 1;
    uint8_t *utf8 = malloc(2 * cap);

    must(utf8 != NULL);
    struct span text = span_of(utf8, 0);
    if (dn_is_text(attr->tag))
        text.len = dn_utf8(attr->tag, attr->value, utf8, cap);
    else
        text = span_str(text_hex(attr->value, (char *)utf8));
    sheet_tag(sheet, id == OID_UNKNOWN ? oid_text(attr->oid, oid) : oid_short(id), 3);
    sheet_words(sheet, id == OID_DN_CN || id == OID_DN_ORG ? SHEET_STRONG : SHEET_PLAIN, text);
    if (text.len == 0)
        sheet_fmt(sheet, SHEET_FAINT, "(empty)");
    free(utf8);
}

static void put_dn(struct sheet *sheet, const char *label, struct span name)
{
    struct dn dn;
    struct dn_attr attr;
    size_t count = 0;

    sheet_row(sheet, label);
    sheet_list(sheet);
    dn_init(&dn, name);
    for (; dn_next(&dn, &attr); count++) {
        if (sheet_lists(sheet))
            put_attribute(sheet, &attr);
    }
    sheet_unlist(sheet);
    if (count == 0 && !dn.damaged)
        sheet_fmt(sheet, name.at == NULL ? SHEET_BAD : SHEET_PLAIN, name.at == NULL ? "unreadable" : "empty");
    if (dn.damaged) {
        sheet_next(sheet);
        sheet_fmt(sheet, SHEET_BAD, "and what can not be read");
    }
}

static void put_issuer(struct sheet *sheet, const struct cert *cert)
{
    bool self_issued = (cert->flags & CERT_SELF_ISSUED) != 0;

    if (self_issued) {
        sheet_row(sheet, "issuer");
        if (cert->der.at == NULL)
            sheet_fmt(sheet, SHEET_PLAIN, "the same name");
        else if (is_self_signed(cert))
            sheet_fmt(sheet, SHEET_PLAIN, "itself: signed with its own key");
        else
            sheet_fmt(sheet, SHEET_ODD, "the same name; a signature by its own key is not confirmed");
    } else {
        put_dn(sheet, "issuer", cert->issuer);
    }
    if (cert->aki_key_id.at != NULL && !span_eq(cert->aki_key_id, cert->ski))
        certdetails_hex(sheet, "key id", cert->aki_key_id);
}

static void put_time(struct sheet *sheet, const char *what, int64_t unix_s, bool readable)
{
    char text[TEXT_TIME_MAX];

    sheet_tag(sheet, what, 6);
    if (readable)
        sheet_fmt(sheet, SHEET_PLAIN, "%s", text_time(unix_s * 1000, false, text));
    else
        sheet_fmt(sheet, SHEET_BAD, "unreadable");
}

static bool is_for_servers(const struct cert *cert)
{
    if ((cert->flags & CERT_IS_CA) != 0)
        return false;
    if ((cert->flags & (CERT_SERVER_AUTH | CERT_ANY_EKU)) != 0)
        return true;
    return (cert->flags & CERT_HAS_EKU) == 0 && !certdetails_lost(cert);
}

/* The limit is one for certificates of servers that browsers trust; whether this is one nobody knows here. */
static void put_limit(struct sheet *sheet, const struct cert *cert, int64_t days)
{
    int64_t most = validity_days_max(cert->not_before);
    int months = validity_months_max(cert->not_before);
    char rule[96];

    if (!is_for_servers(cert) || most == VALIDITY_NO_LIMIT)
        return;
    sheet_next(sheet);
    if (months != 0)
        (void)snprintf(rule, sizeof rule, "%" PRId64 " days (%d months) that public CAs could give then",
                       most, months);
    else
        (void)snprintf(rule, sizeof rule, "%" PRId64 " days that public CAs may give", most);
    if (days > most)
        sheet_fmt(sheet, SHEET_ODD, "%" PRId64 " more than the %s (BR 6.3.2)", days - most, rule);
    else
        sheet_fmt(sheet, SHEET_FAINT, "within the %s (BR 6.3.2)", rule);
}

static void put_validity(struct sheet *sheet, const struct cert *cert, int64_t now_s)
{
    struct certview_times times = certview_times(cert);
    int64_t days = validity_days(cert->not_before, cert->not_after);
    char text[96];

    sheet_row(sheet, "valid");
    put_time(sheet, "from", cert->not_before, times.before);
    put_time(sheet, "until", cert->not_after, times.after);
    if (!times.before || !times.after)
        return;
    sheet_next(sheet);
    sheet_fmt(sheet, SHEET_PLAIN, "%" PRId64 " day%s,", days, days == 1 ? "" : "s");
    sheet_fmt(sheet, phase_style(phase_of(cert, now_s)), "%s", phase_text(cert, now_s, text));
    put_limit(sheet, cert, days);
}

static void put_sct(struct sheet *sheet, const struct sctlist_item *item)
{
    char text[TEXT_TIME_MAX];
    char hex[65];

    sheet_next(sheet);
    if (!item->readable || item->timestamp_ms > INT64_MAX / 2) {
        sheet_fmt(sheet, SHEET_ODD, "one of version %u that can not be read, %zu bytes", item->version + 1u,
                  item->whole.len);
        return;
    }
    sheet_fmt(sheet, SHEET_PLAIN, "%s", text_time((int64_t)item->timestamp_ms, true, text));
    if (item->leaf_index >= 0)
        sheet_fmt(sheet, SHEET_PLAIN, "at index %" PRId64, item->leaf_index);
    sheet_fmt(sheet, SHEET_FAINT, "by the log");
    sheet_next(sheet);
    sheet_words(sheet, SHEET_PLAIN, span_str(text_hex(item->log_id, hex)));
}

static void put_ct(struct sheet *sheet, const struct certview *view)
{
    const struct cert *cert = view->cert;
    struct sctlist list;
    struct sctlist_item item;
    size_t count = 0;

    sheet_row(sheet, "CT");
    if ((cert->flags & CERT_POISON) != 0)
        sheet_fmt(sheet, SHEET_PLAIN, "precertificate (poison): made for logs, no client takes it");
    else if (view->entry != NULL && view->entry->kind == ENTRY_PRECERT)
        sheet_fmt(sheet, SHEET_PLAIN, "precertificate: the final one has the same fingerprint");
    sctlist_of(&list, cert);
    while (sctlist_next(&list, &item))
        count++;
    if (cert->sct_list.at != NULL) {
        sheet_next(sheet);
        sheet_fmt(sheet, SHEET_PLAIN, "%zu SCT%s inside (signatures not checked)", count,
                  count == 1 ? "" : "s");
    } else if (certdetails_lost(cert)) {
        sheet_next(sheet);
        sheet_fmt(sheet, SHEET_BAD, "whether SCTs are inside is unreadable");
    } else if (!sheet->filled && is_for_servers(cert)) {
        sheet_fmt(sheet, SHEET_PLAIN, "no SCTs inside");
    }
    sheet_list(sheet);
    sctlist_of(&list, cert);
    while (sctlist_next(&list, &item)) {
        if (sheet_lists(sheet))
            put_sct(sheet, &item);
    }
    sheet_unlist(sheet);
    if (list.damaged) {
        sheet_next(sheet);
        sheet_fmt(sheet, SHEET_BAD, "and what can not be read");
    }
    sheet_drop(sheet);
}

static void put_serial(struct sheet *sheet, struct span serial)
{
    json_t *hex = certjson_integer(serial);

    sheet_row(sheet, "serial");
    if (json_is_string(hex))
        sheet_words(sheet, SHEET_PLAIN, span_str(json_string_value(hex)));
    else
        sheet_fmt(sheet, SHEET_BAD, "unreadable");
    json_decref(hex);
}

/* The gravest first. */
static void put_findings(struct sheet *sheet, const struct finding_set *findings)
{
    bool any = false;

    for (unsigned pass = 0; pass < 2; pass++) {
        enum finding_severity severity = pass == 0 ? FINDING_BROKEN : FINDING_PECULIAR;
        sheet_row(sheet, pass == 0 ? "broken" : "odd");
        for (unsigned i = 0; i < FINDING_COUNT; i++) {
            enum finding finding = (enum finding)i;
            if (!finding_has(findings, finding) || finding_severity(finding) != severity)
                continue;
            sheet_next(sheet);
            sheet_fmt(sheet, pass == 0 ? SHEET_BAD : SHEET_ODD, "%s", finding_sentence(finding));
            sheet_fmt(sheet, SHEET_FAINT, "(%s)", finding_rule(finding));
            any = true;
        }
        sheet_drop(sheet);
    }
    if (!any) {
        sheet_row(sheet, "odd");
        sheet_fmt(sheet, SHEET_GOOD, "nothing");
    }
}

static void put_fingerprints(struct sheet *sheet, const struct certview *view)
{
    if (view->sha256 != NULL)
        put_hash(sheet, "sha256", view->sha256);
    put_hash(sheet, "tbs_fp", view->issuance->tbs_fp);
    if (view->cert->spki.at != NULL)
        put_hash(sheet, "spki_sha256", view->issuance->spki_sha256);
}

void certhuman_text(const struct certview *view, const struct certhuman *how, struct buf *out)
{
    const struct cert *cert = view->cert;
    struct finding_set findings;
    struct sheet sheet;
    struct buf place;

    certview_findings(view, &findings);
    sheet_begin(&sheet, out, how->columns, how->color, how->all);
    put_title(&sheet, view, how);
    if (view->place != NULL) {
        buf_init(&place, LIMIT_BIG_BATCH_BYTES);
        certplace_raw(view->place, &place);
        sheet_row(&sheet, "from");
        sheet_words(&sheet, SHEET_PLAIN, buf_span(&place));
        buf_fini(&place);
    }
    if (view->entry != NULL)
        put_entry(&sheet, view->entry);
    if (view->entry == NULL || view->entry->kind != ENTRY_OPAQUE) {
        put_dn(&sheet, "subject", cert->subject);
        certnames_put(&sheet, view->issuance);
        put_issuer(&sheet, cert);
        put_validity(&sheet, cert, how->now_s);
        certdetails_put(&sheet, cert);
        put_ct(&sheet, view);
        put_serial(&sheet, cert->serial);
        put_fingerprints(&sheet, view);
    }
    put_findings(&sheet, &findings);
    sheet_end(&sheet);
    buf_byte(out, '\n');
}
