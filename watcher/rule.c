#include "watcher/rule.h"

#include "base/text.h"

#define SHOWN_MAX 256

struct span rule_keep(struct rule *rule, struct buf *text)
{
    struct span copy = SPAN_NONE;
    if (buf_ok(text))
        copy = arena_copy(rule->arena, buf_span(text));
    if (copy.at == NULL)
        rule->full = true;
    buf_fini(text);
    return copy;
}

struct alert_finding *rule_add(struct rule *rule, enum alert_kind kind, const char *name,
                               struct span expected, struct span found)
{
    const struct watch *watch = rule->what->watch;
    must(rule->alert->finding_count < ALERT_FINDINGS_MAX);
    struct alert_finding *finding = &rule->alert->findings[rule->alert->finding_count++];
    *finding = (struct alert_finding){kind, alert_kind_severity(kind), name, expected, found};
    if (watch != NULL && watch->severity[kind] != 0)
        finding->severity = (enum alert_severity)(watch->severity[kind] - 1);
    return finding;
}

void rule_put_spki(struct buf *out, const uint8_t spki_sha256[32])
{
    char hex[65];
    buf_fmt(out, "spki:%s", text_hex(span_of(spki_sha256, 32), hex));
}

/* How many from here on, one after the other, have the name of this one. */
static size_t same_name(const struct watch_allow *at, size_t count)
{
    size_t same = 1;
    while (watch_allow_by_name(at->label) && same < count && strcmp(at[same].label, at->label) == 0)
        same++;
    return same;
}

void rule_put_hashes(struct buf *out, const char *prefix, const struct watch_allow *at, size_t count)
{
    size_t shown = 0;
    for (size_t i = 0; i < count; shown++) {
        char label[SHOWN_MAX];
        char hex[65];
        size_t same = same_name(at + i, count - i);
        const char *name = text_visible_str(span_str(at[i].label), label, sizeof label);
        (void)text_hex(span_of(at[i].spki_sha256, 32), hex);
        if (shown == RULE_LISTED_MAX) {
            buf_fmt(out, ", and %zu more", count - i);
            return;
        }
        buf_str(out, shown != 0 ? ", " : "");
        if (same > 1)
            buf_fmt(out, "%s (%zu keys)", name, same);
        else
            buf_fmt(out, "%s%s%s%s%s", prefix, hex, strstr(at[i].label, hex) == NULL ? " (" : "",
                    strstr(at[i].label, hex) == NULL ? name : "",
                    strstr(at[i].label, hex) == NULL ? ")" : "");
        i += same;
    }
}

void rule_put_words(struct buf *out, const struct watch_words *words)
{
    for (size_t i = 0; i < words->count && i < RULE_LISTED_MAX; i++) {
        char shown[SHOWN_MAX];
        buf_fmt(out, "%s%s", i != 0 ? ", " : "",
                text_visible_str(span_str(words->at[i]), shown, sizeof shown));
    }
    if (words->count > RULE_LISTED_MAX)
        buf_fmt(out, ", and %zu more", words->count - RULE_LISTED_MAX);
}

bool rule_has_hash(const struct watch_allow *at, size_t count, const uint8_t sha256[32])
{
    for (size_t i = 0; i < count; i++) {
        if (memcmp(at[i].spki_sha256, sha256, 32) == 0)
            return true;
    }
    return false;
}
