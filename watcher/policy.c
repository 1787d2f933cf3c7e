#include "watcher/policy.h"

#include "base/text.h"
#include "watcher/rule_ca.h"
#include "watcher/rule_key.h"
#include "watcher/rule_names.h"
#include "watcher/rule_trust.h"
#include "watcher/rule_type.h"
#include "watcher/rule_validity.h"
#include "watcher/rule_weak.h"

/* In the order in which people read them. */
static void (*const rules[])(struct rule *rule) = {
    rule_ca_judge,       rule_trust_judge, rule_key_judge,  rule_names_judge,
    rule_validity_judge, rule_type_judge,  rule_weak_judge,
};

static void judge_readable(struct rule *rule)
{
    const struct finding_set *oddities = rule->what->oddities;
    if (!rule->what->raw && !rule->what->unparsed && !finding_any_broken(oddities))
        return;
    struct buf found;
    buf_init(&found, RULE_TEXT_MAX);
    if (rule->what->raw)
        buf_str(&found, "the name stands in bytes that could not be parsed");
    for (int i = 0; i < FINDING_COUNT; i++) {
        if (!finding_has(oddities, (enum finding)i) || finding_severity((enum finding)i) != FINDING_BROKEN)
            continue;
        buf_fmt(&found, "%s%s (%s)", found.len == 0 ? "" : "; ", finding_sentence((enum finding)i),
                finding_name((enum finding)i));
    }
    if (found.len == 0)
        buf_str(&found, "an entry of an unknown form");
    (void)rule_add(rule, ALERT_KIND_MALFORMED, "readable", SPAN_LIT("an entry that can be read to its end"),
                   rule_keep(rule, &found));
}

bool policy_judge(const struct policy_case *what, struct arena *arena, struct alert *alert)
{
    struct rule rule = {what, arena, alert, false};
    *alert = (struct alert){.domain_id = what->watch->id, .issuance = what->issuance};
    alert->domain = arena_copy(arena, span_str(what->watch->name));
    alert->name = arena_copy(arena, what->name);
    rule.full = alert->domain.at == NULL || alert->name.at == NULL;
    for (size_t i = 0; !what->unparsed && i < countof(rules); i++)
        rules[i](&rule);
    judge_readable(&rule);
    return !rule.full;
}

bool policy_nobody(const struct policy_case *what, uint64_t domains_concerned, struct arena *arena,
                   struct alert *alert)
{
    struct rule rule = {what, arena, alert, false};
    struct buf found;
    char name[256];
    *alert = (struct alert){.domain_id = ALERT_DOMAINS_NONE, .issuance = what->issuance};
    alert->domains_concerned = domains_concerned;
    alert->name = what->name.at == NULL ? SPAN_NONE : arena_copy(arena, what->name);
    buf_init(&found, RULE_TEXT_MAX);
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
    (void)rule_add(&rule, ALERT_KIND_MALFORMED, "readable",
                   what->crowded ? SPAN_LIT("a certificate for fewer watched domains")
                                 : SPAN_LIT("names that can be read"),
                   rule_keep(&rule, &found));
    return !rule.full;
}
