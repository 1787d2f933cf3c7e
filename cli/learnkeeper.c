#include "cli/learnkeeper.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/say.h"
#include "base/text.h"
#include "cli/caretaker.h"
#include "cli/watchname.h"
#include "db/db_domain.h"
#include "db/db_keylearn.h"
#include "db/db_pending.h"
#include "db/db_renewal.h"
#include "db/watchjson.h"

#define LEARNKEEPER_LOCK "keys being learned" /* no domain has a space in its name */

/* A domain at its end, or one that is tried. */
struct learnkeeper_one {
    const struct watch *watch;
    json_t *keys; /* hex to when a log took it in last, ms */
    uint8_t (*learned)[32];
    size_t count;
    size_t left; /* older ones, for which there is no room */
    bool ready;
};

struct learnkeeper_group {
    struct learnkeeper_one one[TOGETHER_MAX];
    size_t count;
    int64_t now;
};

struct learnkeeper_key {
    int64_t at;
    uint8_t spki[32];
};

static void learnkeeper_would(void *arg, const struct alert *alert, const struct sighting *sightings,
                              size_t count)
{
    (void)arg;
    (void)alert;
    (void)sightings;
    (void)count;
}

static bool learnkeeper_first(const struct sighting *sightings, size_t count, int64_t *first)
{
    for (size_t i = 0; i < count; i++)
        if (i == 0 || sightings[i].timestamp_ms < *first)
            *first = sightings[i].timestamp_ms;
    return count != 0;
}

static void learnkeeper_kept(void *arg, const struct alert *alert, const struct sighting *sightings,
                             size_t count)
{
    struct learnkeeper_group *group = arg;
    char hex[65];
    int64_t first = 0;
    size_t i = 0;
    while (i < group->count && group->one[i].watch->id != alert->domain_id)
        i++;
    if (i == group->count || !learnkeeper_first(sightings, count, &first) ||
        first >= group->one[i].watch->learning.until * 1000)
        return;
    json_t *keys = group->one[i].keys;
    (void)text_hex(span_of(alert->issuance->spki_sha256, 32), hex);
    int64_t before = json_integer_value(json_object_get(keys, hex));
    if (before == 0 && json_object_size(keys) >= LIMIT_LEARN_WORDS)
        group->one[i].left++;
    else if (first > before)
        must(json_object_set_new(keys, hex, json_integer(first)) == 0);
}

static int learnkeeper_newest(const void *left, const void *right)
{
    const struct learnkeeper_key *a = left;
    const struct learnkeeper_key *b = right;
    if (a->at != b->at)
        return a->at > b->at ? -1 : 1;
    return memcmp(a->spki, b->spki, 32);
}

/* The newest first. */
static struct learnkeeper_key *learnkeeper_sorted(const json_t *keys)
{
    struct learnkeeper_key *list = calloc(json_object_size(keys) + 1, sizeof *list);
    size_t count = 0;
    const char *hex;
    json_t *at;
    must(list != NULL);
    json_object_foreach((json_t *)(uintptr_t)keys, hex, at)
    {
        list[count].at = json_integer_value(at);
        must(text_unhex(span_str(hex), list[count++].spki, 32));
    }
    qsort(list, count, sizeof *list, learnkeeper_newest);
    return list;
}

static bool learnkeeper_known(const struct watch *watch, const uint8_t spki[32])
{
    const struct watch_hashes *lists[] = {&watch->key_spki, &watch->key_learned};
    for (size_t k = 0; k < countof(lists); k++)
        for (size_t i = 0; i < lists[k]->count; i++)
            if (memcmp(lists[k]->at[i].spki_sha256, spki, 32) == 0)
                return true;
    return false;
}

/* Leaves out what was alerted on, and what is known already. */
static enum err_code learnkeeper_choose(struct pgconn *conn, struct learnkeeper_one *one, struct err *why)
{
    size_t count = json_object_size(one->keys);
    struct learnkeeper_key *list = learnkeeper_sorted(one->keys);
    bool *hit = calloc(count + 1, sizeof *hit);
    size_t old = one->watch->key_learned.count;
    size_t room = LIMIT_LEARNED_KEYS > old ? LIMIT_LEARNED_KEYS - old : 0;
    one->learned = calloc(count + 1, sizeof *one->learned);
    must(hit != NULL && one->learned != NULL);
    for (size_t i = 0; i < count; i++)
        memcpy(one->learned[i], list[i].spki, 32);
    enum err_code code = db_keylearn_alerted(conn, one->watch->id, one->learned[0], count, hit, why);
    for (size_t i = 0; code == ERR_OK && i < count; i++) {
        if (hit[i] || learnkeeper_known(one->watch, list[i].spki))
            continue;
        if (one->count == room)
            one->left++;
        else
            memcpy(one->learned[one->count++], list[i].spki, 32);
    }
    one->ready = code == ERR_OK;
    free(hit);
    free(list);
    return code;
}

static void learnkeeper_free(struct learnkeeper_group *group)
{
    for (size_t i = 0; i < group->count; i++) {
        json_decref(group->one[i].keys);
        free(group->one[i].learned);
    }
    group->count = 0;
}

static void learnkeeper_put(struct learnkeeper_group *group, const struct watch *watch)
{
    struct learnkeeper_one *one = &group->one[group->count++];
    *one = (struct learnkeeper_one){.watch = watch, .keys = json_object()};
    must(one->keys != NULL);
}

/* What is stored, judged by the policies of the group. */
static enum err_code learnkeeper_scan(const char *dsn, struct pgconn *conn, struct learnkeeper_group *group,
                                      const atomic_bool *stop, struct err *why)
{
    const struct watch *watches[TOGETHER_MAX];
    struct history_result results[TOGETHER_MAX];
    const struct caretaker_dry dry = {learnkeeper_would, learnkeeper_kept, group, stop};
    for (size_t i = 0; i < group->count; i++)
        watches[i] = group->one[i].watch;
    enum err_code code = caretaker_try(dsn, conn, watches, group->count, &dry, results, why);
    for (size_t i = 0; code == ERR_OK && i < group->count; i++)
        code = learnkeeper_choose(conn, &group->one[i], why);
    return code;
}

static bool learnkeeper_same(const struct watch *a, const struct watch *b)
{
    struct buf left;
    struct buf right;
    buf_init(&left, LIMIT_POLICY_BYTES);
    buf_init(&right, LIMIT_POLICY_BYTES);
    watchjson_write(a, &left);
    watchjson_write(b, &right);
    bool same = a->id == b->id && a->kind == b->kind && a->exact == b->exact && buf_ok(&left) &&
                buf_ok(&right) && span_eq(buf_span(&left), buf_span(&right));
    buf_fini(&left);
    buf_fini(&right);
    return same;
}

static void learnkeeper_take(const struct learnkeeper_one *one, struct watch *watch)
{
    char hex[65];
    for (size_t i = 0; i < one->count; i++)
        must(watch_hashes_add(&watch->key_learned, one->learned[i],
                              text_hex(span_of(one->learned[i], 32), hex)));
}

/* Under the generation lock. Rules that were changed since are learned by anew, with the next look. */
static bool learnkeeper_edit(void *arg, struct watch *watch)
{
    const struct learnkeeper_group *group = arg;
    if (watch->learning.days == 0 || watch->learning.over)
        return false;
    if (watch->learning.until == 0)
        return db_keylearn_carry(NULL, watch, group->now);
    for (size_t i = 0; i < group->count; i++) {
        const struct learnkeeper_one *one = &group->one[i];
        if (!one->ready || !learnkeeper_same(one->watch, watch))
            continue;
        learnkeeper_take(one, watch);
        watch->learning.over = true;
        return true;
    }
    return false;
}

static enum err_code learnkeeper_store(struct pgconn *conn, struct learnkeeper_group *group, struct err *why)
{
    struct db_domain_edit edit = {.each = learnkeeper_edit, .arg = group};
    enum err_code code = db_domain_edit(conn, &edit, why);
    for (size_t i = 0; code == ERR_OK && i < edit.changed; i++) {
        const struct watch *watch = &edit.watches[i];
        if (watch->learning.over)
            say_info("watch", "domain=%s its keys are learned: %zu are known, others are told from now on",
                     watch->name, watch->key_learned.count + watch->key_spki.count);
    }
    for (size_t i = 0; code == ERR_OK && i < group->count; i++)
        if (group->one[i].left != 0)
            say_warn("watch",
                     "domain=%s more keys were used than there is room for: %zu older ones are not known",
                     group->one[i].watch->name, group->one[i].left);
    watch_free(edit.watches, edit.count);
    return code;
}

static enum err_code learnkeeper_group(const char *dsn, struct pgconn *conn, struct learnkeeper_group *group,
                                       const atomic_bool *stop, struct err *why)
{
    enum err_code code = group->count == 0 ? ERR_OK : learnkeeper_scan(dsn, conn, group, stop, why);
    return code == ERR_OK ? learnkeeper_store(conn, group, why) : code;
}

static bool learnkeeper_ended(const atomic_bool *stop)
{
    return stop != NULL && atomic_load(stop);
}

/* One that can not be judged must not keep the others of its group. */
static enum err_code learnkeeper_each(const char *dsn, struct pgconn *conn, struct learnkeeper_group *group,
                                      const atomic_bool *stop, struct err *why)
{
    struct err first = {0};
    enum err_code code = learnkeeper_group(dsn, conn, group, stop, &first);
    size_t count = group->count;
    if (code == ERR_OK || code == ERR_DB_DOWN || count <= 1 || learnkeeper_ended(stop))
        return code == ERR_OK ? ERR_OK : err_set(why, code, "%s", first.text);
    const struct watch *watches[TOGETHER_MAX];
    for (size_t i = 0; i < count; i++)
        watches[i] = group->one[i].watch;
    code = ERR_OK;
    for (size_t i = 0; i < count && !learnkeeper_ended(stop) && code != ERR_DB_DOWN; i++) {
        struct err one = {0};
        learnkeeper_free(group);
        learnkeeper_put(group, watches[i]);
        code = learnkeeper_group(dsn, conn, group, stop, &one);
        if (code != ERR_OK)
            say_warn("watch", "domain=%s what is known of its keys is not learned yet: %s", watches[i]->name,
                     one.text);
    }
    return code == ERR_DB_DOWN ? err_set(why, code, "the database went away") : ERR_OK;
}

static enum err_code learnkeeper_all(const char *dsn, struct pgconn *conn, const struct watch *due,
                                     size_t due_count, const atomic_bool *stop, struct err *why)
{
    struct learnkeeper_group *group = calloc(1, sizeof *group);
    struct watch *watches = NULL;
    size_t count = 0;
    uint64_t generation = 0;
    must(group != NULL);
    enum err_code code = db_domain_load(conn, &watches, &count, &generation, why);
    if (code == ERR_OK)
        code = db_renewal_now(conn, &group->now, why);
    for (size_t i = 0, at = 0; code == ERR_OK && i < count && !learnkeeper_ended(stop); i++) {
        while (at < due_count && strcmp(due[at].name, watches[i].name) < 0)
            at++;
        bool is_due = at < due_count && due[at].id == watches[i].id;
        if (is_due && watches[i].learning.until != 0)
            learnkeeper_put(group, &watches[i]);
        if (group->count != TOGETHER_MAX)
            continue;
        code = learnkeeper_each(dsn, conn, group, stop, why);
        learnkeeper_free(group);
    }
    /* The last group may be empty, and some may not have begun. */
    if (code == ERR_OK && !learnkeeper_ended(stop))
        code = learnkeeper_each(dsn, conn, group, stop, why);
    learnkeeper_free(group);
    free(group);
    watch_free(watches, count);
    return code;
}

enum err_code learnkeeper_look(const char *dsn, struct pgconn *conn, const atomic_bool *stop, struct err *why)
{
    struct watch *due = NULL;
    size_t count = 0;
    bool taken = false;
    enum err_code code = db_keylearn_due(conn, LIMIT_LEARN_GRACE_S, LIMIT_LEARN_DUE, &due, &count, why);
    if (code == ERR_OK && count != 0)
        code = db_pending_lock(conn, LEARNKEEPER_LOCK, false, &taken, why);
    if (code == ERR_OK && taken) {
        struct err ignored = {0};
        code = learnkeeper_all(dsn, conn, due, count, stop, why);
        enum err_code unlocked = db_pending_unlock(conn, LEARNKEEPER_LOCK, &ignored);
        if (code == ERR_OK && unlocked != ERR_OK)
            code = err_set(why, unlocked, "%s", ignored.text);
    }
    watch_free(due, count);
    return code;
}

enum err_code learnkeeper_try(const char *dsn, struct pgconn *conn, struct watch *watch, size_t *left,
                              struct err *why)
{
    struct learnkeeper_group *group = calloc(1, sizeof *group);
    must(group != NULL);
    learnkeeper_put(group, watch);
    enum err_code code = learnkeeper_scan(dsn, conn, group, NULL, why);
    if (code == ERR_OK)
        learnkeeper_take(&group->one[0], watch);
    *left = group->one[0].left;
    learnkeeper_free(group);
    free(group);
    return code;
}

struct learnkeeper_asked {
    const char *name;
    int64_t now;
    bool known;
};

static bool learnkeeper_renew(void *arg, struct watch *watch)
{
    struct learnkeeper_asked *asked = arg;
    if (strcmp(watch->name, asked->name) != 0)
        return false;
    asked->known = true;
    if (watch->learning.days == 0)
        return false;
    db_keylearn_begin(watch, asked->now);
    return true;
}

static enum err_code learnkeeper_begin(struct pgconn *conn, struct learnkeeper_asked *asked,
                                       struct watch *out, struct err *why)
{
    struct db_domain_edit edit = {.each = learnkeeper_renew, .arg = asked, .milder = true};
    enum err_code code = db_renewal_now(conn, &asked->now, why);
    if (code == ERR_OK)
        code = db_domain_edit(conn, &edit, why);
    if (code == ERR_OK && !asked->known)
        code = err_set(why, ERR_NOT_FOUND, "%s: not registered; 'ctvigil domain list' shows what is",
                       asked->name);
    else if (code == ERR_OK && edit.changed == 0)
        code = err_set(why, ERR_USAGE, "%s: its policy learns no keys (keys.learn)", asked->name);
    if (code == ERR_OK)
        out->learning = edit.watches[0].learning;
    watch_free(edit.watches, edit.count);
    return code;
}

int learnkeeper_again(const struct cmd *cmd, const char *typed)
{
    char name[DNS_TEXT_MAX];
    char until[TEXT_TIME_MAX];
    struct watch watch = {0};
    struct pgconn *conn = NULL;
    struct err why = {0};
    struct learnkeeper_asked asked = {.name = name};
    enum err_code code = cmd_db_open(cmd, &conn, &why);
    if (code == ERR_OK)
        code = watchname_read(typed, &watch, name, &why);
    if (code == ERR_OK)
        code = learnkeeper_begin(conn, &asked, &watch, &why);
    if (code == ERR_OK) {
        (void)text_time(watch.learning.until * 1000, false, until);
        if (cmd->json)
            cmd_print_json(json_pack("{s:s, s:s, s:s}", "schema", "ctvigil.domain.learning.1", "domain", name,
                                     "until", until));
        else
            printf("%s: what was learned of its keys is forgotten; they are learned again until %s\n", name,
                   until);
    }
    if (conn != NULL)
        cmd_db_close(conn);
    return code == ERR_OK ? CMD_OK : cmd_fail(&why);
}
