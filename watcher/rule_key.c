#include "watcher/rule_key.h"

#include "base/text.h"

/* A planned issuance that this one may be: by its key, and stored in time. */
static const struct watch_expect *planned(const struct policy_case *what)
{
    const struct watch *watch = what->watch;
    for (size_t i = 0; i < watch->expect_count; i++) {
        const struct watch_expect *expect = &watch->expect[i];
        if (memcmp(expect->spki_sha256, what->issuance->spki_sha256, 32) == 0 &&
            what->logged_ms < expect->until * 1000)
            return expect;
    }
    return NULL;
}

/* What a log took in while keys are learned is not held against them; nor is what came later, until those
 * that were learned are known (cli/learnkeeper.h), and then all of it is matched again. */
static bool learning(const struct policy_case *what)
{
    const struct watch_learning *at = &what->watch->learning;
    bool before = what->logged_ms != 0 && what->logged_ms < at->until * 1000;
    return at->days != 0 && (!at->over || before);
}

static struct span found_text(struct rule *rule)
{
    struct buf text;
    buf_init(&text, RULE_TEXT_MAX);
    rule_put_spki(&text, rule->what->issuance->spki_sha256);
    return rule_keep(rule, &text);
}

static void put_known(struct rule *rule, struct buf *text)
{
    const struct watch *watch = rule->what->watch;
    if (watch->key_spki.count + watch->key_tbs.count + watch->key_learned.count == 0)
        buf_str(text, "no key is known for this entry");
    rule_put_hashes(text, "spki:", watch->key_spki.at, watch->key_spki.count);
    if (watch->key_spki.count != 0 && watch->key_tbs.count != 0)
        buf_str(text, "; or one of the certificates ");
    rule_put_hashes(text, "tbs:", watch->key_tbs.at, watch->key_tbs.count);
    if (watch->key_learned.count != 0) {
        buf_fmt(text, "%slearned from what was issued: ",
                watch->key_spki.count + watch->key_tbs.count != 0 ? "; or " : "");
        rule_put_hashes(text, "spki:", watch->key_learned.at, watch->key_learned.count);
    }
}

static void tell_planned(struct rule *rule, const struct watch_expect *expect)
{
    char shown[256];
    struct buf text;
    buf_init(&text, RULE_TEXT_MAX);
    buf_fmt(&text, "a planned certificate, logged before %s",
            text_visible_str(span_str(expect->until_text), shown, sizeof shown));
    if (expect->note != NULL)
        buf_fmt(&text, " (%s)", text_visible_str(span_str(expect->note), shown, sizeof shown));
    struct span expected = rule_keep(rule, &text);
    (void)rule_add(rule, ALERT_KIND_EXPECTED_ISSUANCE, "expect", expected, found_text(rule));
}

void rule_key_judge(struct rule *rule)
{
    const struct policy_case *what = rule->what;
    const struct watch *watch = what->watch;
    if (watch->keys == WATCH_KEYS_OFF || learning(what) ||
        rule_has_hash(watch->key_learned.at, watch->key_learned.count, what->issuance->spki_sha256) ||
        rule_has_hash(watch->key_spki.at, watch->key_spki.count, what->issuance->spki_sha256) ||
        rule_has_hash(watch->key_tbs.at, watch->key_tbs.count, what->issuance->tbs_fp))
        return;
    const struct watch_expect *expect = planned(what);
    if (expect != NULL) {
        tell_planned(rule, expect);
        return;
    }
    struct buf text;
    buf_init(&text, RULE_TEXT_MAX);
    put_known(rule, &text);
    struct span expected = rule_keep(rule, &text);
    struct alert_finding *finding =
        rule_add(rule, ALERT_KIND_UNEXPECTED_KEY, "keys", expected, found_text(rule));
    if (watch->keys == WATCH_KEYS_ADVISE && watch->severity[ALERT_KIND_UNEXPECTED_KEY] == 0)
        finding->severity = ALERT_LOW;
}
