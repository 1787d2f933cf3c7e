#include "model/watch.h"

#include <stdlib.h>

static const char *const kind_names[WATCH_KIND_COUNT] = {"dns", "ip", "email", "uri", "spki", "org"};

const char *watch_kind_name(enum watch_kind kind)
{
    must((unsigned)kind < WATCH_KIND_COUNT);
    return kind_names[kind];
}

bool watch_kind_parse(const char *name, enum watch_kind *kind)
{
    for (size_t i = 0; i < countof(kind_names); i++) {
        if (strcmp(kind_names[i], name) != 0)
            continue;
        *kind = (enum watch_kind)i;
        return true;
    }
    return false;
}

static const char *const levels[] = {
    [WATCH_LOOKALIKE_OFF] = "off", [WATCH_LOOKALIKE_ON] = "on", [WATCH_LOOKALIKE_STRICT] = "strict"};

const char *watch_lookalike_name(enum watch_lookalike level)
{
    return levels[level];
}

bool watch_lookalike_read(struct span text, enum watch_lookalike *level)
{
    for (size_t i = 0; i < countof(levels); i++) {
        if (!span_eq(text, span_str(levels[i])))
            continue;
        *level = (enum watch_lookalike)i;
        return true;
    }
    return false;
}

static void words_free(struct watch_words *words)
{
    for (size_t i = 0; i < words->count; i++)
        free(words->at[i]);
    free(words->at);
}

static void hashes_free(struct watch_allow *at, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(at[i].label);
    free(at);
}

static void release(struct watch *watch)
{
    for (size_t i = 0; i < watch->more_count; i++)
        free(watch->more[i].name);
    for (size_t i = 0; i < watch->expect_count; i++) {
        free(watch->expect[i].note);
        free(watch->expect[i].until_text);
    }
    hashes_free(watch->allow, watch->allow_count);
    hashes_free(watch->deny.at, watch->deny.count);
    hashes_free(watch->key_spki.at, watch->key_spki.count);
    hashes_free(watch->key_tbs.at, watch->key_tbs.count);
    hashes_free(watch->key_learned.at, watch->key_learned.count);
    words_free(&watch->tags);
    words_free(&watch->channels);
    words_free(&watch->exclude);
    words_free(&watch->wildcards);
    words_free(&watch->names);
    words_free(&watch->key_types);
    words_free(&watch->signatures);
    words_free(&watch->lookalike_allow);
    free(watch->more);
    free(watch->expect);
    free(watch->owner);
    free(watch->name);
}

void watch_free(struct watch *watches, size_t count)
{
    if (watches == NULL)
        return;
    for (size_t i = 0; i < count; i++)
        release(&watches[i]);
    free(watches);
}

bool watch_words_add(struct watch_words *words, const char *text)
{
    char **grown = reallocarray(words->at, words->count + 1, sizeof *grown);
    char *copy = grown == NULL ? NULL : strdup(text);
    if (grown != NULL)
        words->at = grown;
    if (copy != NULL)
        words->at[words->count++] = copy;
    return copy != NULL;
}

bool watch_allow_by_name(const char *label)
{
    return strncmp(label, "ca:", 3) == 0 || (strchr(label, '.') != NULL && strchr(label, ':') == NULL);
}

bool watch_hashes_add(struct watch_hashes *hashes, const uint8_t sha256[32], const char *label)
{
    struct watch_allow *grown = reallocarray(hashes->at, hashes->count + 1, sizeof *grown);
    char *copy = grown == NULL ? NULL : strdup(label);
    if (grown != NULL)
        hashes->at = grown;
    if (copy == NULL)
        return false;
    hashes->at[hashes->count].label = copy;
    memcpy(hashes->at[hashes->count++].spki_sha256, sha256, 32);
    return true;
}

/* NULL stays NULL. */
static bool text_copy(const char *from, char **to)
{
    *to = from == NULL ? NULL : strdup(from);
    return from == NULL || *to != NULL;
}

static bool words_copy(const struct watch_words *from, struct watch_words *to)
{
    bool ok = true;
    *to = (struct watch_words){0};
    for (size_t i = 0; ok && i < from->count; i++)
        ok = watch_words_add(to, from->at[i]);
    return ok;
}

static bool hashes_copy(const struct watch_allow *from, size_t count, struct watch_hashes *to)
{
    bool ok = true;
    *to = (struct watch_hashes){0};
    for (size_t i = 0; ok && i < count; i++)
        ok = watch_hashes_add(to, from[i].spki_sha256, from[i].label);
    return ok;
}

static bool items_copy(const struct watch *from, struct watch *to)
{
    bool ok = true;
    to->more = calloc(from->more_count + 1, sizeof *to->more);
    to->expect = calloc(from->expect_count + 1, sizeof *to->expect);
    if (to->more == NULL || to->expect == NULL)
        return false;
    for (size_t i = 0; ok && i < from->more_count; i++) {
        to->more[to->more_count] = from->more[i];
        ok = text_copy(from->more[i].name, &to->more[to->more_count++].name);
    }
    for (size_t i = 0; ok && i < from->expect_count; i++) {
        struct watch_expect *made = &to->expect[to->expect_count++];
        *made = from->expect[i];
        made->note = NULL;
        ok = text_copy(from->expect[i].until_text, &made->until_text) &&
             text_copy(from->expect[i].note, &made->note);
    }
    return ok;
}

bool watch_copy(const struct watch *from, struct watch *to)
{
    struct watch made = *from;
    struct watch_hashes allow = {0};
    made.more = NULL;
    made.more_count = made.expect_count = made.allow_count = 0;
    made.expect = NULL;
    made.name = made.owner = NULL;
    bool named = text_copy(from->name, &made.name);
    bool owned = text_copy(from->owner, &made.owner);
    bool allowed = hashes_copy(from->allow, from->allow_count, &allow);
    made.allow = allow.at;
    made.allow_count = allow.count;
    bool denied = hashes_copy(from->deny.at, from->deny.count, &made.deny);
    bool keys = hashes_copy(from->key_spki.at, from->key_spki.count, &made.key_spki);
    bool tbs = hashes_copy(from->key_tbs.at, from->key_tbs.count, &made.key_tbs);
    bool learned = hashes_copy(from->key_learned.at, from->key_learned.count, &made.key_learned);
    bool tags = words_copy(&from->tags, &made.tags);
    bool channels = words_copy(&from->channels, &made.channels);
    bool exclude = words_copy(&from->exclude, &made.exclude);
    bool wildcards = words_copy(&from->wildcards, &made.wildcards);
    bool names = words_copy(&from->names, &made.names);
    bool key_types = words_copy(&from->key_types, &made.key_types);
    bool signatures = words_copy(&from->signatures, &made.signatures);
    bool lookalikes = words_copy(&from->lookalike_allow, &made.lookalike_allow);
    bool ok = items_copy(from, &made) && named && owned && allowed && denied && keys && tbs && learned &&
              tags && channels && exclude && wildcards && names && key_types && signatures && lookalikes;
    if (!ok)
        release(&made);
    *to = ok ? made : (struct watch){0};
    return ok;
}
