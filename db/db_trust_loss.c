#include "db/db_trust_loss.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/text.h"
#include "db/pgexec.h"
#include "trust/builtin.h"

struct loss {
    const char *part;
    bool roots;           /* the part is a list of roots; otherwise of rules about keys */
    uint8_t (*fresh)[32]; /* hashes of the import, sorted, each once */
    size_t fresh_count;
    uint8_t (*old)[32]; /* hashes that are in force, as above */
    size_t old_count;
    size_t old_cap;
    uint64_t had;
    uint64_t lost;
};

static int by_bytes(const void *left, const void *right)
{
    return memcmp(left, right, 32);
}

static size_t once(uint8_t (*list)[32], size_t count)
{
    size_t kept = 0;
    if (count != 0)
        qsort(list, count, 32, by_bytes);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || memcmp(list[i], list[kept - 1], 32) != 0)
            memmove(list[kept++], list[i], 32);
    return kept;
}

static void on_old(void *arg, const uint8_t sha256[32])
{
    struct loss *loss = arg;
    if (loss->old_count == loss->old_cap) {
        loss->old_cap = 2 * loss->old_cap + 256;
        loss->old = realloc(loss->old, loss->old_cap * sizeof *loss->old);
        must(loss->old != NULL);
    }
    memcpy(loss->old[loss->old_count++], sha256, 32);
}

static const struct catake_part *part_of(const struct catake *take, const char *name, uint32_t *at)
{
    for (*at = 0; *at < take->part_count; (*at)++)
        if (strcmp(take->part[*at].name, name) == 0)
            return &take->part[*at];
    return NULL;
}

static void find_fresh(struct loss *loss, const struct catake *take, uint32_t part)
{
    loss->fresh = calloc(take->rule_count + 1, sizeof *loss->fresh);
    must(loss->fresh != NULL);
    for (size_t i = 0; i < take->rule_count; i++) {
        const struct catake_rule *rule = &take->rule[i];
        if (rule->part == part && !rule->lifts && (!loss->roots || rule->rule.kind == CARULE_ANCHOR))
            memcpy(loss->fresh[loss->fresh_count++], rule->rule.hash, 32);
    }
    loss->fresh_count = once(loss->fresh, loss->fresh_count);
}

/* NULL: the part was never imported, or nothing of it is in force. */
static const char before_sql[] =
    "SELECT r.hash, p.part FROM trust_part AS p LEFT JOIN trust_rule AS r"
    " ON r.part = p.part AND (r.kind = 'anchor' OR NOT $2::bool) AND r.gone_at IS NULL WHERE p.part = $1";

static enum err_code look(struct pgconn *conn, struct loss *loss, int store, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res = NULL;
    pgexec_text(&args, loss->part);
    pgexec_bool(&args, loss->roots);
    enum err_code code = pgexec_run(conn, before_sql, &args, &res, why);
    if (code != ERR_OK)
        return code;
    for (int row = 0; row < PQntuples(res); row++) {
        struct span hash = pgexec_get_bytes(res, row, 0);
        if (hash.len == 32)
            on_old(loss, hash.at);
    }
    if (PQntuples(res) == 0 && loss->roots)
        builtin_anchors((enum verdict_store)store, on_old, loss);
    else if (PQntuples(res) == 0)
        builtin_keys(loss->part, on_old, loss);
    PQclear(res);
    loss->old_count = once(loss->old, loss->old_count);
    loss->had = loss->old_count;
    for (size_t i = 0; loss->old != NULL && i < loss->old_count; i++)
        loss->lost += bsearch(loss->old[i], loss->fresh, loss->fresh_count, 32, by_bytes) == NULL;
    return ERR_OK;
}

static const struct {
    const char *part;
    const char *title;
} lists[] = {{"distrust", "The distrust table"}, {"chrome.blocked", "Chromium's list of blocked keys"}};

static enum err_code judge(const struct loss *loss, const char *title, const char *what, struct err *why)
{
    if (loss->lost * 100 <= loss->had * LIMIT_TRUST_LOSS_PERCENT)
        return ERR_OK;
    return err_set(why, ERR_FORMAT,
                   "%s would lose %" PRIu64 " of its %" PRIu64 " %s, and have %zu: the list looks"
                   " cut off, or of something else. Nothing was imported; with --force it is believed",
                   title, loss->lost, loss->had, what, loss->fresh_count);
}

static enum err_code check(struct pgconn *conn, const struct catake *take, int list, struct err *why)
{
    bool roots = list < VERDICT_STORES;
    struct loss loss = {.roots = roots};
    const char *title =
        roots ? verdict_store_title((enum verdict_store)list) : lists[list - VERDICT_STORES].title;
    uint32_t at;
    loss.part = roots ? builtin_roots_part((enum verdict_store)list) : lists[list - VERDICT_STORES].part;
    if (part_of(take, loss.part, &at) == NULL)
        return ERR_OK;
    find_fresh(&loss, take, at);
    enum err_code code = look(conn, &loss, list, why);
    if (code == ERR_OK)
        code = judge(&loss, title, roots ? "roots" : "keys", why);
    free(loss.fresh);
    free(loss.old);
    return code;
}

static int by_text(const void *left, const void *right)
{
    const char *const *a = left;
    const char *const *b = right;
    return strcmp(*a, *b);
}

static size_t find_names(const struct catake *take, const char **names)
{
    size_t count = 0;
    size_t kept = 0;
    for (size_t i = 0; i < take->caa_count; i++)
        if (strncmp(take->caa[i].domain, "ca:", 3) != 0)
            names[count++] = take->caa[i].domain;
    if (count != 0)
        qsort(names, count, sizeof *names, by_text);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || strcmp(names[i], names[kept - 1]) != 0)
            names[kept++] = names[i];
    return kept;
}

/* Names that came from a file before; those that the program came with hold in any case. */
static enum err_code check_names(struct pgconn *conn, const struct catake *take, struct err *why)
{
    static const char sql[] = "SELECT DISTINCT domain FROM trust_caa WHERE domain NOT LIKE 'ca:%'";
    struct loss loss = {.had = 0};
    PGresult *res = NULL;
    uint32_t at;
    if (part_of(take, "caa", &at) == NULL)
        return ERR_OK;
    enum err_code code = pgexec_run(conn, sql, &PGEXEC_NO_ARGS, &res, why);
    if (code != ERR_OK)
        return code;
    const char **names = calloc(take->caa_count + 1, sizeof *names);
    must(names != NULL);
    loss.fresh_count = find_names(take, names);
    loss.had = (uint64_t)PQntuples(res);
    for (int row = 0; row < PQntuples(res); row++) {
        const char *name = pgexec_get_text(res, row, 0);
        loss.lost += bsearch(&name, names, loss.fresh_count, sizeof *names, by_text) == NULL;
    }
    PQclear(res);
    free(names);
    return judge(&loss, "The table of names in CAA records", "names", why);
}

enum err_code db_trust_loss_check(struct pgconn *conn, const struct catake *take, struct err *why)
{
    enum err_code code = ERR_OK;
    for (int i = 0; code == ERR_OK && i < VERDICT_STORES + (int)countof(lists); i++)
        code = check(conn, take, i, why);
    return code == ERR_OK ? check_names(conn, take, why) : code;
}

/* When what is in force was so; 0: nothing is. */
static enum err_code dated_now(struct pgconn *conn, const char *part, int64_t *dated_ms, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res = NULL;
    bool born = strcmp(part, "distrust") == 0 || strcmp(part, "chrome.blocked") == 0;
    for (int i = 0; i < VERDICT_STORES; i++)
        born = born || strcmp(part, builtin_roots_part((enum verdict_store)i)) == 0;
    *dated_ms = born ? BUILTIN_MS : 0;
    pgexec_text(&args, part);
    enum err_code code = pgexec_run(conn, "SELECT dated FROM trust_part WHERE part = $1", &args, &res, why);
    if (code != ERR_OK)
        return code;
    if (PQntuples(res) != 0)
        *dated_ms = pgexec_is_null(res, 0, 0) ? 0 : pgexec_get_time(res, 0, 0);
    PQclear(res);
    return ERR_OK;
}

enum err_code db_trust_loss_older(struct pgconn *conn, const struct catake *take,
                                  char out[DB_TRUST_LOSS_TEXT], struct err *why)
{
    enum err_code code = ERR_OK;
    size_t older = 0;
    out[0] = '\0';
    for (size_t i = 0; code == ERR_OK && i < take->part_count; i++) {
        const struct catake_part *part = &take->part[i];
        char now[TEXT_TIME_MAX];
        char before[TEXT_TIME_MAX];
        int64_t dated_ms = 0;
        code = dated_now(conn, part->name, &dated_ms, why);
        if (code == ERR_OK && part->dated_ms != 0 && part->dated_ms < dated_ms && older++ == 0)
            (void)snprintf(out, DB_TRUST_LOSS_TEXT,
                           "%s is of %.10s, older than what it took the place of (%.10s)", part->name,
                           text_time(part->dated_ms, false, now), text_time(dated_ms, false, before));
    }
    size_t len = strlen(out);
    if (older > 1)
        (void)snprintf(out + len, DB_TRUST_LOSS_TEXT - len, "; other parts that are older, too: %zu",
                       older - 1);
    return code;
}
