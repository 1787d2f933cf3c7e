#include "trust/from_tables.h"

#include <strings.h>

#include "base/text.h"
#include "trust/builtin.h"
#include "verify/digest.h"

#define TEXT_MAX 512

static bool hash_of(struct span hex, uint8_t out[32])
{
    return hex.len == 64 && text_unhex(hex, out, 32);
}

static bool get_hash(const struct csvread *csv, const char *column, uint8_t out[32])
{
    return hash_of(csvread_get(csv, column), out);
}

static bool says(const struct csvread *csv, const char *column, const char *word)
{
    return span_eq(csvread_get(csv, column), span_str(word));
}

/* The last second of a day, or the very second; 0: neither. */
static int64_t moment(struct span text)
{
    int64_t ms = 0;
    if (!text_parse_time(text, &ms))
        return 0;
    return ms / 1000 + (text.len == 10 ? 86399 : 0);
}

static bool class_of(struct span word, enum carule_class *class)
{
    static const struct {
        const char *word;
        enum carule_class class;
    } classes[] = {{"incident", CARULE_INCIDENT},
                   {"incident-intermediate", CARULE_INTERMEDIATE},
                   {"state-mitm", CARULE_STATE_MITM},
                   {"refused/intermediate", CARULE_REFUSED},
                   {"never-trusted", CARULE_NEVER_TRUSTED},
                   {"leaked-key", CARULE_LEAKED_KEY},
                   {"removed-later", CARULE_LIFECYCLE},
                   {"removed (audit/qualification)", CARULE_AUDIT},
                   {"lifecycle/unknown reason", CARULE_LIFECYCLE},
                   {"mis-issuance, root kept", CARULE_MISISSUANCE}};
    for (size_t i = 0; i < countof(classes); i++) {
        if (!span_eq(word, span_str(classes[i].word)))
            continue;
        *class = classes[i].class;
        return true;
    }
    return false;
}

/* How each of the words of the table is understood. */
struct action {
    const char *begins;
    enum carule_kind kind; /* REMOVED: only where the store keeps it no more */
    enum carule_kind also; /* NOTED: nothing else */
};

static const struct action actions[] = {
    {"name-constrained", CARULE_NAMES, CARULE_NOTED}, {"blocked", CARULE_BLOCKED, CARULE_NOTED},
    {"spki-blocked", CARULE_BLOCKED, CARULE_NOTED},   {"disallowed", CARULE_BLOCKED, CARULE_NOTED},
    {"sct-not-after", CARULE_REMOVED, CARULE_SCT},    {"distrust-after", CARULE_REMOVED, CARULE_NOT_BEFORE},
    {"notbefore", CARULE_REMOVED, CARULE_NOT_BEFORE}, {"distrust", CARULE_REMOVED, CARULE_NOTED},
    {"removed", CARULE_REMOVED, CARULE_NOTED},        {"disabled", CARULE_REMOVED, CARULE_NOTED},
    {"tls bit off", CARULE_REMOVED, CARULE_NOTED},    {"EKU limited", CARULE_REMOVED, CARULE_NOTED},
};

static bool contains(struct span text, const char *word)
{
    size_t len = strlen(word);
    for (size_t i = 0; i + len <= text.len; i++)
        if (memcmp(text.at + i, word, len) == 0)
            return true;
    return false;
}

static const struct action *action_of(const struct csvread *csv)
{
    static const struct action noted = {"", CARULE_NOTED, CARULE_NOTED};
    static const struct action removed = {"absent", CARULE_REMOVED, CARULE_NOTED};
    struct span rule = csvread_get(csv, "rule");
    if (span_starts(rule, SPAN_LIT("absent")))
        return contains(csvread_get(csv, "status_now_computed"), "removed-dir") ? &removed : &noted;
    for (size_t i = 0; i < countof(actions); i++)
        if (span_starts(rule, span_str(actions[i].begins)))
            return &actions[i];
    return &noted;
}

static bool store_keeps(const struct csvread *csv)
{
    struct span status = csvread_get(csv, "status_now_computed");
    return contains(status, "web trust per CCADB 2026-07-16: True") ||
           span_starts(status, SPAN_LIT("listed")) || span_starts(status, SPAN_LIT("anchor"));
}

static void distrust_row(const struct csvread *csv, struct catake *take, uint32_t part, struct carule *rule)
{
    const struct action *action = action_of(csv);
    int64_t limit = moment(csvread_get(csv, "effective_date"));
    char names[TEXT_MAX];
    enum carule_kind first = action->kind;
    rule->text = csvread_text(csv, "permitted_names", names, sizeof names);
    if (first == CARULE_NAMES && names[0] == '\0')
        first = CARULE_NOTED; /* which names is not said */
    if (first == CARULE_REMOVED && store_keeps(csv))
        first = CARULE_NOTED;
    rule->kind = first;
    rule->limit = first == CARULE_BLOCKED || first == CARULE_NAMES ? limit : 0;
    if (first == CARULE_NOTED && !carule_alarms(rule->class) && rule->class != CARULE_MISISSUANCE)
        first = CARULE_KINDS;
    if (first != CARULE_KINDS)
        catake_rule(take, part, rule, false);
    if (action->also == CARULE_NOTED || limit == 0)
        return;
    rule->kind = action->also;
    rule->limit = limit;
    rule->text = "";
    catake_rule(take, part, rule, false);
}

void from_tables_distrust(struct csvread *csv, struct catake *take, struct catake_file *file)
{
    uint32_t part = catake_part(take, "distrust", file->dated_ms);
    while (csvread_next(csv)) {
        char label[TEXT_MAX];
        char source[TEXT_MAX];
        char store[32];
        struct carule rule = {.target = CARULE_KEY};
        bool good = get_hash(csv, "spki_sha256", rule.hash) &&
                    class_of(csvread_get(csv, "class"), &rule.class) &&
                    verdict_store_of(csvread_text(csv, "store", store, sizeof store), &rule.store);
        if (!good) {
            catake_unread(file, csv->row);
            continue;
        }
        rule.label = csvread_text(csv, "group", label, VERDICT_TEXT_MAX);
        rule.source = csvread_text(csv, "source", source, sizeof source);
        distrust_row(csv, take, part, &rule);
        file->taken++;
    }
}

static const char *label_of(const struct csvread *csv, const char *column, char *out)
{
    char subject[TEXT_MAX];
    const char *at = strstr(csvread_text(csv, column, subject, sizeof subject), "CN=");
    at = at == NULL ? subject : at + 3;
    size_t len = at == subject ? strlen(at) : strcspn(at, ",");
    len = len < VERDICT_TEXT_MAX - 1 ? len : VERDICT_TEXT_MAX - 1;
    memcpy(out, at, len);
    out[len] = '\0';
    return out;
}

/* A root of one store and its limit, if it has one. */
static void root(const struct csvread *csv, struct catake *take, struct carule *rule,
                 const char *limit_column, enum carule_kind limit_kind)
{
    uint32_t part = catake_part(take, builtin_roots_part(rule->store), 0);
    int64_t limit = limit_column == NULL ? 0 : moment(csvread_get(csv, limit_column));
    rule->kind = CARULE_ANCHOR;
    rule->class = CARULE_MEMBER;
    rule->limit = 0;
    catake_rule(take, part, rule, false);
    if (limit == 0)
        return;
    rule->kind = limit_kind;
    rule->class = CARULE_LIFECYCLE; /* the distrust table says when it was for something the CA did */
    rule->limit = limit;
    catake_rule(take, part, rule, false);
}

void from_tables_roots(struct csvread *csv, struct catake *take, struct catake_file *file)
{
    for (int i = 0; i < VERDICT_STORES; i++)
        (void)catake_part(take, builtin_roots_part((enum verdict_store)i), file->dated_ms);
    while (csvread_next(csv)) {
        char label[VERDICT_TEXT_MAX];
        struct carule rule = {.target = CARULE_CERT, .source = "roots by store"};
        if (!get_hash(csv, "cert_sha256", rule.hash) || !get_hash(csv, "spki_sha256", rule.key)) {
            catake_unread(file, csv->row);
            continue;
        }
        rule.label = label_of(csv, "subject", label);
        rule.store = VERDICT_MOZILLA;
        if (says(csv, "mozilla_tls", "anchor"))
            root(csv, take, &rule, "mozilla_tls_distrust_after", CARULE_NOT_BEFORE);
        rule.store = VERDICT_CHROME;
        if (says(csv, "chrome", "anchor"))
            root(csv, take, &rule, "chrome_sct_not_after", CARULE_SCT);
        rule.store = VERDICT_APPLE;
        if (says(csv, "apple_2025_12", "trusted"))
            root(csv, take, &rule, NULL, CARULE_NOT_BEFORE);
        rule.store = VERDICT_MICROSOFT;
        if (says(csv, "microsoft_2026_07", "included") && says(csv, "microsoft_web_ccadb_2026_07", "1"))
            root(csv, take, &rule, NULL, CARULE_NOT_BEFORE);
        file->taken++;
    }
}

void from_tables_certs(struct csvread *csv, struct catake *take, struct catake_file *file)
{
    while (csvread_next(csv)) {
        char label[VERDICT_TEXT_MAX];
        int64_t from = INT64_MIN;
        int64_t until = INT64_MAX;
        struct cafacts facts = {.path_len = -1, .may_issue = true, .for_tls = true};
        if (!get_hash(csv, "cert_sha256", facts.sha256) || !get_hash(csv, "spki_sha256", facts.key) ||
            !get_hash(csv, "subject_sha256", facts.subject)) {
            catake_unread(file, csv->row);
            continue;
        }
        facts.self_issued = says(csv, "self_issued", "1");
        facts.not_before = text_parse_time(csvread_get(csv, "not_before"), &from) ? from / 1000 : INT64_MIN;
        facts.not_after = text_parse_time(csvread_get(csv, "not_after"), &until) ? until / 1000 : INT64_MAX;
        facts.label = label_of(csv, "subject", label);
        catake_hashes(take, &facts);
        file->taken++;
    }
}

void from_tables_edges(struct csvread *csv, struct catake *take, struct catake_file *file)
{
    while (csvread_next(csv)) {
        uint8_t child[32];
        uint8_t parent[32];
        if (!get_hash(csv, "child_cert_sha256", child) || !get_hash(csv, "parent_cert_sha256", parent)) {
            catake_unread(file, csv->row);
            continue;
        }
        bool other = memcmp(child, parent, 32) != 0;
        if (other)
            catake_edge(take, child, parent);
        else
            catake_pass(file, csv->row);
        file->taken += other;
    }
}

void from_tables_blocked(struct csvread *csv, struct catake *take, struct catake_file *file)
{
    bool interception = csvread_column(csv, "known") != CSVREAD_COLUMNS;
    uint32_t part =
        catake_part(take, interception ? "chrome.interception" : "chrome.blocked", file->dated_ms);
    while (csvread_next(csv)) {
        char label[VERDICT_TEXT_MAX];
        struct carule rule = {.store = VERDICT_CHROME,
                              .kind = CARULE_BLOCKED,
                              .target = CARULE_KEY,
                              .class = interception ? CARULE_STATE_MITM : CARULE_INCIDENT,
                              .source = "blocked keys of Chromium"};
        if (!get_hash(csv, "spki_sha256", rule.hash)) {
            catake_unread(file, csv->row);
            continue;
        }
        rule.label = label_of(csv, interception ? "known" : "subject", label);
        if (label[0] == '\0' || label[0] == '?')
            rule.label = "a key that Chromium blocks";
        catake_rule(take, part, &rule, false);
        file->taken++;
    }
}

static bool onecrl_target(const struct csvread *csv, struct carule *rule)
{
    uint8_t name[1024];
    uint8_t serial[64];
    size_t len = 0;
    struct span hex = csvread_get(csv, "serial_or_spki_sha256");
    if (says(csv, "type", "subject+spki")) {
        rule->target = CARULE_KEY;
        return hash_of(hex, rule->hash);
    }
    if (!says(csv, "type", "issuer+serial") || hex.len % 2 != 0 || hex.len > 2 * sizeof serial ||
        !text_unhex(hex, serial, hex.len / 2) ||
        !text_unbase64(csvread_get(csv, "issuer_or_subject_der_b64"), name, sizeof name, &len))
        return false;
    const struct span pieces[2] = {span_of(name, len), span_of(serial, hex.len / 2)};
    digest_sha256_pieces(pieces, 2, rule->hash);
    rule->target = CARULE_ISSUER_SERIAL;
    return true;
}

void from_tables_onecrl(struct csvread *csv, struct catake *take, struct catake_file *file)
{
    uint32_t part = catake_part(take, "onecrl", file->dated_ms);
    while (csvread_next(csv)) {
        char source[TEXT_MAX];
        int64_t ms = 0;
        struct carule rule = {
            .store = VERDICT_MOZILLA, .kind = CARULE_BLOCKED, .class = CARULE_REVOKED, .label = "OneCRL"};
        if (!onecrl_target(csv, &rule)) {
            catake_unread(file, csv->row);
            continue;
        }
        if (text_int(csvread_get(csv, "last_modified_ms"), &ms))
            rule.limit = ms / 1000;
        if (ms > file->dated_ms)
            file->dated_ms = ms;
        rule.source = csvread_text(csv, "bug", source, sizeof source);
        catake_rule(take, part, &rule, !says(csv, "enabled", "1"));
        file->taken++;
    }
    (void)catake_part(take, "onecrl", file->dated_ms);
}

void from_tables_caa(struct csvread *csv, struct catake *take, struct catake_file *file)
{
    (void)catake_part(take, "caa", file->dated_ms);
    (void)catake_part(take, "owners", file->dated_ms);
    while (csvread_next(csv)) {
        char label[VERDICT_TEXT_MAX];
        char owner[VERDICT_TEXT_MAX];
        char domains[2 * TEXT_MAX];
        uint8_t key[32];
        if (!get_hash(csv, "issuer_spki_sha256", key)) {
            catake_unread(file, csv->row);
            continue;
        }
        (void)label_of(csv, "issuer_subject", label);
        catake_owner(take, csvread_text(csv, "issuer_org", owner, sizeof owner), true, key);
        (void)csvread_text(csv, "caa_domains", domains, sizeof domains);
        for (char *at = domains; *at != '\0';) {
            size_t len = strcspn(at, " ");
            bool last = at[len] == '\0';
            at[len] = '\0';
            if (len != 0)
                catake_caa(take, at, true, key, label);
            at += len + !last;
        }
        file->taken++;
    }
}
