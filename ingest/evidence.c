#include "ingest/evidence.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/say.h"
#include "base/text.h"

#define PATH_BYTES 1024

static json_t *json_hex(struct span bytes)
{
    char *text = malloc(2 * bytes.len + 1);
    if (text == NULL)
        return NULL;
    json_t *value = json_string(text_hex(bytes, text));
    free(text);
    return value;
}

static json_t *json_base64(struct span bytes)
{
    char *text = malloc((bytes.len + 2) / 3 * 4 + 1);
    if (text == NULL)
        return NULL;
    size_t len = text_base64(bytes, text);
    json_t *value = json_stringn(text, len);
    free(text);
    return value;
}

static json_t *json_head(const struct head *head)
{
    json_t *object = json_object();
    json_object_set_new(object, "size", json_integer((json_int_t)head->size));
    json_object_set_new(object, "root", json_hex(span_of(head->root, 32)));
    if (head->raw.at != NULL) {
        json_object_set_new(object, "timestamp_ms", json_integer((json_int_t)head->timestamp_ms));
        json_object_set_new(object, "raw_base64", json_base64(head->raw));
    }
    return object;
}

static json_t *json_log(const struct ctlog *log)
{
    json_t *object = json_object();
    char name[4 * CTLOG_NAME_MAX];
    char url[4 * CTLOG_URL_MAX];
    json_object_set_new(object, "name",
                        json_string(text_visible_str(span_str(log->name), name, sizeof(name))));
    json_object_set_new(object, "protocol", json_string(ctlog_protocol_name(log->protocol)));
    json_object_set_new(object, "url", json_string(text_visible_str(span_str(log->url), url, sizeof(url))));
    json_object_set_new(object, "log_id", json_hex(span_of(log->log_id, 32)));
    json_object_set_new(object, "key_base64", json_base64(span_of(log->key, log->key_len)));
    return object;
}

static json_t *account(const struct follow *follow, const struct evidence *evidence)
{
    char when[TEXT_TIME_MAX];
    json_t *root = json_object();
    json_object_set_new(root, "schema", json_string("ctvigil.evidence.1"));
    json_object_set_new(root, "kind", json_string(evidence->kind));
    json_object_set_new(root, "sentence", json_string(evidence->sentence));
    json_object_set_new(root, "time", json_string(text_time(clock_wall_ms(), false, when)));
    json_object_set_new(root, "log", json_log(&follow->log));
    json_object_set_new(root, "begin", json_integer((json_int_t)evidence->begin));
    json_object_set_new(root, "end", json_integer((json_int_t)evidence->end));
    json_object_set_new(root, "head", json_head(evidence->head));
    bool signed_too = evidence->other->raw.at != NULL;
    json_object_set_new(root, signed_too ? "other_head" : "computed", json_head(evidence->other));
    if (evidence->frontier != NULL) {
        json_t *nodes = json_array();
        for (size_t i = 0; i < compact_count(evidence->frontier); i++)
            json_array_append_new(nodes, json_hex(span_of(evidence->frontier->hash[i], 32)));
        json_object_set_new(root, "frontier_size", json_integer((json_int_t)evidence->frontier->size));
        json_object_set_new(root, "frontier", nodes);
    }
    if (evidence->entries.at != NULL)
        json_object_set_new(root, "entries",
                            json_loadb((const char *)evidence->entries.at, evidence->entries.len, 0, NULL));
    return root;
}

void evidence_bytes(char **bytes, const struct batch *batch)
{
    struct buf text;
    buf_init(&text, LIMIT_EVIDENCE_BYTES);
    buf_str(&text, *bytes == NULL ? "[" : *bytes);
    for (size_t i = 0; i < batch->entry_count; i++) {
        struct span leaf = batch->entries[i].leaf;
        buf_fmt(&text, "%s{\"index\":%" PRIu64 ",\"leaf_input\":\"", text.len > 1 ? "," : "",
                batch->entries[i].index);
        char *at = (char *)buf_room(&text, (leaf.len + 2) / 3 * 4 + 1);
        if (at == NULL)
            break;
        text_base64(leaf, at);
        text.len--; /* the NUL */
        buf_str(&text, "\"}");
    }
    free(*bytes);
    *bytes = buf_ok(&text) ? strdup(buf_text(&text)) : NULL;
    buf_fini(&text);
}

/* Whole or not at all: written aside, synced, renamed. */
static bool file_write(const char *path, const char *text)
{
    char aside[PATH_BYTES + 8];
    snprintf(aside, sizeof(aside), "%s.tmp", path);
    FILE *file = fopen(aside, "we");
    if (file == NULL)
        return false;
    bool written =
        fputs(text, file) >= 0 && fputc('\n', file) != EOF && fflush(file) == 0 && fsync(fileno(file)) == 0;
    written = fclose(file) == 0 && written;
    written = written && rename(aside, path) == 0;
    if (!written)
        unlink(aside);
    return written;
}

enum err_code evidence_keep(struct settle *settle, const struct follow *follow,
                            const struct evidence *evidence, struct err *why)
{
    json_t *root = account(follow, evidence);
    char *text = json_dumps(root, JSON_COMPACT | JSON_PRESERVE_ORDER);
    json_decref(root);
    if (text == NULL)
        return err_set(why, ERR_MEMORY, "%s: evidence: out of memory", follow->log.name);
    char path[PATH_BYTES] = "";
    const char *dir = settle->plant->options.evidence_dir;
    if (dir != NULL) {
        snprintf(path, sizeof(path), "%s/log-%d-%s-%" PRIu64 "-%" PRIu64 ".json", dir, (int)follow->log.id,
                 evidence->kind, evidence->begin, evidence->end);
        if (!file_write(path, text)) {
            say_error(follow->log.name, "%s: the evidence could not be written; the database has it", path);
            path[0] = '\0';
        }
    }
    struct store_evidence row = {.log_id = follow->log.id,
                                 .kind = evidence->kind,
                                 .begin = evidence->begin,
                                 .end = evidence->end,
                                 .head = *evidence->head,
                                 .other = *evidence->other,
                                 .json = span_str(text),
                                 .path = path,
                                 .sentence = evidence->sentence};
    enum err_code code;
    do {
        err_clear(why);
        code = settle->store->ops->inconsistent(settle->store, &row, why);
    } while (settle_again(settle, code, why));
    free(text);
    plant_told(settle->plant, follow, "inconsistent", evidence->begin, evidence->end);
    say_error(follow->log.name, "%s", evidence->sentence);
    return code;
}
