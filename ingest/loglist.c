#include "ingest/loglist.h"

#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/text.h"
#include "ingest/logurl.h"
#include "verify/logkey.h"

#define BOGUS_INTERVAL_MS                                                                                    \
    INT64_C(172800000) /* placeholders accept certificates of a day or two, long ago                         \
                        */
#define KEY_TEXT_MAX 2048

struct reader {
    struct loglist *list;
    size_t cap;
    const char *operator_name;
    bool tiled; /* the log stands in tiled_logs */
};

/* Values ---------------------------------------------------------------------------------------------------
 */

/* A text without NUL; NULL: absent, or something else. */
static const char *text_of(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    const char *text = json_string_value(value);
    return text != NULL && strlen(text) == json_string_length(value) ? text : NULL;
}

static void text_keep(const char *text, char *out, size_t cap)
{
    out[0] = '\0';
    if (text != NULL)
        (void)text_visible_str(span_str(text), out, cap);
}

static int64_t time_of(const json_t *object, const char *name)
{
    const char *text = text_of(object, name);
    int64_t unix_ms = 0;
    return text != NULL && text_parse_time(span_str(text), &unix_ms) ? unix_ms : 0;
}

static bool hash_of(const json_t *object, const char *name, uint8_t out[32])
{
    const char *text = text_of(object, name);
    size_t len = 0;
    return text != NULL && text_unbase64(span_str(text), out, 32, &len) && len == 32;
}

static void refuse(struct listed *log, const char *reason)
{
    (void)snprintf(log->refused, sizeof(log->refused), "%.*s", (int)sizeof(log->refused) - 1, reason);
}

/* One log --------------------------------------------------------------------------------------------------
 */

static bool key_read(const json_t *entry, struct listed *log)
{
    uint8_t claimed[32];
    uint8_t der[CTLOG_KEY_MAX];
    size_t len = 0;
    struct err why = {.code = ERR_OK};
    const char *key = text_of(entry, "key");
    log->has_id = hash_of(entry, "log_id", claimed);
    if (log->has_id)
        memcpy(log->log.log_id, claimed, sizeof(claimed));
    if (key == NULL || strlen(key) > KEY_TEXT_MAX || !text_unbase64(span_str(key), der, sizeof(der), &len)) {
        refuse(log, "it has no key, or one that is no base64");
        return false;
    }
    if (logkey_set(&log->log, span_of(der, len), &why) != ERR_OK) {
        refuse(log, why.text);
        return false;
    }
    /* The key is the identity: who is checked with it, and what certificates name, must be the same log. */
    if (log->has_id && memcmp(claimed, log->log.log_id, sizeof(claimed)) != 0) {
        memcpy(log->log.log_id, claimed, sizeof(claimed));
        refuse(log, "its log_id is not the hash of its key");
        return false;
    }
    if (!log->has_id && json_object_get(entry, "log_id") != NULL) {
        refuse(log, "its log_id is no hash");
        return false;
    }
    log->has_id = true;
    return true;
}

static bool url_take(const char *given, struct listed *log, char out[CTLOG_URL_MAX])
{
    struct err why = {.code = ERR_OK};
    if (logurl_take("URL", given, false, out, &why) == ERR_OK)
        return true;
    refuse(log, strncmp(given, "http://", 7) == 0 ? "http:// is taken for this machine only" : why.text);
    return false;
}

/* The array decides what a log speaks; members that fit the other array only, decide against it. */
static bool urls_read(const struct reader *reader, const json_t *entry, struct listed *log)
{
    const char *url = text_of(entry, "url");
    const char *monitoring = text_of(entry, "monitoring_url");
    const char *submission = text_of(entry, "submission_url");
    bool tiled = reader->tiled ? monitoring != NULL || url != NULL : url == NULL && monitoring != NULL;
    log->log.protocol = tiled ? CTLOG_STATIC_CT : CTLOG_RFC6962;
    const char *read = tiled && monitoring != NULL ? monitoring : url;
    if (read == NULL) {
        refuse(log, "it has no URL to read from");
        return false;
    }
    if (submission == NULL || !tiled)
        submission = read;
    if (!url_take(read, log, log->log.url) || !url_take(submission, log, log->log.submission_url))
        return false;
    (void)snprintf(log->log.origin, sizeof(log->log.origin), "%s",
                   strstr(log->log.submission_url, "://") + 3);
    return true;
}

static void final_read(const json_t *state, struct listed *log)
{
    const json_t *head = json_object_get(state, "final_tree_head");
    const json_t *size = json_object_get(head, "tree_size");
    log->has_final = json_is_integer(size) && json_integer_value(size) >= 0 &&
                     hash_of(head, "sha256_root_hash", log->final_root);
    if (log->has_final)
        log->final_size = (uint64_t)json_integer_value(size);
}

/* Exactly one state is what the schema says. A list that is later than this program may know more; a log in
 * such a state is read, because reading too much misses nothing. */
static void state_read(const json_t *entry, struct listed *log)
{
    json_t *states = json_object_get(entry, "state");
    const char *name;
    json_t *value;
    json_object_foreach(states, name, value)
    {
        enum listed_state state;
        if (!listed_state_parse(name, &state))
            state = LISTED_QUALIFIED;
        if (state <= log->state)
            continue; /* of several the one furthest on its way */
        log->state = state;
        log->state_ms = time_of(value, "timestamp");
        if (state == LISTED_READONLY)
            final_read(value, log);
    }
}

static bool interval_read(const json_t *entry, struct listed *log)
{
    const json_t *interval = json_object_get(entry, "temporal_interval");
    const char *begin = text_of(interval, "start_inclusive");
    const char *end = text_of(interval, "end_exclusive");
    if (interval == NULL)
        return true;
    log->has_interval = begin != NULL && end != NULL && text_parse_time(span_str(begin), &log->begin_ms) &&
                        text_parse_time(span_str(end), &log->end_ms) && log->begin_ms < log->end_ms;
    if (!log->has_interval)
        refuse(log, "its temporal_interval is none");
    return log->has_interval;
}

static void previous_read(const json_t *entry, struct listed *log)
{
    const json_t *previous = json_object_get(entry, "previous_operators");
    for (size_t i = 0; i < json_array_size(previous) && log->previous_count < LISTED_OWNERS_MAX; i++) {
        const json_t *owner = json_array_get(previous, i);
        struct listed_owner *out = &log->previous[log->previous_count];
        text_keep(text_of(owner, "name"), out->name, sizeof(out->name));
        out->until_ms = time_of(owner, "end_time");
        if (out->name[0] != '\0')
            log->previous_count++;
    }
}

/* Names ----------------------------------------------------------------------------------------------------
 */

/* Lower case, one dash for whatever is neither letter, digit, dot nor underscore. */
static void name_put(struct span text, char out[CTLOG_NAME_MAX])
{
    size_t len = 0;
    for (size_t i = 0; i < text.len && len + 1 < CTLOG_NAME_MAX; i++) {
        char c = (char)tolower(text.at[i]);
        bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_';
        if (plain)
            out[len++] = c;
        else if (len > 0 && out[len - 1] != '-')
            out[len++] = '-';
    }
    while (len > 0 && out[len - 1] == '-')
        len--;
    out[len] = '\0';
}

/* What people call the log: "Google 'Argon2026h2' log" is argon2026h2, "TrustAsia Luoshu2027" luoshu2027. */
static void name_make(struct listed *log)
{
    const char *text = log->description;
    size_t skip = strlen(log->operator_name);
    /* First, because there is an apostrophe in "Let's Encrypt". */
    if (strlen(text) > skip + 1 && strncmp(text, log->operator_name, skip) == 0 && text[skip] == ' ')
        text += skip + 1;
    const char *open = strchr(text, '\'');
    const char *close = open == NULL ? NULL : strchr(open + 1, '\'');
    size_t len = strlen(text);
    if (len > 4 && (strcmp(text + len - 4, " log") == 0 || strcmp(text + len - 4, " Log") == 0))
        len -= 4;
    if (close != NULL && close > open + 1)
        name_put(span_of(open + 1, (size_t)(close - open) - 1), log->log.name);
    else
        name_put(span_of(text, len), log->log.name);
    if (log->log.name[0] == '\0')
        name_put(span_str(strstr(log->log.url, "://") + 3), log->log.name);
}

/* The list -------------------------------------------------------------------------------------------------
 */

static bool twice(const struct loglist *list, const struct listed *log)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->logs[i].has_id && list->logs[i].refused[0] == '\0' &&
            memcmp(list->logs[i].log.log_id, log->log.log_id, sizeof(log->log.log_id)) == 0)
            return true;
    return false;
}

static void log_read(const struct reader *reader, const json_t *entry, struct listed *log)
{
    const char *type = text_of(entry, "log_type");
    const json_t *mmd = json_object_get(entry, "mmd");
    text_keep(reader->operator_name, log->operator_name, sizeof(log->operator_name));
    text_keep(text_of(entry, "description"), log->description, sizeof(log->description));
    if (!json_is_object(entry)) {
        refuse(log, "it is no object");
        return;
    }
    log->test = type != NULL && strcmp(type, "prod") != 0;
    if (json_is_integer(mmd) && json_integer_value(mmd) > 0 && json_integer_value(mmd) <= INT32_MAX)
        log->mmd_s = json_integer_value(mmd);
    state_read(entry, log);
    previous_read(entry, log);
    if (!key_read(entry, log) || !urls_read(reader, entry, log) || !interval_read(entry, log))
        return;
    if (twice(reader->list, log)) {
        refuse(log, "its log_id stands in the list twice");
        return;
    }
    bool brief = log->has_interval && log->end_ms - log->begin_ms <= BOGUS_INTERVAL_MS;
    log->bogus = logurl_reserved(log->log.url) || logurl_reserved(log->log.submission_url) ||
                 (log->state == LISTED_RETIRED && brief);
    name_make(log);
}

static enum err_code log_add(struct reader *reader, const json_t *entry, struct err *why)
{
    struct loglist *list = reader->list;
    if (list->count == LIMIT_LOGLIST_LOGS)
        return err_set(why, ERR_TOO_BIG, "log list: more than %d logs", LIMIT_LOGLIST_LOGS);
    if (list->count == reader->cap) {
        size_t cap = reader->cap == 0 ? 64 : 2 * reader->cap;
        struct listed *logs = realloc(list->logs, cap * sizeof(*logs));
        if (logs == NULL)
            return err_set(why, ERR_MEMORY, "log list: out of memory");
        list->logs = logs;
        reader->cap = cap;
    }
    struct listed *log = &list->logs[list->count];
    memset(log, 0, sizeof(*log));
    log_read(reader, entry, log);
    list->refused += log->refused[0] != '\0';
    list->count++;
    return ERR_OK;
}

static enum err_code operator_read(struct reader *reader, const json_t *entry, struct err *why)
{
    static const char *const arrays[] = {"logs", "tiled_logs"};
    enum err_code code = ERR_OK;
    reader->operator_name = text_of(entry, "name");
    for (size_t k = 0; k < countof(arrays); k++) {
        const json_t *logs = json_object_get(entry, arrays[k]);
        reader->tiled = k == 1;
        for (size_t i = 0; code == ERR_OK && i < json_array_size(logs); i++)
            code = log_add(reader, json_array_get(logs, i), why);
    }
    return code;
}

static void version_read(const json_t *root, struct loglist *list)
{
    const char *version = text_of(root, "version");
    const json_t *asset = json_object_get(root, "assetVersion");
    list->all_logs = json_is_true(json_object_get(root, "is_all_logs"));
    list->timestamp_ms = time_of(root, "log_list_timestamp");
    if (version != NULL)
        text_keep(version, list->version, sizeof(list->version));
    else if (json_is_integer(asset))
        (void)snprintf(list->version, sizeof(list->version), "%" JSON_INTEGER_FORMAT,
                       json_integer_value(asset));
    else
        text_keep(json_string_value(asset), list->version, sizeof(list->version));
}

static enum err_code root_read(struct reader *reader, const json_t *root, struct err *why)
{
    const json_t *operators = json_object_get(root, "operators");
    enum err_code code = ERR_OK;
    if (!json_is_array(operators))
        return err_set(why, ERR_FORMAT, "log list: it has no operators");
    version_read(root, reader->list);
    for (size_t i = 0; code == ERR_OK && i < json_array_size(operators); i++)
        code = operator_read(reader, json_array_get(operators, i), why);
    if (code == ERR_OK && reader->list->count == reader->list->refused)
        code = err_set(why, ERR_FORMAT, "log list: there is no usable log in it");
    return code;
}

enum err_code loglist_parse(struct span bytes, struct loglist **out, struct err *why)
{
    json_error_t error;
    *out = NULL;
    if (bytes.len > LIMIT_LOGLIST_BYTES)
        return err_set(why, ERR_TOO_BIG, "log list: larger than %u bytes", LIMIT_LOGLIST_BYTES);
    json_t *root = json_loadb((const char *)bytes.at, bytes.len, JSON_ALLOW_NUL, &error);
    if (root == NULL)
        return err_set(why, ERR_FORMAT, "log list: not JSON: %s", error.text);
    struct reader reader = {.list = calloc(1, sizeof(*reader.list))};
    must(reader.list != NULL);
    enum err_code code = root_read(&reader, root, why);
    json_decref(root);
    if (code != ERR_OK)
        loglist_free(reader.list);
    else
        *out = reader.list;
    return code;
}

void loglist_free(struct loglist *list)
{
    if (list == NULL)
        return;
    free(list->logs);
    free(list);
}

/* "MAJOR.MINOR", or one number. */
static bool version_parts(const char *text, uint64_t part[2])
{
    const char *dot = strchr(text, '.');
    size_t major = dot == NULL ? strlen(text) : (size_t)(dot - text);
    part[1] = 0;
    return text_uint(span_of(text, major), &part[0]) &&
           (dot == NULL || text_uint(span_str(dot + 1), &part[1]));
}

int loglist_version_cmp(const char *a, const char *b)
{
    uint64_t left[2], right[2];
    if (!version_parts(a, left) || !version_parts(b, right))
        return 0;
    for (size_t i = 0; i < 2; i++)
        if (left[i] != right[i])
            return left[i] < right[i] ? -1 : 1;
    return 0;
}
