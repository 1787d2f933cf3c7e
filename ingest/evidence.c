#include "ingest/evidence.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/say.h"
#include "base/text.h"
#include "ingest/before.h"
#include "ingest/bundle.h"
#include "verify/merkle.h"

#define PATH_BYTES  1024
#define ROOTS_BYTES (2 * 33 + 1)

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
    json_object_set_new(object, "origin",
                        json_string(text_visible_str(span_str(log->origin), url, sizeof(url))));
    json_object_set_new(object, "log_id", json_hex(span_of(log->log_id, 32)));
    json_object_set_new(object, "key_base64", json_base64(span_of(log->key, log->key_len)));
    return object;
}

static json_t *json_nodes(const uint8_t (*node)[32], size_t count)
{
    json_t *nodes = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(nodes, json_hex(span_of(node[i], 32)));
    return nodes;
}

static void put_frontier(json_t *root, const struct evidence *evidence)
{
    const struct compact *frontier = evidence->frontier;
    json_object_set_new(root, "frontier_size", json_integer((json_int_t)frontier->size));
    json_object_set_new(root, "frontier",
                        json_nodes((const uint8_t(*)[32])frontier->hash, compact_count(frontier)));
    json_object_set_new(root, "frontier_from", json_string(evidence->frontier_from_log ? "log" : "entries"));
}

/* The entries, or else their hashes, or else a word that they were too many. */
static void put_leaves(json_t *root, const struct evidence *evidence, json_t *left_out)
{
    struct leafkeep *leaves = evidence->leaves;
    if (leaves == NULL || !leaves->any)
        return;
    const char *text = leafkeep_bytes(leaves);
    json_t *entries = text == NULL ? NULL : json_loads(text, 0, NULL);
    struct span hashes = leafkeep_hashes(leaves);
    json_object_set_new(root, "entries_begin", json_integer((json_int_t)leaves->begin));
    json_object_set_new(root, "entries_end", json_integer((json_int_t)leaves->end));
    if (entries != NULL) {
        json_object_set_new(root, "entries", entries);
        return;
    }
    json_array_append_new(left_out, json_string("entries: they are too many, or too large"));
    if (hashes.len != 0)
        json_object_set_new(root, "leaf_hashes_base64", json_base64(hashes));
    else
        json_array_append_new(left_out, json_string("leaf hashes: they are too many"));
}

static void put_answers(json_t *root, const struct evidence *evidence, json_t *left_out)
{
    if (evidence->answers == NULL)
        return;
    json_t *answers = json_loads(evidence->answers, 0, NULL);
    if (answers != NULL) {
        json_object_set_new(root, "answers", answers);
        if (evidence->asked_since)
            json_object_set_new(root, "asked_since", json_true());
    } else {
        json_array_append_new(left_out, json_string("answers of the log: they are too large"));
    }
}

static void put_path(json_t *root, const struct evidence *evidence)
{
    const struct refute *refute = evidence->refute;
    if (refute == NULL)
        return;
    json_object_set_new(root, "path_begin",
                        json_nodes((const uint8_t(*)[32])refute->begin.hash, compact_count(&refute->begin)));
    json_object_set_new(root, "path", json_nodes((const uint8_t(*)[32])refute->node, refute->node_count));
}

static void put_tile(json_t *root, const struct evidence *evidence)
{
    if (evidence->hash_tile == NULL)
        return;
    json_object_set_new(root, "data_tile", json_string(evidence->data_tile));
    json_object_set_new(root, "hash_tile", json_string(evidence->hash_tile));
    json_object_set_new(root, "hash_tile_level", json_integer(evidence->hash_tile_level));
    json_object_set_new(root, "hash_tile_base64", json_base64(evidence->hash_tile_bytes));
    if (evidence->leaf_tile_bytes.len != 0)
        json_object_set_new(root, "leaf_tile_base64", json_base64(evidence->leaf_tile_bytes));
}

static json_t *account(const struct follow *follow, const struct evidence *evidence, const struct head *base)
{
    char when[TEXT_TIME_MAX];
    json_t *root = json_object();
    json_t *left_out = json_array();
    json_object_set_new(root, "schema", json_string("ctvigil.evidence.1"));
    json_object_set_new(root, "version", json_string(CTVIGIL_VERSION));
    json_object_set_new(root, "kind", json_string(evidence->kind));
    json_object_set_new(root, "sentence", json_string(evidence->sentence));
    json_object_set_new(root, "time", json_string(text_time(clock_wall_ms(), false, when)));
    json_object_set_new(root, "log", json_log(&follow->log));
    json_object_set_new(root, "begin", json_integer((json_int_t)evidence->begin));
    json_object_set_new(root, "end", json_integer((json_int_t)evidence->end));
    if (evidence->head != NULL)
        json_object_set_new(root, "head", json_head(evidence->head));
    if (evidence->other != NULL) {
        bool signed_too = evidence->other->raw.at != NULL;
        json_object_set_new(root, signed_too ? "other_head" : "computed", json_head(evidence->other));
    }
    if (base != NULL && base->raw.len != 0)
        json_object_set_new(root, "base_head", json_head(base));
    if (evidence->frontier != NULL)
        put_frontier(root, evidence);
    put_leaves(root, evidence, left_out);
    put_answers(root, evidence, left_out);
    put_path(root, evidence);
    put_tile(root, evidence);
    json_object_set_new(root, "left_out", left_out);
    return root;
}

void evidence_signed(struct settle *settle, const struct follow *follow, struct head *tree)
{
    struct head rows[4];
    size_t count = 0;
    struct err why;
    enum err_code code;
    do {
        err_clear(&why);
        code = settle->store->ops->heads(settle->store, follow->log.id, tree->size - 1, rows, countof(rows),
                                         &count, &why);
    } while (settle_again(settle, code, &why));
    for (size_t i = 0; code == ERR_OK && i < count; i++)
        if (rows[i].size == tree->size && memcmp(rows[i].root, tree->root, 32) == 0)
            *tree = rows[i];
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

/* The signed head that the frontier is the tree of. The bytes of `other` may be gone with the question. */
static void base_find(struct settle *settle, const struct follow *follow, const struct evidence *evidence,
                      struct head *base)
{
    const struct head *other = evidence->other;
    *base = (struct head){.size = evidence->frontier == NULL ? 0 : evidence->frontier->size};
    if (base->size == 0)
        return;
    merkle_root(evidence->frontier, base->root);
    if (other != NULL && other->raw.len != 0 && other->size == base->size)
        *base = *other;
    else
        evidence_signed(settle, follow, base);
}

/* Several heads may contradict at the same place: no account replaces the file of another one. */
static void put_roots(const struct evidence *evidence, char roots[ROOTS_BYTES])
{
    bool fork = strcmp(evidence->kind, "fork") == 0;
    const struct head *heads[] = {evidence->head, fork ? evidence->other : NULL};
    size_t len = 0;
    roots[0] = '\0';
    if (!fork && strcmp(evidence->kind, "shrunk_head") != 0 && strcmp(evidence->kind, "unproven_head") != 0)
        return;
    for (size_t i = 0; i < countof(heads); i++) {
        if (heads[i] == NULL)
            continue;
        roots[len++] = '-';
        (void)text_hex(span_of(heads[i]->root, 16), roots + len);
        len += 32;
    }
}

/* What the entries of the account were before. */
static void put_before(struct settle *settle, const struct follow *follow, const struct evidence *evidence,
                       json_t *root)
{
    const struct leafkeep *leaves = evidence->leaves;
    if (!evidence->others || leaves == NULL || !leaves->any)
        return;
    char *text = before_text(settle, follow, leaves->begin, leaves->end);
    json_t *before = text == NULL ? NULL : json_loads(text, 0, NULL);
    if (before != NULL)
        json_object_set_new(root, "before", before);
    free(text);
}

/* What others will find in it: it is told with the account, and it is the same code that they run. */
static const char *proof_of(struct span text)
{
    struct bundle *bundle = NULL;
    struct account_report report;
    struct err why = {.code = ERR_OK};
    if (bundle_read(text, &bundle, &why) != ERR_OK) {
        say_error("evidence", "%s", why.text);
        return NULL;
    }
    account_check(&bundle->account, &report);
    bundle_free(bundle);
    return report.gravest == ACCOUNT_NOTE ? "nothing" : account_weight_word(report.gravest);
}

/* The file with the account; "": it could not be written. */
static void put_file(const struct settle *settle, const struct follow *follow,
                     const struct evidence *evidence, const char *text, char path[PATH_BYTES])
{
    const char *dir = settle->plant->options.evidence_dir;
    char roots[ROOTS_BYTES];
    path[0] = '\0';
    if (dir == NULL)
        return;
    put_roots(evidence, roots);
    snprintf(path, PATH_BYTES, "%s/log-%d-%s-%" PRIu64 "-%" PRIu64 "%s.json", dir, (int)follow->log.id,
             evidence->kind, evidence->begin, evidence->end, roots);
    if (file_write(path, text))
        return;
    say_error(follow->log.name, "%s: the evidence could not be written; the database has it", path);
    path[0] = '\0';
}

static char *text_make(struct settle *settle, const struct follow *follow, const struct evidence *evidence)
{
    struct follow_head *other = evidence->other == NULL ? NULL : follow_head_new(evidence->other);
    struct evidence own = *evidence;
    struct head base;
    own.other = other == NULL ? NULL : &other->head;
    base_find(settle, follow, &own, &base);
    json_t *root = account(follow, &own, &base);
    put_before(settle, follow, evidence, root);
    char *text = json_dumps(root, JSON_COMPACT | JSON_PRESERVE_ORDER);
    json_decref(root);
    follow_head_free(other);
    return text;
}

/* What the store gets, but for the text of the account and its path. */
static struct store_evidence row_of(const struct follow *follow, const struct evidence *evidence)
{
    struct store_evidence row = {.log_id = follow->log.id,
                                 .kind = evidence->kind,
                                 .begin = evidence->begin,
                                 .end = evidence->end,
                                 .path = "",
                                 .sentence = evidence->sentence};
    if (evidence->head != NULL)
        row.head = *evidence->head;
    if (evidence->other != NULL)
        row.other = *evidence->other;
    row.other.raw = SPAN_NONE;
    return row;
}

/* A log that contradicts itself all the time is heard of now and then. */
static enum err_code room_look(struct settle *settle, const struct store_evidence *row, bool *room,
                               struct err *why)
{
    const struct store_ops *ops = settle->store->ops;
    enum err_code code;
    *room = true;
    if (ops->account_room == NULL)
        return ERR_OK;
    do {
        err_clear(why);
        code = ops->account_room(settle->store, row, room, why);
    } while (settle_again(settle, code, why));
    return code;
}

enum err_code evidence_keep(struct settle *settle, const struct follow *follow,
                            const struct evidence *evidence, struct err *why)
{
    char path[PATH_BYTES];
    bool room = true;
    struct store_evidence row = row_of(follow, evidence);
    enum err_code code = room_look(settle, &row, &room, why);
    if (code != ERR_OK || !room) {
        say_debug(follow->log.name, "not kept: %s", evidence->sentence);
        return code;
    }
    char *text = text_make(settle, follow, evidence);
    if (text == NULL)
        return err_set(why, ERR_MEMORY, "%s: evidence: out of memory", follow->log.name);
    put_file(settle, follow, evidence, text, path);
    row.json = span_str(text);
    row.proof = proof_of(row.json);
    row.path = path;
    do {
        err_clear(why);
        code = settle->store->ops->inconsistent(settle->store, &row, why);
    } while (settle_again(settle, code, why));
    free(text);
    plant_told(settle->plant, follow, "inconsistent", evidence->begin, evidence->end);
    say_error(follow->log.name, "%s", evidence->sentence);
    return code;
}
