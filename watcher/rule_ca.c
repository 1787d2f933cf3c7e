#include "watcher/rule_ca.h"

#include "model/dname.h"

static struct span allowed_text(struct rule *rule)
{
    const struct watch *watch = rule->what->watch;
    struct buf text;
    buf_init(&text, RULE_TEXT_MAX);
    if (watch->allow_count == 0)
        buf_str(&text, "no CA is allowed for this domain");
    rule_put_hashes(&text, "spki:", watch->allow, watch->allow_count);
    return rule_keep(rule, &text);
}

static struct span denied_text(struct rule *rule)
{
    const struct watch *watch = rule->what->watch;
    struct buf text;
    buf_init(&text, RULE_TEXT_MAX);
    buf_str(&text, "none of the denied CAs: ");
    rule_put_hashes(&text, "spki:", watch->deny.at, watch->deny.count);
    return rule_keep(rule, &text);
}

/* In a list of CAs, proven or not. */
static bool is_in(const struct policy_case *what, const struct watch_allow *at, size_t count)
{
    return what->issuance->issuer_known && rule_has_hash(at, count, what->issuance->issuer_spki_sha256);
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

static struct span issuer_text(struct rule *rule, bool listed)
{
    const struct issuance *issuance = rule->what->issuance;
    struct buf text;
    buf_init(&text, RULE_TEXT_MAX);
    dname_text(issuance->issuer, &text);
    if (text.len == 0)
        buf_str(&text, "an issuer without a name");
    if (!issuance->issuer_known) {
        buf_str(&text, " (issuer unknown: no certificate of it proves the signature)");
    } else {
        buf_fmt(&text, " (%s", assurance(rule->what, listed));
        rule_put_spki(&text, issuance->issuer_spki_sha256);
        buf_byte(&text, ')');
    }
    return rule_keep(rule, &text);
}

/* Somebody showed this very certificate to be ours; or, where no CA is named, its key. */
static bool authorised(const struct policy_case *what)
{
    const struct watch *watch = what->watch;
    return rule_has_hash(watch->key_tbs.at, watch->key_tbs.count, what->issuance->tbs_fp) ||
           (watch->allow_count == 0 &&
            rule_has_hash(watch->key_spki.at, watch->key_spki.count, what->issuance->spki_sha256));
}

void rule_ca_judge(struct rule *rule)
{
    const struct policy_case *what = rule->what;
    const struct watch *watch = what->watch;
    bool listed = is_in(what, watch->allow, watch->allow_count);
    if (is_in(what, watch->deny.at, watch->deny.count)) {
        struct span expected = denied_text(rule);
        (void)rule_add(rule, ALERT_KIND_UNEXPECTED_CA, "deny_ca", expected, issuer_text(rule, false));
        return;
    }
    if ((listed && what->issuance->issuer_proven) || authorised(what))
        return;
    struct span expected = allowed_text(rule);
    struct alert_finding *finding =
        rule_add(rule, ALERT_KIND_UNEXPECTED_CA, "allow_ca", expected, issuer_text(rule, listed));
    rule->alert->claimed = listed && what->by_word;
    if (rule->alert->claimed && finding->severity > ALERT_LOW)
        finding->severity = ALERT_LOW;
}
