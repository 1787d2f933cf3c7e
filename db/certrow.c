#include "db/certrow.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "base/dns.h"
#include "base/text.h"
#include "db/dbkey.h"
#include "db/facts.h"
#include "db/others.h"

#define DAY_S         86400
#define TWIN_WORK_MAX (1u << 20) /* beyond, a row has only the place where it was first seen */

enum column {
    COL_NOT_AFTER,
    COL_NOT_BEFORE,
    COL_FIRST_SEEN,
    COL_APEX8,
    COL_IDX,
    COL_FACTS,
    COL_ISSUER,
    COL_LOG,
    COL_TBS_FP,
    COL_SERIAL,
    COL_SPKI,
    COL_NAMES,
    COL_CN,
    COL_FINDINGS,
    COL_ISSUER_SPKI,
    COL_ISSUER_DN,
    COL_ISSUER_TEXT,
    COL_IPS,
    COL_TWINS,
    COL_OTHERS,
};

static size_t count_words(struct span words)
{
    struct span word;
    size_t count = 0;
    while (dbkey_next_name(&words, &word))
        count++;
    return count;
}

/* The text of one stored name: never longer than its stored form. */
static bool get_dns(struct span stored, struct arena *arena, struct name *name)
{
    struct buf text;
    buf_init(&text, stored.len + 1);
    dbkey_put_text(&text, stored);
    struct span copy = buf_ok(&text) ? arena_copy(arena, buf_span(&text)) : SPAN_NONE;
    buf_fini(&text);
    if (copy.at == NULL)
        return false;
    *name = (struct name){.kind = NAME_DNS, .raw = copy, .text = copy};
    if (copy.at[0] == '*' && (copy.len == 1 || copy.at[1] == '.'))
        name->flags |= NAME_WILDCARD;
    for (size_t i = 0; i < copy.len; i++) {
        bool alone = (i == 0 || copy.at[i - 1] == '.') && (i + 1 == copy.len || copy.at[i + 1] == '.');
        if (copy.at[i] == '?' && alone)
            name->flags |= NAME_PLACEHOLDER;
    }
    name->apex = dns_apex(copy);
    return true;
}

static bool get_ip(struct span word, struct arena *arena, struct name *name)
{
    char text[INET6_ADDRSTRLEN];
    uint8_t octets[16];
    if (word.len >= sizeof text)
        return false;
    memcpy(text, word.at, word.len);
    text[word.len] = '\0';
    size_t len = inet_pton(AF_INET, text, octets) == 1 ? 4 : inet_pton(AF_INET6, text, octets) == 1 ? 16 : 0;
    struct span raw = arena_copy(arena, span_of(octets, len));
    *name = (struct name){.kind = NAME_IP, .raw = raw, .text = SPAN_LIT("")};
    return len != 0 && raw.at != NULL;
}

static enum err_code get_names(const PGresult *res, int row, int col, struct arena *arena,
                               struct issuance *issuance, struct err *why)
{
    struct span names = pgexec_get_bytes(res, row, col + COL_NAMES);
    struct span ips = pgexec_get_bytes(res, row, col + COL_IPS);
    struct span others = pgexec_get_bytes(res, row, col + COL_OTHERS);
    size_t count = count_words(names) + count_words(ips) + others_count(others);
    struct span word;
    bool ok = true;
    issuance->names = arena_zeroed(arena, count + 1, sizeof *issuance->names);
    if (issuance->names == NULL)
        return err_set(why, ERR_MEMORY, "database: a certificate with %zu names does not fit", count);
    while (ok && dbkey_next_name(&names, &word))
        if (word.len != 0)
            ok = get_dns(word, arena, &issuance->names[issuance->name_count++]);
    while (ok && dbkey_next_name(&ips, &word))
        ok = get_ip(word, arena, &issuance->names[issuance->name_count++]);
    ok = ok && others_get(others, arena, issuance);
    return ok ? ERR_OK
              : err_set(why, ERR_MEMORY, "database: a certificate with %zu names does not fit", count);
}

static int64_t seconds(int64_t ms)
{
    return ms / 1000 - (ms % 1000 < 0 ? 1 : 0);
}

/* The common name was not stored when it is the first name. */
static struct span get_cn(const PGresult *res, int row, int col, const struct issuance *issuance)
{
    bool first = ((uint64_t)pgexec_get_int(res, row, col + COL_FACTS) & FACTS_CN_FIRST) != 0;
    if (first && issuance->name_count != 0)
        return issuance->names[0].text;
    return pgexec_get_bytes(res, row, col + COL_CN);
}

enum err_code certrow_get(const PGresult *res, int row, int col, struct arena *arena, struct certrow *out,
                          struct err *why)
{
    struct span fp = pgexec_get_bytes(res, row, col + COL_TBS_FP);
    struct span spki = pgexec_get_bytes(res, row, col + COL_SPKI);
    struct span issuer_spki = pgexec_get_bytes(res, row, col + COL_ISSUER_SPKI);
    struct issuance *issuance = &out->issuance;
    *out = (struct certrow){
        .not_before_ms = pgexec_get_time(res, row, col + COL_NOT_BEFORE),
        .not_after_ms = pgexec_get_time(res, row, col + COL_NOT_AFTER),
        .first_seen_ms = pgexec_get_time(res, row, col + COL_FIRST_SEEN),
        .issuer_id = (int32_t)pgexec_get_int(res, row, col + COL_ISSUER),
        .log_id = (int32_t)pgexec_get_int(res, row, col + COL_LOG),
        .index = (uint64_t)pgexec_get_int(res, row, col + COL_IDX),
        .issuer_text = pgexec_get_bytes(res, row, col + COL_ISSUER_TEXT),
        .twins = pgexec_get_bytes(res, row, col + COL_TWINS),
    };
    if (fp.len != 32 || (spki.len != 32 && spki.len != 0) || (issuer_spki.len != 32 && issuer_spki.len != 0))
        return err_set(why, ERR_DB, "database: a row of cert holds a hash of the wrong length");
    memcpy(issuance->tbs_fp, fp.at, 32);
    if (spki.len == 32)
        memcpy(issuance->spki_sha256, spki.at, 32);
    if (issuer_spki.len == 32)
        memcpy(issuance->issuer_spki_sha256, issuer_spki.at, 32);
    facts_unpack(pgexec_get_int(res, row, col + COL_FACTS), issuance);
    issuance->findings = facts_findings_load(pgexec_get_bytes(res, row, col + COL_FINDINGS));
    issuance->issuer = pgexec_get_bytes(res, row, col + COL_ISSUER_DN);
    issuance->serial = pgexec_get_bytes(res, row, col + COL_SERIAL);
    issuance->not_before = seconds(out->not_before_ms);
    issuance->not_after = seconds(out->not_after_ms);
    enum err_code code = get_names(res, row, col, arena, issuance, why);
    issuance->subject_cn = get_cn(res, row, col, issuance);
    return code;
}

#define PLACES_OF(from)                                                                                      \
    "SELECT p.fp8, p.sha8, p.log_id, p.index, p.info FROM " from                                             \
    " AS p ORDER BY 1, substring(p.info FOR 6), 3, 4"
const char certrow_sightings_sql[] = PLACES_OF("ct.by_fp8($1::int8[])");
const char certrow_forms_sql[] = PLACES_OF("place_find(2::int2, $1::int8[])");
const char certrow_forms_left_sql[] =
    PLACES_OF("place_find(2::int2, nullif(current_setting('" CERTROW_LEFT "', true), '')::int8[])");

enum err_code certrow_sightings_load(struct pgconn *conn, const int64_t *fp8, size_t count,
                                     struct certrow_sightings *sightings, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    struct buf array;
    sightings->res = NULL;
    must(count <= CERTROW_SET_MAX);
    pgexec_int_array(&args, fp8, count, &array);
    enum err_code code = buf_ok(&array)
                             ? pgexec_cached(conn, certrow_sightings_sql, &args, &sightings->res, why)
                             : err_set(why, ERR_MEMORY, "database: no memory for a query");
    buf_fini(&array);
    return code;
}

/* First row whose key is not below `fp8`. */
static int lower_bound(const PGresult *res, int64_t fp8)
{
    int low = 0;
    int high = PQntuples(res);
    while (low < high) {
        int middle = low + (high - low) / 2;
        if (pgexec_get_int(res, middle, 0) < fp8)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* 64 bits only find: the day of not_after beside them must fit as well. */
static bool fits(struct span info, const struct certrow *row)
{
    int64_t day = row->issuance.not_after / DAY_S;
    day = day < 0 ? 0 : day > 0xffff ? 0xffff : day;
    return info.len == FACTS_INFO_BYTES && facts_form_readable(info.at[6]) &&
           (info.at[7] << 8 | info.at[8]) == day;
}

/* Without a hash (the log sent no precertificate that fits) nobody knows. */
static bool same_bytes(const struct sighting *a, const struct sighting *b)
{
    static const uint8_t none[8];

    return memcmp(a->sha256, none, sizeof none) != 0 && a->form == b->form &&
           memcmp(a->sha256, b->sha256, 8) == 0;
}

static const struct sighting *at_place(const struct certrow_seen *seen, int32_t log_id, uint64_t index)
{
    for (size_t i = 0; i < seen->count; i++) {
        if (seen->at[i].log_id == log_id && seen->at[i].index == index)
            return &seen->at[i];
    }
    return NULL;
}

enum whose { OURS, THEIRS, DOUBTFUL };

/* `first`: where this row was first seen, NULL when its tile is gone. */
static enum whose whose(const struct certrow_seen *seen, const struct sighting *sighting,
                        const struct sighting *first, struct span twins)
{
    bool like_ours = first != NULL && same_bytes(sighting, first);
    bool like_theirs = false;
    struct span log;
    struct span index;
    if (sighting == first)
        return OURS;
    while (dbkey_next_name(&twins, &log) && dbkey_next_name(&twins, &index)) {
        uint64_t log_id = 0;
        uint64_t at = 0;
        if (!text_uint(log, &log_id) || !text_uint(index, &at))
            return DOUBTFUL;
        const struct sighting *other = at_place(seen, (int32_t)log_id, at);
        if (other == sighting)
            return THEIRS;
        like_theirs = like_theirs || (other != NULL && same_bytes(sighting, other));
    }
    return like_ours == like_theirs ? DOUBTFUL : like_ours ? OURS : THEIRS;
}

/* Leaves what is this row's for certain. */
static void divide(struct certrow_seen *seen, const struct certrow *row, uint8_t *owners)
{
    const struct sighting *first = at_place(seen, row->log_id, row->index);
    bool many = seen->count * row->twins.len > TWIN_WORK_MAX;
    size_t kept = 0;
    for (size_t i = 0; i < seen->count; i++)
        owners[i] = (uint8_t)whose(seen, &seen->at[i], first, many ? SPAN_NONE : row->twins);
    for (size_t i = 0; i < seen->count; i++) {
        bool doubtful = owners[i] == DOUBTFUL || (many && &seen->at[i] != first);
        seen->unassigned += doubtful;
        if (owners[i] == OURS && !doubtful)
            seen->at[kept++] = seen->at[i];
    }
    seen->count = kept;
}

enum err_code certrow_sightings_of(const struct certrow_sightings *sightings, const struct certrow *row,
                                   struct arena *arena, struct certrow_seen *seen, struct err *why)
{
    const PGresult *res = sightings->res;
    int64_t fp8 = dbkey_first8(row->issuance.tbs_fp);
    int begin = lower_bound(res, fp8);
    int end = begin;
    *seen = (struct certrow_seen){0};
    while (end < PQntuples(res) && pgexec_get_int(res, end, 0) == fp8)
        end++;
    seen->at = arena_zeroed(arena, (size_t)(end - begin) + 1, sizeof *seen->at);
    uint8_t *owners = arena_zeroed(arena, (size_t)(end - begin) + 1, 1);
    if (seen->at == NULL || owners == NULL)
        return err_set(why, ERR_MEMORY, "database: a certificate with %d sightings does not fit",
                       end - begin);
    for (int at = begin; at < end; at++) {
        struct span info = pgexec_get_bytes(res, at, 4);
        uint64_t sha8 = (uint64_t)pgexec_get_int(res, at, 1);
        if (!fits(info, row))
            continue;
        struct sighting *sighting = &seen->at[seen->count++];
        *sighting = (struct sighting){
            .log_id = (int32_t)pgexec_get_int(res, at, 2),
            .index = (uint64_t)pgexec_get_int(res, at, 3),
            .form = facts_form_unpack(info.at[6]),
        };
        for (int i = 0; i < 8; i++)
            sighting->sha256[i] = (uint8_t)(sha8 >> (56 - 8 * i));
        for (int i = 0; i < 6; i++)
            sighting->timestamp_ms = sighting->timestamp_ms << 8 | info.at[i];
    }
    if (row->twins.len != 0)
        divide(seen, row, owners);
    return ERR_OK;
}

void certrow_sightings_free(struct certrow_sightings *sightings)
{
    PQclear(sightings->res);
    sightings->res = NULL;
}
