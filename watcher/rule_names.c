#include "watcher/rule_names.h"

#include "base/dns.h"
#include "base/text.h"

#define FOREIGN_SHOWN 8

/* Is `name` what stands in `at`, or below it? */
static bool is_below(struct span name, struct span at, bool itself)
{
    if (span_eq(name, at))
        return itself;
    return name.len > at.len + 1 && name.at[name.len - at.len - 1] == '.' &&
           span_eq(span_part(name, name.len - at.len, name.len), at);
}

bool rule_names_allows(const struct watch *watch, struct span name)
{
    for (size_t i = 0; i < watch->names.count; i++) {
        struct span pattern = span_str(watch->names.at[i]);
        bool wide = span_starts(pattern, SPAN_LIT("*."));
        if (span_eq(name, pattern) || (wide && is_below(name, span_part(pattern, 2, pattern.len), false)))
            return true;
    }
    return watch->names.count == 0;
}

bool rule_names_wildcard(const struct watch *watch, struct span name)
{
    for (size_t i = 0; i < watch->wildcards.count; i++) {
        if (span_eq(span_str(watch->wildcards.at[i]), name))
            return true;
    }
    return watch->wildcard_allowed;
}

bool rule_names_excluded(const struct watch *watch, struct span name)
{
    for (size_t i = 0; i < watch->exclude.count; i++) {
        if (is_below(name, span_str(watch->exclude.at[i]), true))
            return true;
    }
    return false;
}

static struct span words_text(struct rule *rule, const struct watch_words *words, const char *none)
{
    struct buf text;
    buf_init(&text, RULE_TEXT_MAX);
    if (words->count == 0)
        buf_str(&text, none);
    rule_put_words(&text, words);
    return rule_keep(rule, &text);
}

static struct span copied(struct rule *rule, struct span text)
{
    struct span copy = arena_copy(rule->arena, text);
    rule->full = rule->full || copy.at == NULL;
    return copy;
}

static void judge_own(struct rule *rule)
{
    const struct policy_case *what = rule->what;
    const struct watch *watch = what->watch;
    if (what->wildcard.at != NULL && !rule_names_wildcard(watch, what->wildcard)) {
        struct span expected = words_text(rule, &watch->wildcards, "no wildcard name");
        (void)rule_add(rule, ALERT_KIND_UNEXPECTED_WILDCARD, "wildcard", expected,
                       copied(rule, what->wildcard));
    }
    if (what->stranger.at != NULL) {
        struct span expected = words_text(rule, &watch->names, "");
        (void)rule_add(rule, ALERT_KIND_UNEXPECTED_NAME, "names", expected, copied(rule, what->stranger));
    }
}

static void on_ours(void *arg, const struct watch *watch)
{
    (void)watch;
    *(bool *)arg = true;
}

/* Ours is what is registered here, and all else under a registered domain of which something is. */
static bool is_foreign(const struct policy_case *what, const struct name *name)
{
    bool ours = false;
    if (name->kind != NAME_DNS || (name->flags & NAME_PLACEHOLDER) != 0)
        return false;
    struct span apex = dns_apex(name->text);
    for (size_t i = 0; i < watch_item_count(what->watch); i++) {
        const struct watch_item *item = watch_item(what->watch, i);
        if (item->kind == WATCH_DNS && apex.len != 0 && span_eq(dns_apex(span_str(item->name)), apex))
            return false;
    }
    watchset_find(what->ours, name->text, on_ours, &ours);
    if (!ours && apex.len != 0)
        watchset_find(what->ours, apex, on_ours, &ours);
    return !ours;
}

static void judge_foreign(struct rule *rule)
{
    const struct policy_case *what = rule->what;
    const struct issuance *issuance = what->issuance;
    size_t count = 0;
    struct buf text;
    buf_init(&text, RULE_TEXT_MAX);
    for (size_t i = 0; i < issuance->name_count; i++) {
        char shown[DNS_TEXT_MAX];
        if (!is_foreign(what, &issuance->names[i]) || ++count > FOREIGN_SHOWN)
            continue;
        buf_fmt(&text, "%s%s", count > 1 ? ", " : "",
                text_visible_str(issuance->names[i].text, shown, sizeof shown));
    }
    if (count > FOREIGN_SHOWN)
        buf_fmt(&text, ", and %zu more", count - FOREIGN_SHOWN);
    if (count == 0) {
        buf_fini(&text);
        return;
    }
    struct alert_finding *finding =
        rule_add(rule, ALERT_KIND_FOREIGN_SAN, "foreign_san",
                 SPAN_LIT("no name of a domain that is not registered here"), rule_keep(rule, &text));
    if (what->watch->severity[ALERT_KIND_FOREIGN_SAN] == 0)
        finding->severity = what->watch->foreign == WATCH_FOREIGN_WARN   ? ALERT_LOW
                            : what->watch->foreign == WATCH_FOREIGN_HIGH ? ALERT_HIGH
                                                                         : ALERT_CRITICAL;
}

void rule_names_judge(struct rule *rule)
{
    judge_own(rule);
    if (rule->what->watch->foreign != WATCH_FOREIGN_OFF && rule->what->ours != NULL)
        judge_foreign(rule);
}
