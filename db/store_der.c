#include "db/store_der.h"

#include "db/store_sha256.h"

#define SLICE_KEYS  4096 /* asked for at once */
#define FEW_FORMS   8192 /* remembered when those of registered domains alone are kept */
#define FORM_ISSUER 1    /* the memory wants an issuer, and a hash of a certificate needs none */

bool store_der_init(struct pgstore_keep *keep, enum store_pg_store store, enum store_pg_der der)
{
    struct fpcache *known = NULL;
    struct copy hashes = {0};
    if (der != STORE_PG_DER_NONE) {
        known = fpcache_new(der == STORE_PG_DER_ALL ? LIMIT_FORMS_KNOWN : FEW_FORMS);
        if (known == NULL || !store_sha256_init(&hashes)) {
            fpcache_free(known);
            return false;
        }
    }
    store_der_fini(keep);
    *keep = (struct pgstore_keep){.known = known, .hashes = hashes};
    derput_init(&keep->put);
    buf_init(&keep->keys, 20 + 12 * SLICE_KEYS);
    keep->store = store;
    keep->der = der;
    return true;
}

void store_der_fini(struct pgstore_keep *keep)
{
    fpcache_free(keep->known);
    derput_fini(&keep->put);
    buf_fini(&keep->keys);
    copy_fini(&keep->hashes);
}

void store_der_forget(struct pgstore_keep *keep)
{
    if (keep->known != NULL)
        fpcache_forget(keep->known);
}

static bool looks_at_alerts(const struct pgstore_keep *keep)
{
    return keep->store == STORE_PG_WATCHED || keep->der != STORE_PG_DER_NONE;
}

void store_der_judge(struct pgstore *pg, struct batch *const *batches, size_t count)
{
    for (size_t i = 0; looks_at_alerts(&pg->keep) && i < count; i++) {
        struct batch *batch = batches[i];
        for (size_t k = 0; k < batch->entry_count; k++)
            batch->entries[k].concerned = batch->watch_generation == 0;
        for (size_t k = 0; k < batch->alert_count; k++)
            batch->entries[batch->alerts[k].entry_at].concerned = true;
    }
}

/* CA certificates are few, and whoever reviews a domain wants those above it. */
static bool gets_row(const struct pgstore_keep *keep, const struct entry *entry)
{
    return keep->store == STORE_PG_ALL || entry->concerned || stage_is_malformed(entry) ||
           (entry->issuance.cert_flags & CERT_IS_CA) != 0;
}

size_t store_der_leave_out(struct pgstore *pg)
{
    struct stage *stage = &pg->stage;
    size_t all = stage->count;
    size_t kept = 0;
    for (size_t i = 0; pg->keep.store == STORE_PG_WATCHED && i < all; i++) {
        struct stage_row row = stage->rows[i];
        if (!gets_row(&pg->keep, row.entry))
            continue;
        stage->rows[i] = stage->rows[kept];
        stage->rows[kept++] = row;
    }
    if (pg->keep.store == STORE_PG_WATCHED)
        stage->count = kept;
    return all - stage->count;
}

static struct span der_of_entry(const struct entry *entry)
{
    return entry->kind == ENTRY_X509 ? entry->cert_der : entry->unverified_precert;
}

/* What expired before the horizon has no row, and is kept for those who are told of it alone. */
static bool is_wanted(const struct pgstore_keep *keep, const struct entry *entry, int64_t horizon_s)
{
    static const uint8_t none[32];
    size_t len = der_of_entry(entry).len;
    bool all = keep->der == STORE_PG_DER_ALL && entry->issuance.not_after >= horizon_s;
    return (all || entry->concerned) && stage_is_readable(entry) && gets_row(keep, entry) && len != 0 &&
           len <= LIMIT_DER_BYTES && memcmp(entry->sighting.sha256, none, sizeof none) != 0 &&
           !fpcache_has(keep->known, entry->sighting.sha256, FORM_ISSUER);
}

static enum err_code collect(struct pgstore_keep *keep, struct batch *const *batches, size_t count,
                             int64_t horizon_s, struct err *why)
{
    keep->put.count = 0;
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < batches[i]->entry_count; k++) {
            const struct entry *entry = &batches[i]->entries[k];
            if (!is_wanted(keep, entry, horizon_s))
                continue;
            if (!derput_add(&keep->put, derput_month(entry->issuance.not_after), entry->sighting.sha256,
                            der_of_entry(entry)))
                return err_set(why, ERR_MEMORY, "database: no memory for the certificates of a commit");
            keep->put.forms[keep->put.count - 1].of = entry;
        }
    }
    derput_sort(&keep->put);
    return ERR_OK;
}

/* Marks with an absent `der` those of forms[first, first + count) that are stored. */
static enum err_code drop_stored(struct pgstore *pg, size_t first, size_t count, struct err *why)
{
    static const char sql[] = "SELECT n FROM der_known($1) AS n";
    struct pgstore_keep *keep = &pg->keep;
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res;
    buf_clear(&keep->keys);
    copy_put_array(&keep->keys, COPY_OID_INT8, count);
    for (size_t i = 0; i < count; i++)
        copy_put_element(&keep->keys, span_of(keep->put.forms[first + i].sha256, 8));
    if (!buf_ok(&keep->keys))
        return err_set(why, ERR_MEMORY, "database: no memory for a query");
    pgexec_binary(&args, COPY_OID_INT8_ARRAY, buf_span(&keep->keys));
    enum err_code code = pgexec_cached(pg->conn, sql, &args, &res, why);
    if (code != ERR_OK)
        return code;
    for (int i = 0; i < PQntuples(res); i++) {
        int64_t at = pgexec_get_int(res, i, 0);
        must(at > 0 && (uint64_t)at <= count);
        keep->put.forms[first + (size_t)at - 1].der = SPAN_NONE;
    }
    PQclear(res);
    return ERR_OK;
}

enum err_code store_der_write(struct pgstore *pg, struct batch *const *batches, size_t count, struct err *why)
{
    struct pgstore_keep *keep = &pg->keep;
    size_t left = 0;
    keep->put.count = 0;
    if (keep->der == STORE_PG_DER_NONE)
        return ERR_OK;
    enum err_code code = collect(keep, batches, count, pg->stage.horizon_s, why);
    for (size_t at = 0; code == ERR_OK && at < keep->put.count; at += SLICE_KEYS) {
        size_t rest = keep->put.count - at;
        code = drop_stored(pg, at, rest < SLICE_KEYS ? rest : SLICE_KEYS, why);
    }
    if (code != ERR_OK)
        return code;
    /* Those that are stored go behind the others: they are remembered, too. */
    for (size_t i = 0; i < keep->put.count; i++) {
        if (keep->put.forms[i].der.at == NULL)
            continue;
        struct derput_form form = keep->put.forms[i];
        keep->put.forms[i] = keep->put.forms[left];
        keep->put.forms[left++] = form;
    }
    if (left != 0)
        code = derput_copy(&keep->put, left, &pg->copy, pg->conn, why);
    return code == ERR_OK ? store_sha256_write(pg, why) : code;
}

void store_der_remember(struct pgstore *pg)
{
    struct pgstore_keep *keep = &pg->keep;
    for (size_t i = 0; i < keep->put.count; i++)
        fpcache_add(keep->known, keep->put.forms[i].sha256, FORM_ISSUER);
    keep->put.count = 0;
}

enum err_code store_der_note_thin(struct pgstore *pg, const struct store_settle *settle, struct err *why)
{
    static const char grow_sql[] = "UPDATE log_thin SET range_end = $3, until = now()"
                                   " WHERE log = $1::int2 AND range_end = $2";
    static const char add_sql[] =
        "INSERT INTO log_thin AS t (log, range_begin, range_end) VALUES ($1::int2, $2, $3)"
        " ON CONFLICT (log, range_begin) DO UPDATE SET"
        " range_end = greatest(t.range_end, excluded.range_end), until = now()";
    struct pgexec_args args = PGEXEC_NO_ARGS;
    uint64_t changed = 0;
    if (pg->keep.store == STORE_PG_ALL || settle->next == settle->range->next)
        return ERR_OK;
    pgexec_int(&args, settle->range->log_id);
    pgexec_int(&args, (int64_t)settle->range->next);
    pgexec_int(&args, (int64_t)settle->next);
    enum err_code code = pgexec_do(pg->conn, grow_sql, &args, &changed, why);
    if (code == ERR_OK && changed == 0)
        code = pgexec_do(pg->conn, add_sql, &args, NULL, why);
    return code;
}
