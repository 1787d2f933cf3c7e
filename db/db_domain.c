#include "db/db_domain.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "db/db_domainmany.h"
#include "db/db_keylearn.h"
#include "db/db_known.h"
#include "db/db_lookalike.h"
#include "db/db_pair.h"
#include "db/db_watchsame.h"
#include "db/pgexec.h"
#include "db/watchjson.h"

static enum err_code insert_domain(struct pgconn *conn, const struct watch *watch, int64_t *id,
                                   struct err *why)
{
    PGresult *res = NULL;
    struct pgexec_args args = {0};
    pgexec_text(&args, watch->name);
    pgexec_text(&args, watch_kind_name(watch->kind));
    pgexec_bool(&args, watch->exact);
    pgexec_bool(&args, watch->wildcard_allowed);
    pgexec_text(&args, watch->owner);
    struct buf policy;
    buf_init(&policy, LIMIT_POLICY_BYTES);
    watchjson_write(watch, &policy);
    pgexec_text(&args, buf_text(&policy));
    bool fits = buf_ok(&policy);
    enum err_code code =
        !fits ? err_set(why, ERR_TOO_BIG, "domain %s: its policy is too long", watch->name)
              : pgexec_run(conn,
                           "INSERT INTO domain (name, kind, exact, wildcard_allowed, owner, policy)"
                           " VALUES ($1, $2, $3, $4, $5, $6::jsonb - '{owner,channels,allow}'::text[])"
                           " ON CONFLICT (name) DO NOTHING RETURNING id",
                           &args, &res, why);
    buf_fini(&policy);
    if (code != ERR_OK)
        return code;
    if (PQntuples(res) == 1)
        *id = pgexec_get_int(res, 0, 0);
    else
        code = err_set(why, ERR_EXISTS, "domain %s: it is registered already", watch->name);
    PQclear(res);
    return code;
}

/* A domain that comes back finds its alerts as it left them, acknowledged or not; nothing is raised twice. Of
 * two rows about one issuance the newer one is taken. What runs out is known by the number of the domain. */
static enum err_code take_back_alerts(struct pgconn *conn, int64_t id, const char *name, struct err *why)
{
    struct pgexec_args args = {0};
    pgexec_int(&args, id);
    pgexec_text(&args, name);
    return pgexec_do(conn,
                     "WITH gone AS (SELECT a.id, a.tbs_fp, regexp_replace(a.dedup, '^expiry:[0-9]+:', "
                     "'expiry:' || $1::int8"
                     "   || ':') AS dedup FROM alert AS a WHERE a.domain IS NULL AND a.domain_name = $2),"
                     " mine AS (SELECT g.id, g.dedup, row_number() OVER (PARTITION BY g.tbs_fp, g.dedup"
                     "  ORDER BY g.id DESC) AS n FROM gone AS g)"
                     " UPDATE alert AS a SET domain = $1, dedup = mine.dedup FROM mine WHERE a.id = mine.id "
                     "AND mine.n = 1",
                     &args, NULL, why);
}

static enum err_code insert_allow(struct pgconn *conn, int64_t id, const struct watch *watch, struct err *why)
{
    enum err_code code = ERR_OK;
    for (size_t i = 0; code == ERR_OK && i < watch->allow_count; i++) {
        struct pgexec_args args = {0};
        pgexec_int(&args, id);
        pgexec_bytes(&args, span_of(watch->allow[i].spki_sha256, 32));
        pgexec_text(&args, watch->allow[i].label);
        code = pgexec_do(conn,
                         "INSERT INTO domain_allow (domain, spki_sha256, label) VALUES ($1, $2, $3)"
                         " ON CONFLICT DO NOTHING",
                         &args, NULL, why);
    }
    return code;
}

static enum err_code insert_channels(struct pgconn *conn, int64_t id, const char *const *channels,
                                     size_t count, struct err *why)
{
    enum err_code code = ERR_OK;
    for (size_t i = 0; code == ERR_OK && i < count; i++) {
        struct pgexec_args args = {0};
        pgexec_int(&args, id);
        pgexec_text(&args, channels[i]);
        code = pgexec_do(
            conn,
            "UPDATE domain SET channels = channels || $2::text WHERE id = $1 AND NOT $2 = ANY (channels)",
            &args, NULL, why);
    }
    return code;
}

/* Takes the row exclusively: no ingest transaction is between its matching and its commit while we change
 * domains. */
static enum err_code raise_generation(struct pgconn *conn, uint64_t *generation, struct err *why)
{
    PGresult *res;
    enum err_code code =
        pgexec_run(conn, "UPDATE domain_generation SET generation = generation + 1 RETURNING generation",
                   &PGEXEC_NO_ARGS, &res, why);
    if (code != ERR_OK)
        return code;
    if (PQntuples(res) != 1)
        code = err_set(why, ERR_DB_SCHEMA, "database: the table domain_generation has lost its row");
    else if (generation != NULL)
        *generation = (uint64_t)pgexec_get_int(res, 0, 0);
    PQclear(res);
    return code;
}

enum err_code db_domain_add(struct pgconn *conn, const struct watch *watch, const char *const *channels,
                            size_t channel_count, int64_t *id, uint64_t *generation, struct err *why)
{
    if (watch->allow_count > LIMIT_POLICY_LIST)
        return err_set(why, ERR_TOO_BIG, "domain %s: more than %d allowed keys", watch->name,
                       LIMIT_POLICY_LIST);
    enum err_code code = pgexec_begin(conn, why);
    if (code == ERR_OK)
        code = raise_generation(conn, generation, why);
    if (code == ERR_OK)
        code = insert_domain(conn, watch, id, why);
    if (code == ERR_OK)
        code = take_back_alerts(conn, *id, watch->name, why);
    if (code == ERR_OK)
        code = insert_allow(conn, *id, watch, why);
    if (code == ERR_OK)
        code = db_lookalike_room(conn, watch, why);
    if (code == ERR_OK)
        code = insert_channels(conn, *id, channels, channel_count, why);
    if (code == ERR_OK)
        code = pgexec_commit(conn, why);
    if (code != ERR_OK)
        pgexec_rollback(conn);
    return code;
}

enum err_code db_domain_remove(struct pgconn *conn, const char *name, struct err *why)
{
    struct pgexec_args args = {0};
    uint64_t removed = 0;
    pgexec_text(&args, name);
    enum err_code code = pgexec_begin(conn, why);
    if (code == ERR_OK)
        code = raise_generation(conn, NULL, why);
    if (code == ERR_OK)
        code = pgexec_do(conn, "DELETE FROM domain WHERE name = $1", &args, &removed, why);
    if (code == ERR_OK && removed == 0)
        code = err_set(why, ERR_NOT_FOUND,
                       "domain %s: it is not registered; `ctvigil domain list` shows what is", name);
    if (code == ERR_OK)
        code = db_known_leave(conn, &name, 1, why);
    if (code == ERR_OK)
        code = pgexec_commit(conn, why);
    if (code != ERR_OK)
        pgexec_rollback(conn);
    return code;
}

enum err_code db_domain_generation(struct pgconn *conn, uint64_t *generation, struct err *why)
{
    PGresult *res;
    enum err_code code =
        pgexec_cached(conn, "SELECT generation FROM domain_generation", &PGEXEC_NO_ARGS, &res, why);
    if (code != ERR_OK)
        return code;
    if (PQntuples(res) == 1)
        *generation = (uint64_t)pgexec_get_int(res, 0, 0);
    else
        code = err_set(why, ERR_DB_SCHEMA, "database: the table domain_generation has lost its row");
    PQclear(res);
    return code;
}

enum err_code db_domain_history_done(struct pgconn *conn, int64_t id, int64_t rules, bool *done,
                                     struct err *why)
{
    struct pgexec_args args = {0};
    uint64_t marked = 0;
    pgexec_int(&args, id);
    pgexec_int(&args, rules);
    enum err_code code =
        pgexec_do(conn,
                  "WITH over AS (DELETE FROM domain_place WHERE domain = $1)"
                  " UPDATE domain SET history_at = now() WHERE id = $1 AND rules_version = $2",
                  &args, &marked, why);
    if (done != NULL)
        *done = marked != 0;
    return code;
}

/* `looked`: what is stored was looked at already by rules that were no milder. */
static enum err_code update_domain(struct pgconn *conn, const struct watch *watch, bool looked,
                                   struct err *why)
{
    struct pgexec_args args = {0};
    struct pgexec_args only = {0};
    struct buf policy;
    buf_init(&policy, LIMIT_POLICY_BYTES);
    watchjson_write(watch, &policy);
    pgexec_int(&args, watch->id);
    pgexec_text(&args, watch_kind_name(watch->kind));
    pgexec_bool(&args, watch->exact);
    pgexec_bool(&args, watch->wildcard_allowed);
    pgexec_text(&args, watch->owner);
    pgexec_text(&args, buf_text(&policy));
    pgexec_bool(&args, looked);
    pgexec_int(&args, watch->rules);
    pgexec_int(&only, watch->id);
    enum err_code code =
        !buf_ok(&policy)
            ? err_set(why, ERR_TOO_BIG, "domain %s: its policy is too long", watch->name)
            : pgexec_do(conn,
                        "UPDATE domain SET kind = $2, exact = $3, wildcard_allowed = $4, owner = $5,"
                        " policy = $6::jsonb - '{owner,channels,allow}'::text[], channels = '{}',"
                        " history_at = CASE WHEN $7 THEN history_at END, rules_version = $8 WHERE id = $1",
                        &args, NULL, why);
    buf_fini(&policy);
    if (code == ERR_OK)
        code = pgexec_do(conn,
                         "WITH place AS (DELETE FROM domain_place WHERE domain = $1)"
                         " DELETE FROM domain_allow WHERE domain = $1",
                         &only, NULL, why);
    if (code == ERR_OK && !looked && watch->final_within_s != 0)
        code = db_pair_wake(conn, watch->id, why);
    return code;
}

static enum err_code write_one(struct pgconn *conn, struct watch *watch, enum db_domain_change change,
                               bool looked, struct err *why)
{
    bool inserted = change == DB_DOMAIN_ADDED;
    watch->rules += !inserted;
    enum err_code code = inserted ? ERR_OK : update_domain(conn, watch, looked, why);
    if (code == ERR_OK)
        code = insert_allow(conn, watch->id, watch, why);
    if (code == ERR_OK)
        code = insert_channels(conn, watch->id, (const char *const *)watch->channels.at,
                               watch->channels.count, why);
    return code;
}

static int by_name(const void *a, const void *b)
{
    const struct watch *const *left = a;
    const struct watch *const *right = b;
    return strcmp((*left)->name, (*right)->name);
}

/* `stored` is sorted by name, as the column is (COLLATE "C"). */
static struct watch *find_name(struct watch *stored, size_t count, const char *name)
{
    size_t low = 0;
    while (low < count) {
        size_t middle = low + (count - low) / 2;
        int order = strcmp(stored[middle].name, name);
        if (order == 0)
            return &stored[middle];
        if (order < 0)
            low = middle + 1;
        else
            count = middle;
    }
    return NULL;
}

/* Those that are registered and were not given; both are gone through by name. */
static enum err_code leave_out(struct pgconn *conn, const struct db_domain_apply *apply,
                               const struct watch *stored, size_t count, uint64_t *changed, struct err *why)
{
    const struct watch **given = calloc(apply->count + 1, sizeof *given);
    const char **gone = calloc(count + 1, sizeof *gone);
    enum err_code code = ERR_OK;
    size_t gone_count = 0;
    size_t at = 0;
    must(given != NULL && gone != NULL);
    for (size_t i = 0; i < apply->count; i++)
        given[i] = &apply->watches[i];
    qsort(given, apply->count, sizeof *given, by_name);
    for (size_t i = 0; code == ERR_OK && i < count; i++) {
        struct pgexec_args args = {0};
        while (at < apply->count && strcmp(given[at]->name, stored[i].name) < 0)
            at++;
        if (at < apply->count && strcmp(given[at]->name, stored[i].name) == 0)
            continue;
        if (apply->other != NULL)
            apply->other(apply->arg, stored[i].name);
        pgexec_int(&args, stored[i].id);
        if (apply->prune && !apply->dry_run)
            code = pgexec_do(conn, "DELETE FROM domain WHERE id = $1", &args, NULL, why);
        gone[gone_count++] = stored[i].name;
        *changed += apply->prune;
    }
    if (code == ERR_OK && apply->prune && !apply->dry_run)
        code = db_known_leave(conn, gone, gone_count, why);
    free(given);
    free(gone);
    return code;
}

/* As many as are looked for when all is done, those that are not in the file and stay among them. */
static enum err_code check_lookalikes(const struct db_domain_apply *apply, struct watch *stored, size_t count,
                                      struct err *why)
{
    size_t given = 0;
    size_t brands = 0;
    for (size_t i = 0; i < count && !apply->prune; i++)
        brands += stored[i].lookalike != WATCH_LOOKALIKE_OFF;
    for (size_t i = 0; i < apply->count; i++) {
        const struct watch *old = find_name(stored, count, apply->watches[i].name);
        given += apply->watches[i].lookalike != WATCH_LOOKALIKE_OFF;
        brands -= !apply->prune && old != NULL && old->lookalike != WATCH_LOOKALIKE_OFF;
    }
    if (given == 0 || brands + given <= LIMIT_LOOKALIKE_BRANDS)
        return ERR_OK;
    return err_set(why, ERR_TOO_BIG, "look-alikes can be looked for of %d domains at most, it would be %zu",
                   LIMIT_LOOKALIKE_BRANDS, brands + given);
}

static enum err_code add_arrivals(struct pgconn *conn, struct db_domainmany *new, struct err *why)
{
    enum err_code code = db_domainmany_insert(conn, new->watch, new->count, why);
    for (size_t i = 0; code == ERR_OK && i < new->count; i++)
        code = write_one(conn, new->watch[i], DB_DOMAIN_ADDED, false, why);
    *new = (struct db_domainmany){.count = 0};
    return code;
}

static enum err_code apply_one(struct pgconn *conn, struct watch *watch, enum db_domain_change change,
                               struct db_domainmany *new, struct err *why)
{
    if (change == DB_DOMAIN_SAME)
        return ERR_OK;
    if (change == DB_DOMAIN_CHANGED)
        return write_one(conn, watch, change, false, why);
    return db_domainmany_take(new, watch) ? add_arrivals(conn, new, why) : ERR_OK;
}

/* The generation is held. */
static enum err_code apply_all(struct pgconn *conn, struct db_domain_apply *apply, struct watch *stored,
                               size_t count, uint64_t *changed, struct err *why)
{
    struct db_domainmany new = {.count = 0};
    int64_t now = 0;
    enum err_code code = check_lookalikes(apply, stored, count, why);
    if (code == ERR_OK)
        code = pgexec_number(conn, "SELECT extract(epoch FROM now())::int8", &PGEXEC_NO_ARGS, &now, why);
    if (code == ERR_OK)
        code = leave_out(conn, apply, stored, count, changed, why);
    for (size_t i = 0; code == ERR_OK && i < apply->count; i++) {
        struct watch *watch = &apply->watches[i];
        struct watch *old = find_name(stored, count, watch->name);
        db_watchsame_sort(watch);
        if (!db_keylearn_carry(old, watch, now))
            return err_set(why, ERR_MEMORY, "domains: no memory");
        watch->id = old == NULL ? 0 : old->id;
        watch->rules = old == NULL ? 0 : old->rules;
        apply->changes[i] = old == NULL                ? DB_DOMAIN_ADDED
                            : db_watchsame(watch, old) ? DB_DOMAIN_SAME
                                                       : DB_DOMAIN_CHANGED;
        *changed += apply->changes[i] != DB_DOMAIN_SAME;
        if (!apply->dry_run)
            code = apply_one(conn, watch, apply->changes[i], &new, why);
    }
    return code == ERR_OK ? add_arrivals(conn, &new, why) : code;
}

enum err_code db_domain_apply(struct pgconn *conn, struct db_domain_apply *apply, struct err *why)
{
    struct watch *stored = NULL;
    size_t count = 0;
    uint64_t changed = 0;
    enum err_code code = pgexec_begin(conn, why);
    if (code == ERR_OK)
        code = raise_generation(conn, NULL, why);
    if (code == ERR_OK)
        code = db_domain_load_within(conn, &stored, &count, why);
    if (code == ERR_OK)
        code = apply_all(conn, apply, stored, count, &changed, why);
    watch_free(stored, count);
    bool keep = code == ERR_OK && changed != 0 && !apply->dry_run;
    if (keep)
        code = pgexec_commit(conn, why);
    if (!keep || code != ERR_OK)
        pgexec_rollback(conn);
    return code;
}

static enum err_code edit_all(struct pgconn *conn, struct db_domain_edit *edit, struct err *why)
{
    struct watch *stored = NULL;
    size_t count = 0;
    size_t kept = 0;
    enum err_code code = db_domain_load_within(conn, &stored, &count, why);
    for (size_t i = 0; code == ERR_OK && i < count; i++) {
        bool changed = edit->each(edit->arg, &stored[i]);
        if (changed && stored[i].allow_count > LIMIT_POLICY_LIST)
            code = err_set(why, ERR_TOO_BIG, "domain %s: more than %d allowed keys", stored[i].name,
                           LIMIT_POLICY_LIST);
        if (code == ERR_OK && changed && !edit->dry_run)
            code = write_one(conn, &stored[i], DB_DOMAIN_CHANGED, edit->milder, why);
        if (code != ERR_OK || !changed)
            continue;
        struct watch other = stored[kept];
        stored[kept++] = stored[i];
        stored[i] = other;
    }
    edit->watches = stored;
    edit->count = count;
    edit->changed = code == ERR_OK ? kept : 0;
    return code;
}

enum err_code db_domain_edit(struct pgconn *conn, struct db_domain_edit *edit, struct err *why)
{
    edit->watches = NULL;
    edit->count = 0;
    edit->changed = 0;
    enum err_code code = pgexec_begin(conn, why);
    if (code == ERR_OK)
        code = raise_generation(conn, NULL, why);
    if (code == ERR_OK)
        code = edit_all(conn, edit, why);
    bool keep = code == ERR_OK && edit->changed != 0 && !edit->dry_run;
    if (keep)
        code = pgexec_commit(conn, why);
    if (!keep || code != ERR_OK)
        pgexec_rollback(conn);
    return code;
}
