#include "trust/builtin.h"

#include "base/text.h"

#define ROOT(stores, cert, key, subject, label)                                                              \
    _Static_assert(sizeof(stores) > 1 && sizeof(stores) < 6, "one letter a store");                          \
    _Static_assert(sizeof(cert) == 65 && sizeof(key) == 65 && sizeof(subject) == 65, "64 hex digits");       \
    _Static_assert(sizeof(label) > 1 && sizeof(label) < VERDICT_TEXT_MAX, "a label");
#define RULE(stores, kind, target, class, hash, limit, text, label, source)                                  \
    _Static_assert(sizeof(stores) > 1 && sizeof(stores) < 6 && sizeof(hash) == 65, "64 hex digits");         \
    _Static_assert(((CARULE_##kind != CARULE_NOT_BEFORE && CARULE_##kind != CARULE_SCT) || (limit) > 0) &&   \
                       (CARULE_##kind != CARULE_NAMES || sizeof(text) > 1),                                  \
                   "a limit has its moment, and names are named");                                           \
    _Static_assert(sizeof(label) > 1 && sizeof(label) < VERDICT_TEXT_MAX && sizeof(source) > 1, "words");
#include "trust/builtin.def"
#undef ROOT
#undef RULE

struct root {
    const char *stores;
    const char *cert;
    const char *key;
    const char *subject;
    const char *label;
};

struct row {
    const char *stores;
    const char *hash;
    const char *text;
    const char *label;
    const char *source;
    int64_t limit;
    enum carule_kind kind;
    enum carule_target target;
    enum carule_class class;
};

static const struct root roots[] = {
#define ROOT(stores, cert, key, subject, label) {stores, cert, key, subject, label},
#define RULE(stores, kind, target, class, hash, limit, text, label, source)
#include "trust/builtin.def"
#undef ROOT
#undef RULE
};

static const struct row rows[] = {
#define ROOT(stores, cert, key, subject, label)
#define RULE(stores, kind, target, class, hash, limit, text, label, source)                                  \
    {stores, hash, text, label, source, limit, CARULE_##kind, CARULE_##target, CARULE_##class},
#include "trust/builtin.def"
#undef ROOT
#undef RULE
};

static void unhex(const char *hex, uint8_t out[32])
{
    must(text_unhex(span_str(hex), out, 32));
}

const char *builtin_roots_part(enum verdict_store store)
{
    static const char *const parts[VERDICT_STORES] = {"mozilla.roots", "chrome.roots", "apple.roots",
                                                      "microsoft.roots"};
    must((unsigned)store < VERDICT_STORES);
    return parts[store];
}

static enum verdict_store store_of(char letter)
{
    static const char letters[] = "MCAW"; /* in the order of enum verdict_store */
    const char *at = strchr(letters, letter);
    must(letter != '\0' && at != NULL);
    return (enum verdict_store)(at - letters);
}

static const char *part_of(const struct row *row, enum verdict_store store)
{
    if (row->kind == CARULE_TEST_ROOT)
        return "tests";
    if (row->target == CARULE_CERT)
        return builtin_roots_part(store);
    return strstr(row->source, "keys of Chromium") != NULL ? "chrome.blocked" : "distrust";
}

static bool skipped(bool (*skip)(void *arg, const char *part), void *arg, const char *part)
{
    return skip != NULL && skip(arg, part);
}

bool builtin_counts(const char *part)
{
    return strcmp(part, "tests") != 0 && strcmp(part, "caa") != 0;
}

void builtin_keys(const char *part, void (*each)(void *arg, const uint8_t sha256[32]), void *arg)
{
    for (size_t i = 0; i < countof(rows); i++) {
        uint8_t hash[32];
        bool has = false;
        for (const char *at = rows[i].stores; *at != '\0'; at++)
            has = has || strcmp(part_of(&rows[i], store_of(*at)), part) == 0;
        if (!has || rows[i].target != CARULE_KEY)
            continue;
        unhex(rows[i].hash, hash);
        each(arg, hash);
    }
}

void builtin_anchors(enum verdict_store store, void (*each)(void *arg, const uint8_t sha256[32]), void *arg)
{
    for (size_t i = 0; i < countof(roots); i++)
        for (const char *at = roots[i].stores; *at != '\0'; at++) {
            uint8_t hash[32];
            if (store_of(*at) != store)
                continue;
            unhex(roots[i].cert, hash);
            each(arg, hash);
        }
}

/* Gathered by hand from announcements and from sources of Chromium. */
static bool is_fixed(const char *part)
{
    return strcmp(part, "distrust") == 0 || strcmp(part, "chrome.blocked") == 0;
}

static void add(struct cagraph_plan *plan, const struct carule *rule, const char *part)
{
    struct cagraph_source source = {
        .dated_ms = BUILTIN_MS, .born = true, .counts = builtin_counts(part), .fixed = is_fixed(part)};
    must(strlen(part) < sizeof source.name);
    memcpy(source.name, part, strlen(part) + 1);
    cagraph_plan_source(plan, &source);
    cagraph_plan_rule(plan, rule);
}

void builtin_rules(struct cagraph_plan *plan, bool (*skip)(void *arg, const char *part), void *arg)
{
    for (size_t i = 0; i < countof(roots); i++) {
        struct carule rule = {.kind = CARULE_ANCHOR,
                              .class = CARULE_MEMBER,
                              .target = CARULE_CERT,
                              .text = "",
                              .label = roots[i].label,
                              .source = "root lists as of 2026-11-21"};
        unhex(roots[i].cert, rule.hash);
        unhex(roots[i].key, rule.key);
        unhex(roots[i].subject, rule.subject);
        for (const char *at = roots[i].stores; *at != '\0'; at++) {
            rule.store = store_of(*at);
            if (!skipped(skip, arg, builtin_roots_part(rule.store)))
                add(plan, &rule, builtin_roots_part(rule.store));
        }
    }
    for (size_t i = 0; i < countof(rows); i++) {
        struct carule rule = {.kind = rows[i].kind,
                              .target = rows[i].target,
                              .class = rows[i].class,
                              .limit = rows[i].limit,
                              .text = rows[i].text,
                              .label = rows[i].label,
                              .source = rows[i].source};
        unhex(rows[i].hash, rule.hash);
        for (const char *at = rows[i].stores; *at != '\0'; at++) {
            rule.store = store_of(*at);
            if (!skipped(skip, arg, part_of(&rows[i], rule.store)))
                add(plan, &rule, part_of(&rows[i], rule.store));
            else if (rule.kind == CARULE_BLOCKED)
                cagraph_plan_rule(plan, &rule);
        }
    }
}
