#include "watcher/chanrule.h"

#include <jansson.h>
#include <stdlib.h>

#include "base/dns.h"
#include "base/text.h"

#define SEPARATORS  ", \t"
#define DAY_MINUTES 1440

static bool severity_of(const char *name, enum alert_severity *severity)
{
    for (int i = ALERT_INFO; i <= ALERT_CRITICAL; i++) {
        *severity = (enum alert_severity)i;
        if (strcmp(name, alert_severity_name(*severity)) == 0)
            return true;
    }
    return false;
}

static bool kind_of(const char *name, size_t *kind)
{
    for (*kind = 0; *kind < ALERT_KIND_COUNT; ++*kind)
        if (strcmp(name, alert_kind_name((enum alert_kind) * kind)) == 0)
            return true;
    return false;
}

/* The next word of a list into out; false: none is left. */
static bool next_word(const char **list, char *out, size_t out_cap)
{
    *list += strspn(*list, SEPARATORS);
    size_t len = strcspn(*list, SEPARATORS);
    (void)snprintf(out, out_cap, "%.*s", (int)len, *list);
    *list += len;
    return len != 0;
}

static enum err_code read_kinds(const char *list, struct chanrule *rule, struct err *why)
{
    char word[64];
    bool picked = false;
    for (const char *at = list; next_word(&at, word, sizeof word);)
        picked = picked || word[0] != '!';
    for (size_t i = 0; i < ALERT_KIND_COUNT; i++)
        rule->kinds[i] = !picked;
    while (next_word(&list, word, sizeof word)) {
        size_t kind;
        if (!kind_of(word + (word[0] == '!'), &kind))
            return err_set(why, ERR_CONFIG,
                           "kinds: there is no kind of alerts '%s'; ctvigil-alerts(5) has all",
                           word + (word[0] == '!'));
        rule->kinds[kind] = word[0] != '!';
    }
    return ERR_OK;
}

static enum err_code read_domains(const char *list, struct chanrule *rule, struct err *why)
{
    char word[DNS_TEXT_MAX + 2];
    while (next_word(&list, word, sizeof word)) {
        size_t len = strlen(word);
        const char *name = word + (word[0] == '.');
        if (rule->domain_count == CHANRULE_DOMAINS_MAX)
            return err_set(why, ERR_CONFIG, "domains: more than %d", CHANRULE_DOMAINS_MAX);
        for (size_t i = 0; i < len; i++)
            if (word[i] >= 'A' && word[i] <= 'Z')
                word[i] = (char)(word[i] | 0x20);
        if (strchr(name, '.') == NULL && strchr(name, ':') == NULL)
            return err_set(why, ERR_CONFIG, "domains: '%s' is no domain", word);
        rule->domains[rule->domain_count] = strdup(name);
        must(rule->domains[rule->domain_count] != NULL);
        rule->domain_count++;
    }
    return ERR_OK;
}

static enum err_code read_tags(const char *list, struct chanrule *rule, struct err *why)
{
    char word[128];
    while (next_word(&list, word, sizeof word)) {
        if (rule->tag_count == CHANRULE_TAGS_MAX)
            return err_set(why, ERR_CONFIG, "tags: more than %d", CHANRULE_TAGS_MAX);
        rule->tags[rule->tag_count] = strdup(word);
        must(rule->tags[rule->tag_count] != NULL);
        rule->tag_count++;
    }
    return ERR_OK;
}

/* "HH:MM" */
static bool read_minute(struct span text, int *minute)
{
    uint64_t hours;
    uint64_t minutes;
    if (text.len != 5 || text.at[2] != ':' || !text_uint(span_part(text, 0, 2), &hours) ||
        !text_uint(span_part(text, 3, 5), &minutes) || hours > 23 || minutes > 59)
        return false;
    *minute = (int)(60 * hours + minutes);
    return true;
}

static enum err_code read_hours(const struct chanconf *conf, struct chanrule *rule, struct err *why)
{
    struct span quiet = span_str(conf->quiet);
    struct span digest = span_str(conf->digest);
    uint64_t every = 0;
    (void)snprintf(rule->zone, sizeof rule->zone, "%s", conf->time_zone);
    rule->hours =
        (struct db_channel_hours){.zone = rule->zone, .quiet_first = -1, .quiet_last = -1, .digest_at = -1};
    if (strlen(conf->time_zone) >= sizeof rule->zone || conf->time_zone[0] == '\0')
        return err_set(why, ERR_CONFIG, "time_zone: '%s' is no time zone", conf->time_zone);
    if (quiet.len != 0 && (quiet.len != 11 || quiet.at[5] != '-' ||
                           !read_minute(span_part(quiet, 0, 5), &rule->hours.quiet_first) ||
                           !read_minute(span_part(quiet, 6, 11), &rule->hours.quiet_last) ||
                           rule->hours.quiet_first == rule->hours.quiet_last))
        return err_set(why, ERR_CONFIG, "quiet: '%s' is not of the form 22:00-07:00", conf->quiet);
    if (digest.len == 0 || read_minute(digest, &rule->hours.digest_at))
        return ERR_OK;
    if (digest.at[digest.len - 1] != 'm' || !text_uint(span_part(digest, 0, digest.len - 1), &every) ||
        every == 0 || every > DAY_MINUTES)
        return err_set(why, ERR_CONFIG,
                       "digest: '%s' is neither minutes (1m to %dm) nor a time of day (08:00)", conf->digest,
                       DAY_MINUTES);
    rule->hours.digest_every = (int)every;
    return ERR_OK;
}

enum err_code chanrule_new(const struct chanconf *conf, struct chanrule **out, struct err *why)
{
    struct chanrule *rule = calloc(1, sizeof *rule);
    must(rule != NULL);
    *out = NULL;
    must(severity_of(conf->severity, &rule->least)); /* base/chanconf.c takes no other words */
    rule->escalate_ms = conf->escalate_min * 60000;
    rule->escalated_only = conf->escalated_only;
    (void)snprintf(rule->escalate_to, sizeof rule->escalate_to, "%s", conf->escalate_to);
    enum err_code code = read_kinds(conf->kinds, rule, why);
    if (code == ERR_OK)
        code = read_domains(conf->domains, rule, why);
    if (code == ERR_OK)
        code = read_tags(conf->tags, rule, why);
    if (code == ERR_OK)
        code = read_hours(conf, rule, why);
    if (code != ERR_OK)
        chanrule_free(rule);
    else
        *out = rule;
    return code;
}

void chanrule_free(struct chanrule *rule)
{
    if (rule == NULL)
        return;
    for (size_t i = 0; i < rule->domain_count; i++)
        free(rule->domains[i]);
    for (size_t i = 0; i < rule->tag_count; i++)
        free(rule->tags[i]);
    free(rule);
}

static bool below(const char *name, const char *domain)
{
    size_t len = strlen(name);
    size_t domain_len = strlen(domain);
    return len >= domain_len && strcmp(name + len - domain_len, domain) == 0 &&
           (len == domain_len || name[len - domain_len - 1] == '.');
}

static bool among(const struct chanrule *rule, const char *domain)
{
    for (size_t i = 0; i < rule->domain_count; i++)
        if (below(domain, rule->domains[i]))
            return true;
    return rule->domain_count == 0;
}

/* Tags are compared as they were written. */
static bool tagged(const struct chanrule *rule, const char *tags)
{
    json_t *list = tags == NULL || rule->tag_count == 0 ? NULL : json_loads(tags, 0, NULL);
    bool found = rule->tag_count == 0;
    for (size_t i = 0; i < json_array_size(list) && !found; i++) {
        const char *tag = json_string_value(json_array_get(list, i));
        for (size_t k = 0; k < rule->tag_count && !found; k++)
            found = tag != NULL && strcmp(tag, rule->tags[k]) == 0;
    }
    json_decref(list);
    return found;
}

static bool is_test(const struct db_alert_row *row)
{
    return strcmp(row->kind, "test") == 0;
}

const char *chanrule_refuses(const struct chanrule *rule, const struct db_alert_row *row, bool handed)
{
    enum alert_severity severity;
    size_t kind;
    if (rule == NULL || handed || is_test(row))
        return NULL;
    if (rule->escalated_only)
        return "only what others hand on";
    /* A word that an older program does not know must not become silence. */
    if (severity_of(row->severity, &severity) && severity < rule->least)
        return "below the channel's severity";
    if (kind_of(row->kind, &kind) && !rule->kinds[kind])
        return "not among the channel's kinds";
    if (row->domain != NULL && !among(rule, row->domain))
        return "not among the channel's domains";
    if (row->domain != NULL && !tagged(rule, row->tags))
        return "none of the channel's tags";
    return NULL;
}

bool chanrule_urgent(const struct db_alert_row *row, bool handed)
{
    return handed || is_test(row) || strcmp(row->severity, "critical") == 0;
}
