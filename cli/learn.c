#include "cli/learn.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/dns.h"
#include "base/limits.h"
#include "base/text.h"

struct learn {
    char *name;
    bool domain; /* something can be below it */
    bool exact;
    uint64_t stored;
    uint64_t imported;
    uint64_t unknown;
    int64_t longest_s;
    json_t *cas; /* word to count */
    json_t *by_name;
    json_t *names;
    json_t *wildcards;
    json_t *types;
    json_t *signatures;
    json_t *keys;
    json_t *begins; /* names of a certificate to the times when theirs began */
};

struct learn *learn_new(const char *name, enum watch_kind kind, bool exact)
{
    struct learn *learn = calloc(1, sizeof *learn);
    must(learn != NULL);
    *learn = (struct learn){.name = strdup(name),
                            .domain = kind == WATCH_DNS,
                            .exact = exact,
                            .cas = json_object(),
                            .by_name = json_object(),
                            .names = json_object(),
                            .wildcards = json_object(),
                            .types = json_object(),
                            .signatures = json_object(),
                            .keys = json_object(),
                            .begins = json_object()};
    must(learn->name != NULL && learn->begins != NULL);
    return learn;
}

void learn_free(struct learn *learn)
{
    if (learn == NULL)
        return;
    json_decref(learn->cas);
    json_decref(learn->by_name);
    json_decref(learn->names);
    json_decref(learn->wildcards);
    json_decref(learn->types);
    json_decref(learn->signatures);
    json_decref(learn->keys);
    json_decref(learn->begins);
    free(learn->name);
    free(learn);
}

uint64_t learn_count(const struct learn *learn)
{
    return learn->stored + learn->imported;
}

static void count(json_t *counts, const char *word)
{
    json_int_t before = json_integer_value(json_object_get(counts, word));
    if (before == 0 && json_object_size(counts) >= LIMIT_LEARN_WORDS)
        return;
    must(json_object_set_new(counts, word, json_integer(before + 1)) == 0);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Certificates for the same names follow each other. */
static void note_begin(struct learn *learn, const struct learn_fact *fact)
{
    struct buf key;
    const char **sorted = calloc(fact->names->count + 1, sizeof *sorted);
    must(sorted != NULL);
    for (size_t i = 0; i < fact->names->count; i++)
        sorted[i] = fact->names->at[i];
    qsort(sorted, fact->names->count, sizeof *sorted, by_text);
    buf_init(&key, LIMIT_KNOWN_NAMES_BYTES);
    for (size_t i = 0; i < fact->names->count; i++)
        buf_fmt(&key, "%s ", sorted[i]);
    free(sorted);
    const char *text = buf_text(&key);
    json_t *times = json_object_get(learn->begins, text);
    if (times == NULL && json_object_size(learn->begins) < LIMIT_LEARN_WORDS && buf_ok(&key)) {
        times = json_array();
        must(json_object_set_new(learn->begins, text, times) == 0);
    }
    if (times != NULL && json_array_size(times) < LIMIT_LEARN_WORDS)
        must(json_array_append_new(times, json_integer(fact->not_before)) == 0);
    buf_fini(&key);
}

static bool is_ours(const struct learn *learn, const char *name)
{
    size_t len = strlen(name);
    size_t base = strlen(learn->name);
    if (learn->exact || len <= base)
        return strcmp(name, learn->name) == 0;
    return strcmp(name + len - base, learn->name) == 0 && name[len - base - 1] == '.';
}

void learn_add(struct learn *learn, const struct learn_fact *fact)
{
    char hex[65];
    learn->stored += !fact->imported;
    learn->imported += fact->imported;
    learn->unknown += fact->ca == NULL;
    if (fact->ca != NULL)
        count(fact->ca_by_name ? learn->by_name : learn->cas, fact->ca);
    for (size_t i = 0; i < fact->names->count; i++) {
        const char *name = fact->names->at[i];
        bool wild = strncmp(name, "*.", 2) == 0;
        if (!learn->domain)
            break;
        if (wild ? is_ours(learn, name + 2) || dns_covers(span_str(name), span_str(learn->name), false)
                 : is_ours(learn, name))
            count(wild ? learn->wildcards : learn->names, name);
    }
    if (fact->key_type[0] != '\0' && strcmp(fact->key_type, "unknown") != 0)
        count(learn->types, fact->key_type);
    if (fact->signing != NULL)
        count(learn->signatures, fact->signing);
    if (fact->spki != NULL)
        count(learn->keys, text_hex(span_of(fact->spki, 32), hex));
    int64_t life = fact->not_after - fact->not_before + 1;
    learn->longest_s = life > learn->longest_s ? life : learn->longest_s;
    note_begin(learn, fact);
}

static int64_t longest_days(const struct learn *learn)
{
    return (learn->longest_s + 86399) / 86400;
}

static size_t used_again(const struct learn *learn)
{
    const char *key;
    json_t *value;
    size_t again = 0;
    json_object_foreach(learn->keys, key, value) again += json_integer_value(value) > 1;
    return again;
}

/* The words of both, each once. */
static json_t *words(const json_t *counts, const json_t *more)
{
    json_t *list = json_array();
    const char *key;
    json_t *value;
    must(list != NULL);
    json_object_foreach((json_t *)(uintptr_t)counts, key, value)
        must(json_array_append_new(list, json_string(key)) == 0);
    json_object_foreach((json_t *)(uintptr_t)more, key, value)
    {
        if (json_object_get(counts, key) == NULL)
            must(json_array_append_new(list, json_string(key)) == 0);
    }
    return list;
}

static void put(json_t *entry, const char *key, json_t *list)
{
    if (json_array_size(list) != 0 && json_array_size(list) <= LEARN_LIST_MAX)
        must(json_object_set(entry, key, list) == 0);
    json_decref(list);
}

json_t *learn_policy(const struct learn *learn)
{
    json_t *entry = json_object();
    bool below = learn->domain && !learn->exact;
    json_t *name = below ? json_pack("s+", ".", learn->name) : json_string(learn->name);
    must(entry != NULL && json_object_set_new(entry, "name", name) == 0);
    if (learn->exact)
        must(json_object_set_new(entry, "exact", json_string("true")) == 0);
    put(entry, "allow", words(learn->cas, learn->by_name));
    if (json_object_size(learn->keys) != 0 && 2 * used_again(learn) >= json_object_size(learn->keys) &&
        json_object_size(learn->keys) <= LEARN_LIST_MAX)
        must(json_object_set_new(
                 entry, "keys",
                 json_pack("{s:s, s:o}", "mode", "advise", "spki", words(learn->keys, NULL))) == 0);
    put(entry, "wildcard", words(learn->wildcards, NULL));
    json_t *names = words(learn->names, learn->wildcards);
    if (json_array_size(names) != 0 && json_array_size(names) <= LEARN_LIST_MAX)
        must(json_object_set_new(entry, "names", json_pack("{s:O}", "allow", names)) == 0);
    json_decref(names);
    put(entry, "key_types", words(learn->types, NULL));
    if (learn->longest_s > 0)
        must(json_object_set_new(entry, "max_days", json_integer(longest_days(learn))) == 0);
    return entry;
}

static int by_number(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

/* Between one certificate and the next for the same names; two on one day are one. */
static size_t gaps_of(const json_t *times, int64_t *out)
{
    size_t n = json_array_size(times);
    size_t gaps = 0;
    int64_t *at = calloc(n + 1, sizeof *at);
    must(at != NULL);
    for (size_t i = 0; i < n; i++)
        at[i] = json_integer_value(json_array_get(times, i));
    qsort(at, n, sizeof *at, by_number);
    for (size_t i = 1; i < n; i++)
        if (at[i] - at[i - 1] >= 86400)
            out[gaps++] = (at[i] - at[i - 1]) / 86400;
    free(at);
    return gaps;
}

static json_t *cadence(const struct learn *learn, size_t *renewals)
{
    const char *key;
    json_t *times;
    size_t most = 0;
    json_object_foreach(learn->begins, key, times) most += json_array_size(times);
    int64_t *gaps = calloc(most + 1, sizeof *gaps);
    must(gaps != NULL);
    *renewals = 0;
    json_object_foreach(learn->begins, key, times) *renewals += gaps_of(times, gaps + *renewals);
    qsort(gaps, *renewals, sizeof *gaps, by_number);
    json_t *median = *renewals == 0 ? json_null() : json_integer(gaps[*renewals / 2]);
    free(gaps);
    return median;
}

json_t *learn_evidence(const struct learn *learn)
{
    size_t renewals = 0;
    json_t *median = cadence(learn, &renewals);
    json_t *evidence =
        json_pack("{s:I, s:I, s:I, s:O, s:O, s:O, s:O, s:O, s:O, s:I, s:I, s:I, s:o, s:I}", "stored",
                  (json_int_t)learn->stored, "imported", (json_int_t)learn->imported, "unknown_issuer",
                  (json_int_t)learn->unknown, "cas", learn->cas, "cas_by_name", learn->by_name, "names",
                  learn->names, "wildcards", learn->wildcards, "key_types", learn->types, "signatures",
                  learn->signatures, "keys", (json_int_t)json_object_size(learn->keys), "keys_used_again",
                  (json_int_t)used_again(learn), "longest_days", (json_int_t)longest_days(learn),
                  "renewed_after_days", median, "renewals", (json_int_t)renewals);
    must(evidence != NULL);
    return evidence;
}
