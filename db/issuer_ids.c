#include "db/issuer_ids.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/limits.h"
#include "db/copy.h"
#include "db/pgexec.h"
#include "model/dname.h"

#define SLOTS (2 * LIMIT_ISSUERS_CACHED) /* a power of two, at most half full */
#define RECENT                                                                                               \
    256 /* by the first byte of the key: nearly every question is for one of a few dozen issuers             \
         */
#define CHUNK       256
#define CHUNK_BYTES ((size_t)CHUNK * (LIMIT_ISSUER_BYTES + 64))

struct known {
    uint64_t hash;
    int32_t id; /* 0: free */
    uint32_t dn_len;
    uint8_t spki[32];
    uint8_t *dn;
};

struct issuer_ids {
    struct known *slots;
    size_t count;
    struct known **recent; /* where the answer lay last; looked at before anything is hashed */
};

static const uint8_t no_key[32];

static const uint8_t *key_of(const struct issuance *issuance)
{
    return issuance->issuer_known ? issuance->issuer_spki_sha256 : no_key;
}

static struct span name_of(const struct issuance *issuance)
{
    struct span dn = issuance->issuer;
    if (dn.at == NULL)
        return SPAN_LIT("");
    dn.len = dn.len < LIMIT_ISSUER_BYTES ? dn.len : LIMIT_ISSUER_BYTES;
    return dn;
}

struct issuer_ids *issuer_ids_new(void)
{
    struct issuer_ids *ids = calloc(1, sizeof *ids);
    if (ids == NULL)
        return NULL;
    ids->slots = calloc(SLOTS, sizeof *ids->slots);
    ids->recent = calloc(RECENT, sizeof(*ids->recent));
    if (ids->slots == NULL || ids->recent == NULL) {
        issuer_ids_free(ids);
        return NULL;
    }
    return ids;
}

void issuer_ids_forget(struct issuer_ids *ids)
{
    for (size_t i = 0; ids->count != 0 && i < SLOTS; i++) {
        if (ids->slots[i].id == 0)
            continue;
        free(ids->slots[i].dn);
        ids->slots[i] = (struct known){0};
        ids->count--;
    }
}

void issuer_ids_free(struct issuer_ids *ids)
{
    if (ids == NULL)
        return;
    issuer_ids_forget(ids);
    free(ids->slots);
    free(ids->recent);
    free(ids);
}

static uint64_t hash_of(const uint8_t spki[32], struct span dn)
{
    return hash_keyed(dn) * 31 + hash_keyed(span_of(spki, 32));
}

static bool is(const struct known *slot, const uint8_t spki[32], struct span dn)
{
    return memcmp(slot->spki, spki, 32) == 0 && span_eq(span_of(slot->dn, slot->dn_len), dn);
}

/* The slot that holds the key, or the free one where it belongs. */
static struct known *slot_of(const struct issuer_ids *ids, const uint8_t spki[32], struct span dn,
                             uint64_t hash)
{
    for (size_t at = (size_t)hash & (SLOTS - 1);; at = (at + 1) & (SLOTS - 1)) {
        struct known *slot = &ids->slots[at];
        if (slot->id == 0 || (slot->hash == hash && is(slot, spki, dn)))
            return slot;
    }
}

int32_t issuer_ids_find(const struct issuer_ids *ids, const struct issuance *issuance)
{
    struct span dn = name_of(issuance);
    const uint8_t *spki = key_of(issuance);
    struct known **recent = &ids->recent[spki[0] % RECENT];
    if (*recent == NULL || (*recent)->id == 0 || !is(*recent, spki, dn))
        *recent = slot_of(ids, spki, dn, hash_of(spki, dn));
    return (*recent)->id;
}

static enum err_code remember(struct issuer_ids *ids, const struct issuance *issuance, int32_t id,
                              struct err *why)
{
    struct span dn = name_of(issuance);
    const uint8_t *spki = key_of(issuance);
    uint64_t hash = hash_of(spki, dn);
    struct known *slot = slot_of(ids, spki, dn, hash);
    if (slot->id != 0)
        return ERR_OK;
    slot->dn = malloc(dn.len + 1);
    if (slot->dn == NULL)
        return err_set(why, ERR_MEMORY, "issuers: no memory");
    if (dn.len != 0)
        memcpy(slot->dn, dn.at, dn.len);
    slot->dn_len = (uint32_t)dn.len;
    memcpy(slot->spki, spki, 32);
    slot->hash = hash;
    slot->id = id;
    ids->count++;
    return ERR_OK;
}

static int by_key(const void *left, const void *right)
{
    const struct issuance *a = *(const struct issuance *const *)left;
    const struct issuance *b = *(const struct issuance *const *)right;
    int order = memcmp(key_of(a), key_of(b), 32);
    return order != 0 ? order : span_cmp(name_of(a), name_of(b));
}

/* The two columns that identify, and the text, of list[0..count) as three arrays. */
static void put_arrays(const struct issuance *const *list, size_t count, struct buf arrays[3])
{
    copy_put_array(&arrays[0], COPY_OID_BYTEA, count);
    copy_put_array(&arrays[1], COPY_OID_BYTEA, count);
    copy_put_array(&arrays[2], COPY_OID_TEXT, count);
    for (size_t i = 0; i < count; i++) {
        struct buf text;
        buf_init(&text, 4 * DNAME_TEXT_MAX);
        dname_text(name_of(list[i]), &text);
        copy_put_element(&arrays[0], span_of(key_of(list[i]), 32));
        copy_put_element(&arrays[1], name_of(list[i]));
        copy_put_element(&arrays[2], buf_span(&text));
        buf_fini(&text);
    }
}

static enum err_code read_ids(struct issuer_ids *ids, struct pgconn *conn, const struct issuance *const *list,
                              const struct pgexec_args *args, size_t *found, struct err *why)
{
    static const char sql[] =
        "SELECT u.ord, i.id FROM unnest($1::bytea[], $2::bytea[]) WITH ORDINALITY AS u(spki, dn, ord)"
        " JOIN issuer AS i ON i.spki_sha256 = u.spki AND i.dn_sha256 = sha256(u.dn)";
    PGresult *res;
    enum err_code code = pgexec_run(conn, sql, args, &res, why);
    if (code != ERR_OK)
        return code;
    *found = (size_t)PQntuples(res);
    for (int row = 0; row < PQntuples(res) && code == ERR_OK; row++)
        code =
            remember(ids, list[pgexec_get_int(res, row, 0) - 1], (int32_t)pgexec_get_int(res, row, 1), why);
    PQclear(res);
    return code;
}

/* Sequences do not roll back, so only what is really missing is inserted. */
static enum err_code make_ids(struct pgconn *conn, const struct pgexec_args *args, struct err *why)
{
    static const char sql[] =
        "WITH u AS (SELECT spki, sha256(dn) AS dn_sha256, dn, dn_text"
        " FROM unnest($1::bytea[], $2::bytea[], $3::text[]) AS n(spki, dn, dn_text))"
        " INSERT INTO issuer (spki_sha256, dn_sha256, dn, dn_text)"
        " SELECT u.spki, u.dn_sha256, u.dn, u.dn_text FROM u WHERE NOT EXISTS (SELECT FROM issuer AS i"
        " WHERE i.spki_sha256 = u.spki AND i.dn_sha256 = u.dn_sha256)"
        " ORDER BY u.spki, u.dn_sha256 ON CONFLICT DO NOTHING";
    return pgexec_do(conn, sql, args, NULL, why);
}

static enum err_code resolve_chunk(struct issuer_ids *ids, struct pgconn *conn,
                                   const struct issuance *const *list, size_t count, struct err *why)
{
    struct buf arrays[3];
    for (size_t i = 0; i < countof(arrays); i++)
        buf_init(&arrays[i], CHUNK_BYTES);
    put_arrays(list, count, arrays);
    enum err_code code = ERR_OK;
    size_t found = 0;
    for (size_t i = 0; i < countof(arrays); i++) {
        if (!buf_ok(&arrays[i]))
            code = err_set(why, ERR_MEMORY, "issuers: no memory");
    }
    struct pgexec_args read_args = PGEXEC_NO_ARGS;
    struct pgexec_args make_args = PGEXEC_NO_ARGS;
    if (code == ERR_OK) {
        pgexec_binary(&read_args, COPY_OID_BYTEA_ARRAY, buf_span(&arrays[0]));
        pgexec_binary(&read_args, COPY_OID_BYTEA_ARRAY, buf_span(&arrays[1]));
        make_args = read_args;
        pgexec_binary(&make_args, COPY_OID_TEXT_ARRAY, buf_span(&arrays[2]));
        code = read_ids(ids, conn, list, &read_args, &found, why);
    }
    if (code == ERR_OK && found != count) {
        code = make_ids(conn, &make_args, why);
        if (code == ERR_OK)
            code = read_ids(ids, conn, list, &read_args, &found, why);
        if (code == ERR_OK && found != count)
            code = err_set(why, ERR_DB, "issuers: %zu rows of %zu were found again", found, count);
    }
    for (size_t i = 0; i < countof(arrays); i++)
        buf_fini(&arrays[i]);
    return code;
}

enum err_code issuer_ids_resolve(struct issuer_ids *ids, struct pgconn *conn,
                                 const struct issuance *const *list, size_t count, struct err *why)
{
    if (count == 0)
        return ERR_OK;
    const struct issuance **unique = malloc(count * sizeof *unique);
    if (unique == NULL)
        return err_set(why, ERR_MEMORY, "issuers: no memory");
    memcpy(unique, list, count * sizeof *unique);
    qsort(unique, count, sizeof *unique, by_key);
    size_t left = 0;
    for (size_t i = 0; i < count; i++) {
        if (left == 0 || by_key(&unique[left - 1], &unique[i]) != 0)
            unique[left++] = unique[i];
    }
    if (ids->count + left > LIMIT_ISSUERS_CACHED)
        issuer_ids_forget(ids);
    enum err_code code = ERR_OK;
    for (size_t at = 0; at < left && code == ERR_OK; at += CHUNK)
        code = resolve_chunk(ids, conn, unique + at, left - at < CHUNK ? left - at : CHUNK, why);
    free(unique);
    return code;
}
