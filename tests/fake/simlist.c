#include "simlist.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/text.h"
#include "simform.h"
#include "simkey.h"

struct simlist {
    pthread_mutex_t mutex;
    json_t *logs;  /* by name, in the order in which they came: {"tiled": bool, "entry": log of the schema} */
    EVP_PKEY *key; /* made when first asked for: it takes a while */
    unsigned version;
    int64_t timestamp_ms;
    bool back;   /* an older one is served */
    bool forged; /* the signature is that of other bytes */
};

struct simlist *simlist_new(void)
{
    struct simlist *list = calloc(1, sizeof *list);

    must(list != NULL);
    must(pthread_mutex_init(&list->mutex, NULL) == 0);
    list->logs = json_object();
    must(list->logs != NULL);
    list->version = 1;
    list->timestamp_ms = clock_wall_ms() - 3600000;
    return list;
}

void simlist_free(struct simlist *list)
{
    json_decref(list->logs);
    EVP_PKEY_free(list->key);
    (void)pthread_mutex_destroy(&list->mutex);
    free(list);
}

static json_t *simlist_base64(struct span bytes)
{
    struct buf text;
    json_t *value;

    buf_init(&text, 1u << 16);
    simform_base64(&text, bytes);
    must(buf_ok(&text));
    value = json_stringn((const char *)text.at, text.len);
    buf_fini(&text);
    return value;
}

static json_t *simlist_time(int64_t unix_ms)
{
    char text[TEXT_TIME_MAX];

    return json_string(text_time(unix_ms, false, text));
}

static void simlist_put(struct simlist *list, const char *name, bool tiled, json_t *entry)
{
    must(entry != NULL);
    must(json_object_set_new(list->logs, name, json_pack("{s:b, s:o}", "tiled", tiled, "entry", entry)) == 0);
}

static json_t *simlist_state(const char *state, int64_t since_ms)
{
    return json_pack("{s:{s:o}}", state, "timestamp", simlist_time(since_ms));
}

/* The simulator's own log, under the name "own". */
static void simlist_own(struct simworld *world, struct simlist *list)
{
    bool tiled = !world->serve_rfc6962;
    json_t *entry;

    if (list->version > 1 || json_object_size(list->logs) > 0)
        return;
    entry = json_pack("{s:s, s:o, s:o, s:i, s:o}", "description", "Simulated 'own' log", "log_id",
                      simlist_base64(span_of(simlog_id(world->log), 32)), "key",
                      simlist_base64(simlog_key(world->log)), "mmd", 60, "state",
                      simlist_state("usable", list->timestamp_ms));
    must(entry != NULL);
    if (tiled) {
        must(json_object_set_new(entry, "monitoring_url", json_string(world->static_url)) == 0);
        must(json_object_set_new(entry, "submission_url", json_string(world->submission_url)) == 0);
    } else {
        must(json_object_set_new(entry, "url", json_string(world->rfc6962_url)) == 0);
    }
    simlist_put(list, "own", tiled, entry);
}

/* The document as it is served; the caller frees. */
static char *simlist_text(const struct simlist *list)
{
    json_t *arrays[2] = {json_array(), json_array()};
    char version[32];
    const char *name;
    json_t *log;
    char *text;

    json_object_foreach(list->logs, name, log)
    {
        size_t at = json_is_true(json_object_get(log, "tiled")) ? 1 : 0;
        must(json_array_append(arrays[at], json_object_get(log, "entry")) == 0);
    }
    (void)snprintf(version, sizeof version, "1.%u", list->back ? 0 : list->version);
    json_t *root =
        json_pack("{s:s, s:o, s:[{s:s, s:[s], s:o, s:o}]}", "version", version, "log_list_timestamp",
                  simlist_time(list->timestamp_ms - (list->back ? 86400000 : 0)), "operators", "name",
                  "Simulator", "email", "sim@localhost", "logs", arrays[0], "tiled_logs", arrays[1]);
    must(root != NULL);
    text = json_dumps(root, JSON_INDENT(2));
    must(text != NULL);
    json_decref(root);
    return text;
}

static EVP_PKEY *simlist_key(struct simlist *list)
{
    if (list->key == NULL)
        list->key = simkey_rsa("log list", 0);
    return list->key;
}

static void simlist_sign(struct simlist *list, const char *text, struct buf *out)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    uint8_t signature[512];
    size_t length = sizeof signature;
    size_t count = strlen(text) - (list->forged ? 1 : 0);

    must(ctx != NULL);
    must(EVP_DigestSignInit_ex(ctx, NULL, "SHA256", NULL, NULL, simlist_key(list), NULL) == 1);
    must(EVP_DigestSign(ctx, signature, &length, (const unsigned char *)text, count) == 1);
    EVP_MD_CTX_free(ctx);
    buf_put(out, span_of(signature, length));
}

static void simlist_put_key(struct simlist *list, struct buf *out)
{
    struct buf spki;

    buf_init(&spki, 4096);
    simkey_spki(simlist_key(list), &spki);
    simform_base64(out, buf_span(&spki));
    buf_fini(&spki);
}

void simlist_answer(struct simworld *world, const char *url, const char *if_none_match,
                    struct simreply *reply)
{
    struct simlist *list = world->list;
    char *text;

    must(pthread_mutex_lock(&list->mutex) == 0);
    simlist_own(world, list);
    text = simlist_text(list);
    reply->type = "application/json";
    if (strcmp(url, "/list/log_list.json") == 0) {
        (void)snprintf(reply->etag, sizeof reply->etag, "\"%u%s\"", list->version, list->back ? "-back" : "");
        if (if_none_match != NULL && strcmp(if_none_match, reply->etag) == 0)
            reply->status = 304;
        else
            buf_str(&reply->body, text);
    } else if (strcmp(url, "/list/log_list.sig") == 0) {
        reply->type = "application/octet-stream";
        simlist_sign(list, text, &reply->body);
    } else if (strcmp(url, "/list/log_list.key") == 0) {
        reply->type = "text/plain";
        simlist_put_key(list, &reply->body);
    } else {
        reply->status = 404;
        reply->type = "text/plain";
        buf_str(&reply->body, "no such list\n");
    }
    free(text);
    must(pthread_mutex_unlock(&list->mutex) == 0);
}

/* Orders ------------------------------------------------------------------------------------------------- */

/* {"name", "key", "log_id", and "url" or "static_url" with "submission_url"}: the ready line of another
 * simulator with a name has all of it. */
static enum err_code simlist_add(struct simlist *list, const json_t *log, struct err *why)
{
    const char *name = json_string_value(json_object_get(log, "name"));
    const char *key = json_string_value(json_object_get(log, "key"));
    const char *id = json_string_value(json_object_get(log, "log_id"));
    const char *url = json_string_value(json_object_get(log, "url"));
    const char *monitoring = json_string_value(json_object_get(log, "static_url"));
    const char *submission = json_string_value(json_object_get(log, "submission_url"));
    char description[128];

    if (name == NULL || key == NULL || id == NULL ||
        (url == NULL && (monitoring == NULL || submission == NULL)))
        return err_set(why, ERR_USAGE,
                       "list: add takes name, key, log_id and url, or static_url and submission_url");
    (void)snprintf(description, sizeof description, "Simulated '%.60s' log", name);
    json_t *entry = json_pack("{s:s, s:s, s:s, s:i, s:o}", "description", description, "log_id", id, "key",
                              key, "mmd", 60, "state", simlist_state("usable", list->timestamp_ms));
    must(entry != NULL);
    if (url != NULL) {
        must(json_object_set_new(entry, "url", json_string(url)) == 0);
    } else {
        must(json_object_set_new(entry, "monitoring_url", json_string(monitoring)) == 0);
        must(json_object_set_new(entry, "submission_url", json_string(submission)) == 0);
    }
    simlist_put(list, name, url == NULL, entry);
    return ERR_OK;
}

/* {"name", "state"}, for readonly also {"tree_size", "sha256_root_hash"}; the own log's head when they are
 * missing. */
static enum err_code simlist_set_state(struct simworld *world, const json_t *order, struct err *why)
{
    struct simlist *list = world->list;
    const char *name = json_string_value(json_object_get(order, "name"));
    const char *state = json_string_value(json_object_get(order, "state"));
    const json_t *size = json_object_get(order, "tree_size");
    const char *root = json_string_value(json_object_get(order, "sha256_root_hash"));
    json_t *entry = name == NULL ? NULL : json_object_get(json_object_get(list->logs, name), "entry");

    if (entry == NULL || state == NULL)
        return err_set(why, ERR_USAGE, "list: state takes the name of a log of the list and a state");
    json_t *value = simlist_state(state, clock_wall_ms());
    must(value != NULL);
    if (strcmp(state, "readonly") == 0) {
        simlog_read(world->log);
        const struct simlog_head *head = simlog_head(world->log);
        json_t *final =
            json_pack("{s:o, s:I}", "sha256_root_hash",
                      root != NULL ? json_string(root) : simlist_base64(span_of(head->root, 32)), "tree_size",
                      size != NULL ? json_integer_value(size) : (json_int_t)head->size);
        simlog_done(world->log);
        must(json_object_set_new(json_object_get(value, state), "final_tree_head", final) == 0);
    }
    must(json_object_set_new(entry, "state", value) == 0);
    return ERR_OK;
}

static enum err_code simlist_order(struct simworld *world, const char *name, const json_t *value,
                                   struct err *why)
{
    struct simlist *list = world->list;

    if (strcmp(name, "add") == 0)
        return simlist_add(list, value, why);
    if (strcmp(name, "state") == 0)
        return simlist_set_state(world, value, why);
    if (strcmp(name, "remove") == 0 && json_is_string(value) &&
        json_object_del(list->logs, json_string_value(value)) == 0)
        return ERR_OK;
    if (strcmp(name, "back") == 0 && json_is_boolean(value)) {
        list->back = json_is_true(value);
        return ERR_OK;
    }
    if (strcmp(name, "signed") == 0 && json_is_boolean(value)) {
        list->forged = json_is_false(value);
        return ERR_OK;
    }
    return err_set(why, ERR_USAGE,
                   "list: %s: unknown or wrong; add, state, remove, back and signed are known", name);
}

enum err_code simlist_control(struct simworld *world, const json_t *order, struct err *why)
{
    struct simlist *list = world->list;
    enum err_code code =
        json_is_object(order) ? ERR_OK : err_set(why, ERR_USAGE, "list: an object is needed");
    const char *name;
    json_t *value;

    must(pthread_mutex_lock(&list->mutex) == 0);
    simlist_own(world, list);
    json_object_foreach((json_t *)(uintptr_t)order, name, value)
    {
        if (code == ERR_OK)
            code = simlist_order(world, name, value, why);
    }
    list->version++;
    list->timestamp_ms += 1000;
    must(pthread_mutex_unlock(&list->mutex) == 0);
    return code;
}
