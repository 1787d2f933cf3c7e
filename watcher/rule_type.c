#include "watcher/rule_type.h"

#include "base/text.h"
#include "model/cert.h"
#include "model/signing.h"

static const struct {
    enum cert_key_alg alg;
    const char *word;
    bool sized; /* the number of bits follows */
} algs[] = {
    {CERT_KEY_RSA, "rsa-", true},         {CERT_KEY_RSA_PSS, "rsa-pss-", true}, {CERT_KEY_EC, "ec-p", true},
    {CERT_KEY_ED25519, "ed25519", false}, {CERT_KEY_ED448, "ed448", false},     {CERT_KEY_DSA, "dsa-", true},
    {CERT_KEY_ML_DSA, "ml-dsa", false},
};

void rule_type_key(const struct issuance *issuance, struct buf *out)
{
    for (size_t i = 0; i < countof(algs); i++) {
        if (algs[i].alg != issuance->key_alg)
            continue;
        buf_str(out, algs[i].word);
        if (algs[i].sized)
            buf_fmt(out, "%" PRIu32, issuance->key_bits);
        return;
    }
    buf_str(out, "unknown");
}

bool rule_type_known(const char *word)
{
    for (size_t i = 0; i < countof(algs); i++) {
        size_t len = strlen(algs[i].word);
        uint64_t bits;
        if (strncmp(word, algs[i].word, len) != 0)
            continue;
        if (!algs[i].sized && word[len] == '\0')
            return true;
        struct span digits = span_str(word + len);
        if (digits.len != 0 && digits.at[digits.len - 1] == '+')
            digits.len--;
        if (algs[i].sized && text_uint(digits, &bits) && bits >= 1 && bits <= 65535)
            return true;
    }
    return strcmp(word, "unknown") == 0;
}

/* "rsa-3072+": of that kind, and of that many bits or more. */
static bool is_of(const char *word, const struct issuance *issuance, const char *found)
{
    size_t len = strlen(word);
    uint64_t bits;
    if (len == 0 || word[len - 1] != '+')
        return strcmp(word, found) == 0;
    for (size_t i = 0; i < countof(algs); i++) {
        size_t name = strlen(algs[i].word);
        if (algs[i].alg == issuance->key_alg && algs[i].sized && strncmp(word, algs[i].word, name) == 0 &&
            text_uint(span_of((const uint8_t *)word + name, len - name - 1), &bits))
            return issuance->key_bits >= bits;
    }
    return false;
}

static void judge_key(struct rule *rule)
{
    const struct watch *watch = rule->what->watch;
    struct buf found;
    struct buf expected;
    buf_init(&found, RULE_TEXT_MAX);
    rule_type_key(rule->what->issuance, &found);
    for (size_t i = 0; i < watch->key_types.count; i++) {
        if (is_of(watch->key_types.at[i], rule->what->issuance, buf_text(&found))) {
            buf_fini(&found);
            return;
        }
    }
    buf_init(&expected, RULE_TEXT_MAX);
    rule_put_words(&expected, &watch->key_types);
    struct span words = rule_keep(rule, &expected);
    (void)rule_add(rule, ALERT_KIND_UNEXPECTED_TYPE, "key_types", words, rule_keep(rule, &found));
}

/* Of what was stored before this was kept nobody knows it. */
static void judge_signing(struct rule *rule)
{
    const struct watch *watch = rule->what->watch;
    const char *word = signing_word((enum signing)rule->what->issuance->signing);
    struct buf expected;
    if (rule->what->issuance->signing == SIGNING_UNKNOWN)
        return;
    for (size_t i = 0; i < watch->signatures.count; i++)
        if (strcmp(watch->signatures.at[i], word) == 0)
            return;
    buf_init(&expected, RULE_TEXT_MAX);
    rule_put_words(&expected, &watch->signatures);
    (void)rule_add(rule, ALERT_KIND_UNEXPECTED_TYPE, "signatures", rule_keep(rule, &expected),
                   span_str(word));
}

static void put_types(struct buf *out, unsigned types)
{
    static const char *const names[] = {"dv", "ov", "iv", "ev"};
    bool any = false;
    for (unsigned i = 0; i < countof(names); i++) {
        if ((types & 1u << i) == 0)
            continue;
        buf_fmt(out, "%s%s", any ? ", " : "", names[i]);
        any = true;
    }
    if (!any)
        buf_str(out, "a certificate that does not say how its owner was validated");
}

static unsigned types_of(uint32_t flags)
{
    return ((flags & CERT_POLICY_DV) != 0 ? WATCH_TYPE_DV : 0u) |
           ((flags & CERT_POLICY_OV) != 0 ? WATCH_TYPE_OV : 0u) |
           ((flags & CERT_POLICY_IV) != 0 ? WATCH_TYPE_IV : 0u) |
           ((flags & CERT_POLICY_EV) != 0 ? WATCH_TYPE_EV : 0u);
}

static void judge_policy(struct rule *rule)
{
    unsigned expected_types = rule->what->watch->types;
    unsigned types = types_of(rule->what->issuance->cert_flags);
    struct buf expected;
    struct buf found;
    if (types != 0 && (types & ~expected_types) == 0)
        return;
    buf_init(&expected, RULE_TEXT_MAX);
    buf_init(&found, RULE_TEXT_MAX);
    put_types(&expected, expected_types);
    put_types(&found, types);
    struct span words = rule_keep(rule, &expected);
    (void)rule_add(rule, ALERT_KIND_UNEXPECTED_TYPE, "policy", words, rule_keep(rule, &found));
}

static void judge_ca(struct rule *rule)
{
    if ((rule->what->issuance->cert_flags & CERT_IS_CA) == 0)
        return;
    (void)rule_add(
        rule, ALERT_KIND_CA_CERTIFICATE, "ca", SPAN_LIT("a certificate of a server or a person"),
        rule->what->subtree
            ? SPAN_LIT("a CA certificate (basicConstraints CA:TRUE) whose nameConstraints permit "
                       "this name: whoever has its key can issue certificates for it")
            : SPAN_LIT("a CA certificate (basicConstraints CA:TRUE): whoever has its key can issue "
                       "certificates of his own"));
}

void rule_type_judge(struct rule *rule)
{
    const struct watch *watch = rule->what->watch;
    judge_ca(rule);
    if (watch->key_types.count != 0)
        judge_key(rule);
    if (watch->signatures.count != 0)
        judge_signing(rule);
    if (watch->types != 0)
        judge_policy(rule);
}
