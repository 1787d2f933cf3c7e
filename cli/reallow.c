#include "cli/reallow.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "cli/caafind.h"
#include "db/db_domain.h"
#include "db/db_explain.h"

struct reading {
    const char *dsn;
    struct err why;
    enum err_code code; /* the first failure of the database */
};

static void on_key(void *arg, const struct watch_allow *allow)
{
    struct watch_hashes *list = arg;
    must(watch_hashes_add(list, allow->spki_sha256, allow->label));
}

static bool has(const struct watch_hashes *list, const struct watch_allow *one, bool by_key)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->at[i].label, one->label) == 0 &&
            (!by_key || memcmp(list->at[i].spki_sha256, one->spki_sha256, 32) == 0))
            return true;
    return false;
}

static void free_hashes(struct watch_hashes *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->at[i].label);
    free(list->at);
    *list = (struct watch_hashes){0};
}

/* The keys of one name; those it had when it has none now. */
static void expand(struct reading *reading, const struct watch *watch, const struct watch_hashes *old,
                   const char *label, struct watch_hashes *fresh)
{
    struct err warning = {0};
    struct err why = {0};
    char shown[120];
    enum err_code code = caafind_keys(reading->dsn, label, on_key, fresh, &warning, &why);
    if (code == ERR_OK)
        return;
    if (code != ERR_USAGE && reading->code == ERR_OK)
        reading->code = err_set(&reading->why, code, "%s", why.text);
    if (code == ERR_USAGE)
        fprintf(stderr, "ctvigil: warning: %s: '%s' stands for no key any more; it keeps those it had\n",
                watch->name, text_visible_str(span_str(label), shown, sizeof shown));
    for (size_t i = 0; i < old->count; i++)
        if (strcmp(old->at[i].label, label) == 0)
            on_key(fresh, &old->at[i]);
}

/* Of any that follows names, changed now or not: whoever changed it may have died before he closed anything.
 */
static bool by_name(const struct watch *watch)
{
    for (size_t i = 0; i < watch->allow_count; i++)
        if (watch_allow_by_name(watch->allow[i].label))
            return true;
    return false;
}

/* True: the list is another one. */
static bool renew(struct reading *reading, const struct watch *watch, struct watch_hashes *list)
{
    struct watch_hashes fresh = {0};
    bool same = true;
    for (size_t i = 0; i < list->count; i++) {
        if (!watch_allow_by_name(list->at[i].label))
            on_key(&fresh, &list->at[i]);
        else if (!has(&fresh, &list->at[i], false))
            expand(reading, watch, list, list->at[i].label, &fresh);
    }
    for (size_t i = 0; i < fresh.count; i++)
        same = same && has(list, &fresh.at[i], true);
    for (size_t i = 0; i < list->count; i++)
        same = same && has(&fresh, &list->at[i], true);
    if (same) {
        free_hashes(&fresh);
        return false;
    }
    free_hashes(list);
    *list = fresh;
    return true;
}

static bool on_watch(void *arg, struct watch *watch)
{
    struct reading *reading = arg;
    struct watch_hashes allow = {watch->allow, watch->allow_count};
    bool changed = renew(reading, watch, &allow);
    watch->allow = allow.at;
    watch->allow_count = allow.count;
    changed = renew(reading, watch, &watch->deny) || changed;
    return changed && reading->code == ERR_OK;
}

enum err_code reallow_run(const char *dsn, struct pgconn *conn, struct reallow *done, struct err *why)
{
    struct reading reading = {.dsn = dsn};
    struct db_domain_edit edit = {.each = on_watch, .arg = &reading};
    *done = (struct reallow){0};
    caafind_forget();
    enum err_code code = db_domain_edit(conn, &edit, why);
    for (size_t i = 0; code == ERR_OK && i < edit.count; i++) {
        uint64_t closed = 0;
        if (i >= edit.changed && !by_name(&edit.watches[i]))
            continue;
        code = db_explain_close(conn, edit.watches[i].id,
                                "what was imported of CAs says that an allowed one issued it", &closed, why);
        done->closed += closed;
    }
    if (code == ERR_OK && reading.code != ERR_OK)
        code = err_set(why, reading.code, "%s", reading.why.text);
    done->domains = edit.changed;
    watch_free(edit.watches, edit.count);
    return code;
}
