/* The other side of bench_db: the same stream of entries into a schema like crt.sh's (crtsh_like.sql),
 * imported the way it does: a temporary table, a join that finds what is known, numbers for the rest, INSERT.
 */
#ifndef CTVIGIL_CRTSHLIKE_H
#define CTVIGIL_CRTSHLIKE_H

#include "base/text.h"
#include "bench/dbcost.h"
#include "bench/issuancemill.h"
#include "db/dbkey.h"

#define CRTSHLIKE_DER   900
#define CRTSHLIKE_BATCH 8192

static const char *const crtshlike_steps[] = {
    "ANALYZE arrived",
    "UPDATE arrived AS a SET id = c.id, is_new = false FROM certificate AS c"
    " WHERE sha256(c.certificate) = a.sha256 AND c.not_after = a.not_after",
    "UPDATE arrived AS a SET id = n.id, is_new = true FROM (SELECT x.sha256, nextval('certificate_id') AS id"
    " FROM (SELECT DISTINCT sha256 FROM arrived WHERE id IS NULL) AS x) AS n"
    " WHERE a.id IS NULL AND a.sha256 = n.sha256",
    "INSERT INTO certificate (id, issuer_ca_id, not_after, certificate, names)"
    " SELECT DISTINCT ON (a.id) a.id, a.issuer, a.not_after, a.der, "
    "array_to_tsvector(string_to_array(a.names, ' '))"
    " FROM arrived AS a WHERE a.is_new ORDER BY a.id",
    "INSERT INTO ct_log_entry SELECT id, entry_id, to_timestamp(seen / 1e6)::timestamp, log FROM arrived",
    "COMMIT",
};

/* Every name, all its suffixes, and the name reversed, each once. */
static inline void crtshlike_lexemes(struct buf *out, const struct issuance *issuance)
{
    struct span last = SPAN_NONE;

    for (size_t i = 0; i < issuance->name_count; i++) {
        struct span name = issuance->names[i].text;
        buf_put(out, name);
        buf_byte(out, ' ');
        for (size_t k = name.len; k > 0; k--)
            buf_byte(out, name.at[k - 1]);
        buf_byte(out, ' ');
        if (last.at != NULL && span_eq(last, issuance->names[i].apex))
            continue;
        last = issuance->names[i].apex;
        for (size_t k = 1; k < name.len; k++) {
            if (name.at[k - 1] != '.')
                continue;
            buf_put(out, span_part(name, k, name.len));
            buf_byte(out, ' ');
        }
    }
    out->len -= out->len != 0;
}

static inline void crtshlike_int8(uint8_t *out, int64_t value)
{
    for (int i = 0; i < 8; i++)
        out[i] = (uint8_t)((uint64_t)value >> (56 - 8 * i));
}

static inline void crtshlike_der(const struct issuance *issuance, uint64_t number, bool precert,
                                 uint8_t der[CRTSHLIKE_DER])
{
    for (size_t i = 0; i < CRTSHLIKE_DER / 32; i++)
        issuancemill_hash(number * 64 + i, precert ? 6 : 7, der + 32 * i);
    memcpy(der, issuance->serial.at, issuance->serial.len);
    memcpy(der + 32, issuance->spki_sha256, 32);
    issuancemill_hash(number, 8, der + 64);
    crtshlike_int8(der + 96, issuance->not_before * 1000000);
    crtshlike_int8(der + 104, issuance->not_after * 1000000);
    memset(der + CRTSHLIKE_DER / 32 * 32, 0, CRTSHLIKE_DER % 32);
}

static inline void crtshlike_row(struct buf *out, uint64_t at, const struct issuancemill_entry *entry,
                                 int64_t begun, struct arena *arena)
{
    struct issuance issuance;
    uint8_t der[CRTSHLIKE_DER];
    uint8_t sha[32];
    char hex[2 * CRTSHLIKE_DER + 1];

    arena_reset(arena, 1u << 20);
    issuancemill_make(&issuance, entry->number, begun, arena);
    crtshlike_der(&issuance, entry->number, entry->precert, der);
    dbkey_sha256(span_of(der, sizeof der), sha);
    buf_fmt(out, "%" PRIu64 "\t%u\t%u\t%" PRId64 "\t%" PRId64 "\t", at, entry->log,
            (unsigned)issuancemill_issuer(entry->number), issuance.not_before * 1000000 + (int64_t)at,
            issuance.not_after * 1000000);
    buf_fmt(out, "\\\\x%s\t", text_hex(span_of(sha, 32), hex));
    buf_str(out, "\\\\x");
    buf_str(out, text_hex(span_of(der, sizeof der), hex));
    buf_byte(out, '\t');
    crtshlike_lexemes(out, &issuance);
    buf_byte(out, '\n');
}

static inline void crtshlike_commit(PGconn *pg, struct buf *rows)
{
    PQclear(dbcost_query(pg, "BEGIN"));
    PQclear(dbcost_query(pg, "TRUNCATE arrived"));
    PQclear(dbcost_query(
        pg, "COPY arrived (entry_id, log, issuer, seen, not_after, sha256, der, names) FROM STDIN"));
    must(PQputCopyData(pg, (const char *)rows->at, (int)rows->len) == 1 && PQputCopyEnd(pg, NULL) == 1);
    for (PGresult *res = PQgetResult(pg); res != NULL; res = PQgetResult(pg)) {
        must(PQresultStatus(res) == PGRES_COMMAND_OK);
        PQclear(res);
    }
    for (size_t i = 0; i < countof(crtshlike_steps); i++)
        PQclear(dbcost_query(pg, crtshlike_steps[i]));
}

static inline void crtshlike_run(PGconn *pg, const char *schema, uint64_t issuances, int64_t begun,
                                 struct dbcost *cost)
{
    struct issuancemill mill;
    struct issuancemill_entry entry;
    struct arena arena;
    struct buf rows;
    uint64_t at = 0;
    bool any = true;

    must(arena_init(&arena, 4u << 20));
    buf_init(&rows, (size_t)64 << 20);
    issuancemill_begin(&mill, issuances);
    PQclear(dbcost_query(pg, schema));
    while (any) {
        uint64_t first = at;
        buf_clear(&rows);
        while (at - first < CRTSHLIKE_BATCH && (any = issuancemill_next(&mill, at, &entry)))
            crtshlike_row(&rows, at++, &entry, begun, &arena);
        must(buf_ok(&rows));
        dbcost_start(cost, PQbackendPID(pg));
        crtshlike_commit(pg, &rows);
        dbcost_stop(cost, PQbackendPID(pg), at - first);
    }
    issuancemill_end(&mill);
    buf_fini(&rows);
    arena_fini(&arena);
}

#endif
