#include "db/watchjson.h"

#include <arpa/inet.h>
#include <jansson.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/text.h"
#include "db/watchkey.h"
#include "db/watchlearn.h"
#include "db/watchplan.h"

#define DAYS_MAX 36500

enum type {
    TYPE_ITEMS,  /* extra: kind */
    TYPE_WORDS,  /* list of texts, or one */
    TYPE_TEXT,   /* one */
    TYPE_HASHES, /* list of {sha256, label} */
    TYPE_CHOICE, /* extra: words; an enum */
    TYPE_DAYS,
    TYPE_WILDCARD,
    TYPE_BITS, /* list of words; an uint8_t */
    TYPE_SEVERITY,
    TYPE_EXPECT,
    TYPE_EXPIRY,
    TYPE_LEARN,
    TYPE_PAIRING,
};

static const char keys_words[] = "off advise enforce";
static const char foreign_words[] = "off warn high critical";
static const char lookalike_words[] = "off on strict";
static const char cadence_words[] = "learn off";
static const char type_words[] = "dv ov iv ev";
static const char store_words[] = "mozilla chrome apple microsoft";
static const char severity_words[] = "info low high critical";

struct row {
    const char *section; /* NULL: on top */
    const char *key;
    enum type type;
    size_t at;
    const char *words;
    enum watch_kind kind;
};

#define AT(member) offsetof(struct watch, member)

static const struct row rows[] = {
    {NULL, "also", TYPE_ITEMS, 0, NULL, WATCH_DNS},
    {NULL, "also_exact", TYPE_ITEMS, 1, NULL, WATCH_DNS},
    {NULL, "ips", TYPE_ITEMS, 0, NULL, WATCH_IP},
    {NULL, "emails", TYPE_ITEMS, 0, NULL, WATCH_EMAIL},
    {NULL, "uris", TYPE_ITEMS, 0, NULL, WATCH_URI},
    {NULL, "spkis", TYPE_ITEMS, 0, NULL, WATCH_SPKI},
    {NULL, "orgs", TYPE_ITEMS, 0, NULL, WATCH_ORG},
    {NULL, "exclude", TYPE_WORDS, AT(exclude), NULL, WATCH_DNS},
    {NULL, "owner", TYPE_TEXT, AT(owner), NULL, WATCH_DNS},
    {NULL, "tags", TYPE_WORDS, AT(tags), NULL, WATCH_DNS},
    {NULL, "channels", TYPE_WORDS, AT(channels), NULL, WATCH_DNS},
    {NULL, "severity", TYPE_SEVERITY, AT(severity), severity_words, WATCH_DNS},
    {NULL, "allow", TYPE_HASHES, 0, NULL, WATCH_DNS},
    {NULL, "deny", TYPE_HASHES, AT(deny), NULL, WATCH_DNS},
    {"keys", "mode", TYPE_CHOICE, AT(keys), keys_words, WATCH_DNS},
    {"keys", "spki", TYPE_HASHES, AT(key_spki), NULL, WATCH_DNS},
    {"keys", "tbs", TYPE_HASHES, AT(key_tbs), NULL, WATCH_DNS},
    {"keys", "learn", TYPE_LEARN, AT(learning), NULL, WATCH_DNS},
    {"keys", "learned", TYPE_HASHES, AT(key_learned), NULL, WATCH_DNS},
    {NULL, "wildcard", TYPE_WILDCARD, AT(wildcards), NULL, WATCH_DNS},
    {NULL, "max_days", TYPE_DAYS, AT(max_days), NULL, WATCH_DNS},
    {"names", "allow", TYPE_WORDS, AT(names), NULL, WATCH_DNS},
    {"names", "foreign_san", TYPE_CHOICE, AT(foreign), foreign_words, WATCH_DNS},
    {NULL, "key_types", TYPE_WORDS, AT(key_types), NULL, WATCH_DNS},
    {NULL, "signatures", TYPE_WORDS, AT(signatures), NULL, WATCH_DNS},
    {NULL, "policy", TYPE_BITS, AT(types), type_words, WATCH_DNS},
    {"stores", "require", TYPE_BITS, AT(stores), store_words, WATCH_DNS},
    {NULL, "pairing", TYPE_PAIRING, 0, NULL, WATCH_DNS},
    {NULL, "lookalike", TYPE_CHOICE, AT(lookalike), lookalike_words, WATCH_DNS},
    {NULL, "lookalike_allow", TYPE_WORDS, AT(lookalike_allow), NULL, WATCH_DNS},
    {NULL, "expiry", TYPE_EXPIRY, 0, NULL, WATCH_DNS},
    {NULL, "cadence", TYPE_CHOICE, AT(cadence), cadence_words, WATCH_DNS},
    {NULL, "expect", TYPE_EXPECT, AT(expect), NULL, WATCH_DNS},
};

struct reading {
    struct watch *watch;
    char *path;
    struct err *why;
};

static enum err_code PRINTF_LIKE(4, 5)
    bad(struct reading *r, const char *section, const char *key, const char *fmt, ...)
{
    char text[ERR_TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    (void)snprintf(r->path, WATCHJSON_PATH_MAX, "%.60s%s%.60s", section == NULL ? "" : section,
                   section == NULL ? "" : ".", key);
    return err_set(r->why, ERR_CONFIG, "%s: %s", r->path, text);
}

static enum err_code no_memory(struct reading *r)
{
    return err_set(r->why, ERR_MEMORY, "a policy: no memory");
}

static void *member(struct reading *r, const struct row *row)
{
    return (char *)r->watch + row->at;
}

/* Place of a word among others parted by blanks, -1: not there. */
static int word_at(const char *words, const char *word)
{
    size_t len = strlen(word);
    int at = 0;
    for (const char *p = words; *p != '\0'; at++) {
        size_t one = strcspn(p, " ");
        if (one == len && memcmp(p, word, len) == 0)
            return at;
        p += one + (p[one] == ' ');
    }
    return -1;
}

static enum err_code bad_word(struct reading *r, const struct row *row, const char *word)
{
    char shown[64];
    return bad(r, row->section, row->key, "'%s' is not allowed, but one of: %s",
               text_visible_str(span_str(word), shown, sizeof shown), row->words);
}

/* Calls `each` with every text of a list, or with the one text. */
static enum err_code each_text(struct reading *r, const struct row *row, const json_t *value,
                               enum err_code (*each)(struct reading *r, const struct row *row,
                                                     const char *text))
{
    size_t count = json_is_array(value) ? json_array_size(value) : 1;
    enum err_code code = ERR_OK;
    if (count > LIMIT_POLICY_LIST)
        return bad(r, row->section, row->key, "more than %d of them", LIMIT_POLICY_LIST);
    for (size_t i = 0; code == ERR_OK && i < count; i++) {
        const json_t *one = json_is_array(value) ? json_array_get(value, i) : value;
        if (!json_is_string(one) || json_string_length(one) == 0)
            return bad(r, row->section, row->key, "texts are wanted");
        code = each(r, row, json_string_value(one));
    }
    return code;
}

static enum err_code add_word(struct reading *r, const struct row *row, const char *text)
{
    return watch_words_add(member(r, row), text) ? ERR_OK : no_memory(r);
}

bool watchjson_address(struct watch_item *item)
{
    char address[INET6_ADDRSTRLEN];
    uint64_t prefix = 0;
    size_t len = strcspn(item->name, "/");
    if (len >= sizeof address)
        return false;
    memcpy(address, item->name, len);
    address[len] = '\0';
    item->ip_len = inet_pton(AF_INET, address, item->ip) == 1 ? 4 : 16;
    if (item->ip_len == 16 && inet_pton(AF_INET6, address, item->ip) != 1)
        return false;
    unsigned whole = 8u * item->ip_len;
    if (item->name[len] == '\0')
        prefix = whole;
    else if (!text_uint(span_str(item->name + len + 1), &prefix) || prefix > whole)
        return false;
    item->ip_prefix = (uint8_t)prefix;
    return true;
}

static enum err_code add_item(struct reading *r, const struct row *row, const char *text)
{
    struct watch *watch = r->watch;
    struct watch_item *grown = reallocarray(watch->more, watch->more_count + 1, sizeof *grown);
    if (grown == NULL)
        return no_memory(r);
    watch->more = grown;
    struct watch_item *item = &watch->more[watch->more_count];
    *item = (struct watch_item){.kind = row->kind, .exact = row->at == 1, .name = strdup(text)};
    if (item->name == NULL)
        return no_memory(r);
    watch->more_count++;
    if (row->kind == WATCH_IP && !watchjson_address(item))
        return bad(r, row->section, row->key, "'%s' is no address or network", text);
    size_t len = strlen(watch_kind_name(row->kind));
    bool prefixed = strncmp(text, watch_kind_name(row->kind), len) == 0 && text[len] == ':';
    return row->kind == WATCH_DNS || row->kind == WATCH_IP || prefixed
               ? ERR_OK
               : bad(r, row->section, row->key, "'%s' does not begin with its kind", text);
}

static enum err_code add_bit(struct reading *r, const struct row *row, const char *text)
{
    uint8_t *bits = member(r, row);
    int at = word_at(row->words, text);
    if (at < 0)
        return bad_word(r, row, text);
    *bits = (uint8_t)(*bits | 1u << at);
    return ERR_OK;
}

_Static_assert(sizeof(enum watch_keys) == sizeof(unsigned) && sizeof(enum watch_cadence) == sizeof(unsigned),
               "a choice is kept as an unsigned");

static enum err_code read_choice(struct reading *r, const struct row *row, const json_t *value)
{
    /* YAML reads a bare `off` or `on` as it likes. */
    const char *word = json_is_false(value) ? "off" : json_is_true(value) ? "on" : json_string_value(value);
    int at = word == NULL ? -1 : word_at(row->words, word);
    if (at < 0)
        return bad_word(r, row, word == NULL ? "?" : word);
    unsigned choice = (unsigned)at; /* as large as each of the enums */
    memcpy(member(r, row), &choice, sizeof choice);
    return ERR_OK;
}

static enum err_code read_number(struct reading *r, const struct row *row, const json_t *value)
{
    const char *text = json_string_value(value);
    int64_t number = json_is_integer(value) ? json_integer_value(value) : 0;
    if ((text != NULL && !text_int(span_str(text), &number)) || (text == NULL && !json_is_integer(value)) ||
        number < 1 || number > DAYS_MAX)
        return bad(r, row->section, row->key, "days from 1 to %d are wanted", DAYS_MAX);
    *(int64_t *)member(r, row) = number;
    return ERR_OK;
}

static enum err_code read_hash(struct reading *r, const struct row *row, const json_t *one,
                               struct watch_hashes *into)
{
    const char *hex = json_string_value(json_object_get(one, "sha256"));
    const char *label = json_string_value(json_object_get(one, "label"));
    uint8_t sha256[32];
    if (hex == NULL || label == NULL || strlen(hex) != 64 || !text_unhex(span_str(hex), sha256, 32))
        return bad(r, row->section, row->key, "a SHA-256 of 64 hex digits is wanted");
    return watch_hashes_add(into, sha256, label) ? ERR_OK : no_memory(r);
}

static enum err_code read_hashes(struct reading *r, const struct row *row, const json_t *value)
{
    bool allow = strcmp(row->key, "allow") == 0;
    struct watch_hashes list = {r->watch->allow, r->watch->allow_count};
    struct watch_hashes *into = allow ? &list : member(r, row);
    enum err_code code = ERR_OK;
    size_t i;
    const json_t *one;
    if (!json_is_array(value))
        return bad(r, row->section, row->key, "a list is wanted");
    if (json_array_size(value) > LIMIT_POLICY_LIST)
        return bad(r, row->section, row->key, "more than %d of them", LIMIT_POLICY_LIST);
    json_array_foreach(value, i, one) if (code == ERR_OK) code = read_hash(r, row, one, into);
    if (allow) {
        r->watch->allow = list.at;
        r->watch->allow_count = list.count;
    }
    return code;
}

static enum err_code read_wildcard(struct reading *r, const struct row *row, const json_t *value)
{
    const char *text = json_string_value(value);
    bool yes = json_is_true(value) || (text != NULL && strcmp(text, "true") == 0);
    if (yes || json_is_false(value) || (text != NULL && strcmp(text, "false") == 0)) {
        r->watch->wildcard_allowed = yes;
        return ERR_OK;
    }
    return each_text(r, row, value, add_word);
}

static enum err_code read_severity(struct reading *r, const struct row *row, const json_t *value)
{
    const char *name;
    const json_t *word;
    if (!json_is_object(value))
        return bad(r, NULL, row->key, "kinds of alerts with their severities are wanted");
    json_object_foreach((json_t *)(uintptr_t)value, name, word)
    {
        size_t kind = 0;
        while (kind < ALERT_KIND_COUNT && strcmp(alert_kind_name((enum alert_kind)kind), name) != 0)
            kind++;
        int at = json_is_string(word) ? word_at(row->words, json_string_value(word)) : -1;
        if (kind == ALERT_KIND_COUNT)
            return bad(r, row->key, name, "there is no such kind of alert");
        if (at < 0)
            return bad(r, row->key, name, "one of %s is wanted", row->words);
        r->watch->severity[kind] = (uint8_t)(at + 1);
    }
    return ERR_OK;
}

static enum err_code read_plan(struct reading *r, const struct row *row, const json_t *value)
{
    struct watchplan_problem problem = {"", ""};
    bool good = row->type == TYPE_EXPECT    ? watchplan_read_expect(r->watch, value, &problem)
                : row->type == TYPE_PAIRING ? watchplan_read_pairing(r->watch, value, &problem)
                                            : watchplan_read_expiry(r->watch, value, &problem);
    bool inside = problem.key[0] != '\0';
    return good ? ERR_OK
                : bad(r, inside ? row->key : NULL, inside ? problem.key : row->key, "%s", problem.text);
}

static enum err_code read_learn(struct reading *r, const struct row *row, const json_t *value)
{
    const char *wanted = watchlearn_read(member(r, row), value);
    return wanted == NULL ? ERR_OK : bad(r, row->section, row->key, "%s", wanted);
}

static enum err_code read_text(struct reading *r, const struct row *row, const json_t *value)
{
    char **text = member(r, row);
    if (!json_is_string(value))
        return bad(r, row->section, row->key, "a text is wanted");
    free(*text);
    *text = strdup(json_string_value(value));
    return *text != NULL ? ERR_OK : no_memory(r);
}

static enum err_code read_row(struct reading *r, const struct row *row, const json_t *value)
{
    switch (row->type) {
    case TYPE_ITEMS:
        return each_text(r, row, value, add_item);
    case TYPE_WORDS:
        return each_text(r, row, value, add_word);
    case TYPE_TEXT:
        return read_text(r, row, value);
    case TYPE_HASHES:
        return read_hashes(r, row, value);
    case TYPE_CHOICE:
        return read_choice(r, row, value);
    case TYPE_DAYS:
        return read_number(r, row, value);
    case TYPE_WILDCARD:
        return read_wildcard(r, row, value);
    case TYPE_BITS:
        return each_text(r, row, value, add_bit);
    case TYPE_SEVERITY:
        return read_severity(r, row, value);
    case TYPE_LEARN:
        return read_learn(r, row, value);
    case TYPE_EXPECT:
    case TYPE_EXPIRY:
    case TYPE_PAIRING:
        break;
    }
    return read_plan(r, row, value);
}

static bool is_section(const char *key)
{
    for (size_t i = 0; i < countof(rows); i++) {
        if (rows[i].section != NULL && strcmp(rows[i].section, key) == 0)
            return true;
    }
    return false;
}

/* The key of that section, or where there is none that section, that was meant; NULL: nobody knows. */
static const char *nearest(const char *section, const char *key)
{
    const char *best = NULL;
    unsigned closest = UINT_MAX;
    for (size_t i = 0; i < countof(rows); i++) {
        bool here = section == NULL || (rows[i].section != NULL && strcmp(rows[i].section, section) == 0);
        const char *known = section == NULL && rows[i].section != NULL ? rows[i].section : rows[i].key;
        unsigned distance = here ? watchkey_distance(key, known) : UINT_MAX;
        if (distance < closest) {
            closest = distance;
            best = known;
        }
    }
    return best != NULL && watchkey_near(key, closest) ? best : NULL;
}

static enum err_code unknown_key(struct reading *r, const char *section, const char *key)
{
    const char *meant = nearest(section, key);
    return bad(r, section, key, "there is no such key%s%s%s", meant == NULL ? "" : "; did you mean '",
               meant == NULL ? "" : meant, meant == NULL ? "" : "'?");
}

static enum err_code read_level(struct reading *r, const char *section, const json_t *object)
{
    const char *key;
    const json_t *value;
    enum err_code code = ERR_OK;
    if (!json_is_object(object))
        return bad(r, NULL, section == NULL ? "" : section, "keys with values are wanted");
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        size_t i = 0;
        while (i < countof(rows) &&
               (strcmp(rows[i].key, key) != 0 || (section == NULL) != (rows[i].section == NULL) ||
                (section != NULL && strcmp(rows[i].section, section) != 0)))
            i++;
        if (i < countof(rows))
            code = read_row(r, &rows[i], value);
        else if (section == NULL && is_section(key))
            code = read_level(r, key, value);
        else
            code = unknown_key(r, section, key);
        if (code != ERR_OK)
            return code;
    }
    return code;
}

enum err_code watchjson_read(const char *json, struct watch *watch, char path[WATCHJSON_PATH_MAX],
                             struct err *why)
{
    struct reading r = {watch, path, why};
    json_error_t problem;
    path[0] = '\0';
    json_t *object = json_loads(json, JSON_REJECT_DUPLICATES, &problem);
    enum err_code code = object == NULL ? err_set(why, ERR_CONFIG, "a policy is no JSON: %s", problem.text)
                                        : read_level(&r, NULL, object);
    json_decref(object);
    return code;
}

/* Steals `value`; an empty one is left out. */
static void put(json_t *object, const struct row *row, json_t *value)
{
    if (value != NULL && (json_array_size(value) != 0 || !json_is_array(value))) {
        json_t *into = object;
        if (row->section != NULL) {
            into = json_object_get(object, row->section);
            if (into == NULL) {
                into = json_object();
                must(json_object_set_new(object, row->section, into) == 0);
            }
        }
        must(json_object_set(into, row->key, value) == 0);
    }
    json_decref(value);
}

static json_t *text_of(const char *text)
{
    json_t *value = json_string(text);
    must(value != NULL); /* what is stored is UTF-8 */
    return value;
}

static void append(json_t *list, json_t *value)
{
    must(json_array_append_new(list, value) == 0);
}

static json_t *words_of(const struct watch_words *words)
{
    json_t *list = json_array();
    for (size_t i = 0; i < words->count; i++)
        append(list, text_of(words->at[i]));
    return list;
}

static json_t *hashes_of(const struct watch_allow *at, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        char hex[65];
        append(list, json_pack("{s:s, s:o}", "sha256", text_hex(span_of(at[i].spki_sha256, 32), hex), "label",
                               text_of(at[i].label)));
    }
    return list;
}

static json_t *items_of(const struct watch *watch, const struct row *row)
{
    json_t *list = json_array();
    for (size_t i = 0; i < watch->more_count; i++) {
        const struct watch_item *item = &watch->more[i];
        if (item->kind == row->kind && (item->kind != WATCH_DNS || item->exact == (row->at == 1)))
            append(list, text_of(item->name));
    }
    return list;
}

static json_t *choice_of(const char *words, unsigned at)
{
    if (at == 0)
        return NULL;
    for (; at > 0; at--)
        words += strcspn(words, " ") + 1;
    return json_stringn(words, strcspn(words, " "));
}

static json_t *bits_of(const char *words, unsigned bits)
{
    json_t *list = json_array();
    for (; bits != 0; bits >>= 1) {
        size_t len = strcspn(words, " ");
        if ((bits & 1u) != 0)
            append(list, json_stringn(words, len));
        words += len + (words[len] == ' ');
    }
    return list;
}

static json_t *severity_of(const struct watch *watch)
{
    json_t *object = NULL;
    for (size_t i = 0; i < ALERT_KIND_COUNT; i++) {
        if (watch->severity[i] == 0)
            continue;
        object = object == NULL ? json_object() : object;
        const char *word = alert_severity_name((enum alert_severity)(watch->severity[i] - 1));
        must(json_object_set_new(object, alert_kind_name((enum alert_kind)i), text_of(word)) == 0);
    }
    return object;
}

static json_t *value_of(const struct watch *watch, const struct row *row)
{
    const void *at = (const char *)watch + row->at;
    const struct watch_hashes *hashes = at;
    int64_t number;
    unsigned choice;
    switch (row->type) {
    case TYPE_ITEMS:
        return items_of(watch, row);
    case TYPE_WORDS:
        return words_of(at);
    case TYPE_TEXT:
        return watch->owner == NULL ? NULL : text_of(watch->owner);
    case TYPE_HASHES:
        return strcmp(row->key, "allow") == 0 ? hashes_of(watch->allow, watch->allow_count)
                                              : hashes_of(hashes->at, hashes->count);
    case TYPE_CHOICE:
        /* Said, because a file that lists keys and does not say means `advise`. */
        if (row->at == AT(keys) && watch->keys == 0 && watch->key_spki.count + watch->key_tbs.count != 0)
            return text_of("off");
        memcpy(&choice, at, sizeof choice);
        return choice_of(row->words, choice);
    case TYPE_DAYS:
        memcpy(&number, at, sizeof number);
        return number == 0 ? NULL : json_integer(number);
    case TYPE_WILDCARD:
        return watch->wildcard_allowed ? json_true() : words_of(at);
    case TYPE_BITS:
        return bits_of(row->words, *(const uint8_t *)at);
    case TYPE_SEVERITY:
        return severity_of(watch);
    case TYPE_LEARN:
        return watchlearn_write(at);
    case TYPE_PAIRING:
        return watchplan_pairing(watch);
    case TYPE_EXPECT:
        return watchplan_expect(watch);
    case TYPE_EXPIRY:
        break;
    }
    return watchplan_expiry(watch);
}

static int into_buf(const char *text, size_t len, void *arg)
{
    buf_put(arg, span_of(text, len));
    return 0;
}

void watchjson_write(const struct watch *watch, struct buf *out)
{
    json_t *object = json_object();
    must(object != NULL);
    for (size_t i = 0; i < countof(rows); i++)
        put(object, &rows[i], value_of(watch, &rows[i]));
    if (json_dump_callback(object, into_buf, out, JSON_COMPACT) != 0)
        out->overflow = true;
    json_decref(object);
}
