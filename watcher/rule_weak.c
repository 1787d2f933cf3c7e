#include "watcher/rule_weak.h"

#include "base/text.h"
#include "model/cert.h"
#include "model/signing.h"
#include "parser/sigalg.h"
#include "parser/spki.h"
#include "verify/weakkey.h"
#include "watcher/blocklist.h"
#include "watcher/soundkeys.h"

#define BIT(flaw) (UINT32_C(1) << WEAKKEY_##flaw)
/* Anybody has the private key, or can have it. */
#define GIVEN_AWAY                                                                                           \
    (BIT(RSA_EVEN) | BIT(RSA_FACTOR) | BIT(RSA_PRIME) | BIT(RSA_CLOSE) | BIT(ROCA) | BIT(RSA_EXPONENT))
#define HARMLESS BIT(RSA_EXPONENT_SMALL)

static bool is_rsa(unsigned alg)
{
    return alg == CERT_KEY_RSA || alg == CERT_KEY_RSA_PSS;
}

/* By what every stored row knows. */
static uint32_t flaws_of_row(const struct issuance *issuance)
{
    uint32_t bits = issuance->key_bits;
    if (is_rsa(issuance->key_alg))
        return bits != 0 && bits < 2048 ? BIT(RSA_SHORT) : 0;
    if (issuance->key_alg == CERT_KEY_EC)
        return bits == 0 || bits == 256 || bits == 384 || bits == 521 ? 0 : BIT(EC_CURVE);
    return issuance->key_alg == CERT_KEY_DSA ? BIT(DSA) : 0;
}

static uint32_t flaws_of_numbers(const struct cert *cert)
{
    struct spki_key key;
    bool opened = spki_open(cert, &key);
    if (is_rsa(cert->key_alg))
        return key.modulus.at == NULL || key.exponent.at == NULL ? BIT(UNREADABLE)
                                                                 : weakkey_rsa(key.modulus, key.exponent);
    if (cert->key_alg == CERT_KEY_EC)
        return key.bits.at == NULL ? BIT(UNREADABLE) : weakkey_ec(cert->curve_oid, key.bits);
    if (cert->key_alg == CERT_KEY_DSA)
        return BIT(DSA);
    return cert->key_alg != CERT_KEY_UNKNOWN && !opened ? BIT(UNREADABLE) : 0;
}

static uint32_t flaws_of_cert(const struct policy_case *what)
{
    const uint8_t *hash = what->issuance->spki_sha256;
    if (soundkeys_has(hash))
        return 0;
    uint32_t flaws = flaws_of_numbers(what->cert);
    if (flaws == 0)
        soundkeys_add(hash);
    return flaws;
}

static void put_key(struct rule *rule, struct buf *found)
{
    /* Last, so that two texts about one key can be told from two keys. */
    buf_str(found, " (");
    rule_put_spki(found, rule->what->issuance->spki_sha256);
    buf_byte(found, ')');
}

static void judge_key(struct rule *rule)
{
    const struct policy_case *what = rule->what;
    uint32_t flaws = what->cert != NULL ? flaws_of_cert(what) : flaws_of_row(what->issuance);
    struct buf found;
    if (flaws == 0)
        return;
    buf_init(&found, RULE_TEXT_MAX);
    for (int i = 0; i < WEAKKEY_COUNT; i++)
        if ((flaws >> i & 1) != 0)
            buf_fmt(&found, "%s%s", found.len == 0 ? "the key is weak: " : "; ",
                    weakkey_sentence((enum weakkey)i));
    put_key(rule, &found);
    struct alert_finding *finding =
        rule_add(rule, ALERT_KIND_WEAK_KEY, "weak_key", SPAN_LIT("a key that keeps its secret"),
                 rule_keep(rule, &found));
    if (what->watch->severity[ALERT_KIND_WEAK_KEY] != 0)
        return;
    if ((flaws & GIVEN_AWAY) != 0)
        finding->severity = ALERT_CRITICAL;
    else if ((flaws & ~HARMLESS) == 0)
        finding->severity = ALERT_LOW;
}

static void judge_signature(struct rule *rule)
{
    const struct policy_case *what = rule->what;
    enum signing signing = (enum signing)what->issuance->signing;
    struct buf found;
    if (signing == SIGNING_UNKNOWN && what->cert != NULL)
        signing = sigalg_signing(what->cert);
    const char *hash = signing_weak_hash(signing);
    if (hash == NULL)
        return;
    buf_init(&found, RULE_TEXT_MAX);
    buf_fmt(&found,
            "it is signed over %s: whoever can have one certificate signed that way may make a second one, "
            "for other names, with the same signature; no CA may do so since 2016 (BR 7.1.3.2)",
            hash);
    (void)rule_add(rule, ALERT_KIND_WEAK_SIGNATURE, "weak_signature",
                   SPAN_LIT("a signature over SHA-256 or better"), rule_keep(rule, &found));
}

static const char *listed_in(const struct policy_case *what)
{
    struct spki_key key;
    const char *list = blocklist_find_spki(what->blocklist, what->issuance->spki_sha256);
    if (list != NULL || what->cert == NULL || !is_rsa(what->cert->key_alg))
        return list;
    (void)spki_open(what->cert, &key);
    return key.modulus.at == NULL ? NULL : blocklist_find_modulus(what->blocklist, key.modulus);
}

void rule_weak_listed(struct buf *found, const char *list, const uint8_t spki_sha256[32])
{
    char shown[256];
    buf_fmt(
        found,
        "the key is in the list %s: others have its private key and can pretend to be this host; have the "
        "certificate revoked, make a new key (",
        text_visible_str(span_str(list), shown, sizeof shown));
    rule_put_spki(found, spki_sha256);
    buf_byte(found, ')');
}

static void judge_listed(struct rule *rule)
{
    struct buf found;
    const char *list = rule->what->blocklist == NULL ? NULL : listed_in(rule->what);
    if (list == NULL)
        return;
    buf_init(&found, RULE_TEXT_MAX);
    rule_weak_listed(&found, list, rule->what->issuance->spki_sha256);
    (void)rule_add(rule, ALERT_KIND_COMPROMISED_KEY, "compromised_key",
                   SPAN_LIT("a key that nobody else has"), rule_keep(rule, &found));
}

void rule_weak_judge(struct rule *rule)
{
    judge_listed(rule);
    judge_key(rule);
    judge_signature(rule);
}
