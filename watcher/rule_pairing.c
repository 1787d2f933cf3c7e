#include "watcher/rule_pairing.h"

#include "base/text.h"
#include "model/cert.h"

#define NAMES_SHOWN 4

static bool has_form(const struct db_pair_cert *cert, enum issuance_form form)
{
    for (size_t i = 0; i < cert->seen_count; i++)
        if (cert->seen[i].form == form)
            return true;
    return false;
}

/* Did its CA say that it will make it? One with the poison says so in whatever entry, but it is no proof that
 * a certificate was announced in time: any log can take it in later, with what was no precertificate. */
static bool is_intended(const struct db_pair_cert *cert)
{
    return has_form(cert, ISSUANCE_PRECERT) || has_form(cert, ISSUANCE_POISONED);
}

/* Of one only a precertificate is known and of the other only a final certificate: the CA made something else
 * than it announced. */
static bool is_changed(const struct db_pair_cert *own, const struct db_pair_cert *other)
{
    bool own_final = has_form(own, ISSUANCE_FINAL);
    bool other_final = has_form(other, ISSUANCE_FINAL);
    return own->seen_count != 0 && other->seen_count != 0 && own_final != other_final &&
           is_intended(own_final ? other : own) && !has_form(own_final ? own : other, ISSUANCE_PRECERT);
}

static void put_names(struct buf *out, const struct issuance *issuance)
{
    size_t shown = 0;
    size_t total = 0;
    for (size_t i = 0; i < issuance->name_count; i++) {
        char text[256];
        if (issuance->names[i].kind != NAME_DNS || ++total > NAMES_SHOWN)
            continue;
        buf_fmt(out, "%s%s", shown++ == 0 ? " for " : ", ",
                text_visible_str(issuance->names[i].text, text, sizeof text));
    }
    if (total > NAMES_SHOWN)
        buf_fmt(out, " and %zu more names", total - NAMES_SHOWN);
}

static void put_other(struct rule *rule, const struct db_pair *pair, const struct db_pair_cert *other)
{
    char hex[2 * 64 + 1];
    char day[TEXT_TIME_MAX];
    char log[256];
    struct buf found;
    bool changed = is_changed(&pair->own, other);
    bool own_final = has_form(&pair->own, ISSUANCE_FINAL);
    struct span serial = other->issuance.serial;
    buf_init(&found, RULE_TEXT_MAX);
    buf_fmt(&found, "serial %s is also that of ",
            text_hex(span_part(serial, 0, serial.len < 64 ? serial.len : 64), hex));
    if (!changed)
        buf_str(&found, "another certificate");
    else
        buf_str(&found, own_final ? "a precertificate with other contents, and no precertificate of this one"
                                    " is known"
                                  : "a final certificate with other contents, and no final certificate as "
                                    "announced is known");
    put_names(&found, &other->issuance);
    buf_fmt(&found, ", valid from %s", text_time(other->issuance.not_before * 1000, false, day));
    buf_fmt(&found, " to %s", text_time(other->issuance.not_after * 1000, false, day));
    buf_fmt(&found, ", seen in %s, entry %" PRIu64 " (tbs_fp %s)",
            text_visible_str(span_str(other->log), log, sizeof log), other->index,
            text_hex(span_of(other->issuance.tbs_fp, 32), hex));
    if (!other->issuance.issuer_proven && !has_form(other, ISSUANCE_PRECERT))
        buf_str(&found, "; that its issuer is the same is the word of that log alone");
    struct alert_finding *finding =
        rule_add(rule, ALERT_KIND_TWIN_SERIAL, changed ? "final_differs" : "serial",
                 changed ? SPAN_LIT("a final certificate with the contents of its precertificate")
                         : SPAN_LIT("a serial number that its issuer uses once"),
                 rule_keep(rule, &found));
    if (changed && rule->what->watch->severity[ALERT_KIND_TWIN_SERIAL] == 0)
        finding->severity = ALERT_HIGH;
}

/* What serves TLS is asked for SCTs by browsers; a certificate for mail is not. */
static bool wants_scts(const struct issuance *issuance)
{
    return (issuance->cert_flags & CERT_IS_CA) == 0 &&
           ((issuance->cert_flags & CERT_HAS_EKU) == 0 || (issuance->cert_flags & CERT_SERVER_AUTH) != 0) &&
           issuance->not_before >= RULE_PAIRING_SCTS_FROM;
}

/* What is stored is of the form that was seen first: where that had the poison nobody knows of SCTs. */
static void judge_final(struct rule *rule, const struct db_pair_cert *own)
{
    bool bare = (own->issuance.cert_flags & CERT_NO_SCTS) != 0;
    bool unknown = (own->issuance.cert_flags & CERT_POISON) != 0 && has_form(own, ISSUANCE_FINAL);
    if ((!bare && !unknown) || own->seen_count == 0 || has_form(own, ISSUANCE_PRECERT) ||
        !wants_scts(&own->issuance))
        return;
    (void)rule_add(rule, ALERT_KIND_FINAL_WITHOUT_PRECERT, "precert",
                   SPAN_LIT("a precertificate in a log before the certificate is signed, or SCTs in it"),
                   bare ? SPAN_LIT("a final certificate without SCTs, and in the logs that are read no "
                                   "precertificate of it")
                        : SPAN_LIT("a final certificate, of which a log took in one with the poison of a "
                                   "precertificate as final, and in the logs that are read no precertificate "
                                   "of it"));
}

bool rule_pairing_announced(const struct db_pair *pair)
{
    return has_form(&pair->own, ISSUANCE_PRECERT);
}

void rule_pairing_judge(struct rule *rule, const struct db_pair *pair, bool waited)
{
    for (size_t i = 0; i < pair->other_count; i++)
        if ((pair->own.verified && pair->other[i].verified) || waited)
            put_other(rule, pair, &pair->other[i]);
    if (waited)
        judge_final(rule, &pair->own);
}

bool rule_pairing_made(const struct db_pair *pair)
{
    return has_form(&pair->own, ISSUANCE_FINAL);
}

int64_t rule_pairing_deadline(const struct watch *watch, const struct db_pair *pair, int64_t noted_ms)
{
    const struct db_pair_cert *own = &pair->own;
    if (watch->final_within_s == 0 || !is_intended(own) || has_form(own, ISSUANCE_FINAL))
        return 0;
    int64_t logged_ms = own->seen[0].timestamp_ms;
    return (logged_ms > noted_ms ? logged_ms : noted_ms) + watch->final_within_s * 1000;
}

void rule_pairing_unfinished(struct rule *rule, const struct db_pair *pair)
{
    char when[TEXT_TIME_MAX];
    struct buf expected;
    struct buf found;
    buf_init(&expected, RULE_TEXT_MAX);
    buf_init(&found, RULE_TEXT_MAX);
    buf_fmt(&expected, "its certificate in a log within %" PRId64 " hours of the precertificate",
            rule->what->watch->final_within_s / 3600);
    buf_fmt(&found,
            "a precertificate that a log took in%s at %s, and in the logs that are read no certificate of it",
            has_form(&pair->own, ISSUANCE_PRECERT) ? "" : " as a final certificate",
            text_time(pair->own.seen[0].timestamp_ms, false, when));
    struct span wanted = rule_keep(rule, &expected);
    (void)rule_add(rule, ALERT_KIND_PRECERT_WITHOUT_FINAL, "final_within", wanted, rule_keep(rule, &found));
}
