#include "db/stage.h"

#include <stdlib.h>

#include "base/dns.h"
#include "base/limits.h"
#include "db/dbkey.h"
#include "db/facts.h"
#include "db/others.h"
#include "db/stagesort.h"

#define TILE         256
#define SCRATCH_MAX  LIMIT_COPY_BYTES
#define DAY_S        86400
#define CERT_COLUMNS 15
#define AHEAD        16 /* rows; a row takes about as long as a fetch from memory */

const char stage_tables[] =
    "CREATE TEMP TABLE IF NOT EXISTS stage_cert (not_after timestamptz, not_before timestamptz,"
    " first_seen timestamptz, apex8 int8, idx int8, facts int8, issuer int4, log int2, tbs_fp bytea, serial "
    "bytea,"
    " spki_sha256 bytea, names text, cn text, findings bytea, others text) ON COMMIT DELETE ROWS;"
    "CREATE TEMP TABLE IF NOT EXISTS stage_key (tbs_fp bytea, issuer int4, apex8 int8) ON COMMIT DELETE ROWS;"
    "CREATE TEMP TABLE IF NOT EXISTS stage_ip (tbs_fp bytea, issuer int4, ip inet) ON COMMIT DELETE ROWS;"
    "CREATE TEMP TABLE IF NOT EXISTS stage_tile (log int2, tile int8, first_index int8, last_index int8,"
    " fp8 int8[], sha8 int8[], info bytea) ON COMMIT DELETE ROWS;"
    "CREATE TEMP TABLE IF NOT EXISTS stage_malformed (log int2, idx int8, timestamp timestamptz, findings "
    "text[],"
    " leaf bytea, extra bytea) ON COMMIT DELETE ROWS;"
    "CREATE TEMP TABLE IF NOT EXISTS stage_alert (ord int4, domain int8, domain_name text, kind text, "
    "severity text,"
    " name text, tbs_fp bytea, dedup text, findings jsonb, issuance jsonb, log int2, idx int8, form text,"
    " timestamp timestamptz, alert int8) ON COMMIT DELETE ROWS;"
    "CREATE TEMP TABLE IF NOT EXISTS stage_entry (idx int8, tbs_fp bytea, issuer int4, fp8 int8, sha8 int8,"
    " info bytea, old_fp8 int8, old_sha8 int8, old_info bytea, matched bool) ON COMMIT DELETE ROWS;"
    "CREATE TEMP TABLE IF NOT EXISTS stage_wrong (tbs_fp bytea, issuer int4, not_after timestamptz,"
    " not_before timestamptz, log int2, idx int8, seen timestamptz) ON COMMIT DELETE ROWS;"
    "CREATE TEMP TABLE IF NOT EXISTS stage_gone (alert int8) ON COMMIT DELETE ROWS;"
    "CREATE TEMP TABLE IF NOT EXISTS stage_pair (domain int8, tbs_fp bytea, not_after timestamptz)"
    " ON COMMIT DELETE ROWS;"
    "CREATE TEMP TABLE IF NOT EXISTS stage_sct (sha256 bytea, tbs_fp bytea, not_after timestamptz, der bytea)"
    " ON COMMIT DELETE ROWS;"
    "CREATE TEMP TABLE IF NOT EXISTS stage_sha256 (tbs_fp bytea, issuer int4, not_after timestamptz,"
    " sha256 bytea, precert int8) ON COMMIT DELETE ROWS;";

/* The same columns, and the slot in front of them. */
#define SQL_CERT "COPY stage_cert FROM STDIN (FORMAT binary)"
#define SQL_KEY  "COPY stage_key FROM STDIN (FORMAT binary)"
#define SQL_IP   "COPY stage_ip FROM STDIN (FORMAT binary)"
#define LOAD_CERT                                                                                            \
    "COPY cert_load (slot, not_after, not_before, first_seen, apex8, idx, facts, issuer, log, tbs_fp, "      \
    "serial, spki_sha256, names, cn, findings, others) FROM STDIN (FORMAT binary)"
#define LOAD_KEY "COPY cert_load_key (slot, tbs_fp, issuer, apex8) FROM STDIN (FORMAT binary)"
#define LOAD_IP  "COPY cert_load_ip (slot, tbs_fp, issuer, ip) FROM STDIN (FORMAT binary)"

const uint32_t stage_cert_types[] = {COPY_OID_TIME,  COPY_OID_TIME,  COPY_OID_TIME,  COPY_OID_INT8,
                                     COPY_OID_INT8,  COPY_OID_INT8,  COPY_OID_INT4,  COPY_OID_INT2,
                                     COPY_OID_BYTEA, COPY_OID_BYTEA, COPY_OID_BYTEA, COPY_OID_TEXT,
                                     COPY_OID_TEXT,  COPY_OID_BYTEA, COPY_OID_TEXT,  0};
const uint32_t stage_key_types[] = {COPY_OID_BYTEA, COPY_OID_INT4, COPY_OID_INT8, 0};
const uint32_t stage_ip_types[] = {COPY_OID_BYTEA, COPY_OID_INT4, COPY_OID_INET, 0};

void stage_init(struct stage *stage)
{
    *stage = (struct stage){.horizon_s = INT64_MIN, .from_s = INT64_MIN, .until_s = INT64_MAX};
    buf_init(&stage->scratch, SCRATCH_MAX);
    buf_init(&stage->others, SCRATCH_MAX);
}

void stage_fini(struct stage *stage)
{
    free(stage->rows);
    free(stage->spare);
    free(stage->keys);
    buf_fini(&stage->scratch);
    buf_fini(&stage->others);
}

bool stage_is_readable(const struct entry *entry)
{
    return entry->kind != ENTRY_OPAQUE && issuance_is_parsed(&entry->issuance);
}

bool stage_is_malformed(const struct entry *entry)
{
    return !stage_is_readable(entry) || finding_any_broken(&entry->findings) ||
           finding_any_broken(&entry->issuance.findings);
}

const char *stage_form(const struct entry *entry)
{
    return stage_is_readable(entry) ? issuance_form_name(entry->sighting.form) : "unparsed";
}

void stage_pack(const struct entry *entry, int64_t *fp8, int64_t *sha8, uint8_t info[9])
{
    bool readable = stage_is_readable(entry);
    int64_t ms = entry->timestamp_ms;
    int64_t day = readable ? entry->issuance.not_after / DAY_S : 0;
    uint8_t form = FACTS_FORM_UNPARSED;
    if (readable)
        form = facts_form_pack(entry->sighting.form);
    ms = ms < 0 ? 0 : ms > 0xffffffffffff ? 0xffffffffffff : ms;
    day = day < 0 ? 0 : day > 0xffff ? 0xffff : day;
    *fp8 = readable ? dbkey_first8(entry->issuance.tbs_fp) : 0;
    *sha8 = readable ? dbkey_first8(entry->sighting.sha256) : 0;
    for (int i = 0; i < 6; i++)
        info[i] = (uint8_t)((uint64_t)ms >> (40 - 8 * i));
    info[6] = form;
    info[7] = (uint8_t)((uint64_t)day >> 8);
    info[8] = (uint8_t)day;
}

static enum err_code make_room(struct stage *stage, size_t total, struct err *why)
{
    if (total <= stage->cap)
        return ERR_OK;
    free(stage->rows);
    free(stage->spare);
    stage->cap = 0;
    stage->rows = malloc(total * sizeof *stage->rows);
    stage->spare = malloc(total * sizeof *stage->spare);
    if (stage->rows == NULL || stage->spare == NULL)
        return err_set(why, ERR_MEMORY, "database: no memory for %zu rows", total);
    stage->cap = total;
    return ERR_OK;
}

enum err_code stage_collect(struct stage *stage, struct batch *const *batches, size_t count,
                            const struct issuer_ids *ids, size_t *missing, struct err *why)
{
    size_t total = 0;
    *missing = 0;
    for (size_t i = 0; i < count; i++)
        total += batches[i]->entry_count;
    stage->count = 0;
    enum err_code code = make_room(stage, total, why);
    if (code != ERR_OK)
        return code;
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < batches[i]->entry_count; k++) {
            const struct entry *entry = &batches[i]->entries[k];
            if (!stage_is_readable(entry))
                continue;
            int32_t issuer = issuer_ids_find(ids, &entry->issuance);
            *missing += issuer == 0;
            stage->rows[stage->count++] = (struct stage_row){(uint64_t)dbkey_first8(entry->issuance.tbs_fp),
                                                             entry, batches[i]->log->id, issuer, false};
        }
    }
    if (stage->count != 0)
        stagesort_rows(&stage->rows, &stage->spare, stage->count);
    return ERR_OK;
}

enum err_code stage_resolve(struct stage *stage, struct issuer_ids *ids, struct pgconn *conn, struct err *why)
{
    const struct issuance **list = malloc((stage->count + 1) * sizeof *list);
    size_t count = 0;
    if (list == NULL)
        return err_set(why, ERR_MEMORY, "database: no memory for %zu issuers", stage->count);
    for (size_t i = 0; i < stage->count; i++) {
        if (stage->rows[i].issuer == 0)
            list[count++] = &stage->rows[i].entry->issuance;
    }
    enum err_code code = issuer_ids_resolve(ids, conn, list, count, why);
    free(list);
    return code;
}

static bool key_add(struct stage *stage, size_t row, int64_t apex8)
{
    if (stage->key_count == stage->key_cap) {
        size_t cap = stage->key_cap == 0 ? 4096 : 2 * stage->key_cap;
        struct stage_key *keys = realloc(stage->keys, cap * sizeof *keys);
        if (keys == NULL)
            return false;
        stage->keys = keys;
        stage->key_cap = cap;
    }
    stage->keys[stage->key_count++] = (struct stage_key){row, apex8};
    return true;
}

struct key_row {
    struct stage *stage;
    size_t row;
};

static bool key_other(void *arg, struct span key)
{
    struct key_row *to = arg;
    return key_add(to->stage, to->row, dbkey_apex8(key));
}

/* While a database changes to another public suffix list a name has the keys of both. It may have been read
 * by the one or the other, so all three are asked. */
static bool keys_by_lists(struct stage *stage, size_t row, const struct issuance *issuance, int64_t apex8)
{
    bool ok = true;
    for (size_t i = 0; ok && i < issuance->name_count; i++) {
        const struct name *name = &issuance->names[i];
        struct span by[] = {SPAN_NONE, SPAN_NONE};
        if (name->kind != NAME_DNS)
            continue;
        by[0] = dns_apex(name->text);
        by[1] = dns_apex_also(name->text);
        for (size_t k = 0; ok && k < countof(by); k++) {
            int64_t key = by[k].len == 0 || span_eq(by[k], name->apex) ? apex8 : dbkey_apex8(by[k]);
            ok = key == apex8 || key_add(stage, row, key);
        }
    }
    return ok;
}

/* The key of the first registrable domain; every other key goes to stage->keys, duplicates included. */
static bool collect_keys(struct stage *stage, size_t row, const struct issuance *issuance, size_t first_name,
                         int64_t *apex8)
{
    struct span last = SPAN_NONE;
    bool ok = true;
    bool first = true;
    *apex8 = 0;
    if (issuance_has_placeholder(issuance))
        ok = key_add(stage, row, dbkey_apex8(SPAN_LIT(DBKEY_PLACEHOLDER)));
    for (size_t i = 0; ok && i < issuance->name_count; i++) {
        /* The name that is stored first decides the row's own key. */
        size_t at = i == 0 ? first_name : i <= first_name ? i - 1 : i;
        const struct name *name = &issuance->names[at];
        if (name->kind != NAME_DNS || name->apex.len == 0 || (!first && span_eq(name->apex, last)))
            continue;
        last = name->apex;
        int64_t key = dbkey_apex8(last);
        if (first)
            *apex8 = key;
        else if (key != *apex8)
            ok = key_add(stage, row, key);
        first = false;
    }
    if (ok && dns_has_also())
        ok = keys_by_lists(stage, row, issuance, *apex8);
    return ok && others_keys(issuance, key_other, &(struct key_row){stage, row});
}

/* Position of the DNS name that is byte for byte the common name; 0 and *is_cn false when there is none. */
static size_t first_name_of(const struct issuance *issuance, bool *is_cn)
{
    *is_cn = false;
    for (size_t i = 0; issuance->subject_cn.len != 0 && i < issuance->name_count; i++) {
        const struct name *name = &issuance->names[i];
        if (name->kind != NAME_DNS || !span_eq(name->text, issuance->subject_cn))
            continue;
        *is_cn = true;
        return i;
    }
    return 0;
}

/* Every DNS name, as far as a stored certificate may be long. False: it holds more names or addresses than
 * are stored, and "?" at the end stands for the others. */
static bool put_names(struct buf *out, const struct issuance *issuance, size_t first_name)
{
    size_t names = 0;
    size_t ips = 0;
    buf_clear(out);
    for (size_t i = 0; i < issuance->name_count; i++) {
        size_t at = i == 0 ? first_name : i <= first_name ? i - 1 : i;
        ips += issuance->names[at].kind == NAME_IP;
        if (issuance->names[at].kind != NAME_DNS)
            continue;
        if (++names > LIMIT_NAMES_STORED || out->len > LIMIT_NAMES_BYTES)
            break;
        if (out->len != 0)
            buf_byte(out, ' ');
        dbkey_put_name(out, issuance->names[at].text);
    }
    bool whole = names <= LIMIT_NAMES_STORED && ips <= LIMIT_NAMES_STORED && out->len <= LIMIT_NAMES_BYTES;
    if (!whole)
        buf_str(out, " " DBKEY_PLACEHOLDER);
    return whole;
}

/* Times that could not be read stand for the earliest and the latest: nothing is hidden. */
static int64_t clamped_s(int64_t unix_s)
{
    return unix_s < CERT_TIME_MIN ? CERT_TIME_MIN : unix_s > CERT_TIME_MAX ? CERT_TIME_MAX : unix_s;
}

static void put_seconds(struct copy *copy, int64_t unix_s)
{
    copy_time(copy, clamped_s(unix_s) * 1000);
}

static void begin_row(const struct stage_sink *sink, struct copy *copy, unsigned columns)
{
    copy_row(copy, columns + (sink->slot != 0));
    if (sink->slot != 0)
        copy_int8(copy, sink->slot);
}

static void put_cert(struct stage *stage, const struct stage_sink *sink, const struct stage_row *row,
                     size_t at)
{
    struct copy *copy = sink->cert;
    const struct issuance *issuance = &row->entry->issuance;
    uint8_t findings[FACTS_FINDINGS_BYTES];
    int64_t apex8;
    bool cn_first;
    size_t first_name = first_name_of(issuance, &cn_first);
    bool ok = collect_keys(stage, at, issuance, first_name, &apex8);
    int64_t facts = facts_pack(issuance, cn_first);
    bool whole = put_names(&stage->scratch, issuance, first_name);
    buf_clear(&stage->others);
    if (!others_put(&stage->others, issuance) || !whole) {
        facts |= (int64_t)FACTS_PLACEHOLDER;
        ok = ok && key_add(stage, at, dbkey_apex8(SPAN_LIT(DBKEY_PLACEHOLDER)));
    }
    if ((!ok || !buf_ok(&stage->scratch) || !buf_ok(&stage->others)) && copy->code == ERR_OK)
        copy->code = err_set(copy->why, ERR_MEMORY, "database: no memory for the names of a certificate");
    begin_row(sink, copy, CERT_COLUMNS);
    put_seconds(copy, issuance->not_after);
    put_seconds(copy, issuance->not_before);
    copy_time(copy, row->entry->timestamp_ms);
    copy_int8(copy, apex8);
    copy_int8(copy, (int64_t)row->entry->index);
    copy_int8(copy, facts);
    copy_int4(copy, row->issuer);
    copy_int2(copy, (int16_t)row->log_id);
    copy_bytes(copy, span_of(issuance->tbs_fp, 32));
    copy_bytes(copy, issuance->serial);
    copy_bytes(copy, span_of(issuance->spki_sha256, 32));
    copy_ascii(copy, buf_span(&stage->scratch));
    if (issuance->subject_cn.at == NULL || cn_first)
        copy_null(copy);
    else
        copy_text(copy, issuance->subject_cn, LIMIT_CN_BYTES);
    facts_findings_store(&issuance->findings, findings);
    if (finding_none(&issuance->findings))
        copy_null(copy);
    else
        copy_bytes(copy, span_of(findings, sizeof findings));
    if (stage->others.len == 0)
        copy_null(copy);
    else
        copy_ascii(copy, buf_span(&stage->others));
}

static bool is_same_issuance(const struct stage_row *a, const struct stage_row *b)
{
    return a->head == b->head && a->issuer == b->issuer &&
           memcmp(a->entry->issuance.tbs_fp, b->entry->issuance.tbs_fp, 32) == 0;
}

/* Its partition is gone. */
static bool is_beyond(const struct stage *stage, size_t i)
{
    return clamped_s(stage->rows[i].entry->issuance.not_after) < stage->horizon_s;
}

/* Whether row i stands for an issuance that is to be staged; its other sightings follow it. */
static bool is_wanted(const struct stage *stage, size_t i)
{
    if (stage->rows[i].stored || (i != 0 && is_same_issuance(&stage->rows[i - 1], &stage->rows[i])))
        return false;
    int64_t not_after = clamped_s(stage->rows[i].entry->issuance.not_after);
    return not_after >= stage->horizon_s && not_after >= stage->from_s && not_after < stage->until_s;
}

/* Rows are in the order of their fingerprints, so every entry and every place of the memory of issuances lies
 * somewhere else; asked for some rows ahead they are there when they are needed. */
static void look_ahead(const struct stage *stage, size_t at, const struct fpcache *known)
{
    if (at + AHEAD >= stage->count)
        return;
    const uint8_t *issuance = (const uint8_t *)&stage->rows[at + AHEAD].entry->issuance;
    for (size_t i = 0; i < sizeof(struct issuance); i += 64)
        __builtin_prefetch(issuance + i);
    const struct issuance *nearer = &stage->rows[at + AHEAD / 2].entry->issuance;
    if (known != NULL)
        fpcache_fetch(known, nearer->tbs_fp);
    else
        __builtin_prefetch(nearer->names);
}

void stage_recall(struct stage *stage, struct fpcache *known, uint64_t age)
{
    if (!fpcache_hold(known, age))
        return;
    for (size_t i = 0; i < stage->count; i++) {
        struct stage_row *row = &stage->rows[i];
        look_ahead(stage, i, known);
        row->stored = fpcache_has(known, row->entry->issuance.tbs_fp, row->issuer);
    }
    fpcache_let(known);
}

void stage_remember(const struct stage *stage, struct fpcache *known, uint64_t age)
{
    if (!fpcache_hold(known, age))
        return;
    for (size_t i = 0; i < stage->count; i++) {
        if (stage->rows[i].stored) /* it was remembered when it was asked for */
            continue;
        look_ahead(stage, i, known);
        if (is_beyond(stage, i))
            continue;
        fpcache_add(known, stage->rows[i].entry->issuance.tbs_fp, stage->rows[i].issuer);
    }
    fpcache_let(known);
}

static enum err_code put_ips(struct stage *stage, const struct stage_sink *sink, struct pgconn *conn,
                             struct err *why)
{
    struct copy *copy = sink->ip;
    bool any = false;
    for (size_t i = 0; i < stage->count; i++) {
        const struct issuance *issuance = &stage->rows[i].entry->issuance;
        if (!is_wanted(stage, i))
            continue;
        for (size_t k = 0, stored = 0; k < issuance->name_count && stored < LIMIT_NAMES_STORED; k++) {
            const struct name *name = &issuance->names[k];
            if (name->kind != NAME_IP || (name->raw.len != 4 && name->raw.len != 16))
                continue;
            stored++;
            if (!any)
                copy_begin(copy, conn, sink->slot == 0 ? SQL_IP : LOAD_IP, why);
            any = true;
            begin_row(sink, copy, 3);
            copy_bytes(copy, span_of(issuance->tbs_fp, 32));
            copy_int4(copy, stage->rows[i].issuer);
            copy_inet(copy, name->raw);
        }
    }
    return any ? copy_end(copy) : ERR_OK;
}

static int by_row_and_key(const void *left, const void *right)
{
    const struct stage_key *a = left;
    const struct stage_key *b = right;
    if (a->row != b->row)
        return a->row < b->row ? -1 : 1;
    return (a->apex8 > b->apex8) - (a->apex8 < b->apex8);
}

static enum err_code put_keys(struct stage *stage, const struct stage_sink *sink, struct pgconn *conn,
                              struct err *why)
{
    struct copy *copy = sink->key;
    if (stage->key_count == 0)
        return ERR_OK;
    qsort(stage->keys, stage->key_count, sizeof *stage->keys, by_row_and_key);
    copy_begin(copy, conn, sink->slot == 0 ? SQL_KEY : LOAD_KEY, why);
    for (size_t i = 0; i < stage->key_count; i++) {
        if (i != 0 && by_row_and_key(&stage->keys[i - 1], &stage->keys[i]) == 0)
            continue;
        const struct stage_row *row = &stage->rows[stage->keys[i].row];
        begin_row(sink, copy, 3);
        copy_bytes(copy, span_of(row->entry->issuance.tbs_fp, 32));
        copy_int4(copy, row->issuer);
        copy_int8(copy, stage->keys[i].apex8);
    }
    return copy_end(copy);
}

enum err_code stage_certs(struct stage *stage, const struct stage_sink *sink, struct pgconn *conn,
                          size_t *staged, struct err *why)
{
    *staged = 0;
    stage->key_count = 0;
    stage->beyond = 0;
    for (size_t i = 0; i < stage->count; i++) {
        look_ahead(stage, i, NULL);
        stage->beyond += is_beyond(stage, i);
        if (!is_wanted(stage, i))
            continue;
        if ((*staged)++ == 0)
            copy_begin(sink->cert, conn, sink->slot == 0 ? SQL_CERT : LOAD_CERT, why);
        put_cert(stage, sink, &stage->rows[i], i);
    }
    enum err_code code = *staged == 0 ? ERR_OK : copy_end(sink->cert);
    if (code == ERR_OK)
        code = put_keys(stage, sink, conn, why);
    if (code == ERR_OK)
        code = put_ips(stage, sink, conn, why);
    return code;
}

struct tile {
    int64_t fp8[TILE];
    int64_t sha8[TILE];
    uint8_t info[TILE * FACTS_INFO_BYTES];
    size_t count;
    uint64_t first;
};

static void put_tile(struct copy *copy, int32_t log_id, struct tile *tile)
{
    if (tile->count == 0)
        return;
    copy_row(copy, 7);
    copy_int2(copy, (int16_t)log_id);
    copy_int8(copy, (int64_t)(tile->first / TILE));
    copy_int8(copy, (int64_t)tile->first);
    copy_int8(copy, (int64_t)(tile->first + tile->count - 1));
    copy_int8s(copy, tile->fp8, tile->count);
    copy_int8s(copy, tile->sha8, tile->count);
    copy_bytes(copy, span_of(tile->info, tile->count * FACTS_INFO_BYTES));
    tile->count = 0;
}

enum err_code stage_tiles(struct copy *copy, struct pgconn *conn, struct batch *const *batches, size_t count,
                          struct err *why)
{
    struct tile tile;
    tile.count = 0;
    tile.first = 0;
    copy_begin(copy, conn, "COPY stage_tile FROM STDIN (FORMAT binary)", why);
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < batches[i]->entry_count; k++) {
            const struct entry *entry = &batches[i]->entries[k];
            if (entry->index / TILE != tile.first / TILE)
                put_tile(copy, batches[i]->log->id, &tile);
            if (tile.count == 0)
                tile.first = entry->index;
            must(entry->index == tile.first + tile.count);
            stage_pack(entry, &tile.fp8[tile.count], &tile.sha8[tile.count],
                       tile.info + tile.count * FACTS_INFO_BYTES);
            tile.count++;
        }
    }
    if (count != 0)
        put_tile(copy, batches[0]->log->id, &tile);
    return copy_end(copy);
}

static void put_finding_names(struct buf *out, const struct finding_set *set)
{
    size_t count = 0;
    for (int i = 0; i < FINDING_COUNT; i++)
        count += finding_has(set, (enum finding)i);
    buf_clear(out);
    copy_put_array(out, COPY_OID_TEXT, count);
    for (int i = 0; i < FINDING_COUNT; i++) {
        if (finding_has(set, (enum finding)i))
            copy_put_element(out, span_str(finding_name((enum finding)i)));
    }
}

enum err_code stage_malformed(struct stage *stage, struct copy *copy, struct pgconn *conn,
                              struct batch *const *batches, size_t count, size_t *count_out, struct err *why)
{
    *count_out = 0;
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < batches[i]->entry_count; k++) {
            const struct entry *entry = &batches[i]->entries[k];
            if (!stage_is_malformed(entry))
                continue;
            if ((*count_out)++ == 0)
                copy_begin(copy, conn, "COPY stage_malformed FROM STDIN (FORMAT binary)", why);
            struct finding_set findings = entry->findings;
            finding_merge(&findings, &entry->issuance.findings);
            put_finding_names(&stage->scratch, &findings);
            copy_row(copy, 6);
            copy_int2(copy, (int16_t)batches[i]->log->id);
            copy_int8(copy, (int64_t)entry->index);
            if (entry->timestamp_ms == 0)
                copy_null(copy);
            else
                copy_time(copy, entry->timestamp_ms);
            copy_bytes(copy, buf_span(&stage->scratch));
            copy_bytes(copy, entry->leaf);
            copy_bytes(copy, entry->extra);
        }
    }
    return *count_out == 0 ? ERR_OK : copy_end(copy);
}
